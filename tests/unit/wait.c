/* SPDX-License-Identifier: Apache-2.0 */
/* spool/wait: threads woken in a chain, callbacks called once, disarmed and closed at any time. */
#include "spool/wait.h"

#include "check.h"
#include "random.h"
#include "system.h"

#include <stdatomic.h>
#include <string.h>

static struct {
  struct os_mutex lock;
  struct waiters waiters;
  int events;  /* what the threads wait for; under the lock */
  int blocked; /* threads that have gone to wait */
  int called;
} here;

static void here_open(void) {
  REQUIRE(os_mutex_open(&here.lock));
  REQUIRE(waiters_open(&here.waiters));
  here.events = here.blocked = here.called = 0;
}

static void here_close(void) {
  CHECK_EQ(here.waiters.count, 0);
  waiters_close(&here.waiters);
  os_mutex_close(&here.lock);
}

/* One event: told under the lock, fired without. */
static void happen(void) {
  struct told told;
  os_lock(&here.lock);
  here.events++;
  waiters_tell(&here.waiters, &told);
  os_unlock(&here.lock);
  waiters_inform(&here.waiters, &told, &here.lock);
}

static void count_call(void *user_data) {
  os_lock(&here.lock); /* free: a callback runs with no lock held */
  here.called++;
  os_unlock(&here.lock);
  if (user_data != NULL) ++*(int *)user_data;
}

static void arm(struct waiter *waiter, void *user_data) {
  os_lock(&here.lock);
  waiter_arm(&here.waiters, waiter, count_call, user_data);
  os_unlock(&here.lock);
}

static void disarm(struct waiter *waiter, bool closing) {
  os_lock(&here.lock);
  waiter_disarm(&here.waiters, waiter, &here.lock, closing);
  os_unlock(&here.lock);
}

/* ---- Callbacks ------------------------------------------------------------------------------------- */

static void callbacks_come_once(void) {
  struct waiter waiter;
  here_open();
  REQUIRE(waiter_open(&waiter));
  happen();
  CHECK_EQ(here.called, 0);
  arm(&waiter, NULL);
  CHECK_EQ(here.waiters.count, 1);
  happen();
  CHECK_EQ(here.called, 1);
  happen();
  CHECK_EQ(here.called, 1);
  arm(&waiter, NULL);
  arm(&waiter, NULL); /* replaces */
  CHECK_EQ(here.waiters.count, 1);
  happen();
  CHECK_EQ(here.called, 2);
  arm(&waiter, NULL);
  disarm(&waiter, false);
  disarm(&waiter, true);
  happen();
  CHECK_EQ(here.called, 2);
  waiter_close(&waiter);
  here_close();
}

static void many_callbacks(void) {
  enum { COUNT = 100 };
  struct waiter waiters[COUNT];
  int calls[COUNT] = {0};
  here_open();
  for (int i = 0; i < COUNT; i++) {
    REQUIRE(waiter_open(&waiters[i]));
    arm(&waiters[i], &calls[i]);
  }
  for (int i = 0; i < COUNT; i += 3) disarm(&waiters[i], true);
  happen();
  for (int i = 0; i < COUNT; i++) CHECK_EQ(calls[i], i % 3 == 0 ? 0 : 1);
  for (int i = 0; i < COUNT; i++) waiter_close(&waiters[i]);
  here_close();
}

/* One waiter alone is told: its callback comes, the others' do not. */
static void telling_one(void) {
  struct waiter a, b;
  struct told told;
  int calls_a = 0, calls_b = 0;
  here_open();
  REQUIRE(waiter_open(&a) && waiter_open(&b));
  arm(&a, &calls_a);
  arm(&b, &calls_b);
  for (int i = 0; i < 2; i++) {
    os_lock(&here.lock);
    waiters_tell_one(&here.waiters, &a, &told); /* the second time it is not enlisted */
    os_unlock(&here.lock);
    waiters_inform(&here.waiters, &told, &here.lock);
    CHECK(calls_a == 1 && calls_b == 0);
  }
  disarm(&b, true);
  waiter_close(&a);
  waiter_close(&b);
  here_close();
}

/* ---- From inside a callback ------------------------------------------------------------------------ */

static struct waiter inside;
static int rearmed;

static void arm_again(void *user_data) {
  here.called++;
  if (rearmed++ < 5) {
    os_lock(&here.lock);
    waiter_arm(&here.waiters, &inside, arm_again, user_data);
    os_unlock(&here.lock);
  }
}

static void arming_inside(void) {
  here_open();
  rearmed = 0;
  REQUIRE(waiter_open(&inside));
  os_lock(&here.lock);
  waiter_arm(&here.waiters, &inside, arm_again, NULL);
  os_unlock(&here.lock);
  for (int i = 1; i < 10; i++) {
    happen();
    CHECK_EQ(here.called, i < 6 ? i : 6);
  }
  disarm(&inside, true);
  waiter_close(&inside);
  here_close();
}

/* The waiter goes while its own callback runs: nobody touches it any more (its memory is overwritten here). */
static void close_it(void *user_data) {
  (void)user_data;
  here.called++;
  os_lock(&here.lock);
  waiter_disarm(&here.waiters, &inside, &here.lock, true);
  os_unlock(&here.lock);
  waiter_close(&inside);
  memset(&inside, 0xee, sizeof inside);
}

static void closing_inside(void) {
  struct waiter other;
  here_open();
  REQUIRE(waiter_open(&inside) && waiter_open(&other));
  os_lock(&here.lock);
  waiter_arm(&here.waiters, &inside, close_it, NULL);
  os_unlock(&here.lock);
  arm(&other, NULL);
  happen();
  CHECK_EQ(here.called, 2);
  disarm(&other, true);
  waiter_close(&other);
  here_close();
}

/* ---- Threads --------------------------------------------------------------------------------------- */

struct sleeper {
  struct waiter waiter;
  int seen;
};

/* Wait for each of so many events. */
static void *sleep_through(void *argument) {
  struct sleeper *sleeper = argument;
  os_lock(&here.lock);
  here.blocked++;
  while (sleeper->seen < 200) {
    while (here.events == sleeper->seen) waiter_block(&here.waiters, &sleeper->waiter, &here.lock, INT64_MAX);
    sleeper->seen = here.events < 200 ? here.events : 200;
  }
  os_unlock(&here.lock);
  return NULL;
}

/* However events and sleepers fall together, nobody sleeps on: the test would hang. */
static void no_wake_up_is_lost(void) {
  enum { COUNT = 8 };
  struct sleeper sleepers[COUNT];
  pthread_t threads[COUNT];
  kit_random random;
  kit_random_init(&random, kit_seed());
  here_open();
  for (int i = 0; i < COUNT; i++) {
    sleepers[i].seen = 0;
    REQUIRE(waiter_open(&sleepers[i].waiter));
    threads[i] = kit_thread_start(sleep_through, &sleepers[i]);
  }
  for (int i = 0; i < 200; i++) {
    happen();
    if (kit_random_chance(&random, 0.3)) kit_pause(kit_random_below(&random, 200));
  }
  for (int i = 0; i < COUNT; i++) {
    kit_thread_join(threads[i]);
    CHECK_EQ(sleepers[i].seen, 200);
    waiter_close(&sleepers[i].waiter);
  }
  here_close();
}

static void deadlines(void) {
  struct waiter waiter;
  here_open();
  REQUIRE(waiter_open(&waiter));
  os_lock(&here.lock);
  int64_t deadline = os_now() + 10 * 1000 * 1000;
  while (waiter_block(&here.waiters, &waiter, &here.lock, deadline)) {
  }
  CHECK_LE(deadline, os_now());
  CHECK_EQ(here.waiters.count, 0);
  os_unlock(&here.lock);
  waiter_close(&waiter);
  here_close();
}

/* Blocking takes the place of a callback that was armed. */
static void blocking_disarms(void) {
  struct waiter waiter;
  here_open();
  REQUIRE(waiter_open(&waiter));
  arm(&waiter, NULL);
  os_lock(&here.lock);
  waiter_block(&here.waiters, &waiter, &here.lock, os_now() + 1000);
  os_unlock(&here.lock);
  happen();
  CHECK_EQ(here.called, 0);
  waiter_close(&waiter);
  here_close();
}

/* ---- Disarming while a callback runs elsewhere ------------------------------------------------------ */

static struct {
  atomic_int running;
  atomic_int may_end;
  atomic_int ended;
} slow;

static void take_its_time(void *user_data) {
  (void)user_data;
  atomic_store(&slow.running, 1);
  while (atomic_load(&slow.may_end) == 0) kit_pause(100);
  atomic_store(&slow.ended, 1);
}

static void *happen_elsewhere(void *argument) {
  (void)argument;
  happen();
  return NULL;
}

static void *let_it_end(void *argument) {
  (void)argument;
  kit_pause(3000);
  atomic_store(&slow.may_end, 1);
  return NULL;
}

/* Disarm returns after the callback has, so that what it uses may go. */
static void disarming_waits_for_the_callback(void) {
  struct waiter waiter;
  here_open();
  atomic_store(&slow.running, 0);
  atomic_store(&slow.may_end, 0);
  atomic_store(&slow.ended, 0);
  REQUIRE(waiter_open(&waiter));
  os_lock(&here.lock);
  waiter_arm(&here.waiters, &waiter, take_its_time, NULL);
  os_unlock(&here.lock);
  pthread_t event = kit_thread_start(happen_elsewhere, NULL);
  while (atomic_load(&slow.running) == 0) kit_pause(100);
  pthread_t ending = kit_thread_start(let_it_end, NULL);
  disarm(&waiter, true);
  CHECK_EQ(atomic_load(&slow.ended), 1);
  kit_thread_join(event);
  kit_thread_join(ending);
  waiter_close(&waiter);
  here_close();
}

/*
 * Taken back by another thread between the event and the call. The flag orders nothing, as in a program nothing would:
 * so the thread sanitizer sees whether what was told is looked at without the lock.
 */
static atomic_int taken_back;

static void *take_back(void *waiter) {
  disarm(waiter, false);
  atomic_store_explicit(&taken_back, 1, memory_order_relaxed);
  return NULL;
}

static void taken_back_before_the_call(void) {
  struct waiter waiter;
  struct told told;
  int called = 0;
  here_open();
  atomic_store(&taken_back, 0);
  REQUIRE(waiter_open(&waiter));
  arm(&waiter, &called);
  os_lock(&here.lock);
  waiters_tell(&here.waiters, &told);
  os_unlock(&here.lock);
  pthread_t thread = kit_thread_start(take_back, &waiter);
  while (atomic_load_explicit(&taken_back, memory_order_relaxed) == 0) kit_pause(10);
  waiters_inform(&here.waiters, &told, &here.lock);
  CHECK_EQ(called, 0);
  kit_thread_join(thread);
  waiter_close(&waiter);
  here_close();
}

static const kit_test tests[] = {
    KIT_TEST(callbacks_come_once),
    KIT_TEST(many_callbacks),
    KIT_TEST(telling_one),
    KIT_TEST(arming_inside),
    KIT_TEST(closing_inside),
    KIT_TEST(no_wake_up_is_lost),
    KIT_TEST(deadlines),
    KIT_TEST(blocking_disarms),
    KIT_TEST(disarming_waits_for_the_callback),
    KIT_TEST(taken_back_before_the_call),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
