# SPDX-License-Identifier: Apache-2.0
"""librespool through ctypes: the declarations of the header that the tests use, and two thin classes over them."""

import ctypes
import errno
import os
from ctypes import POINTER, byref, c_char, c_char_p, c_int32, c_int64, c_size_t, c_void_p

import pyarrow as pa

OK, END, TIMED_OUT = 0, 1, 2
INVALID, UNSUPPORTED = 10, 11
ALREADY_FINISHED, HAS_FAILED = 13, 14
IO = 22
ABANDONED, SOURCE_FAILED, RESOURCES_EXHAUSTED = 30, 32, 34
USER = 1000
MODE_DEFAULT, MODE_OVERFLOW, MODE_ON_LIMIT, MODE_ALL = 0, 1, 2, 3
REPLAY_AUTO, REPLAY_MAP, REPLAY_READ = 0, 1, 2
UNCOMPRESSED, LZ4, ZSTD, ADAPTIVE = 0, 1, 2, 3
NO_LIMIT = 2**63 - 1


class CSchema(ctypes.Structure):
    _fields_ = [
        ("format", c_char_p),
        ("name", c_char_p),
        ("metadata", c_void_p),
        ("flags", c_int64),
        ("n_children", c_int64),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


class CArray(ctypes.Structure):
    _fields_ = [
        ("length", c_int64),
        ("null_count", c_int64),
        ("offset", c_int64),
        ("n_buffers", c_int64),
        ("n_children", c_int64),
        ("buffers", c_void_p),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


class CStream(ctypes.Structure):
    _fields_ = [
        ("get_schema", c_void_p),
        ("get_next", c_void_p),
        ("get_last_error", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


class CError(ctypes.Structure):
    _fields_ = [("status", c_int32), ("os_error", c_int32), ("message", c_char * 1016)]


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("memory_limit", c_int64),
        ("path", c_char_p),
        ("directory", c_char_p),
        ("mode", c_int32),
        ("replay", c_int32),
        ("write_chunk", c_int64),
        ("defer_release", c_int32),
        ("sync_on_finish", c_int32),
        ("compression", c_int32),
        ("compression_level", c_int32),
    ]


class WriteOptions(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("compression", c_int32), ("compression_level", c_int32)]


class Stats(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("state", c_int32),
        ("mode", c_int32),
        *((name, c_int64) for name in ("memory_limit", "batches", "rows", "batches_resident", "batches_stored")),
        *((f"bytes_{name}", c_int64) for name in ("appended", "charged", "charged_peak", "pinned", "stored")),
        *((f"bytes_{name}", c_int64) for name in ("written", "catalog", "mapped", "read_buffers")),
        *((name, c_int64) for name in ("readers", "readers_waiting", "write_failures")),
        ("file_exists", c_int32),
        ("memory_backed", c_int32),
        ("batches_compressed", c_int64),
    ]


def address(structure):
    return ctypes.addressof(structure)


def release(structure):
    """Call the release callback of a structure that is ours."""
    if structure.release:
        ctypes.CFUNCTYPE(None, c_void_p)(structure.release)(address(structure))


class Error(Exception):
    def __init__(self, record):
        self.status = record.status
        self.os_error = record.os_error
        self.text = record.message.decode()
        super().__init__(f"{self.status} ({errno.errorcode.get(self.os_error, self.os_error)}): {self.text}")


def load():
    library = ctypes.CDLL(os.environ["RESPOOL_TEST_LIBRARY"])
    error = POINTER(CError)
    status_functions = {
        "respool_create": [POINTER(CSchema), POINTER(Options), POINTER(c_void_p), POINTER(c_void_p)],
        "respool_writer_append": [c_void_p, POINTER(CArray)],
        "respool_writer_append_stream": [c_void_p, POINTER(CStream)],
        "respool_writer_flush": [c_void_p],
        "respool_writer_finish": [c_void_p],
        "respool_writer_fail": [c_void_p, c_int32, c_int32, c_char_p],
        "respool_spill": [c_void_p, c_int64],
        "respool_set_memory_limit": [c_void_p, c_int64],
        "respool_get_schema": [c_void_p, POINTER(CSchema)],
        "respool_get_stats": [c_void_p, POINTER(Stats)],
        "respool_export": [c_void_p, c_void_p, POINTER(CStream)],
        "respool_ipc_read_fd": [ctypes.c_int, c_void_p, POINTER(CStream)],
        "respool_ipc_write_fd": [POINTER(CStream), ctypes.c_int, c_void_p, c_void_p],
    }
    for name, arguments in status_functions.items():
        function = getattr(library, name)
        function.argtypes = [*arguments, error]
        function.restype = c_int32
    for name in ("respool_writer_close", "respool_release"):
        getattr(library, name).argtypes = [c_void_p]
        getattr(library, name).restype = None
    library.respool_options_init.argtypes = [POINTER(Options), c_size_t]
    library.respool_options_init.restype = None
    return library


LIBRARY = load()


def call(name, *arguments):
    """Raises Error for a status that is one."""
    record = CError(status=-1)
    status = getattr(LIBRARY, name)(*arguments, byref(record))
    if status >= INVALID:
        assert record.status == status, f"{name}: status {status}, but the record says {record.status}"
        raise Error(record)
    return status


def default_options():
    options = Options()
    LIBRARY.respool_options_init(byref(options), ctypes.sizeof(options))
    return options


def reader_of(stream):
    """A stream structure that is ours becomes a pyarrow reader that owns it."""
    return pa.RecordBatchReader._import_from_c(address(stream))


def read_descriptor(descriptor):
    """Arrow IPC bytes decoded by respool, as a pyarrow reader."""
    stream = CStream()
    call("respool_ipc_read_fd", descriptor, None, byref(stream))
    return reader_of(stream)


def write_descriptor(reader, descriptor, compression=0, level=0):
    """A pyarrow reader encoded by respool."""
    stream = CStream()
    options = WriteOptions(ctypes.sizeof(WriteOptions), compression, level)
    reader._export_to_c(address(stream))
    try:
        call("respool_ipc_write_fd", byref(stream), descriptor, byref(options), None)
    finally:
        release(stream)


class Spool:
    """A spool with its writer. Use as a context manager; leaving it releases both."""

    def __init__(self, schema, **choices):
        self.spool, self.writer = c_void_p(), c_void_p()
        options = default_options()
        for name, value in choices.items():
            setattr(options, name, os.fsencode(value) if name in ("path", "directory") else value)
        exported = CSchema()
        schema._export_to_c(address(exported))
        try:
            call("respool_create", byref(exported), byref(options), byref(self.spool), byref(self.writer))
        finally:
            release(exported)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close_writer()
        LIBRARY.respool_release(self.spool)

    def append(self, batch):
        """A RecordBatch, or a StructArray, whose own offset then reaches the library."""
        array = CArray()
        batch._export_to_c(address(array))
        try:
            call("respool_writer_append", self.writer, byref(array))
            assert not array.release, "append answered OK but left the array with the caller"
        except Error:
            assert array.release, "append failed but took the array"
            raise
        finally:
            release(array)

    def append_reader(self, reader):
        stream = CStream()
        reader._export_to_c(address(stream))
        try:
            call("respool_writer_append_stream", self.writer, byref(stream))
        finally:
            release(stream)

    def flush(self):
        call("respool_writer_flush", self.writer)

    def finish(self):
        call("respool_writer_finish", self.writer)

    def fail(self, status, os_error, message):
        call("respool_writer_fail", self.writer, status, os_error, message.encode())

    def spill(self, target):
        call("respool_spill", self.spool, target)

    def set_memory_limit(self, limit):
        call("respool_set_memory_limit", self.spool, limit)

    def close_writer(self):
        LIBRARY.respool_writer_close(self.writer)
        self.writer = None

    def c_schema(self):
        schema = CSchema()
        call("respool_get_schema", self.spool, byref(schema))
        return schema

    def stats(self):
        stats = Stats(struct_size=ctypes.sizeof(Stats))
        call("respool_get_stats", self.spool, byref(stats))
        return stats

    def replay(self):
        stream = CStream()
        call("respool_export", self.spool, None, byref(stream))
        return reader_of(stream)


def metadata_bytes(at):
    """Encoded metadata as it lies in memory; absent metadata and no pairs are the same."""
    if not at:
        return b""
    count = c_int32.from_address(at).value
    end = at + 4
    for _ in range(2 * count):
        end += 4 + c_int32.from_address(end).value
    return ctypes.string_at(at, end - at) if count else b""


def children_of(schema):
    pointers = (POINTER(CSchema) * schema.n_children).from_address(schema.children) if schema.n_children else ()
    return [pointer.contents for pointer in pointers]


def schema_tree(schema):
    """All that a field says: format, name, flags, metadata in order with duplicates, children, dictionary."""
    children = tuple(schema_tree(child) for child in children_of(schema))
    values = schema_tree(CSchema.from_address(schema.dictionary)) if schema.dictionary else None
    return schema.format, schema.name or b"", schema.flags, metadata_bytes(schema.metadata), children, values


def top_tree(schema):
    """The same of a whole schema, whose own name and flags say nothing."""
    return metadata_bytes(schema.metadata), schema_tree(schema)[4]
