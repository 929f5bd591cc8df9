/* SPDX-License-Identifier: Apache-2.0 */
/* Planning list views, unions and run ends: finding the part of their children that a slice uses. */
#include "arrow/bits.h"
#include "arrow/runs.h"
#include "ipc/plan.h"
#include "support/arith.h"

/* A slot range of a child: [first, last). */
struct range {
  int64_t first;
  int64_t last;
};

/* The part of the child that lists of rows [at, at + length) use. Empty and null ones use none, whatever they say. */
static struct range list_views_range(const struct ArrowArray *array, int width, int64_t at, int64_t length) {
  struct range range = {INT64_MAX, 0};
  const uint8_t *bits = array->null_count == 0 ? NULL : array->buffers[0];
  for (int64_t i = at; i < at + length; i++) {
    int64_t size = offset_at(array->buffers[2], width, i);
    if (size == 0 || bit_null(bits, i)) continue;
    int64_t offset = offset_at(array->buffers[1], width, i);
    if (offset < range.first) range.first = offset;
    if (offset + size > range.last) range.last = offset + size;
  }
  if (range.last == 0) range.first = 0;
  return range;
}

void plan_list_views(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t at, int64_t length) {
  int width = to->layout->nodes[index].width;
  struct range range = list_views_range(array, width, at, length);
  const uint8_t *bits = array->null_count == 0 ? NULL : array->buffers[0];
  for (int buffer = 1; buffer <= 2; buffer++) {
    struct segment *segment = plan_segment(to);
    *segment = (struct segment){.kind = buffer == 1 ? SEGMENT_LISTS : SEGMENT_SIZES,
                                .width = (uint8_t)width,
                                .bytes = length * width,
                                .count = length,
                                .start = at,
                                .base = range.first,
                                .bits = bits};
    if (length == 0) continue;
    segment->source = (const uint8_t *)array->buffers[buffer] + at * width;
    segment->other = (const uint8_t *)array->buffers[2] + at * width;
  }
  plan_node(to, index + 1, array->children[0], range.first, range.last - range.first);
}

/* Unions have no validity of their own. */
static void plan_union_node(struct ipc_plan *to, const struct ArrowArray *array, const struct layout_node *node,
                            int64_t at, int64_t length) {
  to->nodes[to->node_count++] = (struct wire_node){.length = length};
  plan_raw(to, layout_buffers(node, array)[0], at, length);
}

void plan_sparse(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t at, int64_t length) {
  const struct layout_node *node = &to->layout->nodes[index];
  plan_union_node(to, array, node, at, length);
  int32_t child = index + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    plan_node(to, child, array->children[i], at, length);
    child = to->layout->nodes[child].end;
  }
}

/* The part of each child, by type id, that the rows use. Offsets of a type need not rise: each is looked at. */
static void dense_ranges(const struct ArrowArray *array, const struct layout_node *node, int64_t at, int64_t length,
                         struct range *ranges) {
  const void **buffers = layout_buffers(node, array);
  const int8_t *types = buffers[0];
  for (int i = 0; i < ARROW_TYPE_IDS; i++) ranges[i] = (struct range){INT64_MAX, 0};
  for (int64_t i = at; i < at + length; i++) {
    int64_t offset = offset_at(buffers[1], 4, i);
    struct range *range = &ranges[types[i]];
    if (offset < range->first) range->first = offset;
    if (offset + 1 > range->last) range->last = offset + 1;
  }
}

void plan_dense(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t at, int64_t length) {
  const struct layout_node *node = &to->layout->nodes[index];
  const struct layout_union *ids = &to->layout->unions[node->width];
  struct range ranges[ARROW_TYPE_IDS];
  int64_t firsts[ARROW_TYPE_IDS] = {0}; /* by child */
  int64_t lengths[ARROW_TYPE_IDS] = {0};
  dense_ranges(array, node, at, length, ranges);
  plan_union_node(to, array, node, at, length);
  struct segment *segment = plan_segment(to);
  *segment = (struct segment){.kind = SEGMENT_DENSE, .width = 4, .bytes = length * 4, .count = length};
  segment->bases = to->bases[node->width];
  if (length > 0) {
    segment->source = (const uint8_t *)layout_buffers(node, array)[1] + at * 4;
    segment->other = (const uint8_t *)layout_buffers(node, array)[0] + at;
  }
  for (int id = 0; id < ARROW_TYPE_IDS; id++) {
    if (ranges[id].last == 0) continue;
    to->bases[node->width][id] = (int32_t)ranges[id].first;
    firsts[ids->child[id]] = ranges[id].first;
    lengths[ids->child[id]] = ranges[id].last - ranges[id].first;
  }
  int32_t child = index + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    plan_node(to, child, array->children[i], firsts[i], lengths[i]);
    child = to->layout->nodes[child].end;
  }
}

/* Run ends are cut to the rows: the first run begins at `at`, the last ends with them. */
void plan_runs(struct ipc_plan *to, int32_t index, const struct ArrowArray *array, int64_t at, int64_t length) {
  const struct ArrowArray *ends = array->children[0];
  int width = to->layout->nodes[index].width;
  int64_t first = length == 0 ? 0 : runs_find(ends, width, at);
  int64_t count = length == 0 ? 0 : runs_find(ends, width, at + length - 1) + 1 - first;
  to->nodes[to->node_count++] = (struct wire_node){.length = length};
  to->nodes[to->node_count++] = (struct wire_node){.length = count};
  plan_segment(to); /* run ends have no nulls */
  struct segment *segment = plan_segment(to);
  *segment = (struct segment){.kind = SEGMENT_RUNS,
                              .width = (uint8_t)width,
                              .bytes = count * width,
                              .count = count,
                              .base = at,
                              .limit = length};
  if (count > 0) segment->source = (const uint8_t *)ends->buffers[1] + (ends->offset + first) * width;
  plan_node(to, to->layout->nodes[index + 1].end, array->children[1], first, count);
}
