# SPDX-License-Identifier: Apache-2.0
"""--compress, --compress-spool and --max-expansion."""
import json
import os
import unittest

import kit

SCHEMA = "--schema=a:bool,b:list<int8>,c:utf8,d:int64!"
CODECS = ["lz4", "lz4:1", "lz4:12", "zstd", "zstd:1", "zstd:19"]


def has_codecs():
    """A build may lack one."""
    return all(kit.run("gen", "--rows=1", "--compress", codec).returncode == 0 for codec in ("lz4", "zstd"))


@unittest.skipUnless(has_codecs(), "this build lacks a codec")
class Compress(kit.ToolTest):
    def setUp(self):
        super().setUp()
        self.plain = self.gen(SCHEMA, "--rows=20k", "--batch-rows=4k", "--null-rate=0.1")

    def packed(self, codec):
        return self.ok("cat", "--compress", codec, data=self.plain)

    def test_there_and_back(self):
        for codec in CODECS:
            with self.subTest(codec):
                packed = self.packed(codec)
                self.assertLess(len(packed), len(self.plain))
                self.assertEqual(self.ok("cat", data=packed), self.plain)
                self.assertEqual(self.ok("cat", "--compress", codec, data=packed), packed)
                self.assertIn(b": ok, 5 batches, 20000 rows", self.ok("verify", data=packed))
                self.assertTrue(json.loads(self.ok("info", "--json", data=packed))["compressed"])
        self.assertEqual(self.packed("none"), self.plain)

    def test_gen(self):
        arguments = (SCHEMA, "--rows=20k", "--batch-rows=4k", "--null-rate=0.1")
        self.assertEqual(self.gen(*arguments, "--compress=zstd"), self.packed("zstd"))

    def test_higher_levels_give_less(self):
        self.assertLess(len(self.packed("zstd:19")), len(self.packed("zstd:1")))
        self.assertLess(len(self.packed("lz4:12")), len(self.packed("lz4")))

    def test_outputs_and_the_file_that_is_kept(self):
        for codec in ("lz4", "zstd"):
            with self.subTest(codec):
                one, two, kept = self.path("one"), self.path("two"), self.path("kept-" + codec)
                packed = self.packed(codec)
                self.ok("tee", "--compress", codec, "-o", one, "-o", two, "--path", kept, data=self.plain)
                for path in (one, two, kept):
                    self.assertEqual(self.read(os.path.basename(path)), packed)

    def test_the_spool_alone(self):
        """Outputs stay plain; less goes to the disk."""
        stored = {}
        for codec in ("none", "lz4", "zstd"):
            done = self.lagging("-m0", "--stats", "--compress-spool", codec, data=self.plain)
            self.assertEqual((done.returncode, done.stdout), (0, self.plain))
            stored[codec] = json.loads(done.stderr)["bytes_stored"]
        self.assertLess(stored["lz4"], stored["none"])
        self.assertLess(stored["zstd"], stored["lz4"])

    def test_adaptive(self):
        """What goes which way is for the clock to say, but the first runs go both ways."""
        done = kit.run("tee", "-m0", "--stats", "--compress-spool=adaptive", data=self.plain)
        self.assertEqual((done.returncode, done.stdout), (0, self.plain))
        plain = self.gen(SCHEMA, "--rows=800k", "--batch-rows=40k", "--null-rate=0.1")
        kept = self.path("kept")
        done = kit.run("tee", "--stats", "--compress-spool", "adaptive", "--path", kept, "-o-", data=plain)
        self.assertEqual((done.returncode, done.stdout), (0, plain))
        compressed = json.loads(done.stderr)["batches_compressed"]
        self.assertIn(compressed, range(1, 20))
        self.assertTrue(json.loads(self.ok("info", "--json", kept))["compressed"])
        self.assertIn(b"compressed: yes, %d of 20 batches\n" % compressed, self.ok("info", kept))
        self.assertLess(len(self.read("kept")), len(plain))
        self.assertIn(b": ok, 20 batches, 800000 rows", self.ok("verify", kept))
        self.assertEqual(self.ok("cat", kept), plain)

    def test_each_its_own(self):
        kept = self.path("kept")
        out = self.ok("tee", "--compress=lz4", "--compress-spool=zstd", "--path", kept, "-o-", data=self.plain)
        self.assertEqual(out, self.packed("lz4"))
        self.assertEqual(self.read("kept"), self.packed("zstd"))
        plain = self.path("plain")
        out = self.ok("tee", "--compress=lz4", "--compress-spool=none", "--path", plain, "-o-", data=self.plain)
        self.assertEqual((out, self.read("plain")), (self.packed("lz4"), self.plain))

    def test_expansion_is_limited(self):
        packed = self.write("packed", self.packed("zstd"))
        expected = r"/packed: batch 0: field '[a-d]': [a-z]+ buffer: .*the option max_expansion allows more"
        for command in ("cat", "verify", "tee"):
            self.bad(1, expected, command, "--max-expansion=4KiB", packed)
            self.ok(command, "--max-expansion=1GiB", packed)
            self.ok(command, "--max-expansion=unlimited", packed)

    def test_wrong_use(self):
        for command in ("tee", "cat", "gen"):
            for codec in ("", "gzip", "lz4:0", "lz4:13", "zstd:23", "zstd:-1", "zstd:", "none:1", "zstd:x", "LZ4"):
                self.bad(2, r"--compress takes none, lz4 or zstd", command, "--compress", codec)
            self.bad(2, r"--compress takes none, lz4 or zstd,", command, "--compress=adaptive")
        for codec in ("lzo", "adaptive:1", "adaptive:", "adapt"):
            self.bad(2, r"--compress-spool takes none, lz4, zstd or adaptive", "tee", "--compress-spool", codec)
        for size in ("0", "-1", "x", ""):
            for command in ("tee", "cat", "verify"):
                self.bad(2, r"--max-expansion takes a size above 0", command, "--max-expansion", size)


if __name__ == "__main__":
    kit.main()
