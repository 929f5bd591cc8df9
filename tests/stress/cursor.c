/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of a program. */
#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is known of the stream and the reader at one moment. Before a call: at least that; after it: at most that. */
typedef struct view {
  int64_t accepted, offered;
  enum phase phase;
  bool ended, cancelled, cancelling;
} view;

static view look(program *p, cursor *c) {
  view v;
  v.ended = atomic_load(&p->ended);
  v.accepted = atomic_load(&p->accepted);
  v.offered = p->threaded ? atomic_load(&p->offered) : v.accepted;
  v.phase = (enum phase)atomic_load(&p->phase);
  v.cancelled = atomic_load(&c->cancelled);
  v.cancelling = atomic_load(&c->cancelling);
  return v;
}

/* ---- What next may answer -------------------------------------------------------------------------- */

/* Whether next would answer at once, as far as is known for certain. */
static bool has_something(const cursor *c, const view *before) {
  return before->cancelled || before->ended || c->position < before->accepted;
}

/* A producer's failure that goes ahead of batches was certainly known before. */
static bool must_fail(const cursor *c, const view *before) {
  return before->ended && before->phase == PHASE_FAILING && !c->in_order;
}

static bool may_be_batch(const cursor *c, const view *before, const view *after) {
  return CHECK_LE(c->position + 1, after->offered) && CHECK(!before->cancelled) && CHECK(!must_fail(c, before));
}

static bool may_be_failure(const program *p, const cursor *c, const view *after, const respool_error *error) {
  bool good = CHECK_EQ(error->os_error, p->failure.os_error) && CHECK_HAS(error->message, p->failure.message);
  return good && (!c->in_order || CHECK_EQ(c->position, after->offered));
}

/* An error of this reader alone: it names the batch, and the call may be repeated (invariant 10). */
static bool may_be_unread(const program *p, const cursor *c, const view *before, const view *after,
                          respool_status status, const respool_error *error) {
  char named[40];
  snprintf(named, sizeof named, "batch %lld", (long long)c->position);
  atomic_fetch_add(&p->counts->unread, 1);
  return trouble_explains(p, status, error) && CHECK_HAS(error->message, named) && may_be_batch(c, before, after);
}

static bool is_producers_failure(const program *p, const view *after, respool_status status,
                                 const respool_error *error) {
  return after->phase == PHASE_FAILING && status == p->failure.status && strstr(error->message, p->failure.message);
}

/* True: the answer was right, with what was known before the call and what is known now. */
static bool judge(program *p, cursor *c, const view *before, respool_status status, const respool_error *error) {
  view after = look(p, c);
  if (c->end != RESPOOL_OK && !after.cancelling) return CHECK_EQ(status, c->end);
  if (status == RESPOOL_OK) return may_be_batch(c, before, &after);
  if (status == RESPOOL_TIMED_OUT) return CHECK(!has_something(c, before));
  if (status == RESPOOL_CANCELLED) return CHECK(after.cancelling);
  if (!CHECK(!before->cancelled)) return false;
  if (status == RESPOOL_END) return CHECK_EQ(after.phase, PHASE_FINISHING) && CHECK_EQ(c->position, after.offered);
  if (status == RESPOOL_ABANDONED)
    return CHECK_EQ(after.phase, PHASE_ABANDONING) && CHECK_EQ(c->position, after.offered);
  if (is_producers_failure(p, &after, status, error)) return may_be_failure(p, c, &after, error);
  return may_be_unread(p, c, before, &after, status, error);
}

static bool is_end(const program *p, respool_status status, const respool_error *error) {
  if (status == RESPOOL_END || status == RESPOOL_CANCELLED || status == RESPOOL_ABANDONED) return true;
  view now = {.phase = (enum phase)atomic_load(&p->phase)};
  return status >= RESPOOL_INVALID && is_producers_failure(p, &now, status, error);
}

/* ---- Reading --------------------------------------------------------------------------------------- */

/* What an exported stream's answer means as a status; `error` gets its text. */
static respool_status next_of_stream(program *p, cursor *c, struct ArrowArray *array, respool_error *error) {
  array->release = NULL;
  int code = c->stream.get_next(&c->stream, array);
  if (code == 0) return array->release != NULL ? RESPOOL_OK : RESPOOL_END;
  CHECK(array->release == NULL);
  const char *text = c->stream.get_last_error(&c->stream);
  if (!CHECK(text != NULL)) return RESPOOL_CORRUPT;
  snprintf(error->message, sizeof error->message, "%s", text);
  enum phase phase = (enum phase)atomic_load(&p->phase);
  error->status = RESPOOL_IO;
  if (code == ECANCELED && atomic_load(&c->cancelling))
    error->status = RESPOOL_CANCELLED;
  else if (phase == PHASE_FAILING && strstr(text, p->failure.message) != NULL)
    *error = p->failure;
  else if (phase == PHASE_ABANDONING && strstr(text, "batch ") == NULL)
    error->status = RESPOOL_ABANDONED;
  else if (code == ENOMEM)
    error->status = RESPOOL_NO_MEMORY;
  else if (code == ENOSPC || code == EDQUOT)
    error->status = RESPOOL_NO_SPACE;
  return error->status;
}

/* One call of next. The answer was checked, the batch as well, and is kept or released. */
static respool_status take_next(program *p, cursor *c, kit_random *random, int64_t timeout) {
  struct ArrowArray array;
  respool_error error = {0};
  view before = look(p, c);
  respool_status status =
      c->exported ? next_of_stream(p, c, &array, &error) : respool_reader_next(c->reader, &array, timeout, &error);
  if (!judge(p, c, &before, status, &error))
    kit_note("next answered %s at %lld: %s", respool_status_name(status), (long long)c->position, error.message);
  if (is_end(p, status, &error)) {
    if (c->end == RESPOOL_OK) atomic_fetch_add(&p->counts->replays, status != RESPOOL_CANCELLED);
    c->end = status;
  }
  if (status != RESPOOL_OK) return status;
  batch_check(p, c->position, &array);
  kept_take(p, random, c->position++, &array);
  CHECK_EQ(respool_reader_position(c->reader), c->position);
  return status;
}

static void step_next(program *p, cursor *c, kit_random *random, bool patient) {
  static const int64_t times[] = {0, 1, 50000, 3000000, RESPOOL_WAIT_FOREVER, RESPOOL_WAIT_FOREVER};
  view now = look(p, c);
  bool may_wait = patient || has_something(c, &now);
  if (c->exported && !may_wait) return;
  int64_t timeout = may_wait ? times[kit_random_below(random, 6)] : 0;
  respool_status status = RESPOOL_OK;
  for (int64_t count = kit_random_between(random, 1, 8); count > 0 && status == RESPOOL_OK; count--) {
    status = take_next(p, c, random, timeout);
    now = look(p, c);
    if (!patient && !has_something(c, &now)) return;
  }
  if (p->threaded && c->end == RESPOOL_OK && status >= RESPOOL_INVALID) kit_pause(500); /* the fault may pass */
}

/* ---- Callbacks ------------------------------------------------------------------------------------- */

static void called(void *user_data) {
  cursor *c = user_data;
  program *p = c->owner;
  respool_stats stats = {.struct_size = sizeof stats};
  if (atomic_load(&p->watched)) CHECK_EQ(respool_get_stats(p->spool, &stats, NULL), RESPOOL_OK);
  if (p->threaded && stats.batches % 4 == 0) kit_pause(200); /* so that others come in between */
  pthread_mutex_lock(&c->lock);
  CHECK(c->armed); /* once, and not after it was taken back */
  c->armed = false;
  pthread_cond_signal(&c->called);
  pthread_mutex_unlock(&c->lock);
}

static void set_armed(cursor *c, bool armed) {
  pthread_mutex_lock(&c->lock);
  c->armed = armed;
  pthread_mutex_unlock(&c->lock);
}

static void disarm(cursor *c) {
  CHECK_OK(respool_reader_on_ready(c->reader, NULL, NULL, kit_error()));
  set_armed(c, false);
}

static void wait_for_call(cursor *c) {
  pthread_mutex_lock(&c->lock);
  while (c->armed) pthread_cond_wait(&c->called, &c->lock);
  pthread_mutex_unlock(&c->lock);
}

static bool is_armed(cursor *c) {
  pthread_mutex_lock(&c->lock);
  bool armed = c->armed;
  pthread_mutex_unlock(&c->lock);
  return armed;
}

/* The callback may run before this call returns. Answering READY is right only if there may be something to see. */
static void arm(program *p, cursor *c) {
  view before = look(p, c);
  set_armed(c, true);
  respool_status status = respool_reader_on_ready(c->reader, called, c, kit_error());
  view after = look(p, c);
  if (!p->threaded) CHECK_EQ(status == RESPOOL_READY, has_something(c, &before));
  if (status == RESPOOL_OK) {
    CHECK(!has_something(c, &before));
    return;
  }
  CHECK_EQ(status, RESPOOL_READY);
  CHECK(after.phase != PHASE_OPEN || after.cancelling || c->position < after.offered);
  set_armed(c, false);
}

/* With many threads a cursor that is armed does nothing else until it was called, or takes it back. */
static void step_armed(cursor *c, kit_random *random, bool patient) {
  bool take_back = kit_random_chance(random, 0.4);
  if (take_back && patient) kit_pause(kit_random_below(random, 500));
  if (take_back)
    disarm(c);
  else if (patient)
    wait_for_call(c);
}

void cursor_check_told(program *p, cursor *c) {
  if (c->reader == NULL || !is_armed(c)) return;
  view now = look(p, c);
  CHECK(!has_something(c, &now));
}

/* ---- Opening and closing --------------------------------------------------------------------------- */

void cursor_init(program *p, cursor *c) {
  memset(c, 0, sizeof *c);
  c->owner = p;
  pthread_mutex_init(&c->use, NULL);
  pthread_mutex_init(&c->lock, NULL);
  pthread_cond_init(&c->called, NULL);
}

static void set_reader(cursor *c, respool_reader *reader) {
  pthread_mutex_lock(&c->use);
  c->reader = reader;
  pthread_mutex_unlock(&c->use);
}

bool cursor_open(program *p, cursor *c, kit_random *random) {
  if (p->spool == NULL) return false;
  respool_reader_options options;
  respool_reader *reader = NULL;
  respool_reader_options_init(&options, sizeof options);
  c->in_order = kit_random_chance(random, 0.5);
  options.errors = c->in_order ? RESPOOL_ERRORS_IN_ORDER : RESPOOL_ERRORS_FIRST;
  c->exported = c->armed = false;
  c->end = RESPOOL_OK;
  c->position = 0;
  atomic_store(&c->cancelling, false);
  atomic_store(&c->cancelled, false);
  bool dropped = atomic_load(&p->dropped);
  respool_status status = respool_reader_open(p->spool, &options, &reader, kit_error());
  CHECK(!dropped || status != RESPOOL_OK);
  if (status == RESPOOL_MISUSE) CHECK(atomic_load(&p->dropping));
  if (status != RESPOOL_OK && p->threaded) kit_pause(1000);
  if (status != RESPOOL_OK && status != RESPOOL_MISUSE) trouble_explains(p, status, kit_last_error());
  if (status != RESPOOL_OK) return false;
  set_reader(c, reader);
  return true;
}

static void export_cursor(program *p, cursor *c) {
  if (is_armed(c)) disarm(c);
  respool_status status = respool_reader_export(c->reader, &c->stream, kit_error());
  c->exported = status == RESPOOL_OK;
  if (!c->exported) trouble_explains(p, status, kit_last_error());
}

void cursor_cancel(cursor *c) {
  pthread_mutex_lock(&c->use);
  if (c->reader != NULL && !atomic_load(&c->shielded)) {
    atomic_store(&c->cancelling, true);
    respool_reader_cancel(c->reader);
    atomic_store(&c->cancelled, true);
  }
  pthread_mutex_unlock(&c->use);
}

void cursor_close(cursor *c) {
  respool_reader *reader = c->reader;
  set_reader(c, NULL);
  if (reader != NULL && c->exported)
    c->stream.release(&c->stream);
  else
    respool_reader_close(reader);
  c->armed = false;
}

void cursor_drain(program *p, cursor *c, kit_random *random) {
  if (is_armed(c)) disarm(c);
  while (c->reader != NULL && c->end == RESPOOL_OK)
    if (take_next(p, c, random, RESPOOL_WAIT_FOREVER) >= RESPOOL_INVALID && p->threaded) kit_pause(500);
}

void cursor_step(program *p, cursor *c, kit_random *random, bool patient) {
  int64_t dice = kit_random_below(random, 100);
  if (c->reader == NULL) {
    cursor_open(p, c, random);
  } else if (is_armed(c) && (p->threaded || dice < 20)) {
    step_armed(c, random, patient);
  } else if (dice < 70) {
    step_next(p, c, random, patient);
  } else if (dice < 89) {
    if (!c->exported) arm(p, c);
  } else if (dice < 92) {
    if (!c->exported) export_cursor(p, c);
  } else if (dice < 95) {
    cursor_cancel(c);
  } else {
    cursor_close(c);
  }
}
