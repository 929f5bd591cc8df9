/* SPDX-License-Identifier: Apache-2.0 */
/* Readers: waiting with and without end, cancelling, and the order in which errors come. */
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>

static const int64_t SECOND = 1000000000;

static void open_spool(kit_spool *s) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool_open(s, "{number:int32}", &options);
}

/* A thread that is inside next. */
typedef struct waiter {
  respool_reader *reader;
  int64_t timeout;
  respool_status status;
  respool_error error;
  int64_t rows;
  pthread_t thread;
} waiter;

static void *wait_once(void *argument) {
  waiter *w = argument;
  struct ArrowArray array;
  w->status = respool_reader_next(w->reader, &array, w->timeout, &w->error);
  if (w->status != RESPOOL_OK) return NULL;
  w->rows = array.length;
  array.release(&array);
  return NULL;
}

static void start_waiting(waiter *w, respool *spool, int64_t waiting_already) {
  w->thread = kit_thread_start(wait_once, w);
  while (kit_stats(spool).readers_waiting <= waiting_already) kit_pause(100);
}

static void not_waiting_answers_at_once(void) {
  kit_spool s;
  open_spool(&s);
  respool_reader *reader = kit_reader(s.spool);
  for (int i = 0; i < 5; i++) CHECK_PENDING(reader);
  KIT_APPEND(s.writer, 1);
  CHECK_NEXT(reader, 1);
  CHECK_PENDING(reader);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

static void a_time_limit_ends_the_waiting(void) {
  kit_spool s;
  struct ArrowArray array;
  open_spool(&s);
  respool_reader *reader = kit_reader(s.spool);
  for (int64_t timeout = 1; timeout <= SECOND / 100; timeout *= 10)
    CHECK_STATUS(respool_reader_next(reader, &array, timeout, kit_error()), RESPOOL_TIMED_OUT);
  KIT_APPEND(s.writer, 1);
  CHECK_NEXT(reader, 1); /* nothing was lost by having timed out */
  CHECK_EQ(kit_stats(s.spool).readers_waiting, 0);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

static void a_batch_within_the_time_limit(void) {
  kit_spool s;
  open_spool(&s);
  waiter w = {.reader = kit_reader(s.spool), .timeout = 300 * SECOND};
  start_waiting(&w, s.spool, 0);
  KIT_APPEND(s.writer, 1, 2, 3);
  kit_thread_join(w.thread);
  CHECK_EQ(w.status, RESPOOL_OK);
  CHECK_EQ(w.rows, 3);
  respool_reader_close(w.reader);
  kit_spool_close(&s);
}

/* So large that a deadline of now plus this would not fit a clock. */
static void an_enormous_time_limit(void) {
  kit_spool s;
  open_spool(&s);
  waiter w = {.reader = kit_reader(s.spool), .timeout = INT64_MAX};
  start_waiting(&w, s.spool, 0);
  KIT_APPEND(s.writer, 1);
  kit_thread_join(w.thread);
  CHECK_EQ(w.status, RESPOOL_OK);
  respool_reader_close(w.reader);
  kit_spool_close(&s);
}

static void a_wrong_time_limit(void) {
  kit_spool s;
  struct ArrowArray array;
  open_spool(&s);
  KIT_APPEND(s.writer, 1);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_ERROR(respool_reader_next(reader, &array, -2, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_reader_next(reader, &array, INT64_MIN, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_EQ(respool_reader_position(reader), 0);
  CHECK_NEXT(reader, 1);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* Many threads in next at once: one batch, and then the end, reaches each of them. */
enum { MANY = 24 };

static void many_wait_at_once(void) {
  kit_spool s;
  open_spool(&s);
  waiter waiters[MANY];
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < MANY; i++) {
      if (round == 0) waiters[i] = (waiter){.reader = kit_reader(s.spool), .timeout = RESPOOL_WAIT_FOREVER};
      start_waiting(&waiters[i], s.spool, i);
    }
    if (round == 0)
      KIT_APPEND(s.writer, 1, 2);
    else
      CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    for (int i = 0; i < MANY; i++) {
      kit_thread_join(waiters[i].thread);
      CHECK_EQ(waiters[i].status, round == 0 ? RESPOOL_OK : RESPOOL_END);
    }
  }
  for (int i = 0; i < MANY; i++) respool_reader_close(waiters[i].reader);
  kit_spool_close(&s);
}

static void a_batch_without_rows_is_a_batch(void) {
  kit_spool s;
  open_spool(&s);
  waiter w = {.reader = kit_reader(s.spool), .timeout = RESPOOL_WAIT_FOREVER};
  start_waiting(&w, s.spool, 0);
  kit_append_int32(s.writer, NULL, 0);
  kit_thread_join(w.thread);
  CHECK_EQ(w.status, RESPOOL_OK);
  CHECK_EQ(w.rows, 0);
  CHECK_EQ(respool_reader_position(w.reader), 1);
  respool_reader_close(w.reader);
  kit_spool_close(&s);
}

static void cancel_from_another_thread(void) {
  kit_spool s;
  open_spool(&s);
  waiter w = {.reader = kit_reader(s.spool), .timeout = RESPOOL_WAIT_FOREVER};
  start_waiting(&w, s.spool, 0);
  respool_reader_cancel(w.reader);
  kit_thread_join(w.thread);
  CHECK_EQ(w.status, RESPOOL_CANCELLED);
  CHECK_EQ(w.error.status, RESPOOL_CANCELLED);
  KIT_APPEND(s.writer, 1);
  CHECK_ANSWER(w.reader, RESPOOL_CANCELLED); /* though there is a batch now */
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_ANSWER(w.reader, RESPOOL_CANCELLED);
  respool_reader_cancel(w.reader);
  respool_reader_close(w.reader);
  kit_spool_close(&s);
}

static void cancel_concerns_one_reader(void) {
  kit_spool s;
  open_spool(&s);
  KIT_APPEND(s.writer, 1);
  respool_reader *cancelled = kit_reader(s.spool), *other = kit_reader(s.spool);
  respool_reader_cancel(cancelled);
  CHECK_ANSWER(cancelled, RESPOOL_CANCELLED);
  CHECK_EQ(respool_reader_position(cancelled), 0);
  CHECK_NEXT(other, 1);
  CHECK_PENDING(other);
  respool_reader_close(cancelled);
  respool_reader_close(other);
  kit_spool_close(&s);
}

/* A reader that is inside next is one thread's: a second one is told so. */
static void a_second_thread_is_misuse(void) {
  kit_spool s;
  struct ArrowArray array;
  open_spool(&s);
  waiter w = {.reader = kit_reader(s.spool), .timeout = RESPOOL_WAIT_FOREVER};
  start_waiting(&w, s.spool, 0);
  CHECK_ERROR(respool_reader_next(w.reader, &array, 0, kit_error()), RESPOOL_MISUSE, NULL);
  CHECK_ERROR(respool_reader_on_ready(w.reader, NULL, NULL, kit_error()), RESPOOL_MISUSE, NULL);
  CHECK_EQ(respool_reader_position(w.reader), 0); /* allowed from any thread */
  KIT_APPEND(s.writer, 1);
  kit_thread_join(w.thread);
  CHECK_EQ(w.status, RESPOOL_OK);
  CHECK_EQ(respool_reader_position(w.reader), 1);
  respool_reader_close(w.reader);
  kit_spool_close(&s);
}

static void errors_first_or_in_order(void) {
  kit_spool s;
  open_spool(&s);
  for (int32_t i = 0; i < 3; i++) KIT_APPEND(s.writer, i);
  respool_reader *first = kit_reader(s.spool), *ordered = kit_reader_in_order(s.spool);
  CHECK_NEXT(first, 0);
  CHECK_NEXT(ordered, 0);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_CORRUPT, EBADMSG, "bad input", kit_error()));
  CHECK_ANSWER(first, RESPOOL_CORRUPT);
  CHECK_EQ(respool_reader_position(first), 1);
  CHECK_NEXT(ordered, 1);
  CHECK_NEXT(ordered, 2);
  for (int i = 0; i < 2; i++) {
    CHECK_ANSWER(ordered, RESPOOL_CORRUPT);
    CHECK_STR(kit_last_error()->message, "bad input");
    CHECK_EQ(kit_last_error()->os_error, EBADMSG);
  }
  CHECK_EQ(respool_reader_position(ordered), 3);
  respool_reader_close(first);
  respool_reader_close(ordered);
  kit_spool_close(&s);
}

/* Both kinds of readers, blocked, hear of a failure and of abandonment. */
static void endings_wake_blocked_readers(void) {
  for (int abandon = 0; abandon <= 1; abandon++) {
    kit_spool s;
    open_spool(&s);
    waiter first = {.reader = kit_reader(s.spool), .timeout = RESPOOL_WAIT_FOREVER};
    waiter ordered = {.reader = kit_reader_in_order(s.spool), .timeout = RESPOOL_WAIT_FOREVER};
    start_waiting(&first, s.spool, 0);
    start_waiting(&ordered, s.spool, 1);
    if (!abandon) CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER + 1, 0, NULL, kit_error()));
    respool_writer_close(s.writer);
    s.writer = NULL;
    kit_thread_join(first.thread);
    kit_thread_join(ordered.thread);
    CHECK_EQ(first.status, abandon ? RESPOOL_ABANDONED : RESPOOL_USER + 1);
    CHECK_EQ(ordered.status, first.status);
    respool_reader_close(first.reader);
    respool_reader_close(ordered.reader);
    kit_spool_close(&s);
  }
}

/* Positions go up one by one, also as seen from another thread. */
typedef struct watch {
  respool_reader *reader;
  atomic_bool stop;
  bool fell;
} watch;

static void *watch_position(void *argument) {
  watch *w = argument;
  int64_t last = 0;
  while (!atomic_load(&w->stop)) {
    int64_t now = respool_reader_position(w->reader);
    if (now < last) w->fell = true;
    last = now;
  }
  return NULL;
}

static void position_from_another_thread(void) {
  kit_spool s;
  open_spool(&s);
  watch w = {.reader = kit_reader(s.spool)};
  pthread_t thread = kit_thread_start(watch_position, &w);
  for (int32_t i = 0; i < 200; i++) {
    KIT_APPEND(s.writer, i);
    CHECK_NEXT(w.reader, i);
    CHECK_EQ(respool_reader_position(w.reader), i + 1);
  }
  atomic_store(&w.stop, true);
  kit_thread_join(thread);
  CHECK(!w.fell);
  respool_reader_close(w.reader);
  kit_spool_close(&s);
}

/* A blocked reader and the writer in lock step: no wake-up may get lost. */
static void *count_all(void *argument) {
  waiter *w = argument;
  do wait_once(w);
  while (w->status == RESPOOL_OK);
  return NULL;
}

static void no_wake_up_is_lost(void) {
  int rounds = kit_slow() ? 300 : 20000;
  kit_spool s;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  kit_spool_open(&s, "{number:int32}", &options);
  waiter waiters[3];
  for (int i = 0; i < 3; i++) {
    waiters[i] = (waiter){.reader = kit_reader(s.spool), .timeout = RESPOOL_WAIT_FOREVER};
    waiters[i].thread = kit_thread_start(count_all, &waiters[i]);
  }
  for (int i = 0; i < rounds; i++) {
    KIT_APPEND(s.writer, i);
    while (i % 100 == 0 && respool_reader_position(waiters[0].reader) <= i) kit_pause(1);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  for (int i = 0; i < 3; i++) {
    kit_thread_join(waiters[i].thread);
    CHECK_EQ(waiters[i].status, RESPOOL_END);
    CHECK_EQ(respool_reader_position(waiters[i].reader), rounds);
    respool_reader_close(waiters[i].reader);
  }
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(not_waiting_answers_at_once),
    KIT_TEST(a_time_limit_ends_the_waiting),
    KIT_TEST(a_batch_within_the_time_limit),
    KIT_TEST(an_enormous_time_limit),
    KIT_TEST(a_wrong_time_limit),
    KIT_TEST(many_wait_at_once),
    KIT_TEST(a_batch_without_rows_is_a_batch),
    KIT_TEST(cancel_from_another_thread),
    KIT_TEST(cancel_concerns_one_reader),
    KIT_TEST(a_second_thread_is_misuse),
    KIT_TEST(errors_first_or_in_order),
    KIT_TEST(endings_wake_blocked_readers),
    KIT_TEST(position_from_another_thread),
    KIT_TEST(no_wake_up_is_lost),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
