# SPDX-License-Identifier: Apache-2.0
"""respool_bench, tiny: every workload runs, and verifies what it read; table, JSON and plots can be read. No figure counts."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import kit

PLOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "plot")
TINY = ["--quick", "--size", "8", "--repeats", "1"]
EXTRA = " (only when named)"


def listed():
    """The names of the workloads: those of a usual run, and the others."""
    lines = kit.run("--list").stdout.decode().splitlines()
    usual = [line.split()[0] for line in lines if not line.endswith(EXTRA)]
    return usual, [line.split()[0] for line in lines if line.endswith(EXTRA)]


class Bench(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def measure(self, *workloads):
        done = kit.run(*TINY, "--json", "--directory", self.folder, *workloads)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr.decode()

    def check_samples(self, samples):
        self.assertEqual(len(samples["samples"]), 1)
        self.assertLessEqual(samples["least"], samples["median"])
        self.assertLessEqual(samples["median"], samples["most"])

    def check_row(self, row):
        self.check_samples(row["respool"])
        self.assertEqual(row["limit"] is not None, "limit_is" in row)
        if row["limit"] is not None:
            self.check_samples(row["limit"])
            self.assertGreater(row["ratio"], 0)

    def check_run(self, run, errors, workloads):
        left_out = re.findall(r"^(\S+): left out, ", errors, re.MULTILINE)
        found = set()
        for row in run["rows"]:
            found.add(row["workload"])
            if row["workload"] not in left_out:
                self.check_row(row)
        self.assertEqual(found, set(workloads))
        self.assertEqual(os.listdir(self.folder), [])

    def test_usual_workloads(self):
        self.check_run(*self.measure(), listed()[0])

    def test_other_workloads_and_plots(self):
        extra = listed()[1]
        run, errors = self.measure(*extra)
        self.check_run(run, errors, extra)
        path = os.path.join(self.folder, "run.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(run, file)
        subprocess.run([sys.executable, "-B", PLOT, self.folder, path], check=True, stdout=subprocess.DEVNULL)
        for axis in ("batches", "columns", "readers", "bytes"):
            plot = os.path.join(self.folder, f"cost-by-{axis}.svg")
            xml.etree.ElementTree.parse(plot)
            self.assertLess(os.path.getsize(plot), 20000)

    def test_table(self):
        done = kit.run(*TINY, "--directory", self.folder, "slices", "small")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.decode().splitlines()
        self.assertLessEqual(max(map(len, lines)), 120)
        self.assertEqual(sum(" slices: " in line or " small: " in line for line in lines), 5)

    def test_wrong_usage(self):
        for arguments in (["nothing"], ["--size", "0"], ["--repeats", "many"], ["--odd"]):
            self.assertEqual(kit.run(*arguments).returncode, 2, arguments)


if __name__ == "__main__":
    kit.main()
