/* SPDX-License-Identifier: Apache-2.0 */
/* A growing list under a lock: every batch is copied into a node of its own and listed. */
#include "list.h"

#include "bench.h"
#include "sums.h"

#include <stdlib.h>

void list_append(list *l, struct ArrowArray *array) {
  struct ArrowArray *node = bench_allocate(sizeof *node);
  *node = *array;
  pthread_mutex_lock(&l->lock);
  if (l->count == l->room) {
    l->room = l->room > 0 ? 2 * l->room : 64;
    l->nodes = realloc(l->nodes, (size_t)l->room * sizeof *l->nodes);
    BENCH_NEED(l->nodes != NULL, "no memory");
  }
  l->nodes[l->count++] = node;
  pthread_mutex_unlock(&l->lock);
}

static const struct ArrowArray *list_at(list *l, int64_t index) {
  pthread_mutex_lock(&l->lock);
  const struct ArrowArray *node = l->nodes[index];
  pthread_mutex_unlock(&l->lock);
  return node;
}

uint64_t list_sum(list *l) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < l->count; i++) {
    const struct ArrowArray *column = list_at(l, i)->children[0];
    sum += take_all(column->buffers[1], column->length * 8);
  }
  return sum;
}

void list_free(list *l) {
  for (int64_t i = 0; i < l->count; i++) {
    l->nodes[i]->release(l->nodes[i]);
    free(l->nodes[i]);
  }
  free(l->nodes);
  pthread_mutex_destroy(&l->lock);
}
