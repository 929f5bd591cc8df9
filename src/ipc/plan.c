/* SPDX-License-Identifier: Apache-2.0 */
/* Planning a batch: see plan.h. */
#include "ipc/plan.h"

#include "arrow/bits.h"
#include "ipc/plan_view.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

struct segment *plan_segment(struct ipc_plan *to) {
  struct segment *segment = &to->segments[to->segment_count++];
  *segment = (struct segment){.kind = SEGMENT_RAW};
  return segment;
}

void plan_raw(struct ipc_plan *to, const void *source, int64_t start, int64_t bytes) {
  struct segment *segment = plan_segment(to);
  if (bytes == 0) return;
  segment->source = (const uint8_t *)source + start;
  segment->bytes = bytes;
}

static void plan_bits(struct ipc_plan *to, const void *source, int64_t start, int64_t count) {
  struct segment *segment = plan_segment(to);
  if (count == 0) return; /* there may be no buffer */
  segment->kind = SEGMENT_BITS;
  segment->source = source;
  segment->start = start;
  segment->count = count;
  segment->bytes = bits_to_bytes(count);
}

/* Offsets of rows [at, at + length], made to start at 0. Gives the range of what they point into. */
static void plan_offsets(struct ipc_plan *to, const void *source, int width, int64_t at, int64_t length, int64_t *first,
                         int64_t *last) {
  struct segment *segment = plan_segment(to);
  segment->width = (uint8_t)width;
  segment->bytes = (length + 1) * width;
  segment->count = length + 1;
  if (length == 0) { /* one zero, whatever the producer has there */
    segment->kind = SEGMENT_RAW;
    segment->source = NULL;
    *first = *last = 0;
    return;
  }
  *first = offset_at(source, width, at);
  *last = offset_at(source, width, at + length);
  segment->kind = *first == 0 ? SEGMENT_RAW : SEGMENT_OFFSETS;
  segment->source = (const uint8_t *)source + at * width;
  segment->base = *first;
}

/* The node, and its validity where there are nulls. The count is always made from the bits: producers may say -1. */
static void plan_validity(struct ipc_plan *to, const struct ArrowArray *array, int64_t at, int64_t length) {
  struct wire_node *node = &to->nodes[to->node_count++];
  const uint8_t *bits = array->buffers[0];
  node->length = length;
  node->null_count = 0;
  if (bits != NULL && array->null_count != 0) node->null_count = length - bits_count(bits, at, length);
  if (node->null_count > 0) {
    plan_bits(to, bits, at, length);
  } else {
    plan_segment(to);
  }
}

static void plan_null(struct ipc_plan *to, int64_t length) {
  struct wire_node *node = &to->nodes[to->node_count++];
  node->length = length;
  node->null_count = length;
}

/* Plan rows [start, start + length) of `array`, which count from behind the array's own offset. */
void plan_node(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t start, int64_t length) {
  const struct layout_node *node = &to->layout->nodes[index];
  int64_t at = array->offset + start;
  int64_t first = at;
  int64_t last = at + length;
  switch (node->kind) {
  case LAYOUT_NULL:
    plan_null(to, length);
    return;
  case LAYOUT_SPARSE:
    plan_sparse(to, index, array, at, length);
    return;
  case LAYOUT_DENSE:
    plan_dense(to, index, array, at, length);
    return;
  case LAYOUT_RUN_END:
    plan_runs(to, index, array, at, length);
    return;
  default:
    break;
  }
  if (index > 0) plan_validity(to, array, at, length);
  switch (node->kind) {
  case LAYOUT_BITS:
    plan_bits(to, array->buffers[1], at, length);
    return;
  case LAYOUT_FIXED:
    plan_raw(to, array->buffers[1], at * node->width, length * node->width);
    return;
  case LAYOUT_BINARY:
    plan_offsets(to, array->buffers[1], node->width, at, length, &first, &last);
    plan_raw(to, array->buffers[2], first, last - first);
    return;
  case LAYOUT_VIEW:
    plan_views(to, index, array, at, length);
    return;
  case LAYOUT_LIST_VIEW:
    plan_list_views(to, index, array, at, length);
    return;
  case LAYOUT_LIST:
    plan_offsets(to, array->buffers[1], node->width, at, length, &first, &last);
    break;
  case LAYOUT_FIXED_LIST:
    first = at * node->width;
    last = first + length * node->width;
    break;
  default:
    break; /* LAYOUT_STRUCT: children have the parent's rows */
  }
  int32_t child = index + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    plan_node(to, child, array->children[i], first, last - first);
    child = to->layout->nodes[child].end;
  }
}

respool_status plan_open(const struct layout *layout, struct ipc_plan *to, respool_error *error) {
  *to = (struct ipc_plan){.layout = layout};
  to->nodes = mem_alloc((size_t)layout->n_nodes * sizeof *to->nodes);
  to->bases = mem_alloc((size_t)layout->n_unions * sizeof *to->bases);
  to->views = mem_zalloc((size_t)layout->n_views * sizeof *to->views);
  to->planned_views = mem_alloc((size_t)layout->n_views * sizeof *to->planned_views);
  if (to->nodes != NULL && to->bases != NULL && to->views != NULL && to->planned_views != NULL) return RESPOOL_OK;
  plan_close(to);
  return error_no_memory(error);
}

void plan_close(struct ipc_plan *to) {
  for (int32_t i = 0; to->views != NULL && i < to->layout->n_views; i++) plan_view_close(&to->views[i]);
  mem_free(to->nodes);
  mem_free(to->segments);
  mem_free(to->bases);
  mem_free(to->views);
  mem_free(to->planned_views);
  *to = (struct ipc_plan){0};
}

respool_status plan_part(struct ipc_plan *to, int32_t root, const struct ArrowArray *array, respool_error *error) {
  size_t most = (size_t)to->layout->n_buffers + (size_t)layout_variadic(to->layout, root, array, NULL);
  if (!mem_reserve((void **)&to->segments, &to->segment_capacity, most + 1, sizeof *to->segments)) {
    return error_no_memory(error);
  }
  to->node_count = 0;
  to->segment_count = 0;
  to->view_count = 0;
  to->no_memory = false;
  plan_node(to, root, array, 0, array->length);
  return to->no_memory ? error_no_memory(error) : RESPOOL_OK;
}
