# SPDX-License-Identifier: Apache-2.0
"""DuckDB: a table made from the source's stream and fetched again as one. A temporary table under a limit of memory,
which spills what exceeds it; or, where the environment has RESPOOL_PEER_TABLE=file, one in a database file."""
import os
import shutil

import duckdb
import pyarrow.compute as pc
from frame import Clock, measure

LIMIT = "256MiB"


def connect(job, folder):
    name = os.path.join(folder, "peer.db") if os.environ.get("RESPOOL_PEER_TABLE") == "file" else ":memory:"
    return duckdb.connect(name, config={"memory_limit": "16GiB" if job.held else LIMIT, "temp_directory": folder})


def check_strings(job, connection):
    """Offsets are other ones in batches of another size, so that the sum of all bytes tells nothing."""
    rows, ids, lengths = connection.execute("select count(*), sum(id), sum(strlen(text)) from spool").fetchone()
    cycle = job.batches(16)
    times, rest = divmod(job.count, len(cycle))
    expected = [0, 0, 0]
    for factor, part in ((times, cycle), (1, cycle[:rest])):
        for batch in part:
            texts = pc.sum(pc.binary_length(batch.column("text"))).as_py()
            for i, value in enumerate((batch.num_rows, sum(batch.column("id").to_pylist()), texts)):
                expected[i] += factor * value
    if [rows, int(ids), int(lengths)] != expected:
        raise SystemExit("what was read is not what was written")


def run(job):
    folder = job.path()
    os.mkdir(folder)
    connection = connect(job, folder)
    kind = "temp table" if os.environ.get("RESPOOL_PEER_TABLE") != "file" else "table"
    connection.register("source", job.source())
    with Clock() as write:
        connection.execute(f"create {kind} spool as select * from source")
        if kind == "table":
            connection.execute("checkpoint")
    with Clock() as replay:
        totals = job.sum(connection.sql("select * from spool").to_arrow_reader(65536))
    if job.workload == "strings":
        check_strings(job, connection)
        totals.sum = 0
    connection.close()
    shutil.rmtree(folder)
    return write, replay, totals


measure(f"duckdb {duckdb.__version__}", run)
