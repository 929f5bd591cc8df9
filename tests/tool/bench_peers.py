# SPDX-License-Identifier: Apache-2.0
"""The comparison with peers: respool reads what was emitted, and a peer that reads something else, fails
or is missing is told of. The peers are scripts made here."""
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest

import kit

BENCH = kit.TOOL
BUILD = os.path.dirname(os.path.dirname(BENCH))
COMPARE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "peers", "compare.py")


def emit(folder, workload, batches):
    path = os.path.join(folder, workload)
    done = subprocess.run([BENCH, "--emit", workload, path, str(batches)], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


class Peers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.files = os.path.join(self.folder, "files")
        os.mkdir(self.files)

    def test_respool_reads_what_was_emitted(self):
        program = os.path.join(os.path.dirname(BENCH), "respool_peer")
        for workload in ("big", "small", "strings", "nested", "dictionary"):
            made = emit(self.folder, workload, 3)
            for mode in ("spilled", "held"):
                done = subprocess.run([program, workload, "3", mode, self.files], check=True, stdout=subprocess.PIPE)
                read = json.loads(done.stdout)
                self.assertEqual((read["rows"], read["sum"]), (made["rows"], made["sum"]), (workload, mode))
        self.assertEqual(os.listdir(self.files), [])

    def make_peer(self, script):
        """Set up as arrow-rs, which reads what it is to read from a file."""
        place = os.path.join(self.folder, "peers", "rust", "arrow-rs")
        os.makedirs(place, exist_ok=True)
        program = os.path.join(place, "peer")
        with open(program, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(program, stat.S_IRWXU)
        with open(os.path.join(place, "ready"), "w", encoding="utf-8"):
            pass

    def compare(self, *options):
        return subprocess.run([sys.executable, "-B", COMPARE, BUILD, os.path.join(self.folder, "peers"), "--directory",
                               self.files, "--size", "1", "--repeats", "1", *options],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True)

    def compare_small(self, rows, total):
        figures = {"version": "odd 1", "write": 2, "replay": 2, "write_cpu": 1, "replay_cpu": 1, "rows": rows,
                   "sum": f"{total:016x}", "peak_kib": 1}
        self.make_peer(f"echo '{json.dumps(figures)}'")
        done = self.compare("--json", "small")
        self.assertEqual(os.listdir(self.files), [])
        return done.returncode, json.loads(done.stdout)["workloads"][0]

    def test_ratio(self):
        count = 100000
        status, result = self.compare_small(16 * count, 16 * count * (count - 1) // 2)
        self.assertEqual((status, result["failed"]), (0, {}))
        peer = result["peers"][0]
        self.assertEqual(peer["peer"], "arrow-rs")
        self.assertEqual(peer["figures"]["write"]["batches_per_s"], count / 2)
        self.assertAlmostEqual(peer["ratio"]["write"], 2 / peer["respool"]["write"]["seconds"])

    def test_something_else_was_read(self):
        status, result = self.compare_small(1600000, 1)
        self.assertEqual((status, result["peers"]), (1, []))
        self.assertIn("not what was written", result["failed"]["arrow-rs"])

    def test_a_peer_that_fails(self):
        self.make_peer("echo it hurts >&2; exit 3")
        done = self.compare("small")
        self.assertEqual(done.returncode, 1)
        self.assertIn("arrow-rs: it hurts", done.stdout)

    def test_missing_peers_are_told_of(self):
        done = self.compare("small")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("not run: it was not set up"), 9)


if __name__ == "__main__":
    kit.main()
