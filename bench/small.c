/* SPDX-License-Identifier: Apache-2.0 */
/* Many small batches, 16 rows of one int64 column: held in memory, and spilled. */
#include "bench.h"
#include "files.h"
#include "rounds.h"
#include "source.h"

#include <unistd.h>

enum { SPILLED = 100000 };

/* ---- Held in memory ---------------------------------------------------------------------------------- */

typedef struct costs {
  figure append; /* ns a batch */
  figure replay;
} costs;

static costs cost_of_list(int64_t batches) {
  list l = LIST_EMPTY;
  meter append, replay;
  meter_open(&append);
  rounds_to_list(&l, batches, &append);
  meter_close(&append);
  meter_begin(&replay);
  uint64_t sum = list_sum(&l);
  meter_end(&replay);
  bench_need_sum(sum, rounds_sum(batches));
  list_free(&l);
  return (costs){figure_each(&append, batches, batches * SMALL_BYTES),
                 figure_each(&replay, batches, batches * SMALL_BYTES)};
}

static costs cost_of_spool(bench *b, int64_t batches) {
  spool_pair pair = spools_open_integers(b, 1, RESPOOL_NO_LIMIT);
  meter append, replay;
  meter_open(&append);
  rounds_to_spool(&pair, batches, &append);
  meter_close(&append);
  spools_finish(&pair);
  meter_begin(&replay);
  uint64_t sum = spools_take(&pair, take_all, 1);
  meter_end(&replay);
  bench_need_sum(sum, rounds_sum(batches));
  spools_close(&pair);
  return (costs){figure_each(&append, batches, batches * SMALL_BYTES),
                 figure_each(&replay, batches, batches * SMALL_BYTES)};
}

void bench_held(bench *b) {
  for (int64_t count = 1000; count <= b->most; count *= 10) {
    row *append = bench_row(b, UNIT_NS, "a copy in a list under a mutex", FIGURE_GOAL(300),
                            "held: append, %lld batches", (long long)count);
    row *replay = bench_row(b, UNIT_NS, "walking that list under its mutex, summed", FIGURE_GOAL(60),
                            "held: replay, %lld batches", (long long)count);
    for (int i = 0; i < b->repeats; i++) {
      bench_begin_sample();
      costs limit = cost_of_list(count), spool = cost_of_spool(b, count);
      bench_sample(append, spool.append, limit.append);
      bench_sample(replay, spool.replay, limit.replay);
    }
  }
}

/* ---- Spilled ----------------------------------------------------------------------------------------- */

/* Whole pieces of the bytes that the spool has in its file, written and read raw. */
static passes time_raw(bench *b, int64_t bytes, files_way way) {
  bench_warm_pages(b);
  return files_pass(b->directory, (bytes + BATCH_BYTES - 1) / BATCH_BYTES * BATCH_BYTES, way);
}

static figure batches_per_second(const meter *m) {
  return figure_per_second(m, SPILLED, (int64_t)SPILLED * SMALL_BYTES);
}

static void run_spilled(bench *b, const respool_options *options, files_way way, const char *name) {
  row *write = bench_row(b, UNIT_BATCHES_PER_S, "pwritev of as many bytes as are in the file, 1 MiB a call",
                         FIGURE_GOAL(2.84e6), "%s: write", name);
  row *read = bench_row(b, UNIT_BATCHES_PER_S,
                        way == FILES_MAPPED ? "a fresh mapping of as many bytes, summed" : "pread of as many bytes",
                        FIGURE_GOAL(4.6e6), "%s: replay, %s", name, way == FILES_MAPPED ? "mapped" : "read");
  for (int i = 0; i < b->repeats; i++) {
    int64_t stored = 0;
    bench_begin_sample();
    bench_warm_pages(b);
    passes spool = rounds_pass(options, SPILLED, &stored), raw = time_raw(b, stored, way);
    bench_sample(write, batches_per_second(&spool.write), batches_per_second(&raw.write));
    bench_sample(read, batches_per_second(&spool.replay), batches_per_second(&raw.replay));
  }
}

void bench_spilled(bench *b) {
  respool_options options = spools_options(b, 0);
  run_spilled(b, &options, FILES_MAPPED, "spilled");
  options.directory = NULL;
  options.path = spools_path(b);
  run_spilled(b, &options, FILES_READ, "spilled, named");
}
