/* SPDX-License-Identifier: Apache-2.0 */
/* Spools as the workloads use them; what fails ends the run. */
#ifndef RESPOOL_BENCH_SPOOLS_H
#define RESPOOL_BENCH_SPOOLS_H

#include "bench.h"

#include <respool/respool.h>

typedef struct spool_pair {
  respool *spool;
  respool_writer *writer;
} spool_pair;

/* A spool of `columns` int64 columns in mode OVERFLOW, or in mode ALL with a path. */
spool_pair spools_open(const bench *b, int columns, int64_t memory_limit, const char *path);

/* Closes the writer too if that has not been done. */
void spools_close(spool_pair *pair);

void spools_append(respool_writer *writer, struct ArrowArray *array);
void spools_finish(spool_pair *pair);
respool_stats spools_stats(respool *spool);

/* Read the spool, which was finished, to its end and sum every value. Adds to `*sum`, returns the time. */
int64_t spools_sum(respool *spool, uint64_t *sum);

/* The same by two readers in two threads. */
int64_t spools_sum_twice(respool *spool, uint64_t *sum);

#endif
