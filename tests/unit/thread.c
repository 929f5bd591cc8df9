/* SPDX-License-Identifier: Apache-2.0 */
/* os/thread: locks, conditions with deadlines, the count of forks. */
#include "os/thread.h"

#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

static struct {
  struct os_mutex lock;
  struct os_condition wake;
  int turns;
  int waiting;
  bool told;
} shared;

static void shared_open(void) {
  REQUIRE(os_mutex_open(&shared.lock));
  REQUIRE(os_condition_open(&shared.wake));
  shared.turns = shared.waiting = 0;
  shared.told = false;
}

static void shared_close(void) {
  os_condition_close(&shared.wake);
  os_mutex_close(&shared.lock);
}

static void *add_turns(void *argument) {
  (void)argument;
  for (int i = 0; i < 2000; i++) {
    os_lock(&shared.lock);
    shared.turns++;
    os_unlock(&shared.lock);
  }
  return NULL;
}

static void a_lock_admits_one(void) {
  pthread_t threads[4];
  shared_open();
  for (int i = 0; i < 4; i++) threads[i] = kit_thread_start(add_turns, NULL);
  for (int i = 0; i < 4; i++) kit_thread_join(threads[i]);
  CHECK_EQ(shared.turns, 8000);
  shared_close();
}

static void *wait_to_be_told(void *argument) {
  (void)argument;
  os_lock(&shared.lock);
  shared.waiting++;
  while (!shared.told) os_wait(&shared.wake, &shared.lock);
  shared.turns++;
  os_unlock(&shared.lock);
  return NULL;
}

static void waking_all(void) {
  pthread_t threads[4];
  shared_open();
  for (int i = 0; i < 4; i++) threads[i] = kit_thread_start(wait_to_be_told, NULL);
  os_lock(&shared.lock);
  shared.told = true;
  os_wake_all(&shared.wake);
  os_unlock(&shared.lock);
  for (int i = 0; i < 4; i++) kit_thread_join(threads[i]);
  CHECK_EQ(shared.turns, 4);
  shared_close();
}

/* Whoever was woken wakes the next. */
static void *wait_and_pass_on(void *argument) {
  wait_to_be_told(argument);
  os_wake_one(&shared.wake);
  return NULL;
}

static void waking_one_after_the_other(void) {
  pthread_t threads[4];
  shared_open();
  for (int i = 0; i < 4; i++) threads[i] = kit_thread_start(wait_and_pass_on, NULL);
  os_lock(&shared.lock);
  shared.told = true;
  os_wake_one(&shared.wake);
  os_unlock(&shared.lock);
  for (int i = 0; i < 4; i++) kit_thread_join(threads[i]);
  CHECK_EQ(shared.turns, 4);
  shared_close();
}

/* Nobody wakes: the wait ends, and not before its time. */
static void deadlines(void) {
  shared_open();
  os_lock(&shared.lock);
  int64_t start = os_now();
  CHECK(!os_wait_until(&shared.wake, &shared.lock, start - 1));
  int64_t deadline = start + 20 * 1000 * 1000;
  while (os_wait_until(&shared.wake, &shared.lock, deadline)) {
  }
  CHECK_LE(deadline, os_now());
  os_unlock(&shared.lock);
  shared_close();
}

static void the_clock_does_not_go_back(void) {
  int64_t before = os_now();
  for (int i = 0; i < 10000; i++) {
    int64_t now = os_now();
    CHECK_LE(before, now);
    before = now;
  }
}

static void *own_thread(void *argument) {
  CHECK(!os_thread_same(*(os_thread *)argument, os_thread_self()));
  return NULL;
}

static void threads_are_told_apart(void) {
  os_thread here = os_thread_self();
  CHECK(os_thread_same(here, os_thread_self()));
  kit_thread_join(kit_thread_start(own_thread, &here));
}

/* Each generation of children sees another count; the parent's stays. */
static void forks_are_counted(void) {
  uint32_t here = os_fork_watch();
  CHECK_EQ(os_fork_count(), here);
  pid_t child = fork();
  if (child == 0) {
    bool differs = os_fork_count() == here + 1;
    pid_t grandchild = fork();
    if (grandchild == 0) _exit(os_fork_count() == here + 2 ? 0 : 1);
    int answer = 1;
    waitpid(grandchild, &answer, 0);
    _exit(differs && WIFEXITED(answer) && WEXITSTATUS(answer) == 0 && os_fork_count() == here + 1 ? 0 : 1);
  }
  int answer = 1;
  REQUIRE_EQ(waitpid(child, &answer, 0), child);
  CHECK(WIFEXITED(answer));
  CHECK_EQ(WEXITSTATUS(answer), 0);
  CHECK_EQ(os_fork_count(), here);
}

static const kit_test tests[] = {
    KIT_TEST(a_lock_admits_one),          KIT_TEST(waking_all),
    KIT_TEST(waking_one_after_the_other), KIT_TEST(deadlines),
    KIT_TEST(the_clock_does_not_go_back), KIT_TEST(threads_are_told_apart),
    KIT_TEST(forks_are_counted),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
