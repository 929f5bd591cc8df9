/* SPDX-License-Identifier: Apache-2.0 */
/* When runs are made, and until what: see spill.h. */
#include "spool/spill.h"

#include "spool/due.h"
#include "spool/full.h"
#include "spool/run.h"
#include "spool/stroke.h"
#include "support/arith.h"

/* Write what is due of the batches before `until`. */
static respool_status spill_until(struct respool *spool, int64_t until, respool_error *error) {
  respool_status status;
  struct progress progress;
  do {
    status = run_next(spool, RUN_DUE_ONLY, &progress, error);
  } while (status == RESPOOL_OK && progress.more && progress.next < until);
  return status;
}

respool_status spill_due(struct respool *spool, respool_error *error) {
  return spill_until(spool, INT64_MAX, error);
}

/*
 * More than came, so that what an on_limit spool has gathered up to its limit dwindles with every batch, and little
 * enough that no append pays for all of it.
 */
respool_status spill_portion(struct respool *spool, int64_t bytes, respool_error *error) {
  int64_t left = add_saturating(add_saturating(bytes, bytes), 2 * spool->options.write_chunk);
  respool_status status;
  struct progress progress;
  do {
    status = run_next(spool, RUN_DUE_ONLY, &progress, error);
    left -= progress.bytes;
  } while (status == RESPOOL_OK && progress.more && left > 0);
  return status;
}

/* Mode all: what stays in memory is in the file as well and can just be let go, a portion at a time. False: enough. */
static bool drop_portion(struct respool *spool, int64_t target, struct resident **dropped) {
  os_lock(&spool->lock);
  int most = RUN_MOST;
  while (most > 0 && spool_charged(spool) > target && spool->kept != NULL) {
    struct entry *entry = catalog_at(&spool->catalog, spool->kept->index);
    resident_unkeep(spool);
    if (entry->offset >= 0) resident_drop(spool, entry, dropped);
    most--;
  }
  os_unlock(&spool->lock);
  return most == 0;
}

static void drop_written(struct respool *spool, int64_t target) {
  bool more = true;
  while (more) {
    struct resident *dropped = NULL;
    pen_take(spool);
    more = drop_portion(spool, target, &dropped);
    pen_give(spool);
    resident_release_list(dropped);
  }
}

/*
 * What is above the target, and how many batches there are: what comes later is not this call's, or it might not end.
 */
static int64_t excess(struct respool *spool, int64_t target, int64_t *count) {
  os_lock(&spool->lock);
  int64_t excess = spool_charged(spool) - target;
  if (excess > 0 && spool->ordered) due_begin(spool);
  *count = spool->catalog.count;
  os_unlock(&spool->lock);
  return excess;
}

static respool_status spill_kept(struct respool *spool, int64_t target, int64_t bytes, respool_error *error) {
  respool_status status = RESPOOL_OK;
  struct progress progress = {.more = true};
  for (; status == RESPOOL_OK && progress.more && bytes > 0; bytes -= progress.freed) {
    status = run_next(spool, target, &progress, error);
  }
  return status;
}

respool_status spill_down(struct respool *spool, int64_t target, respool_error *error) {
  int64_t count;
  int64_t bytes = excess(spool, target, &count);
  if (bytes <= 0) return RESPOOL_OK;
  if (!spool->ordered) return spill_kept(spool, target, bytes, error);
  respool_status status = spill_until(spool, count, error); /* a stream in order is written whole, or not at all */
  if (status == RESPOOL_OK && spool->options.mode == RESPOOL_MODE_ALL) drop_written(spool, target);
  return status;
}

/* With the pen. False: batches still wait to be written. `seal`: no more will come. */
static bool end_with_pen(struct respool *spool, bool seal, respool_status *status, respool_error *error) {
  os_lock(&spool->lock);
  bool whole = !spool->spilling || spool->write_next == spool->catalog.count;
  bool wanted = whole && (seal || spool->sealed) && spool->store != NULL && !spool->ended;
  os_unlock(&spool->lock);
  *status = wanted ? run_write_end(spool, error) : RESPOOL_OK;
  /* Nobody reads an anonymous file, and nobody may ever make room for the marker. */
  if (full_is(*status) && spool->options.path == NULL) *status = RESPOOL_OK;
  os_lock(&spool->lock);
  if (*status != RESPOOL_OK) spool->write_failures++;
  if (*status == RESPOOL_OK && wanted) spool->ended = true;
  if (*status == RESPOOL_OK && whole && seal) spool->sealed = true;
  os_unlock(&spool->lock);
  return whole;
}

static bool end_file(struct respool *spool, bool seal, respool_status *status, respool_error *error) {
  pen_take(spool);
  bool whole = end_with_pen(spool, seal, status, error);
  pen_give(spool);
  return whole;
}

respool_status spill_finish(struct respool *spool, respool_error *error) {
  respool_status status;
  bool whole = false;
  do {
    status = spill_due(spool, error);
    if (status != RESPOOL_OK || !spool->ordered) return status;
    whole = end_file(spool, true, &status, error); /* not if another thread has just begun to spill */
  } while (status == RESPOOL_OK && !whole);
  if (status == RESPOOL_OK) spill_unlock(spool, true);
  return status;
}

respool_status spill_mark_end(struct respool *spool, respool_error *error) {
  respool_status status = RESPOOL_OK;
  if (spool->ordered) end_file(spool, false, &status, error);
  spill_unlock(spool, false);
  return status;
}

void spill_unlock(struct respool *spool, bool over) {
  if (spool->options.path == NULL) return;
  pen_take(spool);
  os_lock(&spool->lock);
  bool last = over || spool->sealed || spool->state != RESPOOL_OPEN;
  bool whole = spool->store != NULL && spool->write_next == spool->catalog.count && (!spool->sealed || spool->ended);
  os_unlock(&spool->lock);
  if (last && whole) store_unlock(spool->store);
  pen_give(spool);
}
