/* SPDX-License-Identifier: Apache-2.0 */
/* Spools whose file has checksums or is encrypted, beside the same ones without. */
#include "bench.h"
#include "feed.h"
#include "rounds.h"
#include "spools.h"

enum { SMALL = 100000 };

static const char *const without = "the same spool without";

static void run_big(bench *b, const feed *f, const respool_options *plain, const respool_options *sealed,
                    const char *name) {
  int64_t batches = feed_batches(f, b->size / 4), bytes = feed_bytes(f, batches);
  row *write = bench_row(b, UNIT_GB_PER_S, without, NO_GOAL, "%s, %s: write", name, f->name);
  row *replay = bench_row(b, UNIT_GB_PER_S, without, NO_GOAL, "%s, %s: replay", name, f->name);
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    bench_warm_pages(b);
    passes limit = spools_pass(f, plain, batches);
    bench_warm_pages(b);
    passes spool = spools_pass(f, sealed, batches);
    bench_sample(write, figure_rate(&spool.write, bytes), figure_rate(&limit.write, bytes));
    bench_sample(replay, figure_rate(&spool.replay, bytes), figure_rate(&limit.replay, bytes));
  }
}

static figure each(const meter *m) {
  return figure_per_second(m, SMALL, (int64_t)SMALL * SMALL_BYTES);
}

static void run_small(bench *b, const respool_options *plain, const respool_options *sealed, const char *name) {
  row *write = bench_row(b, UNIT_BATCHES_PER_S, without, NO_GOAL, "%s, 16 rows: write", name);
  row *replay = bench_row(b, UNIT_BATCHES_PER_S, without, NO_GOAL, "%s, 16 rows: replay", name);
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    bench_warm_pages(b);
    passes limit = rounds_pass(plain, SMALL, NULL), spool = rounds_pass(sealed, SMALL, NULL);
    bench_sample(write, each(&spool.write), each(&limit.write));
    bench_sample(replay, each(&spool.replay), each(&limit.replay));
  }
}

static void run_kind(bench *b, const respool_options *plain, const respool_options *sealed, const char *name) {
  run_big(b, feed_integers(), plain, sealed, name);
  run_big(b, feed_strings(), plain, sealed, name);
  run_small(b, plain, sealed, name);
}

void bench_sealed(bench *b) {
  respool_options mapped = spools_options(b, 0), read = mapped;
  read.replay = RESPOOL_REPLAY_READ;
  respool_options mapped_checked = mapped, read_checked = read;
  mapped_checked.checksums = read_checked.checksums = 1;
  run_kind(b, &mapped, &mapped_checked, "checksums, mapped");
  run_kind(b, &read, &read_checked, "checksums, read");
  if (!respool_encryption_available()) return;
  respool_options encrypted = read;
  encrypted.encryption = 1;
  run_kind(b, &read, &encrypted, "encrypted");
}
