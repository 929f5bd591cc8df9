/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a store: opening and closing, writing, reading. */
#include "store/block.h"
#include "store/file_pool.h"
#include "store/inside.h"
#include "store/pool.h"
#include "support/alloc.h"
#include "support/error.h"

#include <errno.h>

enum { WINDOW_BYTES = 64 << 20, READ_SLOT_BYTES = 8 << 20, SLOT_LEAST = 256 << 10 };

/* ---- Opening and closing --------------------------------------------------------------------------- */

/* One that another spool is done with, if there is one. */
static bool take_file(struct store *store, struct respool_pool *files, const char *directory, struct store_file *file) {
  if (files == NULL || !os_identify(directory, &store->directory)) return false;
  store->files_pool = file_pool_hold(files);
  struct pooled_file pooled;
  if (!file_pool_take(files, &store->directory, &pooled)) return false;
  file->fd = pooled.fd;
  file->size = pooled.size;
  file->file_system = pooled.file_system;
  return true;
}

static void choose_replay(const struct store *store, struct store_file *file) {
  bool reads = store->replay == RESPOOL_REPLAY_READ;
  file->is_private = store->path == NULL && file->file_system != OS_FS_REMOTE && !reads;
  file->maps = store->replay == RESPOOL_REPLAY_MAP || (!reads && file->is_private);
}

static respool_status open_anonymous(const char *directory, struct store_file *file, respool_error *error) {
  respool_status status = os_open_anonymous(directory, &file->fd, error);
  if (status == RESPOOL_OK) file->file_system = os_file_system(file->fd);
  return status;
}

/* Somebody may have opened and locked it at once: then it is theirs. Else it must not stand in the way. */
static respool_status make_named(struct store *store, const char *path, struct store_file *file, respool_error *error) {
  respool_status status = os_open_named(path, &file->fd, error);
  if (status != RESPOOL_OK) return status;
  respool_error record = {0};
  status = os_lock_file(file->fd, path, &store->locked, &record);
  if (status == RESPOOL_OK) return status;
  if (record.os_error != EAGAIN && record.os_error != EACCES) os_unlink(path);
  os_close(file->fd);
  return error_copy(error, &record);
}

static respool_status open_named(struct store *store, const struct store_options *options, struct store_file *file,
                                 respool_error *error) {
  if (!options->reopen) return make_named(store, options->path, file, error);
  return os_open_existing(options->path, &file->fd, &file->size, &store->locked, error);
}

static respool_status open_first(struct store *store, const struct store_options *options, respool_error *error) {
  struct store_file *file = &store->files[0];
  atomic_init(&file->end, -1);
  respool_status status = RESPOOL_OK;
  if (options->path != NULL) {
    status = open_named(store, options, file, error);
    if (status != RESPOOL_OK || file->fd < 0) return status;
    file->file_system = os_file_system(file->fd);
  } else {
    const char *directory = options->directory != NULL ? options->directory : os_default_directory();
    if (!take_file(store, options->files, directory, file)) status = open_anonymous(directory, file, error);
  }
  if (status != RESPOOL_OK) return status;
  choose_replay(store, file);
  atomic_store_explicit(&store->file_count, 1, memory_order_release);
  return RESPOOL_OK;
}

/* Small enough that a budget is not held by a few slots which are almost free. */
static int64_t choose_slot_bytes(const struct store *store) {
  int64_t usual = store->files[0].maps ? WINDOW_BYTES : READ_SLOT_BYTES;
  int64_t share = store->budget / 16 > SLOT_LEAST ? store->budget / 16 : SLOT_LEAST;
  return share < usual ? share : usual;
}

/* Arrays that a forked child took with it show the file's pages as long as it likes. */
static bool may_be_reused(const struct store *store) {
  return store->files_pool != NULL && !atomic_load_explicit(&store->spoiled, memory_order_relaxed) &&
         store->forks_begun == os_forks_begun();
}

void store_unlock(struct store *store) {
  if (store->locked) os_unlock_file(store->files[0].fd);
  store->locked = false;
}

/* Unlocked first: a mapping, or a child of this process, may hold the open file for longer. */
static void close_files(struct store *store) {
  store_unlock(store);
  struct store_file *file = &store->files[0];
  int count = atomic_load_explicit(&store->file_count, memory_order_relaxed);
  if (count == 1 && may_be_reused(store)) {
    struct pooled_file pooled = {
        .fd = file->fd, .file_system = file->file_system, .size = file->size, .directory = store->directory};
    file_pool_give(store->files_pool, &pooled);
  } else {
    for (int i = 0; i < count; i++) os_close(file[i].fd);
  }
  atomic_store_explicit(&store->file_count, 0, memory_order_relaxed);
}

static void destroy(struct store *store) {
  close_files(store);
  file_pool_drop(store->files_pool);
  os_mutex_close(&store->lock);
  mem_free(store->slots);
  mem_free(store->path);
  mem_free(store);
}

/* What has been written ends here now, further on or (as it was cut) before. */
static void move_top(struct store *store, int64_t top) {
  atomic_fetch_add_explicit(&store->on_disk, top - store->top, memory_order_relaxed);
  store->top = top;
}

respool_status store_open(const struct store_options *options, struct store **store, respool_error *error) {
  struct store *made = mem_zalloc(sizeof *made);
  if (made == NULL || !os_mutex_open(&made->lock)) {
    mem_free(made);
    return error_no_memory(error);
  }
  made->forks = os_fork_watch();
  made->forks_begun = os_forks_begun();
  made->references = 1;
  made->replay = options->replay;
  made->budget = options->budget;
  respool_status status = pool_open(&made->pool, error);
  if (status == RESPOOL_OK && options->path != NULL) {
    made->path = mem_copy_string(options->path);
    if (made->path == NULL) status = error_no_memory(error);
  }
  if (status == RESPOOL_OK) status = open_first(made, options, error);
  bool missing = atomic_load_explicit(&made->file_count, memory_order_relaxed) == 0;
  if (status != RESPOOL_OK || missing) {
    pool_close(made->pool);
    destroy(made);
    return status;
  }
  made->slot_bytes = choose_slot_bytes(made);
  if (options->reopen) move_top(made, made->files[0].size);
  *store = made;
  return RESPOOL_OK;
}

int64_t store_seal(struct store *store) {
  int64_t start = window_seal(store, atomic_load_explicit(&store->committed, memory_order_relaxed));
  store->top = start; /* what is passed over takes no space */
  return start;
}

respool_status store_continue(struct store *store, const char *directory, int64_t *start, respool_error *error) {
  int count = atomic_load_explicit(&store->file_count, memory_order_relaxed);
  if (count == STORE_FILES_MOST) return error_set(error, RESPOOL_NO_SPACE, "the spool lies in %d files already", count);
  struct store_file *file = &store->files[count];
  *file = (struct store_file){.fd = -1};
  atomic_init(&file->end, -1);
  respool_status status = open_anonymous(directory, file, error);
  if (status != RESPOOL_OK) return status;
  choose_replay(store, file);
  int64_t committed = atomic_load_explicit(&store->committed, memory_order_relaxed);
  file->start = store_seal(store);
  atomic_store_explicit(&store->files[count - 1].end, committed, memory_order_relaxed);
  *start = file->start;
  store_spoil(store);
  atomic_store_explicit(&store->file_count, count + 1, memory_order_release);
  return RESPOOL_OK;
}

void store_drop_reference(struct store *store) {
  bool last = --store->references == 0;
  os_unlock(&store->lock);
  if (last) destroy(store);
}

void store_close(struct store *store) {
  if (store == NULL) return;
  /* One for the pool must wait until no window shows its pages any more. */
  window_close(store);
  if (!may_be_reused(store)) close_files(store);
  pool_close(store->pool);
  os_lock(&store->lock);
  store_drop_reference(store);
}

/* ---- Writing --------------------------------------------------------------------------------------- */

static int64_t length_of(const struct gather_piece *pieces, int count) {
  int64_t length = 0;
  for (int i = 0; i < count; i++) length += (int64_t)pieces[i].length;
  return length;
}

int64_t store_room(struct store *store) {
  return store->budget - (int64_t)atomic_load_explicit(&store->on_disk, memory_order_relaxed);
}

static respool_status check_budget(struct store *store, int64_t end, respool_error *error) {
  int64_t more = end - store->top;
  if (more <= store_room(store)) return RESPOOL_OK;
  return error_set(error, RESPOOL_OVER_BUDGET,
                   "the disk budget is used up: %lld bytes more were asked for, %lld of %lld are in use",
                   (long long)more, (long long)(store->budget - store_room(store)), (long long)store->budget);
}

respool_status store_write(struct store *store, const struct gather_piece *pieces, int count, int64_t offset,
                           respool_error *error) {
  respool_status status = check_budget(store, offset + length_of(pieces, count), error);
  if (status != RESPOOL_OK) return status;
  struct store_file *file = &store->files[atomic_load_explicit(&store->file_count, memory_order_relaxed) - 1];
  int64_t written = 0;
  status = os_write_at(file->fd, pieces, count, offset - file->start, &written, error);
  if (status != RESPOOL_OK) store_spoil(store);
  if (offset + written - file->start > file->size) file->size = offset + written - file->start;
  if (offset + written > store->top) move_top(store, offset + written);
  atomic_fetch_add_explicit(&store->written, written, memory_order_relaxed);
  return status;
}

respool_status store_commit(struct store *store, int64_t offset, int64_t length, respool_error *error) {
  atomic_store_explicit(&store->committed, offset + length, memory_order_release); /* after the end of a file before */
  return window_commit(store, offset, length, error);
}

void store_cut(struct store *store, int64_t length) {
  const struct store_file *file = store_file_at(store, length);
  window_cut(store, length);
  atomic_store_explicit(&store->committed, length, memory_order_relaxed);
  atomic_fetch_add_explicit(&store->cuts, 1, memory_order_release);
  os_truncate(file->fd, length - file->start, NULL);
  move_top(store, length);
  store_spoil(store);
}

int64_t store_size(const struct store *store) {
  return store->files[0].size;
}

respool_status store_trim(struct store *store, int64_t length, respool_error *error) {
  struct store_file *file = &store->files[0];
  if (file->size <= length) return RESPOOL_OK;
  respool_status status = os_truncate(file->fd, length, error);
  if (status != RESPOOL_OK) return status;
  file->size = length;
  move_top(store, length);
  return status;
}

/*
 * The system tells of data that it could not bring to the medium once, and calls the pages clean from then on: a second
 * sync would answer that all is well.
 */
respool_status store_sync(struct store *store, respool_error *error) {
  if (store->sync_failed) {
    return error_set(error, RESPOOL_IO,
                     "a sync of the spool file has failed before: what is on the medium is not known");
  }
  respool_status status = RESPOOL_OK;
  int count = atomic_load_explicit(&store->file_count, memory_order_relaxed);
  for (int i = 0; i < count && status == RESPOOL_OK; i++) status = os_sync(store->files[i].fd, error);
  store->sync_failed = status != RESPOOL_OK;
  if (store->sync_failed) store_spoil(store);
  if (status == RESPOOL_OK && store->path != NULL) status = os_sync_parent(store->path, error);
  return status;
}

/* ---- Reading --------------------------------------------------------------------------------------- */

respool_status store_read(struct store *store, int64_t offset, int64_t length, struct store_view *view,
                          respool_error *error) {
  struct pool_buffer *buffer;
  respool_status status = pool_take(store->pool, length, &buffer, error);
  if (status != RESPOOL_OK) return status;
  const struct store_file *file = store_file_at(store, offset);
  status = os_read_at(file->fd, buffer->bytes, length, offset - file->start, error);
  if (status != RESPOOL_OK) {
    store_spoil(store);
    pool_give(buffer);
    return status;
  }
  *view =
      (struct store_view){.bytes = buffer->bytes, .is_private = file->is_private, .drop = pool_give, .object = buffer};
  return RESPOOL_OK;
}

respool_status store_scan(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length, int64_t end,
                          struct store_view *view, respool_error *error) {
  if (length > BLOCK_EXTENT_MOST) return store_read(store, offset, length, view, error);
  struct block_source source = {.fd = store->files[0].fd, .end = end, .pool = store->pool};
  return block_view(&cursor->block, &source, offset, length, view, error);
}

respool_status store_take_buffer(struct store *store, int64_t size, struct pool_buffer **buffer, respool_error *error) {
  return pool_take(store->pool, size, buffer, error);
}

/* A block may have been read ahead into what was cut afterwards, and has other bytes by now. */
static void leave_old_block(const struct store *store, struct store_cursor *cursor) {
  unsigned cuts = atomic_load_explicit(&store->cuts, memory_order_acquire);
  if (cursor->cuts == cuts) return;
  block_drop(cursor->block);
  cursor->block = NULL;
  cursor->cuts = cuts;
}

static respool_status view_block(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length,
                                 const struct store_file *file, struct store_view *view, respool_error *error) {
  leave_old_block(store, cursor);
  struct block_source source = {.fd = file->fd, .start = file->start, .pool = store->pool};
  /* What is committed is looked at first: if that lies in a later file, this one is seen to have its end. */
  int64_t committed = atomic_load_explicit(&store->committed, memory_order_acquire);
  int64_t file_end = atomic_load_explicit(&file->end, memory_order_relaxed);
  source.end = file_end >= 0 ? file_end : committed;
  respool_status status = block_view(&cursor->block, &source, offset, length, view, NULL);
  if (status == RESPOOL_OK) return status;
  store_spoil(store); /* what lies behind the extent may be damaged without harm to it */
  source.end = offset + length;
  return block_view(&cursor->block, &source, offset, length, view, error);
}

static respool_status view_read(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length,
                                struct store_view *view, respool_error *error) {
  if (length > BLOCK_EXTENT_MOST) return store_read(store, offset, length, view, error);
  const struct store_file *file = store_file_at(store, offset);
  respool_status status = view_block(store, cursor, offset, length, file, view, error);
  if (status == RESPOOL_OK) view->is_private = file->is_private;
  return status;
}

respool_status store_view(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length,
                          struct store_view *view, respool_error *error) {
  if (!store_file_at(store, offset)->maps) return view_read(store, cursor, offset, length, view, error);
  respool_status status = window_view(store, cursor, offset, length, view, NULL);
  /* The system may refuse a mapping that an address space limit or its own table has no room for. */
  return status == RESPOOL_OK ? status : view_read(store, cursor, offset, length, view, error);
}

void store_cursor_close(struct store_cursor *cursor) {
  window_leave(cursor);
  block_drop(cursor->block);
  cursor->block = NULL;
}

const char *store_path(const struct store *store) {
  return store->path;
}

static bool in_memory(const struct store *store) {
  int count = atomic_load_explicit(&store->file_count, memory_order_acquire);
  return store->files[count - 1].file_system == OS_FS_MEMORY;
}

struct store_info store_info(struct store *store) {
  return (struct store_info){.written = atomic_load_explicit(&store->written, memory_order_relaxed),
                             .on_disk = atomic_load_explicit(&store->on_disk, memory_order_relaxed),
                             .mapped = atomic_load_explicit(&store->mapped, memory_order_relaxed),
                             .read_buffers = pool_bytes(store->pool),
                             .in_memory = in_memory(store)};
}
