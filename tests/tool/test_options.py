# SPDX-License-Identifier: Apache-2.0
"""Help, version, and what is wrong with a command line: exit code 2 and one line that says where help is."""
import os
import re
import shutil
import subprocess

import kit

HERE = os.path.dirname(os.path.abspath(__file__))
MANUAL = os.path.join(HERE, "..", "..", "docs", "respool.1")
HEADER = os.path.join(HERE, "..", "..", "include", "respool", "respool.h")
COMMANDS = ["tee", "cat", "info", "verify", "gen"]

WRONG = [
    ([], r"^respool: no command given; see 'respool --help'$"),
    (["--"], r"^respool: no command given"),
    (["nothing"], r"^respool: unknown command 'nothing'; see 'respool --help'$"),
    (["--nothing"], r"^respool: unknown option '--nothing'; see 'respool --help'$"),
    (["-x"], r"^respool: unknown option '-x'"),
    (["TEE"], r"unknown command 'TEE'"),
    (["a\n\033[2Jb"], r"unknown command 'a\\n\\x1b\[2Jb'"),
    (["--help=yes"], r"option '--help' takes no value"),
    (["tee", "--nothing"], r"^respool tee: unknown option '--nothing'; see 'respool tee --help'$"),
    (["tee", "--memory"], r"unknown option '--memory'"),
    (["tee", "-z"], r"unknown option '-z'"),
    (["tee", "-qz"], r"unknown option '-z'"),
    (["tee", "-o"], r"option '-o' needs a value"),
    (["tee", "-qo"], r"option '-o' needs a value"),
    (["tee", "--output"], r"option '--output' needs a value"),
    (["tee", "--stats=1"], r"option '--stats' takes no value"),
    (["tee", "a", "b"], r"one INPUT at most, but 'b' follows 'a'"),
    (["tee", "-m", "lots"], r"--memory-limit takes a size such as 64MiB, 1G, 0 or 'unlimited', not 'lots'"),
    (["tee", "-m", ""], r"not ''"),
    (["tee", "-m", "-1"], r"not '-1'"),
    (["tee", "-m", "8E"], r"not '8E'"),
    (["tee", "--mode", "some"], r"--mode takes overflow, on-limit or all, not 'some'"),
    (["tee", "--mode=all"], r"--mode all needs --path"),
    (["tee", "--mode=overflow", "--path=x"], r"--path needs --mode on-limit or all"),
    (["tee", "--path=x", "-d", "."], r"--directory is for the nameless file"),
    (["tee", "--path=x", "--encrypt-spool"], r"--encrypt-spool is for the nameless file"),
    (["tee", "--path=-"], r"'-o -' writes to standard output"),
    (["tee", "-o", "-", "-o", "-", "/dev/null"], r"'-o -' can be given only once"),
    (["cat", "-", "-"], r"standard input can be read only once"),
    (["cat", "--json"], r"^respool cat: unknown option '--json'"),
    (["info", "-q"], r"^respool info: unknown option '-q'"),
    (["verify", "--json"], r"^respool verify: unknown option '--json'"),
    (["gen", "x"], r"takes no operand: 'x'"),
    (["gen", "--", "--rows"], r"takes no operand: '--rows'"),
    (["gen", "--rows", "-5"], r"--rows takes a number such as 1000 or 10M, not '-5'"),
    (["gen", "--batch-rows=0"], r"--batch-rows takes a number above 0, not '0'"),
    (["gen", "--seed=x"], r"--seed takes a number below 2\^64"),
    (["gen", "--null-rate=1.5"], r"--null-rate takes a number from 0 to 1"),
]


class Help(kit.ToolTest):
    def expected(self, name):
        with open(os.path.join(HERE, "expected", name), encoding="utf-8") as file:
            return file.read()

    def test_help_texts(self):
        self.assertEqual(self.ok("--help").decode(), self.expected("help.txt"))
        for command in COMMANDS:
            with self.subTest(command):
                self.assertEqual(self.ok(command, "--help").decode(), self.expected("help-%s.txt" % command))

    def test_help_wherever_it_stands(self):
        for arguments in (["-h"], ["tee", "-h"], ["tee", "-qh"], ["tee", "in", "--help"], ["gen", "--rows=1", "-h"]):
            self.assertIn(b"Usage: respool", self.ok(*arguments))

    def test_help_fits_a_terminal(self):
        for command in COMMANDS:
            for line in self.ok(command, "--help").decode().splitlines():
                self.assertLessEqual(len(line), 80)

    def test_version(self):
        with open(HEADER, encoding="utf-8") as file:
            version = re.search(r'define RESPOOL_VERSION +"(.*)"', file.read()).group(1)
        for arguments in (["--version"], ["-V"], ["tee", "--version"], ["gen", "-V"]):
            self.assertEqual(self.ok(*arguments).decode(), "respool %s\n" % version)

    def test_help_to_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            self.bad(1, r"standard output: No space left", "--help", stdout=full)
            self.bad(1, r"standard output: No space left", "tee", "--help", stdout=full)

    def test_manual_and_help_name_the_same_options(self):
        if not os.path.exists(MANUAL):
            self.skipTest("no manual here")
        with open(MANUAL, encoding="utf-8") as file:
            manual = set(re.findall(r"\bFl (-[a-z][a-z-]*)", file.read()))
        offered = set()
        for command in COMMANDS:
            offered |= set(re.findall(r"^ +(?:-., )? *-(-[a-z-]+)", self.ok(command, "--help").decode(), re.M))
        self.assertGreater(len(offered), 15)
        self.assertEqual(offered - manual, set(), "in the help, not in the manual")
        self.assertEqual(manual - offered, set(), "in the manual, not in the help")

    def test_manual_is_clean(self):
        if not shutil.which("mandoc") or not os.path.exists(MANUAL):
            self.skipTest("mandoc is not installed")
        done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", MANUAL], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))


class Usage(kit.ToolTest):
    def test_wrong_use(self):
        for arguments, expected in WRONG:
            with self.subTest(arguments):
                self.assertEqual(self.bad(2, expected, *arguments), b"")
                self.bad(2, r"--help'$", *arguments)

    def test_spellings(self):
        """All the ways to give a value mean the same."""
        source = self.write("in", self.gen("--rows=10"))
        for number, arguments in enumerate((["-o", "OUT"], ["-oOUT"], ["-qoOUT"], ["-qo", "OUT"], ["--output", "OUT"],
                                            ["--output=OUT"], ["-m0", "-o", "OUT"], ["--mode=on-limit", "-oOUT"])):
            out = self.path("out%d" % number)
            arguments = [argument.replace("OUT", out) for argument in arguments]
            self.ok("tee", *arguments, source)
            self.assertEqual(self.read("out%d" % number), self.read("in"))
        self.ok("tee", source, "-o", self.path("after"))
        self.assertEqual(self.read("after"), self.read("in"))

    def test_names_that_look_like_options(self):
        source = self.gen("--rows=10")
        with open(self.path("-q"), "wb") as file:
            file.write(source)
        self.assertEqual(self.ok("tee", "--", "-q", cwd=self.directory), source)
        self.assertEqual(self.ok("cat", "--", "-q", cwd=self.directory), source)
        self.ok("tee", "-o", "--help", "--", "-q", cwd=self.directory)
        self.assertEqual(self.read("--help"), source)

    def test_no_terminal_for_data(self):
        master, terminal = os.openpty()
        self.addCleanup(os.close, master)
        source = self.write("in", self.gen("--rows=10"))
        with open(terminal, "r+b", buffering=0) as tty:
            for arguments in (["gen"], ["tee", source], ["tee", "-o", "-", source], ["cat", source]):
                self.bad(2, r"standard output is a terminal, and Arrow data is binary", *arguments, stdout=tty)
            for command in ("tee", "cat", "info", "verify"):
                self.bad(2, r"standard input is a terminal: name an input file", command, stdin=tty)
            self.bad(1, r"is a terminal", "tee", "-o", os.ttyname(terminal), source)

    def test_closed_descriptors(self):
        """A closed standard output must not become some file opened later."""
        source = self.write("in", self.gen("--rows=10"))
        for command in (["gen"], ["cat", source], ["tee", source], ["info", source], ["--help"]):
            shell = ["sh", "-c", '"$0" "$@" >&-', kit.TOOL, *command]
            done = subprocess.run(shell, capture_output=True, env=kit.environment(), timeout=kit.TIMEOUT, check=False)
            self.one_line(done, 1, r"standard output: .*Bad file descriptor")
        self.assertEqual(self.read("in"), self.gen("--rows=10"))
        done = subprocess.run(["sh", "-c", '"$0" verify <&-', kit.TOOL], capture_output=True, env=kit.environment(),
                              timeout=kit.TIMEOUT, check=False)
        self.one_line(done, 1, r"standard input: .*Bad file descriptor")


if __name__ == "__main__":
    kit.main()
