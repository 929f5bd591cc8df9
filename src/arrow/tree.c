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
  struct ArrowArray **children;
  const void **buffers;
};

static void link_node(struct linker *linker, int32_t at, struct ArrowArray *array) {
  const struct layout_node *node = &linker->layout->nodes[at];
  *array = (struct ArrowArray){.n_buffers = node->n_buffers,
                               .n_children = node->n_children,
                               .release = release_node,
                               .private_data = linker->block};
  if (node->n_buffers > 0) array->buffers = linker->buffers;
  if (node->n_children > 0) array->children = linker->children;
  linker->buffers += node->n_buffers;
  linker->children += node->n_children;
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    array->children[i] = &linker->block->nodes[child - 1];
    link_node(linker, child, array->children[i]);
    child = linker->layout->nodes[child].end;
  }
}

respool_status tree_open(const struct layout *layout, struct tree_owner owner, struct ArrowArray *root,
                         respool_error *error) {
  size_t below = (size_t)layout->n_nodes - 1;
  size_t buffers = (size_t)layout->n_buffers + layout->nodes[0].n_buffers;
  struct block *block = mem_alloc(sizeof *block + below * sizeof(struct ArrowArray) +
                                  below * sizeof(struct ArrowArray *) + buffers * sizeof(void *));
  if (block == NULL) return error_no_memory(error);
  struct linker linker = {.layout = layout, .block = block};
  linker.children = (struct ArrowArray **)(block->nodes + below);
  linker.buffers = (const void **)(linker.children + below);
  memset(linker.buffers, 0, buffers * sizeof(void *));
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
  for (int i = 0; i < node->n_buffers; i++) array->buffers[i] = source->buffers[i];
  if ((node->kind == LAYOUT_BINARY || node->kind == LAYOUT_LIST) && array->buffers[1] == NULL) {
    array->buffers[1] = tree_zeros; /* importers refuse NULL here even without rows; no rows were checked */
    array->offset = 0;
  }
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    mirror_node(layout, child, source->children[i], array->children[i]);
    child = layout->nodes[child].end;
  }
}

/* The batch shows rows [offset, offset + length) of its columns: make that each column's own range. */
static void push_down(struct ArrowArray *root) {
  root->null_count = 0;
  if (root->n_buffers > 0) root->buffers[0] = NULL;
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
  respool_status status = tree_open(layout, owner, root, error);
  if (status != RESPOOL_OK) return status;
  mirror_node(layout, 0, source, root);
  push_down(root);
  return RESPOOL_OK;
}

static void fill_empty(const struct layout *layout, int32_t at, struct ArrowArray *array) {
  const struct layout_node *node = &layout->nodes[at];
  for (int i = 1; i < node->n_buffers; i++) array->buffers[i] = tree_zeros;
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    fill_empty(layout, child, array->children[i]);
    child = layout->nodes[child].end;
  }
}

respool_status tree_empty(const struct layout *layout, struct ArrowArray *root, respool_error *error) {
  respool_status status = tree_open(layout, TREE_UNOWNED, root, error);
  if (status == RESPOOL_OK) fill_empty(layout, 0, root);
  return status;
}
