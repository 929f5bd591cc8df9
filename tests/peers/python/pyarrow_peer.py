# SPDX-License-Identifier: Apache-2.0
"""The peer pyarrow, that is Arrow C++."""

import pyarrow as pa
import serve


def read(path):
    with pa.ipc.open_stream(path) as reader:
        return serve.keep(reader, f"{path}.read")


def rewrite(source, target, how, part):
    """All batches, or a slice of each that has three rows."""
    with pa.ipc.open_stream(source) as reader:
        batches = list(reader)
    options = pa.ipc.IpcWriteOptions(compression=how if how in ("lz4", "zstd") else None,
                                     emit_dictionary_deltas=how == "deltas")
    new_writer = pa.ipc.new_file if how == "file" else pa.ipc.new_stream
    with new_writer(target, reader.schema, options=options) as writer:
        for batch in batches:
            if part == "whole":
                writer.write_batch(batch)
            elif batch.num_rows > 2:
                writer.write_batch(batch.slice(1, batch.num_rows - 2))
    return {}


serve.serve(read=read, rewrite=rewrite)
