/* SPDX-License-Identifier: Apache-2.0 */
/* Files of finished spools: see file_pool.h. The pool's lock guards all that changes; files are closed without it. */
#include "store/file_pool.h"

#include "os/thread.h"
#include "support/alloc.h"
#include "support/error.h"
#include "support/options.h"

#include <string.h>

enum { FILES_MOST = 1024 };

struct respool_pool {
  struct os_mutex lock;
  uint32_t forks;
  int64_t handles;    /* public ones. At 0 nothing is kept any more */
  int64_t references; /* 1 for the handles together, 1 for each spool and each of its files. At 0 this struct goes */
  int64_t keep_bytes;
  int64_t keep_files;
  int64_t bytes;
  int64_t reused;
  int64_t count;
  struct pooled_file files[]; /* room for keep_files; the one that came first is first */
};

bool file_pool_forked(const struct respool_pool *pool) {
  return pool->forks != os_fork_count();
}

/* ---- References ------------------------------------------------------------------------------------ */

struct respool_pool *file_pool_hold(struct respool_pool *pool) {
  if (pool == NULL) return NULL;
  os_lock(&pool->lock);
  pool->references++;
  os_unlock(&pool->lock);
  return pool;
}

void file_pool_drop(struct respool_pool *pool) {
  if (pool == NULL) return;
  os_lock(&pool->lock);
  bool last = --pool->references == 0;
  os_unlock(&pool->lock);
  if (!last) return;
  os_mutex_close(&pool->lock);
  mem_free(pool);
}

/* ---- Files ----------------------------------------------------------------------------------------- */

/* The lock is held. */
static struct pooled_file remove_file(struct respool_pool *pool, int64_t at) {
  struct pooled_file file = pool->files[at];
  pool->count--;
  pool->bytes -= file.size;
  memmove(&pool->files[at], &pool->files[at + 1], (size_t)(pool->count - at) * sizeof file);
  return file;
}

/* Close the files that came first until no more than so many bytes are left, with room for so many files more. */
static void shrink(struct respool_pool *pool, int64_t bytes, int64_t room) {
  for (;;) {
    os_lock(&pool->lock);
    bool fits = pool->bytes <= bytes && pool->count + room <= pool->keep_files;
    struct pooled_file file = {.fd = -1};
    if (!fits && pool->count > 0) file = remove_file(pool, 0);
    os_unlock(&pool->lock);
    if (file.fd < 0) return;
    os_close(file.fd);
  }
}

bool file_pool_take(struct respool_pool *pool, const struct os_identity *directory, struct pooled_file *file) {
  bool found = false;
  os_lock(&pool->lock);
  for (int64_t i = pool->count - 1; i >= 0 && !found; i--) {
    const struct os_identity *here = &pool->files[i].directory;
    found = here->device == directory->device && here->file == directory->file;
    if (found) *file = remove_file(pool, i);
  }
  if (found) pool->reused++;
  os_unlock(&pool->lock);
  return found;
}

/* Others may have filled the room that was made meanwhile: the file is not kept then. */
static bool add_file(struct respool_pool *pool, const struct pooled_file *file) {
  os_lock(&pool->lock);
  bool fits = pool->handles > 0 && pool->count < pool->keep_files && pool->bytes + file->size <= pool->keep_bytes;
  if (fits) {
    pool->files[pool->count++] = *file;
    pool->bytes += file->size;
  }
  os_unlock(&pool->lock);
  return fits;
}

static bool wants_files(struct respool_pool *pool) {
  os_lock(&pool->lock);
  bool wants = pool->handles > 0 && pool->keep_files > 0 && pool->keep_bytes > 0;
  os_unlock(&pool->lock);
  return wants;
}

void file_pool_give(struct respool_pool *pool, const struct pooled_file *file) {
  struct pooled_file kept = *file;
  bool wanted = file->size > 0 && wants_files(pool);
  if (wanted && kept.size > pool->keep_bytes) {
    kept.size = pool->keep_bytes;
    wanted = os_truncate(kept.fd, kept.size, NULL) == RESPOOL_OK;
  }
  if (wanted) shrink(pool, pool->keep_bytes - kept.size, 1);
  if (!wanted || !add_file(pool, &kept)) os_close(kept.fd);
}

/* ---- The public functions -------------------------------------------------------------------------- */

void respool_pool_options_init(respool_pool_options *options, size_t struct_size) {
  if (options == NULL) return;
  respool_pool_options defaults = {.struct_size = sizeof defaults,
                                   .keep_bytes = RESPOOL_DEFAULT_KEEP_BYTES,
                                   .keep_files = RESPOOL_DEFAULT_KEEP_FILES};
  memcpy(options, &struct_size, sizeof struct_size);
  options_give(&defaults, sizeof defaults, options, NULL);
}

static respool_status read_options(const respool_pool_options *given, respool_pool_options *options,
                                   respool_error *error) {
  respool_pool_options_init(options, sizeof *options);
  respool_status status = options_merge(given, options, sizeof *options, error);
  if (status != RESPOOL_OK) return status;
  if (options->keep_bytes < 0) return error_set(error, RESPOOL_INVALID, "keep_bytes is negative");
  if (options->keep_files < 0 || options->keep_files > FILES_MOST) {
    return error_set(error, RESPOOL_INVALID, "keep_files %d is not in 0 to %d", options->keep_files, FILES_MOST);
  }
  return RESPOOL_OK;
}

respool_status respool_pool_create(const respool_pool_options *options, respool_pool **pool, respool_error *error) {
  if (pool == NULL) return error_set(error, RESPOOL_INVALID, "pool is NULL");
  respool_pool_options read;
  respool_status status = read_options(options, &read, error);
  if (status != RESPOOL_OK) return status;
  struct respool_pool *made = mem_zalloc(sizeof *made + (size_t)read.keep_files * sizeof made->files[0]);
  if (made == NULL || !os_mutex_open(&made->lock)) {
    mem_free(made);
    return error_no_memory(error);
  }
  made->forks = os_fork_watch();
  made->handles = 1;
  made->references = 1;
  made->keep_bytes = read.keep_bytes;
  made->keep_files = read.keep_files;
  *pool = made;
  return RESPOOL_OK;
}

respool_pool *respool_pool_retain(respool_pool *pool) {
  if (pool == NULL || file_pool_forked(pool)) return pool;
  os_lock(&pool->lock);
  pool->handles++;
  os_unlock(&pool->lock);
  return pool;
}

void respool_pool_release(respool_pool *pool) {
  if (pool == NULL || file_pool_forked(pool)) return;
  os_lock(&pool->lock);
  bool last = --pool->handles == 0;
  os_unlock(&pool->lock);
  if (!last) return;
  shrink(pool, -1, 0);
  file_pool_drop(pool);
}

respool_status file_pool_refuse_forked(respool_error *error) {
  return error_set(error, RESPOOL_MISUSE, "this pool belongs to the parent of this forked process: make another here");
}

respool_status respool_pool_trim(respool_pool *pool, int64_t bytes, respool_error *error) {
  if (pool == NULL || bytes < 0) return error_set(error, RESPOOL_INVALID, "pool is NULL or the size negative");
  if (file_pool_forked(pool)) return file_pool_refuse_forked(error);
  shrink(pool, bytes, 0);
  return RESPOOL_OK;
}

respool_status respool_pool_get_stats(respool_pool *pool, respool_pool_stats *stats, respool_error *error) {
  if (pool == NULL || stats == NULL) return error_set(error, RESPOOL_INVALID, "pool or stats is NULL");
  if (file_pool_forked(pool)) return file_pool_refuse_forked(error);
  os_lock(&pool->lock);
  respool_pool_stats full = {
      .struct_size = sizeof full, .files = pool->count, .bytes = pool->bytes, .files_reused = pool->reused};
  os_unlock(&pool->lock);
  return options_give(&full, sizeof full, stats, error);
}
