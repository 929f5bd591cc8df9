/* SPDX-License-Identifier: Apache-2.0 */
/* What is due: see due.h. */
#include "spool/due.h"

#include "arrow/measure.h"
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

struct probe {
  const struct respool *spool;
  int64_t bytes;
};

static bool probe_extent(void *context, const void *start, int64_t length) {
  struct probe *probe = context;
  probe->bytes = add_saturating(probe->bytes, ledger_probe(&probe->spool->charged, start, length));
  return true;
}

bool due_wanted_with(const struct respool *spool, const struct ArrowArray *array) {
  if (spool->due.count == 0) return false;
  if (due_wanted(spool)) return true;
  struct probe probe = {.spool = spool, .bytes = measure_fixed(spool->layout)};
  measure_extents(spool->layout, array, probe_extent, &probe);
  int64_t lesser = probe.bytes < spool->due.largest ? probe.bytes : spool->due.largest;
  return spool->due.bytes - spool->due.largest + lesser >= spool->options.write_chunk;
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
