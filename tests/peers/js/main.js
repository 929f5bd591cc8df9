// SPDX-License-Identifier: Apache-2.0
// The peer Arrow JS: answers requests on standard input, one line each, with one line (see ../peer.py).

import * as zstd from '@bokuweb/zstd-wasm';
import {
  CompressionType, RecordBatchFileWriter, RecordBatchReader, RecordBatchStreamWriter, compressionRegistry, makeVector,
} from 'apache-arrow';
import lz4 from 'lz4js';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { content } from './text.js';

const CODECS = { lz4: CompressionType.LZ4_FRAME, zstd: CompressionType.ZSTD };

// The package has none of its own, but takes these.
await zstd.init();
compressionRegistry.set(CompressionType.LZ4_FRAME, { encode: (data) => lz4.compress(data), decode: lz4.decompress });
compressionRegistry.set(CompressionType.ZSTD, { encode: (data) => zstd.compress(data), decode: zstd.decompress });

function read(path) {
  const reader = RecordBatchReader.from(new Uint8Array(readFileSync(path))).open();
  const { schema } = reader; // which the reader forgets at its end
  return { schema, batches: [...reader] };
}

// All batches, or a slice of each that has three rows.
function rewrite(from, to, how, part) {
  if (how === 'deltas') return { absent: 'its writer has no deltas' };
  const { schema, batches } = read(from);
  const Writer = how === 'file' ? RecordBatchFileWriter : RecordBatchStreamWriter;
  const writer = new Writer({ compressionType: CODECS[how] ?? null });
  writer.reset(undefined, schema);
  for (const batch of batches) {
    if (part === 'whole') writer.write(batch);
    else if (batch.numRows > 2) writer.write(batch.slice(1, batch.numRows - 1));
  }
  writer.finish();
  writeFileSync(to, writer.toUint8Array(true));
  return {};
}

function answer(command, ...operands) {
  if (command === 'rewrite') return rewrite(...operands);
  const { schema, batches } = read(operands[0]);
  return content(schema, batches, (data) => makeVector(data));
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = answer(...line.split('\t'));
  } catch (error) {
    reply = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
