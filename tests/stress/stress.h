/* SPDX-License-Identifier: Apache-2.0 */
/* One round of the stress test: what its threads share. */
#ifndef RESPOOL_TESTS_STRESS_STRESS_H
#define RESPOOL_TESTS_STRESS_STRESS_H

#include "spool.h"

#include <stdatomic.h>

enum { THREADS = 8, LOOP_READERS = 6, LEFTOVERS = 64 };

/* A reader that the canceller may cancel: `lock` keeps it from being closed meanwhile. */
typedef struct slot {
  pthread_mutex_t lock;
  respool_reader *reader;
} slot;

typedef struct stress_round {
  kit_spool s;
  respool_pool *pool; /* of the spool, or NULL */
  kit_series series;
  uint64_t seed;
  int64_t batches;     /* that the writer appends */
  respool_status ends; /* what readers get at the end: RESPOOL_END or the status of a failure or of abandonment */
  atomic_bool writing; /* until the writer has ended the stream */
  atomic_bool stop;    /* for the threads that only disturb */
  slot slots[THREADS];
  atomic_llong delivered; /* batches that were checked, in all */
  atomic_llong cancelled;
  atomic_llong complete; /* replays that went to the end */

  /* Arrays that are released last of all, after every handle is closed. */
  pthread_mutex_t leftover_lock;
  struct ArrowArray leftovers[LEFTOVERS];
  int64_t leftover_index[LEFTOVERS];
  int leftover_count;
} stress_round;

typedef struct stress_thread {
  stress_round *round;
  int number;
} stress_thread;

/* Thread functions; the argument is a stress_thread. */
void *stress_reader(void *thread); /* joins, reads in one of many ways, leaves, until one full replay after the end */
void *stress_event_loop(void *thread); /* several readers driven by readiness callbacks */

/* Check `array` as batch `index` and release it, now or as one of the leftovers. */
bool stress_take(stress_round *round, int64_t index, struct ArrowArray *array, bool keep);

#endif
