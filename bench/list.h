/* SPDX-License-Identifier: Apache-2.0 */
/* What keeping batches takes at the least: a growing list under a lock. */
#ifndef RESPOOL_BENCH_LIST_H
#define RESPOOL_BENCH_LIST_H

#include <pthread.h>
#include <respool/respool.h>
#include <stdint.h>

typedef struct list {
  pthread_mutex_t lock;
  struct ArrowArray **nodes; /* copies of what was appended */
  int64_t count;
  int64_t room;
} list;

#define LIST_EMPTY                                                                                                     \
  { .lock = PTHREAD_MUTEX_INITIALIZER }

void list_append(list *l, struct ArrowArray *array);

/* The sum of every value of batches of one int64 column. */
uint64_t list_sum(list *l);

void list_free(list *l);

#endif
