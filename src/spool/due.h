/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be written: which batches, and when it is time to. The spool's lock is held in all of these. */
#ifndef RESPOOL_SPOOL_DUE_H
#define RESPOOL_SPOOL_DUE_H

#include "spool/resident.h"

/* A batch was accepted: it stays in memory, or is due, or both. True: it is time to write. */
bool due_account(struct respool *spool, struct resident *resident);

/* Whether the batch of an entry, which is in memory, is counted as due. */
bool due_waits(const struct respool *spool, const struct entry *entry);

/* A batch that was due is written, or not needed any more. */
void due_settle(struct respool *spool, const struct resident *resident);

/* The limit has been passed: from now on what is due is written (on_limit). */
void due_begin(struct respool *spool);

/*
 * So much waits already that a batch that has been charged but not admitted must not come before some of it is written
 * (invariant 4).
 */
bool due_full(const struct respool *spool, const struct resident *resident);

#endif
