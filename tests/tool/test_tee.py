# SPDX-License-Identifier: Apache-2.0
"""respool tee: every output gets the whole stream, at its own pace, while the input still arrives."""
import json
import os
import subprocess
import threading

import kit

# About 3 MB, more than a pipe holds, in batches of some 30 KB.
LARGE = ["--rows=100000", "--batch-rows=1000"]
# About 36 MB: what is gathered for one write is passed some times.
MANY_CHUNKS = ["--rows=1200000", "--batch-rows=1000"]


class Outputs(kit.ToolTest):
    def setUp(self):
        super().setUp()
        self.data = self.gen(*LARGE)
        self.source = self.write("in", self.data)

    def test_standard_output_by_default(self):
        self.assertEqual(self.ok("tee", self.source), self.data)
        self.assertEqual(self.ok("tee", data=self.data), self.data)
        self.assertEqual(self.ok("tee", "-", data=self.data), self.data)

    def test_modes_and_limits(self):
        for mode in ("overflow", "on-limit"):
            for limit in ("0", "100k", "1MiB", "unlimited"):
                with self.subTest((mode, limit)):
                    out = self.path("out")
                    self.assertEqual(self.ok("tee", "--mode", mode, "-m", limit, "-o-", "-o", out, self.source), self.data)
                    self.assertEqual(self.read("out"), self.data)

    def test_path(self):
        for mode in ("all", "on-limit"):
            for limit in ("0", "1MiB"):
                with self.subTest((mode, limit)):
                    kept = self.path("kept-%s-%s" % (mode, limit))
                    self.assertEqual(self.ok("tee", "--mode", mode, "-m", limit, "--path", kept, "-o-", self.source), self.data)
                    self.assertEqual(self.ok("cat", kept), self.data)
                    self.assertEqual(os.stat(kept).st_mode & 0o777, 0o600)

    def test_path_alone_has_no_output(self):
        kept = self.path("kept")
        self.assertEqual(self.ok("tee", "--path", kept, self.source), b"")
        self.assertEqual(self.ok("cat", kept), self.data)

    def test_path_without_need(self):
        """on-limit makes no file where the limit is not exceeded."""
        kept = self.path("kept")
        self.assertEqual(self.ok("tee", "--mode=on-limit", "--path", kept, "-o-", self.source), self.data)
        self.assertFalse(os.path.exists(kept))

    def test_path_never_overwrites(self):
        kept = self.write("kept", b"precious")
        for mode in ("all", "on-limit"):
            self.bad(1, "kept: exists already", "tee", "--mode", mode, "--path", kept, "-o-", self.source)
        os.symlink(self.path("nowhere"), self.path("link"))
        self.bad(1, "link: exists already", "tee", "--path", self.path("link"), self.source)
        self.assertEqual(self.read("kept"), b"precious")
        self.assertFalse(os.path.exists(self.path("nowhere")))

    def test_file_as_input(self):
        """The file format: through its footer where the input can seek, else in the order of its bytes."""
        source = self.write("file", kit.as_file(self.data))
        self.assertEqual(self.ok("tee", source), self.data)
        self.assertEqual(self.ok("tee", data=self.read("file")), self.data)
        with open(source, "rb") as stdin:
            self.assertEqual(self.ok("tee", stdin=stdin), self.data)
        batches = [message for message in kit.messages(self.data) if message.kind == kit.BATCH]
        chosen = kit.as_file(self.data, [2, 0])
        got = self.ok("tee", self.write("file", chosen))
        picked = b"".join(self.data[batches[number].begin:batches[number].end] for number in (2, 0))
        self.assertEqual(got[kit.messages(got)[0].end:-8], picked)
        self.assertEqual(self.ok("tee", data=chosen), self.data)

    def test_empty_streams(self):
        for arguments in (["--rows=0"], ["--rows=0", "--schema="], ["--rows=5", "--schema="]):
            data = self.gen(*arguments)
            for limit in ("0", "1M"):
                self.assertEqual(self.ok("tee", "-m", limit, data=data), data)

    def test_existing_output_is_emptied(self):
        out = self.write("out", b"x" * 10000000)
        self.ok("tee", "-o", out, self.source)
        self.assertEqual(self.read("out"), self.data)

    def test_many_outputs(self):
        outputs = [self.path("out%d" % number) for number in range(40)]
        options = [part for out in outputs for part in ("-o", out)]
        self.ok("tee", "-m", "64k", *options, self.source)
        for out in outputs:
            self.assertEqual(self.read(out), self.data)

    def test_same_file_is_refused_untouched(self):
        os.link(self.source, self.path("hard"))
        os.symlink(self.source, self.path("soft"))
        for name in ("in", "hard", "soft", "../" + os.path.basename(self.directory) + "/in"):
            self.bad(2, "is the same file as the input", "tee", "-o", self.path(name), self.source)
            self.bad(2, "is the same file as the input", "tee", "-o", "fresh", "--path", self.path(name), self.source)
        with open(self.source, "rb") as stdin:
            self.bad(2, "is the same file as the input", "tee", "-o", self.source, stdin=stdin)
        with open(self.source, "ab") as stdout:
            self.bad(2, "standard output is the same file as the input", "tee", self.source, stdout=stdout)
            self.bad(2, "is also the output", "cat", self.source, stdout=stdout)
        self.assertEqual(self.read("in"), self.data)

    def test_same_output_twice_is_refused(self):
        out = self.path("out")
        again = self.directory + "/./out"
        self.bad(2, "is the same file as .*/out", "tee", "-o", out, "-o", again, self.source)
        self.bad(2, "is the same file as --path", "tee", "--path", out, "-o", again, self.source)
        self.assertFalse(os.path.exists(out))
        self.write("out", b"old")
        os.link(out, self.path("hard"))
        self.bad(2, "is the same file as .*/out", "tee", "-o", out, "-o", self.path("hard"), self.source)
        self.assertEqual(self.read("out"), b"old")
        self.bad(2, "is the same file as .*/fifo", "tee", "-o", self.fifo("fifo"), "-o", self.path("fifo"), self.source)
        self.ok("tee", "-o", "/dev/null", "-o", "/dev/null", self.source)

    def test_late_name_for_the_same_file(self):
        """Two links to a file that does not exist yet: only opening tells that they are one."""
        for name in ("a", "b"):
            os.symlink(self.path("target"), self.path(name))
        self.bad(1, "is a file that is in use here already", "tee", "-o", self.path("a"), "-o", self.path("b"), self.source)
        self.assertEqual(self.read("target"), self.data)


class Pace(kit.ToolTest):
    def setUp(self):
        super().setUp()
        self.data = self.gen("--rows=400000", "--batch-rows=2000")  # 12 MB: more than a pipe and the limit hold

    def test_fifo_that_is_opened_late(self):
        """It holds up nobody, and misses nothing."""
        fifo, out = self.fifo("fifo"), self.path("out")
        process = self.start("tee", "-m", "1M", "-o", fifo, "-o", out, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        kit.Feeder(process.stdin, self.data)
        kit.wait_until(lambda: kit.size_of(out) == len(self.data), "the file is whole")
        self.assertIsNone(process.poll())
        self.assertEqual(kit.Reader(fifo).result(), self.data)
        self.assertEqual((process.wait(kit.TIMEOUT), process.stderr.read()), (0, b""))

    def test_slow_output(self):
        """One that stops reading holds up neither the others nor the input."""
        fifo, out = self.fifo("fifo"), self.path("out")
        process = self.start("tee", "-m", "1M", "-o", fifo, "-o", out, stdin=subprocess.PIPE)
        kit.Feeder(process.stdin, self.data)
        with open(fifo, "rb", buffering=0) as slow:
            begin = slow.read(1)
            kit.wait_until(lambda: kit.size_of(out) == len(self.data), "the file is whole")
            self.assertIsNone(process.poll())
            rest = []
            while chunk := slow.read(1 << 20):
                rest.append(chunk)
        self.assertEqual(begin + b"".join(rest), self.data)
        self.assertEqual(process.wait(kit.TIMEOUT), 0)

    def test_outputs_are_written_while_the_input_arrives(self):
        messages = kit.messages(self.data)
        process = self.start("tee", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in (1, 2, 3):
            part = self.data[messages[number - 1].end if number > 1 else 0:messages[number].end]
            process.stdin.write(part)
            process.stdin.flush()
            self.assertEqual(process.stdout.read(len(part)), part)
        process.stdin.write(self.data[messages[3].end:])
        process.stdin.close()
        self.assertEqual(process.stdout.read(), self.data[messages[3].end:])
        process.stdout.close()
        self.assertEqual(process.wait(kit.TIMEOUT), 0)

    def test_trickling_input(self):
        """Bytes that come one by one, and in odd pieces."""
        data = self.gen("--rows=30", "--batch-rows=7")
        process = self.start("tee", stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        reader = threading.Thread(target=lambda: self.got.append(process.stdout.read()))
        self.got = []
        reader.start()
        for at in range(0, len(data), 13):
            process.stdin.write(data[at:at + 13])
        process.stdin.close()
        reader.join(kit.TIMEOUT)
        process.stdout.close()
        self.assertEqual((process.wait(kit.TIMEOUT), self.got), (0, [data]))

    def test_non_blocking_descriptors(self):
        """Descriptors that somebody else made non-blocking are waited for."""
        process = self.start("tee", stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=self.make_non_blocking)
        kit.Feeder(process.stdin, self.data)
        kit.wait_until(lambda: process.stdout.peek(1) != b"", "something arrives")
        got = process.stdout.read()
        process.stdout.close()
        self.assertEqual((process.wait(kit.TIMEOUT), got == self.data), (0, True))

    @staticmethod
    def make_non_blocking():
        os.set_blocking(0, False)
        os.set_blocking(1, False)

    def test_consumer_that_closes_early(self):
        fifo, out = self.fifo("fifo"), self.path("out")
        process = self.start("tee", "--stats", "-o", fifo, "-o", out, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        kit.Feeder(process.stdin, self.data)
        with open(fifo, "rb", buffering=0) as early:
            self.assertTrue(early.read(1000))
        self.assertEqual(process.wait(kit.TIMEOUT), 0)
        stats = json.loads(process.stderr.read())
        self.assertEqual([output["state"] for output in stats["outputs"]], ["closed_early", "done"])
        self.assertLess(stats["outputs"][0]["bytes"], len(self.data))
        self.assertEqual(self.read("out"), self.data)

    def test_all_close_early_and_the_input_waits(self):
        """With nobody left the tool ends, though its input neither goes on nor ends."""
        messages = kit.messages(self.data)
        process = self.start("tee", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write(self.data[:messages[1].end])
        process.stdin.flush()
        process.stdout.read(messages[1].end)
        process.stdout.close()
        process.stdin.write(self.data[messages[1].end:messages[2].end])
        process.stdin.flush()
        self.assertEqual((process.wait(kit.TIMEOUT), process.stderr.read()), (0, b""))
        process.stdin.close()

    def test_all_close_early_but_the_path_is_kept(self):
        kept = self.path("kept")
        process = self.start("tee", "--path", kept, "-o-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.close()
        process.stdin.write(self.data)
        process.stdin.close()
        self.assertEqual(process.wait(kit.TIMEOUT), 0)
        self.assertEqual(self.read("kept"), self.ok("cat", kept))
        self.assertEqual(self.read("kept"), self.data)

    def test_prefix_of_a_named_spool(self):
        """While the input still arrives, what is there can be read."""
        kept = self.path("kept")
        data = self.gen(*MANY_CHUNKS)
        process = self.start("tee", "--path", kept, "-m0", stdin=subprocess.PIPE)
        messages = kit.messages(data)
        half = messages[len(messages) // 2].end
        process.stdin.write(data[:half])
        process.stdin.flush()
        kit.wait_until(lambda: kit.size_of(kept) > 1 << 20, "the file has something")
        prefix = self.ok("cat", "--allow-missing-end", self.write("copy", self.whole_messages(kept)))
        self.assertGreater(kit.rows_of(prefix), 0)
        process.stdin.write(data[half:])
        process.stdin.close()
        self.assertEqual(process.wait(kit.TIMEOUT), 0)
        self.assertEqual(self.ok("cat", kept), data)

    def whole_messages(self, path):
        """What is in the file now, which may be in the middle of a write."""
        data = self.read(path)
        return data[:kit.messages(data)[-1].end]


class Stats(kit.ToolTest):
    def stats(self, *arguments, **more):
        return self.parse(kit.run("tee", "--stats", *arguments, **more))

    def parse(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1)
        return json.loads(done.stderr)

    def test_members(self):
        data = self.gen(*LARGE)
        out = self.path("odd\n\"name")
        found = self.parse(self.lagging("--stats", "-m", "1MiB", "-o", out, data=data))
        numbers = ["memory_limit", "batches", "rows", "batches_resident", "batches_stored", "batches_compressed",
                   "bytes_appended", "bytes_charged", "bytes_charged_peak", "bytes_pinned", "bytes_stored",
                   "bytes_written", "bytes_on_disk", "batches_dropped", "bytes_catalog", "bytes_mapped",
                   "bytes_read_buffers", "readers", "readers_waiting", "write_failures", "peak_rss_bytes"]
        self.assertEqual(set(found), {*numbers, "state", "mode", "file_exists", "memory_backed", "outputs", "elapsed_seconds"})
        for name in numbers:
            self.assertIsInstance(found[name], int, name)
        self.assertEqual((found["state"], found["mode"], found["memory_limit"]), ("finished", "overflow", 1 << 20))
        self.assertEqual((found["batches"], found["rows"]), (100, 100000))
        self.assertEqual((found["batches_dropped"], found["batches_resident"]), (100, 0)) # both outputs have had all
        self.assertLessEqual(found["bytes_charged"], (1 << 20) + (1 << 20))
        self.assertGreater(found["bytes_stored"], 0)
        self.assertIs(found["file_exists"], True)
        self.assertGreater(found["peak_rss_bytes"], 1 << 20)
        self.assertGreater(found["elapsed_seconds"], 0)
        same = {"batches": 100, "rows": 100000, "bytes": len(data), "state": "done"}
        self.assertEqual(found["outputs"][:2], [{"name": out, **same}, {"name": "-", **same}])

    def test_sizes_reach_the_spool(self):
        data = self.gen("--rows=1")
        for text, size in (("0", 0), ("64MiB", 64 << 20), ("1G", 1 << 30), ("100k", 100 << 10), ("10MB", 10**7), ("1.5m", 3 << 19)):
            self.assertEqual(self.stats("-m", text, data=data)["memory_limit"], size)
        self.assertEqual(self.stats("-m", "unlimited", data=data)["memory_limit"], 2**63 - 1)
        self.assertEqual(self.stats(data=data)["memory_limit"], 100 << 20)

    def test_modes(self):
        data = self.gen(*LARGE)
        found = self.parse(self.lagging("--stats", "--mode=on-limit", "-m0", data=data))
        self.assertEqual((found["mode"], found["batches_stored"]), ("on-limit", 100))
        found = self.stats("--path", self.path("kept"), data=data)
        self.assertEqual((found["mode"], found["batches_stored"], found["batches_resident"]), ("all", 100, 0))
        found = self.stats("-m", "unlimited", data=data)
        self.assertEqual((found["file_exists"], found["bytes_written"]), (False, 0))


if __name__ == "__main__":
    kit.main()
