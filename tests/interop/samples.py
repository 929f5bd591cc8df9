# SPDX-License-Identifier: Apache-2.0
"""Arrays to try: every type, with nulls, nested in each other, sliced and put at offsets in many ways."""

import struct
import sys

import pyarrow as pa

import capi

NULL_RATE = 0.2
WRITER_SLACK = 128  # bytes: the writer of pyarrow may read beyond the buffers of a union that has an offset
VIEW_INLINE = 12  # bytes of a value that a view holds itself
UNITS = ("s", "ms", "us", "ns")
UNION_CODES = [5, 127, 0, 7, 1]
LEAF_TYPES = [
    pa.null(),
    pa.bool_(),
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float16(), pa.float32(), pa.float64()),
    *(pa.decimal32(9, 2), pa.decimal64(18, -3), pa.decimal128(38, 10), pa.decimal256(76, 0)),
    *(pa.date32(), pa.date64()),
    *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
    *(pa.timestamp(unit) for unit in UNITS),
    *(pa.timestamp("s", "UTC"), pa.timestamp("us", "Europe/Paris"), pa.timestamp("ns", "+05:30")),
    *(pa.duration(unit) for unit in UNITS),
    pa.month_day_nano_interval(),
    *(pa.binary(1), pa.binary(19), pa.binary(0)),
    *(pa.binary(), pa.string(), pa.large_binary(), pa.large_string()),
    *(pa.binary_view(), pa.string_view()),
]


def sparse_union(*kinds):
    return pa.sparse_union([pa.field(f"f{place}", kind) for place, kind in enumerate(kinds)], UNION_CODES[: len(kinds)])


def dense_union(*kinds):
    return pa.dense_union([pa.field(f"f{place}", kind) for place, kind in enumerate(kinds)], UNION_CODES[: len(kinds)])


def runs(inner, ends=pa.int32()):
    return pa.run_end_encoded(ends, inner)


# What is laid out in many ways for the same values: tried with fewer leaves.
SPECIAL_LEAF_TYPES = [pa.null(), pa.bool_(), pa.int32(), pa.binary(19), pa.string(), pa.string_view()]

SPECIAL_NESTINGS = {
    "list view": pa.list_view,
    "large list view": pa.large_list_view,
    "sparse union": lambda inner: sparse_union(inner, pa.int16()),
    "dense union": lambda inner: dense_union(pa.int64(), inner, pa.binary_view()),
    "run ends": runs,
    "run ends of lists": lambda inner: runs(pa.list_(inner), pa.int16()),
    "run ends of structs": lambda inner: runs(pa.struct([("a", inner), ("b", pa.list_view(inner))]), pa.int64()),
    "struct of run ends": lambda inner: pa.struct([("a", runs(inner)), ("b", runs(sparse_union(inner), pa.int16()))]),
    "list of run ends": lambda inner: pa.list_(runs(inner)),
    "list view of run ends": lambda inner: pa.large_list_view(runs(inner, pa.int64())),
    "list view of list views": lambda inner: pa.list_view(pa.list_view(inner)),
    "fixed list of list views": lambda inner: pa.list_(pa.list_view(inner), 2),
    "fixed list of run ends": lambda inner: pa.list_(runs(inner, pa.int16()), 3),
    "fixed list of unions": lambda inner: pa.list_(sparse_union(inner, dense_union(inner)), 2),
    "map of unions": lambda inner: pa.map_(pa.string_view(), dense_union(inner, pa.list_view(inner))),
    "struct of unions": lambda inner: pa.struct([("a", dense_union(inner, pa.null())), ("b", sparse_union(inner))]),
    "dense union of all": lambda inner: dense_union(
        pa.list_(inner), dense_union(inner, pa.bool_()), runs(inner), sparse_union(inner), pa.list_(inner, 2)
    ),
    "sparse union of all": lambda inner: sparse_union(
        pa.struct([("a", inner)]), dense_union(inner, pa.int8()), runs(inner), pa.list_view(inner), pa.list_(inner, 2)
    ),
}

NESTINGS = {
    "plain": lambda inner: inner,
    "list": pa.list_,
    "large list": pa.large_list,
    "fixed list": lambda inner: pa.list_(inner, 3),
    "struct": lambda inner: pa.struct([("a", inner), ("b", pa.int16())]),
    "map": lambda inner: pa.map_(pa.string(), inner),
    "list of lists": lambda inner: pa.list_(pa.list_(inner)),
    "fixed list of structs": lambda inner: pa.list_(pa.struct([("a", inner)]), 2),
    "struct of fixed lists": lambda inner: pa.struct([("a", pa.list_(inner, 3)), ("b", pa.list_(inner, 0))]),
    "list of structs of lists": lambda inner: pa.list_(pa.struct([("a", pa.large_list(inner)), ("b", inner)])),
    "map of maps": lambda inner: pa.map_(pa.int64(), pa.map_(pa.string(), inner, keys_sorted=True)),
    **SPECIAL_NESTINGS,
}

# Every pair of them that is tried.
NESTED_LEAVES = [(nesting, leaf) for nesting in NESTINGS
                 for leaf in (SPECIAL_LEAF_TYPES if nesting in SPECIAL_NESTINGS else LEAF_TYPES)]


# ---- random values


def some_text(rng):
    return "".join(rng.choice("ab0 \"\\\n\u00e9\u20ac\u6f22\U0001f600\0") for _ in range(rng.choice((0, 1, 3, 8, 40))))


def decimals(kind, count, rng):
    size, limit = kind.bit_width // 8, 10**kind.precision
    values = [rng.choice((0, 1, -1, limit - 1, 1 - limit, rng.randrange(limit))) for _ in range(count)]
    packed = b"".join(value.to_bytes(size, sys.byteorder, signed=True) for value in values)
    return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(packed)])


def raw_array(kind, width, count, rng):
    """Fixed-width values of random bits."""
    return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(rng.randbytes(width * count))])


def view_values(kind, count, rng):
    """Short values and long ones, from several buffers: in no order, shared, overlapping, with gaps; one not used."""
    alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789 .,;:-_"
    data = [bytes(rng.choices(alphabet, k=rng.choice((13, 40, 700)))) for _ in range(rng.randrange(4))]
    data.append(b"not used at all")
    views = []
    for _ in range(count):
        buffer = rng.randrange(len(data))
        size = rng.choice((0, 3, 12, 13, 30))
        if size <= VIEW_INLINE or size > len(data[buffer]) or buffer == len(data) - 1:
            size = min(size, VIEW_INLINE)
            views.append(struct.pack("=i12s", size, bytes(rng.choices(alphabet, k=size))))
        else:
            start = rng.randrange(len(data[buffer]) - size + 1)
            views.append(struct.pack("=i4sii", size, data[buffer][start : start + 4], buffer, start))
    return pa.Array.from_buffers(kind, count, [None, *map(pa.py_buffer, (b"".join(views), *data))])


def leaf_values(kind, count, rng):
    """An array without nulls."""
    types = pa.types
    if types.is_null(kind):
        return pa.nulls(count)
    if types.is_boolean(kind):
        return pa.array([rng.random() < 0.5 for _ in range(count)], kind)
    if types.is_floating(kind):
        numbers = (0.0, -0.0, 1.5, float("inf"), float("-inf"))
        return pa.array([rng.choice((*numbers, rng.randrange(2048) / 8)) for _ in range(count)], kind)
    if types.is_decimal(kind):
        return decimals(kind, count, rng)
    if types.is_date64(kind):
        return pa.array([rng.randrange(-1000, 1000) * 86_400_000 for _ in range(count)], pa.int64()).view(kind)
    if types.is_time(kind):
        whole = pa.int32() if kind.bit_width == 32 else pa.int64()
        return pa.array([rng.randrange(86_400) for _ in range(count)], whole).view(kind)
    if types.is_string(kind) or types.is_large_string(kind):
        return pa.array([some_text(rng) for _ in range(count)], kind)
    if types.is_binary(kind) or types.is_large_binary(kind):
        return pa.array([rng.randbytes(rng.choice((0, 1, 5, 70))) for _ in range(count)], kind)
    if types.is_fixed_size_binary(kind):
        return pa.array([rng.randbytes(kind.byte_width) for _ in range(count)], kind)
    if types.is_string_view(kind) or types.is_binary_view(kind):
        return view_values(kind, count, rng)
    return raw_array(kind, kind.bit_width // 8, count, rng)


def bitmap(count, null_rate, rng):
    """A validity bitmap and its number of nulls; none where nothing is null."""
    bits = [rng.random() >= null_rate for _ in range(count)]
    if all(bits):
        return None, 0
    packed = bytearray((count + 7) // 8)
    for slot, bit in enumerate(bits):
        packed[slot // 8] |= bit << (slot % 8)
    return pa.py_buffer(bytes(packed)), count - sum(bits)


def offsets_of(count, large, rng):
    values = [0]
    for _ in range(count):
        values.append(values[-1] + rng.choice((0, 0, 1, 2, 5)))
    return pa.array(values, pa.int64() if large else pa.int32()), values[-1]


def with_validity(array, count, null_rate, rng):
    """The same values, some of them null."""
    if not has_validity(array.type):
        return array
    validity, nulls = bitmap(count, null_rate, rng)
    return pa.Array.from_buffers(
        array.type, count, [validity, *own_buffers(array)[1:]], nulls, 0, children=children_of(array)
    )


def has_validity(kind):
    types = pa.types
    return not (types.is_null(kind) or types.is_union(kind) or types.is_run_end_encoded(kind))


def make_list_views(kind, count, rng, child):
    """Lists in no order, overlapping, with values that no list uses."""
    number = pa.int64() if pa.types.is_large_list_view(kind) else pa.int32()
    total = rng.randrange(2 * count + 4)
    offsets = [rng.randrange(total + 1) for _ in range(count)]
    sizes = [min(rng.choice((0, 1, 2, 5)), total - offset) for offset in offsets]
    buffers = [pa.array(values, number).buffers()[1] for values in (offsets, sizes)]
    return [child(kind.value_field, total)], [None, *buffers]


def make_union(kind, count, rng, child):
    """The offsets of dense ones may be shared and leave values out."""
    codes = [rng.choice(kind.type_codes) for _ in range(count)]
    types = pa.py_buffer(bytes(codes))
    if kind.mode == "sparse":
        return [child(field, count) for field in kind], [None, types]
    lengths = {code: rng.choice((1, 5, count + 1)) for code in kind.type_codes}
    places = sorted(rng.random() for _ in codes)
    offsets = [int(place * lengths[code]) for place, code in zip(places, codes)]
    children = [child(field, lengths[code]) for field, code in zip(kind, kind.type_codes)]
    return children, [None, types, pa.array(offsets, pa.int32()).buffers()[1]]


def make_runs(kind, count, rng, child):
    """Up to `count`, or beyond."""
    ends = []
    while count > 0 and (not ends or ends[-1] < count or rng.random() < 0.3):
        ends.append((ends[-1] if ends else 0) + rng.choice((1, 1, 2, 9)))
    return [pa.array(ends, kind.run_end_type), child(kind.field(1), len(ends))], [None]


def make_dictionary(kind, rng, rate):
    """The values of a type's next dictionary: those of the last one, the same with some more, or others."""
    last = rng.__dict__.setdefault("dictionaries", {})
    choice = rng.randrange(4)
    if kind not in last or choice == 0:
        last[kind] = make(kind.value_type, rng.randrange(1, 9), rng, rate)
    elif choice == 1 and len(last[kind]) < 60 and not has_dictionary(kind.value_type):
        last[kind] = pa.concat_arrays([last[kind], make(kind.value_type, 2, rng, rate)])
    return last[kind]


def make_encoded(kind, count, rng, null_rate, inner_rate):
    """Indices under nulls are any numbers; the values may be a part of something longer."""
    values = make_dictionary(kind, rng, inner_rate)
    numbers = pa.array([rng.randrange(len(values)) for _ in range(count)], kind.index_type)
    validity, nulls = bitmap(count, null_rate, rng)
    width = kind.index_type.bit_width // 8
    packed = bytearray(numbers.buffers()[1].to_pybytes()[: count * width] if count else b"")
    for slot in range(count):
        if validity is not None and not validity.to_pybytes()[slot // 8] >> (slot % 8) & 1:
            packed[slot * width : (slot + 1) * width] = rng.randbytes(width)
    indices = pa.Array.from_buffers(kind.index_type, count, [validity, pa.py_buffer(bytes(packed))], nulls)
    if rng.random() < 0.3 and not has_dictionary(kind.value_type):
        values = displaced(values, rng)
    return pa.DictionaryArray.from_arrays(indices, values, ordered=kind.ordered, safe=False)


def has_dictionary(kind):
    """pyarrow cannot put arrays of such types together where their dictionaries differ."""
    if pa.types.is_dictionary(kind):
        return True
    if isinstance(kind, pa.BaseExtensionType):
        return has_dictionary(kind.storage_type)
    if pa.types.is_run_end_encoded(kind):
        return has_dictionary(kind.value_type)
    return any(has_dictionary(kind.field(number).type) for number in range(kind.num_fields))


def make_children(kind, count, rng, rate):
    """Children and buffers of a nested type without nulls of its own."""
    types = pa.types

    def child(field, length):
        return make(field.type, length, rng, rate if field.nullable else 0, rate)

    if types.is_struct(kind):
        return [child(field, count) for field in kind], [None]
    if types.is_fixed_size_list(kind):
        return [child(kind.value_field, count * kind.list_size)], [None]
    if types.is_list_view(kind) or types.is_large_list_view(kind):
        return make_list_views(kind, count, rng, child)
    if types.is_union(kind):
        return make_union(kind, count, rng, child)
    if types.is_run_end_encoded(kind):
        return make_runs(kind, count, rng, child)
    offsets, total = offsets_of(count, types.is_large_list(kind), rng)
    if types.is_map(kind):
        entries = pa.struct([kind.key_field, kind.item_field])
        return [make(entries, total, rng, 0, rate)], [None, offsets.buffers()[1]]
    return [child(kind.value_field, total)], [None, offsets.buffers()[1]]


def make(kind, count, rng, null_rate=NULL_RATE, inner_rate=NULL_RATE):
    """A random array without offsets. Null lists may refer to values, and values lie under nulls."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.wrap_array(make(kind.storage_type, count, rng, null_rate, inner_rate))
    if pa.types.is_dictionary(kind):
        return make_encoded(kind, count, rng, null_rate, inner_rate)
    if pa.types.is_nested(kind):
        children, buffers = make_children(kind, count, rng, inner_rate)
        array = pa.Array.from_buffers(kind, count, buffers, 0, 0, children=children)
    else:
        array = leaf_values(kind, count, rng)
    return with_validity(array, count, null_rate, rng)


# ---- the parts of an array


def children_of(array):
    """The children of an array without offset."""
    kind = array.type
    if pa.types.is_struct(kind):
        return [array.field(number) for number in range(kind.num_fields)]
    if pa.types.is_union(kind):
        return [array.field(number) for number in range(kind.num_fields)]
    if pa.types.is_run_end_encoded(kind):
        return [array.run_ends, array.values]
    if pa.types.is_nested(kind):
        return [array.values]
    return []


def own_buffers(array):
    if pa.types.is_string_view(array.type) or pa.types.is_binary_view(array.type):
        return array.buffers()
    return array.buffers()[: array.type.num_buffers]


def displaced(array, rng, slack=0):
    """The same values as part of something longer, at every level: the array's own, its children's, and so on."""
    if isinstance(array, pa.ExtensionArray):
        return array.type.wrap_array(displaced(array.storage, rng, slack))
    if has_dictionary(array.type):
        return array
    shift = rng.choice((0, 1, 3, 8, 13))
    longer = pa.concat_arrays([make(array.type, shift, rng), array, make(array.type, 3, rng)])
    if not pa.types.is_nested(array.type):
        return longer.slice(shift, len(array))
    children = [displaced(child, rng, slack) for child in children_of(longer)]
    buffers = own_buffers(longer)
    if pa.types.is_union(array.type) and slack:
        buffers = [buffer and pa.py_buffer(buffer.to_pybytes() + bytes(slack)) for buffer in buffers]
    # -1: the number of nulls is for the reader to count.
    nulls = -1 if has_validity(array.type) else 0
    return pa.Array.from_buffers(array.type, len(array), buffers, nulls, shift, children=children)


def compact(array):
    """A fresh copy without offsets, of the same values."""
    return pa.concat_arrays([array, array.slice(0, 0)])


# ---- record batches


def slices_of(batch):
    """Views of a batch: at bit positions of all kinds, empty, one row, all."""
    rows = batch.num_rows
    bounds = [(0, rows), (1, rows - 1), (3, 5), (8, rows - 9), (13, rows - 13), (rows - 1, 1), (rows, 0), (0, 0)]
    return [batch.slice(start, count) for start, count in bounds if start >= 0 and count >= 0 and start + count <= rows]


def reinterpret(batch, schema):
    """The same buffers under another schema of the same layout: the way to types that pyarrow cannot make."""
    array, exported = capi.CArray(), capi.CSchema()
    batch._export_to_c(capi.address(array))
    schema._export_to_c(capi.address(exported))
    return pa.RecordBatch._import_from_c(capi.address(array), capi.address(exported))


def interval_type(code):
    """Year-month ("tiM") and day-time ("tiD") intervals, which pyarrow only takes from outside."""
    exported = capi.CSchema()
    pa.int32()._export_to_c(capi.address(exported))
    exported.format = code
    return pa.DataType._import_from_c(capi.address(exported))


def batch_of(kind, rows, rng, null_rate=NULL_RATE):
    return pa.record_batch([make(kind, rows, rng, null_rate)], names=["x"])


def displaced_batch(batch, rng, slack=0):
    columns = [displaced(column, rng, slack) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


# ---- random schemas


def random_type(rng, depth):
    if depth == 0 or rng.random() < 0.35:
        return rng.choice(LEAF_TYPES)
    choice = rng.randrange(12)
    if choice >= 10:
        values = random_type(rng, depth - 1)
        ints = (pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64())
        if pa.types.is_dictionary(values):  # which cannot be values of another
            values = pa.struct([("a", values)])
        return pa.dictionary(rng.choice(ints), values, ordered=rng.random() < 0.3)
    if choice == 0:
        return pa.list_(random_field(rng, depth - 1))
    if choice == 1:
        return pa.large_list(random_field(rng, depth - 1))
    if choice == 2:
        return pa.list_(random_field(rng, depth - 1), rng.choice((0, 1, 2, 5)))
    if choice == 3:
        key = rng.choice((pa.string(), pa.int32(), pa.binary()))
        return pa.map_(key, random_type(rng, depth - 1), keys_sorted=rng.random() < 0.5)
    if choice == 4:
        return rng.choice((pa.list_view, pa.large_list_view))(random_field(rng, depth - 1))
    if choice == 5:
        fields = [random_field(rng, depth - 1) for _ in range(rng.randrange(1, 5))]
        return rng.choice((pa.sparse_union, pa.dense_union))(fields, rng.sample(range(128), len(fields)))
    if choice == 6:
        # Run ends of 16 bits do not reach far enough for columns deep in fixed lists. pyarrow has no runs of runs.
        ends = rng.choice((pa.int16(), pa.int32(), pa.int64()) if depth > 2 else (pa.int32(), pa.int64()))
        values = random_type(rng, depth - 1)
        return values if pa.types.is_run_end_encoded(values) else pa.run_end_encoded(ends, values)
    return pa.struct([random_field(rng, depth - 1) for _ in range(rng.randrange(5))])


def random_metadata(rng):
    if rng.random() < 0.7:
        return None
    return {some_text(rng): some_text(rng) for _ in range(rng.randrange(1, 4))}


def random_field(rng, depth):
    kind = random_type(rng, depth)
    name = rng.choice(("", "a", "b", "a", some_text(rng).replace("\0", "")))
    nullable = pa.types.is_null(kind) or rng.random() < 0.8
    return pa.field(name, kind, nullable=nullable, metadata=random_metadata(rng))


def random_schema(rng, depth=4):
    return pa.schema([random_field(rng, depth) for _ in range(rng.randrange(6))], metadata=random_metadata(rng))


def random_batch(schema, rng):
    """With slices and offsets anywhere."""
    rows, skip = rng.choice((0, 1, 7, 8, 40, 130)), rng.choice((0, 0, 1, 9))
    columns = []
    for field in schema:
        null_rate = rng.choice((0, 0.2, 1)) if field.nullable else 0
        column = make(field.type, rows + skip, rng, null_rate)
        if rng.random() < 0.5:
            column = displaced(column, rng)
        columns.append(column.slice(skip))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
