/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a schema: its fields flattened in pre-order, with what measuring, checking, encoding and decoding
 * must know of each. Computed once. A type gets its place in the project by a layout kind here and a case for it in
 * measure.c, check.c, ipc/encode.c and ipc/decode.c. May call: support.
 */
#ifndef RESPOOL_ARROW_LAYOUT_H
#define RESPOOL_ARROW_LAYOUT_H

#include "arrow/type.h"
#include "respool/respool.h"
#include "support/arith.h"

#include <stdbool.h>
#include <stdint.h>

enum layout_kind {
  LAYOUT_NULL,       /* no buffers */
  LAYOUT_BITS,       /* validity, bits */
  LAYOUT_FIXED,      /* validity, values of `width` bytes */
  LAYOUT_BINARY,     /* validity, offsets of `width` bytes, data */
  LAYOUT_VIEW,       /* validity, views, any number of data buffers, and in the C data interface their sizes;
                        `width`: which of the layout's view columns */
  LAYOUT_LIST,       /* validity, offsets of `width` bytes; one child. Lists and maps */
  LAYOUT_FIXED_LIST, /* validity; one child, `width` slots of it to each slot */
  LAYOUT_STRUCT,     /* validity; children of the same length */
  LAYOUT_LIST_VIEW,  /* validity, offsets and sizes of `width` bytes; one child */
  LAYOUT_SPARSE,     /* sparse union: type ids; children of the same length; `width`: which of the layout's unions */
  LAYOUT_DENSE,      /* dense union: type ids, offsets of 4 bytes; children of any length; `width` as above */
  LAYOUT_RUN_END,    /* no buffers; a child of run ends (`width` bytes each), one of values */
};

enum { LAYOUT_MAX_DEPTH = 64, LAYOUT_MAX_BUFFERS = 3 };

/* A view, and the longest value that stands in it rather than in a data buffer. */
enum { VIEW_BYTES = 16, VIEW_INLINE = 12 };

/* What a value of fixed size is made of, which matters where its byte order is not the machine's. */
enum layout_value {
  VALUE_BYTES,  /* no numbers */
  VALUE_NUMBER, /* one, of `width` bytes */
  VALUE_PAIR,   /* two of 4 bytes */
  VALUE_MONTHS, /* months and days of 4 bytes, nanoseconds of 8 */
};

struct layout_node {
  uint8_t kind;       /* enum layout_kind */
  uint8_t n_buffers;  /* in the C data interface and on the wire alike; of views those that are always there */
  bool has_validity;  /* the first of them is validity bits */
  bool is_signed;     /* of dictionary indices */
  uint8_t value;      /* enum layout_value, of LAYOUT_FIXED */
  uint16_t depth;     /* the batch itself is 0 */
  int32_t width;      /* see the kinds */
  int32_t n_children; /* they follow in pre-order */
  int32_t dictionary; /* its slots are indices into this one, whose values follow in pre-order; -1: no dictionary */
  int32_t end;        /* index behind the subtree: the next sibling, if there is one */
  int32_t n_pointers; /* in the subtree's lists of buffers, without the data buffers of views */
};

/*
 * A message carries one part of the layout: the batch's columns, or the values of one dictionary. Dictionaries inside a
 * part are parts of their own.
 */
struct layout_part {
  int32_t root;  /* the node of the values; 0: the batch, which is no node on the wire */
  int32_t outer; /* the dictionary whose values refer to this one; LAYOUT_BATCH: the batch does, or is it itself */
  int32_t n_nodes;
  int32_t n_buffers; /* without the data buffers of views */
  int32_t n_views;
};

enum { LAYOUT_BATCH = -1 }; /* where a dictionary's number is asked for */

/* Which child a type id of a union selects; -1: none. */
struct layout_union {
  int16_t child[ARROW_TYPE_IDS];
};

/* Node 0 is the batch: a struct, without a node or validity on the wire. */
struct layout {
  struct ArrowSchema schema; /* a copy; nodes and schema have the same shape */
  int32_t n_nodes;
  int32_t n_buffers; /* of all nodes but the first, without the data buffers of views */
  int32_t n_unions;
  int32_t n_views;
  int32_t n_dictionaries;
  struct layout_union *unions;
  struct layout_part *parts; /* the batch, then the dictionaries in pre-order: an outer one before those inside it */
  struct layout_node nodes[];
};

/*
 * Flatten `schema`, which must be a struct. RESPOOL_UNSUPPORTED names the field and type that has no layout kind, or
 * the field that is nested more than `max_depth` deep.
 */
respool_status layout_open(const struct ArrowSchema *schema, int max_depth, struct layout **layout,
                           respool_error *error);
void layout_close(struct layout *layout);

static inline const struct layout_part *layout_part(const struct layout *layout, int32_t dictionary) {
  return &layout->parts[dictionary + 1];
}

/* Whether `inner`, a later dictionary than `outer`, belongs to its values at any depth; those that do follow it. */
static inline bool layout_is_inside(const struct layout *layout, int32_t inner, int32_t outer) {
  return inner < layout->n_dictionaries &&
         layout_part(layout, inner)->root < layout->nodes[layout_part(layout, outer)->root].end;
}

/* The node behind `node` and, where its values are not part of the same message, behind those. */
static inline int32_t layout_next(const struct layout *layout, int32_t node) {
  return layout->nodes[node].dictionary >= 0 ? layout->nodes[node].end : node + 1;
}

/*
 * How many data buffers the view columns of a checked array of node `at` have in all, those of dictionaries included;
 * each one's number goes to `counts`, by the number of the view column, if not NULL.
 */
int64_t layout_variadic(const struct layout *layout, int32_t at, const struct ArrowArray *array, int64_t *counts);

/* Where the values of each dictionary are in a checked batch. */
void layout_find_values(const struct layout *layout, const struct ArrowArray *batch, const struct ArrowArray **values);

/*
 * The buffers of an array as this version of the C data interface numbers them: unions of older producers have a
 * validity slot in front.
 */
static inline const void **layout_buffers(const struct layout_node *node, const struct ArrowArray *array) {
  bool is_union = node->kind == LAYOUT_SPARSE || node->kind == LAYOUT_DENSE;
  if (is_union && array->n_buffers > node->n_buffers) return array->buffers + 1;
  return array->buffers; /* without a sum: NULL where there are none */
}

/* Bytes of data buffer `i` of a view column, from the list behind the buffers, which may be unaligned. */
static inline int64_t layout_view_size(const struct ArrowArray *array, int64_t i) {
  return offset_at(array->buffers[array->n_buffers - 1], 8, i);
}

/* The field's name with those above it, such as "order.lines.item", for messages. Cut if it does not fit. */
void layout_path(const struct layout *layout, int32_t node, char *out, size_t size);

/* Fill the record with the reason, led by the field's path (the batch itself has none), and return `status`. */
__attribute__((cold, format(printf, 5, 6))) respool_status layout_error(const struct layout *layout, int32_t node,
                                                                        respool_status status, respool_error *error,
                                                                        const char *format, ...);

#endif
