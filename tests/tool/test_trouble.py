# SPDX-License-Identifier: Apache-2.0
"""respool tee when disks are full, files are limited, or it is killed."""
import json
import os
import resource
import subprocess
import threading

import kit


def limit_files():
    """Files may have 256 KiB. Beyond it write() fails, or a signal ends the process that has not thought of it."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 10, 256 << 10))


class FullDisk(kit.ToolTest):
    def setUp(self):
        super().setUp()
        self.data = self.gen("--rows=100000", "--batch-rows=1000")  # 3 MB

    def accepted(self, data):
        """`data` must be a prefix of the stream, of whole messages, without an end marker."""
        self.assertTrue(self.data.startswith(data))
        self.assertFalse(kit.has_end(data))
        self.assertIn(len(data), [message.end for message in kit.messages(self.data)])
        return kit.rows_of(data)

    def test_output_on_a_full_disk(self):
        """It fails; the others have everything."""
        out = self.path("out")
        done = kit.run("tee", "--stats", "-o", "/dev/full", "-o", out, "-o-", data=self.data)
        self.assertEqual((done.returncode, done.stdout == self.data, self.read("out") == self.data), (1, True, True))
        error, stats = done.stderr.splitlines()
        self.assertRegex(error, rb"^respool tee: /dev/full: .*No space left on device")
        self.assertEqual([output["state"] for output in json.loads(stats)["outputs"]], ["failed", "done", "done"])

    def test_standard_output_on_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            self.bad(1, "standard output: .*No space left", "tee", data=self.data, stdout=full)

    def test_every_output_fails(self):
        """Then the input, which never ends, is not read on."""
        process = self.start("tee", "-o", "/dev/full", "-o", self.path("no/where"), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write(self.data[:kit.messages(self.data)[2].end])
        process.stdin.flush()
        self.assertEqual((process.wait(kit.TIMEOUT), process.stderr.read().count(b"\n")), (1, 2))
        process.stdin.close()

    def test_output_that_cannot_be_opened(self):
        self.write("file", b"")
        for name, reason in (("no/where", "No such file"), ("file/below", "Not a directory"), (".", "Is a directory")):
            got = self.bad(1, "cannot be opened for writing: " + reason, "tee", "-o", self.path(name), "-o-", data=self.data)
            self.assertEqual(got, self.data)

    def test_spool_directory_that_cannot_be(self):
        self.write("file", b"")
        for name in ("missing", "file"):
            self.bad(1, "/%s: cannot hold the spool file" % name, "tee", "-d", self.path(name), data=self.data)
        done = kit.run("tee", "-m0", data=self.data, env={**kit.environment(), "TMPDIR": self.path("missing")})
        self.one_line(done, 1, "spool: .*missing")
        self.bad(1, "spool: .*missing/kept", "tee", "--path", self.path("missing/kept"), data=self.data)

    def test_spool_file_that_may_not_grow(self):
        """What was accepted is delivered, nothing else, and one line says why."""
        limited = {"preexec_fn": limit_files, "restore_signals": False}
        for mode in ("overflow", "on-limit"):
            for limit in ("0", "1M"):
                with self.subTest((mode, limit)):
                    done = self.lagging("--mode", mode, "-m", limit, "-d", self.directory, data=self.data, **limited)
                    self.one_line(done, 1, "^respool tee: spool: .*File too large")
                    self.assertGreater(self.accepted(done.stdout), 0)
        kept = self.path("kept")
        done = kit.run("tee", "-m0", "--path", kept, "-o-", data=self.data, **limited)
        self.one_line(done, 1, "^respool tee: spool: .*File too large")
        self.accepted(done.stdout)
        self.assertLessEqual(os.path.getsize(kept), 256 << 10)
        # A prefix of a stream, whatever is behind the last whole message.
        end = kit.messages(self.read("kept"))[-1].end
        self.accepted(self.read("kept")[:end])

    def test_limited_output_file(self):
        """SIGXFSZ, too, is an answer of write() and not the end."""
        out = self.path("out")
        for more in ({"restore_signals": False}, {}):
            got = self.bad(1, "/out: .*File too large", "tee", "-o", out, "-o-", data=self.data, preexec_fn=limit_files, **more)
            self.assertEqual(got, self.data)


class SmallDisk(kit.ToolTest):
    """A file system of 1 MiB, which lies in memory."""

    def setUp(self):
        super().setUp()
        self.data = self.gen("--rows=100000", "--batch-rows=1000")
        self.disk = self.path("disk")
        os.mkdir(self.disk)
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "respool-test", self.disk]
        try:
            done = subprocess.run(mount, capture_output=True, check=False, timeout=kit.TIMEOUT)
        except FileNotFoundError:
            self.skipTest("there is no mount command")
        if done.returncode != 0:
            self.skipTest("mounting a small file system is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=False, timeout=kit.TIMEOUT)

    def test_spool(self):
        done = self.lagging("-m0", "--full-timeout=0", "-d", self.disk, data=self.data)
        self.assertEqual(done.returncode, 1)
        warning, error = done.stderr.splitlines()
        self.assertRegex(warning, rb"^respool tee: warning: .*/disk: the spool file lies in memory")
        self.assertRegex(error, rb"^respool tee: spool: .*No space left on device.*: free some space")
        self.assertTrue(self.data.startswith(done.stdout))
        self.assertFalse(kit.has_end(done.stdout))
        self.assertGreater(kit.rows_of(done.stdout), 0)
        done = self.lagging("-q", "-m0", "--full-timeout=0", "-d", self.disk, data=self.data)
        self.one_line(done, 1, "spool: .*No space left")

    def test_waiting_for_outputs(self):
        """A stream several times the disk goes through, as long as its outputs take it."""
        out = self.path("out")
        done = kit.run("tee", "-m0", "-d", self.disk, "--disk-budget=900K", "-o", out, "-o-", data=self.data)
        self.assertEqual((done.returncode, done.stdout == self.data, self.read("out") == self.data), (0, True, True), done.stderr)

    def test_the_next_directory(self):
        done = self.lagging("-m0", "-d", self.disk, "-d", self.directory, data=self.data)
        self.assertEqual((done.returncode, done.stdout == self.data), (0, True), done.stderr)

    def test_warned_once_and_only_if_it_spills(self):
        done = self.lagging("-m", "2560k", "-d", self.disk, data=self.data)
        self.assertEqual((done.returncode, done.stdout == self.data, done.stderr.count(b"\n")), (0, True, 1))
        self.assertRegex(done.stderr, rb"warning: .*/disk: the spool file lies in memory \(tmpfs\).* -d\n")
        self.ok("tee", "-d", self.disk, data=self.data)

    def test_output(self):
        out = os.path.join(self.disk, "out")
        got = self.bad(1, "disk/out: .*No space left", "tee", "-o-", "-o", out, data=self.data)
        self.assertEqual(got, self.data)

    def test_named_spool(self):
        kept = os.path.join(self.disk, "kept")
        done = kit.run("tee", "-q", "-m0", "--path", kept, "-o-", data=self.data)
        self.one_line(done, 1, "spool: .*No space left")
        with open(kept, "rb") as file:
            stored = file.read()
        self.assertTrue(self.data.startswith(stored[:kit.messages(stored)[-1].end]))


class Killed(kit.ToolTest):
    def spill(self, *arguments):
        """A tee that has spilled more than a megabyte and goes on; a thread takes what it replays."""
        process = self.start("tee", "-m0", *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        data = self.gen("--rows=100000", "--batch-rows=1000")
        kit.Feeder(process.stdin, data)
        taken = []

        def take():
            while part := process.stdout.read1(1 << 16):
                taken.append(len(part))

        self.taker = threading.Thread(target=take, daemon=True)
        self.taker.start()
        kit.wait_until(lambda: sum(taken) > 1 << 20, "a megabyte was replayed from the disk")
        return process

    def finish(self, process):
        process.kill()
        process.wait(kit.TIMEOUT)
        self.taker.join(kit.TIMEOUT)

    def test_nothing_is_left_of_an_anonymous_spool(self):
        for mode in ("overflow", "on-limit"):
            spool = self.path("spool-" + mode)
            os.mkdir(spool)
            process = self.spill("--mode", mode, "-d", spool)
            self.assertEqual(os.listdir(spool), [], "a name while it runs")
            self.finish(process)
            self.assertEqual(os.listdir(spool), [], "a file that was left behind")

    def test_a_named_spool_is_left_readable(self):
        kept = self.path("kept")
        self.finish(self.spill("--path", kept, "-o-"))
        data = self.read("kept")
        whole = data[:kit.messages(data)[-1].end]
        self.assertGreater(kit.rows_of(self.ok("cat", "--allow-missing-end", self.write("copy", whole))), 0)

    def test_directory_from_the_environment(self):
        spool = self.path("spool")
        os.mkdir(spool)
        environment = {**kit.environment(), "TMPDIR": spool}
        with open(self.fifo("fifo"), "r+b", buffering=0):  # a reader, so that opening does not wait
            process = self.start("tee", "-m0", "-o", self.path("fifo"), stdin=subprocess.PIPE, env=environment)
            process.stdin.write(self.gen("--rows=100000", "--batch-rows=1000")[:2000000])
            process.stdin.flush()
            opened = "/proc/%d/fd" % process.pid
            if not os.path.isdir(opened):
                self.skipTest("no /proc to see open files in")
            kit.wait_until(lambda: any(self.link(opened, fd).startswith(spool + "/") for fd in os.listdir(opened)),
                           "a file in the directory is open")
            self.assertEqual(os.listdir(spool), [])
            process.kill()
            process.wait(kit.TIMEOUT)
            process.stdin.close()

    @staticmethod
    def link(folder, name):
        try:
            return os.readlink(os.path.join(folder, name))
        except FileNotFoundError:
            return ""


if __name__ == "__main__":
    kit.main()
