/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of 200 columns on disk: what a reader takes that wants two of them, in time, and in memory when it keeps
 * every batch. Beside it, two of 200 parts of a mapped file.
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

enum { COLUMNS = 200, ROWS = 8192, ONE_BYTES = ROWS * 8, FIRST = 20, SECOND = 120 };

static int64_t batches_of(const bench *b) {
  int64_t batches = b->size / 2 / ((int64_t)COLUMNS * ONE_BYTES);
  return batches > 0 ? batches : 1;
}

static uint64_t expected_sum(int64_t batches) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < batches; i++)
    sum += take_all(source_column(i, COLUMNS, ROWS, FIRST), ONE_BYTES) +
           take_all(source_column(i, COLUMNS, ROWS, SECOND), ONE_BYTES);
  return sum;
}

static spool_pair fill_spool(const bench *b, int64_t batches) {
  spool_pair pair = spools_open_integers(b, COLUMNS, 0);
  for (int64_t i = 0; i < batches; i++) {
    struct ArrowArray array;
    source_columns(i, COLUMNS, ROWS, &array);
    spools_append(pair.writer, &array);
  }
  spools_finish(&pair);
  return pair;
}

/* ---- Reading two columns ----------------------------------------------------------------------------- */

static uint64_t sum_two(const struct ArrowArray *array) {
  return take_all(array->children[FIRST]->buffers[1], ONE_BYTES) +
         take_all(array->children[SECOND]->buffers[1], ONE_BYTES);
}

static meter read_two(const spool_pair *pair, uint64_t expected) {
  meter m;
  uint64_t sum = 0;
  struct ArrowArray array;
  meter_begin(&m);
  respool_reader *reader = spools_reader(pair->spool);
  while (spools_next(reader, &array)) {
    sum += sum_two(&array);
    array.release(&array);
  }
  respool_reader_close(reader);
  meter_end(&m);
  bench_need_sum(sum, expected);
  return m;
}

/* All batches are kept until the memory has been taken down. */
static meter keep_all(const spool_pair *pair, int64_t batches, uint64_t expected) {
  meter m;
  uint64_t sum = 0;
  struct ArrowArray *kept = bench_allocate((size_t)batches * sizeof *kept);
  memset(kept, 0, (size_t)batches * sizeof *kept);
  meter_begin(&m);
  respool_reader *reader = spools_reader(pair->spool);
  for (int64_t i = 0; spools_next(reader, &kept[i]); i++) {
    sum += sum_two(&kept[i]);
    if (i + 1 == batches) break;
  }
  meter_end(&m);
  bench_need_sum(sum, expected);
  for (int64_t i = 0; i < batches; i++) kept[i].release(&kept[i]);
  respool_reader_close(reader);
  free(kept);
  return m;
}

static meter read_everything(const spool_pair *pair) {
  meter m;
  meter_begin(&m);
  spools_take(pair, take_all, 1);
  meter_end(&m);
  return m;
}

/* ---- The limit --------------------------------------------------------------------------------------- */

/* Where two columns would lie if these were a batch's. */
static uint64_t sum_parts(const uint8_t *bytes) {
  return take_all(bytes + FIRST * ONE_BYTES, ONE_BYTES) + take_all(bytes + SECOND * ONE_BYTES, ONE_BYTES);
}

static uint64_t expected_raw(int64_t batches) {
  const int64_t period = (int64_t)BATCH_BYTES * SOURCE_BATCHES;
  uint64_t sum = 0;
  for (int64_t i = 0; i < batches; i++) {
    int64_t at = i * COLUMNS * ONE_BYTES;
    sum += take_all(source_bytes() + (at + FIRST * ONE_BYTES) % period, ONE_BYTES) +
           take_all(source_bytes() + (at + SECOND * ONE_BYTES) % period, ONE_BYTES);
  }
  return sum;
}

/* The same parts of a raw file of the same size, through one mapping; the memory is taken down before it goes. */
static meter read_raw(const bench *b, int64_t batches) {
  meter m;
  uint64_t sum = 0;
  int64_t size = batches * COLUMNS * ONE_BYTES, whole = (size + BATCH_BYTES - 1) / BATCH_BYTES * BATCH_BYTES;
  int fd = files_open(b->directory);
  files_write(fd, whole);
  meter_begin(&m);
  const uint8_t *mapped = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
  BENCH_NEED(mapped != MAP_FAILED, "cannot map: %s", strerror(errno));
  for (int64_t i = 0; i < batches; i++) sum += sum_parts(mapped + i * COLUMNS * ONE_BYTES);
  meter_end(&m);
  bench_need_sum(sum, expected_raw(batches));
  munmap((void *)(uintptr_t)mapped, (size_t)size);
  close(fd);
  return m;
}

/* ---- The rows ---------------------------------------------------------------------------------------- */

static figure memory_figure(const meter *m) {
  return figure_plain((double)m->resident * 1024);
}

void bench_wide(bench *b) {
  row *time = bench_row(b, UNIT_NS, "the same parts of a mapped file", NO_GOAL, "wide: 2 of 200 columns, a batch");
  row *share = bench_row(b, UNIT_NS, "a hundredth of reading all columns", NO_GOAL, "wide: as a share of all columns");
  row *memory = bench_row(b, UNIT_BYTES, "resident with the same parts of a mapped file", RATIO_GOAL(0.8),
                          "wide: resident, every batch kept");
  row *touched =
      bench_row(b, UNIT_BYTES, "the bytes that were touched", NO_GOAL, "wide: resident, by what was touched");
  int64_t batches = batches_of(b), bytes = batches * 2 * ONE_BYTES;
  uint64_t expected = expected_sum(batches);
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    meter raw = read_raw(b, batches);
    spool_pair pair = fill_spool(b, batches);
    meter kept = keep_all(&pair, batches, expected), two = read_two(&pair, expected), all = read_everything(&pair);
    spools_close(&pair);
    bench_sample(time, figure_each(&two, batches, bytes), figure_each(&raw, batches, bytes));
    bench_sample(share, figure_each(&two, batches, bytes), figure_each(&all, COLUMNS / 2 * batches, bytes));
    bench_sample(memory, memory_figure(&kept), memory_figure(&raw));
    bench_sample(touched, memory_figure(&kept), figure_plain((double)bytes));
  }
}
