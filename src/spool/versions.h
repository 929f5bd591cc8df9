/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dictionaries in the file. A dictionary that changes is written again, as another version; a set is one version of
 * each, and a batch in the file names the set that its indices refer to. Guarded as each field says.
 */
#ifndef RESPOOL_SPOOL_VERSIONS_H
#define RESPOOL_SPOOL_VERSIONS_H

#include "ipc/emitter.h"
#include "spool/stored.h"

struct version {
  struct extent extent;
  struct dictionary_values *values; /* under the lock: there while readers use it, once one has read it */
  int64_t users;                    /* under the lock: readers that stand at it */
  int64_t batches;                  /* under the lock: in the file, whose sets have it */
  struct version *next;             /* of the pen's holder: on the list of all, or of those of the run */
};

/* Empty where the layout has no dictionaries. */
struct versions {
  struct version **sets; /* under the lock, and longer with the pen only: a version of each dictionary, set after set */
  size_t capacity;
  size_t set_count;

  /* Of the pen's holder. */
  struct emitter *emitter;
  struct version **in_force; /* by dictionary: what the file has. Changed under the lock */
  struct version **writing;  /* ... with the run that is being written */
  struct version *all;
  int64_t version_count; /* on it; under the lock */
  struct version *fresh; /* those of the run, the first one first */
  struct version **fresh_end;
  size_t sets_before; /* the run */
  int64_t flushed;    /* what the run put before this place of the file is written */
};

struct respool;

/* With the pen: make what writing needs, if that is not there yet. */
respool_status versions_open(struct respool *spool, respool_error *error);
void versions_close(struct respool *spool);

/* With the pen: a run begins. Then, under the lock as well: it is in the file; it failed. */
void versions_begin(struct respool *spool);
void versions_publish(struct respool *spool);
void versions_abort(struct respool *spool);

/*
 * With the pen, without the lock: put the dictionaries that `batch`, which is held until the run ends, needs before
 * it into the run. `*set` is the number of the set that it uses.
 */
respool_status versions_prepare(struct respool *spool, const struct ArrowArray *batch, uint32_t *set,
                                respool_error *error);

/* Under the lock: one more batch of this set is in the file, and: one is needed no more. */
void versions_enter(struct respool *spool, uint32_t set);
void versions_leave(struct respool *spool, uint32_t set);

/* Before anybody else knows the spool: the file has this version of the dictionary; the set of all that it has. */
respool_status versions_add(struct respool *spool, int32_t dictionary, const struct extent *extent,
                            respool_error *error);
respool_status versions_use(struct respool *spool, uint32_t *set, respool_error *error);

/* With the pen: commit what the run has before `offset`. `*at` is where it stands, versions.fresh at first. */
respool_status versions_commit(struct respool *spool, int64_t offset, struct version **at, respool_error *error);

/* With the pen: bytes of the dictionaries that the run has put. */
int64_t versions_fresh_bytes(const struct respool *spool);

/* Bytes that the versions and sets take. The lock is held. */
int64_t versions_bytes(const struct respool *spool);

#endif
