/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spilling: runs, one after another, until what the call asks for is reached. None of these is called under the lock,
 * and all may run the producer's release.
 */
#ifndef RESPOOL_SPOOL_SPILL_H
#define RESPOOL_SPOOL_SPILL_H

#include "spool/spool.h"

/* Write all that is due. */
respool_status spill_due(struct respool *spool, respool_error *error);

/* The same, but little more than two write chunks and twice `bytes`: the share of an append that brings so many. */
respool_status spill_portion(struct respool *spool, int64_t bytes, respool_error *error);

/* Write and let go until at most `target` bytes are charged. */
respool_status spill_down(struct respool *spool, int64_t target, respool_error *error);

/*
 * The stream is complete: write what is due and the end marker where there is a stream in a file, and bring it to the
 * medium if that was asked for. From then on a spill on another thread writes the marker too.
 */
respool_status spill_finish(struct respool *spool, respool_error *error);

/* After a spill: write the end marker if the stream was complete before. */
respool_status spill_mark_end(struct respool *spool, respool_error *error);

/*
 * The lock of a named file is given up once nothing is to be written to it any more. `over`: no batch will come. Not
 * until then, and not if what is due could not be written.
 */
void spill_unlock(struct respool *spool, bool over);

#endif
