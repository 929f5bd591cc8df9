# SPDX-License-Identifier: Apache-2.0
"""Errors on their way from a producer in pyarrow, or from the writer, to readers in pyarrow."""

import errno
import threading
import unittest

import pyarrow as pa

import capi
import roundtrip

SCHEMA = pa.schema([("x", pa.int32())])
TEXT = "Quelle versiegt: \u00e4\u00f6\u00fc \u2211 \u6f22\u5b57 \U0001f4a5"


def batch_of(*values):
    return pa.record_batch([pa.array(values, pa.int32())], schema=SCHEMA)


class Errors(roundtrip.RoundTrip):
    def test_source_that_raises(self):
        def source():
            yield batch_of(1, 2, 3)
            raise ValueError(TEXT)

        for setting in ("memory", "mapped", "read"):
            with self.subTest(setting=setting), capi.Spool(SCHEMA, **roundtrip.SETTINGS[setting]) as spool:
                early = spool.replay()
                with self.assertRaises(capi.Error) as caught:
                    spool.append_reader(pa.RecordBatchReader.from_batches(SCHEMA, source()))
                self.assertEqual(caught.exception.status, capi.SOURCE_FAILED)
                self.assertNotEqual(caught.exception.os_error, 0)
                self.assertIn(TEXT, caught.exception.text)
                for reader in (early, spool.replay()):
                    with self.assertRaisesRegex(roundtrip.ERRORS, TEXT):
                        reader.read_next_batch()
                self.assertEqual(self.refusal(spool.finish), capi.HAS_FAILED)

    def refusal(self, call, *arguments):
        with self.assertRaises(capi.Error) as caught:
            call(*arguments)
        return caught.exception.status

    def test_failed_spool(self):
        """Status, code and text of respool_writer_fail(), at once and for readers that come later."""
        with capi.Spool(SCHEMA, memory_limit=0) as spool:
            early = spool.replay()
            spool.append(batch_of(1))
            self.same_batch(batch_of(1), early.read_next_batch())
            spool.fail(capi.RESOURCES_EXHAUSTED, errno.ENOSPC, TEXT)
            for reader in (early, spool.replay(), spool.replay()):
                with self.assertRaisesRegex(OSError, TEXT):
                    reader.read_next_batch()
            self.assertEqual(self.refusal(spool.append, batch_of(2)), capi.HAS_FAILED)
            self.assertEqual(self.refusal(spool.finish), capi.HAS_FAILED)

    def test_waiting_reader_is_told(self):
        with capi.Spool(SCHEMA) as spool:
            reader, caught = spool.replay(), []

            def wait():
                try:
                    reader.read_next_batch()
                except roundtrip.ERRORS as error:
                    caught.append(str(error))

            thread = threading.Thread(target=wait)
            thread.start()
            spool.fail(capi.USER + 7, 0, TEXT)
            thread.join(60)
            self.assertFalse(thread.is_alive())
            self.assertEqual(len(caught), 1)
            self.assertIn(TEXT, caught[0])

    def test_abandoned(self):
        """Batches first, then the error."""
        with capi.Spool(SCHEMA) as spool:
            reader = spool.replay()
            spool.append(batch_of(1))
            spool.close_writer()
            self.same_batch(batch_of(1), reader.read_next_batch())
            with self.assertRaises(roundtrip.ERRORS):
                reader.read_next_batch()

    def test_several_sources_follow_each_other(self):
        batches = [batch_of(1, 2), batch_of(), batch_of(3, None)]
        with capi.Spool(SCHEMA, memory_limit=0) as spool:
            for _ in range(2):
                spool.append_reader(pa.RecordBatchReader.from_batches(SCHEMA, batches))
            spool.finish()
            self.same_replay(spool, SCHEMA, batches * 2)

    def test_source_of_another_schema(self):
        """Refused before anything is pulled."""
        pulled = []

        def source():
            pulled.append(1)
            yield pa.record_batch([pa.array([1], pa.int64())], names=["x"])

        with capi.Spool(SCHEMA) as spool:
            other = pa.RecordBatchReader.from_batches(pa.schema([("x", pa.int64())]), source())
            self.assertEqual(self.refusal(spool.append_reader, other), capi.INVALID)
            self.assertEqual(pulled, [])
            spool.append(batch_of(5))
            spool.finish()
            self.same_replay(spool, SCHEMA, [batch_of(5)])

    def test_array_that_does_not_fit(self):
        """The message names the field, and the array stays the caller's (which capi checks)."""
        schema = pa.schema([("a", pa.int32()), ("culprit", pa.list_(pa.int32()))])
        with capi.Spool(schema) as spool:
            wrong = pa.record_batch([pa.array([1]), pa.array([2])], names=["a", "culprit"])
            with self.assertRaises(capi.Error) as caught:
                spool.append(wrong)
            self.assertEqual(caught.exception.status, capi.INVALID)
            self.assertIn("culprit", caught.exception.text)
            self.assertEqual(self.refusal(spool.append, batch_of(1)), capi.INVALID)
            nulls = pa.StructArray.from_arrays([pa.array([1], pa.int32()), pa.array([[1]], pa.list_(pa.int32()))],
                                               fields=list(schema), mask=pa.array([True]))
            self.assertEqual(self.refusal(spool.append, nulls), capi.INVALID)
            self.assertEqual(spool.stats().batches, 0)

    def test_readers_at_their_own_pace(self):
        """Threads that read while the writer appends, the first batches from memory, the later ones from disk."""
        batches = [batch_of(*range(start, start + 500)) for start in range(0, 50_000, 500)]
        with capi.Spool(SCHEMA, memory_limit=40_000, write_chunk=8192) as spool:
            results = []
            threads = [threading.Thread(target=lambda: results.append(self.collect(spool))) for _ in range(4)]
            for thread in threads:
                thread.start()
            for batch in batches:
                spool.append(batch)
            spool.finish()
            for thread in threads:
                thread.join(60)
                self.assertFalse(thread.is_alive())
            self.assertEqual(len(results), 4)
            for result in results:
                self.assertTrue(result.equals(pa.Table.from_batches(batches)))

    @staticmethod
    def collect(spool):
        return spool.replay().read_all()


if __name__ == "__main__":
    unittest.main()
