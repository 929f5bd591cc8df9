/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at what a spool holds: see look.h. */
#include "look.h"

#include "batches.h"

#include "check.h"

/* ---- Readers --------------------------------------------------------------------------------------- */

static void look_through_a_reader(const struct play *play) {
  respool_reader *reader = kit_reader(play->s.spool);
  for (int64_t i = 0; i < play->accepted; i++) {
    struct ArrowArray array;
    if (!CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) break;
    bool good = batch_check(i, &array);
    array.release(&array);
    if (!good) break;
  }
  CHECK_ANSWER(reader, play->finished ? RESPOOL_END : RESPOOL_TIMED_OUT);
  respool_reader_close(reader);
}

/* ---- The named file -------------------------------------------------------------------------------- */

/* The rest of a failed write stays in the file only if cutting it off has failed too; nobody can do more. */
static bool may_be_torn(const struct play *play) {
  return !play->finished && (fault_hit_targets() & FAULT_FTRUNCATE) != 0;
}

/* Invariant 11. A file in which nothing was written yet, since that failed, is empty. */
static void look_at_the_file(const struct play *play, const respool_stats *stats) {
  if (!play->scenario->named || stats->file_exists == 0 || may_be_torn(play)) return;
  if (kit_file_size(play->path) == 0) {
    CHECK(!play->finished && !play->flushed && play->scenario->mode == RESPOOL_MODE_ON_LIMIT);
    return;
  }
  bool whole = play->finished && !play->sync_lost;
  int64_t count = batch_count_file(play->path, whole);
  CHECK_LE(count, play->accepted);
  if (whole || play->flushed) CHECK_EQ(count, play->accepted);
}

/* ---- Figures --------------------------------------------------------------------------------------- */

static void look_at_the_figures(const struct play *play, const respool_stats *stats) {
  CHECK_EQ(stats->batches, play->accepted);
  CHECK_EQ(stats->state, play->finished ? RESPOOL_FINISHED : RESPOOL_OPEN);
  CHECK_LE(stats->batches_stored + stats->batches_resident, 2 * stats->batches);
  CHECK_LE(stats->bytes_charged, stats->bytes_charged_peak);
  CHECK_LE(stats->bytes_charged_peak, play->limit + play->scenario->chunk + batch_largest_charge()); /* invariant 4 */
  CHECK_LE(stats->bytes_stored, stats->bytes_written);
}

void look_at_everything(struct play *play) {
  fault_pause();
  respool_stats stats = kit_stats(play->s.spool);
  look_at_the_figures(play, &stats);
  look_through_a_reader(play);
  look_at_the_file(play, &stats);
  fault_resume();
}
