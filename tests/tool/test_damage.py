# SPDX-License-Identifier: Apache-2.0
"""Input that is cut, damaged, or no Arrow data: one line, exit code 1, and outputs that have what came before."""
import json
import os

import kit

END_MARKER = b"\xff\xff\xff\xff\x00\x00\x00\x00"
SCHEMA = "--schema=a:int64,b:utf8,c:list<struct<x:int8,y:bool>>,d:null,e:fixed_size_list<float32>(2)"


class Cut(kit.ToolTest):
    def setUp(self):
        super().setUp()
        self.data = self.gen("--rows=50", "--batch-rows=10", SCHEMA, "--null-rate=0.2")
        self.messages = kit.messages(self.data)
        self.assertEqual([message.kind for message in self.messages], [kit.SCHEMA] + 5 * [kit.BATCH] + [kit.END])

    def whole_before(self, cut):
        """End of the last message that is whole before `cut`; 0 if not even the schema is."""
        return max([message.end for message in self.messages[:-1] if message.end <= cut], default=0)

    def check(self, cut):
        source = self.write("cut", self.data[:cut])
        out = self.path("out-%d" % cut)
        self.bad(1, "/cut: ", "tee", "-o", out, source)
        kept = self.whole_before(cut)
        self.assertEqual(os.path.exists(out), kept > 0, "an output is made only once there is a schema")
        if kept > 0:
            self.assertEqual(self.read(out), self.data[:kept])
        self.assertEqual(self.bad(1, "standard input: ", "tee", "-m0", data=self.data[:cut]), self.data[:kept])
        for command in ("verify", "cat"):
            self.bad(1, "/cut: ", command, source)
            self.bad(1, "standard input: ", command, data=self.data[:cut])

    def test_at_every_message_boundary(self):
        for cut in [0] + [message.end for message in self.messages[:-1]]:
            with self.subTest(cut):
                self.check(cut)

    def test_inside_messages(self):
        cuts = set()
        for message in self.messages:
            cuts |= {message.begin + 1, message.begin + 4, message.begin + 7, message.end - 1}
            if message.kind != kit.END:
                cuts |= {message.begin + 8, message.body - 1}
            if message.body < message.end:
                cuts |= {message.body, message.body + 1, (message.body + message.end) // 2}
        for cut in sorted(cuts):
            with self.subTest(cut):
                self.check(cut)

    def test_at_random_places(self):
        source = kit.random_source()
        for _ in range(20):
            with self.subTest(cut := source.randrange(len(self.data))):
                self.check(cut)

    def test_the_batch_is_named(self):
        batch = self.messages[3]
        self.bad(1, r"/cut: batch 2: ", "tee", "-o", "/dev/null", self.write("cut", self.data[:batch.end - 1]))
        self.bad(1, r"/cut: batch 2: ", "verify", self.path("cut"))
        self.bad(1, r"/cut: batch 2: ", "cat", self.path("cut"))
        self.bad(1, r"after 3 batches without an end-of-stream marker", "verify", self.write("cut", self.data[:batch.end]))

    def test_allowed_missing_end(self):
        for message in self.messages[:-1]:
            part = self.data[:message.end]
            source = self.write("cut", part)
            for command in (["tee", source], ["cat", source], ["tee"], ["cat"]):
                got = self.ok(*command, "--allow-missing-end", data=part)
                self.assertEqual(got, part + END_MARKER)
            self.assertIn(b"no end marker", self.ok("verify", "--allow-missing-end", source))
            self.bad(1, "/cut: ", "tee", "--allow-missing-end", self.write("cut", part + b"\xff\xff"))
        self.bad(1, "/cut: ", "verify", "--allow-missing-end", self.write("cut", self.data[:self.messages[2].end - 8]))

    def test_stats_and_named_spool_of_cut_input(self):
        kept = self.path("kept")
        part = self.data[:self.messages[3].end]
        done = kit.run("tee", "--stats", "--path", kept, "-o-", data=part)
        self.assertEqual((done.returncode, done.stdout), (1, part))
        error, stats = done.stderr.splitlines()
        self.assertRegex(error, rb"^respool tee: standard input: ")
        stats = json.loads(stats)
        self.assertEqual((stats["state"], stats["batches"]), ("failed", 3))
        self.assertEqual(stats["outputs"], [{"name": "-", "state": "incomplete", "batches": 3, "rows": 30, "bytes": len(part)}])
        self.assertFalse(kit.has_end(self.read("kept")))

    def test_fifo_is_not_left_waiting(self):
        """Whoever has a FIFO open when there turns out to be nothing for it gets its end."""
        reader = kit.Reader(self.fifo("fifo"))
        tried = lambda: self.bad(1, "standard input: ", "tee", "-o", self.path("fifo"), data=b"no Arrow data") or not reader.is_alive()
        kit.wait_until(tried, "the reader, once it waits, is let go")
        self.assertEqual(reader.result(), b"")

    def test_outputs_of_a_fifo_opened_late(self):
        """The input is damaged before anybody opens the FIFO: its reader still gets what came before."""
        process = self.start("tee", "-o", self.fifo("fifo"), "-o", self.path("out"), stdin=-1, stderr=-1)
        process.stdin.write(self.data[:self.messages[2].end + 20])
        process.stdin.close()
        kit.wait_until(lambda: kit.size_of(self.path("out")) == self.messages[2].end, "the other output has what there is")
        self.assertEqual(kit.Reader(self.path("fifo")).result(), self.data[:self.messages[2].end])
        self.assertEqual(process.wait(kit.TIMEOUT), 1)


class Damaged(kit.ToolTest):
    def test_no_arrow_data(self):
        samples = {"text": b"id,name\n1,one\n" * 100, "zeros": bytes(1000), "ones": b"\xff" * 1000, "empty": b"",
                   "parquet": b"PAR1" + bytes(100) + b"PAR1", "magic": b"ARROW1", "magic2": b"ARROW1\x00\x00" + b"x" * 50,
                   "marker": END_MARKER, "huge": b"\xff\xff\xff\xff\xff\xff\xff\x7f"}
        for name, data in samples.items():
            with self.subTest(name):
                source = self.write(name, data)
                for command in ("tee", "cat", "verify", "info"):
                    self.assertEqual(self.bad(1, "/%s: " % name, command, source), b"")
                    self.assertEqual(self.bad(1, "standard input: ", command, data=data), b"")

    def test_changed_bytes(self):
        """Whatever is changed: an answer of 0 or 1, one line at most, and all commands of one opinion."""
        source = kit.random_source()
        data = self.gen("--rows=60", "--batch-rows=20", SCHEMA, "--null-rate=0.2")
        refused = 0
        for number in range(250):
            changed = bytearray(data)
            for _ in range(source.choice((1, 1, 2, 8))):
                changed[source.randrange(len(changed))] = source.choice((0, 1, 0x7f, 0x80, 0xff, source.randrange(256)))
            path = self.write("changed", changed)
            verified = kit.run("verify", path)
            teed = kit.run("tee", path)
            label = "number %d" % number
            self.assertIn(verified.returncode, (0, 1), label)
            self.assertEqual(verified.stderr.count(b"\n"), verified.returncode, label)
            self.assertEqual(teed.returncode, verified.returncode, (label, verified.stderr, teed.stderr))
            self.assertEqual(teed.stderr.count(b"\n"), teed.returncode, label)
            self.assertIn(kit.run("info", "--json", "--messages", path).returncode, (0, 1), label)
            if teed.returncode == 0:
                self.assertIn(b": ok", self.ok("verify", data=teed.stdout))
            refused += verified.returncode
        self.assertGreater(refused, 25)

    def test_offset_that_leads_outside(self):
        """Damage inside a batch's body, where only the contents of buffers tell."""
        data = bytearray(self.gen("--rows=20", "--batch-rows=10", "--schema=a:utf8!"))
        second = [message for message in kit.messages(data) if message.kind == kit.BATCH][1]
        data[second.body + 4 * 5 + 2] = 0x7f
        source = self.write("bad", data)
        for command in (["verify"], ["cat"], ["tee", "-o", "/dev/null"]):
            self.bad(1, "/bad: batch 1: ", *command, source)

    def test_second_stream_is_mentioned(self):
        data = self.gen("--rows=10")
        source = self.write("twice", data + data)
        self.assertIn(b"; %d bytes after the end marker were not read" % len(data), self.ok("verify", source))
        self.assertEqual(self.ok("tee", source), data)


class Unreadable(kit.ToolTest):
    def test_names(self):
        self.write("file", b"")
        os.symlink("nowhere", self.path("dangling"))
        cases = {"missing": "No such file or directory", "dangling": "No such file or directory",
                 "file/below": "Not a directory", "x" * 300: "File name too long", ".": "is a directory"}
        for name, expected in cases.items():
            for command in ("tee", "cat", "info", "verify"):
                self.bad(1, ": .*" + expected, command, self.path(name))

    def test_permission(self):
        source = self.write("secret", self.gen("--rows=1"))
        os.chmod(source, 0)
        os.chmod(self.directory, 0o755)
        other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            kit.run("--version", **other)
        except PermissionError:
            self.skipTest("another user cannot run the tool here")
        for command in ("tee", "cat", "info", "verify"):
            self.bad(1, "secret: cannot be opened: Permission denied", command, source, **other)
        os.chmod(self.directory, 0o555)
        done = kit.run("tee", "-o", self.path("new"), data=self.gen("--rows=1"), **other)
        self.one_line(done, 1, "new: cannot be opened for writing: Permission denied")
        self.bad(1, "cannot hold the spool file: Permission denied", "tee", "-d", self.directory, **other)
        os.chmod(self.directory, 0o755)

    def test_one_bad_input_of_several(self):
        good = self.write("good", self.gen("--rows=1"))
        for command in ("verify", "info"):
            done = kit.run(command, good, self.path("missing"), good)
            self.one_line(done, 1, "missing: ")
            self.assertEqual(done.stdout.count(b"good"), 2)
        self.assertEqual(self.bad(1, "missing: ", "cat", good, self.path("missing")), b"")


if __name__ == "__main__":
    kit.main()
