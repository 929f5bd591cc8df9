# SPDX-License-Identifier: Apache-2.0
"""Big-endian streams of every type, turned round here: respool and pyarrow both read what was written."""

import io
import os
import random
import subprocess
import unittest

import pyarrow as pa

import bigendian
import capi
import roundtrip
import samples

TOOL = os.environ["RESPOOL_TEST_TOOL"]
TIMEOUT = 120


class BigEndian(roundtrip.RoundTrip):
    def turned(self, batches, **options):
        sink = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(**options)
        with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return bigendian.turned(sink.getvalue(), batches[0].schema)

    def same_decoded(self, batches, **options):
        path = self.new_path()
        path.write_bytes(self.turned(batches, **options))
        with open(path, "rb") as file:
            self.same_batches(batches, capi.read_descriptor(file.fileno()))
        path.unlink()

    def test_every_type_and_nesting(self):
        rng = random.Random(roundtrip.seed())
        print(f"RESPOOL_TEST_SEED={roundtrip.seed()}", flush=True)
        for nesting, leaf in samples.NESTED_LEAVES:
            with self.subTest(nesting=nesting, type=str(leaf)):
                batch = samples.batch_of(samples.NESTINGS[nesting](leaf), 40, rng)
                self.same_decoded([batch, batch.slice(0, 0), batch])

    def test_dictionaries(self):
        """Below lists, in each other, replaced from batch to batch, and by deltas."""
        def encoded(indices, kind, values):
            return pa.DictionaryArray.from_arrays(pa.array(indices, kind), values)

        def batch(words):
            texts = pa.array(words)
            inner = encoded([0, 1, None, 1, 0, 1], pa.int8(), texts[:2])
            lists = pa.ListArray.from_arrays(pa.array([0, 2, 3, 6], pa.int32()), inner)
            items = encoded([1, 0, 1, 0], pa.int8(), texts)
            columns = [
                encoded([0, None, 1, 1], pa.int16(), texts),
                encoded([1, 0, 1, 1], pa.uint64(), pa.array([10**12, 7 + len(words)])),
                encoded([2, 1, 0, None], pa.uint32(), lists),
                pa.ListArray.from_arrays(pa.array([0, 1, 1, 2, 4], pa.int32()), items),
                encoded([1, 1, 0, 0], pa.int32(), pa.array(["a value too long for its view", "x"], pa.string_view())),
            ]
            return pa.record_batch(columns, names=list("abcde"))

        first, second = batch(["one", "two"]), batch(["three", "four", "five"])
        self.same_decoded([first, first, second, first.slice(0, 0)])
        grown = [encoded(range(count), pa.int16(), pa.array(["a", "b", "c", "d"][:count])) for count in (1, 2, 4)]
        self.same_decoded([pa.record_batch([column], names=["x"]) for column in grown], emit_dictionary_deltas=True)

    def test_compressed(self):
        rng = random.Random(roundtrip.seed())
        for codec in ("lz4", "zstd"):
            for nesting, leaf in samples.NESTED_LEAVES[::5]:
                with self.subTest(codec=codec, nesting=nesting, type=str(leaf)):
                    batch = samples.batch_of(samples.NESTINGS[nesting](leaf), 300, rng)
                    self.same_decoded([batch, batch.slice(0, 7)], compression=codec)
            words = pa.DictionaryArray.from_arrays(pa.array([1, 0] * 500, pa.int16()), pa.array(["a" * 500, "b" * 500]))
            self.same_decoded([pa.record_batch([words], names=["x"])], compression=codec)

    def test_as_pyarrow_reads_it(self):
        """What is turned round here is what pyarrow takes for a big-endian stream."""
        rng = random.Random(roundtrip.seed())
        for leaf in (pa.int16(), pa.decimal128(20, 3), pa.string(), pa.large_binary(), pa.list_(pa.float64())):
            batch = samples.batch_of(leaf, 40, rng)
            with pa.ipc.open_stream(self.turned([batch, batch])) as reader:
                self.same_batches([batch, batch], reader)

    def test_tool(self):
        """What comes out of cat and tee is little-endian, and the same as from the stream that was turned round."""
        rng = random.Random(roundtrip.seed())
        kind = pa.struct([("a", pa.list_(pa.string())), ("b", pa.month_day_nano_interval()), ("c", pa.string_view())])
        batches = [samples.batch_of(kind, 40, rng) for _ in range(3)]
        big = self.turned(batches)
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, batches[0].schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        expected = self.run_tool("cat", "-", data=sink.getvalue())
        self.assertEqual(self.run_tool("cat", "-", data=big), expected)
        self.assertEqual(self.run_tool("tee", "-m", "0", data=big), expected)
        self.run_tool("verify", "-", data=big)
        self.assertIn(b"big-endian", self.run_tool("info", "-", data=big))
        self.assertIn(b"little-endian", self.run_tool("info", "-", data=expected))

    def run_tool(self, *arguments, data):
        done = subprocess.run([TOOL, *arguments], input=data, capture_output=True, timeout=TIMEOUT)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout


if __name__ == "__main__":
    unittest.main()
