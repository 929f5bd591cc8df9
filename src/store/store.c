/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a spool and views of it. `lock` guards the list of windows and which of them are mapped; mapping and
 * unmapping happen outside it.
 */
#include "store/store.h"

#include "os/file.h"
#include "os/thread.h"
#include "store/block.h"
#include "store/file_pool.h"
#include "store/pool.h"
#include "support/alloc.h"
#include "support/error.h"

#include <stdatomic.h>

enum { WINDOW_BYTES = 64 << 20 };

struct store_window {
  atomic_llong references; /* views, cursors; at 0 it is on its way out and must not be taken again */
  struct store *store;
  struct os_mapping mapping;
  int64_t start;
  int64_t length;
};

/* A window's place in the file, and its mapping while there is one. */
struct window_slot {
  int64_t start;
  int64_t length;
  struct store_window *window;
};

struct store {
  struct os_mutex lock;
  uint32_t forks;
  uint32_t forks_begun;      /* when it was opened */
  int64_t references;        /* the owner and every mapped window; under the lock */
  struct window_slot *slots; /* by rising start */
  size_t slot_count;
  size_t slot_capacity;
  struct pool *pool;
  struct respool_pool *files; /* NULL: the file goes with the store */
  struct os_identity directory;
  char *path;
  int fd;
  int file_system;
  int64_t size;        /* of the file */
  atomic_bool spoiled; /* a call on the file has failed: it is not for others */
  bool maps;
  bool is_private;
  bool in_memory;
  bool sync_failed;
  atomic_llong written;
  atomic_llong committed; /* where the last extent ends */
  atomic_uint cuts;       /* how often what was committed has been taken back */
  atomic_llong mapped;
};

/* ---- Opening and closing --------------------------------------------------------------------------- */

/* One that another spool is done with, if there is one. */
static bool take_file(struct store *store, struct respool_pool *files, const char *directory) {
  if (files == NULL || !os_identify(directory, &store->directory)) return false;
  store->files = file_pool_hold(files);
  struct pooled_file file;
  if (!file_pool_take(files, &store->directory, &file)) return false;
  store->fd = file.fd;
  store->size = file.size;
  store->file_system = file.file_system;
  return true;
}

static respool_status open_file(struct store *store, const struct store_options *options, respool_error *error) {
  respool_status status;
  if (options->path != NULL) {
    status = os_open_named(options->path, &store->fd, error);
  } else {
    const char *directory = options->directory != NULL ? options->directory : os_default_directory();
    if (take_file(store, options->files, directory)) return RESPOOL_OK;
    status = os_open_anonymous(directory, &store->fd, error);
  }
  if (status == RESPOOL_OK) store->file_system = os_file_system(store->fd);
  return status;
}

static void choose_replay(struct store *store, int32_t replay) {
  store->is_private = store->path == NULL && store->file_system != OS_FS_REMOTE && replay != RESPOOL_REPLAY_READ;
  store->in_memory = store->file_system == OS_FS_MEMORY;
  store->maps = replay == RESPOOL_REPLAY_MAP || (replay == RESPOOL_REPLAY_AUTO && store->is_private);
}

static void spoil(struct store *store) {
  atomic_store_explicit(&store->spoiled, true, memory_order_relaxed);
}

/* Arrays that a forked child took with it show the file's pages as long as it likes. */
static bool may_be_reused(const struct store *store) {
  return store->files != NULL && !atomic_load_explicit(&store->spoiled, memory_order_relaxed) &&
         store->forks_begun == os_forks_begun();
}

static void close_file(struct store *store) {
  struct pooled_file file = {
      .fd = store->fd, .file_system = store->file_system, .size = store->size, .directory = store->directory};
  if (may_be_reused(store))
    file_pool_give(store->files, &file);
  else
    os_close(store->fd);
  store->fd = -1;
}

static void destroy(struct store *store) {
  if (store->fd >= 0) close_file(store);
  file_pool_drop(store->files);
  os_mutex_close(&store->lock);
  mem_free(store->slots);
  mem_free(store->path);
  mem_free(store);
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
  made->fd = -1;
  respool_status status = pool_open(&made->pool, error);
  if (status == RESPOOL_OK && options->path != NULL) {
    made->path = mem_copy_string(options->path);
    if (made->path == NULL) status = error_no_memory(error);
  }
  if (status == RESPOOL_OK) status = open_file(made, options, error);
  if (status != RESPOOL_OK) {
    pool_close(made->pool);
    destroy(made);
    return status;
  }
  choose_replay(made, options->replay);
  *store = made;
  return RESPOOL_OK;
}

/* Called with the lock held, which it gives up. */
static void drop_reference(struct store *store) {
  bool last = --store->references == 0;
  os_unlock(&store->lock);
  if (last) destroy(store);
}

void store_close(struct store *store) {
  if (store == NULL) return;
  /* One for the pool must wait until no window shows its pages any more. */
  if (!may_be_reused(store)) close_file(store);
  pool_close(store->pool);
  os_lock(&store->lock);
  drop_reference(store);
}

/* ---- Writing --------------------------------------------------------------------------------------- */

respool_status store_write(struct store *store, const struct gather_piece *pieces, int count, int64_t offset,
                           respool_error *error) {
  int64_t written = 0;
  respool_status status = os_write_at(store->fd, pieces, count, offset, &written, error);
  if (status != RESPOOL_OK) spoil(store);
  if (offset + written > store->size) store->size = offset + written;
  atomic_fetch_add_explicit(&store->written, written, memory_order_relaxed);
  return status;
}

/* One more place for a window, from `offset` on. */
static respool_status add_slot(struct store *store, int64_t offset, int64_t length, respool_error *error) {
  os_lock(&store->lock);
  bool room = mem_reserve((void **)&store->slots, &store->slot_capacity, store->slot_count + 1, sizeof *store->slots);
  if (room) {
    store->slots[store->slot_count++] =
        (struct window_slot){.start = offset, .length = length > WINDOW_BYTES ? length : WINDOW_BYTES};
  }
  os_unlock(&store->lock);
  return room ? RESPOOL_OK : error_no_memory(error);
}

respool_status store_commit(struct store *store, int64_t offset, int64_t length, respool_error *error) {
  atomic_store_explicit(&store->committed, offset + length, memory_order_relaxed);
  if (!store->maps) return RESPOOL_OK;
  /* The list is changed by the thread that writes only, so that it need not lock it for looking. */
  const struct window_slot *last = store->slot_count > 0 ? &store->slots[store->slot_count - 1] : NULL;
  bool inside = last != NULL && offset + length <= last->start + last->length;
  return inside ? RESPOOL_OK : add_slot(store, offset, length, error);
}

void store_cut(struct store *store, int64_t length) {
  os_lock(&store->lock); /* windows of extents that were not committed in the end: no view has led there */
  while (store->slot_count > 0 && store->slots[store->slot_count - 1].start >= length) store->slot_count--;
  os_unlock(&store->lock);
  atomic_store_explicit(&store->committed, length, memory_order_relaxed);
  atomic_fetch_add_explicit(&store->cuts, 1, memory_order_release);
  os_truncate(store->fd, length, NULL);
  spoil(store);
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
  respool_status status = os_sync(store->fd, error);
  store->sync_failed = status != RESPOOL_OK;
  if (store->sync_failed) spoil(store);
  if (status == RESPOOL_OK && store->path != NULL) status = os_sync_parent(store->path, error);
  return status;
}

/* ---- Windows --------------------------------------------------------------------------------------- */

/* The slot that holds `offset`, which was committed. The lock is held. */
static struct window_slot *find_slot(struct store *store, int64_t offset) {
  size_t low = 0;
  size_t high = store->slot_count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (store->slots[middle].start <= offset)
      low = middle;
    else
      high = middle;
  }
  return &store->slots[low];
}

static void drop_window(void *object) {
  struct store_window *window = object;
  if (window->store->forks != os_fork_count())
    return; /* a forked child: the lock may be held by a thread that is not here */
  if (atomic_fetch_sub_explicit(&window->references, 1, memory_order_acq_rel) != 1) return;
  struct store *store = window->store;
  int64_t mapped = (int64_t)window->mapping.size;
  os_lock(&store->lock);
  struct window_slot *slot = find_slot(store, window->start);
  if (slot->window == window) slot->window = NULL; /* else somebody has put a newer one there */
  os_unlock(&store->lock);
  os_unmap(&window->mapping);
  mem_free(window);
  atomic_fetch_sub_explicit(&store->mapped, mapped, memory_order_relaxed);
  os_lock(&store->lock);
  drop_reference(store);
}

/* One more reference, unless the last one has just gone. */
static bool take_window(struct store_window *window) {
  long long count = atomic_load_explicit(&window->references, memory_order_relaxed);
  while (count > 0) {
    if (atomic_compare_exchange_weak_explicit(&window->references, &count, count + 1, memory_order_acquire,
                                              memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

static respool_status map_window(struct store *store, int64_t start, int64_t length, struct store_window **window,
                                 respool_error *error) {
  struct store_window *made = mem_zalloc(sizeof *made);
  if (made == NULL) return error_no_memory(error);
  respool_status status = os_map(store->fd, start, length, &made->mapping, error);
  if (status != RESPOOL_OK) {
    mem_free(made);
    return status;
  }
  atomic_init(&made->references, 1);
  made->store = store;
  made->start = start;
  made->length = length;
  *window = made;
  return RESPOOL_OK;
}

/* Put a fresh mapping in its slot, or take the one that another reader has put there meanwhile. */
static struct store_window *publish_window(struct store *store, struct store_window *made) {
  os_lock(&store->lock);
  struct window_slot *slot = find_slot(store, made->start);
  struct store_window *there = slot->window;
  if (there != NULL && take_window(there)) {
    os_unlock(&store->lock);
    os_unmap(&made->mapping);
    mem_free(made);
    return there;
  }
  slot->window = made;
  store->references++;
  os_unlock(&store->lock);
  atomic_fetch_add_explicit(&store->mapped, (int64_t)made->mapping.size, memory_order_relaxed);
  return made;
}

/* The window around `offset`, with a reference for the caller. */
static respool_status open_window(struct store *store, int64_t offset, struct store_window **window,
                                  respool_error *error) {
  os_lock(&store->lock);
  struct window_slot slot = *find_slot(store, offset);
  bool taken = slot.window != NULL && take_window(slot.window);
  os_unlock(&store->lock);
  if (taken) {
    *window = slot.window;
    return RESPOOL_OK;
  }
  struct store_window *made = NULL;
  respool_status status = map_window(store, slot.start, slot.length, &made, error);
  if (status == RESPOOL_OK) *window = publish_window(store, made);
  return status;
}

static bool covers(const struct store_window *window, int64_t offset, int64_t length) {
  return window != NULL && offset >= window->start && offset + length <= window->start + window->length;
}

static void leave_window(struct store_cursor *cursor) {
  if (cursor->window != NULL) drop_window(cursor->window);
  cursor->window = NULL;
  ahead_leave(&cursor->ahead);
}

void store_cursor_close(struct store_cursor *cursor) {
  leave_window(cursor);
  block_drop(cursor->block);
  cursor->block = NULL;
}

static respool_status view_mapped(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length,
                                  struct store_view *view, respool_error *error) {
  if (!covers(cursor->window, offset, length)) {
    struct store_window *window;
    respool_status status = open_window(store, offset, &window, error);
    if (status != RESPOOL_OK) return status;
    leave_window(cursor);
    cursor->window = window;
    if (!covers(window, offset, length)) return error_set(error, RESPOOL_IO, "no window holds the extent");
  }
  struct store_window *window = cursor->window;
  struct ahead_range range = {
      .fd = store->fd, .bytes = window->mapping.bytes, .start = window->start, .length = window->length};
  ahead_view(&cursor->ahead, &range, offset, length);
  atomic_fetch_add_explicit(&window->references, 1, memory_order_relaxed);
  *view = (struct store_view){.bytes = window->mapping.bytes + (offset - window->start),
                              .is_private = store->is_private,
                              .drop = drop_window,
                              .object = window};
  return RESPOOL_OK;
}

/* ---- Reading --------------------------------------------------------------------------------------- */

respool_status store_read(struct store *store, int64_t offset, int64_t length, struct store_view *view,
                          respool_error *error) {
  struct pool_buffer *buffer;
  respool_status status = pool_take(store->pool, length, &buffer, error);
  if (status != RESPOOL_OK) return status;
  status = os_read_at(store->fd, buffer->bytes, length, offset, error);
  if (status != RESPOOL_OK) {
    spoil(store);
    pool_give(buffer);
    return status;
  }
  *view =
      (struct store_view){.bytes = buffer->bytes, .is_private = store->is_private, .drop = pool_give, .object = buffer};
  return RESPOOL_OK;
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

static respool_status view_read(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length,
                                struct store_view *view, respool_error *error) {
  if (length > BLOCK_EXTENT_MOST) return store_read(store, offset, length, view, error);
  leave_old_block(store, cursor);
  int64_t end = atomic_load_explicit(&store->committed, memory_order_relaxed);
  respool_status status = block_view(&cursor->block, store->fd, store->pool, offset, length, end, view, NULL);
  if (status != RESPOOL_OK) { /* what lies behind the extent may be damaged without harm to it */
    spoil(store);
    status = block_view(&cursor->block, store->fd, store->pool, offset, length, offset + length, view, error);
  }
  if (status == RESPOOL_OK) view->is_private = store->is_private;
  return status;
}

respool_status store_view(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length,
                          struct store_view *view, respool_error *error) {
  if (!store->maps) return view_read(store, cursor, offset, length, view, error);
  respool_status status = view_mapped(store, cursor, offset, length, view, NULL);
  /* The system may refuse a mapping that an address space limit or its own table has no room for. */
  return status == RESPOOL_OK ? status : view_read(store, cursor, offset, length, view, error);
}

struct store_info store_info(struct store *store) {
  return (struct store_info){.written = atomic_load_explicit(&store->written, memory_order_relaxed),
                             .mapped = atomic_load_explicit(&store->mapped, memory_order_relaxed),
                             .read_buffers = pool_bytes(store->pool),
                             .in_memory = store->in_memory};
}
