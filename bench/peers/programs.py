# SPDX-License-Identifier: Apache-2.0
"""The programs that are compared, the workloads, and one run of one program."""
import json
import os
import subprocess
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIME_LIMIT = 300  # seconds that one run may take
SAMPLE_EVERY = 0.005


class Failed(Exception):
    pass


class Peer:
    def __init__(self, name, about, kind, held=False, sums=("big", "small", "strings"), part=1, **environment):
        self.name, self.about, self.kind, self.held = name, about, kind, held
        self.sums = sums  # workloads of which the sum of all bytes is known; of the others the program checks itself
        self.part = part  # 8: it is so slow that an eighth of the large workloads must do, for respool beside it too
        self.environment = environment


PEERS = [
    Peer("lance", "the crate's module spill, on its runtime's threads", "rust/lance", held=True),
    Peer("datafusion", "SpillManager: a spill file appended to, read with its read-ahead", "rust/datafusion"),
    Peer("arrow-rs", "StreamWriter and StreamReader alone, no spool", "rust/arrow-rs"),
    Peer("batchcorder", "StreamCache with no memory, or memory only; sums every batch with XXH3", "python/batchcorder",
         held=True),
    Peer("pyarrow-map", "IPC stream in a file, replayed through a memory map, no spool", "python/pyarrow"),
    Peer("pyarrow-read", "the same, replayed by reading", "python/pyarrow", RESPOOL_PEER_READ="file"),
    Peer("respool-pyarrow", "this library between two ends of pyarrow: what the way through Python costs",
         "python/respool", held=True),
    Peer("duckdb-temp", "temporary table, 256 MiB of memory, spilled compressed; makes batches of its own",
         "python/duckdb", held=True, sums=("big", "small")),
    Peer("duckdb-file", "table in a database file, 256 MiB of memory, compressed, synced; batches of its own",
         "python/duckdb", sums=("big", "small"), part=8, RESPOOL_PEER_TABLE="file"),
]

RESPOOL = Peer("respool", "anonymous file, mapped; or memory only", "respool", held=True)


class Workload:
    def __init__(self, name, data, mode, about, count=None, unit="GB/s"):
        self.name, self.data, self.mode, self.about, self.count, self.unit = name, data, mode, about, count, unit


WORKLOADS = [
    Workload("big", "big", "spilled", "1 MiB in 16 int64 columns"),
    Workload("strings", "strings", "spilled", "65,536 rows of int64 and utf8"),
    Workload("small", "small", "spilled", "16 rows of int64", 100000, "batches/s"),
    Workload("held", "small", "held", "16 rows of int64, kept in memory", 10000, "batches/s"),
]


class Place:
    """Where programs are and where their files go."""

    def __init__(self, build, folder, directory):
        self.build, self.folder, self.directory = Path(build), Path(folder), directory

    def missing(self, peer):
        """Why a peer cannot run, or None."""
        if peer is RESPOOL or (self.folder / peer.kind / "ready").exists():
            return None
        why = self.folder / peer.kind / "why"
        return why.read_text().strip() if why.exists() else "it was not set up"

    def command(self, peer):
        if peer is RESPOOL:
            return [str(self.build / "bench/respool_peer")]
        if peer.kind.startswith("rust/"):
            return [str(self.folder / peer.kind / "peer")]
        python = str(self.folder / "python/venv/bin/python")
        return [python, str(HERE / (peer.kind + "_peer.py"))]

    def input(self, peer, data):
        return str(self.build / "bench/libbench_source.so") if peer.kind.startswith("python/") else data


def own_memory(pid):
    """KiB of a process that are no file's, 0 when it has gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return sum(int(line.split()[1]) for line in status if line.startswith(("RssAnon:", "RssShmem:")))
    except (OSError, ValueError):
        return 0


def watch_memory(process, most):
    while process.poll() is None:
        most[0] = max(most[0], own_memory(process.pid))
        time.sleep(SAMPLE_EVERY)


def run_program(place, peer, workload, count, data):
    """The figures of one run: what the program printed, and `own_kib`, the most memory seen that is no file's."""
    command = place.command(peer) + [workload.data, str(count), workload.mode, place.directory, place.input(peer, data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, **peer.environment})
    most = [0]
    watcher = threading.Thread(target=watch_memory, args=(process, most))
    watcher.start()
    try:
        out, err = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Failed(f"one run took more than {TIME_LIMIT} s") from None
    finally:
        watcher.join()
    if process.returncode != 0:
        raise Failed((err.strip().splitlines() or [f"exit status {process.returncode}"])[-1])
    return {**json.loads(out.splitlines()[-1]), "own_kib": most[0]}
