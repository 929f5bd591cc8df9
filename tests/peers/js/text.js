// SPDX-License-Identifier: Apache-2.0
// The neutral text form of a stream's content, as ../dump.py describes it.

import { Type, UnionMode } from 'apache-arrow';

const FLAG_ORDERED = 1;
const FLAG_NULLABLE = 2;
const FLAG_KEYS_SORTED = 4;
const INTERVALS = [{ code: 'tiM', widths: [4] }, { code: 'tiD', widths: [4, 4] }, { code: 'tin', widths: [4, 4, 8] }];

// ---- schema

const integerFormat = (type) => {
  const letter = { 8: 'c', 16: 's', 32: 'i', 64: 'l' }[type.bitWidth];
  return type.isSigned ? letter : letter.toUpperCase();
};
const decimalFormat = (type) =>
  `d:${type.precision},${type.scale}${type.bitWidth === 128 ? '' : `,${type.bitWidth}`}`;
const unionFormat = (type) => `+u${type.mode === UnionMode.Dense ? 'd' : 's'}:${[...type.typeIds].join(',')}`;
const unit = (type) => 'smun'[type.unit];

const FORMATS = {
  [Type.Null]: () => 'n',
  [Type.Bool]: () => 'b',
  [Type.Int]: integerFormat,
  [Type.Float]: (type) => 'efg'[type.precision],
  [Type.Decimal]: decimalFormat,
  [Type.Date]: (type) => ['tdD', 'tdm'][type.unit],
  [Type.Time]: (type) => `tt${unit(type)}`,
  [Type.Timestamp]: (type) => `ts${unit(type)}:${type.timezone ?? ''}`,
  [Type.Duration]: (type) => `tD${unit(type)}`,
  [Type.Interval]: (type) => INTERVALS[type.unit].code,
  [Type.Binary]: () => 'z',
  [Type.LargeBinary]: () => 'Z',
  [Type.BinaryView]: () => 'vz',
  [Type.FixedSizeBinary]: (type) => `w:${type.byteWidth}`,
  [Type.Utf8]: () => 'u',
  [Type.LargeUtf8]: () => 'U',
  [Type.Utf8View]: () => 'vu',
  [Type.List]: () => '+l',
  [Type.LargeList]: () => '+L',
  [Type.FixedSizeList]: (type) => `+w:${type.listSize}`,
  [Type.Struct]: () => '+s',
  [Type.Map]: () => '+m',
  [Type.Union]: unionFormat,
  [Type.Dictionary]: (type) => integerFormat(type.indices),
};

function flagsOf(field) {
  const { type } = field;
  const ordered = type.typeId === Type.Dictionary && type.isOrdered ? FLAG_ORDERED : 0;
  const sorted = type.typeId === Type.Map && type.keysSorted ? FLAG_KEYS_SORTED : 0;
  return (field.nullable ? FLAG_NULLABLE : 0) | ordered | sorted;
}

function fieldText(field) {
  const { type } = field;
  const isDictionary = type.typeId === Type.Dictionary;
  const format = FORMATS[type.typeId];
  if (!format) throw new Error(`a type not known to this peer: ${type}`);
  return {
    name: field.name,
    format: format(type),
    flags: flagsOf(field),
    metadata: Object.fromEntries(field.metadata),
    children: isDictionary ? [] : (type.children ?? []).map(fieldText),
    dictionary: isDictionary
      ? fieldText({ name: '', type: type.dictionary, nullable: true, metadata: new Map() }) : null,
  };
}

// ---- values

const bytesOf = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const hexadecimal = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');

function slotBytes(data, slot, width) {
  const bytes = bytesOf(data.values).subarray(slot * width, (slot + 1) * width);
  if (bytes.length !== width) throw new Error(`slot ${slot} of ${data.type} lies beyond its buffer`);
  return bytes;
}

function integer(bytes, signed = true) {
  let result = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) result = (result << 8n) | BigInt(bytes[at]);
  return String(signed ? BigInt.asIntN(bytes.length * 8, result) : result);
}

function integers(bytes, widths) {
  let at = 0;
  return widths.map((width) => integer(bytes.subarray(at, (at += width)))).join(',');
}

const fixed = (width) => (data, slot) => integer(slotBytes(data, slot, width(data.type)));
const wide = fixed(() => 8);

function intervalValue(data, slot) {
  const { widths } = INTERVALS[data.type.unit];
  return integers(slotBytes(data, slot, widths.reduce((sum, width) => sum + width)), widths);
}

function range(data, start, end) {
  const result = [];
  for (let slot = start; slot < end; slot++) result.push(value(data, slot));
  return result;
}

function variable(data, slot) {
  const [start, end] = [data.valueOffsets[slot], data.valueOffsets[slot + 1]].map(Number);
  return bytesOf(data.values).subarray(start, end);
}

function listValue(data, slot) {
  const [start, end] = [data.valueOffsets[slot], data.valueOffsets[slot + 1]].map(Number);
  return range(data.children[0], start, end);
}

function unionValue(data, slot) {
  const code = data.typeIds[slot];
  const child = data.children[data.type.typeIdToChildIndex[code]];
  return [code, value(child, data.type.mode === UnionMode.Dense ? data.valueOffsets[slot] : slot)];
}

function vectorValue(vector, slot) {
  let at = slot;
  for (const chunk of vector.data) {
    if (at < chunk.length) return value(chunk, at);
    at -= chunk.length;
  }
  throw new Error(`index ${slot} lies beyond the dictionary`);
}

// Views are read through the library's own access to a value, the others where they lie.
const viewed = (data, slot, vector) => vector(data).get(slot);
let asVector;

const VALUES = {
  [Type.Bool]: (data, slot) => ((data.values[(data.offset + slot) >> 3] >> (data.offset + slot) % 8) & 1) === 1,
  [Type.Int]: (data, slot) => integer(slotBytes(data, slot, data.type.bitWidth / 8), data.type.isSigned),
  [Type.Float]: (data, slot) => hexadecimal(slotBytes(data, slot, 2 << data.type.precision).slice().reverse()),
  [Type.Decimal]: fixed((type) => type.bitWidth / 8),
  [Type.Date]: fixed((type) => [4, 8][type.unit]),
  [Type.Time]: fixed((type) => type.bitWidth / 8),
  [Type.Timestamp]: wide,
  [Type.Duration]: wide,
  [Type.Interval]: intervalValue,
  [Type.Binary]: (data, slot) => hexadecimal(variable(data, slot)),
  [Type.LargeBinary]: (data, slot) => hexadecimal(variable(data, slot)),
  [Type.BinaryView]: (data, slot) => hexadecimal(viewed(data, slot, asVector)),
  [Type.FixedSizeBinary]: (data, slot) => hexadecimal(slotBytes(data, slot, data.type.byteWidth)),
  [Type.Utf8]: (data, slot) => Buffer.from(variable(data, slot)).toString(),
  [Type.LargeUtf8]: (data, slot) => Buffer.from(variable(data, slot)).toString(),
  [Type.Utf8View]: (data, slot) => viewed(data, slot, asVector),
  [Type.List]: listValue,
  [Type.LargeList]: listValue,
  [Type.Map]: listValue,
  [Type.FixedSizeList]: (data, slot) =>
    range(data.children[0], slot * data.type.listSize, (slot + 1) * data.type.listSize),
  [Type.Struct]: (data, slot) => data.children.map((child) => value(child, slot)),
  [Type.Union]: unionValue,
  [Type.Dictionary]: (data, slot) => vectorValue(data.dictionary, Number(data.values[slot])),
};

function value(data, slot) {
  const { typeId } = data.type;
  if (typeId === Type.Null || (typeId !== Type.Union && !data.getValid(slot))) return null;
  return VALUES[typeId](data, slot);
}

export function content(schema, batches, makeVector) {
  asVector = makeVector;
  return {
    fields: schema.fields.map(fieldText),
    metadata: Object.fromEntries(schema.metadata),
    batches: batches.map((batch) => [
      batch.numRows, ...batch.data.children.map((column) => range(column, 0, column.length))]),
  };
}
