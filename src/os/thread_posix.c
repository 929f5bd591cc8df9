/* SPDX-License-Identifier: Apache-2.0 */
/* Locks and wake-ups over POSIX threads. */
#define _GNU_SOURCE
#include "os/thread.h"

#include <stdatomic.h>
#include <time.h>

bool os_mutex_open(struct os_mutex *mutex) {
  return pthread_mutex_init(&mutex->mutex, NULL) == 0;
}

void os_mutex_close(struct os_mutex *mutex) {
  pthread_mutex_destroy(&mutex->mutex);
}

void os_lock(struct os_mutex *mutex) {
  pthread_mutex_lock(&mutex->mutex);
}

void os_unlock(struct os_mutex *mutex) {
  pthread_mutex_unlock(&mutex->mutex);
}

bool os_condition_open(struct os_condition *condition) {
  pthread_condattr_t attributes;
  if (pthread_condattr_init(&attributes) != 0) return false;
  bool opened = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&condition->condition, &attributes) == 0;
  pthread_condattr_destroy(&attributes);
  return opened;
}

void os_condition_close(struct os_condition *condition) {
  pthread_cond_destroy(&condition->condition);
}

void os_wait(struct os_condition *condition, struct os_mutex *mutex) {
  pthread_cond_wait(&condition->condition, &mutex->mutex);
}

enum { NANOSECONDS = 1000000000 };

bool os_wait_until(struct os_condition *condition, struct os_mutex *mutex, int64_t deadline) {
  struct timespec until = {.tv_sec = (time_t)(deadline / NANOSECONDS), .tv_nsec = (long)(deadline % NANOSECONDS)};
  pthread_cond_timedwait(&condition->condition, &mutex->mutex, &until);
  return os_now() < deadline;
}

void os_wake_one(struct os_condition *condition) {
  pthread_cond_signal(&condition->condition);
}

void os_wake_all(struct os_condition *condition) {
  pthread_cond_broadcast(&condition->condition);
}

/* Asleep, not merely yielding: with real-time priorities a thread gives way to none below it. */
void os_yield(void) {
  clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = 10000}, NULL);
}

int64_t os_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

int64_t os_deadline(int64_t timeout) {
  int64_t now = os_now();
  return timeout >= 0 && timeout < INT64_MAX - now ? now + timeout : INT64_MAX;
}

os_thread os_thread_self(void) {
  return pthread_self();
}

bool os_thread_same(os_thread a, os_thread b) {
  return pthread_equal(a, b) != 0;
}

atomic_uint os_forks;

static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static atomic_uint forks_begun;

static void count_begun(void) {
  atomic_fetch_add_explicit(&forks_begun, 1, memory_order_relaxed);
}

static void count_fork(void) {
  atomic_fetch_add_explicit(&os_forks, 1, memory_order_relaxed);
}

static void watch_forks(void) {
  pthread_atfork(count_begun, NULL, count_fork);
}

uint32_t os_forks_begun(void) {
  return atomic_load_explicit(&forks_begun, memory_order_relaxed);
}

uint32_t os_fork_watch(void) {
  pthread_once(&fork_once, watch_forks);
  return os_fork_count();
}
