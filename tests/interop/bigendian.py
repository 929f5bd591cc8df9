# SPDX-License-Identifier: Apache-2.0
"""Little-endian Arrow IPC streams turned into what a big-endian machine would have written: their bodies, and the mark
in the schema. Framing and metadata are little-endian everywhere."""

import struct

import pyarrow as pa

SCHEMA, DICTIONARY, BATCH = 1, 2, 3
VIEW_INLINE = 12
BYTES = None


def number(data, at, code="I"):
    return struct.unpack_from("<" + code, data, at)[0]


def field_at(data, table, slot):
    """Where a field of a flatbuffers table lies; None where it is absent."""
    vtable = table - number(data, table, "i")
    if 4 + 2 * slot >= number(data, vtable, "H"):
        return None
    offset = number(data, vtable + 4 + 2 * slot, "H")
    return table + offset if offset else None


def referred(data, table, slot):
    at = field_at(data, table, slot)
    return at + number(data, at)


def messages(data):
    """(metadata, body) of each message up to the end marker."""
    at = 0
    while number(data, at + 4):
        size = number(data, at + 4)
        metadata = bytearray(data[at + 8 : at + 8 + size])
        length = field_at(metadata, number(metadata, 0), 3)
        body = number(metadata, length, "q") if length else 0
        at += 8 + size + body
        yield metadata, bytearray(data[at - body : at])


def marked(metadata):
    """The schema message with its byte order set: a new vtable behind it, which finds the value behind it as well."""
    metadata = bytearray(metadata)
    schema = referred(metadata, number(metadata, 0), 2)
    old = schema - number(metadata, schema, "i")
    size = max(number(metadata, old, "H"), 6)
    vtable = bytearray(metadata[old : old + size])
    value, place = len(metadata), len(metadata) + 8
    struct.pack_into("<HHH", vtable, 0, size, value + 2 - schema, value - schema)
    struct.pack_into("<i", metadata, schema, schema - place)
    metadata += struct.pack("<q", 1) + vtable
    return bytes(metadata + bytes(-len(metadata) % 8))


def value_widths(kind):
    """Widths of the numbers in a value of fixed size."""
    if pa.types.is_fixed_size_binary(kind) or kind.bit_width < 16:
        return BYTES
    return (4, 4, 8) if kind == pa.month_day_nano_interval() else (kind.bit_width // 8,)


def own_buffers(kind):
    """What the buffers of a field hold, without its children's: widths that repeat, BYTES, or "views"."""
    types = pa.types
    if types.is_dictionary(kind):
        return [BYTES, value_widths(kind.index_type)]
    if types.is_null(kind) or types.is_run_end_encoded(kind):
        return []
    if types.is_union(kind):
        return [BYTES] if kind.mode == "sparse" else [BYTES, (4,)]
    if types.is_struct(kind) or types.is_fixed_size_list(kind):
        return [BYTES]
    if kind in (pa.binary_view(), pa.string_view()):
        return [BYTES, "views"]
    if types.is_list_view(kind) or types.is_large_list_view(kind):
        return [BYTES, *[(8 if types.is_large_list_view(kind) else 4,)] * 2]
    if types.is_list(kind) or types.is_map(kind) or types.is_large_list(kind):
        return [BYTES, (8 if types.is_large_list(kind) else 4,)]
    if types.is_binary(kind) or types.is_string(kind):
        return [BYTES, (4,), BYTES]
    if types.is_large_binary(kind) or types.is_large_string(kind):
        return [BYTES, (8,), BYTES]
    return [BYTES, value_widths(kind)]


def all_buffers(kind):
    yield from own_buffers(kind)
    if pa.types.is_map(kind):
        yield from [BYTES, *all_buffers(kind.key_type), *all_buffers(kind.item_type)]
    elif pa.types.is_run_end_encoded(kind):
        yield from [*all_buffers(kind.run_end_type), *all_buffers(kind.value_type)]
    elif pa.types.is_nested(kind):
        for child in children_of(kind):
            yield from all_buffers(child)


def children_of(kind):
    return [kind.field(place).type for place in range(kind.num_fields)] if pa.types.is_nested(kind) else []


def dictionaries_of(kinds):
    """Types of the values, in the order in which pyarrow numbers dictionaries."""
    for kind in kinds:
        if pa.types.is_dictionary(kind):
            yield kind.value_type
            yield from dictionaries_of(children_of(kind.value_type))
        else:
            yield from dictionaries_of(children_of(kind))


def turn(body, at, size, what):
    """A view of size 12 or less holds its value; a longer one a prefix, which is bytes, a buffer and an offset."""
    end = at + size
    while what is not BYTES and at < end:
        if what == "views":
            long = number(body, at, "i") > VIEW_INLINE
            widths = (4, -4, 4, 4) if long else (4, -12)
        else:
            widths = what
        for width in widths:
            if width > 0:
                body[at : at + width] = body[at : at + width][::-1]
            at += abs(width)


def codec_of(metadata, batch):
    """Which the body is compressed with; None: it is not."""
    if not field_at(metadata, batch, 3):
        return None
    compression = referred(metadata, batch, 3)
    codec = field_at(metadata, compression, 0)
    return "zstd" if codec and metadata[codec] == 1 else "lz4"


def repacked(metadata, batch, body, change):
    """The body with the content of each buffer, but for its length, changed; buffers are moved as they need."""
    entry = referred(metadata, batch, 2) + 4
    packed = bytearray()
    for _ in range(number(metadata, entry - 4)):
        offset, size = struct.unpack_from("<qq", metadata, entry)
        content = body[offset : offset + size]
        if size:
            content = change(content)
        struct.pack_into("<qq", metadata, entry, len(packed), len(content))
        packed += content + bytes(-len(content) % 8)
        entry += 16
    length = field_at(metadata, number(metadata, 0), 3)
    if length:
        struct.pack_into("<q", metadata, length, len(packed))
    return packed


def turn_compressed(metadata, batch, body, kinds):
    """As a body that is not compressed, with the lengths, which are little-endian, as they are."""
    codec = codec_of(metadata, batch)
    held = []

    def unpack(content):
        held.append(number(content, 0, "q"))
        size = held[-1] if held[-1] >= 0 else len(content) - 8
        return bytes(content[8:]) if held[-1] < 0 else pa.decompress(content[8:], size, codec, asbytes=True)

    def pack(content):
        length = held.pop(0)
        return struct.pack("<q", length) + (content if length < 0 else pa.compress(content, codec, asbytes=True))

    body = repacked(metadata, batch, body, unpack)
    turn_body(metadata, batch, body, kinds)
    return repacked(metadata, batch, body, pack)


def turn_batch(metadata, batch, body, kinds):
    if codec_of(metadata, batch):
        return turn_compressed(metadata, batch, body, kinds)
    turn_body(metadata, batch, body, kinds)
    return body


def turn_body(metadata, batch, body, kinds):
    buffers = referred(metadata, batch, 2) + 4
    counts = field_at(metadata, batch, 4)
    variadic = referred(metadata, batch, 4) + 4 if counts else None
    for kind in kinds:
        for what in all_buffers(kind):
            turn(body, number(metadata, buffers, "q"), number(metadata, buffers + 8, "q"), what)
            buffers += 16
            if what == "views":
                buffers += 16 * number(metadata, variadic, "q")
                variadic += 8


def turn_dictionary(metadata, table, body, schema):
    place = field_at(metadata, table, 0)
    kind = list(dictionaries_of(schema.types))[number(metadata, place, "q") if place else 0]
    return turn_batch(metadata, referred(metadata, table, 1), body, [kind])


def turned(data, schema):
    result = bytearray()
    for metadata, body in messages(data):
        kind = metadata[field_at(metadata, number(metadata, 0), 1)]
        table = referred(metadata, number(metadata, 0), 2)
        if kind == SCHEMA:
            metadata = marked(metadata)
        elif kind == DICTIONARY:
            body = turn_dictionary(metadata, table, body, schema)
        else:
            body = turn_batch(metadata, table, body, schema.types)
        result += b"\xff\xff\xff\xff" + struct.pack("<i", len(metadata)) + metadata + body
    return bytes(result + b"\xff\xff\xff\xff\0\0\0\0")
