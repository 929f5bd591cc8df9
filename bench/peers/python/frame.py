# SPDX-License-Identifier: Apache-2.0
"""What the programs in Python share: arguments, the data as a stream, the sum of a stream, time, the line of JSON.

Data and sums are those of the library bench_source, so that no loop of Python stands between a peer and its data.
"""
import ctypes
import json
import os
import resource
import sys
import time

import pyarrow as pa

WARM_UP = 64

new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype = ctypes.py_object
new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
capsule_pointer.restype = ctypes.c_void_p
capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]

CAPSULE = b"arrow_array_stream"
STREAM_BYTES = 5 * ctypes.sizeof(ctypes.c_void_p)  # struct ArrowArrayStream


class Totals(ctypes.Structure):
    _fields_ = [("batches", ctypes.c_int64), ("rows", ctypes.c_int64), ("bytes", ctypes.c_int64),
                ("sum", ctypes.c_uint64)]


def load(path):
    library = ctypes.CDLL(path)
    library.streams_find.restype = ctypes.c_void_p
    library.streams_find.argtypes = [ctypes.c_char_p]
    library.streams_open.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p]
    library.streams_sum.argtypes = [ctypes.c_void_p, ctypes.POINTER(Totals)]
    return library


class Source:
    """`count` batches of a workload; each stream asked of it begins with the first."""

    def __init__(self, library, workload, count):
        self.library, self.workload, self.count = library, library.streams_find(workload.encode()), count
        self.streams = []

    def __arrow_c_stream__(self, requested_schema=None):
        stream = ctypes.create_string_buffer(STREAM_BYTES)
        self.streams.append(stream)  # capsules point to them
        self.library.streams_open(self.workload, self.count, stream)
        return new_capsule(ctypes.addressof(stream), CAPSULE, None)


class Job:
    def __init__(self, library, workload, count, held, directory):
        self.library, self.workload, self.count, self.held, self.directory = library, workload, count, held, directory

    def source(self):
        return Source(self.library, self.workload, self.count)

    def batches(self, most):
        """So many batches for a loop, ready made: all or, if those are more than `most`, the first of them."""
        source = Source(self.library, self.workload, min(self.count, most))
        return list(pa.RecordBatchReader.from_stream(source))

    def path(self):
        return os.path.join(self.directory, f"respool-peer-{os.getpid()}-{self.count}")

    def sum(self, stream):
        """Reads a stream to its end: an object with __arrow_c_stream__."""
        totals = Totals()
        capsule = stream.__arrow_c_stream__()
        self.library.streams_sum(capsule_pointer(capsule, CAPSULE), totals)
        return totals


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Clock:
    """`with Clock() as c: ...`, then c.seconds, and c.cpu of all threads."""

    def __enter__(self):
        self.cpu, self.seconds = cpu_seconds(), time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds, self.cpu = time.monotonic() - self.seconds, cpu_seconds() - self.cpu


def peak_kib():
    with open("/proc/self/status") as status:
        return next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)


def measure(version, run):
    """`run(job)` answers two clocks, for writing and for replaying, and the totals of what was read. A run of a few
    batches goes before, so that everything is there that is made once."""
    if len(sys.argv) != 6:
        sys.exit("usage: PROGRAM WORKLOAD BATCHES spilled|held DIRECTORY LIBRARY")
    workload, count, mode, directory = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    library = load(sys.argv[5])
    run(Job(library, workload, min(count, WARM_UP), mode == "held", directory))
    write, replay, totals = run(Job(library, workload, count, mode == "held", directory))
    print(json.dumps({
        "version": version, "write": write.seconds, "replay": replay.seconds, "write_cpu": write.cpu,
        "replay_cpu": replay.cpu, "rows": totals.rows, "sum": f"{totals.sum:016x}", "peak_kib": peak_kib()}))
