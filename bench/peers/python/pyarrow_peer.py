# SPDX-License-Identifier: Apache-2.0
"""pyarrow: a file written by the writer of IPC streams. Replayed through a memory map, or read where the environment
has RESPOOL_PEER_READ=file."""
import os

import pyarrow as pa
from frame import Clock, measure

BATCHES = 100000  # that are made before the time runs, at the most


def write_file(path, batches, count):
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, batches[0].schema) as writer:
        for _ in range(count // len(batches)):
            for batch in batches:
                writer.write_batch(batch)
        for batch in batches[: count % len(batches)]:
            writer.write_batch(batch)


def run(job):
    path, batches = job.path(), job.batches({"big": 64, "small": BATCHES}.get(job.workload, 16))
    with Clock() as write:
        write_file(path, batches, job.count)
    with Clock() as replay:
        file = pa.OSFile(path, "rb") if os.environ.get("RESPOOL_PEER_READ") == "file" else pa.memory_map(path)
        totals = job.sum(pa.ipc.open_stream(file))
        file.close()
    os.unlink(path)
    return write, replay, totals


measure(f"pyarrow {pa.__version__}", run)
