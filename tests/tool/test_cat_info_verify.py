# SPDX-License-Identifier: Apache-2.0
"""respool cat, info and verify on good input, and on inputs that do not fit together."""
import json
import os
import subprocess

import kit


class Cat(kit.ToolTest):
    def test_one_and_several(self):
        first, second = self.gen("--rows=2500"), self.gen("--rows=1700", "--seed=1")
        a, b = self.write("a", first), self.write("b", second)
        self.assertEqual(self.ok("cat", a), first)
        self.assertEqual(self.ok("cat", data=first), first)
        head = kit.messages(second)[0].end
        both = first[:-8] + second[head:]
        self.assertEqual(self.ok("cat", a, b), both)
        self.assertEqual(self.ok("cat", "-", b, data=first), both)
        self.assertEqual(self.ok("cat", a, "-", data=second), both)
        self.assertEqual(self.ok("cat", a, a), first[:-8] + first[head:])

    def test_file_becomes_stream(self):
        data = self.gen("--rows=2500")
        self.assertEqual(self.ok("cat", self.write("file", kit.as_file(data))), data)

    def test_fields_must_be_the_same(self):
        """Both inputs are named, and nothing is written where that can be found out before."""
        cases = [("x:int32", "x:int64", "field 'x' is int64 but int32 in "),
                 ("x:int32", "y:int32", "field 1 is named 'y' but 'x' in "),
                 ("x:int32", "x:int32,y:int8", "has 2 fields but 1 in "),
                 ("x:int32", "x:int32!", "field 'x' is not nullable but nullable in "),
                 ("x:list<int8>", "x:list<utf8>", "field 'x.item' is utf8 but int8 in "),
                 ("x:timestamp[s, UTC]", "x:timestamp[s]", r"field 'x' is timestamp\[s\] but timestamp\[s, UTC\] in ")]
        for first, second, expected in cases:
            a = self.write("a", self.gen("--rows=5", "--schema", first))
            data = self.gen("--rows=5", "--schema", second)
            b = self.write("b", data)
            expected += ".*: all inputs must have the same fields"
            self.assertEqual(self.bad(1, "^respool cat: .*/b: %s" % expected.replace(" in ", " in .*/a"), "cat", a, b), b"")
            # Only reading standard input tells what is in it: the batches before it have been written.
            written = self.bad(1, "^respool cat: standard input: %s" % expected, "cat", a, "-", data=data)
            self.assertEqual((kit.rows_of(written), kit.has_end(written)), (5, False))

    def test_full_disk_and_closed_pipe(self):
        source = self.write("in", self.gen("--rows=200000"))
        with open("/dev/full", "wb") as full:
            self.bad(1, "standard output: .*No space left", "cat", source, stdout=full)
        process = self.start("cat", source, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(1000)
        process.stdout.close()
        self.assertEqual((process.wait(kit.TIMEOUT), process.stderr.read()), (0, b""))


class Info(kit.ToolTest):
    SCHEMA = "--schema=id:int64!,a b:list<struct<x:timestamp[us, UTC],y:decimal128(10,2)!>>,m:map<utf8,bool>"

    def setUp(self):
        super().setUp()
        self.data = self.gen("--rows=25", "--batch-rows=10", self.SCHEMA)
        self.messages = kit.messages(self.data)

    def test_text(self):
        lines = self.ok("info", self.write("in", self.data)).decode().splitlines()
        self.assertEqual(lines[0], "input: " + self.path("in"))
        self.assertIn("format: stream, metadata V5, little-endian", lines)
        self.assertIn("end marker: present", lines)
        self.assertIn("batches: 3", lines)
        self.assertIn("rows: 25", lines)
        self.assertIn("rows of a batch: 5 to 10", lines)
        self.assertEqual(lines[lines.index("schema: 3 fields"):], [
            "schema: 3 fields", "  id: int64 not null", "  \"a b\": list", "    item: struct", "      x: timestamp[us, UTC]",
            "      y: decimal128(10,2) not null", "  m: map", "    entries: struct not null", "      key: utf8 not null",
            "      value: bool"])

    def check_numbers(self, found, data):
        bodies = [message for message in self.messages if message.kind == kit.BATCH]
        sizes = [message.end - message.begin for message in bodies]
        self.assertEqual((found["batches"], found["rows"], found["dictionaries"]), (3, 25, 0))
        self.assertEqual(found["batch_rows"], {"min": 5, "max": 10})
        self.assertEqual(found["batch_bytes"], {"min": min(sizes), "max": max(sizes)})
        self.assertEqual(found["body_bytes"], sum(message.end - message.body for message in self.messages))
        self.assertEqual(found["bytes"], len(data))
        self.assertEqual((found["version"], found["big_endian"], found["compressed"]), (5, False, False))
        self.assertEqual((found["damaged"], found["has_end"]), (False, True))

    def test_json(self):
        for data, name in ((self.data, "stream"), (kit.as_file(self.data), "file")):
            found = json.loads(self.ok("info", "--json", self.write("in", data)))
            self.check_numbers(found, data)
            self.assertEqual((found["format"], found["input"]), (name, self.path("in")))
            piped = json.loads(self.ok("info", "--json", data=data))
            self.assertEqual(piped["input"], "standard input")
            # Where the bytes of a file end is not looked for in a pipe.
            self.assertLessEqual(piped["bytes"], found["bytes"])
            self.assertEqual({**piped, "input": found["input"], "bytes": found["bytes"]}, found)

    def test_json_schema(self):
        fields = json.loads(self.ok("info", "--json", data=self.data))["schema"]["fields"]
        self.assertEqual(fields[0], {"name": "id", "type": "int64", "format": "l", "nullable": False})
        item = fields[1]["children"][0]
        self.assertEqual(item["children"][0], {"name": "x", "type": "timestamp[us, UTC]", "format": "tsu:UTC", "nullable": True})

    def test_messages(self):
        found = json.loads(self.ok("info", "--json", "--messages", data=self.data))["messages"]
        expected = [{"kind": "schema" if message.kind == kit.SCHEMA else "batch", "version": 5, "offset": message.begin,
                     "metadata_bytes": message.body - message.begin, "body_bytes": message.end - message.body,
                     "rows": message.rows, "compressed": False} for message in self.messages[:-1]]
        self.assertEqual(found, expected)
        text = self.ok("info", "--messages", data=self.data).decode()
        self.assertIn("messages: 4\n", text)
        last = self.messages[3]
        self.assertIn("  batch      at %d, metadata %d, body %d, rows 5\n"
                      % (last.begin, last.body - last.begin, last.end - last.body), text)

    def test_several(self):
        a, b = self.write("a", self.data), self.write("b", self.gen("--rows=0"))
        lines = self.ok("info", "--json", a, b).decode().splitlines()
        self.assertEqual([json.loads(line)["rows"] for line in lines], [25, 0])
        self.assertEqual(self.ok("info", a, b).decode().count("input: "), 2)

    def test_missing_end(self):
        source = self.write("cut", self.data[:self.messages[2].end])
        self.assertIn(b"end marker: missing", self.ok("info", source))
        found = json.loads(self.ok("info", "--json", source))
        self.assertEqual((found["has_end"], found["rows"], found["damaged"]), (False, 20, False))

    def test_damaged_shows_what_came_before(self):
        """Also the schema, where the input can be read again."""
        source = self.write("cut", self.data[:self.messages[2].end + 30])
        text = self.bad(1, "/cut: ", "info", source).decode()
        self.assertIn("damaged: what follows was seen before the damage\n", text)
        self.assertIn("batches: 2\nrows: 20\n", text)
        self.assertIn("  id: int64 not null\n", text)
        found = json.loads(self.bad(1, "/cut: ", "info", "--json", source))
        self.assertEqual((found["damaged"], found["rows"], len(found["schema"]["fields"])), (True, 20, 3))
        found = json.loads(self.bad(1, "standard input: ", "info", "--json", data=self.read("cut")))
        self.assertEqual((found["rows"], "schema" in found), (20, False))

    def test_nasty_names(self):
        data = self.gen("--rows=1", "--schema", "a\"\n\033[2J\u202e:int8,:int8, é :int8")
        text = self.ok("info", data=data).decode()
        self.assertIn('  "a\\"\\n\\x1b[2J\\u{202e}": int8\n  "": int8\n  "é": int8\n', text)
        fields = json.loads(self.ok("info", "--json", data=data))["schema"]["fields"]
        self.assertEqual([field["name"] for field in fields], ["a\"\n\033[2J\u202e", "", "é"])
        odd = self.write("new\nline\033", data)
        self.assertIn(rb"new\nline\x1b", self.ok("info", odd))
        self.assertIn(rb"new\nline\x1b: ok", self.ok("verify", odd))
        self.assertEqual(json.loads(self.ok("info", "--json", odd))["input"], odd)

    def test_closed_pipe_and_full_disk(self):
        source = self.write("in", self.gen("--rows=20000", "--batch-rows=1"))
        process = self.start("info", "--messages", source, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual((process.wait(kit.TIMEOUT), process.stderr.read()), (0, b""))
        for command in (["info", source], ["info", "--messages", source], ["info", "--json", source], ["verify", source]):
            with open("/dev/full", "wb") as full:
                self.bad(1, "standard output: No space left", *command, stdout=full)

    def test_types_that_cannot_be_read_yet(self):
        """info and verify on golden files: info shows what the others may refuse."""
        data = os.environ.get("ARROW_TEST_DATA")
        if not data:
            self.skipTest("ARROW_TEST_DATA is not set")
        base = os.path.join(data, "arrow-ipc-stream", "integration")
        shown = 0
        for folder, _, names in os.walk(base):
            for name in sorted(names):
                if not name.endswith((".stream", ".arrow_file")):
                    continue
                source = os.path.join(folder, name)
                with self.subTest(source):
                    found = json.loads(self.ok("info", "--json", source))
                    self.assertNotIn("unknown type", json.dumps(found["schema"]))
                    self.assertEqual(found["big_endian"], "bigendian" in folder)
                    self.assertIn(b"schema: ", self.ok("info", source))
                    verified = kit.run("verify", source)
                    self.assertIn(verified.returncode, (0, 1))
                    self.assertEqual(verified.stderr.count(b"\n"), verified.returncode)
                    shown += 1
        self.assertGreater(shown, 0)


class Verify(kit.ToolTest):
    def test_good(self):
        data = self.gen("--rows=2500")
        source = self.write("in", data)
        self.assertEqual(self.ok("verify", source).decode(), "%s: ok, 3 batches, 2500 rows, %d bytes\n" % (source, len(data)))
        self.assertEqual(self.ok("verify", data=data).decode(), "standard input: ok, 3 batches, 2500 rows\n")
        self.assertEqual(self.ok("verify", "-q", source, source), b"")
        self.assertEqual(self.ok("verify", source, source).count(b"\n"), 2)

    def test_redirected_file(self):
        """Standard input that can seek is read from where it stands."""
        data = self.gen("--rows=2500")
        self.write("in", b"x" * 64 + data)
        with open(self.path("in"), "rb") as stdin:
            os.lseek(stdin.fileno(), 64, os.SEEK_SET)
            text = self.ok("verify", stdin=stdin).decode()
        self.assertEqual(text, "standard input: ok, 3 batches, 2500 rows, %d bytes\n" % len(data))


if __name__ == "__main__":
    kit.main()
