# SPDX-License-Identifier: Apache-2.0
"""The forms that Arrow IPC had and has: each is read as the same stream, and what is none of them is refused."""
import itertools
import struct

import kit

SCHEMA = "--schema=a:int64,b:utf8,c:list<struct<x:int8,y:bool>>,d:null,e:fixed_size_list<float32>(2)"
BUFFERS = [("a", "validity"), ("a", "value"), ("b", "validity"), ("b", "offset"), ("b", "data"), ("c", "validity"),
           ("c", "offset"), ("c.item", "validity"), ("c.item.x", "validity"), ("c.item.x", "value"),
           ("c.item.y", "validity"), ("c.item.y", "value"), ("e", "validity"), ("e.item", "validity"),
           ("e.item", "value")]


def number(data, at, code="I"):
    return struct.unpack_from("<" + code, data, at)[0]


def slot(data, table, index):
    """Position of a flatbuffer table's field."""
    vtable = table - number(data, table, "i")
    assert 4 + 2 * index < number(data, vtable, "H") and number(data, vtable + 4 + 2 * index, "H")
    return table + number(data, vtable + 4 + 2 * index, "H")


def header(metadata):
    at = slot(metadata, number(metadata, 0), 2)
    return at + number(metadata, at)


def with_features(metadata, features):
    """The schema message with its fourth field: its table gets a vtable behind all, which finds the list there, too."""
    table = header(metadata)
    vtable = table - number(metadata, table, "i")
    fields = bytes(metadata[vtable : vtable + number(metadata, vtable, "H")]).ljust(12, b"\0")
    value = len(metadata)
    place = value + 8 + 8 * len(features)
    fields = struct.pack("<HH", 12, value + 4 - table) + fields[4:10] + struct.pack("<H", value - table)
    metadata += struct.pack("<II%dq" % len(features), 4, len(features), *features) + fields
    metadata += bytes(-len(metadata) % 8)
    struct.pack_into("<i", metadata, table, table - place)
    return metadata


def buffers_of(metadata):
    """Where the entries of a batch's buffers are."""
    at = slot(metadata, header(metadata), 2)
    at += number(metadata, at)
    return [at + 4 + 16 * place for place in range(number(metadata, at))]


def laid_out(metadata, body, alignment, shift=0):
    """The body with its buffers at other places."""
    packed = bytearray(shift)
    for entry in buffers_of(metadata):
        offset, size = number(metadata, entry, "q"), number(metadata, entry + 8, "q")
        struct.pack_into("<q", metadata, entry, len(packed))
        packed += body[offset : offset + size]
        packed += bytes(-(len(packed) - shift) % alignment)
    packed += bytes(-len(packed) % 8)
    struct.pack_into("<q", metadata, slot(metadata, number(metadata, 0), 3), len(packed))
    return packed


def rebuilt(data, version=5, legacy=False, alignment=64, shift=0, end=True, features=None):
    """A stream of the tool's in another form. Without continuation marker, flatbuffers start at 4 of 8 bytes."""
    out = bytearray()
    for message in kit.messages(data):
        if message.kind == kit.END:
            break
        metadata, body = bytearray(data[message.begin + 8 : message.body]), data[message.body : message.end]
        struct.pack_into("<h", metadata, slot(metadata, number(metadata, 0), 0), version - 1)
        if message.kind == kit.BATCH:
            body = laid_out(metadata, body, alignment, shift)
        elif features is not None:
            metadata = with_features(metadata, features)
        if legacy:
            metadata += bytes(4)
        out += (b"" if legacy else b"\xff\xff\xff\xff") + struct.pack("<i", len(metadata)) + metadata + body
    return bytes(out + ((b"" if legacy else b"\xff\xff\xff\xff") + bytes(4) if end else b""))


class Forms(kit.ToolTest):
    def setUp(self):
        super().setUp()
        self.data = self.gen("--rows=50", "--batch-rows=10", SCHEMA, "--null-rate=0.2")

    def same(self, data, *options):
        """From a file that can seek, and through a pipe."""
        self.assertEqual(self.ok("cat", *options, self.write("in", data)), self.data)
        self.assertEqual(self.ok("cat", *options, data=data), self.data)
        self.assertEqual(self.ok("tee", "-m0", *options, data=data), self.data)
        self.ok("verify", *options, data=data)

    def refused(self, expected, data, *options):
        for command in ("cat", "tee", "verify"):
            self.bad(1, expected, command, *options, self.write("in", data))
            self.bad(1, expected, command, *options, data=data)

    def test_as_it_is(self):
        self.assertEqual(rebuilt(self.data), self.data)

    def test_versions_framing_and_alignment(self):
        for version, legacy, alignment in itertools.product((4, 5), (False, True), (8, 16, 64)):
            with self.subTest(version=version, legacy=legacy, alignment=alignment):
                data = rebuilt(self.data, version, legacy, alignment)
                self.same(data)
                self.same(rebuilt(self.data, version, legacy, alignment, shift=8))
                info = self.ok("info", data=data).decode()
                self.assertIn("metadata V%d, little-endian" % version, info)

    def test_files(self):
        for version, alignment in itertools.product((4, 5), (8, 64)):
            with self.subTest(version=version, alignment=alignment):
                self.same(kit.as_file(rebuilt(self.data, version, False, alignment)))

    def test_missing_end(self):
        for legacy in (False, True):
            data = rebuilt(self.data, legacy=legacy, end=False)
            self.refused("after 5 batches without an end-of-stream marker", data)
            self.same(data, "--allow-missing-end")
            self.assertIn(b"end marker: missing", self.ok("info", data=data))

    def test_less_aligned(self):
        """Buffers at 4 of 8 bytes are not what the format allows. The first one that has bytes is named."""
        self.refused("batch 0: field 'a': validity buffer at 4, not a multiple of 8", rebuilt(self.data, shift=4))

    def test_features(self):
        """Dictionary replacement (1) and compressed bodies (2) are known, whether or not they are made use of."""
        for features in ([], [1], [2], [1, 2], [2, 1, 1]):
            self.same(rebuilt(self.data, features=features))
        for features in ([3], [1, 2, 3], [2**62], [-1]):
            unknown = features[-1] % 2**64
            self.refused("feature %d, which is not supported" % unknown, rebuilt(self.data, features=features))

    def test_other_versions(self):
        for version in (1, 2, 3, 6, 7, 1000):
            data = rebuilt(self.data, version)
            self.refused(r"metadata version %d is not supported \(V4 and V5 are\)" % version, data)
            self.bad(1, "metadata version %d" % version, "info", self.write("in", data))

    def test_errors_name_batch_field_and_buffer(self):
        message = [message for message in kit.messages(self.data) if message.kind == kit.BATCH][2]
        metadata = self.data[message.begin + 8 : message.body]
        entries = buffers_of(metadata)
        self.assertEqual(len(entries), len(BUFFERS))
        size = message.end - message.body
        for entry, (field, buffer) in zip(entries, BUFFERS):
            where = message.begin + 8 + entry
            damages = [(where, size + 8, "in a body of %d" % size), (where, -8, " at -8"),
                       (where + 8, size + 1, "in a body of %d" % size), (where + 8, -1, "with -1 bytes")]
            if buffer not in ("validity", "data"):
                damages.append((where + 8, 1, "of 1 bytes, too small for"))
            for at, value, text in damages:
                with self.subTest(field=field, buffer=buffer, value=value):
                    data = bytearray(self.data)
                    struct.pack_into("<q", data, at, value)
                    expected = "batch 2: field '%s': %s buffer.*%s" % (field, buffer, text)
                    self.bad(1, expected, "verify", data=bytes(data))


if __name__ == "__main__":
    kit.main()
