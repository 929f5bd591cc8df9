/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Array nodes: allocation, counting, and the check that each is released once.
 *
 * A second release arrives with a copy of the node's struct, whose private_data then leads to freed memory. To see it
 * for certain, the last few thousand released nodes are kept, marked, in a ring. The ring has a lock of its own.
 */
#include "array_node.h"

#include "array_build.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

enum { RING = 4096 };

typedef struct node {
  atomic_int released;
  const void **buffers;
  void **blocks;
  int64_t count; /* of both */
  void (*release_owner)(void *);
  void *owner;
  void (*hook)(void *);
  void *hook_data;
} node;

static atomic_llong live;
static node *ring[RING];
static size_t ring_next;
static pthread_mutex_t ring_lock = PTHREAD_MUTEX_INITIALIZER;

int64_t kit_live_arrays(void) {
  return atomic_load(&live);
}

static void bury(node *n) {
  pthread_mutex_lock(&ring_lock);
  node *oldest = ring[ring_next];
  ring[ring_next] = n;
  ring_next = (ring_next + 1) % RING;
  pthread_mutex_unlock(&ring_lock);
  free(oldest);
}

__attribute__((destructor)) static void empty_ring(void) {
  for (size_t i = 0; i < RING; i++) free(ring[i]);
}

static void release_array(struct ArrowArray *array) {
  node *n = array->private_data;
  if (atomic_exchange(&n->released, 1) != 0) kit_die("an array was released twice");
  for (int64_t i = 0; i < array->n_children; i++) {
    if (array->children[i]->release != NULL) array->children[i]->release(array->children[i]);
    free(array->children[i]);
  }
  free(array->children);
  if (array->dictionary != NULL && array->dictionary->release != NULL) array->dictionary->release(array->dictionary);
  free(array->dictionary);
  for (int64_t i = 0; i < n->count; i++) free(n->blocks[i]);
  free(n->blocks);
  free(n->buffers);
  if (n->release_owner != NULL) n->release_owner(n->owner);
  array->release = NULL;
  atomic_fetch_sub(&live, 1);
  if (n->hook != NULL) n->hook(n->hook_data);
  bury(n);
}

static void *zeroed(size_t count, size_t size) {
  void *memory = calloc(count > 0 ? count : 1, size);
  if (memory == NULL) kit_die("no memory");
  return memory;
}

void kit_node_init(struct ArrowArray *array, int64_t n_buffers, int64_t n_children) {
  node *n = zeroed(1, sizeof *n);
  n->count = n_buffers;
  n->buffers = zeroed((size_t)n_buffers, sizeof *n->buffers);
  n->blocks = zeroed((size_t)n_buffers, sizeof *n->blocks);
  *array = (struct ArrowArray){.n_buffers = n_buffers,
                               .n_children = n_children,
                               .buffers = n->buffers,
                               .release = release_array,
                               .private_data = n};
  if (n_children > 0) array->children = zeroed((size_t)n_children, sizeof(struct ArrowArray *));
  for (int64_t i = 0; i < n_children; i++) array->children[i] = zeroed(1, sizeof(struct ArrowArray));
  atomic_fetch_add(&live, 1);
}

void kit_node_extend(struct ArrowArray *array, int64_t n_buffers) {
  node *n = array->private_data;
  const void **buffers = zeroed((size_t)n_buffers, sizeof *buffers);
  void **blocks = zeroed((size_t)n_buffers, sizeof *blocks);
  for (int64_t i = 0; i < n->count; i++) {
    buffers[i] = n->buffers[i];
    blocks[i] = n->blocks[i];
  }
  free(n->buffers);
  free(n->blocks);
  array->buffers = n->buffers = buffers;
  n->blocks = blocks;
  array->n_buffers = n->count = n_buffers;
}

struct ArrowArray *kit_node_add_dictionary(struct ArrowArray *array) {
  array->dictionary = zeroed(1, sizeof(struct ArrowArray));
  return array->dictionary;
}

void *kit_node_buffer(struct ArrowArray *array, int64_t index, size_t size, bool odd) {
  node *n = array->private_data;
  size_t shift = odd ? 1 : 0;
  char *block = size + shift == 0 ? malloc(0) : calloc(size + shift, 1);
  if (block == NULL) kit_die("no memory");
  n->blocks[index] = block;
  n->buffers[index] = block + shift;
  return block + shift;
}

void kit_node_borrow(struct ArrowArray *array, int64_t index, const void *memory, void (*release)(void *),
                     void *owner) {
  node *n = array->private_data;
  if (index >= 0) n->buffers[index] = memory;
  n->release_owner = release;
  n->owner = owner;
}

void kit_array_on_release(struct ArrowArray *array, void (*hook)(void *), void *user_data) {
  if (array->release != release_array) kit_die("not an array of this kit");
  node *n = array->private_data;
  n->hook = hook;
  n->hook_data = user_data;
}
