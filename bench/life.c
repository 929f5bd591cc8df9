/* SPDX-License-Identifier: Apache-2.0 */
/* Small spools from end to end: made, 10 batches in, replayed, dropped; never spilled, and spilled. */
#include "bench.h"
#include "files.h"
#include "list.h"
#include "source.h"
#include "spools.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LIVES = 200, BATCHES = 10, HELD_ROWS = 16, SPILLED_BYTES = 65536 };

/* Batches are made outside of the time that counts. */
static void make_batches(int64_t rows, struct ArrowArray *batches) {
  for (int i = 0; i < BATCHES; i++) source_slice(source_column(i, 1, rows, 0), 0, rows, &batches[i]);
}

static uint64_t sum_of_batches(int64_t rows) {
  uint64_t sum = 0;
  for (int i = 0; i < BATCHES; i++) sum += take_all(source_column(i, 1, rows, 0), rows * 8);
  return sum;
}

static uint64_t live_in_spool(const respool_options *options, struct ArrowArray *batches) {
  spool_pair pair = spools_open(source_schema(1), options);
  for (int i = 0; i < BATCHES; i++) spools_append(pair.writer, &batches[i]);
  spools_finish(&pair);
  uint64_t sum = spools_take(&pair, take_all, 1);
  spools_close(&pair);
  return sum;
}

static uint64_t live_in_list(struct ArrowArray *batches) {
  list l = LIST_EMPTY;
  for (int i = 0; i < BATCHES; i++) list_append(&l, &batches[i]);
  uint64_t sum = list_sum(&l);
  list_free(&l);
  return sum;
}

static uint64_t live_in_file(const bench *b) {
  int fd = files_open(b->directory);
  ssize_t wrote = pwrite(fd, source_bytes(), SPILLED_BYTES, 0);
  BENCH_NEED(wrote == SPILLED_BYTES, "cannot write: %s", strerror(errno));
  void *mapped = mmap(NULL, SPILLED_BYTES, PROT_READ, MAP_SHARED, fd, 0);
  BENCH_NEED(mapped != MAP_FAILED, "cannot map: %s", strerror(errno));
  uint64_t sum = take_all(mapped, SPILLED_BYTES);
  munmap(mapped, SPILLED_BYTES);
  close(fd);
  return sum;
}

/* The median of many lives, as one is short. */
static figure median_of(int64_t *times) {
  return figure_plain((double)bench_quantile(times, LIVES, 0.5));
}

static figure time_held(const bench *b, bool in_spool) {
  int64_t times[LIVES];
  respool_options options = spools_options(b, RESPOOL_NO_LIMIT);
  for (int i = 0; i < LIVES; i++) {
    struct ArrowArray batches[BATCHES];
    make_batches(HELD_ROWS, batches);
    int64_t start = bench_now();
    uint64_t sum = in_spool ? live_in_spool(&options, batches) : live_in_list(batches);
    times[i] = bench_now() - start;
    bench_need_sum(sum, sum_of_batches(HELD_ROWS));
  }
  return median_of(times);
}

/* Ten batches are 64 KiB in the file, too, but for their metadata. */
static figure time_spilled(const bench *b, respool_pool *pool) {
  int64_t times[LIVES], rows = SPILLED_BYTES / 8 / BATCHES;
  respool_options options = spools_options(b, 0);
  options.pool = pool;
  for (int i = 0; i < LIVES; i++) {
    struct ArrowArray batches[BATCHES];
    make_batches(rows, batches);
    int64_t start = bench_now();
    uint64_t sum = live_in_spool(&options, batches);
    times[i] = bench_now() - start;
    bench_need_sum(sum, sum_of_batches(rows));
  }
  return median_of(times);
}

static figure time_file(const bench *b) {
  int64_t times[LIVES];
  for (int i = 0; i < LIVES; i++) {
    int64_t start = bench_now();
    uint64_t sum = live_in_file(b);
    times[i] = bench_now() - start;
    bench_need_sum(sum, take_all(source_bytes(), SPILLED_BYTES));
  }
  return median_of(times);
}

void bench_small(bench *b) {
  const char *of_file = "O_TMPFILE, write of 64 KiB, map, sum, close";
  row *held =
      bench_row(b, UNIT_NS, "a list with these, under a mutex", FIGURE_GOAL(3000), "small: whole life, never spilled");
  row *spilled = bench_row(b, UNIT_NS, of_file, RATIO_GOAL(0.5), "small: whole life, spilled");
  row *pooled = bench_row(b, UNIT_NS, of_file, NO_GOAL, "small: whole life, with a pool's file");
  respool_pool *pool = spools_pool();
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    figure limit = time_held(b, false);
    bench_sample(held, time_held(b, true), limit);
    limit = time_file(b);
    bench_sample(spilled, time_spilled(b, NULL), limit);
    bench_sample(pooled, time_spilled(b, pool), limit);
  }
  respool_pool_release(pool);
}
