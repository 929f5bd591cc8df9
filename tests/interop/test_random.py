# SPDX-License-Identifier: Apache-2.0
"""Random schemas and batches, sliced at random, through spools of random settings, compared with pyarrow's own."""

import random
import unittest

import pyarrow as pa

import capi
import roundtrip
import samples

ROUNDS = 400


def random_compression(rng):
    compression = rng.choice((capi.UNCOMPRESSED, capi.LZ4, capi.ZSTD, capi.ADAPTIVE))
    levels = {capi.UNCOMPRESSED: (0,), capi.LZ4: (0, 1, 9, -3), capi.ZSTD: (0, 1, 7, -5),
              capi.ADAPTIVE: (0,)}
    return {"compression": compression, "compression_level": rng.choice(levels[compression])}


def random_choices(rng):
    return {
        "memory_limit": rng.choice((0, 500, 20_000, capi.NO_LIMIT)),
        "replay": rng.choice((capi.REPLAY_AUTO, capi.REPLAY_MAP, capi.REPLAY_READ)),
        "mode": rng.choice((capi.MODE_OVERFLOW, capi.MODE_ON_LIMIT, capi.MODE_ALL)),
        "write_chunk": rng.choice((4096, 65_536, 1 << 20)),
        "defer_release": rng.randrange(2),
        **random_compression(rng),
    }


class Random(roundtrip.RoundTrip):
    def test_append_spill_replay(self):
        start = roundtrip.seed()
        print(f"RESPOOL_TEST_SEED={start}, {ROUNDS} rounds", flush=True)
        for number in range(ROUNDS):
            try:
                self.round(random.Random(f"{start} {number}"))
            except Exception:
                print(f"failed in round {number}", flush=True)
                raise

    def round(self, rng):
        schema = samples.random_schema(rng)
        batches, forms = [], []
        for _ in range(rng.randrange(7)):
            batch, form = self.random_form(samples.random_batch(schema, rng), rng)
            batches.append(batch)
            forms.append(form)
        choices = random_choices(rng)
        path = self.new_path() if choices["mode"] == capi.MODE_ALL else None
        with capi.Spool(schema, **choices, **({"path": path} if path else {})) as spool:
            early = spool.replay()
            for form in forms:
                spool.append(form)
                self.disturb(spool, batches, rng)
            spool.finish()
            if rng.random() < 0.3:
                spool.spill(0)
            self.same_schema(spool, schema)
            self.same_batches(batches, early)
            self.same_replay(spool, schema, batches)
        if path:
            self.same_file(path, schema, batches)
            self.same_decoded(path, schema, batches)

    @staticmethod
    def random_form(batch, rng):
        """A part of the batch, and what is appended for it: itself, or a struct array with an offset of its own."""
        start = rng.randrange(batch.num_rows + 1) if rng.random() < 0.3 else 0
        count = rng.randrange(batch.num_rows - start + 1) if rng.random() < 0.3 else batch.num_rows - start
        part = batch.slice(start, count)
        if batch.num_columns == 0 or rng.random() < 0.5:
            return part, part
        whole = pa.StructArray.from_arrays(batch.columns, fields=list(batch.schema))
        return part, whole.slice(start, count)

    def disturb(self, spool, batches, rng):
        """What may happen between two batches."""
        action = rng.randrange(8)
        if action == 0:
            spool.flush()
        elif action == 1:
            spool.spill(rng.choice((0, 1000)))
        elif action == 2:
            spool.set_memory_limit(rng.choice((0, 3000, capi.NO_LIMIT)))
        elif action == 3:
            self.same_batch(batches[0], spool.replay().read_next_batch(), "while writing")

    def same_decoded(self, path, schema, batches):
        with open(path, "rb") as file:
            reader = capi.read_descriptor(file.fileno())
            self.assertTrue(schema.equals(reader.schema, check_metadata=True))
            self.same_batches(batches, reader)


if __name__ == "__main__":
    unittest.main()
