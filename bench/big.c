/* SPDX-License-Identifier: Apache-2.0 */
/* Big batches, all of them to disk: 1 MiB in 16 int64 columns, limit 0. */
#include "bench.h"
#include "files.h"
#include "source.h"
#include "spools.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static double rate(int64_t bytes, int64_t nanoseconds) {
  return (double)bytes / (double)nanoseconds;
}

static int64_t append_all(spool_pair *pair, int64_t batches) {
  int64_t start = bench_now();
  for (int64_t i = 0; i < batches; i++) {
    struct ArrowArray array;
    source_batch(i, &array);
    spools_append(pair->writer, &array);
  }
  spools_finish(pair);
  return bench_now() - start;
}

/* What was summed must be what was written, or nothing was measured. */
static void need_sum(uint64_t sum, uint64_t expected) {
  BENCH_NEED(sum == expected, "what was read is not what was written");
}

typedef struct times {
  int64_t write;
  int64_t once;  /* read by one */
  int64_t twice; /* read by two at once */
} times;

static times time_spool(bench *b, int64_t batches) {
  times t;
  uint64_t sum = 0;
  spool_pair pair = spools_open(b, BATCH_COLUMNS, 0, NULL);
  t.write = append_all(&pair, batches);
  t.once = spools_sum(pair.spool, &sum);
  t.twice = spools_sum_twice(pair.spool, &sum);
  spools_close(&pair);
  need_sum(sum, 3 * source_sum(batches));
  return t;
}

static times time_file(bench *b) {
  times t;
  uint64_t sum = 0;
  int fd = files_open(b->directory);
  t.write = files_write(fd, b->size);
  t.once = files_sum_mapped(fd, b->size, &sum);
  t.twice = files_sum_mapped_twice(fd, b->size, &sum);
  close(fd);
  need_sum(sum, 3 * source_sum(b->size / BATCH_BYTES));
  return t;
}

void bench_big(bench *b) {
  row *write = bench_row(b, "big: write", UNIT_GB_PER_S, "pwritev of the same memory, 1 MiB a call");
  row *once = bench_row(b, "big: replay, mapped, 1 reader", UNIT_GB_PER_S, "a fresh mapping of a file, summed");
  row *twice = bench_row(b, "big: replay, mapped, 2 readers in all", UNIT_GB_PER_S, "two threads with a mapping each");
  for (int i = 0; i < b->repeats; i++) {
    times file = time_file(b);
    times spool = time_spool(b, b->size / BATCH_BYTES);
    bench_sample(write, rate(b->size, spool.write), rate(b->size, file.write));
    bench_sample(once, rate(b->size, spool.once), rate(b->size, file.once));
    bench_sample(twice, rate(2 * b->size, spool.twice), rate(2 * b->size, file.twice));
  }
}

static times time_named_spool(bench *b, int64_t batches) {
  times t = {0};
  uint64_t sum = 0;
  char path[4096];
  snprintf(path, sizeof path, "%s/respool-bench-%ld.arrows", b->directory, (long)getpid());
  spool_pair pair = spools_open(b, BATCH_COLUMNS, 0, path);
  BENCH_NEED(unlink(path) == 0, "cannot remove %s: %s", path, strerror(errno));
  t.write = append_all(&pair, batches);
  t.once = spools_sum(pair.spool, &sum);
  spools_close(&pair);
  need_sum(sum, source_sum(batches));
  return t;
}

static times time_read_file(bench *b) {
  times t = {0};
  uint64_t sum = 0;
  int fd = files_open(b->directory);
  t.write = files_write(fd, b->size);
  t.once = files_sum_read(fd, b->size, &sum);
  close(fd);
  need_sum(sum, source_sum(b->size / BATCH_BYTES));
  return t;
}

void bench_named(bench *b) {
  row *write = bench_row(b, "named: write", UNIT_GB_PER_S, "pwritev of the same memory, 1 MiB a call");
  row *read = bench_row(b, "named: replay, read, 1 reader", UNIT_GB_PER_S, "pread into one hot buffer, summed");
  for (int i = 0; i < b->repeats; i++) {
    times file = time_read_file(b);
    times spool = time_named_spool(b, b->size / BATCH_BYTES);
    bench_sample(write, rate(b->size, spool.write), rate(b->size, file.write));
    bench_sample(read, rate(b->size, spool.once), rate(b->size, file.once));
  }
}
