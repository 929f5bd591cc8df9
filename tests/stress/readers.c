/* SPDX-License-Identifier: Apache-2.0 */
/* The reading threads of the stress test. Each batch is compared with what its number says it must be. */
#include "stress.h"
#include "system.h"

#include <errno.h>
#include <stdlib.h>

/* One replay: how it reads and how far it goes. */
typedef struct manner {
  int64_t timeout;  /* of next */
  int64_t leave_at; /* batches after which it leaves, or -1 */
  int64_t pause;    /* microseconds between batches at most */
  bool in_order;
  bool keeps; /* some of its arrays are released only at the very end */
} manner;

bool stress_take(stress_round *round, int64_t index, struct ArrowArray *array, bool keep) {
  atomic_fetch_add(&round->delivered, 1);
  pthread_mutex_lock(&round->leftover_lock);
  bool kept = keep && round->leftover_count < LEFTOVERS;
  if (kept) {
    round->leftovers[round->leftover_count] = *array;
    round->leftover_index[round->leftover_count++] = index;
  }
  pthread_mutex_unlock(&round->leftover_lock);
  return kept || kit_series_check(&round->series, index, array);
}

static manner choose_manner(kit_random *random, const stress_round *round, bool last) {
  static const int64_t timeouts[] = {0, 1, 50000, 3000000, RESPOOL_WAIT_FOREVER, RESPOOL_WAIT_FOREVER};
  static const int64_t pauses[] = {0, 0, 10, 300};
  return (manner){.timeout = timeouts[kit_random_below(random, 6)],
                  .leave_at = last || kit_random_chance(random, 0.3) ? -1 : kit_random_below(random, round->batches),
                  .pause = pauses[kit_random_below(random, 4)],
                  .in_order = kit_random_chance(random, 0.5),
                  .keeps = kit_random_chance(random, 0.2)};
}

static void maybe_pause(kit_random *random, int64_t most) {
  if (most > 0 && kit_random_chance(random, 0.3)) kit_pause(kit_random_below(random, most));
}

/* Whether an answer that is no batch may end this replay here. */
static bool may_end(const stress_round *round, respool_status status, const manner *how, int64_t position, bool last) {
  if (status == RESPOOL_CANCELLED) return CHECK(!last); /* the last replays are not offered to the canceller */
  if (!CHECK_EQ(status, round->ends)) return false;
  bool early = status != RESPOOL_END && status != RESPOOL_ABANDONED && !how->in_order;
  return early || CHECK_EQ(position, round->batches);
}

static void read_on(stress_round *round, respool_reader *reader, const manner *how, kit_random *random, bool last) {
  for (int64_t position = 0; position != how->leave_at;) {
    struct ArrowArray array;
    respool_status status = respool_reader_next(reader, &array, how->timeout, kit_error());
    if (status == RESPOOL_OK) {
      if (!stress_take(round, position++, &array, how->keeps && kit_random_chance(random, 0.01))) return;
      maybe_pause(random, how->pause);
    } else if (status != RESPOOL_TIMED_OUT) {
      if (may_end(round, status, how, position, last)) atomic_fetch_add(&round->complete, status == round->ends);
      atomic_fetch_add(&round->cancelled, status == RESPOOL_CANCELLED);
      return;
    } else if (!CHECK(how->timeout != RESPOOL_WAIT_FOREVER)) {
      return;
    }
  }
}

static respool_reader *open_reader(stress_round *round, bool in_order) {
  respool_reader_options options;
  respool_reader *reader = NULL;
  respool_reader_options_init(&options, sizeof options);
  options.errors = in_order ? RESPOOL_ERRORS_IN_ORDER : RESPOOL_ERRORS_FIRST;
  CHECK_OK(respool_reader_open(round->s.spool, &options, &reader, kit_error()));
  return reader;
}

static void offer_to_canceller(slot *place, respool_reader *reader) {
  pthread_mutex_lock(&place->lock);
  place->reader = reader;
  pthread_mutex_unlock(&place->lock);
}

static void read_as_reader(const stress_thread *thread, kit_random *random, bool last) {
  stress_round *round = thread->round;
  manner how = choose_manner(random, round, last);
  respool_reader *reader = open_reader(round, how.in_order);
  if (reader == NULL) return;
  if (!last) offer_to_canceller(&round->slots[thread->number], reader);
  read_on(round, reader, &how, random, last);
  if (!last) offer_to_canceller(&round->slots[thread->number], NULL);
  respool_reader_close(reader);
}

static void read_as_stream(const stress_thread *thread, kit_random *random) {
  stress_round *round = thread->round;
  manner how = choose_manner(random, round, false);
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  if (!CHECK_OK(respool_export(round->s.spool, NULL, &stream, kit_error()))) return;
  for (int64_t position = 0; position != how.leave_at; position++) {
    int code = stream.get_next(&stream, &array);
    if (code != 0) CHECK(round->ends != RESPOOL_END);
    if (code == 0 && array.release == NULL) CHECK_EQ(position, round->batches);
    if (code != 0 || array.release == NULL || !stress_take(round, position, &array, false)) break;
    maybe_pause(random, how.pause);
  }
  stream.release(&stream);
}

void *stress_reader(void *argument) {
  const stress_thread *thread = argument;
  kit_random random;
  kit_random_init(&random, kit_mix(thread->round->seed + (uint64_t)thread->number));
  while (atomic_load(&thread->round->writing)) {
    if (kit_random_chance(&random, 0.3))
      read_as_stream(thread, &random);
    else
      read_as_reader(thread, &random, false);
  }
  read_as_reader(thread, &random, true);
  return NULL;
}

/* ---- Readiness callbacks --------------------------------------------------------------------------- */

/* A queue of readers that are due. Callbacks post to it from whatever thread they run on. */
typedef struct event_loop {
  pthread_mutex_t lock;
  pthread_cond_t posted;
  int due[LOOP_READERS];
  int count;
} event_loop;

typedef struct loop_reader {
  event_loop *loop;
  stress_round *round;
  respool_reader *reader;
  int64_t position;
  int number;
  bool in_order;
} loop_reader;

static void post(void *user_data) {
  loop_reader *r = user_data;
  event_loop *loop = r->loop;
  pthread_mutex_lock(&loop->lock);
  loop->due[loop->count++] = r->number; /* a reader is due once at most: there is always room */
  pthread_cond_signal(&loop->posted);
  pthread_mutex_unlock(&loop->lock);
}

static int wait_for_due(event_loop *loop) {
  pthread_mutex_lock(&loop->lock);
  while (loop->count == 0) pthread_cond_wait(&loop->posted, &loop->lock);
  int number = loop->due[--loop->count];
  pthread_mutex_unlock(&loop->lock);
  return number;
}

/* Reads what is there and arms again; false once this reader has ended. */
static bool serve(loop_reader *r) {
  manner how = {.in_order = r->in_order};
  for (;;) {
    struct ArrowArray array;
    respool_status status = respool_reader_next(r->reader, &array, 0, kit_error());
    if (status == RESPOOL_OK) {
      if (!stress_take(r->round, r->position++, &array, false)) return false;
    } else if (status == RESPOOL_TIMED_OUT) {
      status = respool_reader_on_ready(r->reader, post, r, kit_error());
      if (status != RESPOOL_READY) return CHECK_OK(status);
    } else {
      if (may_end(r->round, status, &how, r->position, true)) atomic_fetch_add(&r->round->complete, 1);
      return false;
    }
  }
}

static void start_loop_reader(loop_reader *r, event_loop *loop, stress_round *round, int number) {
  *r = (loop_reader){.loop = loop, .round = round, .number = number, .in_order = number % 2 == 0};
  r->reader = open_reader(round, r->in_order);
}

void *stress_event_loop(void *argument) {
  const stress_thread *thread = argument;
  event_loop loop = {.lock = PTHREAD_MUTEX_INITIALIZER, .posted = PTHREAD_COND_INITIALIZER};
  loop_reader readers[LOOP_READERS];
  int open = 0;
  for (int i = 0; i < LOOP_READERS; i++) {
    start_loop_reader(&readers[i], &loop, thread->round, i);
    open += readers[i].reader != NULL && serve(&readers[i]);
  }
  while (open > 0) open -= !serve(&readers[wait_for_due(&loop)]);
  for (int i = 0; i < LOOP_READERS; i++) respool_reader_close(readers[i].reader);
  return NULL;
}
