/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a field's format says about the buffers and children of its arrays, for every type of the C data interface. Read
 * from the specification, and apart from the library's own reading, so that the two can disagree.
 */
#ifndef RESPOOL_FUZZ_SHAPE_H
#define RESPOOL_FUZZ_SHAPE_H

#include "fuzz.h"

enum shape_kind {
  SHAPE_NULL,
  SHAPE_BITS,
  SHAPE_FIXED,  /* width: bytes of a value; the indices of a dictionary too */
  SHAPE_BINARY, /* width: bytes of an offset; so for lists and list views */
  SHAPE_VIEWS,  /* buffers: those in front of the data buffers */
  SHAPE_LIST,
  SHAPE_FIXED_LIST, /* width: items of a slot */
  SHAPE_STRUCT,
  SHAPE_LIST_VIEWS,
  SHAPE_SPARSE,
  SHAPE_DENSE,
  SHAPE_RUNS
};

enum { SHAPE_TYPE_IDS = 128, SHAPE_INLINE = 12, SHAPE_VIEW = 16 };

typedef struct shape {
  enum shape_kind kind;
  int64_t width;
  int64_t buffers;
  bool has_validity;
  int16_t child_of[SHAPE_TYPE_IDS]; /* unions: by type id, -1 for none */
} shape;

shape shape_of(const struct ArrowSchema *schema);

/* The buffers behind the validity slot that arrays of unions once had. */
const void **shape_buffers(const shape *s, const struct ArrowArray *array);

/* Signed numbers of 1, 2, 4 or 8 bytes at any address. */
int64_t shape_number(const void *numbers, int64_t width, int64_t index);

/* Numbers of the same kinds, unsigned or not: the index of a dictionary field in `slot` of the buffer. */
int64_t shape_index(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t slot);

static inline bool shape_bit(const void *bits, int64_t index) {
  return (((const uint8_t *)bits)[index / 8] >> (index % 8) & 1) != 0;
}

/* Whether slot `slot`, counted from the start of the buffers, is null by the array's own validity. */
bool shape_is_null(const shape *s, const struct ArrowArray *array, int64_t slot);

/* One view of `slot`: its value, which has `*size` bytes. */
const uint8_t *shape_view(const struct ArrowArray *array, int64_t slot, int64_t *size);

/* The run that holds slot `slot`, counted from the start: an index among the values, counted from their offset. */
int64_t shape_run(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t slot);

#endif
