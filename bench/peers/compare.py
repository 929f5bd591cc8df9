# SPDX-License-Identifier: Apache-2.0
"""Runs respool and its peers on the same data, in turn, and prints how many times as fast respool is.

Usage: compare.py BUILD FOLDER [OPTION]... [WORKLOAD]...   (BUILD of respool; FOLDER that bench/peers/setup filled)
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from programs import PEERS, RESPOOL, WORKLOADS, Failed, Place, run_program
from report import print_json, print_table

FAST_ENOUGH = 4.0  # GB/s
WARM_TRIES = 3
VOID_TRIES = 2
VOID_SECONDS = 5  # a longer run is not repeated, since memory will be handed back in it again
REPORTED = "/sys/module/page_reporting/parameters/reported_kib"


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench peers", description="respool beside its peers on the same data")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("folder", help=argparse.SUPPRESS)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="of " + ", ".join(w.name for w in WORKLOADS))
    parser.add_argument("--quick", action="store_true", help="256 MiB and 3 repetitions")
    parser.add_argument("--size", type=int, help="MiB of the big workloads (default 2048)")
    parser.add_argument("--repeats", type=int, help="repetitions (default 5)")
    parser.add_argument("--peers", help="only these, separated by commas: " + ", ".join(p.name for p in PEERS))
    parser.add_argument("--directory", default=os.environ.get("TMPDIR") or "/var/tmp", help="where the files go")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    options = parser.parse_intermixed_args()
    options.size = options.size or (256 if options.quick else 2048)
    options.repeats = options.repeats or (3 if options.quick else 5)
    check_names(parser, "workload", options.workloads, [w.name for w in WORKLOADS])
    check_names(parser, "peer", options.peers.split(",") if options.peers else [], [p.name for p in PEERS])
    return options


def check_names(parser, what, given, known):
    for name in given:
        if name not in known:
            parser.error(f"no such {what}: {name} ({', '.join(known)})")


# ---- The machine ----------------------------------------------------------------------------------------


def reported_kib():
    """Memory handed back to the host since the system started, or None where that is not told."""
    try:
        with open(REPORTED) as file:
            return int(file.read())
    except OSError:
        return None


def write_once(directory, size):
    """GB/s of writing a file of `size` bytes that has no name and is gone afterwards. In pieces of 8 MiB, which become the
    largest units of the page cache: those take memory from where smaller ones do not, and it shall be warm too."""
    block = memoryview(bytearray(os.urandom(8 << 20)))
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        start = time.monotonic()
        written = 0
        while written < size:
            written += file.write(block)
        return written / (time.monotonic() - start) / 1e9


def warm_up(directory, size):
    """The host may take free pages back, and the first writes into such are slow: so all are used once, and again as
    long as that makes a difference. On a machine that has other work to do it soon makes none."""
    best = 0
    for _ in range(WARM_TRIES):
        rate = write_once(directory, size)
        if rate >= FAST_ENOUGH or rate < 1.2 * best:
            break
        best = rate
    return rate


# ---- Data -----------------------------------------------------------------------------------------------


def emit(place, workload, folder, size):
    """Writes the data of a workload, and answers what it is, and how often a run goes through it."""
    path = os.path.join(folder, workload.name + ".arrows")
    command = [str(place.build / "bench/respool_bench"), "--emit", workload.data, path]
    if workload.count is not None:
        command.append(str(workload.count))
    made = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    cycles = 1 if workload.count is not None else max(1, round((size << 20) / made["bytes"]))
    return {**made, "path": path}, cycles


def times(made, cycles):
    """What is expected of reading the data so often."""
    return {"path": made["path"], "count": cycles * made["batches"], "rows": cycles * made["rows"],
            "bytes": cycles * made["bytes"], "sum": f"{cycles * int(made['sum'], 16) % (1 << 64):016x}"}


def check(peer, workload, data, figures):
    if figures["rows"] != data["rows"]:
        raise Failed(f"it read {figures['rows']} rows, not {data['rows']}")
    if workload.data in peer.sums and figures["sum"] != data["sum"]:
        raise Failed("what it read is not what was written")


# ---- Runs -----------------------------------------------------------------------------------------------


class Comparison:
    def __init__(self, options, place):
        self.options, self.place = options, place
        self.results, self.missing = [], {}
        self.warm_rates, self.repeated, self.void = [], 0, 0
        self.warm_at = None  # what was handed back by the last warm-up

    def warm(self, size):
        """Unless nothing was handed back since: then what the last run wrote to is there still."""
        now = reported_kib()
        if now is None or now != self.warm_at:
            self.warm_rates.append(warm_up(self.options.directory, size))
            now = self.warm_at = reported_kib()
        return now

    def one(self, peer, workload, data):
        """One run in warm memory. One in which memory was handed back is void and is repeated, but not for ever."""
        for attempt in range(VOID_TRIES):
            before = self.warm(min(data["bytes"] * 5 // 4, self.options.size << 20))
            figures = self.checked(peer, workload, data)
            if before is None or reported_kib() == before:
                return figures
            if figures["write"] + figures["replay"] > VOID_SECONDS or attempt + 1 == VOID_TRIES:
                break
            self.repeated += 1
        self.void += 1
        return {**figures, "void": True}

    def checked(self, peer, workload, data):
        try:
            figures = run_program(self.place, peer, workload, data["count"], data["path"])
            check(peer, workload, data, figures)
        except Failed as error:
            raise Failed(f"{peer.name}: {error}") from None
        return figures

    def pair(self, peer, workload, data):
        """respool and a peer in turn, so that what changes on the machine meets both."""
        pair = {"data": data, "ours": [], "theirs": []}
        for _ in range(self.options.repeats):
            pair["ours"].append(self.one(RESPOOL, workload, data))
            pair["theirs"].append(self.one(peer, workload, data))
        return pair

    def workload(self, workload, made, cycles):
        result = {"workload": workload, "data": times(made, cycles), "pairs": {}, "failed": {}}
        for peer in self.chosen():
            if workload.mode == "held" and not peer.held:
                continue
            self.say(f"{workload.name}: {peer.name}")
            try:
                result["pairs"][peer.name] = self.pair(peer, workload, times(made, max(1, cycles // peer.part)))
            except Failed as error:
                result["failed"][peer.name] = str(error)
        self.results.append(result)

    def chosen(self):
        wanted = self.options.peers.split(",") if self.options.peers else [p.name for p in PEERS]
        for peer in PEERS:
            why = self.place.missing(peer)
            if why is not None:
                self.missing[peer.name] = why
            elif peer.name in wanted:
                yield peer

    def say(self, text):
        if sys.stderr.isatty():
            print(f"{text} ...", file=sys.stderr)

    def run(self):
        before = reported_kib()
        folder = tempfile.mkdtemp(prefix="respool-compare-", dir=self.options.directory)
        try:
            for workload in WORKLOADS:
                if not self.options.workloads or workload.name in self.options.workloads:
                    self.workload(workload, *emit(self.place, workload, folder, self.options.size))
        finally:
            shutil.rmtree(folder)
        self.reported = None if before is None else reported_kib() - before
        self.warm_rate = statistics.median(self.warm_rates) if self.warm_rates else 0


def main():
    options = arguments()
    if options.check:
        return 0
    place = Place(Path(options.build).resolve(), Path(options.folder).resolve(), options.directory)
    comparison = Comparison(options, place)
    comparison.run()
    (print_json if options.json else print_table)(comparison)
    return 1 if any(result["failed"] for result in comparison.results) else 0


if __name__ == "__main__":
    sys.exit(main())
