/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining arrays: see concat.h. What is joined are ranges of slots, so that children are cut to what their parents use
 * of them. Children whose slots the parent names one by one (list views, dense unions) are taken whole.
 */
#include "arrow/concat.h"

#include "arrow/joiner.h"
#include "arrow/runs.h"
#include "arrow/tree.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

static respool_status join_node(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out);

static respool_status join_list(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out) {
  struct piece ranges[2];
  respool_status status = joiner_offsets(joiner, at, pieces, out, ranges);
  for (int i = 0; i < 2; i++) ranges[i].array = pieces[i].array->children[0];
  return status == RESPOOL_OK ? join_node(joiner, at + 1, ranges, out->children[0]) : status;
}

static struct piece whole(const struct ArrowArray *array) {
  return (struct piece){.array = array, .length = array->length};
}

/* Offsets into a child whose first part grew: whether they can say so. */
static bool can_shift(const struct piece *children, int width) {
  int64_t total;
  return add_fits(children[0].length, children[1].length, &total) && total <= joiner_most(width);
}

static respool_status join_list_views(struct joiner *joiner, int32_t at, const struct piece *pieces,
                                      struct ArrowArray *out) {
  int width = joiner->layout->nodes[at].width;
  struct piece children[2] = {whole(pieces[0].array->children[0]), whole(pieces[1].array->children[0])};
  if (!can_shift(children, width)) return joiner_too_long(joiner, at);
  uint8_t *offsets;
  uint8_t *sizes;
  respool_status status = joiner_fixed(joiner, at, pieces, 1, width, out, &offsets);
  if (status == RESPOOL_OK) status = joiner_fixed(joiner, at, pieces, 2, width, out, &sizes);
  if (status != RESPOOL_OK) return status;
  for (int64_t i = 0; i < pieces[1].length; i++) {
    offset_store(offsets, width, i, offset_at(offsets, width, i) + children[0].length);
  }
  return join_node(joiner, at + 1, children, out->children[0]);
}

/* Structs, sparse unions and lists of a fixed size: `width` slots of each child to one of the array. */
static respool_status join_children(struct joiner *joiner, int32_t at, const struct piece *pieces, int64_t width,
                                    struct ArrowArray *out) {
  int32_t child = at + 1;
  for (int64_t i = 0; i < out->n_children; i++) {
    struct piece children[2];
    for (int k = 0; k < 2; k++) {
      const struct ArrowArray *array = pieces[k].array;
      children[k] =
          (struct piece){array->children[i], (array->offset + pieces[k].start) * width, pieces[k].length * width};
    }
    respool_status status = join_node(joiner, child, children, out->children[i]);
    if (status != RESPOOL_OK) return status;
    child = joiner->layout->nodes[child].end;
  }
  return RESPOOL_OK;
}

static respool_status join_dense(struct joiner *joiner, int32_t at, const struct piece *pieces,
                                 struct ArrowArray *out) {
  const struct layout_union *ids = &joiner->layout->unions[joiner->layout->nodes[at].width];
  uint8_t *types;
  uint8_t *offsets;
  respool_status status = joiner_fixed(joiner, at, pieces, 0, 1, out, &types);
  if (status == RESPOOL_OK) status = joiner_fixed(joiner, at, pieces, 1, 4, out, &offsets);
  int32_t child = at + 1;
  for (int64_t i = 0; status == RESPOOL_OK && i < out->n_children; i++) {
    struct piece children[2] = {whole(pieces[0].array->children[i]), whole(pieces[1].array->children[i])};
    if (!can_shift(children, 4)) return joiner_too_long(joiner, at);
    status = join_node(joiner, child, children, out->children[i]);
    child = joiner->layout->nodes[child].end;
  }
  for (int64_t i = 0; status == RESPOOL_OK && i < pieces[1].length; i++) {
    int64_t shift = pieces[0].array->children[ids->child[types[i]]]->length;
    offset_store(offsets, 4, i, offset_at(offsets, 4, i) + shift);
  }
  return status;
}

/* The runs that the slots lie in. */
static struct piece runs_used(const struct piece *piece, int width) {
  const struct ArrowArray *ends = piece->array->children[0];
  struct piece runs = {.array = piece->array->children[1]};
  if (piece->length == 0) return runs;
  int64_t at = piece->array->offset + piece->start;
  runs.start = runs_find(ends, width, at);
  runs.length = runs_find(ends, width, at + piece->length - 1) + 1 - runs.start;
  return runs;
}

/* The last run of each array ends with its slots, and the second's begin behind the first's. */
static respool_status join_runs(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out) {
  int width = joiner->layout->nodes[at].width;
  struct piece runs[2] = {runs_used(&pieces[0], width), runs_used(&pieces[1], width)};
  if (out->length > joiner_most(width)) return joiner_too_long(joiner, at);
  struct ArrowArray *ends = out->children[0];
  uint8_t *to;
  ends->length = runs[0].length + runs[1].length;
  respool_status status = joiner_buffer(joiner, ends->length * width, &ends->buffers[1], &to);
  if (status != RESPOOL_OK) return status;
  for (int i = 0; i < 2; i++) {
    const struct ArrowArray *array = pieces[i].array;
    int64_t before = i == 0 ? 0 : pieces[0].length;
    for (int64_t k = 0; k < runs[i].length; k++, to += width) {
      int64_t end = runs_end_at(array->children[0], width, runs[i].start + k) - array->offset - pieces[i].start;
      offset_store(to, width, 0, before + (end < pieces[i].length ? end : pieces[i].length));
    }
  }
  return join_node(joiner, joiner->layout->nodes[at + 1].end, runs, out->children[1]);
}

static respool_status join_node(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out) {
  const struct layout_node *node = &joiner->layout->nodes[at];
  uint8_t *unused;
  respool_status status = RESPOOL_OK;
  out->length = pieces[0].length + pieces[1].length;
  if (out->length > INT64_MAX / 64) return joiner_too_long(joiner, at);
  if (node->has_validity) status = joiner_validity(joiner, at, pieces, out);
  if (status != RESPOOL_OK) return status;
  switch (node->kind) {
  case LAYOUT_NULL:
    out->null_count = out->length;
    return RESPOOL_OK;
  case LAYOUT_BITS:
    return joiner_bits(joiner, pieces, out);
  case LAYOUT_FIXED:
    return joiner_fixed(joiner, at, pieces, 1, node->width, out, &unused);
  case LAYOUT_BINARY:
    return joiner_binary(joiner, at, pieces, out);
  case LAYOUT_VIEW:
    return joiner_views(joiner, at, pieces, out);
  case LAYOUT_LIST:
    return join_list(joiner, at, pieces, out);
  case LAYOUT_LIST_VIEW:
    return join_list_views(joiner, at, pieces, out);
  case LAYOUT_SPARSE:
    status = joiner_fixed(joiner, at, pieces, 0, 1, out, &unused);
    return status == RESPOOL_OK ? join_children(joiner, at, pieces, 1, out) : status;
  case LAYOUT_DENSE:
    return join_dense(joiner, at, pieces, out);
  case LAYOUT_RUN_END:
    return join_runs(joiner, at, pieces, out);
  default:
    return join_children(joiner, at, pieces, node->kind == LAYOUT_FIXED_LIST ? node->width : 1, out);
  }
}

/* A tree with as many data buffers of view columns as both have, and room for every buffer that is made. */
static respool_status open_result(struct joiner *joiner, int32_t at, const struct ArrowArray *const *arrays,
                                  int64_t *counts, struct ArrowArray *root) {
  const struct layout *layout = joiner->layout;
  size_t views = (size_t)layout->n_views;
  size_t buffers = (size_t)layout->n_buffers;
  for (int i = 0; i < 2; i++) buffers += (size_t)layout_variadic(layout, at, arrays[i], counts + (size_t)i * views);
  for (size_t i = 0; i < views; i++) counts[i] += counts[views + i];
  struct tree_shape shape = {.layout = layout, .at = at, .variadic = views > 0 ? counts : NULL, .n_owners = 1};
  respool_status status = tree_open(&shape, root, joiner->error);
  if (status != RESPOOL_OK) return status;
  joiner->blocks = mem_zalloc(sizeof *joiner->blocks + buffers * sizeof joiner->blocks->at[0]);
  if (joiner->blocks == NULL) {
    root->release(root);
    return error_no_memory(joiner->error);
  }
  tree_set_owner(root, 0, (struct tree_owner){joiner_drop, joiner->blocks});
  return RESPOOL_OK;
}

respool_status concat_arrays(const struct layout *layout, int32_t at, const struct ArrowArray *first,
                             const struct ArrowArray *second, struct ArrowArray *out, respool_error *error) {
  struct joiner joiner = {.layout = layout, .error = error};
  int64_t *counts = mem_zalloc(2 * (size_t)layout->n_views * sizeof *counts);
  if (counts == NULL) return error_no_memory(error);
  struct ArrowArray root;
  const struct ArrowArray *const arrays[] = {first, second};
  respool_status status = open_result(&joiner, at, arrays, counts, &root);
  mem_free(counts);
  if (status != RESPOOL_OK) return status;
  const struct piece pieces[] = {whole(first), whole(second)};
  status = join_node(&joiner, at, pieces, &root);
  if (status != RESPOOL_OK) {
    root.release(&root);
    return status;
  }
  *out = root;
  return RESPOOL_OK;
}
