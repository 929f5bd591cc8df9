/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing batches to the file. Whoever writes holds the pen, and works in runs: take the batches due, up to a write
 * chunk of them, under the lock; encode and write without it; publish where they are, and let go of their memory,
 * under it. A run that fails changes nothing: the next one starts at the same place of the file (invariants 1 and 2).
 */
#ifndef RESPOOL_SPOOL_SPILL_H
#define RESPOOL_SPOOL_SPILL_H

#include "spool/spool.h"

/* Write all that is due. */
respool_status spill_due(struct respool *spool, respool_error *error);

/* Write and let go until at most `target` bytes are charged. */
respool_status spill_down(struct respool *spool, int64_t target, respool_error *error);

/* Make the file now, with the schema in it (mode all). */
respool_status spill_create_file(struct respool *spool, respool_error *error);

/*
 * The stream is complete: write what is due and the end marker where there is a stream in a file, and bring it to the
 * medium if that was asked for. From then on a spill on another thread writes the marker too.
 */
respool_status spill_finish(struct respool *spool, respool_error *error);

/* After a spill: write the end marker if the stream was complete before. */
respool_status spill_mark_end(struct respool *spool, respool_error *error);

void spill_close(struct respool *spool);

/* As much waits to be written as may. The lock is held. */
bool spill_wanted(const struct respool *spool);

/* A batch was accepted. The lock is held. True: it is time to write. */
bool spill_account(struct respool *spool, struct resident *resident);

/* The limit has been passed: from now on everything is due (on_limit). The lock is held. */
void spill_begin(struct respool *spool);

#endif
