# SPDX-License-Identifier: Apache-2.0
"""Custom metadata of record batches, which pyarrow writes and reads: kept by tee, cat and spools."""

import ctypes
import io
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
capi.LIBRARY.respool_array_metadata.restype = ctypes.c_void_p

BATCH = pa.record_batch([pa.array(range(1000)), pa.array([f"row {row}" for row in range(1000)])], names=["x", "y"])


def encode(batches, new_writer=pa.ipc.new_stream, **options):
    """Pairs of a batch and its metadata, which may be None."""
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(**options)
    with new_writer(sink, batches[0][0].schema, options=options) as writer:
        for batch, metadata in batches:
            writer.write_batch(batch, custom_metadata=metadata)
    return sink.getvalue()


def plain(metadata):
    """Pairs in order, duplicates included."""
    return list(metadata.items()) if metadata is not None else []


def decoded(data):
    """Pairs of a batch and its metadata as pyarrow reads them."""
    found = []
    with pa.ipc.open_stream(data) as reader:
        while True:
            try:
                one = reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                return found
            found.append((one.batch, one.custom_metadata))


def as_c(metadata):
    """The pairs in the encoding of the C data interface."""
    pairs = plain(pa.KeyValueMetadata(metadata)) if metadata else []
    texts = b"".join(struct.pack("=i", len(text)) + text for pair in pairs for text in pair)
    return struct.pack("=i", len(pairs)) + texts if pairs else b""


class BatchMetadata(roundtrip.RoundTrip):
    def check(self, expected, data):
        found = decoded(data)
        self.assertEqual(len(found), len(expected))
        for (batch, metadata), (got, got_metadata) in zip(expected, found):
            self.same_batch(batch, got)
            self.assertEqual(plain(got_metadata), plain(pa.KeyValueMetadata(metadata)) if metadata else [])

    def run_tool(self, *arguments, data):
        done = subprocess.run([TOOL, *map(str, arguments)], input=data, capture_output=True, timeout=TIMEOUT)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    @staticmethod
    def some_batches(rng):
        kind = pa.struct([("a", pa.list_(pa.string())), ("b", pa.int64())])
        batch = samples.batch_of(kind, 40, rng)
        return [
            (batch, {"key": "value"}),
            (batch, None),
            (batch.slice(0, 0), None),
            (batch.slice(0, 0), {"of": "no rows"}),
            (batch, {b"\x00\xff": b"\x01\x00", "": "", "large": "x" * 5000}),
            (batch, {f"key {place}": f"value {place}" * place for place in range(50)}),
            (batch.slice(0, 0), {"last": "0"}),
        ]

    def test_tool(self):
        """The same bytes whatever way a batch takes, and when they are read and written again."""
        batches = self.some_batches(random.Random(roundtrip.seed()))
        data = encode(batches)
        copied = self.run_tool("cat", data=data)
        self.check(batches, copied)
        self.assertEqual(self.run_tool("cat", data=copied), copied)
        ways = [("-m", "0"), ("-m", "unlimited"), ("-m", "10k", "--mode", "on-limit"), ("-m", "20k"),
                ("-m", "0", "--path", self.scratch / "stored"), ("--path", self.scratch / "kept")]
        for way in ways:
            with self.subTest(way=way):
                self.assertEqual(self.run_tool("tee", "-o", "-", *way, data=data), copied)
                if "--path" in way:
                    self.assertEqual(way[-1].read_bytes(), copied)
        self.run_tool("verify", data=copied)

    def test_forms(self):
        """Both metadata versions, without continuation marker, and files (through the footer and without)."""
        batches = self.some_batches(random.Random(roundtrip.seed()))
        version = pa.ipc.MetadataVersion
        for options in ({"metadata_version": version.V4}, {"metadata_version": version.V4, "use_legacy_format": True},
                        {"metadata_version": version.V5}):
            self.check(batches, self.run_tool("cat", data=encode(batches, **options)))
        path = self.new_path()
        path.write_bytes(encode(batches, pa.ipc.new_file))
        self.check(batches, self.run_tool("cat", path, data=b""))
        self.check(batches, self.run_tool("cat", data=path.read_bytes()))

    # ---- The library --------------------------------------------------------------------------------

    def source(self, batches):
        """A stream of respool's own over what pyarrow wrote."""
        path = self.new_path()
        path.write_bytes(encode(batches))
        self.file = open(path, "rb")
        self.addCleanup(self.file.close)
        stream = capi.CStream()
        capi.call("respool_ipc_read_fd", self.file.fileno(), None, ctypes.byref(stream))
        return stream

    @staticmethod
    def replayed(spool):
        """Metadata of each batch that a reader hands out."""
        stream, array = capi.CStream(), capi.CArray()
        capi.call("respool_export", spool.spool, None, ctypes.byref(stream))
        get_next = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(stream.get_next)
        found = []
        while True:
            assert get_next(capi.address(stream), capi.address(array)) == 0
            if not array.release:
                break
            found.append(capi.metadata_bytes(capi.LIBRARY.respool_array_metadata(ctypes.byref(array))))
            columns = (ctypes.POINTER(capi.CArray) * array.n_children).from_address(array.children)
            assert not any(capi.LIBRARY.respool_array_metadata(column) for column in columns)
            capi.release(array)
        capi.release(stream)
        return found

    def written(self, spool):
        path = self.new_path()
        stream = capi.CStream()
        capi.call("respool_export", spool.spool, None, ctypes.byref(stream))
        with open(path, "wb") as file:
            capi.call("respool_ipc_write_fd", ctypes.byref(stream), file.fileno(), None, None)
        capi.release(stream)
        return path.read_bytes()

    def test_spools(self):
        """From memory and from disk; after spilling, too."""
        batches = self.some_batches(random.Random(roundtrip.seed()))
        expected = [as_c(metadata) for _, metadata in batches]
        for name, choices in roundtrip.SETTINGS.items():
            if choices.get("mode") == capi.MODE_ALL:
                choices = {**choices, "path": self.new_path()}
            with self.subTest(setting=name), capi.Spool(batches[0][0].schema, **choices) as spool:
                stream = self.source(batches)
                capi.call("respool_writer_append_stream", spool.writer, ctypes.byref(stream))
                capi.release(stream)
                spool.finish()
                self.assertEqual(self.replayed(spool), expected)
                spool.spill(0)
                self.assertEqual(self.replayed(spool), expected)
                self.check(batches, self.written(spool))

    def test_from_spool_to_spool(self):
        """The second holds arrays of the first, which is gone before they are read."""
        batches = self.some_batches(random.Random(roundtrip.seed()))
        for setting in ("memory", "mapped"):
            with capi.Spool(batches[0][0].schema, **roundtrip.SETTINGS["memory"]) as second:
                with capi.Spool(batches[0][0].schema, **roundtrip.SETTINGS[setting]) as first:
                    stream = self.source(batches)
                    capi.call("respool_writer_append_stream", first.writer, ctypes.byref(stream))
                    capi.release(stream)
                    first.finish()
                    capi.call("respool_export", first.spool, None, ctypes.byref(stream))
                    capi.call("respool_writer_append_stream", second.writer, ctypes.byref(stream))
                    capi.release(stream)
                second.finish()
                self.assertEqual(self.replayed(second), [as_c(metadata) for _, metadata in batches])

    def test_limit(self):
        """Metadata counts: much of it goes to the disk, though there are no rows."""
        empty = BATCH.slice(0, 0)
        batches = [(empty, {"text": f"{place:05}" * 2000}) for place in range(50)]
        limit, chunk, size = 100_000, 4096, 10_000
        with capi.Spool(empty.schema, memory_limit=limit, write_chunk=chunk) as spool:
            stream = self.source(batches)
            capi.call("respool_writer_append_stream", spool.writer, ctypes.byref(stream))
            capi.release(stream)
            spool.finish()
            stats = spool.stats()
            self.assertGreater(stats.batches_stored, 35)
            self.assertGreaterEqual(stats.bytes_appended, 50 * size)
            self.assertLessEqual(stats.bytes_charged_peak, limit + chunk + 2 * size)
            self.assertEqual(self.replayed(spool), [as_c(metadata) for _, metadata in batches])
            spool.spill(0)
            self.assertEqual(spool.stats().bytes_charged, 0)
            self.assertEqual(self.replayed(spool), [as_c(metadata) for _, metadata in batches])


if __name__ == "__main__":
    unittest.main()
