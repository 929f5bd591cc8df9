# SPDX-License-Identifier: Apache-2.0
"""batchcorder: StreamCache, which pulls all of the source, and one reader of it. Spilled: every batch to its file as it
comes, none kept in memory; held: memory only."""
import importlib.metadata
import os
import shutil

from batchcorder import StreamCache
from frame import Clock, measure

DISK = 1 << 40


def run(job):
    folder = job.path()
    if not job.held:
        os.mkdir(folder)
    with Clock() as write:
        where = {} if job.held else {"memory_capacity": 0, "disk_path": folder, "disk_capacity": DISK}
        cache = StreamCache(job.source(), **where)
        cache.ingest_all()
    with Clock() as replay:
        totals = job.sum(cache.reader())
    cache.close()
    shutil.rmtree(folder, ignore_errors=True)
    return write, replay, totals


measure(f"batchcorder {importlib.metadata.version('batchcorder')}", run)
