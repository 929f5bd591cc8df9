/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether runs are written plain or packed, whichever costs less time per byte of rows, as the runs themselves measure
 * it. Only numbers come in here: no clock, no I/O. May call: support.
 *
 * Runs of one form are a sample once they have 256 KiB together; fewer bytes say more about system calls than about
 * disk and codec. The first run is plain, the second packed, and so on in turn until there are two samples of each
 * form. The better one counts, since the first also pays for memory that is met for the first time. Then the cheaper
 * form stays, packed only if it saves an eighth, and the other is tried again by and by:
 *
 * - at the earliest four samples after the last trial, so at most one sample in five is a trial, whatever happens;
 * - as long as costs stay as they are, a trial of n bytes is followed by 4 n bytes of the form that is chosen, the next
 *   one by 8 n, up to 64 n, and by 64 n for each time that the trial's form cost more on top: trials then add at most
 *   1/64 to the time. (One that costs more than 65 times as much is tried after 4096 n: it adds what it adds.)
 * - two samples in a row that cost more than twice as much as the estimate, or less than half: costs have changed, and
 *   it is at once as at the start.
 * - a form that was just chosen is not believed in before the other one lost two trials, four samples apart.
 *
 * The runs at the start, of packing that is not believed in, and in trials of it have 1 MiB at most, since packing may
 * cost many times as much. A trial of plain writing is a whole run, as a system that slows writers down does so by and
 * by.
 */
#ifndef RESPOOL_SPOOL_ADAPT_H
#define RESPOOL_SPOOL_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

enum {
  ADAPT_OPENING = 2, /* samples of each form */
  ADAPT_LEAST_REST = 4,
  ADAPT_MOST_STEP = 64,
  ADAPT_SHARE = 64,
  ADAPT_MOST_REST = 4096
};
enum { ADAPT_SAMPLE_BYTES = 256 << 10, ADAPT_SHORT_BYTES = 1 << 20 };

/* Zeroed before the first run. Costs are nanoseconds for a MiB. */
struct adapt {
  int64_t cost[2]; /* plain, packed */
  bool chosen;     /* packed? */
  bool trying;     /* the other one, this time */
  bool turn;       /* at the start: packed this time? */
  int samples[2];  /* of the start, by form */
  int settling;    /* samples to come of a form that was just chosen, on the word of a few */
  int doubts;      /* trials to come, before what was just chosen is taken for granted */
  int surprises;   /* samples in a row far above the estimate (positive) or below it */

  int64_t bytes[2]; /* of the sample that is being made, by form */
  int64_t nanoseconds[2];

  int64_t step;           /* how many times its bytes a trial is paused for, at least */
  int64_t rest_bytes;     /* so many of the chosen form, */
  int64_t rested_bytes;   /* of which these were written, */
  int64_t rested_samples; /* in so many samples */
};

/* Whether the next run is to be packed, and how many bytes it should have at most, if `chunk` is usual. */
bool adapt_packs(const struct adapt *adapt);
int64_t adapt_most(const struct adapt *adapt, int64_t chunk);

/* That run was written: so many bytes of rows in so much time. */
void adapt_note(struct adapt *adapt, int64_t bytes, int64_t nanoseconds);

#endif
