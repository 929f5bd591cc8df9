/* SPDX-License-Identifier: Apache-2.0 */
/* What readers have left behind: see behind.h. */
#include "spool/behind.h"

#include "spool/due.h"
#include "spool/full.h"
#include "spool/resident.h"
#include "spool/stroke.h"
#include "support/error.h"

/* ---- Forgetting ------------------------------------------------------------------------------------ */

/* The file is somebody's to keep. */
static bool is_named(const struct respool *spool) {
  return spool->options.path != NULL;
}

int64_t behind_first(const struct respool *spool) {
  return is_named(spool) ? 0 : spool->behind.floor;
}

/* A batch in memory goes, unless a named file lacks it yet. */
static void forget_resident(struct respool *spool, struct entry *entry, struct resident **dropped) {
  struct resident *resident = entry->resident;
  if (is_named(spool) && entry->offset < 0) return;
  if (due_waits(spool, entry)) due_settle(spool, resident);
  if (resident->kept) resident_unlist(resident);
  resident_drop(spool, entry, dropped);
}

static void forget_stored(struct respool *spool, struct entry *entry) {
  versions_leave(spool, entry->set);
  store_free(spool->store, entry->offset, entry->metadata + entry->body);
  entry->offset = -1;
}

void behind_forget(struct respool *spool, int64_t index, struct resident **dropped) {
  if (index >= spool->behind.floor) return;
  struct entry *entry = catalog_at(&spool->catalog, index);
  if (entry->resident != NULL && entry->resident->writing) return;
  if (entry->resident != NULL) forget_resident(spool, entry, dropped);
  if (entry->offset >= 0 && !is_named(spool)) forget_stored(spool, entry);
}

void behind_trim(struct respool *spool) {
  int64_t first = behind_first(spool);
  if (first > spool->in_flight) first = spool->in_flight;
  catalog_trim(&spool->catalog, first);
  seals_trim(&spool->seals, first);
}

/* Where the floor could be, and how many readers stand there. The lock is held. */
static int64_t lowest(const struct respool *spool, int64_t *standing) {
  int64_t low = spool->catalog.count;
  *standing = 0;
  for (const struct behind_place *place = spool->behind.places; place != NULL; place = place->next) {
    if (place->passed < low) {
      low = place->passed;
      *standing = 0;
    }
    if (place->passed == low) ++*standing;
  }
  return low;
}

enum { PORTION = 4096 };

/* Raise the floor, not too far at once. The lock is held. True: there is more. */
static bool raise_floor(struct respool *spool, struct resident **dropped) {
  struct behind *behind = &spool->behind;
  int64_t target = lowest(spool, &behind->standing);
  int64_t from = behind->floor;
  behind->floor = target - from > PORTION ? from + PORTION : target;
  for (int64_t i = from; i < behind->floor; i++) behind_forget(spool, i, dropped);
  behind_trim(spool);
  spool_assert(spool);
  return behind->floor < target;
}

/* Nothing will be written behind what has been forgotten. The lock is held. True: that was seen for the first time. */
static bool is_emptied(struct respool *spool) {
  struct behind *behind = &spool->behind;
  bool over = spool->state != RESPOOL_OPEN && behind->floor == spool->catalog.count;
  if (!over || behind->emptied || is_named(spool) || spool->store == NULL) return false;
  return behind->emptied = true;
}

/* The last slot has to be sealed to be given back. */
static void empty_store(struct respool *spool) {
  pen_take(spool);
  stroke_seal(spool);
  pen_give(spool);
  store_give_back(spool->store);
}

void behind_advance(struct respool *spool) {
  if (!behind_is_on(&spool->behind)) return;
  bool more, emptied;
  os_lock(&spool->lock);
  do {
    struct resident *dropped = NULL;
    more = raise_floor(spool, &dropped);
    emptied = is_emptied(spool);
    struct store *store = spool->store;
    os_unlock(&spool->lock);
    resident_release_list(dropped);
    if (store != NULL) store_give_back(store);
    if (emptied) empty_store(spool);
    os_lock(&spool->lock);
    full_tell(spool); /* not before: whoever waits would find nothing yet */
  } while (more);
  os_unlock(&spool->lock);
}

/* ---- Readers --------------------------------------------------------------------------------------- */

respool_status behind_join(struct respool *spool, struct behind_place *place, const atomic_llong *position,
                           respool_error *error) {
  if (behind_is_on(&spool->behind)) {
    return error_set(error, RESPOOL_MISUSE,
                     "respool_drop_behind() was called: batches that this reader would need may be gone");
  }
  *place = (struct behind_place){.next = spool->behind.places, .position = position, .joined = true};
  atomic_init(&place->fetches, false);
  if (place->next != NULL) place->next->previous = place;
  spool->behind.places = place;
  return RESPOOL_OK;
}

static void unlink_place(struct behind *behind, struct behind_place *place) {
  if (place->next != NULL) place->next->previous = place->previous;
  if (place->previous != NULL)
    place->previous->next = place->next;
  else
    behind->places = place->next;
  place->joined = false;
}

/* One less at the floor. The lock is held. True: that was the last one. */
static bool leave_floor(struct behind *behind, int64_t passed) {
  return passed == behind->floor && --behind->standing == 0;
}

void behind_part(struct respool *spool, struct behind_place *place) {
  place->gone = true;
  if (place->joined && !atomic_load_explicit(&place->fetches, memory_order_acquire))
    unlink_place(&spool->behind, place);
}

void behind_pass(struct respool *spool, struct behind_place *place) {
  struct behind *behind = &spool->behind;
  atomic_store_explicit(&place->fetches, false, memory_order_release);
  if (!behind_is_on(behind)) return;
  os_lock(&spool->lock);
  int64_t before = place->passed;
  place->passed = atomic_load_explicit(place->position, memory_order_relaxed);
  bool rises = place->joined && (place->gone || (place->passed > before && leave_floor(behind, before)));
  if (place->joined && place->gone) unlink_place(behind, place);
  os_unlock(&spool->lock);
  if (rises) behind_advance(spool);
}

void behind_abandoned(struct respool *spool) {
  if (!behind_is_on(&spool->behind)) return;
  os_lock(&spool->lock);
  bool nobody = spool->behind.places == NULL;
  os_unlock(&spool->lock);
  if (nobody) behind_advance(spool);
}

/* Where each reader stands; those that were cancelled stand nowhere. The lock is held. */
static void begin(struct behind *behind) {
  atomic_store_explicit(&behind->on, true, memory_order_relaxed);
  for (struct behind_place *place = behind->places, *next; place != NULL; place = next) {
    next = place->next;
    place->passed = atomic_load_explicit(place->position, memory_order_relaxed);
    if (place->gone && !atomic_load_explicit(&place->fetches, memory_order_acquire)) unlink_place(behind, place);
  }
}

respool_status respool_drop_behind(respool *spool, respool_error *error) {
  if (spool == NULL) return error_set(error, RESPOOL_INVALID, "spool is NULL");
  if (spool_forked(spool)) return spool_refuse_forked(error);
  os_lock(&spool->lock);
  begin(&spool->behind);
  os_unlock(&spool->lock);
  behind_advance(spool);
  return RESPOOL_OK;
}
