/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that we hand out: a whole tree in one allocation, over memory that somebody owns. May call: support. */
#ifndef RESPOOL_ARROW_TREE_H
#define RESPOOL_ARROW_TREE_H

#include "arrow/layout.h"

/* Whoever keeps the buffers alive. `drop` is called once, when the last array of the tree has been released. */
struct tree_owner {
  void (*drop)(void *object);
  void *object;
};

#define TREE_UNOWNED ((struct tree_owner){NULL, NULL})

/*
 * Make `root` and everything below it for `layout`: children and lists of buffers linked, lengths and pointers zero,
 * for the caller to fill. `variadic` has the number of data buffers of each view column, NULL if none has any; the list
 * of their sizes lies in the block, for the caller to fill too. The arrays may be moved out and released one by one. The
 * owner is taken on success.
 */
respool_status tree_open(const struct layout *layout, const int64_t *variadic, struct tree_owner owner,
                         struct ArrowArray *root, respool_error *error);

/* Give a tree that was made without one its owner. */
void tree_set_owner(struct ArrowArray *root, struct tree_owner owner);

/*
 * A second tree over the buffers of `source`, which was checked. An offset of the batch itself is pushed down into
 * its children, and children longer than the batch are cut to it, since importers refuse the one and are confused by
 * the other.
 */
respool_status tree_mirror(const struct layout *layout, const struct ArrowArray *source, struct tree_owner owner,
                           struct ArrowArray *root, respool_error *error);

/* A batch of no rows. It owns no buffers but static ones. */
respool_status tree_empty(const struct layout *layout, struct ArrowArray *root, respool_error *error);

/* 64 aligned zero bytes: what an offset buffer without rows points to. */
extern const uint8_t tree_zeros[64];

#endif
