/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions on a spool as a whole: making it, its figures, its limit. */
#include "spool/spool.h"

#include "arrow/schema.h"
#include "arrow/tree.h"
#include "os/file.h"
#include "spool/due.h"
#include "spool/reopen.h"
#include "spool/run.h"
#include "spool/spill.h"
#include "store/file_pool.h"
#include "support/alloc.h"
#include "support/error.h"
#include "support/options.h"

/* ---- Making and unmaking --------------------------------------------------------------------------- */

static bool open_locks(struct respool *spool) {
  if (!os_mutex_open(&spool->lock)) return false;
  if (os_condition_open(&spool->pen_free)) {
    if (os_condition_open(&spool->room)) {
      if (waiters_open(&spool->waiters)) return true;
      os_condition_close(&spool->room);
    }
    os_condition_close(&spool->pen_free);
  }
  os_mutex_close(&spool->lock);
  return false;
}

/* What must be in the file from the start. Behind what was there already, all that comes is written to it. */
static respool_status begin_file(struct respool *spool, respool_error *error) {
  respool_status status = spool->store != NULL ? reopen_cut(spool, error) : RESPOOL_OK;
  if (status != RESPOOL_OK) return status;
  if (spool->options.mode == RESPOOL_MODE_ON_LIMIT && spool->store != NULL) due_begin(spool);
  if (spool->options.mode != RESPOOL_MODE_ALL) return RESPOOL_OK;
  spool->spilling = true;
  return run_create_file(spool, error);
}

/* What needs the locks to be there already, since tear_down() undoes it. */
static respool_status furnish(struct respool *spool, const struct ArrowSchema *schema, respool_writer **writer,
                              respool_error *error) {
  respool_status status = spool_copy_strings(&spool->options, error);
  if (status == RESPOOL_OK) status = layout_open(schema, LAYOUT_MAX_DEPTH, &spool->layout, error);
  if (status == RESPOOL_OK) status = tree_empty(spool->layout, &spool->empty, error);
  if (status != RESPOOL_OK) return status;
  if (spool->options.reopen != 0) status = reopen_file(spool, error);
  bool reopened = spool->store != NULL;
  if (status == RESPOOL_OK) status = writer_open(spool, writer, error);
  if (status == RESPOOL_OK) status = begin_file(spool, error);
  if (status == RESPOOL_OK) return status;
  /* A file that came to be just now must not stand in the way of the next attempt. */
  if (spool->store != NULL && !reopened) os_unlink(spool->options.path);
  respool_writer_close(*writer);
  return status;
}

respool_status respool_create(const struct ArrowSchema *schema, const respool_options *options, respool **spool,
                              respool_writer **writer, respool_error *error) {
  if (spool == NULL || writer == NULL) return error_set(error, RESPOOL_INVALID, "spool or writer is NULL");
  respool_options read;
  respool_status status = spool_read_options(options, &read, error);
  if (status != RESPOOL_OK) return status;
  if (read.pool != NULL && file_pool_forked(read.pool)) return file_pool_refuse_forked(error);
  struct respool *made = mem_zalloc(sizeof *made);
  if (made == NULL || !open_locks(made)) {
    mem_free(made);
    return error_no_memory(error);
  }
  atomic_init(&made->handles, 1);
  atomic_init(&made->references, 1);
  made->forks = os_fork_watch();
  made->options = read;
  file_pool_hold(read.pool);
  made->memory_limit = read.memory_limit;
  made->in_flight = INT64_MAX;
  made->run_most = INT64_MAX;
  made->seals.sealing = spool_sealing(&read);
  made->ordered = read.mode != RESPOOL_MODE_OVERFLOW;
  respool_writer *made_writer = NULL;
  status = furnish(made, schema, &made_writer, error);
  if (status != RESPOOL_OK) {
    spool_release_handle(made);
    return status;
  }
  *spool = made;
  *writer = made_writer;
  return RESPOOL_OK;
}

respool *respool_retain(respool *spool) {
  if (spool != NULL && !spool_forked(spool)) spool_retain_handle(spool);
  return spool;
}

void respool_release(respool *spool) {
  if (spool != NULL && !spool_forked(spool)) spool_release_handle(spool);
}

/* ---- Figures, and pressure --------------------------------------------------------------------------- */

respool_status respool_get_schema(respool *spool, struct ArrowSchema *schema, respool_error *error) {
  if (spool == NULL || schema == NULL) return error_set(error, RESPOOL_INVALID, "spool or schema is NULL");
  if (spool_forked(spool)) return spool_refuse_forked(error);
  return schema_copy(&spool->layout->schema, schema, error);
}

static int64_t catalog_and_ledgers(const struct respool *spool) {
  return catalog_bytes(&spool->catalog) + seals_bytes(&spool->seals) + versions_bytes(spool) + spool->charged.memory +
         spool->pinned.memory;
}

static void collect_stats(struct respool *spool, respool_stats *stats, struct store **store) {
  os_lock(&spool->lock);
  *stats = (respool_stats){.struct_size = sizeof *stats,
                           .state = spool->state,
                           .mode = spool->options.mode,
                           .memory_limit = spool->memory_limit,
                           .batches = spool->catalog.count,
                           .rows = spool->rows,
                           .batches_resident = spool->batches_resident,
                           .batches_stored = spool->batches_stored,
                           .batches_compressed = spool->batches_compressed,
                           .bytes_appended = spool->bytes_appended,
                           .bytes_charged = spool_charged(spool),
                           .bytes_charged_peak = spool->charged_peak,
                           .bytes_pinned = spool->pinned.bytes,
                           .bytes_stored = spool->bytes_stored,
                           .bytes_catalog = catalog_and_ledgers(spool),
                           .readers = spool->readers,
                           .readers_waiting = spool->waiters.count,
                           .write_failures = spool->write_failures,
                           .batches_dropped = spool->behind.floor,
                           .disk_budget = spool->options.disk_budget,
                           .file_exists = spool->store != NULL};
  *store = spool->store;
  os_unlock(&spool->lock);
}

respool_status respool_get_stats(respool *spool, respool_stats *stats, respool_error *error) {
  if (spool == NULL || stats == NULL) return error_set(error, RESPOOL_INVALID, "spool or stats is NULL");
  if (spool_forked(spool)) return spool_refuse_forked(error);
  respool_stats full;
  struct store *store;
  collect_stats(spool, &full, &store);
  if (store != NULL) {
    struct store_info info = store_info(store);
    full.bytes_written = info.written;
    full.bytes_on_disk = info.on_disk;
    full.bytes_mapped = info.mapped;
    full.bytes_read_buffers = info.read_buffers;
    full.memory_backed = info.in_memory;
  }
  return options_give(&full, sizeof full, stats, error);
}

static respool_status spill_and_end(struct respool *spool, int64_t target, respool_error *error) {
  respool_status status = spill_down(spool, target, error);
  return status == RESPOOL_OK ? spill_mark_end(spool, error) : status;
}

respool_status respool_set_memory_limit(respool *spool, int64_t memory_limit, respool_error *error) {
  if (spool == NULL || memory_limit < 0)
    return error_set(error, RESPOOL_INVALID, "spool is NULL or the limit negative");
  if (spool_forked(spool)) return spool_refuse_forked(error);
  os_lock(&spool->lock);
  spool->memory_limit = memory_limit;
  os_unlock(&spool->lock);
  return spill_and_end(spool, memory_limit, error);
}

respool_status respool_spill(respool *spool, int64_t target, respool_error *error) {
  if (spool == NULL || target < 0) return error_set(error, RESPOOL_INVALID, "spool is NULL or the target negative");
  if (spool_forked(spool)) return spool_refuse_forked(error);
  return spill_and_end(spool, target, error);
}
