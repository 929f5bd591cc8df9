/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cold data: what was written goes to the medium and out of the page cache before it is replayed. Beside it, a file
 * of the same size read from front to back, as cold.
 */
#include "bench.h"
#include "feed.h"
#include "files.h"
#include "source.h"
#include "spools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STILL_COLD = 5 }; /* hundredths of a file that may be in the page cache */

/* False where the file stays in the page cache, as it does where that is its only place. The pages that are free then
 * go to the host soon; so they are warmed for what is to be read. */
static bool make_cold(bench *b, int fd) {
  files_drop(fd);
  bench_warm_pages(b);
  int64_t cached = files_cached(fd);
  if (cached <= STILL_COLD) return true;
  fprintf(stderr, "cold: left out, %lld in a hundred pages of a file stay in memory here\n", (long long)cached);
  return false;
}

static bool time_file(bench *b, meter *m) {
  int fd = files_open(b->directory);
  files_write(fd, b->size);
  bool cold = make_cold(b, fd);
  meter_begin(m);
  uint64_t sum = cold ? files_take(fd, b->size, FILES_READ, take_all, 1) : 0;
  meter_end(m);
  if (cold) bench_need_sum(sum, feed_sum(feed_integers(), b->size / BATCH_BYTES, take_all));
  close(fd);
  return cold;
}

/* A named file, as that can be opened beside the spool; replayed as asked. */
static void time_spool(bench *b, int32_t replay, meter *m) {
  const feed *f = feed_integers();
  respool_options options = spools_options(b, 0);
  options.directory = NULL;
  options.path = spools_path(b);
  options.replay = replay;
  spool_pair pair = spools_open(f->schema, &options);
  int fd = open(options.path, O_RDONLY | O_CLOEXEC);
  BENCH_NEED(fd >= 0, "cannot open %s: %s", options.path, strerror(errno));
  spools_unlink(options.path);
  spools_feed(&pair, f, b->size / BATCH_BYTES);
  spools_finish(&pair);
  BENCH_NEED(make_cold(b, fd), "a file that was cold before stays in memory");
  meter_begin(m);
  uint64_t sum = spools_take(&pair, take_all, 1);
  meter_end(m);
  bench_need_sum(sum, feed_sum(f, b->size / BATCH_BYTES, take_all));
  close(fd);
  spools_close(&pair);
}

void bench_cold(bench *b) {
  const char *limit = "pread of a cold file, 1 MiB a call, summed";
  row *mapped = bench_row(b, UNIT_GB_PER_S, limit, RATIO_GOAL(0.9), "cold: mapped, summed, 1 reader");
  row *read = bench_row(b, UNIT_GB_PER_S, limit, RATIO_GOAL(0.9), "cold: read, summed, 1 reader");
  for (int i = 0; i < b->repeats; i++) {
    meter file, spool;
    if (!time_file(b, &file)) break;
    time_spool(b, RESPOOL_REPLAY_MAP, &spool);
    bench_sample(mapped, figure_rate(&spool, b->size), figure_rate(&file, b->size));
    time_spool(b, RESPOOL_REPLAY_READ, &spool);
    bench_sample(read, figure_rate(&spool, b->size), figure_rate(&file, b->size));
  }
}
