# SPDX-License-Identifier: Apache-2.0
"""The neutral text form of a stream's content, in which readings by different implementations are compared.

{"fields": [FIELD...], "metadata": {...}, "batches": [[rows, [VALUE...]...]...]}, one list of values for each column.

FIELD is {"name", "format", "flags", "metadata", "children", "dictionary"}, with the format strings and the flags of
the C data interface. VALUE does not depend on the layout: null; true and false; integers, dates, times, timestamps and
durations as decimal integers in a string; decimals as the unscaled integer in a string; floats as the hexadecimal
digits of their bits; intervals as their integers in a string, separated by commas; text as it is; bytes as hexadecimal
digits; lists and maps as arrays; structs as arrays without the names; unions as [type id, value]; dictionaries and runs
decoded.
"""

import pyarrow as pa

import capi
import samples

FIXED_WIDTHS = {"tiM": (4,), "tiD": (4, 4), "tin": (4, 4, 8)}
FOREIGN = {"tiM": pa.int32(), "tiD": pa.int64()}


# ---- schema


def pairs(metadata):
    """Encoded metadata of the C data interface as a dictionary."""
    result, at = {}, 4
    for _ in range(int.from_bytes(metadata[:4], "little")):
        texts = []
        for _ in range(2):
            size = int.from_bytes(metadata[at : at + 4], "little")
            texts.append(metadata[at + 4 : at + 4 + size].decode())
            at += 4 + size
        result[texts[0]] = texts[1]
    return result


def field_text(schema):
    dictionary = capi.CSchema.from_address(schema.dictionary) if schema.dictionary else None
    return {
        "name": (schema.name or b"").decode(),
        "format": schema.format.decode(),
        "flags": schema.flags,
        "metadata": pairs(capi.metadata_bytes(schema.metadata)),
        "children": [field_text(child) for child in capi.children_of(schema)],
        "dictionary": {**field_text(dictionary), "name": ""} if dictionary else None,
    }


def schema_text(schema):
    exported = capi.CSchema()
    schema._export_to_c(capi.address(exported))
    top = field_text(exported)
    capi.release(exported)
    return {"fields": top["children"], "metadata": top["metadata"]}


# ---- values


def validity(array):
    bitmap = array.buffers()[0]
    if bitmap is None or pa.types.is_union(array.type):
        return [True] * len(array)
    bits = memoryview(bitmap)
    return [bits[slot // 8] >> (slot % 8) & 1 == 1 for slot in range(array.offset, array.offset + len(array))]


def fixed_width(array, width, buffer=1):
    """The bytes of each slot."""
    start, data = array.offset * width, memoryview(array.buffers()[buffer] or b"")
    return [bytes(data[start + slot * width : start + (slot + 1) * width]) for slot in range(len(array))]


def integers(data, widths):
    numbers, at = [], 0
    for width in widths:
        numbers.append(str(int.from_bytes(data[at : at + width], "little", signed=True)))
        at += width
    return ",".join(numbers)


def leaf_values(array, code):
    types, kind = pa.types, array.type
    if types.is_boolean(kind):
        return array.to_pylist()
    if types.is_unsigned_integer(kind):
        return [str(value) for value in array.to_pylist()]
    if types.is_floating(kind):
        return [data[::-1].hex() for data in fixed_width(array, kind.bit_width // 8)]
    if code in FIXED_WIDTHS:
        return [integers(data, FIXED_WIDTHS[code]) for data in fixed_width(array, sum(FIXED_WIDTHS[code]))]
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return array.to_pylist()
    if types.is_fixed_size_binary(kind):
        return [data.hex() for data in fixed_width(array, kind.byte_width)]
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        return [None if value is None else value.hex() for value in array.to_pylist()]
    width = kind.bit_width // 8
    return [integers(data, (width,)) for data in fixed_width(array, width)]


def list_bounds(array):
    types, kind = pa.types, array.type
    if types.is_fixed_size_list(kind):
        size = kind.list_size
        return [((array.offset + slot) * size, (array.offset + slot + 1) * size) for slot in range(len(array))]
    offsets = array.offsets.to_pylist()
    if types.is_list_view(kind) or types.is_large_list_view(kind):
        return [(start, start + size) for start, size in zip(offsets, array.sizes.to_pylist())]
    return list(zip(offsets, offsets[1:]))


def list_values(array, field):
    # Of a map too: its keys and items as pyarrow gives them leave out the offset of the entries.
    inner = column_values(array.values, field["children"][0])
    return [inner[start:end] for start, end in list_bounds(array)]


def union_values(array, field):
    children = [column_values(array.field(place), child) for place, child in enumerate(field["children"])]
    places = {code: place for place, code in enumerate(array.type.type_codes)}
    codes = [data[0] for data in fixed_width(array, 1)]
    slots = range(len(array))
    if array.type.mode == "dense":
        slots = [int.from_bytes(data, "little") for data in fixed_width(array, 4, buffer=2)]
    return [[code, children[places[code]][slot]] for code, slot in zip(codes, slots)]


def run_values(array, field):
    values, result, start = column_values(array.values, field["children"][1]), [], 0
    for end, value in zip(array.run_ends.to_pylist(), values):
        result += [value] * (end - start)
        start = end
    return result[array.offset : array.offset + len(array)]


def column_values(array, field):
    types = pa.types
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    kind = array.type
    if types.is_null(kind):
        return [None] * len(array)
    if types.is_union(kind):
        return union_values(array, field)
    if types.is_run_end_encoded(kind):
        return run_values(array, field)
    if types.is_dictionary(kind):
        words = column_values(array.dictionary, field["dictionary"])
        return [None if index is None else words[index] for index in array.indices.to_pylist()]
    if types.is_struct(kind):
        children = [column_values(array.field(place), child) for place, child in enumerate(field["children"])]
        values = [list(row) for row in zip(*children)] if children else [[] for _ in range(len(array))]
    elif types.is_nested(kind):
        values = list_values(array, field)
    else:
        values = leaf_values(array, field["format"])
    return [value if valid else None for value, valid in zip(values, validity(array))]


def readable(batch, fields):
    """Columns of intervals as columns of the same width that pyarrow can show."""
    if not any(field["format"] in FOREIGN for field in fields):
        return batch
    # Not its columns are asked for, which pyarrow has no class for.
    kinds = [FOREIGN.get(field["format"], kind) for field, kind in zip(fields, batch.schema.types)]
    return samples.reinterpret(batch, pa.schema([(field["name"], kind) for field, kind in zip(fields, kinds)]))


def batch_text(batch, fields):
    batch = readable(batch, fields)
    return [batch.num_rows, *(column_values(column, field) for column, field in zip(batch.columns, fields))]


def content(schema, batches):
    """The form of a schema and its batches."""
    text = schema_text(schema)
    return {**text, "batches": [batch_text(batch, text["fields"]) for batch in batches]}
