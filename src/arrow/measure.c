/* SPDX-License-Identifier: Apache-2.0 */
/* Walking the buffers of an array with their reachable extents. */
#include "arrow/measure.h"

#include "arrow/tree.h"
#include "support/arith.h"

struct walk {
  const struct layout *layout;
  measure_visitor visit;
  void *context;
};

static bool visit_pointer(const struct walk *walk, const void *start, int64_t length) {
  return length <= 0 || start == NULL || walk->visit(walk->context, start, length);
}

static bool visit_buffer(const struct walk *walk, const struct ArrowArray *array, int buffer, int64_t length) {
  return visit_pointer(walk, array->buffers[buffer], length);
}

static bool visit_union(const struct walk *walk, const struct layout_node *node, const struct ArrowArray *array,
                        int64_t end) {
  const void **buffers = layout_buffers(node, array);
  return visit_pointer(walk, buffers[0], end) &&
         (node->kind == LAYOUT_SPARSE || visit_pointer(walk, buffers[1], end * 4));
}

static bool visit_binary(const struct walk *walk, const struct ArrowArray *array, int width, int64_t end) {
  const void *offsets = array->buffers[1];
  if (end == 0 || offsets == NULL) return true;
  if (!visit_buffer(walk, array, 1, (end + 1) * width)) return false;
  if (array->length == 0) return true; /* of no rows there need be no offsets to look at */
  return visit_buffer(walk, array, 2, offset_at(offsets, width, end));
}

static bool visit_views(const struct walk *walk, const struct ArrowArray *array, int64_t end) {
  int64_t count = array->n_buffers - 3;
  if (!visit_buffer(walk, array, 1, end * 16)) return false;
  for (int64_t i = 0; i < count; i++) {
    if (!visit_pointer(walk, array->buffers[2 + i], layout_view_size(array, i))) return false;
  }
  return visit_pointer(walk, array->buffers[array->n_buffers - 1], count * (int64_t)sizeof(int64_t));
}

static bool visit_own(const struct walk *walk, const struct layout_node *node, const struct ArrowArray *array) {
  int64_t end = array->offset + array->length;
  if (node->has_validity && !visit_buffer(walk, array, 0, bits_to_bytes(end))) return false;
  switch (node->kind) {
  case LAYOUT_BITS:
    return visit_buffer(walk, array, 1, bits_to_bytes(end));
  case LAYOUT_FIXED:
    return visit_buffer(walk, array, 1, end * node->width);
  case LAYOUT_BINARY:
    return visit_binary(walk, array, node->width, end);
  case LAYOUT_LIST:
    return end == 0 || visit_buffer(walk, array, 1, (end + 1) * node->width);
  case LAYOUT_VIEW:
    return visit_views(walk, array, end);
  case LAYOUT_LIST_VIEW:
    return visit_buffer(walk, array, 1, end * node->width) && visit_buffer(walk, array, 2, end * node->width);
  case LAYOUT_SPARSE:
  case LAYOUT_DENSE:
    return visit_union(walk, node, array, end);
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
  return node->dictionary < 0 || visit_node(walk, child, array->dictionary);
}

bool measure_extents(const struct layout *layout, const struct ArrowArray *array, measure_visitor visit,
                     void *context) {
  struct walk walk = {.layout = layout, .visit = visit, .context = context};
  return visit_pointer(&walk, tree_metadata(array), tree_metadata_size(array)) && visit_node(&walk, 0, array);
}

static int64_t shown_data(const struct ArrowArray *views) {
  int64_t bytes = 0;
  for (int64_t i = 0; i < views->n_buffers - 3; i++) bytes = add_saturating(bytes, layout_view_size(views, i));
  return bytes;
}

/* Rows [start, start + length) of an array, counted from behind its offset. */
static int64_t shown(const struct layout *layout, int32_t at, const struct ArrowArray *array, int64_t start,
                     int64_t length) {
  const struct layout_node *node = &layout->nodes[at];
  int64_t row = array->offset + start;
  int64_t first = row;
  int64_t rows = length;
  bool whole = false; /* which part of the children is used would take a look at every row */
  int64_t bytes = node->has_validity && array->buffers[0] != NULL ? bits_to_bytes(length) : 0;
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
  case LAYOUT_VIEW:
    return bytes + length * 16 + shown_data(array);
  case LAYOUT_LIST_VIEW:
    bytes += length * 2 * node->width;
    whole = true;
    break;
  case LAYOUT_SPARSE:
    bytes += length;
    break;
  case LAYOUT_DENSE:
    bytes += length * 5;
    whole = true;
    break;
  case LAYOUT_RUN_END:
    whole = true;
    break;
  default:
    break;
  }
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    const struct ArrowArray *below = array->children[i];
    bytes = add_saturating(bytes, shown(layout, child, below, whole ? 0 : first, whole ? below->length : rows));
    child = layout->nodes[child].end;
  }
  return bytes;
}

int64_t measure_shown(const struct layout *layout, const struct ArrowArray *array) {
  return add_saturating(shown(layout, 0, array, 0, array->length), tree_metadata_size(array));
}

/* A node's struct, its slot in the parent, and its list of buffers. */
int64_t measure_fixed(const struct layout *layout) {
  int64_t nodes = layout->n_nodes;
  int64_t buffers = (int64_t)layout->n_buffers + 1;
  return nodes * (int64_t)(sizeof(struct ArrowArray) + sizeof(void *)) + buffers * (int64_t)sizeof(void *);
}
