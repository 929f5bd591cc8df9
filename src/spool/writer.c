/* SPDX-License-Identifier: Apache-2.0 */
/* The one producer. Its state is the spool's; the handle adds the batch that was pulled but not accepted. */
#include "arrow/check.h"
#include "arrow/schema.h"
#include "arrow/tree.h"
#include "spool/due.h"
#include "spool/full.h"
#include "spool/resident.h"
#include "spool/spill.h"
#include "stream/pull.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

struct respool_writer {
  struct respool *spool;
  atomic_bool inside;     /* a thread is in one of its calls */
  struct ArrowArray held; /* pulled from a source and refused; goes in first next time */
};

respool_status writer_open(struct respool *spool, struct respool_writer **writer, respool_error *error) {
  struct respool_writer *made = mem_zalloc(sizeof *made);
  if (made == NULL) return error_no_memory(error);
  made->spool = spool;
  atomic_init(&made->inside, false);
  spool_retain_handle(spool);
  *writer = made;
  return RESPOOL_OK;
}

/* ---- Coming in and going out ----------------------------------------------------------------------- */

/* Nobody but the writer changes the state: inside its calls it can be read without the lock. */
static respool_status check_open(const struct respool *spool, respool_error *error) {
  if (spool->state == RESPOOL_FINISHED)
    return error_set(error, RESPOOL_ALREADY_FINISHED, "the spool is already finished");
  if (spool->state == RESPOOL_FAILED) return error_set(error, RESPOOL_HAS_FAILED, "the spool has sent an error");
  return RESPOOL_OK;
}

static respool_status leave(struct respool_writer *writer, respool_status status) {
  resident_release_deferred(writer->spool);
  atomic_store_explicit(&writer->inside, false, memory_order_release);
  return status;
}

static respool_status enter(struct respool_writer *writer, respool_error *error) {
  if (writer == NULL) return error_set(error, RESPOOL_INVALID, "the writer is NULL");
  if (spool_forked(writer->spool)) return spool_refuse_forked(error);
  if (atomic_exchange_explicit(&writer->inside, true, memory_order_acquire)) {
    return error_set(error, RESPOOL_MISUSE, "another thread is inside this writer");
  }
  respool_status status = check_open(writer->spool, error);
  return status == RESPOOL_OK ? status : leave(writer, status);
}

/* ---- Appending ------------------------------------------------------------------------------------- */

/* The lock is held. */
static respool_status charge(struct resident *resident, const struct ArrowArray *array, respool_error *error) {
  bool reserved = catalog_reserve(&resident->spool->catalog) && resident_charge(resident, array);
  return reserved ? RESPOOL_OK : error_no_memory(error);
}

/* The lock is given up for it. */
static respool_status write_portion(struct resident *resident, respool_error *record) {
  struct respool *spool = resident->spool;
  os_unlock(&spool->lock);
  respool_status status = spill_portion(spool, resident->charge, record);
  os_lock(&spool->lock);
  return status;
}

/*
 * What waits is written until the charged batch has room. One portion may not do: batches that share memory free none
 * before the last of them is written.
 */
static respool_status write_for_room(struct resident *resident, const struct ArrowArray *array, respool_error *error) {
  struct respool *spool = resident->spool;
  respool_error record = {0};
  respool_status status = RESPOOL_OK;
  struct patience patience = {0};
  bool again = true;
  while (status == RESPOOL_OK && again && due_full(spool, resident)) {
    if (full_rests(spool)) return RESPOOL_OK;
    resident_discharge(resident, array);
    respool_status written = write_portion(resident, &record);
    bool holds = full_holds(spool, written, resident->charge);
    again = written == RESPOOL_OK || holds || (full_is(written) && full_wait(spool, &patience));
    status = charge(resident, array, error);
  }
  if (status != RESPOOL_OK || !due_full(spool, resident)) return status;
  resident_discharge(resident, array);
  error_prefix(&record, "batch not accepted");
  return error_copy(error, &record);
}

/*
 * Everything that can fail. The lock is held, and given up while what waits already is written, if there is so much of
 * it.
 */
static respool_status make_room(struct resident *resident, const struct ArrowArray *array, respool_error *error) {
  respool_status status = charge(resident, array, error);
  if (status != RESPOOL_OK || !due_full(resident->spool, resident)) return status;
  return write_for_room(resident, array, error);
}

/* The lock is held. True: it is time to write. */
static bool enter_catalog(struct resident *resident, struct ArrowArray *array) {
  struct respool *spool = resident->spool;
  struct entry *entry = catalog_push(&spool->catalog);
  entry->resident = resident;
  entry->rows = array->length;
  spool->rows = add_saturating(spool->rows, array->length);
  resident_admit(resident, array, spool->catalog.count - 1);
  return due_account(spool, resident);
}

/* Accept a batch (the array becomes ours), tell the readers, and write if it is time to. */
static respool_status accept_rows(struct respool *spool, struct ArrowArray *array, respool_error *error) {
  struct resident *resident = resident_make(spool);
  if (resident == NULL) return error_no_memory(error);
  struct told told;
  os_lock(&spool->lock);
  respool_status status = make_room(resident, array, error);
  if (status != RESPOOL_OK) {
    os_unlock(&spool->lock);
    resident_unmake(resident);
    return status;
  }
  int64_t bytes = resident->charge;
  bool write = enter_catalog(resident, array);
  waiters_tell(&spool->waiters, &told);
  spool_assert(spool);
  os_unlock(&spool->lock);
  waiters_inform(&spool->waiters, &told, &spool->lock);
  /* It is accepted whatever the write says: a failure is counted, and met again by the next write (invariant 1). */
  if (write) spill_portion(spool, bytes, NULL);
  behind_abandoned(spool);
  return RESPOOL_OK;
}

/* An empty batch is only counted: readers get one made from the layout, and no memory is held for it. */
static respool_status accept_empty(struct respool *spool, struct ArrowArray *array, respool_error *error) {
  struct told told;
  os_lock(&spool->lock);
  if (!catalog_reserve(&spool->catalog)) {
    os_unlock(&spool->lock);
    return error_no_memory(error);
  }
  catalog_push(&spool->catalog)->empty = true;
  waiters_tell(&spool->waiters, &told);
  os_unlock(&spool->lock);
  waiters_inform(&spool->waiters, &told, &spool->lock);
  array->release(array);
  behind_abandoned(spool);
  return RESPOOL_OK;
}

static respool_status append(struct respool *spool, struct ArrowArray *array, respool_error *error) {
  respool_status status = check_array(spool->layout, array, CHECK_SHAPE, error);
  if (status != RESPOOL_OK) return status;
  bool is_empty = array->length == 0 && spool->layout->n_dictionaries == 0 && tree_metadata(array) == NULL;
  return is_empty ? accept_empty(spool, array, error) : accept_rows(spool, array, error);
}

/* A batch that was pulled but not accepted comes before whatever comes now. */
static respool_status append_held(struct respool_writer *writer, respool_error *error) {
  if (writer->held.release == NULL) return RESPOOL_OK;
  return append(writer->spool, &writer->held, error);
}

respool_status respool_writer_append(respool_writer *writer, struct ArrowArray *array, respool_error *error) {
  if (array == NULL) return error_set(error, RESPOOL_INVALID, "the array is NULL");
  respool_status status = enter(writer, error);
  if (status != RESPOOL_OK) return status;
  status = append_held(writer, error);
  if (status == RESPOOL_OK) status = append(writer->spool, array, error);
  return leave(writer, status);
}

/*
 * The stream ends here without being complete. A file that somebody wants to keep shall hold what was accepted; if it
 * cannot be written, the readers have it still.
 */
static void end_early(struct respool *spool, int32_t state, const respool_error *failure) {
  if (spool->options.path != NULL) spill_due(spool, NULL);
  spill_unlock(spool, true);
  spool_end(spool, state, failure);
}

/* ---- Draining a stream ----------------------------------------------------------------------------- */

static respool_status match_stream(struct respool *spool, struct ArrowArrayStream *stream, respool_error *error) {
  struct ArrowSchema schema;
  respool_status status = pull_schema(stream, &schema, error);
  if (status != RESPOOL_OK) return status;
  status = schema_match(&spool->layout->schema, &schema, error);
  schema_release(&schema);
  if (status != RESPOOL_OK) error_prefix(error, "the stream does not fit the spool");
  return status;
}

static respool_status pull_all(struct respool_writer *writer, struct ArrowArrayStream *stream, respool_error *error) {
  respool_status status = append_held(writer, error);
  while (status == RESPOOL_OK) {
    status = pull_next(stream, &writer->held, error);
    if (status == RESPOOL_END) return RESPOOL_OK;
    if (status == RESPOOL_OK) status = append_held(writer, error);
  }
  return status;
}

respool_status respool_writer_append_stream(respool_writer *writer, struct ArrowArrayStream *stream,
                                            respool_error *error) {
  if (stream == NULL || stream->release == NULL)
    return error_set(error, RESPOOL_INVALID, "the stream is NULL or released");
  respool_error record = {0};
  respool_status status = enter(writer, &record);
  if (status != RESPOOL_OK) return error_copy(error, &record);
  status = match_stream(writer->spool, stream, &record);
  if (status == RESPOOL_OK) status = pull_all(writer, stream, &record);
  if (status == RESPOOL_SOURCE_FAILED) end_early(writer->spool, RESPOOL_FAILED, &record);
  if (status != RESPOOL_OK) error_copy(error, &record);
  return leave(writer, status);
}

/* ---- Ending ---------------------------------------------------------------------------------------- */

/* Write, and where there is no room, wait for it as long as the options say. */
static respool_status write_patiently(struct respool *spool, respool_status (*write)(struct respool *, respool_error *),
                                      respool_error *error) {
  struct patience patience = {0};
  respool_error record = {0};
  respool_status status;
  bool again = true;
  do {
    status = write(spool, &record);
    if (!full_is(status)) break;
    os_lock(&spool->lock);
    again = full_wait(spool, &patience);
    os_unlock(&spool->lock);
  } while (again);
  return status == RESPOOL_OK ? status : error_copy(error, &record);
}

/* Whether what could not be written stays in memory until the end. */
static bool may_stay(struct respool *spool, respool_status status) {
  if (spool->options.path != NULL) return false;
  os_lock(&spool->lock);
  bool holds = full_holds(spool, status, 0);
  os_unlock(&spool->lock);
  return holds;
}

static respool_status complete(struct respool *spool, respool_error *error) {
  respool_status status = spill_finish(spool, error);
  return status != RESPOOL_OK && may_stay(spool, status) ? RESPOOL_OK : status;
}

respool_status respool_writer_flush(respool_writer *writer, respool_error *error) {
  respool_status status = enter(writer, error);
  if (status != RESPOOL_OK) return status;
  status = append_held(writer, error);
  if (status == RESPOOL_OK) status = write_patiently(writer->spool, spill_due, error);
  return leave(writer, status);
}

respool_status respool_writer_finish(respool_writer *writer, respool_error *error) {
  respool_status status = enter(writer, error);
  if (status != RESPOOL_OK) return status;
  status = append_held(writer, error);
  if (status == RESPOOL_OK) status = write_patiently(writer->spool, complete, error);
  if (status == RESPOOL_OK) spool_end(writer->spool, RESPOOL_FINISHED, NULL);
  return leave(writer, status);
}

respool_status respool_writer_fail(respool_writer *writer, respool_status status, int32_t os_error, const char *message,
                                   respool_error *error) {
  if (status < RESPOOL_INVALID) {
    return error_set(error, RESPOOL_INVALID,
                     "status %d is not an error: use RESPOOL_PRODUCER_FAILED or one from "
                     "RESPOOL_USER up",
                     status);
  }
  respool_status entered = enter(writer, error);
  if (entered != RESPOOL_OK) return entered;
  respool_error record = {.status = status, .os_error = os_error};
  error_copy_text(record.message, sizeof record.message, message == NULL ? "" : message);
  end_early(writer->spool, RESPOOL_FAILED, &record);
  return leave(writer, RESPOOL_OK);
}

void respool_writer_close(respool_writer *writer) {
  if (writer == NULL || spool_forked(writer->spool)) return;
  struct respool *spool = writer->spool;
  if (check_open(spool, NULL) == RESPOOL_OK) end_early(spool, RESPOOL_STATE_ABANDONED, NULL);
  if (writer->held.release != NULL) writer->held.release(&writer->held);
  os_lock(&spool->lock);
  spool->writer_closed = true;
  os_unlock(&spool->lock);
  resident_release_deferred(spool);
  mem_free(writer);
  spool_release_handle(spool);
}
