/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes at rest: a file that grows by appending, and views of what was appended, mapped or read. May call: os, support.
 *
 * Where a disk is full, an anonymous store goes on in a file in another directory; places are counted on through all of
 * them.
 *
 * A mapped view lies in a window: a range of the file that starts at an extent and is mapped whole, once for all
 * readers, when the first asks for it. A window may reach beyond what has been written so far: its pages there become
 * accessible as the file grows, and no view leads to them before. Windows are unmapped when nothing refers to them.
 */
#ifndef RESPOOL_STORE_STORE_H
#define RESPOOL_STORE_STORE_H

#include "respool/respool.h"
#include "store/ahead.h"
#include "store/pool.h"
#include "support/gather.h"

#include <stdbool.h>

struct store;

struct store_options {
  const char *path;      /* NULL: anonymous, in ... */
  const char *directory; /* NULL: the default one */
  int32_t replay;        /* RESPOOL_REPLAY_... */

  int64_t budget; /* bytes on disk, at most; INT64_MAX: any number */

  /* Where an anonymous file comes from and goes to, or NULL. The store holds a reference. */
  struct respool_pool *files;

  bool reopen; /* the file at the path that is there, locked; where none is, `*store` becomes NULL */
};

respool_status store_open(const struct store_options *options, struct store **store, respool_error *error);

enum { STORE_FILES_MOST = 16 };

/*
 * Of the thread that writes, which has nothing uncommitted: go on in a new file in `directory`, at `*start`. Not for
 * named ones.
 */
respool_status store_continue(struct store *store, const char *directory, int64_t *start, respool_error *error);

/*
 * Close the file, or leave it to the pool once no view leads there any more. Views stay valid; nothing else may be
 * called any more.
 */
void store_close(struct store *store);

/*
 * One thread at a time: write at `offset`; commit once all of it and all before it is there. RESPOOL_OVER_BUDGET:
 * nothing was written.
 */
respool_status store_write(struct store *store, const struct gather_piece *pieces, int count, int64_t offset,
                           respool_error *error);

/*
 * An extent was written whole and may be viewed from now on. Extents are committed in rising order.
 * RESPOOL_NO_MEMORY.
 */
respool_status store_commit(struct store *store, int64_t offset, int64_t length, respool_error *error);

/* Forget and cut what lies behind `length`, which readers know nothing of: the rest of a run that failed. */
void store_cut(struct store *store, int64_t length);

/*
 * A named file is locked against other writers when it is made. Nothing will be written any more: they may have it.
 */
void store_unlock(struct store *store);

/* Bytes that the budget leaves. */
int64_t store_room(struct store *store);

/*
 * An extent that nobody will view again. Its space is given back once that of its neighbours is, too, and no window
 * shows them, by store_give_back() or where the window goes. From any thread; the latter makes system calls. Files that
 * have a name keep everything.
 */
void store_free(struct store *store, int64_t offset, int64_t length);
void store_give_back(struct store *store);

/*
 * Of the thread that writes, which has nothing uncommitted: no more extents come next to those before, so that all of
 * these can be given back. Where writing goes on.
 */
int64_t store_seal(struct store *store);

respool_status store_sync(struct store *store, respool_error *error);

/* Bytes of a committed extent, kept until drop(object) is called, from any thread, also after store_close(). */
struct store_view {
  const uint8_t *bytes;
  bool is_private; /* nobody else can change them, and nobody asked for them to be checked */
  bool is_mapped;  /* they are the file's; else a copy in memory */
  void (*drop)(void *object);
  void *object;
};

/* What a reader remembers between views so that the next one is cheap. Zero it before the first use. */
struct store_cursor {
  struct store_window *window;
  struct ahead ahead;        /* how it goes through its windows */
  struct store_block *block; /* where it reads */
  unsigned cuts;             /* of the store when the block was read */
};

/* Any thread; one at a time for a given cursor. */
respool_status store_view(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length,
                          struct store_view *view, respool_error *error);
void store_cursor_close(struct store_cursor *cursor);

/* The same for bytes that were written, committed or not, always read into memory. For the thread that writes. */
respool_status store_read(struct store *store, int64_t offset, int64_t length, struct store_view *view,
                          respool_error *error);

/*
 * The same for what was there when the store was opened, small extents several at a time, in a file that ends at `end`:
 * its size at first. And cutting it to a length.
 */
respool_status store_scan(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length, int64_t end,
                          struct store_view *view, respool_error *error);
int64_t store_size(const struct store *store);
respool_status store_trim(struct store *store, int64_t length, respool_error *error);

/* Memory from where views are read into, for what becomes of a view's bytes; to be given back with pool_give(). */
respool_status store_take_buffer(struct store *store, int64_t size, struct pool_buffer **buffer, respool_error *error);

/* NULL: it is anonymous. */
const char *store_path(const struct store *store);

struct store_info {
  int64_t written; /* bytes the system took */
  int64_t on_disk; /* bytes of what the files hold now */
  int64_t mapped;
  int64_t read_buffers;
  bool in_memory; /* the file system is a memory-backed one */
};
struct store_info store_info(struct store *store);

#endif
