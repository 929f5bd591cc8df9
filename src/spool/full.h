/* SPDX-License-Identifier: Apache-2.0 */
/* What is done where the disk is full or the budget used up: the writer's patience, and what it holds on to. */
#ifndef RESPOOL_SPOOL_FULL_H
#define RESPOOL_SPOOL_FULL_H

#include "respool/respool.h"

#include <stdbool.h>
#include <stdint.h>

/* One call's. All zero at first. */
struct patience {
  int64_t deadline;
  int64_t pause; /* grows, as each attempt on a full disk disturbs others there */
};

/* The answer of a write that found no room. */
static inline bool full_is(respool_status status) {
  return status == RESPOOL_NO_SPACE || status == RESPOOL_OVER_BUDGET;
}

/*
 * Wait a while for room, if the options and the call's patience allow it. The lock is held, and given up meanwhile.
 * False: no more.
 */
bool full_wait(struct respool *spool, struct patience *patience);

/*
 * After a write that failed: whether memory_cap lets `bytes` more stay in memory instead. If so, nothing is written for
 * a while: full_rests(). The lock is held, as for all below.
 */
bool full_holds(struct respool *spool, respool_status status, int64_t bytes);
bool full_rests(const struct respool *spool);

/* Something was written: there is room again. */
void full_clear(struct respool *spool);

/* There may be room again. */
void full_tell(struct respool *spool);

#endif
