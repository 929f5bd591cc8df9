/* SPDX-License-Identifier: Apache-2.0 */
/* Readiness callbacks: armed, fired once by each kind of event, replaced, disarmed, and called from inside themselves.
 */
#include "spool.h"
#include "system.h"

#include <stdatomic.h>

static void open_spool(kit_spool *s) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool_open(s, "{number:int32}", &options);
}

static void count_call(void *user_data) {
  ++*(int *)user_data;
}

static void fires_once_for_a_batch(void) {
  kit_spool s;
  int calls = 0;
  open_spool(&s);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_STATUS(respool_reader_on_ready(reader, count_call, &calls, kit_error()), RESPOOL_OK);
  CHECK_EQ(kit_stats(s.spool).readers_waiting, 1);
  CHECK_EQ(calls, 0);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(calls, 1);
  CHECK_EQ(kit_stats(s.spool).readers_waiting, 0);
  KIT_APPEND(s.writer, 2);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(calls, 1);
  CHECK_NEXT(reader, 1);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

static void fires_for_a_batch_without_rows(void) {
  kit_spool s;
  int calls = 0;
  open_spool(&s);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_reader_on_ready(reader, count_call, &calls, kit_error()));
  kit_append_int32(s.writer, NULL, 0);
  CHECK_EQ(calls, 1);
  CHECK_ANSWER(reader, RESPOOL_OK);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

static void ready_now_arms_nothing(void) {
  kit_spool s;
  int calls = 0;
  open_spool(&s);
  KIT_APPEND(s.writer, 1);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_STATUS(respool_reader_on_ready(reader, count_call, &calls, kit_error()), RESPOOL_READY);
  KIT_APPEND(s.writer, 2);
  CHECK_NEXT(reader, 1);
  CHECK_NEXT(reader, 2);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(calls, 0);
  CHECK_STATUS(respool_reader_on_ready(reader, count_call, &calls, kit_error()), RESPOOL_READY); /* the end */
  respool_reader_cancel(reader);
  CHECK_STATUS(respool_reader_on_ready(reader, count_call, &calls, kit_error()), RESPOOL_READY);
  CHECK_EQ(calls, 0);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

typedef void (*ending)(kit_spool *s, respool_reader *reader);

static void by_finish(kit_spool *s, respool_reader *reader) {
  (void)reader;
  CHECK_OK(respool_writer_finish(s->writer, kit_error()));
}

static void by_fail(kit_spool *s, respool_reader *reader) {
  (void)reader;
  CHECK_OK(respool_writer_fail(s->writer, RESPOOL_USER, 0, NULL, kit_error()));
}

static void by_abandoning(kit_spool *s, respool_reader *reader) {
  (void)reader;
  respool_writer_close(s->writer);
  s->writer = NULL;
}

static void by_cancel(kit_spool *s, respool_reader *reader) {
  (void)s;
  respool_reader_cancel(reader);
}

static void fires_for_every_ending(void) {
  static const ending endings[] = {by_finish, by_fail, by_abandoning, by_cancel};
  static const respool_status answers[] = {RESPOOL_END, RESPOOL_USER, RESPOOL_ABANDONED, RESPOOL_CANCELLED};
  for (int i = 0; i < 4; i++) {
    kit_spool s;
    int calls = 0, in_order_calls = 0;
    open_spool(&s);
    respool_reader *reader = kit_reader(s.spool), *in_order = kit_reader_in_order(s.spool);
    CHECK_OK(respool_reader_on_ready(reader, count_call, &calls, kit_error()));
    CHECK_OK(respool_reader_on_ready(in_order, count_call, &in_order_calls, kit_error()));
    endings[i](&s, reader);
    CHECK_EQ(calls, 1);
    CHECK_EQ(in_order_calls, i < 3 ? 1 : 0); /* a cancel concerns the one reader only */
    CHECK_ANSWER(reader, answers[i]);
    respool_reader_close(reader);
    respool_reader_close(in_order);
    kit_spool_close(&s);
    CHECK_EQ(calls, 1);
  }
}

static void the_latest_replaces(void) {
  kit_spool s;
  int calls[3] = {0, 0, 0};
  open_spool(&s);
  respool_reader *reader = kit_reader(s.spool);
  for (int i = 0; i < 3; i++) CHECK_OK(respool_reader_on_ready(reader, count_call, &calls[i], kit_error()));
  CHECK_EQ(kit_stats(s.spool).readers_waiting, 1);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(calls[0], 0);
  CHECK_EQ(calls[1], 0);
  CHECK_EQ(calls[2], 1);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

static void disarmed_it_does_not_fire(void) {
  kit_spool s;
  int calls = 0;
  open_spool(&s);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_reader_on_ready(reader, count_call, &calls, kit_error()));
  CHECK_OK(respool_reader_on_ready(reader, NULL, NULL, kit_error()));
  CHECK_OK(respool_reader_on_ready(reader, NULL, NULL, kit_error())); /* nothing to disarm */
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(calls, 0);
  CHECK_NEXT(reader, 1);
  CHECK_OK(respool_reader_on_ready(reader, count_call, &calls, kit_error()));
  respool_reader_close(reader);
  KIT_APPEND(s.writer, 2);
  kit_spool_close(&s);
  CHECK_EQ(calls, 0);
}

/* Looking whether there is something does not disarm. */
static void armed_and_then_looked(void) {
  kit_spool s;
  int calls = 0;
  open_spool(&s);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_reader_on_ready(reader, count_call, &calls, kit_error()));
  CHECK_PENDING(reader);
  CHECK_EQ(calls, 0);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(calls, 1);
  CHECK_NEXT(reader, 1);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* A next that has to block takes the callback's place. */
static void blocking_disarms(void) {
  kit_spool s;
  int calls = 0;
  struct ArrowArray array;
  open_spool(&s);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_reader_on_ready(reader, count_call, &calls, kit_error()));
  CHECK_STATUS(respool_reader_next(reader, &array, 1000, kit_error()), RESPOOL_TIMED_OUT);
  CHECK_EQ(kit_stats(s.spool).readers_waiting, 0);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(calls, 0);
  CHECK_NEXT(reader, 1);
  CHECK_OK(respool_reader_on_ready(reader, count_call, &calls, kit_error()));
  KIT_APPEND(s.writer, 2);
  CHECK_EQ(calls, 1);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* ---- From inside the callback ---------------------------------------------------------------------- */

typedef struct inside {
  kit_spool *s;
  respool_reader *reader;
  int calls;
  int32_t expected;
} inside;

static void read_and_arm_again(void *user_data) {
  inside *in = user_data;
  in->calls++;
  while (respool_reader_on_ready(in->reader, read_and_arm_again, in, NULL) == RESPOOL_READY) {
    if (kit_stats(in->s->spool).state == RESPOOL_FINISHED) {
      CHECK_ANSWER(in->reader, RESPOOL_END);
      return;
    }
    CHECK_NEXT(in->reader, in->expected);
    in->expected++;
  }
}

static void it_may_read_and_arm_again(void) {
  kit_spool s;
  open_spool(&s);
  inside in = {.s = &s, .reader = kit_reader(s.spool)};
  CHECK_OK(respool_reader_on_ready(in.reader, read_and_arm_again, &in, kit_error()));
  for (int32_t i = 0; i < 10; i++) {
    KIT_APPEND(s.writer, i);
    CHECK_EQ(in.expected, i + 1);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(in.calls, 11);
  respool_reader_close(in.reader);
  kit_spool_close(&s);
}

static void close_it(void *user_data) {
  inside *in = user_data;
  in->calls++;
  respool_reader_close(in->reader);
}

static void it_may_close_its_reader(void) {
  kit_spool s;
  open_spool(&s);
  inside in = {.s = &s, .reader = kit_reader(s.spool)};
  CHECK_OK(respool_reader_on_ready(in.reader, close_it, &in, kit_error()));
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(in.calls, 1);
  CHECK_EQ(kit_stats(s.spool).readers, 0);
  KIT_APPEND(s.writer, 2);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* The reader closes inside the callback that its own cancel caused. */
static void closing_inside_a_cancel(void) {
  kit_spool s;
  open_spool(&s);
  inside in = {.s = &s, .reader = kit_reader(s.spool)};
  CHECK_OK(respool_reader_on_ready(in.reader, close_it, &in, kit_error()));
  respool_reader_cancel(in.reader);
  CHECK_EQ(in.calls, 1);
  CHECK_EQ(kit_stats(s.spool).readers, 0);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void close_everything(void *user_data) {
  inside *in = user_data;
  in->calls++;
  respool_reader_close(in->reader);
  kit_spool_close(in->s);
}

/* ... and closes all other handles there, too, so that the call it runs in outlives the spool. */
static void closing_everything_inside_a_cancel(void) {
  kit_spool s;
  open_spool(&s);
  inside in = {.s = &s, .reader = kit_reader(s.spool)};
  CHECK_OK(respool_reader_on_ready(in.reader, close_everything, &in, kit_error()));
  respool_reader_cancel(in.reader);
  CHECK_EQ(in.calls, 1);
  CHECK_NOTHING_LEFT();
}

static void close_other(void *user_data) {
  inside *in = user_data;
  in->calls++;
  if (in->reader != NULL) respool_reader_close(in->reader);
  in->reader = NULL;
}

/* One callback closes the other's reader, which is due in the same event: that one must not run any more, or run
 * before. */
static void closing_each_other(void) {
  kit_spool s;
  open_spool(&s);
  respool_reader *a = kit_reader(s.spool), *b = kit_reader(s.spool);
  inside closes_b = {.reader = b}, closes_a = {.reader = a};
  CHECK_OK(respool_reader_on_ready(a, close_other, &closes_b, kit_error()));
  CHECK_OK(respool_reader_on_ready(b, close_other, &closes_a, kit_error()));
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(closes_a.calls + closes_b.calls, 1);
  respool_reader_close(closes_a.reader);
  respool_reader_close(closes_b.reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void open_another(void *user_data) {
  inside *in = user_data;
  in->calls++;
  respool_reader *reader = kit_reader(in->s->spool);
  CHECK_NEXT(reader, 1);
  respool_reader_close(reader);
  CHECK_OK(respool_set_memory_limit(in->s->spool, 100, kit_error()));
  CHECK_OK(respool_spill(in->s->spool, 0, kit_error()));
}

static void it_may_use_other_handles(void) {
  kit_spool s;
  open_spool(&s);
  inside in = {.s = &s};
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_reader_on_ready(reader, open_another, &in, kit_error()));
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(in.calls, 1);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* The callback that runs inside append may not append: it is told so. */
static void append_inside(void *user_data) {
  inside *in = user_data;
  struct ArrowArray array;
  in->calls++;
  kit_batch_one(5, &array);
  CHECK_STATUS(respool_writer_append(in->s->writer, &array, kit_error()), RESPOOL_MISUSE);
  array.release(&array);
}

static void the_writer_it_runs_in_is_busy(void) {
  kit_spool s;
  open_spool(&s);
  inside in = {.s = &s};
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_reader_on_ready(reader, append_inside, &in, kit_error()));
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(in.calls, 1);
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* ---- From other threads ---------------------------------------------------------------------------- */

/* Each close or disarm must wait for a callback that is running: after it, the counter may not move. */
typedef struct running {
  atomic_int calls;
  atomic_bool closed;
  atomic_bool late;
} running;

static void slow_call(void *user_data) {
  running *r = user_data;
  kit_pause(200);
  if (atomic_load(&r->closed)) atomic_store(&r->late, true);
  atomic_fetch_add(&r->calls, 1);
}

static void *append_one(void *argument) {
  kit_spool *s = argument;
  KIT_APPEND(s->writer, 1);
  return NULL;
}

static void never_runs_after_close(void) {
  int rounds = kit_slow() ? 30 : 200;
  for (int i = 0; i < rounds; i++) {
    kit_spool s;
    running r = {0};
    respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
    kit_spool_open(&s, "{number:int32}", &options);
    respool_reader *reader = kit_reader(s.spool);
    CHECK_OK(respool_reader_on_ready(reader, slow_call, &r, kit_error()));
    pthread_t thread = kit_thread_start(append_one, &s);
    kit_pause(i % 4 * 80);
    if (i % 2 == 0) CHECK_OK(respool_reader_on_ready(reader, NULL, NULL, kit_error()));
    if (i % 2 == 1) respool_reader_close(reader);
    atomic_store(&r.closed, true);
    int calls = atomic_load(&r.calls);
    kit_thread_join(thread);
    CHECK_EQ(atomic_load(&r.calls), calls);
    CHECK(!atomic_load(&r.late));
    if (i % 2 == 0) respool_reader_close(reader);
    kit_spool_close(&s);
  }
}

/* A callback that is running arms its reader again while that is being closed: the reader must not stay enlisted. */
typedef struct rearming {
  respool_reader *reader;
  atomic_bool begun;
  atomic_int calls;
} rearming;

static void count_late_call(void *user_data) {
  atomic_fetch_add((atomic_int *)user_data, 1);
}

static void arm_again_slowly(void *user_data) {
  rearming *r = user_data;
  struct ArrowArray array;
  atomic_store(&r->begun, true);
  kit_pause(2000);
  if (CHECK_OK(respool_reader_next(r->reader, &array, 0, kit_error()))) array.release(&array);
  CHECK_OK(respool_reader_on_ready(r->reader, count_late_call, &r->calls, kit_error()));
}

static void armed_again_while_it_is_closed(void) {
  for (int i = 0; i < 5; i++) {
    kit_spool s;
    rearming r = {0};
    respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
    kit_spool_open(&s, "{number:int32}", &options);
    r.reader = kit_reader(s.spool);
    CHECK_OK(respool_reader_on_ready(r.reader, arm_again_slowly, &r, kit_error()));
    pthread_t thread = kit_thread_start(append_one, &s);
    while (!atomic_load(&r.begun)) kit_pause(1);
    respool_reader_close(r.reader);
    kit_thread_join(thread);
    CHECK_EQ(kit_stats(s.spool).readers_waiting, 0);
    KIT_APPEND(s.writer, 2);
    CHECK_EQ(atomic_load(&r.calls), 0);
    kit_spool_close(&s);
  }
}

/* An event loop: callbacks post, the loop reads with timeout 0 and arms again. Nothing may get lost. */
typedef struct loop {
  pthread_mutex_t lock;
  pthread_cond_t posted;
  int pending;
} loop;

static void post(void *user_data) {
  loop *l = user_data;
  pthread_mutex_lock(&l->lock);
  l->pending++;
  pthread_cond_signal(&l->posted);
  pthread_mutex_unlock(&l->lock);
}

static void wait_for_post(loop *l) {
  pthread_mutex_lock(&l->lock);
  while (l->pending == 0) pthread_cond_wait(&l->posted, &l->lock);
  l->pending--;
  pthread_mutex_unlock(&l->lock);
}

typedef struct producer {
  kit_spool *s;
  int32_t count;
} producer;

static void *produce(void *argument) {
  producer *p = argument;
  for (int32_t i = 0; i < p->count; i++) KIT_APPEND(p->s->writer, i);
  CHECK_OK(respool_writer_finish(p->s->writer, kit_error()));
  return NULL;
}

static void an_event_loop_misses_nothing(void) {
  kit_spool s;
  open_spool(&s);
  producer p = {&s, kit_slow() ? 500 : 10000};
  loop l = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
  respool_reader *reader = kit_reader(s.spool);
  pthread_t thread = kit_thread_start(produce, &p);
  struct ArrowArray array;
  respool_status status = RESPOOL_OK;
  int32_t got = 0;
  while (status != RESPOOL_END) {
    if (respool_reader_on_ready(reader, post, &l, kit_error()) == RESPOOL_OK) wait_for_post(&l);
    status = respool_reader_next(reader, &array, 0, kit_error());
    if (status == RESPOOL_OK) {
      CHECK_EQ(((const int32_t *)array.children[0]->buffers[1])[array.children[0]->offset], got);
      array.release(&array);
      got++;
    } else if (!CHECK_EQ(status, RESPOOL_END)) {
      break;
    }
  }
  kit_thread_join(thread);
  CHECK_EQ(got, p.count);
  CHECK_EQ(l.pending, 0);
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(fires_once_for_a_batch),
    KIT_TEST(fires_for_a_batch_without_rows),
    KIT_TEST(ready_now_arms_nothing),
    KIT_TEST(fires_for_every_ending),
    KIT_TEST(the_latest_replaces),
    KIT_TEST(disarmed_it_does_not_fire),
    KIT_TEST(armed_and_then_looked),
    KIT_TEST(blocking_disarms),
    KIT_TEST(it_may_read_and_arm_again),
    KIT_TEST(it_may_close_its_reader),
    KIT_TEST(closing_inside_a_cancel),
    KIT_TEST(closing_everything_inside_a_cancel),
    KIT_TEST(closing_each_other),
    KIT_TEST(it_may_use_other_handles),
    KIT_TEST(the_writer_it_runs_in_is_busy),
    KIT_TEST(never_runs_after_close),
    KIT_TEST(armed_again_while_it_is_closed),
    KIT_TEST(an_event_loop_misses_nothing),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
