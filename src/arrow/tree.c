/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees of arrays in one allocation. Each node holds one reference on the block, since a consumer may move a child
 * out and release it after its parent.
 */
#include "arrow/tree.h"

#include "support/alloc.h"
#include "support/error.h"

#include <stdatomic.h>
#include <string.h>

const uint8_t tree_zeros[64] __attribute__((aligned(64)));

struct block {
  atomic_int references;
  struct tree_owner owner;
  struct ArrowArray nodes[]; /* all but the root; then the lists of children, then the lists of buffers */
};

static void release_node(struct ArrowArray *array) {
  for (int64_t i = 0; i < array->n_children; i++) {
    struct ArrowArray *child = array->children[i];
    if (child->release != NULL) child->release(child);
  }
  struct block *block = array->private_data;
  array->release = NULL;
  if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) != 1) return;
  struct tree_owner owner = block->owner;
  mem_free(block);
  if (owner.drop != NULL) owner.drop(owner.object);
}

/* Where the next lists come from while a tree is being linked. */
struct linker {
  const struct layout *layout;
  struct block *block;
  const int64_t *variadic;
  struct ArrowArray **children;
  const void **buffers;
  int64_t *sizes;
};

/* A view column's data buffers, and behind them the list of their sizes. */
static void link_views(struct linker *linker, const struct layout_node *node, struct ArrowArray *array) {
  int64_t count = linker->variadic == NULL ? 0 : linker->variadic[node->width];
  array->n_buffers = node->n_buffers + count + 1;
  array->buffers[array->n_buffers - 1] = count > 0 ? (const void *)linker->sizes : tree_zeros;
  linker->buffers += count + 1;
  linker->sizes += count;
}

static void link_node(struct linker *linker, int32_t at, struct ArrowArray *array) {
  const struct layout_node *node = &linker->layout->nodes[at];
  *array = (struct ArrowArray){.n_buffers = node->n_buffers,
                               .n_children = node->n_children,
                               .release = release_node,
                               .private_data = linker->block};
  if (node->n_buffers > 0) array->buffers = linker->buffers;
  if (node->n_children > 0) array->children = linker->children;
  linker->buffers += node->n_buffers;
  if (node->kind == LAYOUT_VIEW) link_views(linker, node, array);
  linker->children += node->n_children;
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    array->children[i] = &linker->block->nodes[child - 1];
    link_node(linker, child, array->children[i]);
    child = linker->layout->nodes[child].end;
  }
}

respool_status tree_open(const struct layout *layout, const int64_t *variadic, struct tree_owner owner,
                         struct ArrowArray *root, respool_error *error) {
  size_t below = (size_t)layout->n_nodes - 1;
  size_t data_buffers = 0;
  for (int32_t i = 0; variadic != NULL && i < layout->n_views; i++) data_buffers += (size_t)variadic[i];
  size_t buffers = (size_t)layout->n_buffers + layout->nodes[0].n_buffers + (size_t)layout->n_views + data_buffers;
  size_t size = sizeof(struct block) + below * (sizeof(struct ArrowArray) + sizeof(struct ArrowArray *)) +
                buffers * sizeof(void *) + data_buffers * sizeof(int64_t);
  struct block *block = mem_alloc(size);
  if (block == NULL) return error_no_memory(error);
  struct linker linker = {.layout = layout, .block = block, .variadic = variadic};
  linker.children = (struct ArrowArray **)(block->nodes + below);
  linker.buffers = (const void **)(linker.children + below);
  linker.sizes = (int64_t *)(linker.buffers + buffers);
  memset(linker.buffers, 0, buffers * sizeof(void *) + data_buffers * sizeof(int64_t));
  atomic_init(&block->references, layout->n_nodes);
  block->owner = owner;
  link_node(&linker, 0, root);
  return RESPOOL_OK;
}

void tree_set_owner(struct ArrowArray *root, struct tree_owner owner) {
  struct block *block = root->private_data;
  block->owner = owner;
}

static void mirror_node(const struct layout *layout, int32_t at, const struct ArrowArray *source,
                        struct ArrowArray *array) {
  const struct layout_node *node = &layout->nodes[at];
  array->length = source->length;
  array->null_count = node->kind == LAYOUT_NULL ? source->length : source->null_count;
  array->offset = source->offset;
  const void **buffers = layout_buffers(node, source);
  bool has_sizes = node->kind == LAYOUT_VIEW && source->n_buffers > 3;
  int64_t count = has_sizes ? source->n_buffers : node->n_buffers;
  for (int64_t i = 0; i < count; i++) array->buffers[i] = buffers[i];
  bool has_offsets = node->kind == LAYOUT_BINARY || node->kind == LAYOUT_LIST;
  if (has_offsets && array->buffers[1] == NULL) {
    array->buffers[1] = tree_zeros; /* importers refuse NULL here even without rows; no rows were checked */
    array->offset = 0;
  }
  if (node->kind == LAYOUT_VIEW && source->length == 0)
    array->offset = 0; /* importers hold it against no bytes at all */
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    mirror_node(layout, child, source->children[i], array->children[i]);
    child = layout->nodes[child].end;
  }
}

/* The batch shows rows [offset, offset + length) of its columns: make that each column's own range. */
static void push_down(struct ArrowArray *root) {
  root->null_count = 0;
  root->buffers[0] = NULL;
  for (int64_t i = 0; i < root->n_children; i++) {
    struct ArrowArray *column = root->children[i];
    if (root->offset == 0 && column->length == root->length) continue;
    bool all_null = column->length > 0 && column->null_count == column->length;
    column->offset += root->offset;
    column->length = root->length;
    if (column->null_count != 0) column->null_count = all_null ? root->length : -1;
  }
  root->offset = 0;
}

respool_status tree_mirror(const struct layout *layout, const struct ArrowArray *source, struct tree_owner owner,
                           struct ArrowArray *root, respool_error *error) {
  int64_t few[16];
  int64_t *counts = layout->n_views <= 16 ? few : mem_alloc((size_t)layout->n_views * sizeof *counts);
  if (counts == NULL) return error_no_memory(error);
  layout_variadic(layout, source, counts);
  respool_status status = tree_open(layout, layout->n_views > 0 ? counts : NULL, owner, root, error);
  if (counts != few) mem_free(counts);
  if (status != RESPOOL_OK) return status;
  mirror_node(layout, 0, source, root);
  push_down(root);
  return RESPOOL_OK;
}

static void fill_empty(const struct layout *layout, int32_t at, struct ArrowArray *array) {
  const struct layout_node *node = &layout->nodes[at];
  for (int i = node->has_validity ? 1 : 0; i < node->n_buffers; i++) array->buffers[i] = tree_zeros;
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    fill_empty(layout, child, array->children[i]);
    child = layout->nodes[child].end;
  }
}

respool_status tree_empty(const struct layout *layout, struct ArrowArray *root, respool_error *error) {
  respool_status status = tree_open(layout, NULL, TREE_UNOWNED, root, error);
  if (status == RESPOOL_OK) fill_empty(layout, 0, root);
  return status;
}
