/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One replay cursor: looks its next batch up under the lock, and fetches it without. handover.pml and wait.pml are
 * models of that and of its waiting.
 */
#include "spool/reader.h"

#include "arrow/schema.h"
#include "arrow/tree.h"
#include "ipc/format.h"
#include "spool/resident.h"
#include "spool/values.h"
#include "support/alloc.h"
#include "support/error.h"
#include "support/options.h"

#include <inttypes.h>
#include <string.h>

struct respool_reader {
  struct respool *spool;
  int32_t errors;        /* RESPOOL_ERRORS_... */
  atomic_bool inside;    /* a thread is in one of its calls */
  atomic_llong position; /* written by the thread inside only */
  bool cancelled;        /* under the spool's lock, as the waiter */
  struct waiter waiter;
  struct behind_place place;
  struct store_cursor cursor; /* of the thread inside */
  struct values values;       /* so */
};

/* ---- Opening and closing --------------------------------------------------------------------------- */

void respool_reader_options_init(respool_reader_options *options, size_t struct_size) {
  if (options == NULL) return;
  respool_reader_options defaults = {.struct_size = sizeof defaults, .errors = RESPOOL_ERRORS_FIRST};
  memcpy(options, &struct_size, sizeof struct_size);
  options_give(&defaults, sizeof defaults, options, NULL);
}

static respool_status read_options(const respool_reader_options *given, respool_reader_options *options,
                                   respool_error *error) {
  respool_reader_options_init(options, sizeof *options);
  respool_status status = options_merge(given, options, sizeof *options, error);
  if (status != RESPOOL_OK) return status;
  if (options->errors == RESPOOL_ERRORS_FIRST || options->errors == RESPOOL_ERRORS_IN_ORDER) return RESPOOL_OK;
  return error_set(error, RESPOOL_INVALID, "errors %d is none of RESPOOL_ERRORS_...", options->errors);
}

static void free_reader(struct respool_reader *reader) {
  struct respool *spool = reader->spool;
  store_cursor_close(&reader->cursor);
  values_close(&reader->values, spool);
  waiter_close(&reader->waiter);
  mem_free(reader);
  spool_release_handle(spool);
}

respool_status respool_reader_open(respool *spool, const respool_reader_options *options, respool_reader **reader,
                                   respool_error *error) {
  if (spool == NULL || reader == NULL) return error_set(error, RESPOOL_INVALID, "spool or reader is NULL");
  if (spool_forked(spool)) return spool_refuse_forked(error);
  respool_reader_options read;
  respool_status status = read_options(options, &read, error);
  if (status != RESPOOL_OK) return status;
  struct respool_reader *made = mem_zalloc(sizeof *made);
  if (made == NULL || !waiter_open(&made->waiter)) {
    mem_free(made);
    return error_no_memory(error);
  }
  status = values_open(&made->values, spool, error);
  if (status != RESPOOL_OK) {
    waiter_close(&made->waiter);
    mem_free(made);
    return status;
  }
  made->spool = spool;
  made->errors = read.errors;
  atomic_init(&made->inside, false);
  atomic_init(&made->position, 0);
  spool_retain_handle(spool);
  os_lock(&spool->lock);
  status = behind_join(spool, &made->place, &made->position, error);
  if (status == RESPOOL_OK) spool->readers++;
  os_unlock(&spool->lock);
  if (status != RESPOOL_OK) {
    free_reader(made);
    return status;
  }
  *reader = made;
  return RESPOOL_OK;
}

void respool_reader_close(respool_reader *reader) {
  if (reader == NULL || spool_forked(reader->spool)) return;
  struct respool *spool = reader->spool;
  os_lock(&spool->lock);
  waiter_disarm(&spool->waiters, &reader->waiter, &spool->lock, true);
  spool->readers--;
  behind_part(spool, &reader->place);
  os_unlock(&spool->lock);
  store_cursor_close(&reader->cursor); /* so that what it leaves behind can go */
  store_cursor_close(&reader->values.cursor);
  behind_advance(spool);
  free_reader(reader);
}

static respool_status enter(struct respool_reader *reader, respool_error *error) {
  if (reader == NULL) return error_set(error, RESPOOL_INVALID, "the reader is NULL");
  if (spool_forked(reader->spool)) return spool_refuse_forked(error);
  if (!atomic_exchange_explicit(&reader->inside, true, memory_order_acquire)) return RESPOOL_OK;
  return error_set(error, RESPOOL_MISUSE, "another thread is inside this reader");
}

static respool_status leave(struct respool_reader *reader, respool_status status) {
  atomic_store_explicit(&reader->inside, false, memory_order_release);
  return status;
}

/* ---- Looking --------------------------------------------------------------------------------------- */

/* What next would answer now. */
enum view { VIEW_NOTHING_YET, VIEW_BATCH, VIEW_END, VIEW_CANCELLED, VIEW_FAILURE, VIEW_ABANDONED };

/* The lock is held. */
static enum view look(const struct respool_reader *reader) {
  const struct respool *spool = reader->spool;
  if (reader->cancelled) return VIEW_CANCELLED;
  if (spool->state == RESPOOL_FAILED && reader->errors == RESPOOL_ERRORS_FIRST) return VIEW_FAILURE;
  if (atomic_load_explicit(&reader->position, memory_order_relaxed) < spool->catalog.count) return VIEW_BATCH;
  switch (spool->state) {
  case RESPOOL_FINISHED:
    return VIEW_END; /* invariant 8: only now, and every batch was delivered */
  case RESPOOL_FAILED:
    return VIEW_FAILURE;
  case RESPOOL_STATE_ABANDONED:
    return VIEW_ABANDONED;
  default:
    return VIEW_NOTHING_YET;
  }
}

/* What it has had must not be held up by the last of it that it looked at. */
static void leave_behind(struct respool_reader *reader) {
  if (!behind_is_on(&reader->spool->behind)) return;
  store_cursor_close(&reader->cursor);
  store_cursor_close(&reader->values.cursor);
  behind_pass(reader->spool, &reader->place);
}

/* The lock is held. Waits until there is something to see, or the time is up. */
static enum view look_and_wait(struct respool_reader *reader, int64_t timeout) {
  struct respool *spool = reader->spool;
  enum view view = look(reader);
  if (view == VIEW_NOTHING_YET && behind_is_on(&spool->behind)) {
    os_unlock(&spool->lock);
    leave_behind(reader);
    os_lock(&spool->lock);
    view = look(reader);
  }
  if (view != VIEW_NOTHING_YET || timeout == 0) return view;
  int64_t deadline = os_deadline(timeout);
  bool in_time = true;
  while (view == VIEW_NOTHING_YET && in_time) {
    in_time = waiter_block(&spool->waiters, &reader->waiter, &spool->lock, deadline);
    view = look(reader);
  }
  return view;
}

/* An entry as it was under the lock. */
struct taken {
  struct entry entry; /* its resident batch is counted for us */
  struct seal seal;   /* not resident: of its bytes in the file, ... */
  bool good;          /* which were found to be the right ones before */
};

static void take_entry(struct respool_reader *reader, struct taken *taken) {
  const struct respool *spool = reader->spool;
  int64_t position = atomic_load_explicit(&reader->position, memory_order_relaxed);
  atomic_store_explicit(&reader->place.fetches, true, memory_order_relaxed);
  taken->entry = *catalog_at(&spool->catalog, position);
  if (taken->entry.resident != NULL)
    resident_retain(taken->entry.resident);
  else if (!taken->entry.empty)
    taken->good = seals_get(&spool->seals, position, &taken->seal);
}

/* ---- Fetching -------------------------------------------------------------------------------------- */

static respool_status fetch_resident(struct respool_reader *reader, struct resident *resident, struct ArrowArray *array,
                                     respool_error *error) {
  struct tree_owner owner = {resident_release, resident};
  respool_status status = tree_mirror(reader->spool->layout, &resident->array, owner, array, error);
  if (status != RESPOOL_OK) resident_release(resident);
  return status;
}

/* Mapped bytes are looked at once; what is read is another copy each time. */
static void note_good(struct respool_reader *reader, const struct taken *taken, const struct stored *stored) {
  struct respool *spool = reader->spool;
  if (taken->good || !stored->view.is_mapped) return;
  os_lock(&spool->lock);
  seals_note_good(&spool->seals, atomic_load_explicit(&reader->position, memory_order_relaxed));
  os_unlock(&spool->lock);
}

static respool_status fetch_stored(struct respool_reader *reader, const struct taken *taken, struct ArrowArray *array,
                                   respool_error *error) {
  struct respool *spool = reader->spool;
  const struct entry *entry = &taken->entry;
  struct extent extent = {.offset = entry->offset,
                          .size = {entry->metadata, entry->body},
                          .rows = entry->rows,
                          .kind = HEADER_BATCH,
                          .seal = taken->seal};
  struct stored stored;
  respool_status status = values_load(&reader->values, spool, entry->set, error);
  if (status == RESPOOL_OK)
    status = stored_open(&spool->seals.sealing, spool->store, &reader->cursor, &extent, taken->good, &stored, error);
  if (status != RESPOOL_OK) return status;
  note_good(reader, taken, &stored);
  status = ipc_decode_batch(spool->layout, &stored.message, stored.body, stored.trust, &reader->values.expander,
                            stored.owner, reader->values.loaded, array, error);
  return status == RESPOOL_OK ? status : stored_refuse(&stored, status, error);
}

static respool_status fetch(struct respool_reader *reader, const struct taken *taken, struct ArrowArray *array,
                            respool_error *error) {
  const struct entry *entry = &taken->entry;
  int64_t position = atomic_load_explicit(&reader->position, memory_order_relaxed);
  respool_status status;
  if (entry->resident != NULL)
    status = fetch_resident(reader, entry->resident, array, error);
  else if (entry->empty)
    status = tree_empty(reader->spool->layout, array, error);
  else
    status = fetch_stored(reader, taken, array, error);
  if (status == RESPOOL_OK) {
    atomic_store_explicit(&reader->position, position + 1, memory_order_relaxed);
  } else {
    store_cursor_close(&reader->cursor); /* the next attempt looks at the file again */
    store_cursor_close(&reader->values.cursor);
    error_prefix(error, "batch %" PRId64, position);
  }
  return status;
}

/* ---- Next ------------------------------------------------------------------------------------------ */

static respool_status next(struct respool_reader *reader, struct ArrowArray *array, int64_t timeout,
                           respool_error *error) {
  struct respool *spool = reader->spool;
  struct taken taken;
  os_lock(&spool->lock);
  enum view view = look_and_wait(reader, timeout);
  if (view == VIEW_BATCH) take_entry(reader, &taken);
  os_unlock(&spool->lock);
  if (view == VIEW_BATCH) {
    respool_status status = fetch(reader, &taken, array, error);
    behind_pass(spool, &reader->place);
    return status;
  }
  leave_behind(reader);
  switch (view) {
  case VIEW_END:
    return RESPOOL_END;
  case VIEW_CANCELLED:
    return error_set(error, RESPOOL_CANCELLED, "the reader was cancelled");
  case VIEW_FAILURE:
    return error_copy(error, &spool->failure); /* it never changes once set */
  case VIEW_ABANDONED:
    return error_set(error, RESPOOL_ABANDONED, "the writer was dropped before finish: the stream is incomplete");
  default:
    return RESPOOL_TIMED_OUT;
  }
}

respool_status respool_reader_next(respool_reader *reader, struct ArrowArray *array, int64_t timeout,
                                   respool_error *error) {
  if (array == NULL || timeout < RESPOOL_WAIT_FOREVER) {
    return error_set(error, RESPOOL_INVALID, "the array is NULL or the timeout below -1");
  }
  respool_status status = enter(reader, error);
  if (status != RESPOOL_OK) return status;
  return leave(reader, next(reader, array, timeout, error));
}

respool_status respool_reader_on_ready(respool_reader *reader, respool_ready_callback callback, void *user_data,
                                       respool_error *error) {
  respool_status status = enter(reader, error);
  if (status != RESPOOL_OK) return status;
  struct respool *spool = reader->spool;
  os_lock(&spool->lock);
  if (callback == NULL) {
    waiter_disarm(&spool->waiters, &reader->waiter, &spool->lock, false);
  } else if (look(reader) != VIEW_NOTHING_YET) {
    status = RESPOOL_READY;
  } else {
    waiter_arm(&spool->waiters, &reader->waiter, callback, user_data);
  }
  os_unlock(&spool->lock);
  return leave(reader, status);
}

int64_t respool_reader_position(const respool_reader *reader) {
  return reader == NULL ? 0 : (int64_t)atomic_load_explicit(&reader->position, memory_order_relaxed);
}

void respool_reader_cancel(respool_reader *reader) {
  if (reader == NULL || spool_forked(reader->spool)) return;
  struct respool *spool = reader->spool;
  struct told told;
  spool_retain_handle(spool); /* the callback may close the reader, and with it the last handle */
  os_lock(&spool->lock);
  reader->cancelled = true;
  behind_part(spool, &reader->place);
  waiters_tell_one(&spool->waiters, &reader->waiter, &told);
  os_unlock(&spool->lock);
  waiters_inform(&spool->waiters, &told, &spool->lock);
  behind_advance(spool);
  spool_release_handle(spool);
}

respool_status reader_check_idle(struct respool_reader *reader, respool_error *error) {
  respool_status status = enter(reader, error);
  return status == RESPOOL_OK ? leave(reader, status) : status;
}

respool_status reader_schema(struct respool_reader *reader, struct ArrowSchema *schema, respool_error *error) {
  if (spool_forked(reader->spool)) return spool_refuse_forked(error);
  return schema_copy(&reader->spool->layout->schema, schema, error);
}
