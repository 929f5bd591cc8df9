/* SPDX-License-Identifier: Apache-2.0 */
/* The spool as a whole: making and unmaking it, its options, state and figures. */
#include "spool/spool.h"

#include "arrow/schema.h"
#include "arrow/tree.h"
#include "os/file.h"
#include "spool/resident.h"
#include "spool/spill.h"
#include "support/alloc.h"
#include "support/error.h"
#include "support/options.h"

#include <string.h>

/* ---- Options --------------------------------------------------------------------------------------- */

void respool_options_init(respool_options *options, size_t struct_size) {
  if (options == NULL) return;
  respool_options defaults = {.struct_size = sizeof defaults,
                              .memory_limit = RESPOOL_DEFAULT_MEMORY_LIMIT,
                              .write_chunk = RESPOOL_DEFAULT_WRITE_CHUNK};
  memcpy(options, &struct_size, sizeof struct_size);
  options_give(&defaults, sizeof defaults, options, NULL);
}

enum { CHUNK_LEAST = 4 << 10, CHUNK_MOST = 1 << 30 };

static respool_status check_ranges(const respool_options *options, respool_error *error) {
  if (options->memory_limit < 0) {
    return error_set(error, RESPOOL_INVALID, "memory_limit is negative: 0 spills at once, RESPOOL_NO_LIMIT never");
  }
  if (options->write_chunk < CHUNK_LEAST || options->write_chunk > CHUNK_MOST) {
    return error_set(error, RESPOOL_INVALID, "write_chunk %lld is not in 4 KiB to 1 GiB",
                     (long long)options->write_chunk);
  }
  if (options->mode < RESPOOL_MODE_DEFAULT || options->mode > RESPOOL_MODE_ALL) {
    return error_set(error, RESPOOL_INVALID, "mode %d is none of RESPOOL_MODE_...", options->mode);
  }
  if (options->replay < RESPOOL_REPLAY_AUTO || options->replay > RESPOOL_REPLAY_READ) {
    return error_set(error, RESPOOL_INVALID, "replay %d is none of RESPOOL_REPLAY_...", options->replay);
  }
  if ((options->defer_release | options->sync_on_finish | 1) != 1) {
    return error_set(error, RESPOOL_INVALID, "defer_release or sync_on_finish is neither 0 nor 1");
  }
  return RESPOOL_OK;
}

static respool_status choose_mode(respool_options *options, respool_error *error) {
  bool named = options->path != NULL;
  if (options->mode == RESPOOL_MODE_DEFAULT) options->mode = named ? RESPOOL_MODE_ALL : RESPOOL_MODE_OVERFLOW;
  if (options->mode == RESPOOL_MODE_OVERFLOW && named) {
    return error_set(error, RESPOOL_INVALID,
                     "mode overflow writes only a part of the stream: it takes no path (modes all and on_limit do)");
  }
  if (options->mode == RESPOOL_MODE_ALL && !named) {
    return error_set(error, RESPOOL_INVALID, "mode all writes a file to keep: it needs a path");
  }
  if (named && options->directory != NULL) {
    return error_set(error, RESPOOL_INVALID, "a directory is for anonymous files: it does not go with a path");
  }
  if ((named && options->path[0] == '\0') || (options->directory != NULL && options->directory[0] == '\0')) {
    return error_set(error, RESPOOL_INVALID, "the path or directory is empty");
  }
  return RESPOOL_OK;
}

/* Strings become ours; what is there on failure is freed with the spool. */
static respool_status copy_strings(respool_options *options, respool_error *error) {
  char *path = NULL;
  char *directory = NULL;
  respool_status status = RESPOOL_OK;
  if (options->path != NULL) status = os_absolute(options->path, &path, error);
  if (status == RESPOOL_OK && options->directory != NULL) status = os_absolute(options->directory, &directory, error);
  options->path = path;
  options->directory = directory;
  return status;
}

static respool_status read_options(const respool_options *given, respool_options *options, respool_error *error) {
  respool_options_init(options, sizeof *options);
  respool_status status = options_merge(given, options, sizeof *options, error);
  if (status == RESPOOL_OK) status = check_ranges(options, error);
  if (status == RESPOOL_OK) status = choose_mode(options, error);
  return status;
}

/* ---- Making and unmaking --------------------------------------------------------------------------- */

respool_status spool_refuse_forked(respool_error *error) {
  return error_set(error, RESPOOL_MISUSE,
                   "this handle belongs to the parent of this forked process: make a spool of its own here");
}

void spool_retain_handle(struct respool *spool) {
  atomic_fetch_add_explicit(&spool->handles, 1, memory_order_relaxed);
}

static void free_spool(struct respool *spool) {
  ledger_close(&spool->charged);
  ledger_close(&spool->pinned);
  layout_close(spool->layout);
  mem_free((void *)(uintptr_t)spool->options.path);
  mem_free((void *)(uintptr_t)spool->options.directory);
  os_mutex_close(&spool->lock);
  mem_free(spool);
}

void spool_release_reference(struct respool *spool) {
  if (atomic_fetch_sub_explicit(&spool->references, 1, memory_order_acq_rel) == 1) free_spool(spool);
}

/* No handle is left, so nobody else is here, but arrays handed out may be released meanwhile on other threads. */
static void tear_down(struct respool *spool) {
  for (int64_t i = 0; i < spool->catalog.count; i++) {
    struct entry *entry = catalog_at(&spool->catalog, i);
    if (entry->resident != NULL) resident_release(entry->resident);
    entry->resident = NULL;
  }
  catalog_close(&spool->catalog);
  spill_close(spool);
  if (spool->empty.release != NULL) spool->empty.release(&spool->empty);
  waiters_close(&spool->waiters);
  os_condition_close(&spool->pen_free);
  spool_release_reference(spool);
}

void spool_release_handle(struct respool *spool) {
  if (atomic_fetch_sub_explicit(&spool->handles, 1, memory_order_acq_rel) == 1) tear_down(spool);
}

static bool open_locks(struct respool *spool) {
  if (!os_mutex_open(&spool->lock)) return false;
  if (os_condition_open(&spool->pen_free)) {
    if (waiters_open(&spool->waiters)) return true;
    os_condition_close(&spool->pen_free);
  }
  os_mutex_close(&spool->lock);
  return false;
}

/* What needs the locks to be there already, since tear_down() undoes it. */
static respool_status furnish(struct respool *spool, const struct ArrowSchema *schema, respool_writer **writer,
                              respool_error *error) {
  respool_status status = copy_strings(&spool->options, error);
  if (status == RESPOOL_OK) status = layout_open(schema, LAYOUT_MAX_DEPTH, &spool->layout, error);
  if (status == RESPOOL_OK) status = tree_empty(spool->layout, &spool->empty, error);
  if (status != RESPOOL_OK) return status;
  if (spool->options.mode == RESPOOL_MODE_ALL) {
    spool->spilling = true;
    status = spill_create_file(spool, error);
  }
  if (status == RESPOOL_OK) status = writer_open(spool, writer, error);
  /* A file that came to be just now must not stand in the way of the next attempt. */
  if (status != RESPOOL_OK && spool->store != NULL) os_unlink(spool->options.path);
  return status;
}

respool_status respool_create(const struct ArrowSchema *schema, const respool_options *options, respool **spool,
                              respool_writer **writer, respool_error *error) {
  if (spool == NULL || writer == NULL) return error_set(error, RESPOOL_INVALID, "spool or writer is NULL");
  respool_options read;
  respool_status status = read_options(options, &read, error);
  if (status != RESPOOL_OK) return status;
  struct respool *made = mem_zalloc(sizeof *made);
  if (made == NULL || !open_locks(made)) {
    mem_free(made);
    return error_no_memory(error);
  }
  atomic_init(&made->handles, 1);
  atomic_init(&made->references, 1);
  made->forks = os_fork_count();
  made->options = read;
  made->memory_limit = read.memory_limit;
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

/* ---- State and figures ----------------------------------------------------------------------------- */

void spool_end(struct respool *spool, int32_t state, const respool_error *failure) {
  struct waiter_link due;
  os_lock(&spool->lock);
  spool->state = state;
  if (failure != NULL) spool->failure = *failure;
  bool any = waiters_tell(&spool->waiters, &due);
  spool_assert(spool);
  os_unlock(&spool->lock);
  if (any) waiters_fire(&spool->waiters, &due, &spool->lock);
}

respool_status respool_get_schema(respool *spool, struct ArrowSchema *schema, respool_error *error) {
  if (spool == NULL || schema == NULL) return error_set(error, RESPOOL_INVALID, "spool or schema is NULL");
  if (spool_forked(spool)) return spool_refuse_forked(error);
  return schema_copy(&spool->layout->schema, schema, error);
}

static int64_t catalog_and_ledgers(const struct respool *spool) {
  size_t ledgers = (spool->charged.capacity + spool->pinned.capacity) * sizeof(struct ledger_slot);
  return catalog_bytes(&spool->catalog) + (int64_t)ledgers;
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
                           .bytes_appended = spool->bytes_appended,
                           .bytes_charged = spool_charged(spool),
                           .bytes_charged_peak = spool->charged_peak,
                           .bytes_pinned = spool->pinned.bytes,
                           .bytes_stored = spool->bytes_stored,
                           .bytes_catalog = catalog_and_ledgers(spool),
                           .readers = spool->readers,
                           .readers_waiting = spool->waiters.count,
                           .write_failures = spool->write_failures,
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
