# SPDX-License-Identifier: Apache-2.0
"""respool between two ends of pyarrow: its readers' streams go in and come out through the C stream interface."""
import ctypes
import itertools
import sys
from pathlib import Path

import pyarrow as pa
from frame import STREAM_BYTES, Clock, measure

BATCHES = 100000  # that are made before the time runs, at the most
NO_LIMIT = 2**63 - 1


class Options(ctypes.Structure):
    """The first fields of respool_options: a struct tells its own size."""

    _fields_ = [("struct_size", ctypes.c_size_t), ("memory_limit", ctypes.c_int64), ("path", ctypes.c_char_p),
                ("directory", ctypes.c_char_p), ("mode", ctypes.c_int32), ("replay", ctypes.c_int32)]


class Respool:
    """What is called of the shared library; what fails ends the program with the library's own words."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.respool_version.restype = ctypes.c_char_p
        for name in ("respool_release", "respool_writer_close", "respool_options_init"):
            getattr(self.library, name).restype = None

    def version(self):
        return self.library.respool_version().decode()

    def need(self, name, *arguments):
        error = ctypes.create_string_buffer(8192)
        if getattr(self.library, name)(*arguments, error) != 0:
            sys.exit(f"{name}: {error.raw[8:].split(bytes(1))[0].decode()}")

    def create(self, schema, held, directory):
        options, c_schema = Options(), ctypes.create_string_buffer(9 * 8)
        spool, writer = ctypes.c_void_p(), ctypes.c_void_p()
        self.library.respool_options_init(ctypes.byref(options), ctypes.c_size_t(ctypes.sizeof(options)))
        options.memory_limit, options.directory = NO_LIMIT if held else 0, directory.encode()
        schema._export_to_c(ctypes.addressof(c_schema))
        self.need("respool_create", c_schema, ctypes.byref(options), ctypes.byref(spool), ctypes.byref(writer))
        pa.Schema._import_from_c(ctypes.addressof(c_schema))  # which releases it
        return spool, writer

    def append(self, writer, reader):
        stream = ctypes.create_string_buffer(STREAM_BYTES)
        reader._export_to_c(ctypes.addressof(stream))
        self.need("respool_writer_append_stream", writer, stream)
        self.need("respool_writer_finish", writer)
        pa.RecordBatchReader._import_from_c(ctypes.addressof(stream))

    def replay(self, spool):
        stream = ctypes.create_string_buffer(STREAM_BYTES)
        self.need("respool_export", spool, None, stream)
        return pa.RecordBatchReader._import_from_c(ctypes.addressof(stream))

    def close(self, spool, writer):
        self.library.respool_writer_close(writer)
        self.library.respool_release(spool)


def run(job):
    batches = job.batches({"big": 64, "small": BATCHES}.get(job.workload, 16))
    with Clock() as write:
        spool, writer = respool.create(batches[0].schema, job.held, job.directory)
        all_of_them = itertools.islice(itertools.cycle(batches), job.count)
        respool.append(writer, pa.RecordBatchReader.from_batches(batches[0].schema, all_of_them))
    with Clock() as replay:
        totals = job.sum(respool.replay(spool))
    respool.close(spool, writer)
    return write, replay, totals


respool = Respool(str(next(Path(sys.argv[5]).parents[1].glob("librespool.so"))))
measure(f"respool {respool.version()}, pyarrow {pa.__version__}", run)
