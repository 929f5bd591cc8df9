# SPDX-License-Identifier: Apache-2.0
"""Damaged list views, unions, run ends and views: refused from streams and from producers, whatever their bytes."""

import ctypes
import os
import random
import struct
import subprocess
import unittest

import pyarrow as pa

import capi
import roundtrip
import samples

TOOL = os.environ["RESPOOL_TEST_TOOL"]
TIMEOUT = 120


def pack(code, *values):
    return struct.pack(f"={len(values)}{code}", *values)


def view(size, prefix, buffer, offset):
    return struct.pack("=i4sii", size, prefix, buffer, offset)


VALUE = b"A value of a view that is longer than what fits into one."
CODES = pack("b", 5, 7, 5, 5, 7, 7, 5)
DENSE = pack("i", 0, 0, 1, 2, 1, 1, 2)
OFFSETS, SIZES = (11, 0, 9, 3, 9, 2), (1, 3, 2, 5, 0, 4)
ENDS = (3, 5, 9, 11)


def union(mode):
    numbers, texts = (7, 7) if mode == "sparse" else (3, 2)
    children = [pa.array(range(numbers), pa.int64()), pa.array([b"x"] * texts)]
    types = pa.Array.from_buffers(pa.int8(), 7, [None, pa.py_buffer(CODES)])
    if mode == "sparse":
        return pa.UnionArray.from_sparse(types, children, ["a", "b"], [5, 7])
    offsets = pa.Array.from_buffers(pa.int32(), 7, [None, pa.py_buffer(DENSE)])
    return pa.UnionArray.from_dense(types, offsets, children, ["a", "b"], [5, 7])


def list_view(kind, number):
    values = pa.array(range(12), pa.int16())
    return kind.from_arrays(pa.array(OFFSETS, number), pa.array(SIZES, number), values)


def run_ends(number):
    return pa.RunEndEncodedArray.from_arrays(pa.array(ENDS, number), pa.array([1, None, 3, 4], pa.int8()))


def views(kind):
    return pa.array([VALUE, None, b"short", VALUE[::-1]], pa.binary()).cast(kind)


# For each array: what its buffer holds, and what that is made to hold, each of which makes it invalid.
FIRST = view(len(VALUE), VALUE[:4], 0, 0)
VIEWS = [(FIRST, bad) for bad in (
    view(len(VALUE), VALUE[:4], 1, 0), view(len(VALUE), VALUE[:4], -1, 0), view(len(VALUE), VALUE[:4], 2**31 - 1, 0),
    view(len(VALUE), VALUE[:4], 0, -1), view(len(VALUE), VALUE[:4], 0, 1000),
    view(len(VALUE), VALUE[:4], 0, 2**31 - 1), view(1000, VALUE[:4], 0, 0), view(2**31 - 1, VALUE[:4], 0, 0),
    view(-1, VALUE[:4], 0, 0), view(-(2**31), VALUE[:4], 0, 0),
)]
PREFIX = (FIRST, view(len(VALUE), b"a va", 0, 0))


def list_view_damage(code):
    largest = 2 ** (31 if code == "i" else 63) - 1
    offsets, sizes = pack(code, *OFFSETS), pack(code, *SIZES)
    bad = [(offsets, pack(code, offset, *OFFSETS[1:])) for offset in (12, 13, -1, largest, -largest - 1)]
    return bad + [(sizes, pack(code, size, *SIZES[1:])) for size in (2, -1, largest, -largest - 1)]


def run_end_damage(code):
    bad = [(3, 3, 9, 11), (3, 2, 9, 11), (0, 5, 9, 11), (-3, 5, 9, 11), (3, 5, 9, 10), (3, 5, 9, 9), (3, 5, 11, 9)]
    return [(pack(code, *ENDS), pack(code, *ends)) for ends in bad]


UNKNOWN = [(CODES, pack("b", 5, 7, 5, code, 7, 7, 5)) for code in (6, 0, 127, -1, -128)]
BAD_OFFSETS = ((3, 1), (2, 2), (-1, 1), (2**31 - 1, 1), (2, -(2**31)))
OUTSIDE = [(DENSE, pack("i", 0, 0, 1, *offsets, 1, 2)) for offsets in BAD_OFFSETS]

DAMAGE = {
    "sparse union": (union("sparse"), UNKNOWN),
    "dense union": (union("dense"), UNKNOWN + OUTSIDE),
    "list view": (list_view(pa.ListViewArray, pa.int32()), list_view_damage("i")),
    "large list view": (list_view(pa.LargeListViewArray, pa.int64()), list_view_damage("q")),
    "run ends of 16 bits": (run_ends(pa.int16()), run_end_damage("h")),
    "run ends of 32 bits": (run_ends(pa.int32()), run_end_damage("i")),
    "run ends of 64 bits": (run_ends(pa.int64()), run_end_damage("q")),
    "binary view": (views(pa.binary_view()), [*VIEWS, PREFIX]),
    "string view": (views(pa.string_view()), [*VIEWS, PREFIX]),
}


def encode(batch):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def places(count, array):
    """The array as column, and below others."""
    whole = pa.array([count], pa.int32())
    yield "column", array
    yield "struct", pa.StructArray.from_arrays([array], names=["inner"])
    yield "list", pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), array)
    yield "list view", pa.ListViewArray.from_arrays(pa.array([0], pa.int32()), whole, array)


class Streams(roundtrip.RoundTrip):
    def refused(self, data):
        for command in ("verify", "cat"):
            done = subprocess.run([TOOL, command, "-"], input=data, capture_output=True, timeout=TIMEOUT)
            self.assertEqual(done.returncode, 1, (command, done.stderr))
            self.assertRegex(done.stderr.decode(), r"^[^\n]*culprit[^\n]*\n$")

    def test_damage_is_found(self):
        for name, (array, damage) in DAMAGE.items():
            for where, column in (("column", array), ("struct", pa.StructArray.from_arrays([array], names=["inner"]))):
                data = encode(pa.record_batch([column], names=["culprit"]))
                for good, bad in damage:
                    with self.subTest(type=name, where=where, bytes=bad.hex(" ", 4)):
                        self.assertEqual(data.count(good), 1, "the bytes to damage are not found")
                        self.refused(data.replace(good, bad))

    def test_any_byte(self):
        """Each byte of a batch made wrong in turn: an error, or a batch that is valid."""
        arrays = [array.slice(0, 4) for array, _ in DAMAGE.values() if not pa.types.is_string_view(array.type)]
        batch = pa.RecordBatch.from_arrays(arrays, names=[str(place) for place in range(len(arrays))])
        data = encode(batch)
        start = len(batch.schema.serialize())
        path, accepted, refused = self.new_path(), 0, 0
        rng = random.Random(roundtrip.seed())
        print(f"RESPOOL_TEST_SEED={roundtrip.seed()}", flush=True)
        for place in range(start, len(data) - 8):
            for flip in (0x01, 0x80, rng.randrange(1, 256)):
                damaged = bytearray(data)
                damaged[place] ^= flip
                path.write_bytes(damaged)
                with self.subTest(place=place - start, flip=flip):
                    got = self.decoded(path)
                    if got is None:
                        refused += 1
                    else:
                        accepted += 1
                        self.check_valid(got)
        self.assertGreater(accepted, 0)
        self.assertGreater(refused, 0)

    @staticmethod
    def decoded(path):
        """The batches, or None where there is an error."""
        with open(path, "rb") as file:
            try:
                return list(capi.read_descriptor(file.fileno()))
            except (capi.Error, *roundtrip.ERRORS):
                return None

    def check_valid(self, batches):
        """Through a spool on disk too, which walks all that the batches show."""
        for batch in batches:
            batch.validate()
            with capi.Spool(batch.schema, memory_limit=0) as spool:
                spool.append(batch)
                spool.finish()
                for got in spool.replay():
                    got.validate()
                    self.assertEqual(got.num_rows, batch.num_rows)


def damaged_array(array, good, bad):
    """The same array, whose bytes are made wrong once pyarrow has looked at them."""
    found = []

    def copied(buffer):
        if buffer is None or buffer.to_pybytes()[: len(good)] != good:
            return buffer
        found.append(bytearray(buffer.to_pybytes()))
        return pa.py_buffer(found[-1])

    kind, children = array.type, samples.children_of(array) if pa.types.is_nested(array.type) else []
    if pa.types.is_run_end_encoded(kind):
        ends = children[0]
        children[0] = pa.Array.from_buffers(ends.type, len(ends), [*map(copied, ends.buffers())])
    buffers = [*map(copied, samples.own_buffers(array))]
    wrong = pa.Array.from_buffers(kind, len(array), buffers, array.null_count, 0, children=children or None)
    assert len(found) == 1, "the bytes to damage are not found"
    return wrong, lambda: found[0].__setitem__(slice(len(good)), bad)


class Producers(roundtrip.RoundTrip):
    def test_damage_is_found(self):
        """Prefixes are not looked at here: they lead nowhere."""
        for name, (array, damage) in DAMAGE.items():
            for good, bad in damage:
                if (good, bad) == PREFIX:
                    continue
                wrong, damage_it = damaged_array(array, good, bad)
                batches = [(where, pa.record_batch([column], names=["culprit"]))
                           for where, column in places(len(wrong), wrong)]
                damage_it()
                for where, batch in batches:
                    with self.subTest(type=name, where=where, bytes=bad.hex(" ", 4)):
                        self.refused(batch)

    def refused(self, batch):
        for limit in (0, capi.NO_LIMIT):
            with capi.Spool(batch.schema, memory_limit=limit) as spool:
                with self.assertRaises(capi.Error) as caught:
                    spool.append(batch)
                self.assertEqual(caught.exception.status, capi.INVALID)
                self.assertIn("culprit", caught.exception.text)
                self.assertEqual(spool.stats().batches, 0)

    def test_older_unions(self):
        """With the validity slot that unions had in the first versions of the interface."""
        for mode, first in (("sparse", 0), ("dense", 3)):
            column = union(mode)
            batch = pa.record_batch([column.slice(first), column.slice(0, 7 - first)], names=["a", "b"])
            expected = pa.record_batch(batch.columns, names=["a", "b"])
            for setting in ("memory", "mapped", "read"):
                with self.subTest(mode=mode, setting=setting):
                    with capi.Spool(batch.schema, **roundtrip.SETTINGS[setting]) as spool:
                        self.append_older(spool, batch)
                        spool.finish()
                        self.same_replay(spool, batch.schema, [expected])

    @staticmethod
    def append_older(spool, batch):
        array = capi.CArray()
        batch._export_to_c(capi.address(array))
        columns = (ctypes.POINTER(capi.CArray) * array.n_children).from_address(array.children)
        kept = []
        for column in columns:
            buffers = (ctypes.c_void_p * column.contents.n_buffers).from_address(column.contents.buffers)
            kept.append((ctypes.c_void_p * (len(buffers) + 1))(None, *buffers))
            column.contents.buffers = capi.address(kept[-1])
            column.contents.n_buffers += 1
        capi.call("respool_writer_append", spool.writer, ctypes.byref(array))
        spool.older_buffers = kept  # they must live as long as the spool may look at them

    def test_dense_offsets_in_no_order(self):
        """pyarrow calls that invalid, but all that reads them finds the rows."""
        offsets = pa.array([2, 1, 0, 1, 0, 1, 0], pa.int32())
        types = pa.Array.from_buffers(pa.int8(), 7, [None, pa.py_buffer(CODES)])
        children = [pa.array([10, 20, 30]), pa.array(["x", "y"])]
        column = pa.UnionArray.from_dense(types, offsets, children, ["a", "b"], [5, 7])
        batch = pa.record_batch([column], names=["x"])
        for setting in ("memory", "mapped", "read"):
            with capi.Spool(batch.schema, **roundtrip.SETTINGS[setting]) as spool:
                for start in range(7):
                    spool.append(batch.slice(start, 3))
                spool.finish()
                got = [one.to_pydict()["x"] for one in spool.replay()]
                self.assertEqual(got, [batch.slice(start, 3).to_pydict()["x"] for start in range(7)])


if __name__ == "__main__":
    unittest.main()
