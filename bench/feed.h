/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A feed: batches of one kind, which repeat, and what there is to know about them. So that one workload serves every
 * kind, and the limit beside it handles the very same memory.
 */
#ifndef RESPOOL_BENCH_FEED_H
#define RESPOOL_BENCH_FEED_H

#include "sums.h"

enum { FEED_PERIOD_MOST = 64 };

typedef struct feed {
  const char *name;
  const struct ArrowSchema *schema;
  void (*make)(int64_t index, struct ArrowArray *array);
  int64_t period; /* batch i is like batch i % period */
  uint64_t sums[FEED_PERIOD_MOST];
  uint64_t line_sums[FEED_PERIOD_MOST];
  int64_t sizes[FEED_PERIOD_MOST]; /* bytes of all pieces */
} feed;

/* The feeds, each made at the first call: 16 int64 columns, 1 MiB a batch, whose bytes do not compress; and the typed
 * kinds of source.h. */
const feed *feed_integers(void);
const feed *feed_strings(void);
const feed *feed_nested(void);
const feed *feed_dictionary(void);

/* How many of its batches come to `bytes`, at least one, and how many bytes those are. */
int64_t feed_batches(const feed *f, int64_t bytes);
int64_t feed_bytes(const feed *f, int64_t batches);

/* What the first `batches` come to, looked at in one of the two ways. */
uint64_t feed_sum(const feed *f, int64_t batches, take how);

/* Write the pieces of the first `batches` raw, one call a batch, each piece filled up with zeros to 64 bytes. Returns
 * the end of what was written; nothing but the writing is timed by a meter that runs. */
int64_t feed_write_raw(const feed *f, int64_t batches, int fd);

#endif
