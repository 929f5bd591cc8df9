/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going on with the file of a spool that is no more, finished or not: everything in it is looked at and becomes part of
 * the catalog, and what the writer had only begun is cut off. Before anybody else knows the spool.
 */
#ifndef RESPOOL_SPOOL_REOPEN_H
#define RESPOOL_SPOOL_REOPEN_H

#include "spool/spool.h"

/*
 * The file at the path in the options, if there is one (else `spool->store` stays NULL). It is not changed.
 * RESPOOL_INVALID: it has another schema. RESPOOL_CORRUPT, RESPOOL_UNSUPPORTED: it has what no spool leaves behind.
 * RESPOOL_IO: it cannot be read, or somebody else is writing it.
 */
respool_status reopen_file(struct respool *spool, respool_error *error);

/* Then, when nothing else can fail: cut what is behind the last batch. */
respool_status reopen_cut(struct respool *spool, respool_error *error);

#endif
