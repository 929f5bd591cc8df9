# SPDX-License-Identifier: Apache-2.0
"""Named spools as files that pyarrow opens, before and after finish; what is in them, and what must not be."""

import random
import struct
import unittest

import pyarrow as pa

import capi
import roundtrip
import samples


def strip(batch):
    """A fresh copy of the batch, whose buffers hold its own values and nothing else."""
    return pa.RecordBatch.from_arrays([samples.compact(column) for column in batch.columns], schema=batch.schema)


class NamedFile(roundtrip.RoundTrip):
    def write(self, schema, batches, **choices):
        path = self.new_path()
        with capi.Spool(schema, path=path, **{"mode": capi.MODE_ALL, **choices}) as spool:
            for batch in batches:
                spool.append(batch)
            spool.finish()
        return path

    def test_readable_prefix(self):
        """After each flush all batches so far, without an end marker; after finish the end marker too."""
        rng = random.Random(roundtrip.seed())
        kind = pa.struct([("a", pa.list_(pa.string())), ("b", pa.int64())])
        batches = [samples.batch_of(kind, 50, rng).slice(place) for place in range(6)]
        schema = batches[0].schema
        for limit in (0, capi.NO_LIMIT):
            path = self.new_path()
            with capi.Spool(schema, path=path, memory_limit=limit) as spool:
                spool.flush()
                self.same_file(path, schema, [])
                for count, batch in enumerate(batches, 1):
                    spool.append(batch)
                    spool.flush()
                    self.same_file(path, schema, batches[:count])
                prefix = path.read_bytes()
                spool.finish()
                whole = path.read_bytes()
                self.assertEqual(whole[: len(prefix)], prefix)
                self.assertEqual(whole[len(prefix) :], b"\xff\xff\xff\xff\0\0\0\0")
                self.same_file(path, schema, batches)

    def test_compressed_in_part(self):
        """Batches that are compressed between ones that are not, and a dictionary for them all."""
        words = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None] * 500), pa.array(["red", "green" * 20, "blue"]))
        batches = [
            pa.record_batch([pa.array([number] * 2000), pa.array(["x" * number] * 2000), words], names=["a", "b", "c"])
            for number in range(12)
        ]
        path = self.new_path()
        choices = {"memory_limit": 0, "write_chunk": 4096, "compression": capi.ADAPTIVE}
        with capi.Spool(batches[0].schema, path=path, **choices) as spool:
            for batch in batches:
                spool.append(batch)
            spool.finish()
            self.assertIn(spool.stats().batches_compressed, range(3, 10))
            self.same_replay(spool, batches[0].schema, batches)
        self.same_file(path, batches[0].schema, batches)

    def test_on_limit_prefix(self):
        """No file up to the limit; all batches once it was passed."""
        batch = pa.record_batch([pa.array(range(1000), pa.int64())], names=["x"])
        path = self.new_path()
        with capi.Spool(batch.schema, path=path, memory_limit=20_000, mode=capi.MODE_ON_LIMIT) as spool:
            spool.append(batch)
            spool.flush()
            self.assertFalse(path.exists())
            spool.append(batch.slice(500))
            spool.flush()
            self.assertFalse(path.exists(), "views of one buffer count once")
            other = pa.record_batch([pa.array(range(9000), pa.int64())], names=["x"])
            spool.append(other)
            self.assertTrue(path.exists())
            spool.append(batch.slice(1))
            spool.flush()
            self.same_file(path, batch.schema, [batch, batch.slice(500), other, batch.slice(1)])
            spool.finish()
            self.same_file(path, batch.schema, [batch, batch.slice(500), other, batch.slice(1)])

    def test_live_reader(self):
        """A reader opened first gets each batch when it was appended, from memory and from disk."""
        rng = random.Random(roundtrip.seed())
        batches = [samples.batch_of(pa.list_(pa.int32()), rows, rng) for rows in (10, 0, 500, 3)]
        for setting in ("memory", "mapped", "read", "on limit"):
            with capi.Spool(batches[0].schema, **roundtrip.SETTINGS[setting]) as spool:
                early = spool.replay()
                for batch in batches:
                    spool.append(batch)
                    self.same_batch(batch, early.read_next_batch(), setting)
                spool.finish()
                with self.assertRaises(StopIteration):
                    early.read_next_batch()
                self.same_batches(batches, spool.replay())

    def test_arrays_outlive_everything(self):
        batch = pa.record_batch([pa.array(range(100_000), pa.int64()), pa.array(["text"] * 100_000)], names=["a", "b"])
        for setting in ("memory", "mapped", "read"):
            with capi.Spool(batch.schema, **roundtrip.SETTINGS[setting]) as spool:
                for _ in range(3):
                    spool.append(batch)
                spool.finish()
                got = list(spool.replay())
            for one in got:
                self.same_batch(batch, one, setting)

    def test_slices_are_written_exactly(self):
        """A slice gives the same file as a copy of its values: no neighbours, no offsets, zero padding."""
        rng = random.Random(roundtrip.seed())
        for nesting, leaf in samples.NESTED_LEAVES:
            if leaf in (pa.string_view(), pa.binary_view()):
                continue  # data buffers that are half used go whole, and a copy may have smaller ones
            # Values without nulls: what lies under a null is not the slice's business alone.
            kind = samples.NESTINGS[nesting](leaf)
            whole = samples.displaced_batch(self.full_batch(kind, 61, rng), rng)
            for batch in (whole.slice(3, 30), whole.slice(8, 9), whole.slice(17, 1), whole.slice(20, 0)):
                with self.subTest(nesting=nesting, type=str(leaf), rows=batch.num_rows):
                    sliced = self.write(batch.schema, [batch], memory_limit=0)
                    plain = self.write(batch.schema, [strip(batch)], memory_limit=0)
                    self.assertEqual(sliced.read_bytes(), plain.read_bytes())
                    sliced.unlink()
                    plain.unlink()

    @staticmethod
    def full_batch(kind, rows, rng):
        return pa.record_batch([samples.make(kind, rows, rng, 0, 0)], names=["x"])

    def test_neighbours_do_not_leak(self):
        marker = b"NEIGHBOUR-BYTES!"
        count = 9

        def around(make):
            return make([marker] * count), make([b"own" + b"." * 13] * count), make([marker] * count)

        def fixed(kind):
            return lambda values: pa.Array.from_buffers(
                kind, len(values) * 16 // (kind.bit_width // 8), [None, pa.py_buffer(b"".join(values))]
            )

        makers = {
            "binary": lambda values: pa.array(values, pa.binary()),
            "large string": lambda values: pa.array([value.decode() for value in values], pa.large_string()),
            "fixed binary": lambda values: pa.array(values, pa.binary(16)),
            "int16": fixed(pa.int16()),
            "int64": fixed(pa.int64()),
            "decimal128": fixed(pa.decimal128(38, 0)),
            "list": lambda values: pa.array([[value, value] for value in values], pa.list_(pa.binary())),
            "fixed list": lambda values: pa.array([[value] * 3 for value in values], pa.list_(pa.binary(16), 3)),
            "struct": lambda values: pa.array([{"a": value} for value in values]),
            "map": lambda values: pa.array([[(value, value)] for value in values], pa.map_(pa.binary(), pa.binary())),
            "lists": lambda values: pa.array([[[value]] for value in values], pa.list_(pa.list_(pa.binary(), 1))),
            "list view": lambda values: pa.array([[value, value] for value in values], pa.list_view(pa.binary())),
            "run ends": lambda values: pa.RunEndEncodedArray.from_arrays(
                pa.array(range(1, len(values) + 1), pa.int16()), pa.array(values)),
            "sparse union": lambda values: pa.UnionArray.from_sparse(
                pa.array([0] * len(values), pa.int8()), [pa.array(values), pa.array(values)]),
            "dense union": lambda values: pa.UnionArray.from_dense(
                pa.array([0, 1, 1] * (len(values) // 3), pa.int8()), pa.array(range(len(values)), pa.int32()),
                [pa.array(values), pa.array(values)]),
            "views": lambda values: pa.array(values, pa.string_view()),
        }
        for name, make in makers.items():
            before, own, after = around(make)
            column = pa.concat_arrays([before, own, after]).slice(len(before), len(own))
            inner = pa.StructArray.from_arrays([column], names=["inner"])
            offsets = pa.array([0, 0, 4, 9], pa.int32())
            lists = pa.ListArray.from_arrays(offsets, column)
            starts, sizes = pa.array([4, 0, 0], pa.int32()), pa.array([5, 0, 4], pa.int32())
            list_views = pa.ListViewArray.from_arrays(starts, sizes, column)
            every = pa.array(range(len(own)), pa.int32())
            types = pa.array([0] * len(own), pa.int8())
            sparse = pa.UnionArray.from_sparse(types, [column])
            dense = pa.UnionArray.from_dense(types, every, [column])
            above = [("column", column), ("in a struct", inner), ("in a list", lists), ("in a list view", list_views),
                     ("in a sparse union", sparse), ("in a dense union", dense)]
            if not pa.types.is_run_end_encoded(column.type):
                ends = pa.array(range(1, len(own) + 1), pa.int32())
                above.append(("in run ends", pa.RunEndEncodedArray.from_arrays(ends, column)))
            for kind, array in above:
                with self.subTest(type=name, where=kind):
                    batch = pa.record_batch([array], names=["x"])
                    self.assertIn(marker, b"".join(map(self.bytes_behind, array.buffers())))
                    written = self.write(batch.schema, [batch], memory_limit=0).read_bytes()
                    self.assertTrue(b"own" in written)
                    self.assertFalse(marker[:8] in written, "bytes of neighbouring rows in the file")

    def test_unused_data_of_views_does_not_leak(self):
        """Data buffers that no row refers to are left out, those that are used little are compacted."""
        marker, own = b"NEIGHBOUR-BYTES!" * 4, [b"own" + b"." * size for size in (17, 20, 9, 30)]
        several = pa.concat_arrays([pa.array(values, pa.binary_view()) for values in ([marker], own, [marker])])
        one = pa.array([marker, *own[:2], marker, *own[2:], marker], pa.binary_view())
        views = one.buffers()
        under_nulls = pa.Array.from_buffers(one.type, len(one), [pa.py_buffer(b"\x36"), *views[1:]])
        lists = pa.ListViewArray.from_arrays(pa.array([1, 0, 4], pa.int32()), pa.array([2, 0, 1], pa.int32()), one)
        columns = {
            "several buffers": several.slice(1, 4),
            "one buffer": one.slice(1, 2),
            "under nulls": under_nulls,
            "in a list": pa.ListArray.from_arrays(pa.array([1, 1, 3], pa.int32()), one),
            "in a list view": lists.slice(0, 2),
            "in a struct": pa.StructArray.from_arrays([one], names=["inner"]).slice(1, 2),
            "in a dense union": pa.UnionArray.from_dense(
                pa.array([0, 0, 0], pa.int8()), pa.array([0, 1, 2], pa.int32()), [one]).slice(1),
            "in run ends": pa.RunEndEncodedArray.from_arrays(
                pa.array([2, 4, 5], pa.int16()), one.slice(0, 3)).slice(2, 3),
        }
        for name, column in columns.items():
            with self.subTest(where=name):
                batch = pa.record_batch([column], names=["x"])
                path = self.write(batch.schema, [batch], memory_limit=0)
                self.same_file(path, batch.schema, [batch])
                written = path.read_bytes()
                self.assertIn(b"own", written)
                self.assertNotIn(marker[:8], written, "bytes that no row refers to are in the file")

    def test_well_used_data_of_views_goes_whole(self):
        """Half of a buffer is used: it is written as it is, and the views that share it stay."""
        data = b"0123456789" * 6
        views = [(20, 10), (13, 0), (20, 10), (13, 12)]
        packed = b"".join(struct.pack("=i4sii", size, data[at : at + 4], 1, at) for size, at in views)
        buffers = [None, pa.py_buffer(packed), pa.py_buffer(b"unused" * 5), pa.py_buffer(data)]
        batch = pa.record_batch([pa.Array.from_buffers(pa.string_view(), 4, buffers)], names=["x"])
        written = self.write(batch.schema, [batch], memory_limit=0).read_bytes()
        self.assertIn(data, written)
        self.assertNotIn(b"unused", written)
        less = self.write(batch.schema, [batch.slice(1, 1)], memory_limit=0).read_bytes()
        self.assertIn(data[:13], less)
        self.assertNotIn(data[:14], less)

    @staticmethod
    def bytes_behind(buffer):
        """Of the whole allocation that a buffer is a part of."""
        while buffer is not None and buffer.parent is not None:
            buffer = buffer.parent
        return buffer.to_pybytes() if buffer is not None else b""

    def test_encoding_is_canonical(self):
        """Replayed batches written again give the same file, whether they came from memory or from disk."""
        rng = random.Random(roundtrip.seed())
        kind = pa.struct([("a", pa.list_(pa.map_(pa.string(), pa.bool_()))), ("b", pa.list_(pa.int8(), 3))])
        for kind in (kind, *(nest(pa.string_view()) for nest in samples.SPECIAL_NESTINGS.values())):
            with self.subTest(type=str(kind)):
                self.check_canonical(kind, rng)

    def check_canonical(self, kind, rng):
        batches = [samples.displaced_batch(samples.batch_of(kind, 70, rng), rng).slice(place) for place in range(9)]
        first = self.write(batches[0].schema, batches, memory_limit=0).read_bytes()
        for setting in ("memory", "mapped", "read"):
            with capi.Spool(batches[0].schema, **roundtrip.SETTINGS[setting]) as spool:
                for batch in batches:
                    spool.append(batch)
                spool.finish()
                again = self.write(batches[0].schema, list(spool.replay()), memory_limit=0)
                self.assertEqual(again.read_bytes(), first, setting)
                path = self.new_path()
                with open(path, "wb") as out:
                    capi.write_descriptor(spool.replay(), out.fileno())
                self.assertEqual(path.read_bytes(), first, setting)


class Decoding(roundtrip.RoundTrip):
    """What pyarrow wrote, read through the library."""

    def encode(self, batches, new_writer, **options):
        path = self.new_path()
        with new_writer(str(path), batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return path

    def same_decoded(self, path, batches):
        with open(path, "rb") as file:
            reader = capi.read_descriptor(file.fileno())
            self.assertTrue(batches[0].schema.equals(reader.schema, check_metadata=True))
            self.same_batches(batches, reader)

    def test_every_type_and_nesting(self):
        rng = random.Random(roundtrip.seed())
        for nesting, leaf in samples.NESTED_LEAVES:
            with self.subTest(nesting=nesting, type=str(leaf)):
                plain = samples.batch_of(samples.NESTINGS[nesting](leaf), 40, rng)
                batch = samples.displaced_batch(plain, rng, samples.WRITER_SLACK)
                batches = [batch, *samples.slices_of(batch)]
                for new_writer in (pa.ipc.new_stream, pa.ipc.new_file):
                    path = self.encode(batches, new_writer)
                    self.same_decoded(path, batches)
                    path.unlink()

    def test_older_forms(self):
        rng = random.Random(roundtrip.seed())
        kind = pa.struct([("a", pa.list_(pa.string())), ("b", pa.null()), ("c", pa.bool_()),
                          ("d", samples.dense_union(pa.int32(), samples.sparse_union(pa.string())))])
        batches = [samples.batch_of(kind, 40, rng) for _ in range(3)]
        version = pa.ipc.MetadataVersion
        for options in ({"metadata_version": version.V4}, {"metadata_version": version.V4, "use_legacy_format": True},
                        {"use_legacy_format": True}, {"metadata_version": version.V5}):
            with self.subTest(**options):
                self.same_decoded(self.encode(batches, pa.ipc.new_stream, **options), batches)

    def test_metadata_of_messages(self):
        """It has no place in the C interfaces, and pyarrow gets the batches without it."""
        batch = pa.record_batch([pa.array([1, None, 3])], names=["x"])
        path = self.new_path()
        with pa.ipc.new_stream(str(path), batch.schema) as writer:
            writer.write_batch(batch, custom_metadata={"key": "value"})
            writer.write_batch(batch)
        self.same_decoded(path, [batch, batch])

    def test_compressed(self):
        """All types, the codecs in turn; buffers that shrink, that do not, and that are empty."""
        rng = random.Random(roundtrip.seed())
        codecs = (("lz4", None), ("zstd", 1), ("zstd", 9))
        for number, (nesting, leaf) in enumerate(samples.NESTED_LEAVES):
            codec, level = codecs[number % len(codecs)]
            with self.subTest(codec=codec, level=level, nesting=nesting, type=str(leaf)):
                batch = samples.batch_of(samples.NESTINGS[nesting](leaf), (700, 0, 40, 200)[number % 4], rng)
                batches = [batch, *samples.slices_of(batch)]
                options = {"compression": pa.Codec(codec, compression_level=level)}
                path = self.encode(batches, (pa.ipc.new_stream, pa.ipc.new_file)[number // 3 % 2], **options)
                self.same_decoded(path, batches)
                path.unlink()


class Written(roundtrip.RoundTrip):
    """Streams that respool writes, in pyarrow's hands."""

    LEVELS = ((capi.LZ4, 0), (capi.LZ4, 9), (capi.ZSTD, 0), (capi.ZSTD, 19), (capi.ZSTD, -3))

    def test_compressed(self):
        """What shrinks well, what does not, and text; short, and longer than a block of either codec."""
        rng = random.Random(roundtrip.seed())
        for rows in (0, 1, 50, 3000, 150_000):
            numbers = pa.array([number // 7 for number in range(rows)], pa.int64())
            noise = pa.FixedSizeBinaryArray.from_buffers(pa.binary(8), rows, [None, pa.py_buffer(rng.randbytes(8 * rows))])
            words = pa.array([None if number % 5 == 0 else f"word {number % 9}" for number in range(rows)])
            batch = pa.RecordBatch.from_arrays([numbers, noise, words], ["numbers", "noise", "words"])
            batches = [batch, batch.slice(rows // 3), batch.slice(0, rows // 2)]
            for compression, level in self.LEVELS:
                with self.subTest(compression=compression, level=level, rows=rows):
                    self.check_written(batches, compression, level)

    def check_written(self, batches, compression, level):
        path, again = self.new_path(), self.scratch / "again"
        with open(path, "wb") as file:
            source = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
            capi.write_descriptor(source, file.fileno(), compression, level)
        self.same_file(path, batches[0].schema, batches)
        with open(path, "rb") as file, open(again, "wb") as out:
            capi.write_descriptor(capi.read_descriptor(file.fileno()), out.fileno(), compression, level)
        self.assertEqual(path.read_bytes(), again.read_bytes())
        path.unlink()


if __name__ == "__main__":
    unittest.main()
