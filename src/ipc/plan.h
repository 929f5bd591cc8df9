/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first pass of encoding: what each node and each buffer of a batch will be on the wire, and what of the producer's
 * memory it is made of. May call: arrow, support.
 */
#ifndef RESPOOL_IPC_PLAN_H
#define RESPOOL_IPC_PLAN_H

#include "arrow/layout.h"

struct plan_view;

/* How a buffer on the wire comes from the producer's. */
enum segment_kind {
  SEGMENT_RAW,     /* bytes as they are */
  SEGMENT_BITS,    /* bits from bit `start` on */
  SEGMENT_OFFSETS, /* offsets of `width` bytes, `base` less each */
  SEGMENT_LISTS,   /* the same, but 0 where `other`, the sizes, is 0 or the slot is null in `bits` */
  SEGMENT_SIZES,   /* sizes of `width` bytes, 0 where the slot is null in `bits` */
  SEGMENT_DENSE,   /* a dense union's offsets: each less the base of its type, from `bases`; `other` are the type ids */
  SEGMENT_VIEWS,   /* views, with `view` telling where the values they refer to have gone */
  SEGMENT_SPANS,   /* what is used of data buffer `base` of `view` */
  SEGMENT_RUNS,    /* run ends of `width` bytes, `base` less each, the last no more than `limit` */
};

struct segment {
  uint8_t kind;
  uint8_t width;
  int64_t bytes;
  const uint8_t *source;
  int64_t start;
  int64_t count; /* bits or offsets */
  int64_t base;
  const uint8_t *other;
  const uint8_t *bits; /* validity of the slots, from bit `start` on; NULL: none is null */
  union {
    int64_t limit;
    const int32_t *bases;
    const struct plan_view *view;
  };
};

struct wire_node {
  int64_t length;
  int64_t null_count;
};

/* Kept and used again for one batch after another. */
struct ipc_plan {
  const struct layout *layout;
  struct wire_node *nodes;
  struct segment *segments;
  size_t segment_capacity;
  int32_t (*bases)[ARROW_TYPE_IDS]; /* of each union: the first slot of each child that is used */
  struct plan_view *views;          /* of each view column: where its values go */
  int32_t *planned_views;           /* which of them were planned, in order */
  bool no_memory;                   /* the plan is not complete */
  int32_t node_count;               /* planned so far */
  int32_t segment_count;
  int32_t view_count;
};

respool_status plan_open(const struct layout *layout, struct ipc_plan *to, respool_error *error);
void plan_close(struct ipc_plan *to);

/* Plan the rows that `array` shows, which was checked and is of node `root` of the layout. RESPOOL_NO_MEMORY. */
respool_status plan_part(struct ipc_plan *to, int32_t root, const struct ArrowArray *array, respool_error *error);

/* ---- For the files of the plan ---- */

/* The next segment, empty. There is room for it. */
struct segment *plan_segment(struct ipc_plan *to);

/* The next segment is bytes as they are. */
void plan_raw(struct ipc_plan *to, const void *source, int64_t start, int64_t bytes);

/* Rows [start, start + length) of `array`, which count from behind the array's own offset. */
void plan_node(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t start, int64_t length);

/* The kinds that have a part of their own; `at` counts from the start of the array's buffers. */
void plan_views(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t at, int64_t length);
void plan_list_views(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t at, int64_t length);
void plan_sparse(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t at, int64_t length);
void plan_dense(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t at, int64_t length);
void plan_runs(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t at, int64_t length);

#endif
