/* SPDX-License-Identifier: Apache-2.0 */
/*
 * View columns: which bytes of their data buffers are used, and where those go. A buffer that no row refers to is
 * dropped; one of which less than half is used is compacted: what is used, each byte once however many views share
 * it, is put together. Others are written whole. Done again on what was written, that changes nothing. May call:
 * arrow, support.
 */
#ifndef RESPOOL_IPC_PLAN_VIEW_H
#define RESPOOL_IPC_PLAN_VIEW_H

#include "ipc/plan.h"

/* Bytes [start, end) of a data buffer that are used. */
struct view_span {
  int64_t buffer;
  int64_t start;
  int64_t end;
  int64_t target; /* where they begin in the buffer on the wire */
};

struct view_buffer {
  int32_t wire;  /* its number on the wire; -1: dropped */
  bool compact;  /* what is written are its spans, else all of it */
  int64_t used;  /* bytes of its spans */
  int64_t first; /* its spans are [first, first + count) */
  int64_t count;
};

/* Kept with the plan and used again. */
struct plan_view {
  struct view_span *spans; /* sorted by buffer and start, apart from each other */
  size_t span_capacity;
  int64_t span_count;
  struct view_buffer *buffers;
  size_t buffer_capacity;
  const uint8_t **data; /* the producer's data buffers */
  int64_t wire_count;
};

void plan_view_close(struct plan_view *view);

/* The view as it goes to the wire, from the one in `bytes`, which refers to a value elsewhere. */
void plan_view_map(const struct plan_view *view, int32_t words[4]);

#endif
