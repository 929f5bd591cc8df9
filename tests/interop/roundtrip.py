# SPDX-License-Identifier: Apache-2.0
"""What the interop tests share: spools in several settings, comparison with pyarrow's own, temporary files."""

import os
import pathlib
import tempfile
import unittest

import pyarrow as pa

import capi

SETTINGS = {
    "memory": {"memory_limit": capi.NO_LIMIT},
    "mapped": {"memory_limit": 0, "replay": capi.REPLAY_MAP},
    "read": {"memory_limit": 0, "replay": capi.REPLAY_READ},
    "on limit": {"memory_limit": 4096, "mode": capi.MODE_ON_LIMIT},
    "named": {"memory_limit": 0, "mode": capi.MODE_ALL},
    "mapped, zstd": {"memory_limit": 0, "replay": capi.REPLAY_MAP, "compression": capi.ZSTD},
    "named, lz4": {"memory_limit": 0, "mode": capi.MODE_ALL, "compression": capi.LZ4},
    "named, adaptive": {"memory_limit": 0, "mode": capi.MODE_ALL, "write_chunk": 4096, "compression": capi.ADAPTIVE},
}


# What pyarrow raises for an error of a stream, by its code.
ERRORS = (pa.ArrowException, OSError)


def seed():
    """From RESPOOL_TEST_SEED, for random tests, which print it."""
    return int(os.environ.get("RESPOOL_TEST_SEED", "1"))


def exported_tree(schema):
    exported = capi.CSchema()
    schema._export_to_c(capi.address(exported))
    tree = capi.top_tree(exported)
    capi.release(exported)
    return tree


class RoundTrip(unittest.TestCase):
    longMessage = True

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="respool-interop-")
        self.addCleanup(scratch.cleanup)
        self.scratch = pathlib.Path(scratch.name)

    def new_path(self):
        return self.scratch / f"spool-{len(os.listdir(self.scratch))}"

    def same_batch(self, expected, got, what=""):
        got.validate(full=True)
        equal = expected.equals(got, check_metadata=True)
        self.assertTrue(equal, f"{what}: expected {expected.to_pylist()}, got {got.to_pylist()}" if not equal else "")

    def same_batches(self, expected, reader):
        """From the reader's position to its end."""
        count = 0
        for got in reader:
            self.assertLess(count, len(expected), "more batches than were appended")
            self.same_batch(expected[count], got, f"batch {count}")
            count += 1
        self.assertEqual(count, len(expected), "number of batches")

    def same_replay(self, spool, schema, batches):
        reader = spool.replay()
        self.assertTrue(schema.equals(reader.schema, check_metadata=True), f"{schema} is not {reader.schema}")
        self.same_batches(batches, reader)

    def same_schema(self, spool, schema):
        """Exactly: order and duplicates of metadata included, which pyarrow does not compare."""
        got = spool.c_schema()
        try:
            self.assertEqual(exported_tree(schema), capi.top_tree(got))
        finally:
            capi.release(got)

    def check_stored(self, spool, batches, setting):
        """Batches that a setting means to read from disk are there, and not in memory. Empty ones need neither."""
        stats = spool.stats()
        filled = sum(batch.num_rows > 0 for batch in batches)
        self.assertEqual((stats.batches, stats.rows), (len(batches), sum(batch.num_rows for batch in batches)))
        if setting.startswith(("mapped", "read", "named")):
            self.assertGreaterEqual(stats.batches_stored, filled)
            self.assertLessEqual(stats.batches_resident, len(batches) - filled)
            self.assertEqual(stats.bytes_charged, 0)
        if setting == "memory":
            self.assertGreaterEqual(stats.batches_resident, filled)
            self.assertEqual((stats.batches_stored, stats.file_exists), (0, 0))

    def check(self, schema, batches, settings=SETTINGS, appended=None):
        """Append, finish and replay in every setting. `appended` holds the batches in another form."""
        for setting, choices in settings.items():
            with self.subTest(setting=setting):
                path = self.new_path() if setting.startswith("named") else None
                with capi.Spool(schema, **choices, **({"path": path} if path else {})) as spool:
                    for batch in appended or batches:
                        spool.append(batch)
                    spool.finish()
                    self.same_schema(spool, schema)
                    self.check_stored(spool, batches, setting)
                    self.same_replay(spool, schema, batches)
                    self.same_replay(spool, schema, batches)
                if path:
                    self.same_file(path, schema, batches)
                    path.unlink()

    def same_file(self, path, schema, batches):
        """What pyarrow reads from the file."""
        with pa.OSFile(str(path)) as source, pa.ipc.open_stream(source) as reader:
            self.assertTrue(schema.equals(reader.schema, check_metadata=True))
            self.same_batches(batches, reader)
