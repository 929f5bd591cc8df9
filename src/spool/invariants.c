/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The invariants of docs/design.md that can be seen in a spool's numbers at a fixed cost, for debug builds. The
 * others are the tests' to show.
 */
#include "spool/resident.h"

#include <assert.h>

#ifdef NDEBUG

void spool_assert(const struct respool *spool) {
  (void)spool;
}

#else

/* 3: resident, stored, or both; none that are empty need be either. */
static void assert_entry(const struct respool *spool, int64_t i) {
  if (i < spool->behind.floor || i >= spool->catalog.count) return;
  const struct entry *entry = catalog_at(&spool->catalog, i);
  assert(entry->resident != NULL || entry->offset >= 0 || entry->empty);
  assert(entry->resident == NULL || entry->resident->index == i);
  assert(entry->offset < 0 || entry->offset + entry->metadata + entry->body <= spool->committed);
}

void spool_assert(const struct respool *spool) {
  assert_entry(spool, spool->write_next - 1);
  assert_entry(spool, spool->write_next);
  assert_entry(spool, spool->catalog.count - 1);
  if (spool->kept != NULL) assert_entry(spool, spool->kept->index);
  assert(spool->write_next <= spool->catalog.count && spool->behind.floor <= spool->catalog.count);
  assert(spool->batches_resident >= 0 && spool->batches_resident <= spool->catalog.count);
  assert(spool->batches_stored >= 0 && spool->batches_stored <= spool->catalog.count);
  assert(spool->charged.bytes >= 0 && spool->fixed >= 0 && spool->due.bytes >= 0 && spool->due.shown >= 0); /* 4 */
  assert(spool->batches_resident > 0 || spool_charged(spool) == 0);
  assert(spool->batches_stored == 0 || spool->store != NULL); /* 5 */
  assert(!spool->ended || spool->store != NULL);              /* 11 */
}

#endif
