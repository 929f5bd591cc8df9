/* SPDX-License-Identifier: Apache-2.0 */
/* Joining arrays, the parts without children; for concat.c, which joins the rest. May call: support. */
#ifndef RESPOOL_ARROW_JOINER_H
#define RESPOOL_ARROW_JOINER_H

#include "arrow/layout.h"

/* Slots [start, start + length) of an array, which count from behind its own offset. */
struct piece {
  const struct ArrowArray *array;
  int64_t start;
  int64_t length;
};

/* The buffers of the array made. */
struct joiner_blocks {
  size_t count;
  void *at[];
};

struct joiner {
  const struct layout *layout;
  struct joiner_blocks *blocks; /* there is room in it */
  respool_error *error;
};

/* A tree owner's drop: frees the blocks. */
void joiner_drop(void *object);

/* RESPOOL_UNSUPPORTED, naming the field. */
respool_status joiner_too_long(const struct joiner *joiner, int32_t at);

/* A buffer of the array made, aligned, with zeros behind the last byte. `*memory` is it, to be written. */
respool_status joiner_buffer(struct joiner *joiner, int64_t bytes, const void **buffer, uint8_t **memory);

/* The largest number of 2, 4 or 8 bytes. */
int64_t joiner_most(int width);

/*
 * In the following two pieces of node `at` are joined to `out`, whose length was set, one buffer or kind of array by
 * one. Errors as of concat_arrays().
 */

/* Validity, and the number of nulls. */
respool_status joiner_validity(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out);

respool_status joiner_bits(struct joiner *joiner, const struct piece *pieces, struct ArrowArray *out);

/* Buffer `number` is of `width` bytes to each slot. `*second`: where those of the second array are. */
respool_status joiner_fixed(struct joiner *joiner, int32_t at, const struct piece *pieces, int number, int width,
                            struct ArrowArray *out, uint8_t **second);

/* Offsets that begin with 0, and the ranges that they lead into, of arrays that the caller knows. */
respool_status joiner_offsets(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out,
                              struct piece *ranges);

respool_status joiner_binary(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out);
respool_status joiner_views(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out);

#endif
