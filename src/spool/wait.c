/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiters: see wait.h. The spool's lock guards all lists and fields, and `firing` frames on other threads' stacks.
 * wait.pml is a model of this file, searched whole by spin: who changes one looks at the other.
 */
#include "spool/wait.h"

#include <stddef.h>

/* ---- Rings ----------------------------------------------------------------------------------------- */

static void ring_open(struct waiter_link *ring) {
  ring->previous = ring->next = ring;
}

static bool ring_empty(const struct waiter_link *ring) {
  return ring->next == ring;
}

static void ring_append(struct waiter_link *ring, struct waiter_link *link) {
  link->previous = ring->previous;
  link->next = ring;
  ring->previous->next = link;
  ring->previous = link;
}

static void ring_unlink(struct waiter_link *link) {
  link->previous->next = link->next;
  link->next->previous = link->previous;
  link->previous = link->next = NULL;
}

/* Move all of `from` behind what is in `ring`. */
static void ring_splice(struct waiter_link *ring, struct waiter_link *from) {
  if (ring_empty(from)) return;
  from->next->previous = ring->previous;
  ring->previous->next = from->next;
  from->previous->next = ring;
  ring->previous = from->previous;
  ring_open(from);
}

static struct waiter *waiter_of(struct waiter_link *link) {
  return (struct waiter *)link; /* its first member */
}

/* ---- Waiters --------------------------------------------------------------------------------------- */

bool waiters_open(struct waiters *waiters) {
  ring_open(&waiters->threads);
  ring_open(&waiters->chain);
  ring_open(&waiters->callbacks);
  waiters->count = 0;
  return os_condition_open(&waiters->fired);
}

void waiters_close(struct waiters *waiters) {
  os_condition_close(&waiters->fired);
}

bool waiter_open(struct waiter *waiter) {
  *waiter = (struct waiter){0};
  atomic_init(&waiter->waking, 0);
  return os_condition_open(&waiter->wake);
}

void waiter_close(struct waiter *waiter) {
  while (atomic_load_explicit(&waiter->waking, memory_order_acquire) > 0) os_yield();
  os_condition_close(&waiter->wake);
}

static void enlist(struct waiters *waiters, struct waiter_link *ring, struct waiter *waiter) {
  ring_append(ring, &waiter->link);
  waiters->count++;
}

static bool enlisted(const struct waiter *waiter) {
  return waiter->link.next != NULL;
}

static void delist(struct waiters *waiters, struct waiter *waiter) {
  if (!enlisted(waiter)) return;
  ring_unlink(&waiter->link);
  waiters->count--;
}

/* Wake the next of the chain. Whoever takes itself for woken calls this, so that a chain once begun runs to its end. */
static void pass_on(struct waiters *waiters) {
  if (ring_empty(&waiters->chain)) return;
  struct waiter *waiter = waiter_of(waiters->chain.next);
  delist(waiters, waiter);
  os_wake_one(&waiter->wake);
}

bool waiter_block(struct waiters *waiters, struct waiter *waiter, struct os_mutex *lock, int64_t deadline) {
  delist(waiters, waiter); /* a callback that was armed gives way */
  waiter->callback = NULL;
  enlist(waiters, &waiters->threads, waiter);
  bool in_time = true;
  if (deadline == INT64_MAX)
    os_wait(&waiter->wake, lock);
  else
    in_time = os_wait_until(&waiter->wake, lock, deadline);
  bool was_told = !enlisted(waiter);
  delist(waiters, waiter);
  if (was_told) pass_on(waiters);
  return in_time;
}

void waiter_arm(struct waiters *waiters, struct waiter *waiter, respool_ready_callback callback, void *user_data) {
  delist(waiters, waiter);
  waiter->callback = callback;
  waiter->user_data = user_data;
  enlist(waiters, &waiters->callbacks, waiter);
}

static bool fires_elsewhere(const struct waiter *waiter) {
  for (const struct firing *firing = waiter->firing; firing != NULL; firing = firing->outer) {
    if (!os_thread_same(firing->thread, os_thread_self())) return true;
  }
  return false;
}

void waiter_disarm(struct waiters *waiters, struct waiter *waiter, struct os_mutex *lock, bool closing) {
  delist(waiters, waiter);
  while (fires_elsewhere(waiter)) os_wait(&waiters->fired, lock);
  delist(waiters, waiter); /* the callback that was waited for may have armed it again */
  if (!closing) return;
  for (struct firing *firing = waiter->firing; firing != NULL; firing = firing->outer) firing->gone = true;
  waiter->firing = NULL;
}

/* It is no longer enlisted; until it is woken it must stay. */
static void promise_wake(struct waiters *waiters, struct waiter *waiter, struct told *told) {
  delist(waiters, waiter);
  atomic_fetch_add_explicit(&waiter->waking, 1, memory_order_relaxed);
  told->thread = waiter;
}

void waiters_tell(struct waiters *waiters, struct told *told) {
  told->thread = NULL;
  told->calls = !ring_empty(&waiters->callbacks);
  ring_open(&told->callbacks);
  if (waiters->count == 0) return;
  ring_splice(&told->callbacks, &waiters->callbacks);
  ring_splice(&waiters->chain, &waiters->threads);
  if (!ring_empty(&waiters->chain)) promise_wake(waiters, waiter_of(waiters->chain.next), told);
}

void waiters_tell_one(struct waiters *waiters, struct waiter *waiter, struct told *told) {
  told->thread = NULL;
  told->calls = false;
  ring_open(&told->callbacks);
  if (!enlisted(waiter)) return;
  if (waiter->callback == NULL) {
    promise_wake(waiters, waiter, told);
    return;
  }
  ring_unlink(&waiter->link); /* maybe from another thread's ring of those it is about to call: then we do */
  ring_append(&told->callbacks, &waiter->link);
  told->calls = true;
}

static void unlink_firing(struct waiter *waiter, struct firing *firing) {
  struct firing **at = &waiter->firing;
  while (*at != firing) at = &(*at)->outer;
  *at = firing->outer;
}

static void fire(struct waiters *waiters, struct waiter *waiter, struct os_mutex *lock) {
  struct firing firing = {.outer = waiter->firing, .thread = os_thread_self()};
  waiter->firing = &firing;
  respool_ready_callback callback = waiter->callback;
  void *user_data = waiter->user_data;
  os_unlock(lock);
  callback(user_data);
  os_lock(lock);
  if (firing.gone) return;
  unlink_firing(waiter, &firing);
  os_wake_all(&waiters->fired);
}

static void call_back(struct waiters *waiters, struct waiter_link *due, struct os_mutex *lock) {
  os_lock(lock);
  while (!ring_empty(due)) {
    struct waiter *waiter = waiter_of(due->next);
    delist(waiters, waiter);
    fire(waiters, waiter, lock);
  }
  os_unlock(lock);
}

void waiters_inform(struct waiters *waiters, struct told *told, struct os_mutex *lock) {
  if (told->thread != NULL) {
    os_wake_one(&told->thread->wake);
    atomic_fetch_sub_explicit(&told->thread->waking, 1, memory_order_release); /* it may be gone from here on */
  }
  /* Another thread may take its waiter off the ring: what is left is looked at under the lock. */
  if (told->calls) call_back(waiters, &told->callbacks, lock);
}
