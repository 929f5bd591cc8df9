# SPDX-License-Identifier: Apache-2.0
"""The command line tool between pyarrow and pyarrow."""

import io
import json
import os
import random
import subprocess
import unittest

import pyarrow as pa

import roundtrip
import samples

TOOL = os.environ["RESPOOL_TEST_TOOL"]
TIMEOUT = 120


def run(*arguments, data=None):
    source = {"input": data} if data is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, timeout=TIMEOUT, **source)


def encode(schema, batches, new_writer=pa.ipc.new_stream):
    sink = pa.BufferOutputStream()
    with new_writer(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


class Tool(roundtrip.RoundTrip):
    def output(self, *arguments, data=None):
        done = run(*arguments, data=data)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def same_stream(self, data, schema, batches):
        with pa.ipc.open_stream(io.BytesIO(data)) as reader:
            self.assertTrue(schema.equals(reader.schema, check_metadata=True))
            self.same_batches(batches, reader)

    def sample(self):
        """One column for each type and nesting."""
        rng = random.Random(roundtrip.seed())
        kinds = [(f"{nesting} {leaf}", samples.NESTINGS[nesting](leaf)) for nesting, leaf in samples.NESTED_LEAVES]
        schema = pa.schema(kinds, metadata={"key": "\u6f22"})
        columns = [samples.displaced(samples.make(kind, 30, rng), rng, samples.WRITER_SLACK) for _, kind in kinds]
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        return schema, [batch, *samples.slices_of(batch)]

    def test_cat(self):
        """Stream and file, from a path and from standard input; and its own output once more, byte for byte."""
        schema, batches = self.sample()
        for form, new_writer in (("stream", pa.ipc.new_stream), ("file", pa.ipc.new_file)):
            with self.subTest(form=form):
                data = encode(schema, batches, new_writer)
                path = self.new_path()
                path.write_bytes(data)
                copied = self.output("cat", path)
                self.same_stream(copied, schema, batches)
                self.assertEqual(self.output("cat", "-", data=data), copied)
                self.assertEqual(self.output("cat", "-", data=copied), copied)
                self.output("verify", path)

    def test_tee(self):
        schema, batches = self.sample()
        data = encode(schema, batches)
        canonical = self.output("cat", "-", data=data)
        for limit in ("0", "64KiB", "1G"):
            with self.subTest(limit=limit):
                first, second = self.new_path(), self.scratch / "second"
                output = self.output("tee", "-m", limit, "-o", first, "-o", second, "-o", "-", data=data)
                self.assertEqual([first.read_bytes(), second.read_bytes(), output], [canonical] * 3)
                self.same_stream(output, schema, batches)
                second.unlink()

    def test_tee_keeps_a_named_spool(self):
        schema, batches = self.sample()
        named = self.new_path()
        output = self.output("tee", "--path", named, "-o", "-", data=encode(schema, batches))
        self.same_stream(output, schema, batches)
        self.same_file(named, schema, batches)
        self.assertEqual(self.output("cat", named), output)

    def test_several_inputs_of_cat(self):
        batch = pa.record_batch([pa.array([1, None, 3])], names=["x"])
        paths = []
        for new_writer in (pa.ipc.new_stream, pa.ipc.new_file):
            paths.append(self.new_path())
            paths[-1].write_bytes(encode(batch.schema, [batch, batch.slice(1)], new_writer))
        self.same_stream(self.output("cat", *paths), batch.schema, [batch, batch.slice(1)] * 2)

    def test_nothing_in_it(self):
        for schema in (pa.schema([]), pa.schema([("x", pa.list_(pa.string()))])):
            for new_writer in (pa.ipc.new_stream, pa.ipc.new_file):
                data = encode(schema, [], new_writer)
                self.same_stream(self.output("cat", "-", data=data), schema, [])
                self.same_stream(self.output("tee", "-m", "0", "-o", "-", data=data), schema, [])

    def test_generated_stream(self):
        """What the tool makes up, pyarrow reads; and information about it is right."""
        data = self.output("gen", "--rows", 10_000, "--batch-rows", 999, "--schema", "id:int64,name:utf8", "--seed", 3,
                           "--null-rate", 0.1)
        with pa.ipc.open_stream(io.BytesIO(data)) as reader:
            table = reader.read_all()
        table.validate(full=True)
        self.assertEqual((table.num_rows, table.schema.names), (10_000, ["id", "name"]))
        self.assertEqual(table.schema.types, [pa.int64(), pa.string()])
        info = json.loads(self.output("info", "--json", "-", data=data))
        self.assertEqual((info["rows"], info["batches"], info["bytes"]), (10_000, 11, len(data)))


if __name__ == "__main__":
    unittest.main()
