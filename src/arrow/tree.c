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
  int32_t n_owners;
  struct tree_owner *owners;
  char *own_metadata; /* freed with the block; NULL: none, or the source's */
  const char *metadata;
  int64_t metadata_size;
  struct ArrowArray nodes[]; /* all but the root; then the owners, the lists of children, the lists of buffers */
};

static void release_array(struct ArrowArray *array) {
  for (int64_t i = 0; i < array->n_children; i++) {
    struct ArrowArray *child = array->children[i];
    if (child->release != NULL) child->release(child);
  }
  if (array->dictionary != NULL && array->dictionary->release != NULL) array->dictionary->release(array->dictionary);
  struct block *block = array->private_data;
  array->release = NULL;
  if (atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) != 1) return;
  for (int32_t i = 0; i < block->n_owners; i++) {
    if (block->owners[i].drop != NULL) block->owners[i].drop(block->owners[i].object);
  }
  mem_free(block->own_metadata);
  mem_free(block);
}

/* The root has a release of its own, since it alone has metadata, wherever it was moved. */
static void release_root(struct ArrowArray *root) {
  release_array(root);
}

static void release_node(struct ArrowArray *array) {
  release_array(array);
}

/* Where the next lists come from while a tree is being linked. */
struct linker {
  const struct layout *layout;
  struct block *block;
  const int64_t *variadic;
  int32_t first; /* the node that the block's first is of */
  struct ArrowArray **children;
  const void **buffers;
  int64_t *sizes;
};

/* A view column's data buffers, and behind them the list of their sizes. */
static void link_views(struct linker *linker, const struct layout_node *node, struct ArrowArray *array) {
  int64_t count = linker->variadic == NULL ? 0 : linker->variadic[node->width];
  const void **list = linker->buffers - node->n_buffers;
  array->n_buffers = node->n_buffers + count + 1;
  list[array->n_buffers - 1] = count > 0 ? (const void *)linker->sizes : tree_zeros;
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
    array->children[i] = &linker->block->nodes[child - linker->first];
    link_node(linker, child, array->children[i]);
    child = linker->layout->nodes[child].end;
  }
  if (node->dictionary < 0) return;
  array->dictionary = &linker->block->nodes[child - linker->first];
  link_node(linker, child, array->dictionary);
}

/* What a tree has in its lists. */
struct counts {
  size_t nodes; /* without the root */
  size_t buffers;
  size_t sizes;
};

static struct counts count_lists(const struct tree_shape *shape) {
  const struct layout *layout = shape->layout;
  int32_t end = layout->nodes[shape->at].end;
  struct counts counts = {.nodes = (size_t)(end - shape->at - 1)};
  for (int32_t i = shape->at; i < end; i++) {
    const struct layout_node *node = &layout->nodes[i];
    counts.buffers += node->n_buffers;
    if (node->kind != LAYOUT_VIEW) continue;
    counts.buffers++;
    if (shape->variadic != NULL) counts.sizes += (size_t)shape->variadic[node->width];
  }
  counts.buffers += counts.sizes;
  return counts;
}

respool_status tree_open(const struct tree_shape *shape, struct ArrowArray *root, respool_error *error) {
  struct counts counts = count_lists(shape);
  size_t owners = (size_t)shape->n_owners;
  size_t cleared = counts.buffers * sizeof(void *) + counts.sizes * sizeof(int64_t);
  size_t size = sizeof(struct block) + counts.nodes * (sizeof(struct ArrowArray) + sizeof(struct ArrowArray *)) +
                owners * sizeof(struct tree_owner) + cleared;
  struct block *block = mem_alloc(size);
  if (block == NULL) return error_no_memory(error);
  block->owners = (struct tree_owner *)(block->nodes + counts.nodes);
  block->n_owners = shape->n_owners;
  block->own_metadata = NULL;
  block->metadata = NULL;
  block->metadata_size = 0;
  memset(block->owners, 0, owners * sizeof *block->owners);
  struct linker linker = {.layout = shape->layout, .block = block, .variadic = shape->variadic, .first = shape->at + 1};
  linker.children = (struct ArrowArray **)(block->owners + owners);
  linker.buffers = (const void **)(linker.children + counts.nodes);
  linker.sizes = (int64_t *)(linker.buffers + counts.buffers);
  memset(linker.buffers, 0, cleared);
  atomic_init(&block->references, (int)counts.nodes + 1);
  link_node(&linker, shape->at, root);
  root->release = release_root;
  return RESPOOL_OK;
}

void tree_set_owner(struct ArrowArray *root, int32_t i, struct tree_owner owner) {
  struct block *block = root->private_data;
  block->owners[i] = owner;
}

void tree_set_metadata(struct ArrowArray *root, char *metadata, int64_t size) {
  struct block *block = root->private_data;
  block->own_metadata = metadata;
  block->metadata = metadata;
  block->metadata_size = size;
}

static const struct block *block_of(const struct ArrowArray *root) {
  return root->release == release_root ? root->private_data : NULL;
}

const char *tree_metadata(const struct ArrowArray *root) {
  const struct block *block = block_of(root);
  return block == NULL ? NULL : block->metadata;
}

int64_t tree_metadata_size(const struct ArrowArray *root) {
  const struct block *block = block_of(root);
  return block == NULL ? 0 : block->metadata_size;
}

const char *respool_array_metadata(const struct ArrowArray *array) {
  return array == NULL ? NULL : tree_metadata(array);
}

static void mirror_metadata(const struct ArrowArray *source, struct ArrowArray *root) {
  struct block *block = root->private_data;
  block->metadata = tree_metadata(source);
  block->metadata_size = tree_metadata_size(source);
}

static void mirror_node(const struct layout *layout, int32_t at, const struct ArrowArray *source,
                        struct ArrowArray *array) {
  const struct layout_node *node = &layout->nodes[at];
  array->length = source->length;
  array->null_count = node->kind == LAYOUT_NULL ? source->length : node->has_validity ? source->null_count : 0;
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
  if (node->dictionary >= 0) mirror_node(layout, child, source->dictionary, array->dictionary);
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
  layout_variadic(layout, 0, source, counts);
  struct tree_shape shape = {.layout = layout, .variadic = layout->n_views > 0 ? counts : NULL, .n_owners = 1};
  respool_status status = tree_open(&shape, root, error);
  if (counts != few) mem_free(counts);
  if (status != RESPOOL_OK) return status;
  tree_set_owner(root, 0, owner);
  mirror_node(layout, 0, source, root);
  mirror_metadata(source, root);
  push_down(root);
  return RESPOOL_OK;
}

void tree_fill_empty(const struct layout *layout, int32_t at, struct ArrowArray *array) {
  const struct layout_node *node = &layout->nodes[at];
  for (int i = node->has_validity ? 1 : 0; i < node->n_buffers; i++) array->buffers[i] = tree_zeros;
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    tree_fill_empty(layout, child, array->children[i]);
    child = layout->nodes[child].end;
  }
  if (node->dictionary >= 0) tree_fill_empty(layout, child, array->dictionary);
}

respool_status tree_empty(const struct layout *layout, struct ArrowArray *root, respool_error *error) {
  struct tree_shape shape = {.layout = layout};
  respool_status status = tree_open(&shape, root, error);
  if (status == RESPOOL_OK) tree_fill_empty(layout, 0, root);
  return status;
}
