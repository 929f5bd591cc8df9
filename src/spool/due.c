/* SPDX-License-Identifier: Apache-2.0 */
/* What is due: see due.h. */
#include "spool/due.h"

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

void due_begin(struct respool *spool) {
  if (spool->spilling) return;
  spool->spilling = true;
  spool->crossed = true;
  for (int64_t i = 0; i < spool->catalog.count; i++) {
    const struct entry *entry = catalog_at(&spool->catalog, i);
    if (entry->resident != NULL) due_add(spool, entry->resident);
  }
}

/*
 * A chunk of rows, or so much memory beside the one batch that weighs most (slices of one large array weigh it once,
 * and can well be written together).
 */
bool due_wanted(const struct respool *spool) {
  int64_t chunk = spool->options.write_chunk;
  return spool->due.shown >= chunk || spool->due.bytes - spool->due.largest >= chunk;
}

bool due_account(struct respool *spool, struct resident *resident) {
  bool fits = spool_charged(spool) <= spool->memory_limit;
  bool keeps = spool->options.mode != RESPOOL_MODE_ON_LIMIT;
  if (fits && keeps) resident_keep(resident);
  if (spool->ordered ? spool->spilling : !resident->kept) due_add(spool, resident);
  if (!fits && !spool->crossed) { /* invariant 4: this one writes before its append returns, however little it is */
    spool->crossed = true;
    if (spool->ordered) due_begin(spool);
    return true;
  }
  return due_wanted(spool);
}
