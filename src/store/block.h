/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small extents read several at a time: a block of the file that their views share, so that a stream of tiny batches
 * does not take a system call for each. May call: os, support.
 */
#ifndef RESPOOL_STORE_BLOCK_H
#define RESPOOL_STORE_BLOCK_H

#include "store/store.h"

/* A view holds its whole block: this bounds what keeping one small batch costs. */
enum { BLOCK_BYTES = 64 << 10, BLOCK_EXTENT_MOST = BLOCK_BYTES / 4 };

struct store_block;

/* What blocks are read from: a file that holds the places from `start` on, of which those before `end` may be read. */
struct block_source {
  int fd;
  int64_t start;
  int64_t end;
  struct pool *pool;
};

/*
 * View an extent of at most BLOCK_EXTENT_MOST bytes: in `*block`, or in a new one read from there on up to the source's
 * end, which takes its place, but not less than the extent. `*block` may be NULL. On an error it is as it was.
 */
respool_status block_view(struct store_block **block, const struct block_source *source, int64_t offset, int64_t length,
                          struct store_view *view, respool_error *error);

/* Give up a reference. NULL is none. */
void block_drop(struct store_block *block);

#endif
