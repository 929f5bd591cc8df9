/* SPDX-License-Identifier: Apache-2.0 */
/* The producer of a program: what it appends, what becomes of what is refused, and how it ends the stream. */
#include "program.h"

#include "array_build.h"

#include <errno.h>
#include <string.h>

enum { GIVE_UP_AFTER = 40 }; /* failed attempts to finish */

/* ---- Calls on the writer --------------------------------------------------------------------------- */

static _Thread_local const program *inside;

respool_writer *producer_enter(program *p) {
  inside = p;
  return p->writer;
}

void producer_leave(void) {
  inside = NULL;
}

/* An appended array is released: where that is allowed, and with no lock held, so that the spool can be asked. */
static void released(void *user_data) {
  program *p = user_data;
  if (p->options.defer_release) CHECK(inside == p || atomic_load(&p->writer_closed));
  if (atomic_fetch_add(&p->releases, 1) % 8 != 0 || !atomic_load(&p->watched)) return;
  respool_stats stats = {.struct_size = sizeof stats};
  CHECK_EQ(respool_get_stats(p->spool, &stats, NULL), RESPOOL_OK);
}

void producer_watch_release(program *p, struct ArrowArray *array) {
  kit_array_on_release(array, released, p);
}

void producer_offer(program *p, const batch_recipe *recipe) {
  int64_t index = atomic_load(&p->offered);
  p->recipes[index] = *recipe;
  atomic_store(&p->offered, index + 1);
}

/* Invariant 4. */
static void check_charged(program *p) {
  int64_t limit = atomic_load(&p->limit);
  if (p->spool == NULL || limit == RESPOOL_NO_LIMIT) return;
  CHECK_LE(kit_stats(p->spool).bytes_charged, limit + p->options.write_chunk + p->largest);
}

/* How many batches the spool has. Without a handle on it, as the answer says. */
static int64_t count_accepted(program *p, respool_status status) {
  if (p->spool != NULL) return kit_stats(p->spool).batches;
  return status == RESPOOL_OK ? atomic_load(&p->offered) : atomic_load(&p->accepted);
}

bool producer_settle(program *p, respool_status status, const respool_error *given, const char *call) {
  respool_error error = *given;
  int64_t before = atomic_load(&p->accepted), offered = atomic_load(&p->offered), now = count_accepted(p, status);
  CHECK_LE(before, now);
  CHECK_LE(now, offered);
  if (now > offered) now = offered;
  for (int64_t i = before; i < now; i++) {
    p->rows += p->recipes[i].rows;
    atomic_fetch_add(&p->counts->rows, p->recipes[i].rows);
  }
  atomic_fetch_add(&p->counts->batches, now - before);
  atomic_store(&p->accepted, now);
  source_measure(p);
  check_charged(p);
  p->refusals = status == RESPOOL_OK ? 0 : p->refusals + 1;
  if (status == RESPOOL_OK) return CHECK_EQ(now, offered);
  atomic_fetch_add(&p->counts->refused, 1);
  if (!trouble_explains(p, status, &error)) kit_note("that was what %s answered", call);
  return false;
}

/* The batch that was refused last, or another one. */
static bool append(program *p) {
  struct ArrowArray before = p->producer.waiting;
  int64_t hits = trouble_hits();
  respool_status status = respool_writer_append(producer_enter(p), &p->producer.waiting, kit_error());
  producer_leave();
  if (status == RESPOOL_OK) CHECK(p->producer.waiting.release == NULL);
  if (status != RESPOOL_OK) {
    CHECK_EQ(memcmp(&before, &p->producer.waiting, sizeof before), 0); /* invariant 1 */
    if (!p->threaded && status != RESPOOL_OVER_BUDGET) CHECK_LE(hits + 1, trouble_hits());
  }
  return producer_settle(p, status, kit_last_error(), "append");
}

/* The producer releases what is its own, which it may at any time. */
static void discard(program *p, struct ArrowArray *array) {
  producer_enter(p);
  if (array->release != NULL) array->release(array);
  producer_leave();
}

/* What was refused last is not to be in the stream. */
static void give_up_waiting(program *p) {
  if (p->producer.waiting.release == NULL) return;
  discard(p, &p->producer.waiting);
  atomic_fetch_sub(&p->offered, 1);
}

/* ---- Steps ----------------------------------------------------------------------------------------- */

static void step_append(program *p, kit_random *random) {
  batch_recipe recipe;
  bool again = kit_random_chance(random, 0.05) && source_feed_back(p, random, &recipe, &p->producer.waiting);
  if (!again) batch_draw(p, random, &recipe, &p->producer.waiting);
  producer_offer(p, &recipe);
  append(p);
}

/* What was refused is given again, or given up. */
static void step_retry(program *p, kit_random *random) {
  if (kit_random_chance(random, 0.9))
    append(p);
  else
    give_up_waiting(p);
}

static void step_stream(program *p, kit_random *random) {
  if (p->producer.stream.release == NULL) source_open(p, random);
  respool_status status = respool_writer_append_stream(producer_enter(p), &p->producer.stream, kit_error());
  producer_leave();
  if (status == RESPOOL_SOURCE_FAILED) {
    CHECK_EQ(atomic_load(&p->phase), PHASE_FAILING);
    CHECK_EQ(kit_last_error()->os_error, p->producer.code);
    producer_settle(p, RESPOOL_OK, kit_last_error(), "append_stream");
    atomic_store(&p->ended, true);
  } else if (!producer_settle(p, status, kit_last_error(), "append_stream") && kit_random_chance(random, 0.8)) {
    return; /* it goes on later */
  }
  p->producer.stream.release(&p->producer.stream);
}

static void step_flush(program *p) {
  respool_status status = respool_writer_flush(producer_enter(p), kit_error());
  producer_leave();
  producer_settle(p, status, kit_last_error(), "flush");
}

/* A wrong array is refused, stays the caller's, and is as it was. With faults what waits may be refused before it. */
static void step_wrong(program *p, kit_random *random) {
  struct ArrowArray array;
  kit_array_options options = kit_array_defaults(1, 3);
  kit_array_random(&p->schema, &options, &array);
  struct ArrowArray wrong = array;
  if (kit_random_chance(random, 0.5))
    wrong.length = -1;
  else
    wrong.n_children++;
  struct ArrowArray given = wrong;
  respool_status status = respool_writer_append(producer_enter(p), &given, kit_error());
  producer_leave();
  CHECK_EQ(memcmp(&given, &wrong, sizeof given), 0);
  if (status != RESPOOL_INVALID) CHECK(producer_settle(p, status, kit_last_error(), "append") == false);
  if (status == RESPOOL_INVALID) producer_settle(p, RESPOOL_OK, kit_last_error(), "append");
  array.release(&array);
}

void producer_step(program *p, kit_random *random) {
  if (p->producer.waiting.release != NULL) {
    step_retry(p, random);
    return;
  }
  int64_t dice = kit_random_below(random, 100);
  if (dice < (p->producer.stream.release != NULL ? 60 : 10)) {
    step_stream(p, random);
  } else if (dice < 90) {
    step_append(p, random);
  } else if (dice < 97) {
    step_flush(p);
  } else {
    step_wrong(p, random);
  }
}

/* ---- The end --------------------------------------------------------------------------------------- */

/* What was not accepted by now never will be: neither that nor what the writer keeps of a stream. */
static void give_up_refused(program *p) {
  discard(p, &p->producer.waiting);
  atomic_store(&p->offered, atomic_load(&p->accepted));
}

static bool try_finish(program *p) {
  give_up_waiting(p);
  atomic_store(&p->phase, PHASE_FINISHING);
  respool_status status = respool_writer_finish(producer_enter(p), kit_error());
  producer_leave();
  if (status != RESPOOL_OK) p->finish_failures++;
  if (!producer_settle(p, status, kit_last_error(), "finish")) return false;
  atomic_store(&p->ended, true);
  return true;
}

static void fail(program *p, kit_random *random) {
  static const respool_status statuses[] = {RESPOOL_RESOURCES_EXHAUSTED, RESPOOL_PRODUCER_FAILED, RESPOOL_USER + 7,
                                            RESPOOL_NO_SPACE};
  give_up_refused(p);
  p->failure = (respool_error){.status = statuses[kit_random_below(random, 4)],
                               .os_error = (int32_t)kit_random_below(random, 30),
                               .message = "the producer had enough"};
  atomic_store(&p->phase, PHASE_FAILING);
  const respool_error *why = &p->failure;
  CHECK_OK(respool_writer_fail(producer_enter(p), why->status, why->os_error, why->message, kit_error()));
  producer_leave();
  atomic_store(&p->ended, true);
}

void producer_close(program *p) {
  if (p->writer == NULL) return;
  atomic_store(&p->writer_closed, true);
  respool_writer_close(producer_enter(p));
  producer_leave();
  p->writer = NULL;
}

static void abandon(program *p) {
  give_up_refused(p);
  atomic_store(&p->phase, PHASE_ABANDONING);
  producer_close(p);
  atomic_store(&p->ended, true);
}

/* A stream that has ended takes nothing more, and stays as it ended. */
static void check_ended(program *p, kit_random *random) {
  struct ArrowArray array;
  respool_status answer = atomic_load(&p->phase) == PHASE_FINISHING ? RESPOOL_ALREADY_FINISHED : RESPOOL_HAS_FAILED;
  batch_recipe unused;
  batch_draw(p, random, &unused, &array);
  producer_enter(p);
  CHECK_ERROR(respool_writer_append(p->writer, &array, kit_error()), answer, NULL);
  CHECK_ERROR(respool_writer_finish(p->writer, kit_error()), answer, NULL);
  CHECK_ERROR(respool_writer_fail(p->writer, RESPOOL_IO, 0, "late", kit_error()), answer, NULL);
  discard(p, &array);
}

static void end_somehow(program *p, kit_random *random) {
  int64_t dice = kit_random_below(random, 100);
  bool tired = p->finish_failures > GIVE_UP_AFTER;
  if (dice < 70 && !tired) {
    while (!try_finish(p) && kit_random_chance(random, 0.8) && p->finish_failures <= GIVE_UP_AFTER)
      if (p->threaded) kit_pause(1000);
  } else if (dice < 88) {
    fail(p, random);
  } else {
    abandon(p);
  }
}

/* One attempt; the stream has ended in it, or a fault was in the way. */
void producer_end(program *p, kit_random *random) {
  if (!atomic_load(&p->ended)) end_somehow(p, random);
  if (!atomic_load(&p->ended)) return;
  discard(p, &p->producer.waiting);
  if (p->producer.stream.release != NULL) p->producer.stream.release(&p->producer.stream);
  respool_reader_close(p->producer.feedback);
  p->producer.feedback = NULL;
  if (p->writer != NULL) check_ended(p, random);
  if (kit_random_chance(random, 0.5)) producer_close(p);
  batch_forget_shared(p);
}
