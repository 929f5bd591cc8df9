# SPDX-License-Identifier: Apache-2.0
"""--checksum-spool and --encrypt-spool: nothing changes but the file."""
import glob
import os
import subprocess

import kit

PLAIN = "--encrypt-spool: this build has no encryption"


class Sealing(kit.ToolTest):
    def setUp(self):
        super().setUp()
        self.data = self.gen("--rows=30000", "--batch-rows=500", "--schema", "whereabouts:int64,text:utf8")
        done = kit.run("tee", "--encrypt-spool", data=self.data)
        self.encrypts = PLAIN not in done.stderr.decode()

    def spool_bytes(self, *options):
        """What the nameless file holds while an input that has not ended is spooled, for an output that nobody reads."""
        late = self.fifo("late%d" % len(options))
        command = [kit.TOOL, "tee", "-m0", "-d", self.directory, "-o", late, *options]
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=kit.environment()) as process:
            process.stdin.write(self.data[:-100])
            process.stdin.flush()
            try:
                return self.wait_for_file(process.pid, len(self.data) // 2)
            finally:
                process.kill()

    def wait_for_file(self, pid, size):
        found = []

        def is_there():
            for link in glob.glob("/proc/%d/fd/*" % pid):
                if os.readlink(link).startswith(os.path.realpath(self.directory)) and os.stat(link).st_size > size:
                    found.append(link)
            return bool(found)

        kit.wait_until(is_there, "the spool file was there")
        with open(found[0], "rb") as file:
            return file.read()

    def test_the_same_comes_out(self):
        for options in (["--checksum-spool"], ["--encrypt-spool"], ["--checksum-spool", "--encrypt-spool"],
                        ["--encrypt-spool", "--compress-spool=adaptive", "--mode=on-limit"]):
            if "--encrypt-spool" in options and not self.encrypts:
                continue
            for limit in ("0", "300k"):
                self.assertEqual(self.ok("tee", "-m", limit, *options, data=self.data), self.data)

    def test_checksums_of_a_named_file(self):
        self.assertEqual(self.ok("tee", "--checksum-spool", "--path", self.path("kept"), "-o-", data=self.data), self.data)
        self.assertEqual(self.read("kept"), self.data)

    def test_what_the_file_shows(self):
        if not os.path.isdir("/proc/self/fd"):
            self.skipTest("there is no /proc")
        self.data = self.gen("--rows=600000", "--batch-rows=20000", "--schema", "whereabouts:int64,text:utf8")
        self.assertIn(b"whereabouts", self.spool_bytes())
        if self.encrypts:
            self.assertNotIn(b"whereabouts", self.spool_bytes("--encrypt-spool"))


if __name__ == "__main__":
    kit.main()
