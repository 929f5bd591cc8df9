/* SPDX-License-Identifier: Apache-2.0 */
/* The handles together, and what goes with the last of them. */
#include "spool/resident.h"
#include "spool/run.h"

void spool_retain_handle(struct respool *spool) {
  atomic_fetch_add_explicit(&spool->handles, 1, memory_order_relaxed);
}

/* No handle is left, so nobody else is here, but arrays handed out may be released meanwhile on other threads. */
static void tear_down(struct respool *spool) {
  for (int64_t i = spool->catalog.first; i < spool->catalog.count; i++) {
    struct entry *entry = catalog_at(&spool->catalog, i);
    if (entry->resident != NULL) resident_release(entry->resident);
    entry->resident = NULL;
  }
  catalog_close(&spool->catalog);
  run_close(spool);
  if (spool->empty.release != NULL) spool->empty.release(&spool->empty);
  waiters_close(&spool->waiters);
  os_condition_close(&spool->room);
  os_condition_close(&spool->pen_free);
  spool_release_reference(spool);
}

void spool_release_handle(struct respool *spool) {
  if (atomic_fetch_sub_explicit(&spool->handles, 1, memory_order_acq_rel) == 1) tear_down(spool);
}
