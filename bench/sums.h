/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to look at memory, and the pieces of memory that a batch consists of. */
#ifndef RESPOOL_BENCH_SUMS_H
#define RESPOOL_BENCH_SUMS_H

#include <respool/respool.h>
#include <stdint.h>

/* A way to look at `bytes` of memory: something that adds up, aligned to 8 at its start. */
typedef uint64_t (*take)(const void *memory, int64_t bytes);

/* Every word, and the bytes behind the last. */
uint64_t take_all(const void *memory, int64_t bytes);

/* One byte of every 64. */
uint64_t take_lines(const void *memory, int64_t bytes);

enum { PIECES_MOST = 1024 };

/* What a batch's buffers hold, without what is behind their last value. */
typedef struct pieces {
  int count;
  const void *bytes[PIECES_MOST];
  int64_t sizes[PIECES_MOST];
} pieces;

/* The pieces of a batch whose arrays have no offsets; validity is left out. Of the types that the sources have. */
void pieces_of(const struct ArrowSchema *schema, const struct ArrowArray *array, pieces *found);

/* All pieces of a batch, looked at in one way. */
uint64_t pieces_take(const struct ArrowSchema *schema, const struct ArrowArray *array, take how);

#endif
