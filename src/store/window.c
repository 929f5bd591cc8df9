/* SPDX-License-Identifier: Apache-2.0 */
/* Slots: the windows that are mapped there, and giving back the space of those that nobody will view again. */
#include "store/inside.h"
#include "support/alloc.h"
#include "support/error.h"

#include <string.h>

enum { FORGET_LEAST = 64 };

/* ---- Slots ----------------------------------------------------------------------------------------- */

/* The slot that holds `offset`, which was committed. The lock is held. */
static struct store_slot *find_slot(struct store *store, int64_t offset) {
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

static struct store_slot *last_slot(struct store *store) {
  return store->slot_count > 0 ? &store->slots[store->slot_count - 1] : NULL;
}

/* Whether all that is in it was freed, and no view leads there. The lock is held. */
static bool is_free(const struct store_slot *slot) {
  return slot->end >= 0 && !slot->given_up && slot->window == NULL && slot->freed == slot->end - slot->start;
}

static void note_free(struct store *store, const struct store_slot *slot) {
  if (is_free(slot)) atomic_fetch_add_explicit(&store->freeable, 1, memory_order_relaxed);
}

/* Nothing will come into the slot behind `end`. The lock is held. */
static void seal_slot(struct store *store, struct store_slot *slot, int64_t end) {
  if (slot == NULL || slot->end >= 0) return;
  slot->end = end;
  note_free(store, slot);
}

/* So that an endless stream through a small disk takes no more memory than its slots there do. The lock is held. */
static void forget_slots(struct store *store) {
  size_t gone = store->given_up;
  if (gone < FORGET_LEAST || gone < store->slot_count / 2) return;
  memmove(store->slots, store->slots + gone, (store->slot_count - gone) * sizeof *store->slots);
  store->slot_count -= gone;
  store->given_up = 0;
}

/* One more slot, from `offset` on, where the one before it ends. */
static respool_status add_slot(struct store *store, int64_t offset, int64_t length, respool_error *error) {
  os_lock(&store->lock);
  forget_slots(store);
  bool room = mem_reserve((void **)&store->slots, &store->slot_capacity, store->slot_count + 1, sizeof *store->slots);
  if (room) {
    seal_slot(store, last_slot(store), offset);
    store->slots[store->slot_count++] = (struct store_slot){
        .start = offset, .length = length > store->slot_bytes ? length : store->slot_bytes, .end = -1};
  }
  os_unlock(&store->lock);
  return room ? RESPOOL_OK : error_no_memory(error);
}

respool_status window_commit(struct store *store, int64_t offset, int64_t length, respool_error *error) {
  /* The list is changed by the thread that writes only, so that it need not lock it for looking. */
  const struct store_slot *last = last_slot(store);
  bool inside = last != NULL && last->end < 0 && offset + length <= last->start + last->length;
  return inside ? RESPOOL_OK : add_slot(store, offset, length, error);
}

/* No view has led to what was not committed in the end. A slot that was given up meanwhile stays sealed. */
void window_cut(struct store *store, int64_t length) {
  os_lock(&store->lock);
  while (store->slot_count > 0 && last_slot(store)->start >= length) store->slot_count--;
  struct store_slot *last = last_slot(store);
  if (last != NULL && last->end > length) last->end = -1;
  if (store->given_up > store->slot_count) store->given_up = store->slot_count;
  os_unlock(&store->lock);
}

int64_t window_seal(struct store *store, int64_t committed) {
  os_lock(&store->lock);
  struct store_slot *last = last_slot(store);
  seal_slot(store, last, committed);
  int64_t start = last != NULL && last->start + last->length > committed ? last->start + last->length : committed;
  os_unlock(&store->lock);
  return start;
}

/* ---- Giving back ----------------------------------------------------------------------------------- */

void store_free(struct store *store, int64_t offset, int64_t length) {
  os_lock(&store->lock);
  struct store_slot *slot = find_slot(store, offset);
  slot->freed += length;
  note_free(store, slot);
  os_unlock(&store->lock);
}

/* What is given back: places of a file, and how many bytes of extents are there. */
struct hole {
  const struct store_file *file;
  int64_t start;
  int64_t end;
  int64_t extents;
};

enum { BLOCK = 4096 };

/*
 * Space comes in blocks, and two slots may share one: it goes with the one that goes last. The lock is held, and the
 * slot marked.
 */
static struct hole hole_of(const struct store *store, size_t i) {
  const struct store_slot *slot = &store->slots[i];
  const struct store_file *file = store_file_at(store, slot->start);
  struct hole hole = {.file = file, .start = slot->start, .end = slot->end, .extents = slot->end - slot->start};
  hole.start -= file->start;
  hole.end -= file->start;
  int64_t below = hole.start / BLOCK * BLOCK;
  int64_t above = (hole.end + BLOCK - 1) / BLOCK * BLOCK;
  if (i == 0 || slot[-1].given_up || slot[-1].end - file->start <= below) hole.start = below;
  bool last = i + 1 == store->slot_count;
  if (!last && (slot[1].given_up || slot[1].start - file->start >= above)) hole.end = above;
  return hole;
}

/* The next slot whose space can go. The file stays open until punched() is called. */
static bool take_free(struct store *store, struct hole *hole) {
  bool found = false;
  os_lock(&store->lock);
  if (store->closing) {
    os_unlock(&store->lock);
    return false;
  }
  while (store->given_up < store->slot_count && store->slots[store->given_up].given_up) store->given_up++;
  for (size_t i = store->given_up; i < store->slot_count && !found; i++) {
    struct store_slot *slot = &store->slots[i];
    if (!is_free(slot)) continue;
    found = slot->given_up = true;
    *hole = hole_of(store, i);
  }
  if (found) store->punching++;
  os_unlock(&store->lock);
  return found;
}

static void punched(struct store *store) {
  os_lock(&store->lock);
  store->punching--;
  os_unlock(&store->lock);
}

void window_close(struct store *store) {
  os_lock(&store->lock);
  store->closing = true;
  while (store->punching > 0) {
    os_unlock(&store->lock);
    os_yield();
    os_lock(&store->lock);
  }
  os_unlock(&store->lock);
}

/* A file system that cannot make holes keeps the space until the end. */
static void give_back(struct store *store, const struct hole *hole) {
  store_spoil(store);
  if (os_punch(hole->file->fd, hole->start, hole->end - hole->start))
    atomic_fetch_sub_explicit(&store->on_disk, hole->extents, memory_order_relaxed);
  punched(store);
}

void store_give_back(struct store *store) {
  if (store->path != NULL) return;
  struct hole hole;
  while (atomic_exchange_explicit(&store->freeable, 0, memory_order_relaxed) > 0) {
    while (take_free(store, &hole)) give_back(store, &hole);
  }
}

/* ---- Windows --------------------------------------------------------------------------------------- */

static void drop_window(void *object) {
  struct store_window *window = object;
  if (window->store->forks != os_fork_count())
    return; /* a forked child: the lock may be held by a thread that is not here */
  if (atomic_fetch_sub_explicit(&window->references, 1, memory_order_acq_rel) != 1) return;
  struct store *store = window->store;
  int64_t mapped = (int64_t)window->mapping.size;
  os_unmap(&window->mapping);
  os_lock(&store->lock);
  struct store_slot *slot = find_slot(store, window->start);
  if (slot->window == window) slot->window = NULL; /* else somebody has put a newer one there */
  note_free(store, slot);
  os_unlock(&store->lock);
  mem_free(window);
  atomic_fetch_sub_explicit(&store->mapped, mapped, memory_order_relaxed);
  store_give_back(store);
  os_lock(&store->lock);
  store_drop_reference(store);
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

static respool_status map_window(struct store *store, const struct store_slot *slot, struct store_window **window,
                                 respool_error *error) {
  struct store_window *made = mem_zalloc(sizeof *made);
  if (made == NULL) return error_no_memory(error);
  const struct store_file *file = store_file_at(store, slot->start);
  respool_status status = os_map(file->fd, slot->start - file->start, slot->length, &made->mapping, error);
  if (status != RESPOOL_OK) {
    mem_free(made);
    return status;
  }
  atomic_init(&made->references, 1);
  made->store = store;
  made->start = slot->start;
  made->length = slot->length;
  *window = made;
  return RESPOOL_OK;
}

/* Put a fresh mapping in its slot, or take the one that another reader has put there meanwhile. */
static struct store_window *publish_window(struct store *store, struct store_window *made) {
  os_lock(&store->lock);
  struct store_slot *slot = find_slot(store, made->start);
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
  struct store_slot slot = *find_slot(store, offset);
  bool taken = slot.window != NULL && take_window(slot.window);
  os_unlock(&store->lock);
  if (taken) {
    *window = slot.window;
    return RESPOOL_OK;
  }
  struct store_window *made = NULL;
  respool_status status = map_window(store, &slot, &made, error);
  if (status == RESPOOL_OK) *window = publish_window(store, made);
  return status;
}

static bool covers(const struct store_window *window, int64_t offset, int64_t length) {
  return window != NULL && offset >= window->start && offset + length <= window->start + window->length;
}

void window_leave(struct store_cursor *cursor) {
  if (cursor->window != NULL) drop_window(cursor->window);
  cursor->window = NULL;
  ahead_leave(&cursor->ahead);
}

respool_status window_view(struct store *store, struct store_cursor *cursor, int64_t offset, int64_t length,
                           struct store_view *view, respool_error *error) {
  if (!covers(cursor->window, offset, length)) {
    struct store_window *window;
    respool_status status = open_window(store, offset, &window, error);
    if (status != RESPOOL_OK) return status;
    window_leave(cursor);
    cursor->window = window;
    if (!covers(window, offset, length)) return error_set(error, RESPOOL_IO, "no window holds the extent");
  }
  struct store_window *window = cursor->window;
  const struct store_file *file = store_file_at(store, offset);
  struct ahead_range range = {
      .fd = file->fd, .bytes = window->mapping.bytes, .start = window->start - file->start, .length = window->length};
  ahead_view(&cursor->ahead, &range, offset - file->start, length);
  atomic_fetch_add_explicit(&window->references, 1, memory_order_relaxed);
  *view = (struct store_view){.bytes = window->mapping.bytes + (offset - window->start),
                              .is_private = file->is_private,
                              .is_mapped = true,
                              .drop = drop_window,
                              .object = window};
  return RESPOOL_OK;
}
