/* SPDX-License-Identifier: Apache-2.0 */
/* Walking the buffers of an array with their reachable extents. */
#include "arrow/measure.h"

#include "support/arith.h"

struct walk {
  const struct layout *layout;
  measure_visitor visit;
  void *context;
};

static bool visit_buffer(const struct walk *walk, const struct ArrowArray *array, int buffer, int64_t length) {
  if (length <= 0 || array->buffers[buffer] == NULL) return true;
  return walk->visit(walk->context, array->buffers[buffer], length);
}

static bool visit_binary(const struct walk *walk, const struct ArrowArray *array, int width, int64_t end) {
  const void *offsets = array->buffers[1];
  if (end == 0 || offsets == NULL) return true;
  return visit_buffer(walk, array, 1, (end + 1) * width) &&
         visit_buffer(walk, array, 2, offset_at(offsets, width, end));
}

static bool visit_own(const struct walk *walk, const struct layout_node *node, const struct ArrowArray *array) {
  int64_t end = array->offset + array->length;
  if (node->kind == LAYOUT_NULL) return true;
  if (!visit_buffer(walk, array, 0, bits_to_bytes(end))) return false;
  switch (node->kind) {
  case LAYOUT_BITS:
    return visit_buffer(walk, array, 1, bits_to_bytes(end));
  case LAYOUT_FIXED:
    return visit_buffer(walk, array, 1, end * node->width);
  case LAYOUT_BINARY:
    return visit_binary(walk, array, node->width, end);
  case LAYOUT_LIST:
    return end == 0 || visit_buffer(walk, array, 1, (end + 1) * node->width);
  default:
    return true;
  }
}

static bool visit_node(const struct walk *walk, int32_t at, const struct ArrowArray *array) {
  const struct layout_node *node = &walk->layout->nodes[at];
  if (!visit_own(walk, node, array)) return false;
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    if (!visit_node(walk, child, array->children[i])) return false;
    child = walk->layout->nodes[child].end;
  }
  return true;
}

bool measure_extents(const struct layout *layout, const struct ArrowArray *array, measure_visitor visit,
                     void *context) {
  struct walk walk = {.layout = layout, .visit = visit, .context = context};
  return visit_node(&walk, 0, array);
}

/* Rows [start, start + length) of an array, counted from behind its offset. */
static int64_t shown(const struct layout *layout, int32_t at, const struct ArrowArray *array, int64_t start,
                     int64_t length) {
  const struct layout_node *node = &layout->nodes[at];
  int64_t row = array->offset + start;
  int64_t first = row;
  int64_t rows = length;
  int64_t bytes = node->n_buffers > 0 && array->buffers[0] != NULL ? bits_to_bytes(length) : 0;
  switch (node->kind) {
  case LAYOUT_BITS:
    return bytes + bits_to_bytes(length);
  case LAYOUT_FIXED:
    return bytes + length * node->width;
  case LAYOUT_BINARY:
  case LAYOUT_LIST:
    first = length == 0 ? 0 : offset_at(array->buffers[1], node->width, row);
    rows = length == 0 ? 0 : offset_at(array->buffers[1], node->width, row + length) - first;
    bytes += (length + 1) * node->width;
    if (node->kind == LAYOUT_BINARY) return bytes + rows;
    break;
  case LAYOUT_FIXED_LIST:
    first = row * node->width;
    rows = length * node->width;
    break;
  default:
    break;
  }
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    bytes = add_saturating(bytes, shown(layout, child, array->children[i], first, rows));
    child = layout->nodes[child].end;
  }
  return bytes;
}

int64_t measure_shown(const struct layout *layout, const struct ArrowArray *array) {
  return shown(layout, 0, array, 0, array->length);
}

/* A node's struct, its slot in the parent, and its list of buffers. */
int64_t measure_fixed(const struct layout *layout) {
  int64_t nodes = layout->n_nodes;
  int64_t buffers = (int64_t)layout->n_buffers + 1;
  return nodes * (int64_t)(sizeof(struct ArrowArray) + sizeof(void *)) + buffers * (int64_t)sizeof(void *);
}
