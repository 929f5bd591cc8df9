/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of odd arrays. What a release needs stands in private data, so that everything public may be spoiled. */
#include "odd.h"

#include <stdlib.h>

typedef struct node {
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  void **blocks;                /* from malloc, one for each buffer or NULL */
  guard *guards;                /* likewise */
  struct ArrowArray **children; /* as they were built */
  struct ArrowArray **list;     /* as the array shows them */
  struct ArrowArray *dictionary;
} node;

static int64_t live;

int64_t odd_live(void) {
  return live;
}

static void *zeroed(int64_t count, size_t size) {
  void *memory = count > 0 ? calloc((size_t)count, size) : malloc(1);
  FUZZ_CHECK(memory != NULL, "no memory");
  return memory;
}

static void release_child(struct ArrowArray *child) {
  if (child == NULL) return;
  if (child->release != NULL) child->release(child);
  free(child);
}

static void release(struct ArrowArray *array) {
  node *n = array->private_data;
  for (int64_t i = 0; i < n->n_children; i++) release_child(n->children[i]);
  release_child(n->dictionary);
  for (int64_t i = 0; i < n->n_buffers; i++) {
    free(n->blocks[i]);
    if (n->guards[i].mapping != NULL) guard_free(&n->guards[i]);
  }
  free(n->list);
  free(n->children);
  free(n->buffers);
  free(n->blocks);
  free(n->guards);
  free(n);
  array->release = NULL;
  live--;
}

void odd_node(struct ArrowArray *array, int64_t n_buffers, int64_t n_children, bool dictionary) {
  node *n = zeroed(1, sizeof *n);
  n->n_buffers = n_buffers;
  n->n_children = n_children;
  n->buffers = zeroed(n_buffers, sizeof *n->buffers);
  n->blocks = zeroed(n_buffers, sizeof *n->blocks);
  n->guards = zeroed(n_buffers, sizeof *n->guards);
  n->children = zeroed(n_children, sizeof *n->children);
  *array = (struct ArrowArray){.n_buffers = n_buffers, .n_children = n_children, .release = release, .private_data = n};
  if (n_buffers > 0) array->buffers = n->buffers;
  n->list = zeroed(n_children, sizeof *n->list);
  if (n_children > 0) array->children = n->list;
  for (int64_t i = 0; i < n_children; i++) n->list[i] = n->children[i] = zeroed(1, sizeof(struct ArrowArray));
  if (dictionary) array->dictionary = n->dictionary = zeroed(1, sizeof(struct ArrowArray));
  live++;
}

void *odd_buffer(struct ArrowArray *array, int64_t index, int64_t size, enum odd_place place) {
  node *n = array->private_data;
  int64_t shift = place == ODD_UNALIGNED ? 1 : 0;
  if (place == ODD_GUARDED) {
    n->guards[index] = guard_make((size_t)size);
    n->buffers[index] = n->guards[index].bytes;
    return n->guards[index].bytes;
  }
  char *block = zeroed(size + shift, 1);
  n->blocks[index] = block;
  n->buffers[index] = block + shift;
  return block + shift;
}
