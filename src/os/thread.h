/* SPDX-License-Identifier: Apache-2.0 */
/* Locks, wake-ups, the clock, and the check for a forked child. May call: support. */
#ifndef RESPOOL_OS_THREAD_H
#define RESPOOL_OS_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct os_mutex {
  pthread_mutex_t mutex;
};

struct os_condition {
  pthread_cond_t condition;
};

/* False where the system has not the means. */
bool os_mutex_open(struct os_mutex *mutex);
void os_mutex_close(struct os_mutex *mutex);
void os_lock(struct os_mutex *mutex);
void os_unlock(struct os_mutex *mutex);

bool os_condition_open(struct os_condition *condition);
void os_condition_close(struct os_condition *condition);

/* Wait until woken; may wake without cause. */
void os_wait(struct os_condition *condition, struct os_mutex *mutex);

/* The same until `deadline` on os_now()'s clock; false once it has passed. */
bool os_wait_until(struct os_condition *condition, struct os_mutex *mutex, int64_t deadline);

void os_wake_one(struct os_condition *condition);
void os_wake_all(struct os_condition *condition);

/* Nanoseconds of the monotonic clock. */
int64_t os_now(void);

/* So many of them from now; INT64_MAX, which never comes, for a negative number or too large a one. */
int64_t os_deadline(int64_t timeout);

/* Let others run, for some microseconds. */
void os_yield(void);

/* The calling thread, to be compared with os_thread_same(). */
typedef pthread_t os_thread;
os_thread os_thread_self(void);
bool os_thread_same(os_thread a, os_thread b);

/*
 * Counts the forks that lie between this process and the one that first called os_fork_watch(). A handle remembers the
 * number of its making; another number later means that this is a forked child.
 */
uint32_t os_fork_watch(void);

/* How often this process, or the one it comes from, has forked since: what was mapped then is mapped in a child too. */
uint32_t os_forks_begun(void);

extern atomic_uint os_forks; /* read by os_fork_count() only */

static inline uint32_t os_fork_count(void) {
  return atomic_load_explicit(&os_forks, memory_order_relaxed);
}

#endif
