/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dictionaries as readers use them. The values of a version are decoded once, for the first reader that needs them,
 * shared by all that stand at it, and let go when none does; batches handed out hold what they refer to themselves.
 */
#ifndef RESPOOL_SPOOL_VALUES_H
#define RESPOOL_SPOOL_VALUES_H

#include "ipc/expand.h"
#include "spool/spool.h"

/* One reader's; zeroed at first. */
struct values {
  struct version **versions;         /* by dictionary: where the reader stands; it is counted as a user */
  struct dictionary_values **loaded; /* theirs; NULL: to be loaded. Kept by the versions while the reader uses them */
  bool whole;                        /* all of set number `set` is loaded */
  uint32_t set;
  struct store_cursor cursor;
  struct expander expander; /* of the reader's batches too */
};

/* Whatever unpacks what the spool wrote, into buffers of the store, which is there by then. */
struct expander values_expander(struct respool *spool);

respool_status values_open(struct values *values, struct respool *spool, respool_error *error);
void values_close(struct values *values, struct respool *spool);

/* Make set `set` the one in `values->loaded`. Not under the lock. An error may pass: it can be called again. */
respool_status values_load(struct values *values, struct respool *spool, uint32_t set, respool_error *error);

#endif
