/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a schema: its fields flattened in pre-order, with what measuring, checking, encoding and decoding
 * must know of each. Computed once. A type gets its place in the project by a layout kind here and a case for it in
 * measure.c, check.c, ipc/encode.c and ipc/decode.c. May call: support.
 */
#ifndef RESPOOL_ARROW_LAYOUT_H
#define RESPOOL_ARROW_LAYOUT_H

#include "respool/respool.h"

#include <stdbool.h>
#include <stdint.h>

enum layout_kind {
  LAYOUT_NULL,       /* no buffers */
  LAYOUT_BITS,       /* validity, bits */
  LAYOUT_FIXED,      /* validity, values of `width` bytes */
  LAYOUT_BINARY,     /* validity, offsets of `width` bytes, data */
  LAYOUT_LIST,       /* validity, offsets of `width` bytes; one child. Lists and maps */
  LAYOUT_FIXED_LIST, /* validity; one child, `width` slots of it to each slot */
  LAYOUT_STRUCT,     /* validity; children of the same length */
};

enum { LAYOUT_MAX_DEPTH = 64, LAYOUT_MAX_BUFFERS = 3 };

struct layout_node {
  uint8_t kind;       /* enum layout_kind */
  uint8_t n_buffers;  /* in the C data interface and on the wire alike, so far */
  uint16_t depth;     /* the batch itself is 0 */
  int32_t width;      /* see the kinds */
  int32_t n_children; /* they follow in pre-order */
  int32_t end;        /* index behind the subtree: the next sibling, if there is one */
};

/* Node 0 is the batch: a struct, without a node or validity on the wire. */
struct layout {
  struct ArrowSchema schema; /* a copy; nodes and schema have the same shape */
  int32_t n_nodes;
  int32_t n_buffers; /* on the wire: of all nodes but the first */
  struct layout_node nodes[];
};

/*
 * Flatten `schema`, which must be a struct. RESPOOL_UNSUPPORTED names the field and type that has no layout kind, or
 * the field that is nested more than `max_depth` deep.
 */
respool_status layout_open(const struct ArrowSchema *schema, int max_depth, struct layout **layout,
                           respool_error *error);
void layout_close(struct layout *layout);

/* The field's name with those above it, such as "order.lines.item", for messages. Cut if it does not fit. */
void layout_path(const struct layout *layout, int32_t node, char *out, size_t size);

/* Fill the record with the reason, led by the field's path (the batch itself has none), and return `status`. */
__attribute__((format(printf, 5, 6))) respool_status layout_error(const struct layout *layout, int32_t node,
                                                                  respool_status status, respool_error *error,
                                                                  const char *format, ...);

#endif
