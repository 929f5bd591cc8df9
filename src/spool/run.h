/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing batches to the file, in runs. Whoever writes holds the pen. A run takes the batches due, up to a write
 * chunk of them, under the lock; encodes and writes them without it; and publishes where they are, letting go of
 * their memory, under it. A run that fails changes nothing: the next one starts at the same place of the file
 * (invariants 1 and 2).
 */
#ifndef RESPOOL_SPOOL_RUN_H
#define RESPOOL_SPOOL_RUN_H

#include "spool/resident.h"

/* What one run came to. */
struct progress {
  bool more;     /* something was written, and there may be more */
  int64_t bytes; /* of the rows that it wrote, about */
  int64_t freed; /* bytes no longer charged */
  int64_t next;  /* write_next after it */
};

enum { RUN_DUE_ONLY = -1, RUN_MOST = 4096 };

/*
 * One run, with the pen taken and given back: of what is due, or if nothing is (overflow), of the latest kept
 * batches, down to `target` bytes charged. What it let go is released before it returns, without lock and pen.
 */
respool_status run_next(struct respool *spool, int64_t target, struct progress *progress, respool_error *error);

/* With the pen, or before anybody else knows the spool: make what runs are made with, if it is not there yet; make the
 * file with the schema in it; write the end marker. */
respool_status run_open_tools(struct respool *spool, respool_error *error);
respool_status run_create_file(struct respool *spool, respool_error *error);
respool_status run_write_end(struct respool *spool, respool_error *error);

/* Close the file and what runs are made with. */
void run_close(struct respool *spool);

#endif
