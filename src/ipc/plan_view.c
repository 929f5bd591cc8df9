/* SPDX-License-Identifier: Apache-2.0 */
/* Planning view columns: see plan_view.h. */
#include "ipc/plan_view.h"

#include "arrow/bits.h"
#include "support/alloc.h"

#include <stdlib.h>
#include <string.h>

void plan_view_close(struct plan_view *view) {
  mem_free(view->spans);
  mem_free(view->buffers);
}

/* The rows' values that lie in data buffers, as spans, one each. */
static bool collect(struct plan_view *view, const struct ArrowArray *array, int64_t at, int64_t length) {
  const uint8_t *bits = array->null_count == 0 ? NULL : array->buffers[0];
  view->span_count = 0;
  for (int64_t row = at; row < at + length; row++) {
    if (bit_null(bits, row)) continue;
    int32_t words[4];
    memcpy(words, (const uint8_t *)array->buffers[1] + row * VIEW_BYTES, sizeof words);
    if (words[0] <= VIEW_INLINE) continue;
    struct view_span span = {.buffer = words[2], .start = words[3], .end = (int64_t)words[3] + words[0]};
    struct view_span *last = view->span_count > 0 ? &view->spans[view->span_count - 1] : NULL;
    if (last != NULL && last->buffer == span.buffer && last->end == span.start) { /* as writers lay them out */
      last->end = span.end;
      continue;
    }
    size_t needed = (size_t)view->span_count + 1;
    if (!mem_reserve((void **)&view->spans, &view->span_capacity, needed, sizeof span)) return false;
    view->spans[view->span_count++] = span;
  }
  return true;
}

static int compare_spans(const void *a, const void *b) {
  const struct view_span *left = a;
  const struct view_span *right = b;
  if (left->buffer != right->buffer) return left->buffer < right->buffer ? -1 : 1;
  if (left->start != right->start) return left->start < right->start ? -1 : 1;
  return 0;
}

static void sort(struct plan_view *view) {
  for (int64_t i = 1; i < view->span_count; i++) {
    if (compare_spans(&view->spans[i - 1], &view->spans[i]) <= 0) continue;
    qsort(view->spans, (size_t)view->span_count, sizeof *view->spans, compare_spans);
    return;
  }
}

/* Join spans that touch or overlap. */
static void merge(struct plan_view *view) {
  int64_t count = 0;
  for (int64_t i = 0; i < view->span_count; i++) {
    struct view_span span = view->spans[i];
    struct view_span *last = count > 0 ? &view->spans[count - 1] : NULL;
    if (last != NULL && last->buffer == span.buffer && span.start <= last->end) {
      if (span.end > last->end) last->end = span.end;
    } else {
      view->spans[count++] = span;
    }
  }
  view->span_count = count;
}

/* What each buffer has of spans, and where in the compacted buffer each begins. */
static void tally(struct plan_view *view, int64_t n_buffers) {
  for (int64_t i = 0; i < n_buffers; i++) view->buffers[i] = (struct view_buffer){.wire = -1};
  for (int64_t i = 0; i < view->span_count; i++) {
    struct view_span *span = &view->spans[i];
    struct view_buffer *buffer = &view->buffers[span->buffer];
    if (buffer->count++ == 0) buffer->first = i;
    span->target = buffer->used;
    buffer->used += span->end - span->start;
  }
}

static void number_buffers(struct plan_view *view, const struct ArrowArray *array) {
  view->wire_count = 0;
  for (int64_t i = 0; i < array->n_buffers - 3; i++) {
    struct view_buffer *buffer = &view->buffers[i];
    if (buffer->count == 0) continue;
    buffer->wire = (int32_t)view->wire_count++;
    buffer->compact =
        buffer->used < layout_view_size(array, i) / 2 && buffer->used <= INT32_MAX; /* where views can reach it */
  }
}

static bool survey(struct plan_view *view, const struct ArrowArray *array, int64_t at, int64_t length) {
  int64_t n_buffers = array->n_buffers - 3;
  if (!collect(view, array, at, length)) return false;
  sort(view);
  merge(view);
  if (!mem_reserve((void **)&view->buffers, &view->buffer_capacity, (size_t)n_buffers, sizeof *view->buffers)) {
    return false;
  }
  view->data = (const uint8_t **)array->buffers + 2;
  tally(view, n_buffers);
  number_buffers(view, array);
  return true;
}

static void plan_data(struct ipc_plan *to, const struct plan_view *view, int64_t i, int64_t size) {
  const struct view_buffer *buffer = &view->buffers[i];
  if (buffer->wire < 0) return;
  if (!buffer->compact) {
    plan_raw(to, view->data[i], 0, size);
    return;
  }
  struct segment *segment = plan_segment(to);
  *segment = (struct segment){.kind = SEGMENT_SPANS, .bytes = buffer->used, .base = i, .view = view};
}

void plan_views(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t at, int64_t length) {
  int32_t number = to->layout->nodes[index].width;
  struct plan_view *view = &to->views[number];
  to->planned_views[to->view_count++] = number;
  view->wire_count = 0;
  if (length > 0 && !survey(view, array, at, length)) {
    to->no_memory = true;
    return;
  }
  struct segment *segment = plan_segment(to);
  *segment = (struct segment){.kind = SEGMENT_VIEWS,
                              .width = VIEW_BYTES,
                              .bytes = length * VIEW_BYTES,
                              .count = length,
                              .start = at,
                              .view = view,
                              .bits = array->null_count == 0 ? NULL : array->buffers[0]};
  if (length == 0) return;
  segment->source = (const uint8_t *)array->buffers[1] + at * VIEW_BYTES;
  for (int64_t i = 0; i < array->n_buffers - 3; i++) plan_data(to, view, i, layout_view_size(array, i));
}

/* The span of the buffer that holds `offset`. */
static const struct view_span *find_span(const struct plan_view *view, const struct view_buffer *buffer,
                                         int32_t offset) {
  int64_t low = buffer->first;
  int64_t high = buffer->first + buffer->count;
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (view->spans[middle].start <= offset)
      low = middle;
    else
      high = middle;
  }
  return &view->spans[low];
}

void plan_view_map(const struct plan_view *view, int32_t words[4]) {
  const struct view_buffer *buffer = &view->buffers[words[2]];
  if (buffer->compact) {
    const struct view_span *span = find_span(view, buffer, words[3]);
    words[3] = (int32_t)(span->target + (words[3] - span->start));
  }
  words[2] = buffer->wire;
}
