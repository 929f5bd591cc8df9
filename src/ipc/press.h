/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compressed buffers of a batch that is being encoded: between its plan, and the metadata and body that are made of
 * it. May call: arrow, support.
 */
#ifndef RESPOOL_IPC_PRESS_H
#define RESPOOL_IPC_PRESS_H

#include "ipc/codec.h"
#include "ipc/plan.h"
#include "support/gather.h"

/* Puts what a segment will be on the wire. */
typedef respool_status (*press_render)(const struct segment *segment, struct gather *gather, respool_error *error);

/* A buffer as it goes to the wire. */
struct press_buffer {
  const uint8_t *bytes; /* its length and its frame; NULL: it is empty, or would not shrink and goes as it is */
  int64_t size;
};

struct press_block;

/*
 * Kept from message to message. Memory: the frames of what was put and not drained yet, and room for the largest
 * buffer, twice where it is not in the producer's memory as it goes to the wire.
 */
struct press {
  int codec;  /* CODEC_NONE: the message is not compressed, and nothing of this used */
  int chosen; /* codec of those that are */
  int32_t level;
  struct codec_state state;
  struct press_buffer *buffers; /* of the batch, as its segments */
  size_t capacity;
  struct gather *gather; /* renders into ... */
  uint8_t *plain;
  size_t plain_capacity;
  size_t plain_size;
  uint8_t *frame; /* room for one */
  size_t frame_capacity;
  struct press_block *blocks; /* where frames lie until they are drained; the first is being filled */
  struct press_block *before; /* the first, and what was used of it, before the message planned last */
  size_t before_used;
};

/* RESPOOL_COMPRESSION_... and level, which were checked. */
void press_open(struct press *press, int32_t compression, int32_t level);
void press_close(struct press *press);

/* Whether the message planned next is compressed, if a codec was chosen. */
static inline void press_use(struct press *press, bool packed) {
  press->codec = packed ? press->chosen : CODEC_NONE;
}

/* Compress the plan's buffers, if anything is. RESPOOL_NO_MEMORY. */
respool_status press_plan(struct press *press, const struct ipc_plan *plan, press_render render, respool_error *error);

/* Nothing refers to any frame any more, or to those planned last. */
void press_drained(struct press *press);
void press_discard(struct press *press);

/* What buffer `i` takes on the wire without padding; and putting it there. */
static inline int64_t press_size(const struct press *press, const struct ipc_plan *plan, int32_t i) {
  return press->codec == CODEC_NONE ? plan->segments[i].bytes : press->buffers[i].size;
}

/* Where there is a codec. */
respool_status press_put(struct press *press, const struct ipc_plan *plan, int32_t i, press_render render,
                         struct gather *gather, respool_error *error);

#endif
