/* SPDX-License-Identifier: Apache-2.0 */
/* A batch in memory: the producer's array, counted. */
#ifndef RESPOOL_SPOOL_RESIDENT_H
#define RESPOOL_SPOOL_RESIDENT_H

#include "spool/spool.h"

struct resident {
  atomic_llong references; /* the catalog, each tree handed out */
  struct respool *spool;
  struct ArrowArray array;
  int64_t index;          /* in the catalog */
  int64_t shown;          /* bytes of the rows it shows: about what writing them takes */
  int64_t charge;         /* bytes that it added when it came */
  bool kept;              /* on the list of those that stay in memory. Under the spool's lock, as all below */
  bool pinned;            /* in the ledger of pinned ones */
  bool writing;           /* a run has it and refers to it */
  struct resident *below; /* on the list of the kept ones, ... */
  struct resident *above; /* ... which is linked both ways */
  struct resident *next;  /* on whichever list of dropped ones it is */
};

/* Room for one, before anything is decided. NULL: no memory. */
struct resident *resident_make(struct respool *spool);

/* Undo that: the array never came. */
void resident_unmake(struct resident *resident);

/*
 * Count a checked array that is about to come, and undo that. The lock is held. False: no memory, nothing has changed.
 */
bool resident_charge(struct resident *resident, const struct ArrowArray *array);
void resident_discharge(struct resident *resident, const struct ArrowArray *array);

/* Take the array over, which is charged: it cannot be refused any more. The lock is held. */
void resident_admit(struct resident *resident, struct ArrowArray *array, int64_t index);

static inline void resident_retain(struct resident *resident) {
  atomic_fetch_add_explicit(&resident->references, 1, memory_order_relaxed);
}

/*
 * Give up a reference; the last one releases the producer's array. Never under the lock. Takes void to be a tree
 * owner's drop.
 */
void resident_release(void *object);

/*
 * The catalog lets go of an entry's batch, which is written or not needed any more: no longer charged, pinned if
 * arrays handed out hold it. Under the lock, and not while a run refers to it. The catalog's reference goes on
 * `*list`, to be released by resident_release_list() without either.
 */
void resident_drop(struct respool *spool, struct entry *entry, struct resident **list);
void resident_release_list(struct resident *list);

/* Release what was deferred, in a call on the writer. */
void resident_release_deferred(struct respool *spool);

/* The list of batches that stay in memory. The lock is held. */
void resident_keep(struct resident *resident);
struct resident *resident_unkeep(struct respool *spool); /* the latest; NULL: none */
void resident_unlist(struct resident *resident);         /* this one */

#endif
