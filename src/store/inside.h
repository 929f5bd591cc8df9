/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store as its own files see it: store.c (files, writing, reading), window.c (mappings, and what is freed).
 *
 * Places in a store are counted through all of its files: each has those from its `start` on, up to the next one's.
 * `lock` guards the list of slots; mapping, unmapping and freeing happen outside it.
 */
#ifndef RESPOOL_STORE_INSIDE_H
#define RESPOOL_STORE_INSIDE_H

#include "os/file.h"
#include "os/thread.h"
#include "store/store.h"

#include <stdatomic.h>

struct store_window {
  atomic_llong references; /* views, cursors; at 0 it is on its way out and must not be taken again */
  struct store *store;
  struct os_mapping mapping;
  int64_t start;
  int64_t length;
};

/* A row of extents of one file: what a window maps, and what is freed together. */
struct store_slot {
  int64_t start;
  int64_t length; /* of a window */
  int64_t end;    /* no extent will come behind it; -1: some may */
  int64_t freed;  /* bytes of extents that nobody will view again */
  bool given_up;  /* its space has been, or is being, given back */
  struct store_window *window;
};

struct store_file {
  int fd;
  int64_t start;
  atomic_llong end; /* -1: the last file, where writing goes on. Readers look at it without a lock */
  int64_t size;     /* as far as is known */
  int file_system;
  bool maps;
  bool is_private;
};

struct store {
  struct os_mutex lock;
  uint32_t forks;
  uint32_t forks_begun;     /* when it was opened */
  int64_t references;       /* the owner and every mapped window; under the lock */
  struct store_slot *slots; /* by rising start */
  size_t slot_count;
  size_t slot_capacity;
  int64_t slot_bytes;  /* of a slot, at least */
  size_t given_up;     /* under the lock: the slots before it have all been given up */
  int punching;        /* threads that give space back; under the lock */
  bool closing;        /* under the lock: no more may begin to */
  atomic_int freeable; /* slots whose space may be given back, about */
  struct pool *pool;
  struct respool_pool *files_pool; /* NULL: the file goes with the store */
  struct os_identity directory;
  char *path;
  int32_t replay;
  struct store_file files[STORE_FILES_MOST];
  atomic_int file_count;
  atomic_bool spoiled; /* a call on the file has failed, or it has holes: it is not for others */
  bool sync_failed;
  bool locked; /* against other writers; of the thread that writes */
  int64_t budget;
  int64_t top;          /* of the thread that writes: where what it has written ends */
  atomic_llong on_disk; /* bytes up to there, less what was given back */
  atomic_llong written;
  atomic_llong committed; /* where the last extent ends */
  atomic_uint cuts;       /* how often what was committed has been taken back */
  atomic_llong mapped;
};

/* The file that holds a place. */
static inline const struct store_file *store_file_at(const struct store *store, int64_t offset) {
  int i = atomic_load_explicit(&store->file_count, memory_order_acquire) - 1;
  while (i > 0 && store->files[i].start > offset) i--;
  return &store->files[i];
}

static inline void store_spoil(struct store *store) {
  atomic_store_explicit(&store->spoiled, true, memory_order_relaxed);
}

/* Called with the lock held, which it gives up. */
void store_drop_reference(struct store *store);

/* Of the thread that writes: a place for the window of an extent that is committed. */
respool_status window_commit(struct store *store, int64_t offset, int64_t length, respool_error *error);
void window_cut(struct store *store, int64_t length);

/* No extent will come into the slots there are. Where the next may begin: no window of theirs reaches there. */
int64_t window_seal(struct store *store, int64_t committed);

/* Wait until nobody gives space back, before the files are closed. */
void window_close(struct store *store);

respool_status window_view(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length,
                           struct store_view *view, respool_error *error);
void window_leave(struct store_cursor *cursor);

#endif
