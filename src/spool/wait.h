/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for the next event (a batch, the end), and how they are told. One primitive, the waiter: a reader enlists
 * it once and it is told once.
 *   A thread blocked in next is woken in a chain: the event wakes one, and each one woken wakes the next before it
 *   leaves our code, so that the event costs the same with any number of them. The event's thread wakes, and calls
 *   hosts' callbacks, after it has given up the lock.
 */
#ifndef RESPOOL_SPOOL_WAIT_H
#define RESPOOL_SPOOL_WAIT_H

#include "os/thread.h"
#include "respool/respool.h"

#include <stdatomic.h>

struct waiter;

/* A ring with the list's own link as its head. */
struct waiter_link {
  struct waiter_link *previous;
  struct waiter_link *next;
};

struct waiters {
  struct waiter_link threads;   /* wait for an event */
  struct waiter_link chain;     /* the event has come; each is woken by the one before */
  struct waiter_link callbacks; /* wait for an event */
  int64_t count;                /* enlisted, wherever */
  struct os_condition fired;    /* a callback has returned */
};

/* A callback that is running, on the stack of its thread. */
struct firing {
  struct firing *outer; /* of the same waiter, on another thread or further out on this one */
  os_thread thread;
  bool gone; /* the waiter was closed from inside the callback: do not touch it */
};

/* Whom to tell once the lock is given up. */
struct told {
  struct waiter *thread;        /* to be woken; NULL: none */
  bool calls;                   /* there are callbacks; the ring itself is the lock's */
  struct waiter_link callbacks; /* to be called */
};

/* One per reader. */
struct waiter {
  struct waiter_link link;  /* first: found by its address. `next` NULL: not enlisted */
  struct os_condition wake; /* for a thread */
  atomic_int waking;        /* wakes on their way, which touch it without the lock: to be outlived */
  respool_ready_callback callback;
  void *user_data;
  struct firing *firing;
};

/* The lock is `lock` in all of these, and held on entry and return, but for waiters_inform(). */

bool waiters_open(struct waiters *waiters);
void waiters_close(struct waiters *waiters);

bool waiter_open(struct waiter *waiter);
void waiter_close(struct waiter *waiter);

/*
 * Block until told or until `deadline` (INT64_MAX: never). May return early without cause; false: the deadline
 * passed.
 */
bool waiter_block(struct waiters *waiters, struct waiter *waiter, struct os_mutex *lock, int64_t deadline);

/* Enlist a callback, replacing an earlier one. */
void waiter_arm(struct waiters *waiters, struct waiter *waiter, respool_ready_callback callback, void *user_data);

/*
 * Not enlisted, and no call running on another thread, when this returns. `closing`: calls running on this thread (we
 * are inside them) will not touch the waiter again.
 */
void waiter_disarm(struct waiters *waiters, struct waiter *waiter, struct os_mutex *lock, bool closing);

/*
 * The event: who is to be woken (a thread, which will wake the others) or called goes to `*told`, for
 * waiters_inform().
 */
void waiters_tell(struct waiters *waiters, struct told *told);

/* The same for one waiter alone. */
void waiters_tell_one(struct waiters *waiters, struct waiter *waiter, struct told *told);

/* Wake and call them. The lock is not held: whoever is woken finds it free. */
void waiters_inform(struct waiters *waiters, struct told *told, struct os_mutex *lock);

#endif
