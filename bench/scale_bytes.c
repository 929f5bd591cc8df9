/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to 20 GiB through a limit of 256 MiB, batches of 1 MiB. To be run where memory is short (bench/confined), so that
 * the page cache holds little of it: then beside it, a file written and read through once in the same place.
 */
#include "bench.h"
#include "files.h"
#include "source.h"
#include "spools.h"

#include <stdlib.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#define LIMIT ((int64_t)256 << 20)

/* What an earlier stream left with the allocator would hide what this one takes. */
static void give_back_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

/* The first of these batches stay in memory, as far as they fit. */
static passes time_spool(const bench *b, int64_t batches) {
  passes p;
  respool_options options = spools_options(b, LIMIT);
  spool_pair pair = spools_open(feed_integers()->schema, &options);
  give_back_memory();
  meter_open(&p.write);
  for (int64_t i = 0; i < batches; i++) {
    struct ArrowArray array;
    source_copy(i, &array); /* the producer's own time */
    meter_start(&p.write);
    spools_append(pair.writer, &array);
    meter_pause(&p.write);
  }
  meter_start(&p.write);
  spools_finish(&pair);
  meter_end(&p.write);
  meter_begin(&p.replay);
  uint64_t sum = spools_take(&pair, take_all, 1);
  meter_end(&p.replay);
  bench_need_sum(sum, feed_sum(feed_integers(), batches, take_all));
  respool_stats stats = spools_stats(pair.spool);
  BENCH_NEED(batches * BATCH_BYTES <= LIMIT || stats.batches_stored > 0, "nothing was spilled");
  BENCH_NEED(stats.bytes_charged_peak <= LIMIT + 2 * RESPOOL_DEFAULT_WRITE_CHUNK + BATCH_BYTES,
             "the limit was not kept");
  spools_close(&pair);
  return p;
}

static void run_bytes(bench *b, int64_t bytes, int repeats) {
  row *write = bench_point(b, UNIT_NS, "a file written in pieces of 1 MiB", AXIS_BYTES, (double)bytes, "append");
  row *replay = bench_point(b, UNIT_NS, "that file read in pieces of 1 MiB", AXIS_BYTES, (double)bytes, "replay");
  int64_t batches = bytes / BATCH_BYTES;
  for (int i = 0; i < repeats; i++) {
    bench_begin_sample();
    bench_warm_pages(b);
    passes file = files_pass(b->directory, bytes, FILES_READ);
    bench_warm_pages(b);
    passes spool = time_spool(b, batches);
    bench_sample(write, figure_each(&spool.write, batches, bytes), figure_each(&file.write, batches, bytes));
    bench_sample(replay, figure_each(&spool.replay, batches, bytes), figure_each(&file.replay, batches, bytes));
  }
}

/* The largest ones once: they take minutes. */
void bench_scale_bytes(bench *b) {
  static const int64_t gib = (int64_t)1 << 30;
  int64_t most = b->quick ? gib / 2 : 20 * gib;
  for (int64_t bytes = gib / 8; bytes <= 4 * gib && bytes <= most; bytes *= 2)
    run_bytes(b, bytes, bytes > gib ? 1 : b->repeats < 3 ? b->repeats : 3);
  for (int64_t bytes = 10 * gib; bytes <= most; bytes *= 2) run_bytes(b, bytes, 1);
}
