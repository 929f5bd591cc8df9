# SPDX-License-Identifier: Apache-2.0
"""The peer duckdb, which reads no IPC bytes by itself: it meets respool through the C stream interface, both ways."""

import ctypes
import os

import capi
import duckdb
import pyarrow as pa
import serve

CAPSULE_NAME = b"arrow_array_stream"
new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype, new_capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


def relation_of(stream):
    """In a database of its own, as an internal error makes one unusable."""
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute("SET TimeZone = 'UTC'")
    return connection.from_arrow(stream)


class Decoded:
    """IPC bytes decoded by respool, as any object with a C stream."""

    def __init__(self, path):
        self.stream = capi.CStream()
        with open(path, "rb") as source:
            capi.call("respool_ipc_read_fd", os.dup(source.fileno()), None, ctypes.byref(self.stream))

    def __arrow_c_stream__(self, requested_schema=None):
        return new_capsule(capi.address(self.stream), CAPSULE_NAME, None)


def read(path):
    return serve.keep(relation_of(Decoded(path)), f"{path}.read")


def rewrite(source, target, how, _part):
    """What duckdb hands out is encoded by respool; and once more by pyarrow, for comparison."""
    if how != "plain":
        return {"absent": "it writes no streams itself"}
    with pa.ipc.open_stream(source) as reader:
        relation = relation_of(reader.read_all())
    capsule = relation.__arrow_c_stream__()
    stream = capi.CStream.from_address(pointer_of(capsule, CAPSULE_NAME))
    with open(target, "wb") as sink:
        capi.call("respool_ipc_write_fd", ctypes.byref(stream), sink.fileno(), None, None)
    return serve.keep(relation, f"{target}.expected")


serve.serve(read=read, rewrite=rewrite)
