/* SPDX-License-Identifier: Apache-2.0 */
/* Spools as the workloads use them; what fails ends the run. */
#ifndef RESPOOL_BENCH_SPOOLS_H
#define RESPOOL_BENCH_SPOOLS_H

#include "bench.h"
#include "feed.h"
#include "meter.h"

#include <respool/respool.h>

typedef struct spool_pair {
  const struct ArrowSchema *schema;
  respool *spool;
  respool_writer *writer;
} spool_pair;

/* The defaults, with the run's directory and a limit. */
respool_options spools_options(const bench *b, int64_t memory_limit);

/* A pool that keeps all it gets. */
respool_pool *spools_pool(void);

spool_pair spools_open(const struct ArrowSchema *schema, const respool_options *options);

/* A spool of `columns` int64 columns that goes to disk past a limit. */
spool_pair spools_open_integers(const bench *b, int columns, int64_t memory_limit);

/* A name for a file in the run's directory, and the file's removal when the spool has opened it. */
const char *spools_path(const bench *b);
void spools_unlink(const char *path);

/* Closes the writer too if that has not been done. */
void spools_close(spool_pair *pair);

void spools_append(respool_writer *writer, struct ArrowArray *array);
void spools_finish(spool_pair *pair);
respool_stats spools_stats(respool *spool);

/* Append the first `batches` of the feed. */
void spools_feed(spool_pair *pair, const feed *f, int64_t batches);

/* The reader's next batch, which has to be there; false at the end. */
respool_reader *spools_reader(respool *spool);
bool spools_next(respool_reader *reader, struct ArrowArray *array);

/* Read the spool, which was finished, to its end by `readers` at once in as many threads, and look at all that a batch
 * holds. Returns what all of them found. */
uint64_t spools_take(const spool_pair *pair, take how, int readers);

/* A spool's life: write the first `batches` of the feed, replay them whole, close it. */
passes spools_pass(const feed *f, const respool_options *options, int64_t batches);

#endif
