# SPDX-License-Identifier: Apache-2.0
"""What the tests of the tool share: running it, and the framing of the streams it writes.

A test script takes the path of the tool as its first argument.
"""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

TOOL = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "respool"
SEED = int(os.environ.get("RESPOOL_TEST_SEED", "1"))
TIMEOUT = 120  # against hangs only

SCHEMA = 1
BATCH = 3
END = 0


def environment():
    """The process's own, without what changes messages or places."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LC_") and name != "LANG"}
    kept.update(LC_ALL="C", TERM="xterm")
    return kept


def run(*arguments, data=None, stdin=None, **more):
    """Run the tool to its end. `data` goes to its standard input, which is empty otherwise."""
    more.setdefault("env", environment())
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.PIPE)
    if stdin is not None:
        more["stdin"] = stdin
    else:
        more["input"] = data or b""
    return subprocess.run([TOOL, *map(str, arguments)], timeout=TIMEOUT, **more)


def wait_until(condition, what):
    """Poll until `condition` holds; fail after a time that only a hang takes."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain until " + what)
        time.sleep(0.01)


def size_of(path):
    """Size of a file, -1 while there is none."""
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return -1


class Feeder(threading.Thread):
    """Writes `data` to a file object and closes it."""

    def __init__(self, out, data):
        super().__init__(daemon=True)
        self.out, self.data = out, data
        self.start()

    def run(self):
        try:
            with self.out:
                self.out.write(self.data)
        except BrokenPipeError:
            pass


class Reader(threading.Thread):
    """Reads a path (a FIFO, perhaps) to its end."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.data = path, None
        self.start()

    def run(self):
        with open(self.path, "rb") as file:
            self.data = file.read()

    def result(self):
        self.join(TIMEOUT)
        assert not self.is_alive(), "reader of %s hangs" % self.path
        return self.data


class ToolTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="respool-test-")
        self.addCleanup(shutil.rmtree, self.directory, True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def fifo(self, name):
        os.mkfifo(self.path(name))
        return self.path(name)

    def start(self, *arguments, **more):
        """Start the tool; if it still runs when the test ends, that ends it."""
        more.setdefault("env", environment())
        process = subprocess.Popen([TOOL, *map(str, arguments)], **more)
        self.addCleanup(self.stop, process)
        return process

    @staticmethod
    def stop(process):
        process.kill()
        process.wait(TIMEOUT)
        for stream in (process.stdin, process.stdout, process.stderr):
            try:
                if stream:
                    stream.close()
            except BrokenPipeError:
                pass

    def ok(self, *arguments, **more):
        """Run; it must exit with 0 and say nothing on standard error. Answers standard output."""
        done = run(*arguments, **more)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def bad(self, code, expected, *arguments, **more):
        """Run; it must exit with `code` and one line that matches `expected`. Answers what came to standard output."""
        done = run(*arguments, **more)
        self.one_line(done, code, expected)
        return done.stdout

    def one_line(self, done, code, expected):
        text = done.stderr.decode()
        self.assertEqual(done.returncode, code, text)
        self.assertEqual(text.count("\n"), 1, "one line: " + text)
        self.assertTrue(text.startswith("respool") and text.endswith("\n"), text)
        self.assertRegex(text, expected)

    def lagging(self, *arguments, data, **more):
        """
        Run `tee` with two outputs, of which one takes nothing before the other is over, so that nothing can be
        forgotten before. Answers as run() does; both outputs have got the same.
        """
        late = self.fifo("late%d" % len(os.listdir(self.directory)))
        process = self.start("tee", *arguments, "-o-", "-o", late, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, **more)
        Feeder(process.stdin, data)
        early = process.stdout.read()
        self.assertEqual(Reader(late).result(), early)
        error = process.stderr.read()
        return subprocess.CompletedProcess(process.args, process.wait(TIMEOUT), early, error)

    def gen(self, *arguments):
        return self.ok("gen", *arguments)


class Message:
    def __init__(self, kind, begin, body, end, rows):
        self.kind, self.begin, self.body, self.end, self.rows = kind, begin, body, end, rows


def _slot(data, table, slot):
    """Position of a flatbuffer table's field, None where it is left out."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    if 4 + 2 * slot >= size:
        return None
    offset = struct.unpack_from("<H", data, vtable + 4 + 2 * slot)[0]
    return table + offset if offset else None


def _message(data, begin):
    mark, size = struct.unpack_from("<Ii", data, begin)
    assert mark == 0xFFFFFFFF, "continuation marker expected at %d" % begin
    if size == 0:
        return Message(END, begin, begin + 8, begin + 8, 0)
    table = begin + 8 + struct.unpack_from("<I", data, begin + 8)[0]
    kind = data[_slot(data, table, 1)]
    rows = 0
    if kind == BATCH:
        at = _slot(data, table, 2)
        length = _slot(data, at + struct.unpack_from("<I", data, at)[0], 0)
        rows = struct.unpack_from("<q", data, length)[0] if length else 0
    at = _slot(data, table, 3)
    body = begin + 8 + size
    return Message(kind, begin, body, body + (struct.unpack_from("<q", data, at)[0] if at else 0), rows)


def messages(data):
    """The messages of a stream, an end marker included, as far as they are whole."""
    found, at = [], 0
    while at + 8 <= len(data):
        message = _message(data, at)
        if message.end > len(data):
            break
        found.append(message)
        at = message.end
        if message.kind == END:
            break
    return found


def rows_of(data):
    return sum(message.rows for message in messages(data))


def has_end(data):
    found = messages(data)
    return bool(found) and found[-1].kind == END


def bodies(data):
    return b"".join(data[message.body:message.end] for message in messages(data))


def as_file(data, order=None):
    """A stream as an Arrow IPC file. `order`: the batches that its footer lists, by number; all of them if None.

    The footer's schema is the one in the stream's first message: that flatbuffer is put behind the footer's own tables,
    as positions inside it are relative.
    """
    found = messages(data)
    batches = [message for message in found if message.kind == BATCH]
    batches = batches if order is None else [batches[number] for number in order]
    blocks = b"".join(struct.pack("<qi4xq", 8 + batch.begin, batch.body - batch.begin, batch.end - batch.body)
                      for batch in batches)
    original = data[8:found[0].body]
    schema = _slot(original, struct.unpack_from("<I", original)[0], 2)
    schema += struct.unpack_from("<I", original, schema)[0]
    # The root's position, its vtable at 4, the table at 16, no dictionaries at 36, batches at 44, then the original.
    head = struct.pack("<IHHHHHH", 16, 12, 20, 16, 4, 8, 12)
    table = struct.pack("<iIIIhxx", 12, 48 + len(blocks) + schema - 20, 12, 16, 4)
    footer = head + table + struct.pack("<IxxxxI", 0, len(batches)) + blocks + original
    return b"ARROW1\0\0" + data + footer + struct.pack("<i", len(footer)) + b"ARROW1"


def random_source():
    print("RESPOOL_TEST_SEED=%d" % SEED)
    return random.Random(SEED)


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=1)
