# SPDX-License-Identifier: Apache-2.0
"""The progress line of respool tee: on a terminal only, drawn over itself, as wide as that, and gone at the end."""
import fcntl
import os
import re
import struct
import subprocess
import termios
import threading

import kit

ERASED = b"\r\x1b[K"


class Terminal:
    """A terminal of some width, and everything written to it."""

    def __init__(self, columns):
        self.master, self.slave = os.openpty()
        attributes = termios.tcgetattr(self.slave)
        attributes[1] &= ~termios.OPOST  # line ends as they are written
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.text = b""
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        try:
            while part := os.read(self.master, 65536):
                self.text += part
        except OSError:  # how a terminal ends
            pass

    def close(self):
        """Everything that was written, once the writers are gone."""
        os.close(self.slave)
        self.thread.join(kit.TIMEOUT)
        os.close(self.master)
        return self.text


class Progress(kit.ToolTest):
    def setUp(self):
        super().setUp()
        self.data = self.gen("--rows=100000", "--batch-rows=1000")
        self.half = kit.messages(self.data)[50].end

    def watch(self, *arguments, columns=150, until=b" 100%", then=lambda: None):
        """Feed half of the stream, wait until the terminal shows `until`, do `then`, feed the rest. Answers what it showed."""
        terminal = Terminal(columns)
        process = self.start("tee", *arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=terminal.slave)
        process.stdin.write(self.data[:self.half])
        process.stdin.flush()
        kit.wait_until(lambda: until in terminal.text, "the terminal shows %r" % until)
        then()
        process.stdin.write(self.data[self.half:])
        process.stdin.close()
        self.code = process.wait(kit.TIMEOUT)
        return terminal.close()

    def test_line(self):
        shown = self.watch("-m", "1M", "-o-", "-o", self.path("out.arrow"))
        self.assertEqual(self.code, 0)
        self.assertNotIn(b"\n", shown)
        self.assertTrue(shown.endswith(ERASED), shown[-80:])
        lines = [line.removesuffix(b"\x1b[K") for line in shown.split(b"\r") if line not in (b"", b"\x1b[K")]
        self.assertGreater(len(lines), 0)
        size = rb"\d+(\.\d)? ([KMG]iB|B)"
        pattern = rb"in %s( at %s/s| complete), resident %s, stored %s \| - (\d+%%|waiting) \| out\.arrow (\d+%%|waiting)" % (
            size, size, size, size)
        for line in lines:
            self.assertTrue(re.fullmatch(pattern, line), line)

    def test_waiting_output(self):
        """A FIFO that nobody has opened is said to wait; then it is served, and all ends well."""
        fifo = self.fifo("late")
        readers = []
        shown = self.watch("-o-", "-o", fifo, until=b"late waiting", then=lambda: readers.append(kit.Reader(fifo)))
        self.assertEqual((self.code, readers[0].result()), (0, self.data))
        self.assertTrue(shown.endswith(ERASED))

    def test_narrow_terminal(self):
        """No line fills the last column, where some terminals would begin a new one."""
        shown = self.watch("-o-", "-o", self.path("é" * 20), columns=40, until=b"in ")
        for line in re.split(rb"\r|\x1b\[K", shown):
            self.assertLess(len(line.decode()), 40)
        shown = self.watch("-o-", "-o", self.path("é" * 15 + "x"), columns=200, until="é".encode())
        shown.decode()  # never cut inside a character

    def test_messages_take_the_line_away(self):
        shown = self.watch("-o-", "-o", "/dev/full", until=b"full failed")
        self.assertEqual(self.code, 1)
        message = re.search(rb"[^\r]*(respool tee: /dev/full: [^\r\n]*)\n", shown)
        self.assertIn(message.group(0), (message.group(1) + b"\n", b"\x1b[K" + message.group(1) + b"\n"))
        self.assertTrue(shown.endswith(ERASED))

    def test_odd_names_do_no_harm(self):
        shown = self.watch("-o-", "-o", self.path("a\033[31m\nb"), until=b" 100%")
        self.assertIn(rb"a\x1b[31m\nb", shown)
        self.assertNotIn(b"\033[31m", shown)

    def test_not_wanted(self):
        """Nothing at all is shown."""
        for option in ("--no-progress", "-q"):
            terminal = Terminal(80)
            done = kit.run("tee", option, data=self.data, stderr=terminal.slave)
            self.assertEqual((done.returncode, done.stdout == self.data, terminal.close()), (0, True, b""))

    def test_not_a_terminal(self):
        self.assertEqual(self.ok("tee", data=self.data), self.data)


if __name__ == "__main__":
    kit.main()
