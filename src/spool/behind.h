/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What readers have left behind. After respool_drop_behind() no more readers come, and what every open one has had is
 * forgotten: its memory released, its extent given back, its page of the catalog freed. `floor` is the first batch that
 * somebody still needs. A batch that a run is just writing is forgotten where the run ends.
 */
#ifndef RESPOOL_SPOOL_BEHIND_H
#define RESPOOL_SPOOL_BEHIND_H

#include "respool/respool.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct resident;

/* Where a reader stands. Under the spool's lock. */
struct behind_place {
  struct behind_place *previous;
  struct behind_place *next;
  const atomic_llong *position; /* the reader's own count, which may be ahead of ... */
  int64_t passed;               /* ... batches that it is known to have had */
  bool joined;
  bool gone;           /* it needs nothing any more, and leaves as soon as it is not ... */
  atomic_bool fetches; /* ... at a batch: set under the lock, cleared by the reader without it */
};

struct behind {
  atomic_bool on;   /* set under the lock, once */
  int64_t floor;    /* under the lock, as all below */
  int64_t standing; /* readers at the floor */
  bool emptied;     /* all of a stream that has ended was forgotten, and its last slot sealed */
  struct behind_place *places;
};

/* A reader comes. The lock is held. RESPOOL_MISUSE: none may any more. */
respool_status behind_join(struct respool *spool, struct behind_place *place, const atomic_llong *position,
                           respool_error *error);

/*
 * It needs nothing any more, and leaves, if it is not just at a batch: then behind_pass() does that. The lock is held,
 * and behind_advance() is to be called without it.
 */
void behind_part(struct respool *spool, struct behind_place *place);

/* It is done with what it fetched, and has had all batches before its position. Not under the lock, as all below. */
void behind_pass(struct respool *spool, struct behind_place *place);

/* Forget what can be forgotten, if drop_behind was called: a reader has left, or the stream has ended. */
void behind_advance(struct respool *spool);

/* A batch has come that, if there is no reader left, nobody needs. */
void behind_abandoned(struct respool *spool);

static inline bool behind_is_on(const struct behind *behind) {
  return atomic_load_explicit(&behind->on, memory_order_relaxed);
}

/* The first batch that still counts where the file is not kept. The lock is held. */
int64_t behind_first(const struct respool *spool);

/*
 * With the pen, under the lock: of the batches that a run has taken and is done with, forget those that are behind by
 * now. What is to be released goes on `*dropped`.
 */
void behind_forget(struct respool *spool, int64_t index, struct resident **dropped);

/* The same: free the pages of the catalog that nobody needs, the run neither. */
void behind_trim(struct respool *spool);

#endif
