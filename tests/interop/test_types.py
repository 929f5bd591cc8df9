# SPDX-License-Identifier: Apache-2.0
"""Every type, nested and sliced, from pyarrow through a spool in memory and on disk back into pyarrow."""

import ctypes
import random
import struct
import unittest

import pyarrow as pa

import capi
import roundtrip
import samples


class Types(roundtrip.RoundTrip):
    def check_nesting(self, name):
        rng = random.Random(f"{name} {roundtrip.seed()}")
        for leaf in (leaf for nesting, leaf in samples.NESTED_LEAVES if nesting == name):
            kind = samples.NESTINGS[name](leaf)
            with self.subTest(type=str(kind)):
                batch = samples.batch_of(kind, 40, rng)
                moved = samples.displaced_batch(batch, rng)
                full = samples.batch_of(kind, 9, rng, null_rate=0)
                empty = samples.batch_of(kind, 9, rng, null_rate=1)
                batches = [batch, moved, full, empty, *samples.slices_of(batch), *samples.slices_of(moved)]
                self.check(batch.schema, batches)

    def test_intervals_from_outside(self):
        rng = random.Random(roundtrip.seed())
        for code, layout in ((b"tiM", pa.int32()), (b"tiD", pa.int64())):
            for nesting, nest in samples.NESTINGS.items():
                if nesting in samples.SPECIAL_NESTINGS:
                    continue
                with self.subTest(code=code, nesting=nesting):
                    schema = pa.schema([("x", nest(samples.interval_type(code)))])
                    plain = samples.batch_of(nest(layout), 40, rng)
                    moved = samples.displaced_batch(plain, rng)
                    batches = [plain, moved, *samples.slices_of(plain), *samples.slices_of(moved)]
                    self.check_intervals(schema, batches)

    def check_intervals(self, schema, batches):
        """pyarrow cannot show such columns, so differences are told without their values."""
        expected = [samples.reinterpret(batch, schema) for batch in batches]
        for setting, choices in roundtrip.SETTINGS.items():
            if setting.startswith("named"):
                continue
            with capi.Spool(schema, **choices) as spool:
                for batch in expected:
                    spool.append(batch)
                spool.finish()
                for number, got in enumerate(spool.replay()):
                    got.validate(full=True)
                    self.assertTrue(expected[number].equals(got, check_metadata=True), f"batch {number}, {setting}")
                self.assertEqual(number + 1, len(expected))

    def test_struct_array_with_offset(self):
        """The offset of the batch itself composes with those of its columns."""
        rng = random.Random(roundtrip.seed())
        fields = [
            pa.field("numbers", pa.int32()),
            pa.field("texts", pa.string()),
            pa.field("bits", pa.bool_()),
            pa.field("lists", pa.list_(pa.struct([("a", pa.int8()), ("b", pa.list_(pa.int16(), 2))]))),
            pa.field("fixed", pa.list_(pa.struct([("a", pa.large_string())]), 3)),
            pa.field("maps", pa.map_(pa.string(), pa.decimal128(10, 2))),
            pa.field("nulls", pa.null()),
            pa.field("views", pa.string_view()),
            pa.field("list views", pa.large_list_view(pa.binary_view())),
            pa.field("runs", samples.runs(pa.list_(pa.string()))),
            pa.field("sparse", samples.sparse_union(pa.string(), samples.runs(pa.bool_()))),
            pa.field("dense", samples.dense_union(pa.string(), pa.list_view(pa.bool_()))),
        ]
        rows = 60
        columns = [samples.displaced(samples.make(field.type, rows, rng), rng) for field in fields]
        whole = pa.StructArray.from_arrays(columns, fields=fields)
        batch = pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
        bounds = [(0, 60), (1, 59), (5, 20), (8, 8), (13, 0), (59, 1), (60, 0)]
        self.check(
            batch.schema, [batch.slice(*bound) for bound in bounds], appended=[whole.slice(*bound) for bound in bounds]
        )

    def test_long_slices(self):
        rng = random.Random(roundtrip.seed())
        columns = {
            "numbers": pa.array(range(300_000), pa.int64()),
            "bits": pa.array([number % 3 == 0 for number in range(300_000)]),
            "texts": pa.array([f"text {number}" if number % 7 else None for number in range(300_000)]),
            "lists": samples.make(pa.list_(pa.int32()), 300_000, rng),
        }
        batch = pa.record_batch(columns)
        bounds = [(0, 300_000), (1, 299_999), (100_003, 123_457), (65_536, 65_536), (299_990, 10)]
        self.check(batch.schema, [batch.slice(*bound) for bound in bounds])

    def test_nan_payloads(self):
        """NaNs keep their bits; pyarrow compares them as integers here."""
        for kind, letter, bits in ((pa.float32(), "I", (0x7FC00001, 0xFFC12345, 0x80000000)),
                                   (pa.float64(), "Q", (0x7FF8000000000001, 0xFFF8DEADBEEF0001, 1 << 63)),
                                   (pa.float16(), "H", (0x7E01, 0xFE55, 0x8000))):
            packed = pa.py_buffer(struct.pack(f"={len(bits)}{letter}", *bits))
            array = pa.Array.from_buffers(kind, len(bits), [None, packed])
            batch = pa.record_batch([array], names=["x"])
            for choices in (roundtrip.SETTINGS["mapped"], roundtrip.SETTINGS["read"]):
                with capi.Spool(batch.schema, **choices) as spool:
                    spool.append(batch)
                    spool.finish()
                    got = spool.replay().read_next_batch().column(0)
                    self.assertEqual(got.buffers()[1].to_pybytes()[: packed.size], packed.to_pybytes())


def add_nestings():
    for name in samples.NESTINGS:
        setattr(Types, f"test_{name.replace(' ', '_')}", lambda self, name=name: self.check_nesting(name))


class Schemas(roundtrip.RoundTrip):
    def test_default_options(self):
        options = capi.default_options()
        self.assertEqual(options.struct_size, ctypes.sizeof(options))
        self.assertEqual((options.memory_limit, options.write_chunk), (100 << 20, 8 << 20))
        self.assertEqual((options.path, options.directory, options.mode, options.replay), (None, None, 0, 0))

    def test_zero_columns(self):
        """Rows without columns exist only as a struct array."""
        schema = pa.schema([])
        rows = pa.array([{}] * 5, pa.struct([]))
        for setting, choices in roundtrip.SETTINGS.items():
            path = {"path": self.new_path()} if setting.startswith("named") else {}
            with self.subTest(setting=setting), capi.Spool(schema, **choices, **path) as spool:
                for array in (rows, rows.slice(2), rows.slice(5)):
                    spool.append(array)
                spool.finish()
                self.same_schema(spool, schema)
                self.assertEqual([(batch.num_rows, batch.num_columns) for batch in spool.replay()],
                                 [(5, 0), (3, 0), (0, 0)])

    def test_zero_rows_and_no_batches(self):
        rng = random.Random(roundtrip.seed())
        schema = pa.schema([(f"{nesting} {leaf}", nest(leaf)) for nesting, nest in samples.NESTINGS.items()
                            for leaf in (pa.int32(), pa.string(), pa.null(), pa.bool_())])
        empty = pa.RecordBatch.from_arrays([samples.make(field.type, 0, rng) for field in schema], schema=schema)
        some = pa.RecordBatch.from_arrays([samples.make(field.type, 9, rng) for field in schema], schema=schema)
        self.check(schema, [])
        self.check(schema, [empty])
        self.check(schema, [empty, empty, some, empty, some.slice(4, 0), some])

    def test_names(self):
        array = pa.array([1, 2, 3])
        names = ["", "a", "a", "", "a b\n\"c\"", "\u00e9\u6f22\U0001f600", "x" * 1000]
        inner = pa.StructArray.from_arrays([array] * len(names), names=names)
        batch = pa.RecordBatch.from_arrays([*[array] * len(names), inner], names=[*names, "inner"])
        self.check(batch.schema, [batch, batch.slice(1)])

    def test_nullability(self):
        rng = random.Random(roundtrip.seed())
        number = pa.field("n", pa.int32(), nullable=False)
        kinds = [pa.int32(), pa.struct([number]), pa.list_(number), pa.list_(number, 2), pa.large_list(number),
                 pa.map_(pa.string(), pa.field("value", pa.int32(), nullable=False))]
        fields = [pa.field(f"f{place}", kind, nullable=place % 2 == 0) for place, kind in enumerate(kinds * 3)]
        schema = pa.schema(fields)
        columns = [samples.make(field.type, 20, rng, 0.2 if field.nullable else 0) for field in schema]
        self.check(schema, [pa.RecordBatch.from_arrays(columns, schema=schema)])

    def test_metadata(self):
        """With duplicate keys, zero bytes and bytes that are no UTF-8, in their order, on fields at every level."""
        pairs = pa.KeyValueMetadata([("k", "1"), ("k", "2"), ("", ""), ("z", b"\0\xff\xfe"), ("a", "\u6f22" * 500)])
        inner = pa.field("inner", pa.int32(), metadata=pairs)
        deep = pa.field("deep", pa.list_(inner, 2), metadata=pairs)
        fields = [
            pa.field("plain", pa.int32(), metadata=pairs),
            pa.field("list", pa.list_(inner)),
            pa.field("struct", pa.struct([inner, deep]), metadata=pairs),
            pa.field("empty", pa.int8(), metadata={}),
        ]
        schema = pa.schema(fields, metadata=pairs)
        rng = random.Random(roundtrip.seed())
        columns = [samples.make(field.type, 10, rng) for field in fields]
        self.check(schema, [pa.RecordBatch.from_arrays(columns, schema=schema)])

    def test_extension_types(self):
        """Registered ones come back as such, unregistered ones as the metadata that they are made of."""
        rng = random.Random(roundtrip.seed())
        kinds = [pa.uuid(), pa.json_(), pa.bool8(), pa.opaque(pa.list_(pa.int32()), "type", "vendor"),
                 pa.fixed_shape_tensor(pa.int16(), [2, 3])]
        kinds += [pa.list_(pa.uuid()), pa.struct([("u", pa.uuid())])]
        columns = [samples.make(kind, 20, rng, 0.3) for kind in kinds[:5]]
        offsets = pa.array(range(0, 42, 2), pa.int32())
        columns += [pa.ListArray.from_arrays(offsets, samples.make(pa.uuid(), 40, rng))]
        columns += [pa.StructArray.from_arrays([samples.make(pa.uuid(), 20, rng)], fields=list(kinds[6]))]
        unknown = pa.field("unknown", pa.int32(), metadata={"ARROW:extension:name": "nobody.knows",
                                                             "ARROW:extension:metadata": b"\0\1\2"})
        fields = [pa.field(str(place), column.type) for place, column in enumerate(columns)] + [unknown]
        columns.append(samples.make(pa.int32(), 20, rng))
        batch = pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
        self.assertTrue(isinstance(batch.schema.field(0).type, pa.BaseExtensionType))
        self.check(batch.schema, [batch, batch.slice(3, 9), batch.slice(13)])

    def test_time_zones(self):
        zones = [None, "UTC", "Europe/Paris", "America/Argentina/Buenos_Aires", "+05:30", "-00:00", "Nowhere/\u00e9"]
        kinds = [pa.timestamp(unit, zone) for unit in samples.UNITS for zone in zones]
        array = pa.array([0, None, -1, 2**62], pa.int64())
        batch = pa.record_batch([array.view(kind) for kind in kinds], names=[str(kind) for kind in kinds])
        self.check(batch.schema, [batch, batch.slice(1)])

    def test_unsupported_types_are_named(self):
        kinds = {
            "indices": pa.dictionary(pa.int8(), pa.dictionary(pa.int8(), pa.string())),
        }
        for word, kind in kinds.items():
            inner = pa.field("culprit", kind)
            for schema in (pa.schema([inner]), *(pa.schema([("outer", outer)]) for outer in (
                    pa.list_(inner), pa.list_view(inner), pa.dense_union([inner]), samples.runs(pa.struct([inner]))))):
                with self.subTest(type=str(kind)), self.assertRaises(capi.Error) as caught:
                    capi.Spool(schema)
                self.assertEqual(caught.exception.status, capi.UNSUPPORTED)
                self.assertIn("culprit", caught.exception.text)
                self.assertIn(word, caught.exception.text.lower())


add_nestings()

if __name__ == "__main__":
    unittest.main()
