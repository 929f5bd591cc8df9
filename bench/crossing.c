/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit is crossed in mode ON_LIMIT, when 1 GiB is buffered that all has to go to disk then: how long the worst
 * append takes, and flush and finish. Beside it, one chunk's write.
 */
#include "bench.h"
#include "files.h"
#include "source.h"
#include "spools.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIECE = 1 << 20, PAST = 16 };

/* Memory for all batches: none may share any, or the limit would not be reached. */
typedef struct buffered {
  uint8_t *memory;
  int64_t batches; /* within the limit; PAST more come after */
} buffered;

static buffered fill(const bench *b) {
  buffered all = {.batches = (b->size < (int64_t)1 << 30 ? b->size : (int64_t)1 << 30) / PIECE};
  size_t bytes = (size_t)(all.batches + PAST) * PIECE;
  all.memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  BENCH_NEED(all.memory != MAP_FAILED, "no memory");
  const uint8_t *source = source_bytes();
  for (int64_t i = 0; i < all.batches + PAST; i++)
    memcpy(all.memory + i * PIECE, source + i % SOURCE_BATCHES * PIECE, PIECE);
  return all;
}

static void drop(buffered *all) {
  munmap(all->memory, (size_t)(all->batches + PAST) * PIECE);
}

static const int64_t *values_of(const buffered *all, int64_t index) {
  return (const int64_t *)(const void *)(all->memory + index * PIECE);
}

typedef struct raw_times {
  int64_t median; /* of a chunk */
  int64_t worst;
  int64_t total;
} raw_times;

/* Chunk by chunk. */
static raw_times write_raw(const bench *b, const buffered *all) {
  const int64_t chunk = RESPOOL_DEFAULT_WRITE_CHUNK, bytes = all->batches * PIECE, count = (bytes + chunk - 1) / chunk;
  int64_t *times = bench_allocate((size_t)count * sizeof *times);
  raw_times found = {0};
  int fd = files_open(b->directory);
  for (int64_t i = 0; i < count; i++) {
    int64_t size = bytes - i * chunk < chunk ? bytes - i * chunk : chunk, start = bench_now();
    ssize_t wrote = pwrite(fd, all->memory + i * chunk, (size_t)size, (off_t)(i * chunk));
    times[i] = bench_now() - start;
    BENCH_NEED(wrote == size, "a write of %lld bytes wrote %zd: %s", (long long)size, wrote, strerror(errno));
    found.total += times[i];
  }
  close(fd);
  found.median = bench_quantile(times, count, 0.5);
  found.worst = times[count - 1];
  free(times);
  return found;
}

typedef struct spool_times {
  int64_t worst; /* append */
  int64_t flush;
  int64_t finish;
  int64_t total; /* from the first append to the end of finish */
} spool_times;

static int64_t append_one(respool_writer *writer, const int64_t *values) {
  struct ArrowArray array;
  source_slice(values, 0, PIECE / 8, &array);
  int64_t start = bench_now();
  spools_append(writer, &array);
  return bench_now() - start;
}

static void append_all(respool_writer *writer, const buffered *all, spool_times *t) {
  for (int64_t i = 0; i < all->batches + PAST; i++) {
    int64_t taken = append_one(writer, values_of(all, i));
    if (taken > t->worst) t->worst = taken;
  }
}

static void finish(spool_pair *pair, spool_times *t) {
  respool_error error;
  int64_t start = bench_now();
  BENCH_NEED(respool_writer_flush(pair->writer, &error) == RESPOOL_OK, "%s", error.message);
  t->flush = bench_now() - start;
  start = bench_now();
  spools_finish(pair);
  t->finish = bench_now() - start;
}

static spool_times cross(const bench *b, const buffered *all) {
  spool_times t = {0};
  respool_options options = spools_options(b, all->batches * PIECE);
  options.mode = RESPOOL_MODE_ON_LIMIT;
  spool_pair pair = spools_open(source_schema(1), &options);
  int64_t start = bench_now();
  append_all(pair.writer, all, &t);
  finish(&pair, &t);
  t.total = bench_now() - start;
  BENCH_NEED(spools_stats(pair.spool).batches_stored == all->batches + PAST, "the limit was not crossed");
  bench_need_sum(spools_take(&pair, take_all, 1), take_all(all->memory, (all->batches + PAST) * PIECE));
  spools_close(&pair);
  return t;
}

static figure ns(int64_t taken) {
  return figure_plain((double)taken);
}

void bench_crossing(bench *b) {
  row *worst = bench_row(b, UNIT_NS, "one chunk's write, median", RATIO_GOAL(0.25), "crossing: worst append");
  row *beside = bench_row(b, UNIT_NS, "one chunk's write, worst", NO_GOAL, "crossing: worst append, of the worst");
  row *flush = bench_row(b, UNIT_NS, NULL, NO_GOAL, "crossing: flush");
  row *last = bench_row(b, UNIT_NS, NULL, NO_GOAL, "crossing: finish after that");
  row *total = bench_row(b, UNIT_NS, "writing all of it raw", NO_GOAL, "crossing: appends, flush and finish");
  buffered all = fill(b);
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    bench_warm_pages(b);
    raw_times raw = write_raw(b, &all);
    bench_warm_pages(b);
    spool_times t = cross(b, &all);
    bench_sample(worst, ns(t.worst), ns(raw.median));
    bench_sample(beside, ns(t.worst), ns(raw.worst));
    bench_sample_alone(flush, ns(t.flush));
    bench_sample_alone(last, ns(t.finish));
    bench_sample(total, ns(t.total), ns(raw.total));
  }
  drop(&all);
}
