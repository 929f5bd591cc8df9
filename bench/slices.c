/* SPDX-License-Identifier: Apache-2.0 */
/* 1,024 slices of one array of 1 GiB under a limit of 2 GiB: counted once, and never spilled. */
#include "bench.h"
#include "source.h"
#include "spools.h"

#include <sys/mman.h>

enum { SLICES = 1024 };

#define ARRAY_BYTES ((int64_t)1 << 30)

/* Append SLICES pieces of the memory: as slices of one array, or as arrays that share nothing. Returns ns for each. */
static double append_pieces(respool_writer *writer, const int64_t *values, bool slices) {
  int64_t rows = ARRAY_BYTES / 8 / SLICES, start = bench_now();
  for (int64_t i = 0; i < SLICES; i++) {
    struct ArrowArray array;
    if (slices)
      source_slice(values, i * rows, rows, &array);
    else
      source_slice(values + i * rows, 0, rows, &array);
    spools_append(writer, &array);
  }
  return (double)(bench_now() - start) / SLICES;
}

/* One sample; `*charged` is what the spool counts in the end. */
static double time_pieces(bench *b, const int64_t *values, bool slices, int64_t *charged) {
  spool_pair pair = spools_open_integers(b, 1, 2 * ARRAY_BYTES);
  double cost = append_pieces(pair.writer, values, slices);
  respool_stats stats = spools_stats(pair.spool);
  BENCH_NEED(stats.batches_stored == 0 && stats.batches_resident == SLICES, "the slices were spilled");
  *charged = stats.bytes_charged;
  spools_close(&pair);
  return cost;
}

void bench_slices(bench *b) {
  row *cost =
      bench_row(b, UNIT_NS, "appending 1,024 arrays that share nothing", NO_GOAL, "slices: append, 1,024 of one array");
  row *charge = bench_row(b, UNIT_BYTES, "the array's size", RATIO_GOAL(0.99), "slices: counted for all of them");
  /* Nobody looks at the values while they stay in memory: address space is enough. */
  const int64_t *values =
      mmap(NULL, (size_t)ARRAY_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  BENCH_NEED(values != MAP_FAILED, "no address space");
  for (int i = 0; i < b->repeats; i++) {
    int64_t charged, ignored;
    double apart = time_pieces(b, values, false, &ignored), slices = time_pieces(b, values, true, &charged);
    bench_sample(cost, figure_plain(slices), figure_plain(apart));
    bench_sample(charge, figure_plain((double)charged), figure_plain((double)ARRAY_BYTES));
  }
  munmap((void *)(uintptr_t)values, (size_t)ARRAY_BYTES);
}
