/* SPDX-License-Identifier: Apache-2.0 */
/* What is due: see due.h. */
#include "spool/due.h"

#include "spool/full.h"
#include "support/arith.h"

static void due_add(struct respool *spool, const struct resident *resident) {
  spool->due.count++;
  spool->due.bytes += resident->charge;
  spool->due.shown = add_saturating(spool->due.shown, resident->shown);
  if (resident->charge > spool->due.largest) spool->due.largest = resident->charge;
}

void due_settle(struct respool *spool, const struct resident *resident) {
  spool->due.bytes -= resident->charge;
  spool->due.shown -= resident->shown;
  if (--spool->due.count == 0) spool->due.largest = 0;
}

bool due_waits(const struct respool *spool, const struct entry *entry) {
  return entry->offset < 0 && (spool->ordered || !entry->resident->kept);
}

void due_begin(struct respool *spool) {
  spool->spilling = true;
  spool->crossed = true;
}

/*
 * A chunk of rows, or so much memory beside the one batch that weighs most (slices of one large array weigh it once,
 * and can well be written together).
 */
static bool due_wanted(const struct respool *spool) {
  int64_t chunk = spool->options.write_chunk;
  if (spool->ordered && !spool->spilling) return false;
  return spool->due.shown >= chunk || spool->due.bytes - spool->due.largest >= chunk;
}

/* So many small ones make a large write as well, and are still in the processor's cache. */
enum { MANY = 4096 };

static bool many(const struct respool *spool) {
  return spool->due.count >= MANY && (!spool->ordered || spool->spilling);
}

/*
 * Memory that batches share stays charged until the last of them is written, but came with the first: where some were
 * written and others not, more is held than those that wait brought along (invariant 4).
 */
static bool beyond_bound(const struct respool *spool, const struct resident *resident) {
  int64_t largest = resident->charge > spool->due.largest ? resident->charge : spool->due.largest;
  int64_t bound = add_saturating(add_saturating(spool->memory_limit, spool->options.write_chunk), largest);
  return spool_charged(spool) > bound;
}

bool due_full(const struct respool *spool, const struct resident *resident) {
  if (spool->due.count == 0 || (spool->ordered && !spool->spilling)) return false;
  if (spool->options.mode == RESPOOL_MODE_ON_LIMIT && spool_charged(spool) <= spool->memory_limit) return false;
  if (due_wanted(spool) || beyond_bound(spool, resident)) return true;
  int64_t lesser = resident->charge < spool->due.largest ? resident->charge : spool->due.largest;
  return spool->due.bytes - spool->due.largest + lesser >= spool->options.write_chunk;
}

bool due_account(struct respool *spool, struct resident *resident) {
  bool fits = spool_charged(spool) <= spool->memory_limit;
  if (fits && spool->options.mode != RESPOOL_MODE_ON_LIMIT) resident_keep(resident);
  if (spool->ordered || !resident->kept) due_add(spool, resident);
  if (!fits && !spool->crossed) { /* invariant 4: this one writes before its append returns, however little it is */
    spool->crossed = true;
    if (spool->ordered) due_begin(spool);
    return true;
  }
  return (due_wanted(spool) || many(spool)) && !full_rests(spool);
}
