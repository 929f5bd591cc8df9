/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every file of the spool needs of it: the last reference, the end of the stream, the refusal in a forked child.
 */
#include "spool/spool.h"

#include "store/file_pool.h"
#include "support/alloc.h"
#include "support/error.h"

respool_status spool_refuse_forked(respool_error *error) {
  return error_set(error, RESPOOL_MISUSE,
                   "this handle belongs to the parent of this forked process: make a spool of its own here");
}

static void free_spool(struct respool *spool) {
  ledger_close(&spool->charged);
  ledger_close(&spool->pinned);
  layout_close(spool->layout);
  mem_free((void *)(uintptr_t)spool->options.path);
  mem_free((void *)(uintptr_t)spool->options.directory);
  spool_free_directories(&spool->options);
  file_pool_drop(spool->options.pool);
  os_mutex_close(&spool->lock);
  mem_free(spool);
}

void spool_release_reference(struct respool *spool) {
  if (atomic_fetch_sub_explicit(&spool->references, 1, memory_order_acq_rel) == 1) free_spool(spool);
}

void spool_end(struct respool *spool, int32_t state, const respool_error *failure) {
  struct told told;
  os_lock(&spool->lock);
  spool->state = state;
  if (failure != NULL) spool->failure = *failure;
  waiters_tell(&spool->waiters, &told);
  spool_assert(spool);
  os_unlock(&spool->lock);
  waiters_inform(&spool->waiters, &told, &spool->lock);
  behind_advance(spool);
}
