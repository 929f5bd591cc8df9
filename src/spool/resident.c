/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches in memory: counting, charging, and releasing them where the lock is not held. handover.pml is a model of who
 * lets go of them when.
 */
#include "spool/resident.h"

#include "arrow/measure.h"
#include "support/alloc.h"

struct resident *resident_make(struct respool *spool) {
  struct resident *resident = mem_alloc(sizeof *resident);
  if (resident == NULL) return NULL;
  *resident = (struct resident){.spool = spool};
  atomic_init(&resident->references, 1);
  return resident;
}

void resident_unmake(struct resident *resident) {
  mem_free(resident);
}

/* ---- In the ledgers -------------------------------------------------------------------------------- */

/* Extents that go into a ledger or out of it: so many of the first ones. */
struct passage {
  struct ledger *ledger;
  int64_t count;
};

static bool add_extent(void *context, const void *start, int64_t length) {
  struct passage *passage = context;
  if (!ledger_add(passage->ledger, start, length)) return false;
  passage->count++;
  return true;
}

static bool remove_extent(void *context, const void *start, int64_t length) {
  struct passage *passage = context;
  (void)length;
  if (passage->count == 0) return false;
  ledger_remove(passage->ledger, start);
  passage->count--;
  return true;
}

/* False: no memory, nothing has changed. */
static bool add_extents(const struct respool *spool, struct ledger *ledger, const struct ArrowArray *array) {
  struct passage passage = {.ledger = ledger};
  if (measure_extents(spool->layout, array, add_extent, &passage)) return true;
  measure_extents(spool->layout, array, remove_extent, &passage);
  return false;
}

static void remove_extents(const struct respool *spool, struct ledger *ledger, const struct ArrowArray *array) {
  struct passage passage = {.ledger = ledger, .count = INT64_MAX};
  measure_extents(spool->layout, array, remove_extent, &passage);
}

static void note_peak(struct respool *spool) {
  if (spool_charged(spool) > spool->charged_peak) spool->charged_peak = spool_charged(spool);
}

bool resident_charge(struct resident *resident, const struct ArrowArray *array) {
  struct respool *spool = resident->spool;
  int64_t before = spool_charged(spool);
  if (!add_extents(spool, &spool->charged, array)) {
    note_peak(spool);
    return false;
  }
  spool->fixed += measure_fixed(spool->layout);
  resident->charge = spool_charged(spool) - before;
  return true;
}

void resident_discharge(struct resident *resident, const struct ArrowArray *array) {
  struct respool *spool = resident->spool;
  remove_extents(spool, &spool->charged, array);
  spool->fixed -= measure_fixed(spool->layout);
  note_peak(spool); /* buffers that others hold stay charged as long as this array showed them */
}

/* ---- Coming ---------------------------------------------------------------------------------------- */

void resident_admit(struct resident *resident, struct ArrowArray *array, int64_t index) {
  struct respool *spool = resident->spool;
  resident->array = *array;
  array->release = NULL;
  resident->index = index;
  resident->shown = measure_shown(spool->layout, &resident->array);
  spool->batches_resident++;
  spool->bytes_appended += resident->charge;
  note_peak(spool);
  atomic_fetch_add_explicit(&spool->references, 1, memory_order_relaxed);
}

/* ---- Going ----------------------------------------------------------------------------------------- */

/* Invariant 9: the one place where a producer's array is released. */
static void destroy(struct resident *resident) {
  struct respool *spool = resident->spool;
  resident->array.release(&resident->array);
  mem_free(resident);
  spool_release_reference(spool);
}

/* Under the lock: count it among the pinned ones; where there is no memory for that it is not counted. */
static void pin(struct resident *resident) {
  struct respool *spool = resident->spool;
  if (!resident->pinned) resident->pinned = add_extents(spool, &spool->pinned, &resident->array);
}

static void unpin(struct resident *resident) {
  struct respool *spool = resident->spool;
  if (resident->pinned) remove_extents(spool, &spool->pinned, &resident->array);
  resident->pinned = false;
}

/* Nobody refers to it any more. True: it waits for the next call on the writer. */
static bool retire(struct resident *resident) {
  struct respool *spool = resident->spool;
  os_lock(&spool->lock);
  bool defer = spool->options.defer_release != 0 && !spool->writer_closed;
  if (defer) {
    pin(resident);
    resident->next = spool->deferred;
    spool->deferred = resident;
  } else {
    unpin(resident);
  }
  os_unlock(&spool->lock);
  return defer;
}

void resident_release(void *object) {
  struct resident *resident = object;
  if (spool_forked(resident->spool)) return; /* the parent's business: nothing here may be touched */
  if (atomic_fetch_sub_explicit(&resident->references, 1, memory_order_acq_rel) != 1) return;
  bool plain = !resident->pinned && resident->spool->options.defer_release == 0;
  if (plain || !retire(resident)) destroy(resident);
}

void resident_drop(struct respool *spool, struct entry *entry, struct resident **list) {
  struct resident *resident = entry->resident;
  entry->resident = NULL;
  spool->batches_resident--;
  resident_discharge(resident, &resident->array);
  bool held = atomic_load_explicit(&resident->references, memory_order_acquire) > 1;
  if (held) pin(resident);
  resident->next = *list;
  *list = resident;
}

void resident_release_list(struct resident *list) {
  while (list != NULL) {
    struct resident *next = list->next; /* the last reference may be this one */
    resident_release(list);
    list = next;
  }
}

void resident_release_deferred(struct respool *spool) {
  if (spool->options.defer_release == 0) return;
  os_lock(&spool->lock);
  struct resident *list = spool->deferred;
  for (struct resident *resident = list; resident != NULL; resident = resident->next) unpin(resident);
  spool->deferred = NULL;
  os_unlock(&spool->lock);
  while (list != NULL) {
    struct resident *next = list->next;
    destroy(list);
    list = next;
  }
}

/* Between two neighbours, either of which may be missing. */
static void link_kept(struct respool *spool, struct resident *above, struct resident *below) {
  if (below != NULL) below->above = above;
  if (above != NULL)
    above->below = below;
  else
    spool->kept = below;
}

void resident_keep(struct resident *resident) {
  struct respool *spool = resident->spool;
  struct resident *above = NULL;
  struct resident *below = spool->kept; /* nearly always the place: only a failed run brings earlier ones back */
  while (below != NULL && below->index > resident->index) {
    above = below;
    below = below->below;
  }
  resident->kept = true;
  link_kept(spool, above, resident);
  link_kept(spool, resident, below);
}

void resident_unlist(struct resident *resident) {
  link_kept(resident->spool, resident->above, resident->below);
  resident->above = resident->below = NULL;
  resident->kept = false;
}

struct resident *resident_unkeep(struct respool *spool) {
  struct resident *resident = spool->kept;
  if (resident != NULL) resident_unlist(resident);
  return resident;
}
