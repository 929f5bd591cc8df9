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

static void release_node(struct ArrowArray *array);
static int release_below(struct ArrowArray *array, const struct block *block);

/*
 * Arrays still in their places give up their references together; one that was moved away has its own release to
 * come.
 */
static int release_one(struct ArrowArray *array, const struct block *block) {
  if (array == NULL || array->release == NULL) return 0;
  if (array->release == release_node && array->private_data == block) return release_below(array, block);
  array->release(array); /* somebody put another one in its place, or a release before ours */
  return 0;
}

/* How many references of the block go with the array and what is below it. */
static int release_below(struct ArrowArray *array, const struct block *block) {
  int count = 1;
  for (int64_t i = 0; i < array->n_children; i++) count += release_one(array->children[i], block);
  count += release_one(array->dictionary, block);
  array->release = NULL;
  return count;
}

static void free_block(struct block *block) {
  for (int32_t i = 0; i < block->n_owners; i++) {
    if (block->owners[i].drop != NULL) block->owners[i].drop(block->owners[i].object);
  }
  mem_free(block->own_metadata);
  mem_free(block);
}

static void release_array(struct ArrowArray *array) {
  struct block *block = array->private_data;
  int count = release_below(array, block);
  /* Whoever has all that is left shares with nobody: then the costly subtraction is not needed. */
  if (atomic_load_explicit(&block->references, memory_order_acquire) == count ||
      atomic_fetch_sub_explicit(&block->references, count, memory_order_acq_rel) == count) {
    free_block(block);
  }
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
  array->n_buffers = node->n_buffers + count + 1;
  for (int64_t i = 0; i < count; i++) *linker->buffers++ = NULL;
  *linker->buffers++ = count > 0 ? (const void *)linker->sizes : tree_zeros;
  for (int64_t i = 0; i < count; i++) *linker->sizes++ = 0;
}

static struct ArrowArray *array_at(const struct linker *linker, int32_t at) {
  return &linker->block->nodes[at - linker->first];
}

static void link_children(struct linker *linker, int32_t at, struct ArrowArray *array) {
  const struct layout_node *nodes = linker->layout->nodes;
  int32_t child = at + 1;
  array->children = linker->children;
  for (int32_t i = 0; i < nodes[at].n_children; i++) {
    array->children[i] = array_at(linker, child);
    child = nodes[child].end;
  }
  linker->children += nodes[at].n_children;
}

static void link_node(struct linker *linker, int32_t at, struct ArrowArray *array) {
  const struct layout_node *node = &linker->layout->nodes[at];
  *array = (struct ArrowArray){.n_buffers = node->n_buffers,
                               .n_children = node->n_children,
                               .release = release_node,
                               .private_data = linker->block};
  if (node->n_buffers > 0) array->buffers = linker->buffers;
  for (int i = 0; i < node->n_buffers; i++) *linker->buffers++ = NULL;
  if (node->kind == LAYOUT_VIEW) link_views(linker, node, array);
  if (node->n_children > 0) link_children(linker, at, array);
  if (node->dictionary >= 0) array->dictionary = array_at(linker, at + 1); /* indices have no children */
}

/* Show in an array that was linked what `source` shows. */
static void mirror_node(const struct layout_node *node, const struct ArrowArray *source, struct ArrowArray *array) {
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
}

/* Node `at` and all below it; `source` NULL: of no slots yet. */
static void link_tree(struct linker *linker, int32_t at, const struct ArrowArray *source, struct ArrowArray *array) {
  const struct layout_node *node = &linker->layout->nodes[at];
  link_node(linker, at, array);
  if (source != NULL) mirror_node(node, source, array);
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    link_tree(linker, child, source == NULL ? NULL : source->children[i], array->children[i]);
    child = linker->layout->nodes[child].end;
  }
  if (node->dictionary >= 0) link_tree(linker, child, source == NULL ? NULL : source->dictionary, array->dictionary);
}

/* What a tree has in its lists. */
struct counts {
  size_t nodes; /* without the root */
  size_t buffers;
  size_t sizes;
};

static struct counts count_lists(const struct tree_shape *shape) {
  const struct layout_node *nodes = shape->layout->nodes;
  int32_t end = nodes[shape->at].end;
  struct counts counts = {.nodes = (size_t)(end - shape->at - 1), .buffers = (size_t)nodes[shape->at].n_pointers};
  for (int32_t i = shape->at; shape->variadic != NULL && i < end; i++) {
    if (nodes[i].kind == LAYOUT_VIEW) counts.sizes += (size_t)shape->variadic[nodes[i].width];
  }
  counts.buffers += counts.sizes;
  return counts;
}

static struct block *open_block(const struct counts *counts, int32_t n_owners) {
  size_t size = sizeof(struct block) + counts->nodes * (sizeof(struct ArrowArray) + sizeof(struct ArrowArray *)) +
                (size_t)n_owners * sizeof(struct tree_owner) + counts->buffers * sizeof(void *) +
                counts->sizes * sizeof(int64_t);
  struct block *block = mem_alloc(size);
  if (block == NULL) return NULL;
  *block = (struct block){.n_owners = n_owners, .owners = (struct tree_owner *)(block->nodes + counts->nodes)};
  atomic_init(&block->references, (int)counts->nodes + 1);
  for (int32_t i = 0; i < n_owners; i++) block->owners[i] = (struct tree_owner){0};
  return block;
}

static respool_status open_tree(const struct tree_shape *shape, const struct ArrowArray *source,
                                struct ArrowArray *root, respool_error *error) {
  struct counts counts = count_lists(shape);
  struct block *block = open_block(&counts, shape->n_owners);
  if (block == NULL) return error_no_memory(error);
  struct linker linker = {.layout = shape->layout, .block = block, .variadic = shape->variadic, .first = shape->at + 1};
  linker.children = (struct ArrowArray **)(block->owners + shape->n_owners);
  linker.buffers = (const void **)(linker.children + counts.nodes);
  linker.sizes = (int64_t *)(linker.buffers + counts.buffers);
  link_tree(&linker, shape->at, source, root);
  root->release = release_root;
  return RESPOOL_OK;
}

respool_status tree_open(const struct tree_shape *shape, struct ArrowArray *root, respool_error *error) {
  return open_tree(shape, NULL, root, error);
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

static respool_status open_mirror(const struct layout *layout, const struct ArrowArray *source, struct ArrowArray *root,
                                  respool_error *error) {
  struct tree_shape shape = {.layout = layout, .n_owners = 1};
  if (layout->n_views == 0) return open_tree(&shape, source, root, error);
  int64_t *counts = mem_alloc((size_t)layout->n_views * sizeof *counts);
  if (counts == NULL) return error_no_memory(error);
  layout_variadic(layout, 0, source, counts);
  shape.variadic = counts;
  respool_status status = open_tree(&shape, source, root, error);
  mem_free(counts);
  return status;
}

respool_status tree_mirror(const struct layout *layout, const struct ArrowArray *source, struct tree_owner owner,
                           struct ArrowArray *root, respool_error *error) {
  respool_status status = open_mirror(layout, source, root, error);
  if (status != RESPOOL_OK) return status;
  tree_set_owner(root, 0, owner);
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
