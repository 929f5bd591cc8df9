/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Odd schemas and arrays of every type, built from fuzz input: legal by the specification of the C data interface, and
 * with everything in them that producers do once in a while. Or, after odd_spoil(), visibly wrong in one place.
 *
 * Offsets and slack at every level, buffers of exactly their size (or with a page behind them that must not be
 * touched), absent or dangling ones where there are no bytes, unknown numbers of nulls, validity slots of older
 * unions, names and metadata of any kind, deep and wide types.
 */
#ifndef RESPOOL_FUZZ_ODD_H
#define RESPOOL_FUZZ_ODD_H

#include "fuzz.h"
#include "guard.h"

enum { ODD_DEEP = 1, ODD_WIDE = 2 };

/* A schema (format "+s"), counted by the tests' kit. Answers with the depth of its deepest field, the batch being 0. */
int odd_schema(fuzz_input *input, struct ArrowSchema *schema);

/* An array of `length` rows for a schema that odd_schema() made. */
void odd_array(fuzz_input *input, const struct ArrowSchema *schema, int64_t length, struct ArrowArray *array);

/* Nodes of arrays that are not yet released. */
int64_t odd_live(void);

/*
 * Make the array wrong in one place that a reader without knowledge of buffer sizes can see. Answers with what was
 * done, or NULL where no such place was found. Releasing the array still works.
 */
const char *odd_spoil(fuzz_input *input, const struct ArrowSchema *schema, struct ArrowArray *array);

/* The same for a schema; `undo` puts back what was there, before the schema is released. */
typedef struct odd_undo {
  struct ArrowSchema *at;
  struct ArrowSchema was;
  struct ArrowSchema **slot; /* a child that was taken away */
  struct ArrowSchema *child;
} odd_undo;
const char *odd_spoil_schema(fuzz_input *input, struct ArrowSchema *schema, odd_undo *undo);
void odd_restore_schema(const odd_undo *undo);

/* ---- For the files of this ---- */

/* A node with `n_buffers` absent buffers and zeroed children, and a zeroed dictionary if `dictionary`. */
void odd_node(struct ArrowArray *array, int64_t n_buffers, int64_t n_children, bool dictionary);

/* Where buffers lie: in a block of exactly their size, aligned or not, or with an unmapped page behind them. */
enum odd_place { ODD_PLAIN, ODD_UNALIGNED, ODD_GUARDED };

/* `size` (> 0) zeroed bytes as buffer `index`. */
void *odd_buffer(struct ArrowArray *array, int64_t index, int64_t size, enum odd_place place);

#endif
