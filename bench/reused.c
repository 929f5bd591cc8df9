/* SPDX-License-Identifier: Apache-2.0 */
/* Big batches into the file of a spool before, which a pool has kept; beside it, a raw file that is written again. */
#include "bench.h"
#include "feed.h"
#include "files.h"
#include "spools.h"

#include <unistd.h>

static int64_t files_reused(respool_pool *pool) {
  respool_pool_stats stats = {.struct_size = sizeof stats};
  respool_error error;
  BENCH_NEED(respool_pool_get_stats(pool, &stats, &error) == RESPOOL_OK, "%s", error.message);
  return stats.files_reused;
}

static passes time_spool(const bench *b, respool_pool *pool, const feed *f, int64_t batches) {
  respool_options options = spools_options(b, 0);
  options.pool = pool;
  return spools_pass(f, &options, batches);
}

static passes time_file(int fd, const feed *f, int64_t batches) {
  passes p;
  meter_begin(&p.write);
  int64_t end = feed_write_raw(f, batches, fd);
  meter_end(&p.write);
  meter_begin(&p.replay);
  uint64_t sum = files_take(fd, end, FILES_MAPPED, take_all, 1);
  meter_end(&p.replay);
  bench_need_sum(sum, feed_sum(f, batches, take_all));
  return p;
}

void bench_reused(bench *b) {
  row *write =
      bench_row(b, UNIT_GB_PER_S, "pwritev over a file's pages, one call a batch", RATIO_GOAL(0.8), "reused: write");
  row *replay = bench_row(b, UNIT_GB_PER_S, "a fresh mapping of a file, looked at likewise", RATIO_GOAL(0.9),
                          "reused: mapped, summed, 1 reader");
  const feed *f = feed_integers();
  int64_t batches = feed_batches(f, b->size), bytes = feed_bytes(f, batches);
  respool_pool *pool = spools_pool();
  int fd = files_open(b->directory);
  time_spool(b, pool, f, batches);
  time_file(fd, f, batches);
  for (int i = 0; i < b->repeats; i++) {
    passes file = time_file(fd, f, batches), spool = time_spool(b, pool, f, batches);
    BENCH_NEED(files_reused(pool) == i + 1, "the file was not used again");
    bench_sample(write, figure_rate(&spool.write, bytes), figure_rate(&file.write, bytes));
    bench_sample(replay, figure_rate(&spool.replay, bytes), figure_rate(&file.replay, bytes));
  }
  close(fd);
  respool_pool_release(pool);
}
