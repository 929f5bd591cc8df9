# SPDX-License-Identifier: Apache-2.0
"""What is exchanged with the peers: one case for each row of the table in docs/interop.md.

A case has plain batches, which peers read from pyarrow and write themselves, and further ones that are slices or lie at
offsets, which only respool encodes.
"""

import random
import struct

import pyarrow as pa

import samples

ROWS = 20
# Rows and share of nulls of the batches: some nulls, none, nothing else, and no rows.
LENGTHS = [(ROWS, samples.NULL_RATE), (9, 0), (5, 1), (0, 0)]
TWO_FIELDS = [pa.field("a", pa.int32()), pa.field("b", pa.string())]
INTERVALS = {code: samples.interval_type(code) for code in (b"tiM", b"tiD")}


class Case:
    """`codec` is for the bodies. `peers_write` is what only peers write: deltas of dictionaries, or a file."""

    def __init__(self, title, make, codec=None, few=False, peers_write=None):
        self.title = title
        self.make = make
        self.codec = codec
        self.peers_write = peers_write
        self.few = few

    @property
    def option(self):
        """The word that tells a peer how to write."""
        return self.peers_write or self.codec or "plain"

    def plain(self):
        """A schema and batches without offsets. The same at each call."""
        return self.make(random.Random(f"respool peers {self.title}"))

    def moved(self):
        """More batches of that schema, with offsets at all levels."""
        _, batches = self.plain()
        if self.few or not batches or not batches[0].num_columns:
            return []
        rng = random.Random(f"respool peers moved {self.title}")
        first = batches[0]
        result = [first.slice(3, 9), first.slice(8), first.slice(5, 0)]
        if not any(holds_dictionary(field.type) or field.type in INTERVALS.values() for field in first.schema):
            result.append(samples.displaced_batch(first, rng))
            result.append(result[-1].slice(5, 7))
        return result


def holds_dictionary(kind):
    if pa.types.is_dictionary(kind):
        return True
    if pa.types.is_run_end_encoded(kind):
        return holds_dictionary(kind.value_type)
    children = range(kind.num_fields) if pa.types.is_nested(kind) else ()
    return any(holds_dictionary(kind.field(place).type) for place in children)


def batches_of(schema, rng):
    def batch(rows, rate):
        columns = [samples.make(field.type, rows, rng, rate if field.nullable else 0) for field in schema]
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    return [batch(rows, rate) for rows, rate in LENGTHS]


def of_types(*kinds):
    schema = pa.schema([(f"c{place}", kind) for place, kind in enumerate(kinds)])
    return lambda rng: (schema, batches_of(schema, rng))


def of_numbers(layout, choose, *kinds):
    """Columns of plausible values, as some peers compute with them, made from integers or bytes of the same layout."""
    schema = pa.schema([(f"c{place}", kind) for place, kind in enumerate(kinds)])

    def batch(rows, rate, rng):
        columns = [[None if rng.random() < rate else choose(kind, rng) for _ in range(rows)] for kind in kinds]
        arrays = [pa.array(column, layout) for column in columns]
        return samples.reinterpret(pa.RecordBatch.from_arrays(arrays, names=schema.names), schema)

    return lambda rng: (schema, [batch(rows, rate, rng) for rows, rate in LENGTHS])


def moment(kind, rng):
    """Within some 130 years of the epoch."""
    factor = 1000 ** samples.UNITS.index(kind.unit)
    return rng.randrange(-4 * 10**9 * factor, 4 * 10**9 * factor)


def months(_kind, rng):
    return rng.randrange(-1000, 1000)


def days_and_milliseconds(_kind, rng):
    days, milliseconds = rng.randrange(-1000, 1000), rng.randrange(-86_400_000, 86_400_000)
    return int.from_bytes(struct.pack("<ii", days, milliseconds), "little", signed=True)


def months_days_nanoseconds(_kind, rng):
    return struct.pack("<iiq", rng.randrange(-100, 100), rng.randrange(-1000, 1000), rng.randrange(-(10**15), 10**15))


def sorted_maps(rng):
    kind = pa.map_(pa.int32(), pa.string(), keys_sorted=True)

    def value():
        return [(key, samples.some_text(rng)) for key in sorted(rng.sample(range(100), rng.randrange(4)))]

    columns = [[None if rng.random() < rate else value() for _ in range(rows)] for rows, rate in LENGTHS]
    batches = [pa.record_batch([pa.array(column, kind)], names=["c0"]) for column in columns]
    return batches[0].schema, batches


def of_fields(*fields, metadata=None):
    schema = pa.schema(fields, metadata=metadata)
    return lambda rng: (schema, batches_of(schema, rng))


def with_batches(*lengths):
    def make(rng):
        schema = pa.schema([("number", pa.int64()), ("text", pa.string())])
        columns = [[samples.make(field.type, rows, rng) for field in schema] for rows in lengths]
        return schema, [pa.RecordBatch.from_arrays(column, schema=schema) for column in columns]

    return make


def without_columns(rng):
    rows = pa.StructArray.from_buffers(pa.struct([]), 7, [None])
    return pa.schema([]), [pa.RecordBatch.from_struct_array(rows)]


def extensions(rng):
    unknown = {"ARROW:extension:name": "nobody.knows", "ARROW:extension:metadata": "0 1 2"}
    fields = [pa.field("u", pa.uuid()), pa.field("t", pa.fixed_shape_tensor(pa.int16(), [2, 3])),
              pa.field("x", pa.int32(), metadata=unknown)]
    schema = pa.schema(fields)
    return schema, batches_of(schema, rng)


# ---- dictionaries


def words(kind, count, rng):
    return samples.make(kind, count, rng, 0)


def dictionary_array(index, values, rows, rng, null_rate=samples.NULL_RATE, ordered=False):
    numbers = [None if rng.random() < null_rate else rng.randrange(len(values)) for _ in range(rows)]
    return pa.DictionaryArray.from_arrays(pa.array(numbers, index), values, ordered=ordered)


def dictionary_batches(arrays):
    batches = [pa.record_batch([array], names=["c0"]) for array in arrays]
    return batches[0].schema, batches


def of_dictionary(index=pa.int32(), value=pa.string(), ordered=False):
    """One dictionary in all batches."""

    def make(rng):
        values = words(value, 7, rng)
        return dictionary_batches([dictionary_array(index, values, rows, rng, rate, ordered)
                                   for rows, rate in LENGTHS])

    return make


def several_indices(rng):
    values = words(pa.string(), 7, rng)
    kinds = (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
    columns = [[dictionary_array(kind, values, rows, rng) for kind in kinds] for rows in (ROWS, 9)]
    batches = [pa.record_batch(column, names=[str(kind) for kind in kinds]) for column in columns]
    return batches[0].schema, batches


def many_words(rng):
    """Indices that are negative if taken as signed."""
    values = pa.array([f"word {number}" for number in range(250)])
    numbers = pa.array([249, 0, None, 128, 127, 200], pa.uint8())
    return dictionary_batches([pa.DictionaryArray.from_arrays(numbers, values)])


def replaced(rng):
    return dictionary_batches([dictionary_array(pa.int8(), words(pa.string(), count, rng), ROWS, rng)
                               for count in (4, 5, 3)])


def grown(rng):
    values = [f"word {number}" for number in range(12)]
    return dictionary_batches([dictionary_array(pa.int32(), pa.array(values[:count]), ROWS, rng)
                               for count in (3, 7, 12)])


def nested_dictionary(rng):
    """A dictionary whose values are structs with a dictionary, and a list of dictionary-encoded values."""
    inner = dictionary_array(pa.int8(), words(pa.string(), 4, rng), 6, rng)
    values = pa.StructArray.from_arrays([inner, words(pa.int32(), 6, rng)], names=["word", "number"])
    outer = dictionary_array(pa.int32(), values, ROWS, rng)
    offsets, total = samples.offsets_of(ROWS, False, rng)
    lists = pa.ListArray.from_arrays(offsets, dictionary_array(pa.int16(), words(pa.string(), 5, rng), total, rng))
    batch = pa.record_batch([outer, lists], names=["outer", "lists"])
    return batch.schema, [batch, batch.slice(0, ROWS)]


def null_words(rng):
    values = pa.array(["a", None, "c"])
    indices = pa.array([0, 1, None, 2, 1, 0], pa.int8())
    return dictionary_batches([pa.DictionaryArray.from_arrays(indices, values)])


def no_words(rng):
    values = pa.array([], pa.string())
    return dictionary_batches([pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int8()), values) for rows in (5, 0)])


# ---- the table


def text_columns(rng):
    """Long enough that compressing pays."""
    kinds = {"number": pa.int64(), "text": pa.string(), "flag": pa.bool_(), "list": pa.list_(pa.int16())}
    schema = pa.schema(kinds.items())

    def column(kind, rows):
        if pa.types.is_string(kind):
            return pa.array([f"text that is repeated {number // 7}" for number in range(rows)], kind)
        return pa.array(range(rows), kind) if pa.types.is_int64(kind) else samples.make(kind, rows, rng)

    return schema, [pa.RecordBatch.from_arrays([column(field.type, rows) for field in schema], schema=schema)
                    for rows in (1000, 3, 0)]


def deep(rng):
    inner = pa.struct([("a", pa.map_(pa.int64(), pa.list_(pa.field("n", pa.int32())))), ("b", pa.list_(pa.bool_(), 2))])
    return of_types(pa.list_(pa.large_list(inner)), pa.struct([("x", inner), ("y", pa.decimal128(20, 3))]))(rng)


def nested_unions(rng):
    dense = samples.dense_union(pa.int8(), pa.string())
    sparse = samples.sparse_union(pa.struct([("a", dense)]), pa.int64())
    return of_types(pa.list_(sparse), pa.struct([("b", dense)]))(rng)


def for_a_file(rng):
    """Of all kinds of messages."""
    values = words(pa.string_view(), 5, rng)
    kinds = {"number": pa.int64(), "list": pa.list_(pa.string()), "struct": pa.struct([("a", pa.bool_())])}
    schema = pa.schema([*kinds.items(), ("word", pa.dictionary(pa.int8(), pa.string_view()))], metadata={"k": "v"})
    columns = [[*(samples.make(kind, rows, rng, rate) for kind in kinds.values()),
                dictionary_array(pa.int8(), values, rows, rng, rate)] for rows, rate in LENGTHS]
    return schema, [pa.RecordBatch.from_arrays(column, schema=schema) for column in columns]


CASES = {
    "null": Case("null", of_types(pa.null())),
    "bool": Case("bool", of_types(pa.bool_())),
    "integers": Case("int8 to int64, uint8 to uint64",
                     of_types(*(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
                              *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()))),
    "float16": Case("float16", of_types(pa.float16())),
    "floats": Case("float32, float64", of_types(pa.float32(), pa.float64())),
    "decimal32": Case("decimal32", of_types(pa.decimal32(9, 2))),
    "decimal64": Case("decimal64", of_types(pa.decimal64(18, 3))),
    "decimal128": Case("decimal128", of_types(pa.decimal128(38, 10))),
    "decimal256": Case("decimal256", of_types(pa.decimal256(76, 0))),
    "negative-scale": Case("decimal of negative scale", of_types(pa.decimal128(20, -3))),
    "date32": Case("date32", of_types(pa.date32())),
    "date64": Case("date64", of_types(pa.date64())),
    "time32": Case("time32 (s, ms)", of_types(pa.time32("s"), pa.time32("ms"))),
    "time64": Case("time64 (us, ns)", of_types(pa.time64("us"), pa.time64("ns"))),
    "timestamp": Case("timestamp (s, ms, us, ns)",
                      of_numbers(pa.int64(), moment, *(pa.timestamp(unit) for unit in samples.UNITS))),
    "time-zones": Case("timestamp with time zone",
                       of_numbers(pa.int64(), moment, pa.timestamp("us", "UTC"), pa.timestamp("ms", "Europe/Paris"))),
    "time-zone-offset": Case("timestamp with zone +05:30",
                             of_numbers(pa.int64(), moment, pa.timestamp("us", "+05:30"))),
    "duration": Case("duration (s, ms, us, ns)",
                     of_numbers(pa.int64(), moment, *(pa.duration(unit) for unit in samples.UNITS))),
    "interval-months": Case("interval year-month", of_numbers(pa.int32(), months, INTERVALS[b"tiM"])),
    "interval-days": Case("interval day-time", of_numbers(pa.int64(), days_and_milliseconds, INTERVALS[b"tiD"])),
    "interval-nanos": Case("interval month-day-nano",
                           of_numbers(pa.binary(16), months_days_nanoseconds, pa.month_day_nano_interval())),
    "binary": Case("binary", of_types(pa.binary())),
    "utf8": Case("utf8", of_types(pa.string())),
    "large-binary": Case("large binary", of_types(pa.large_binary())),
    "large-utf8": Case("large utf8", of_types(pa.large_string())),
    "fixed-binary": Case("fixed size binary", of_types(pa.binary(1), pa.binary(19))),
    "fixed-binary-0": Case("fixed size binary of size 0", of_types(pa.binary(0))),
    "binary-view": Case("binary view", of_types(pa.binary_view())),
    "utf8-view": Case("utf8 view", of_types(pa.string_view())),
    "list": Case("list", of_types(pa.list_(pa.int32()), pa.list_(pa.string()))),
    "large-list": Case("large list", of_types(pa.large_list(pa.int32()), pa.large_list(pa.string()))),
    "fixed-list": Case("fixed size list", of_types(pa.list_(pa.int32(), 3), pa.list_(pa.string(), 2))),
    "fixed-list-0": Case("fixed size list of size 0", of_types(pa.list_(pa.int32(), 0))),
    "list-view": Case("list view", of_types(pa.list_view(pa.int32()), pa.list_view(pa.string()))),
    "large-list-view": Case("large list view", of_types(pa.large_list_view(pa.int32()))),
    "struct": Case("struct", of_types(pa.struct([("a", pa.int32()), ("b", pa.string())]))),
    "struct-0": Case("struct without fields", of_types(pa.struct([]))),
    "map": Case("map", of_types(pa.map_(pa.int64(), pa.string()))),
    "sorted-map": Case("map with sorted keys", sorted_maps),
    "sparse-union": Case("sparse union", of_types(pa.sparse_union(TWO_FIELDS))),
    "dense-union": Case("dense union", of_types(pa.dense_union(TWO_FIELDS))),
    "union-ids": Case("unions with type ids of their own",
                      of_types(samples.sparse_union(pa.int32(), pa.string()),
                               samples.dense_union(pa.int8(), pa.null()))),
    "runs": Case("run-end encoded, 16, 32 and 64 bit ends",
                 of_types(*(samples.runs(kind, ends) for kind, ends in
                            ((pa.string(), pa.int16()), (pa.int64(), pa.int32()), (pa.bool_(), pa.int64()))))),
    "nested": Case("lists, maps and structs in each other", deep),
    "nested-runs": Case("run ends of structs of list views of views",
                        of_types(samples.runs(pa.struct([("a", pa.list_view(pa.string_view()))])))),
    "nested-unions": Case("unions in each other, in lists and in structs", nested_unions),
    "dictionary": Case("dictionary, utf8 by int32", of_dictionary()),
    "dictionary-integers": Case("dictionary, int64 by int8", of_dictionary(pa.int8(), pa.int64())),
    "dictionary-views": Case("dictionary, utf8 views by int16", of_dictionary(pa.int16(), pa.string_view())),
    "dictionary-unsigned": Case("dictionary, uint8 to uint64 indices", several_indices),
    "dictionary-high": Case("dictionary, uint8 index above 127", many_words),
    "dictionary-ordered": Case("dictionary, ordered", of_dictionary(ordered=True)),
    "dictionary-empty": Case("dictionary without values, all null", no_words),
    "dictionary-nulls": Case("dictionary with a null among its values", null_words),
    "dictionary-nested": Case("dictionary in a dictionary and in a list", nested_dictionary),
    "dictionary-grown": Case("dictionary that grows between batches", grown),
    "dictionary-deltas": Case("dictionary deltas", grown, peers_write="deltas"),
    "dictionary-replaced": Case("dictionary replaced between batches", replaced),
    "nullability": Case("fields without nulls",
                        of_fields(pa.field("a", pa.int32(), nullable=False),
                                  pa.field("b", pa.list_(pa.field("i", pa.string(), nullable=False))))),
    "metadata": Case("metadata of schema and fields",
                     of_fields(pa.field("a", pa.int32(), metadata={"k": "v", "\u6f22": "\u5b57"}),
                               pa.field("b", pa.list_(pa.field("i", pa.int8(), metadata={"deep": "1"}))),
                               metadata={"top": "level"})),
    "extensions": Case("extension types", extensions),
    "names": Case("empty and repeated field names", of_fields(pa.field("", pa.int32()), pa.field("a", pa.int32()),
                                                              pa.field("a", pa.string()))),
    "batches": Case("several batches, some without rows", with_batches(0, 3, 0, 0, 40, 1), few=True),
    "no-rows": Case("batches without rows only", with_batches(0, 0), few=True),
    "no-batches": Case("no batches", with_batches(), few=True),
    "file": Case("IPC file with a footer", for_a_file, peers_write="file"),
    "no-columns": Case("rows without columns", without_columns, few=True),
    "lz4": Case("body compression LZ4_FRAME", text_columns, codec="lz4"),
    "zstd": Case("body compression ZSTD", text_columns, codec="zstd"),
}
