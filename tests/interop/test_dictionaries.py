# SPDX-License-Identifier: Apache-2.0
"""Dictionary-encoded columns between pyarrow and pyarrow: through the tool, and through spools."""

import io
import json
import random
import struct
import unittest

import pyarrow as pa

import capi
import roundtrip
import samples
from test_tool import run

INDEX_TYPES = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
TEES = (("cat", "-"), ("tee", "-m", "0", "-o", "-"), ("tee", "-m", "1GiB", "-o", "-"))


def encoded(indices, values, index_type=pa.int8(), ordered=False):
    if not isinstance(values, pa.Array):
        values = pa.array(values)
    return pa.DictionaryArray.from_arrays(pa.array(indices, index_type), values, ordered=ordered)


def batch_of(*columns):
    return pa.RecordBatch.from_arrays(list(columns), [f"c{place}" for place in range(len(columns))])


def random_column(values, count, rng, index_type=pa.int32()):
    indices = [rng.randrange(len(values)) if rng.random() < 0.8 else None for _ in range(count)]
    return encoded(indices, values, index_type)


def fresh(batch):
    """The same content in other memory, dictionaries included."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return pa.ipc.open_stream(sink.getvalue()).read_next_batch()


def encode(schema, batches, new_writer=pa.ipc.new_stream, **options):
    sink = pa.BufferOutputStream()
    with new_writer(sink, schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


# The values of a dictionary: every leaf, and every way of nesting with one.
SPECIAL_TYPES = [pa.binary_view(), pa.string_view(),
                 *(nest(pa.string()) for nest in samples.SPECIAL_NESTINGS.values())]
VALUE_TYPES = [kind for kind in samples.LEAF_TYPES if not pa.types.is_null(kind)] + [
    nest(pa.string()) for name, nest in samples.NESTINGS.items() if name != "plain"
]


class Dictionaries(roundtrip.RoundTrip):
    def output(self, *arguments, data=None):
        done = run(*arguments, data=data)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def info(self, data):
        return json.loads(self.output("info", "--json", "-", data=data))

    def through_tool(self, data, schema, batches):
        """By each way the same bytes, which pyarrow reads, and which are written again as they are."""
        outputs = [self.output(*way, data=data) for way in TEES]
        self.assertEqual(outputs[1:], outputs[:1] * 2)
        with pa.ipc.open_stream(io.BytesIO(outputs[0])) as reader:
            self.assertTrue(schema.equals(reader.schema, check_metadata=True), f"{schema} is not {reader.schema}")
            self.same_batches(batches, reader)
        self.assertEqual(self.output("cat", "-", data=outputs[0]), outputs[0], "not canonical")
        self.output("verify", "-", data=outputs[0])
        return outputs[0]

    def both(self, batches, **options):
        """Through the tool and through spools; answers with how many dictionaries the tool wrote."""
        schema = batches[0].schema
        written = self.through_tool(encode(schema, batches, **options), schema, batches)
        self.check(schema, batches)
        return self.info(written)["dictionaries"]

    # ---- types

    def test_index_types(self):
        for index_type in INDEX_TYPES:
            for ordered in (False, True):
                with self.subTest(index_type=index_type, ordered=ordered):
                    batch = batch_of(encoded([0, 2, None, 1, 0], ["a", "b", None], index_type, ordered))
                    self.assertEqual(self.both([batch, batch.slice(1), batch]), 1)

    def test_indices_up_to_the_last(self):
        """An unsigned index with its highest bit set is no negative one."""
        for index_type, count in ((pa.uint8(), 256), (pa.int8(), 128), (pa.uint16(), 65536), (pa.int16(), 32768)):
            with self.subTest(index_type=index_type):
                batch = batch_of(encoded([0, count - 1, count // 2, None], pa.array(range(count)), index_type))
                self.assertEqual(self.both([batch]), 1)

    def test_values_of_every_type(self):
        rng = random.Random(roundtrip.seed())
        for kind in VALUE_TYPES:
            with self.subTest(type=str(kind)):
                values, others = (samples.make(kind, count, rng) for count in (7, 9))
                columns = [random_column(one, 20, rng) for one in (values, others)]
                first, second = map(batch_of, columns)
                self.assertEqual(self.both([first, first.slice(3, 9), second, second.slice(0, 0), first]), 3)

    def test_values_that_are_slices(self):
        rng = random.Random(roundtrip.seed())
        for kind in VALUE_TYPES:
            with self.subTest(type=str(kind)):
                values = samples.make(kind, 9, rng)
                moved = samples.displaced(values, rng)
                batch = batch_of(random_column(values, 20, rng))
                other = batch_of(pa.DictionaryArray.from_arrays(batch.column(0).indices, moved))
                self.check(batch.schema, [batch, other, batch])

    def test_places(self):
        """Below lists, structs, unions, run ends and in each other."""
        rng = random.Random(roundtrip.seed())
        inner = random_column(pa.array(["p", "q", "r"]), 12, rng, pa.uint8())
        lists = pa.ListArray.from_arrays(pa.array([0, 2, 2, 7, 12]), inner)
        columns = {
            "list": lists,
            "list view": pa.ListViewArray.from_arrays(pa.array([3, 0, 7]), pa.array([4, 2, 5]), inner),
            "fixed list": pa.FixedSizeListArray.from_arrays(inner, 3),
            "struct": pa.StructArray.from_arrays([inner, encoded([None] * 12, ["z"], pa.uint64())], ["d", "e"]),
            "map": pa.MapArray.from_arrays(pa.array([0, 5, 12]), pa.array([str(i) for i in range(12)]), inner),
            "run ends": pa.RunEndEncodedArray.from_arrays(pa.array(range(2, 26, 2), pa.int32()), inner),
            "sparse": pa.UnionArray.from_sparse(pa.array([0, 1] * 6, pa.int8()), [inner, inner]),
            "dense": pa.UnionArray.from_dense(
                pa.array([0, 1, 0], pa.int8()), pa.array([4, 0, 7], pa.int32()), [inner, pa.array([1])]),
            "nested": random_column(lists, 9, rng),
            "nested twice": random_column(pa.StructArray.from_arrays([random_column(lists, 5, rng)], ["s"]), 9, rng),
        }
        for name, column in columns.items():
            with self.subTest(name):
                batch = batch_of(column)
                slices = [batch.slice(*bounds) for bounds in ((1,), (0, 1), (1, 1), (2, 0))]
                count = {"struct": 2, "sparse": 2, "nested": 2, "nested twice": 3}.get(name, 1)
                self.assertEqual(self.both([batch, *slices]), count)

    def test_extension_over_dictionary(self):
        class Colour(pa.ExtensionType):
            def __init__(self):
                super().__init__(pa.dictionary(pa.int8(), pa.string()), "respool.test.colour")

            def __arrow_ext_serialize__(self):
                return b"traits"

            @classmethod
            def __arrow_ext_deserialize__(cls, storage, serialized):
                return cls()

        pa.register_extension_type(Colour())
        self.addCleanup(pa.unregister_extension_type, "respool.test.colour")
        storage = [encoded([0, 1, None], words) for words in (["red", "blue"], ["grey", "pink"])]
        batches = [batch_of(pa.ExtensionArray.from_storage(Colour(), column)) for column in storage]
        self.assertEqual(self.both([batches[0], batches[0], batches[1]]), 2)

    def test_empty_and_null_ones(self):
        empty = pa.array([], pa.string())
        nulls = batch_of(encoded([None, None], empty), encoded([None, None], pa.array([None], pa.string())))
        none = nulls.slice(0, 0)
        self.assertEqual(self.both([nulls]), 2)
        self.assertEqual(self.both([none]), 2)
        self.assertEqual(self.both([none, nulls, none]), 2)
        self.assertEqual(self.both([batch_of(encoded([0, 1], pa.nulls(2)))]), 1)

    def test_no_batches(self):
        schema = batch_of(encoded([0], ["a"])).schema
        written = self.through_tool(encode(schema, []), schema, [])
        self.assertEqual(self.info(written)["dictionaries"], 0)
        self.check(schema, [])

    # ---- from batch to batch

    def test_written_once_however_often_it_is_copied(self):
        """Producers hand over another array with each batch; equal content is written once."""
        rng = random.Random(roundtrip.seed())
        inner = random_column(pa.array(["p", "q", "r"]), 12, rng)
        column = random_column(pa.ListArray.from_arrays(pa.array([0, 2, 7, 12]), inner), 30, rng, pa.uint16())
        views = random_column(samples.make(pa.string_view(), 40, rng), 30, rng, pa.int64())
        batch = batch_of(column, views)
        batches = [fresh(batch).slice(place % 7) for place in range(60)]
        for setting, choices in roundtrip.SETTINGS.items():
            with self.subTest(setting=setting):
                path = self.new_path()
                named = {"path": path} if setting.startswith("named") else {}
                with capi.Spool(batch.schema, **choices, **named) as spool:
                    spool.append_reader(pa.RecordBatchReader.from_batches(batch.schema, batches))
                    spool.finish()
                    self.same_replay(spool, batch.schema, batches)
                    reader = spool.replay()
                    out = self.scratch / "out"
                    with open(out, "wb") as file:
                        capi.write_descriptor(reader, file.fileno())
                self.assertEqual(self.info(out.read_bytes())["dictionaries"], 3)
                if named:
                    self.assertEqual(self.info(path.read_bytes())["dictionaries"], 3)
                if setting == "named":
                    self.assertEqual(path.read_bytes(), out.read_bytes())

    def test_content_decides(self):
        """A dictionary that changes, comes back, grows and shrinks is written where it differs from the one before."""
        a, b = encoded([0, 1, None], ["a", "b"]), encoded([0, 1, None], ["a", "c"])
        longer, shorter = encoded([0, 2, None], ["a", "b", "c"]), encoded([0, 0, None], ["a"])
        columns = [a, a, b, a, a, longer, longer, a, shorter, shorter]
        self.assertEqual(self.both([batch_of(column) for column in columns]), 6)
        self.assertEqual(self.both([fresh(batch_of(column)) for column in columns]), 6)
        alternating = [fresh(batch_of(column)) for column in (a, b) * 10]
        self.assertEqual(self.both(alternating), 20)

    def test_nan_and_zeros(self):
        """Bytes are compared: a NaN is itself, and the two zeros differ."""
        nan = [fresh(batch_of(encoded([0, 1], [float("nan"), 1.0]))) for _ in range(3)]
        schema = nan[0].schema
        self.assertEqual(self.info(self.output("cat", "-", data=encode(schema, nan)))["dictionaries"], 1)
        zeros = [batch_of(encoded([0], [zero])) for zero in (0.0, -0.0, 0.0)]
        written = self.output("cat", "-", data=encode(schema, zeros))
        if self.info(encode(schema, zeros))["dictionaries"] == 3:
            self.assertEqual(self.info(written)["dictionaries"], 3)
        with capi.Spool(schema, memory_limit=0) as spool:
            for batch in zeros:
                spool.append(batch)
            spool.finish()
            got = [str(batch.column(0).dictionary[0].as_py()) for batch in spool.replay()]
        self.assertEqual(got, ["0.0", "-0.0", "0.0"])

    def test_outer_again_with_inner(self):
        """Readers differ in when they join the two, so both are written."""
        def nested(word):
            inner = encoded([0, 1, 1], ["p", word])
            return batch_of(encoded([0, 1, 2, None], pa.ListArray.from_arrays(pa.array([0, 2, 2, 3]), inner)))

        batches = [nested(word) for word in ("q", "q", "r", "r", "q")]
        self.assertEqual(self.both([fresh(batch) for batch in batches]), 6)

    def test_one_of_many_changes(self):
        columns = [[encoded([0, 1], ["a", f"b{column}-{place if column == 2 else 0}"]) for column in range(5)]
                   for place in range(6)]
        self.assertEqual(self.both([batch_of(*row) for row in columns]), 5 + 5)

    def test_growing(self):
        """Replaced as a whole or grown by deltas: the same comes out, to the byte where there is one layout for it."""
        rng = random.Random(roundtrip.seed())
        for kind in VALUE_TYPES:
            with self.subTest(type=str(kind)):
                values = samples.make(kind, 12, rng)
                batches = [batch_of(random_column(values.slice(0, 2 + 2 * place), 9, rng)) for place in range(6)]
                schema = batches[0].schema
                outputs = []
                for deltas in (False, True):
                    data = encode(schema, batches, emit_dictionary_deltas=deltas)
                    outputs.append(self.through_tool(data, schema, batches))
                    self.assertGreaterEqual(self.info(data)["dictionaries"], 6)
                if kind not in SPECIAL_TYPES:
                    self.assertEqual(outputs[0], outputs[1])

    def test_deltas_in_files(self):
        """Files hold each dictionary once and then deltas, listed in the footer; respool writes streams of them."""
        rng = random.Random(roundtrip.seed())
        values = pa.array([f"word {place}" for place in range(20)])
        batches = [batch_of(random_column(values.slice(0, 2 + 3 * place), 9, rng)) for place in range(6)]
        schema = batches[0].schema
        data = encode(schema, batches, pa.ipc.new_file, emit_dictionary_deltas=True)
        path = self.new_path()
        path.write_bytes(data)
        # In a file all dictionaries are in force for all batches.
        whole = [batch_of(pa.DictionaryArray.from_arrays(batch.column(0).indices, values.slice(0, 17)))
                 for batch in batches]
        with pa.ipc.open_file(io.BytesIO(data)) as reader:
            expected = [reader.get_batch(place) for place in range(reader.num_record_batches)]
        self.assertEqual([batch.column(0).dictionary for batch in whole],
                         [batch.column(0).dictionary for batch in expected])
        for source in (path, "-"):
            written = self.output("cat", source, data=data if source == "-" else None)
            with pa.ipc.open_stream(io.BytesIO(written)) as reader:
                got = list(reader)
            for one, other in zip(batches, got, strict=True):
                self.assertEqual(one.column(0).to_pylist(), other.column(0).to_pylist())

    def test_deltas_listed_again(self):
        """A footer that lists one long delta many times would make a dictionary of any length from a short file."""
        words = [f"word {place}" for place in range(12)] + ["a long word " * 5000]
        batches = [batch_of(encoded([0], words[: place + 1])) for place in range(len(words))]
        data = bytearray(encode(batches[0].schema, batches, pa.ipc.new_file, emit_dictionary_deltas=True))
        source = pa.BufferReader(data)
        source.seek(8)  # the magic
        starts = []
        while True:
            start, message = source.tell(), pa.ipc.read_message(source)
            if message.type == "dictionary":
                starts.append(start)
            if len(starts) == len(words) and message.type == "record batch":
                break
        blocks = [data.index(struct.pack("<q", start), source.tell()) for start in starts]
        self.assertEqual(len(self.read_file(data)), len(words))
        for block in blocks[1:-1]:
            data[block : block + 24] = data[blocks[-1] : blocks[-1] + 24]
        with self.assertRaisesRegex(roundtrip.ERRORS, "more messages than the file can hold"):
            self.read_file(data)

    def test_batches_listed_again(self):
        """So would a footer that lists one batch with long metadata many times make much work of a short file."""
        batch = pa.record_batch([pa.array([1, 2], pa.int32())], names=["x"])
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch, custom_metadata={"note": "long " * 20_000})
            for _ in range(20):
                writer.write_batch(batch)
        data = bytearray(sink.getvalue().to_pybytes())
        with pa.ipc.open_file(pa.BufferReader(bytes(data))) as reader:
            self.assertEqual(reader.num_record_batches, 21)
        self.assertEqual(len(self.read_file(data)), 21)
        source = pa.BufferReader(data)
        source.seek(8)  # the magic
        pa.ipc.read_message(source)  # the schema
        starts = []
        while len(starts) < 21:
            starts.append(source.tell())
            pa.ipc.read_message(source)
        blocks = [data.index(struct.pack("<q", start), source.tell()) for start in starts]
        for block in blocks[1:]:
            data[block : block + 24] = data[blocks[0] : blocks[0] + 24]
        with self.assertRaisesRegex(roundtrip.ERRORS, "more messages than the file can hold"):
            self.read_file(data)

    def test_dictionaries_that_expand_together(self):
        """What one message may expand to is no bound for many that stay in force; replaced ones count no more."""
        zeros = pa.array([0] * 75_000, pa.int64())
        many = batch_of(*(encoded([0], zeros) for _ in range(3)))
        data = encode(many.schema, [many], compression="zstd")
        small = ("verify", "--max-expansion", "1MiB", "-")
        done = run(*small, data=data)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), "dictionaries in force have expanded .* max_expansion")
        self.assertEqual(run("verify", "--max-expansion", "2MiB", "-", data=data).returncode, 0)
        ones = pa.array([1] * 75_000, pa.int64())
        turns = [batch_of(encoded([0], values)) for values in (zeros, ones) * 4]
        self.assertEqual(run(*small, data=encode(turns[0].schema, turns, compression="zstd")).returncode, 0)

    def read_file(self, data):
        path = self.new_path()
        path.write_bytes(data)
        with open(path, "rb") as file:
            return list(capi.read_descriptor(file.fileno()))

    def test_files(self):
        rng = random.Random(roundtrip.seed())
        inner = random_column(pa.array(["p", "q", "r"]), 12, rng)
        nested = random_column(pa.ListArray.from_arrays(pa.array([0, 2, 7, 12]), inner), 30, rng)
        batch = batch_of(random_column(pa.array(["a", None, "c"]), 30, rng), nested)
        batches = [batch, batch.slice(4, 11), batch.slice(0, 0), batch]
        data = encode(batch.schema, batches, pa.ipc.new_file)
        path = self.new_path()
        path.write_bytes(data)
        self.assertEqual(self.info(data)["dictionaries"], 3)
        self.assertEqual(self.info(self.through_tool(data, batch.schema, batches))["dictionaries"], 3)
        with open(path, "rb") as file:
            reader = capi.read_descriptor(file.fileno())
            self.same_batches(batches, reader)

    # ---- shared

    def test_shared_memory(self):
        """Columns with one dictionary in common, in one place in memory."""
        values = pa.array(["a", "b", None])
        batch = batch_of(encoded([0, 1, 2], values), encoded([2, None, 0], values, pa.uint16(), True))
        self.assertEqual(self.both([batch, batch.slice(1)]), 2)

    # ---- at random

    def test_random(self):
        seed = roundtrip.seed()
        print(f"RESPOOL_TEST_SEED={seed}")
        rng = random.Random(f"dictionaries {seed}")
        for number in range(30):
            with self.subTest(number=number):
                batches = self.random_batches(rng)
                self.both(batches, emit_dictionary_deltas=rng.random() < 0.5)

    def random_batches(self, rng):
        kinds = [rng.choice(VALUE_TYPES) for _ in range(rng.randrange(1, 4))]
        index_types = [rng.choice(INDEX_TYPES) for _ in kinds]
        values = [samples.make(kind, 9, rng) for kind in kinds]
        batches = []
        for _ in range(rng.randrange(1, 9)):
            for place, kind in enumerate(kinds):
                choice = rng.randrange(6)
                if choice == 0:
                    values[place] = samples.make(kind, rng.randrange(1, 12), rng)
                elif choice == 1:
                    values[place] = pa.concat_arrays([values[place], samples.make(kind, rng.randrange(1, 4), rng)])
            rows = rng.choice((0, 1, 5, 40))
            columns = [random_column(one, rows + 3, rng, index) for one, index in zip(values, index_types)]
            batch = batch_of(*columns).slice(rng.randrange(4), rows)
            batches.append(fresh(batch) if rng.random() < 0.3 else batch)
        return batches


if __name__ == "__main__":
    unittest.main()
