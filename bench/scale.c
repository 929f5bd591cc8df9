/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How costs for a batch change with the number of batches, of columns, and of readers. Each figure is a point of a
 * curve, and counts processor time: nothing here waits, so that on an idle machine it is the same, and on another it
 * still holds.
 */
#include "bench.h"
#include "rounds.h"
#include "source.h"

#include <stdlib.h>

/* Append and replay, each a curve. */
typedef struct curves {
  axis against;
  const char *append;
  const char *replay;
} curves;

static void add_points(bench *b, const curves *c, int64_t at, row **append, row **replay) {
  *append = bench_point(b, UNIT_NS, NULL, c->against, (double)at, c->append);
  *replay = bench_point(b, UNIT_NS, NULL, c->against, (double)at, c->replay);
}

/* ---- Batches ----------------------------------------------------------------------------------------- */

/* Answers what the catalog took for each batch. */
static double run_batches(const bench *b, int64_t limit, int64_t batches, passes *p) {
  spool_pair pair = spools_open_integers(b, 1, limit);
  meter_open(&p->write);
  rounds_to_spool(&pair, batches, &p->write);
  meter_start(&p->write);
  spools_finish(&pair);
  meter_end(&p->write);
  respool_stats stats = spools_stats(pair.spool);
  meter_begin(&p->replay);
  uint64_t sum = spools_take(&pair, take_all, 1);
  meter_end(&p->replay);
  bench_need_sum(sum, rounds_sum(batches));
  BENCH_NEED(stats.batches_stored == (limit == 0 ? batches : 0), "batches are not where they should be");
  spools_close(&pair);
  return (double)stats.bytes_catalog / (double)batches;
}

static void sample_batches(bench *b, int64_t limit, int64_t batches, const curves *c, row *catalog) {
  row *append, *replay;
  add_points(b, c, batches, &append, &replay);
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    if (limit == 0) bench_warm_pages(b);
    passes p;
    double entry = run_batches(b, limit, batches, &p);
    bench_sample_alone(append, figure_processor(&p.write, batches, batches * SMALL_BYTES));
    bench_sample_alone(replay, figure_processor(&p.replay, batches, batches * SMALL_BYTES));
    if (catalog != NULL) bench_sample_alone(catalog, figure_plain(entry));
  }
}

void bench_scale_batches(bench *b) {
  const curves held = {AXIS_BATCHES, "append, held", "replay, held"};
  const curves stored = {AXIS_BATCHES, "append, stored", "replay, stored"};
  for (int64_t batches = 1000; batches <= b->most; batches *= 10) {
    sample_batches(b, RESPOOL_NO_LIMIT, batches, &held, NULL);
    bool last = batches * 10 > b->most;
    row *catalog =
        last ? bench_row(b, UNIT_BYTES, NULL, FIGURE_GOAL(64), "catalog, a stored batch of %lld", (long long)batches)
             : NULL;
    sample_batches(b, 0, batches, &stored, catalog);
  }
}

/* ---- Columns ----------------------------------------------------------------------------------------- */

static uint64_t sum_of_columns(int64_t batches, int columns) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < batches; i++)
    for (int k = 0; k < columns; k++) sum += take_all(source_column(i, columns, SMALL_ROWS, k), SMALL_BYTES);
  return sum;
}

static void run_columns(const bench *b, int64_t limit, int columns, int64_t batches, passes *p) {
  spool_pair pair = spools_open_integers(b, columns, limit);
  struct ArrowArray *made = bench_allocate((size_t)batches * sizeof *made);
  for (int64_t i = 0; i < batches; i++) source_columns(i, columns, SMALL_ROWS, &made[i]);
  meter_begin(&p->write);
  for (int64_t i = 0; i < batches; i++) spools_append(pair.writer, &made[i]);
  spools_finish(&pair);
  meter_end(&p->write);
  meter_begin(&p->replay);
  uint64_t sum = spools_take(&pair, take_all, 1);
  meter_end(&p->replay);
  bench_need_sum(sum, sum_of_columns(batches, columns));
  spools_close(&pair);
  free(made);
}

static void sample_columns(bench *b, int64_t limit, int columns, const curves *c) {
  row *append, *replay;
  int64_t batches = b->quick ? 500 : 2000, bytes = batches * columns * SMALL_BYTES;
  add_points(b, c, columns, &append, &replay);
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    if (limit == 0) bench_warm_pages(b);
    passes p;
    run_columns(b, limit, columns, batches, &p);
    bench_sample_alone(append, figure_processor(&p.write, batches, bytes));
    bench_sample_alone(replay, figure_processor(&p.replay, batches, bytes));
  }
}

void bench_scale_columns(bench *b) {
  static const int counts[] = {1, 3, 10, 30, 100, 300, 1000};
  const curves held = {AXIS_COLUMNS, "append, held", "replay, held"};
  const curves stored = {AXIS_COLUMNS, "append, stored", "replay, stored"};
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    sample_columns(b, RESPOOL_NO_LIMIT, counts[k], &held);
    sample_columns(b, 0, counts[k], &stored);
  }
}

/* ---- Readers ----------------------------------------------------------------------------------------- */

/* Readers that replay all at once: for each batch that one of them got. */
static void sample_readers(bench *b, const spool_pair *pair, int64_t batches, int readers, const char *name) {
  row *replay = bench_point(b, UNIT_NS, NULL, AXIS_READERS, readers, name);
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    meter m;
    meter_begin(&m);
    uint64_t sum = spools_take(pair, take_all, readers);
    meter_end(&m);
    bench_need_sum(sum, rounds_sum(batches) * (uint64_t)readers);
    bench_sample_alone(replay, figure_processor(&m, batches * readers, batches * readers * SMALL_BYTES));
  }
}

static void run_readers(bench *b, int64_t limit, const char *name) {
  int64_t batches = b->quick ? 5000 : 20000;
  meter ignored;
  spool_pair pair = spools_open_integers(b, 1, limit);
  meter_open(&ignored);
  rounds_to_spool(&pair, batches, &ignored);
  spools_finish(&pair);
  for (int readers = 1; readers <= 64; readers *= 2) sample_readers(b, &pair, batches, readers, name);
  spools_close(&pair);
}

void bench_scale_readers(bench *b) {
  run_readers(b, RESPOOL_NO_LIMIT, "replay, held");
  run_readers(b, 0, "replay, stored");
  for (int readers = 1; readers <= 64; readers *= 2) {
    row *append = bench_point(b, UNIT_NS, NULL, AXIS_READERS, readers, "append while they wait, elapsed");
    for (int i = 0; i < b->repeats; i++) bench_sample_alone(append, waiting_append(b, readers));
  }
}
