/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be written: which batches, and when it is time to. The spool's lock is held in all of these. */
#ifndef RESPOOL_SPOOL_DUE_H
#define RESPOOL_SPOOL_DUE_H

#include "spool/resident.h"

/* A batch was accepted: it stays in memory, or is due, or both. True: it is time to write. */
bool due_account(struct respool *spool, struct resident *resident);

/* A batch that was due is written. */
void due_settle(struct respool *spool, const struct resident *resident);

/* The limit has been passed: from now on everything is due (on_limit). */
void due_begin(struct respool *spool);

/* As much waits to be written as may. */
bool due_wanted(const struct respool *spool);

/* The same if this array came too, which was checked. */
bool due_wanted_with(const struct respool *spool, const struct ArrowArray *array);

#endif
