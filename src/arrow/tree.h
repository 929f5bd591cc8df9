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

/*
 * Make `root` and everything below it for node `at` of the layout: children, dictionaries and lists of buffers
 * linked, lengths and pointers zero, for the caller to fill. `variadic` has the number of data buffers of each view
 * column, NULL if none has any; the list of their sizes lies in the block, for the caller to fill too. The arrays may
 * be moved out and released one by one.
 */
struct tree_shape {
  const struct layout *layout;
  int32_t at;
  const int64_t *variadic;
  int32_t n_owners; /* there is room for; none at first */
};
respool_status tree_open(const struct tree_shape *shape, struct ArrowArray *root, respool_error *error);

/* Give a tree its owner number `i`, which is taken: nothing can fail from here on. */
void tree_set_owner(struct ArrowArray *root, int32_t i, struct tree_owner owner);

/*
 * Custom metadata of a batch, in the encoding of the C data interface, of which `size` bytes. The C data interface has
 * no place for it, so it is kept beside arrays of our own and found again by the root: NULL and 0 for arrays of
 * others, children, and batches that have none. tree_set_metadata() takes what was allocated with mem_alloc().
 */
void tree_set_metadata(struct ArrowArray *root, char *metadata, int64_t size);
const char *tree_metadata(const struct ArrowArray *root);
int64_t tree_metadata_size(const struct ArrowArray *root);

/*
 * A second tree over the buffers of `source`, which was checked. An offset of the batch itself is pushed down into
 * its children, and children longer than the batch are cut to it, since importers refuse the one and are confused by
 * the other. Metadata of the source is the mirror's too: the owner keeps it, as it does the buffers.
 */
respool_status tree_mirror(const struct layout *layout, const struct ArrowArray *source, struct tree_owner owner,
                           struct ArrowArray *root, respool_error *error);

/* Make of an opened array of node `at` one of no slots, with everything below it. */
void tree_fill_empty(const struct layout *layout, int32_t at, struct ArrowArray *array);

/* A batch of no rows. It owns no buffers but static ones. */
respool_status tree_empty(const struct layout *layout, struct ArrowArray *root, respool_error *error);

/* 64 aligned zero bytes: what an offset buffer without rows points to. */
extern const uint8_t tree_zeros[64];

#endif
