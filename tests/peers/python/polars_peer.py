# SPDX-License-Identifier: Apache-2.0
"""The peer polars."""

import polars
import serve


def read(path):
    return serve.keep(polars.read_ipc_stream(path), f"{path}.read")


def rewrite(source, target, how, part):
    """All rows, or a slice of them."""
    frame = polars.read_ipc_stream(source)
    if part == "slices":
        frame = frame.slice(1, frame.height - 2) if frame.height > 2 else frame.clear()
    if how == "deltas":
        return {"absent": "its writer has no deltas"}
    if how == "file":
        frame.write_ipc(target, compression="uncompressed")
    else:
        frame.write_ipc_stream(target, compression={"plain": "uncompressed"}.get(how, how))
    return {}


serve.serve(read=read, rewrite=rewrite)
