# SPDX-License-Identifier: Apache-2.0
"""The other implementations: where each was set up, and how it is talked to.

A peer is a process of its own. It takes requests on standard input, one line each, words separated by tabs, and answers
each with a line of JSON:

    read PATH                   the content of a stream, as dump.py describes it;
                                or {"stream": PATH}, where pyarrow wrote down what the peer handed it
    rewrite FROM TO HOW PART    reads a stream and writes it anew, its batches (whole), or a slice of each (slices);
                                HOW is plain, lz4, zstd, deltas (of dictionaries) or file (with a footer)

or {"error": TEXT}, or {"absent": TEXT} where the peer has nothing of the kind.
"""

import json
import os
import pathlib
import select
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT = 120
PEERS = {
    "pyarrow": "pyarrow",
    "polars": "polars",
    "duckdb": "duckdb",
    "nanoarrow": "nanoarrow",
    "rust": "arrow-rs",
    "go": "arrow-go",
    "js": "Arrow JS",
}
PYTHON_PEERS = ("pyarrow", "polars", "duckdb", "nanoarrow")


class Missing(Exception):
    """A peer that could not be set up; the text says why."""


def command_of(name):
    """How a peer is started."""
    folder = os.environ.get("RESPOOL_PEERS_FOLDER")
    if not folder:
        raise Missing("RESPOOL_PEERS_FOLDER is not set")
    place = pathlib.Path(folder) / name
    if not (place / "ready").exists():
        why = place / "why"
        raise Missing(why.read_text().strip() if why.exists() else "it is not set up")
    if name in PYTHON_PEERS:
        return [sys.executable, "-B", str(HERE / "python" / f"{name}_peer.py")]
    return ["node", str(place / "main.js")] if name == "js" else [str(place / "peer")]


class Peer:
    def __init__(self, name):
        self.command = command_of(name)
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.stdout.close()
            try:
                self.process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def ended(self, how):
        """The process is of no more use."""
        self.process.kill()
        code = self.process.wait()
        self.stop()
        return {"error": how if how else f"the process ended with {code}"}

    def ask(self, *words):
        if not self.process:
            self.start()
        self.process.stdin.write("\t".join(map(str, words)).encode() + b"\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], TIMEOUT)[0]:
            return self.ended("no answer")
        line = self.process.stdout.readline()
        return json.loads(line) if line else self.ended(None)
