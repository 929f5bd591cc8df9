/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long it takes until a waiting reader has a batch that was appended, in memory; beside it, until a thread that waits
 * for a condition variable goes on. Before each, time is given to the waiting thread to fall asleep.
 */
#include "bench.h"
#include "source.h"
#include "spools.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { PINGS_MOST = 1000, PAUSE_NS = 200000 };

/* Written by one side, read by the other. */
typedef struct ping {
  atomic_llong sent;    /* when the last one was sent */
  atomic_llong arrived; /* how many arrived */
  int64_t delays[PINGS_MOST];
  int count;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int64_t value; /* under the lock: how many were sent */
  respool_reader *reader;
} ping;

static void pause_a_moment(void) {
  nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

static void arrive(ping *p, int index) {
  p->delays[index] = bench_now() - (int64_t)atomic_load(&p->sent);
  atomic_store(&p->arrived, index + 1);
}

static void wait_for_arrival(ping *p, int index) {
  while (atomic_load(&p->arrived) <= index) pause_a_moment();
  pause_a_moment();
}

/* ---- A condition variable ---------------------------------------------------------------------------- */

static void *wait_for_condition(void *argument) {
  ping *p = argument;
  for (int i = 0; i < p->count; i++) {
    pthread_mutex_lock(&p->lock);
    while (p->value <= i) pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
    arrive(p, i);
  }
  return NULL;
}

static void signal_condition(ping *p, int index) {
  atomic_store(&p->sent, bench_now());
  pthread_mutex_lock(&p->lock);
  p->value = index + 1;
  pthread_mutex_unlock(&p->lock);
  pthread_cond_signal(&p->changed);
}

static void ping_condition(ping *p) {
  pthread_t thread;
  BENCH_NEED(pthread_create(&thread, NULL, wait_for_condition, p) == 0, "no thread");
  pause_a_moment();
  for (int i = 0; i < p->count; i++) {
    signal_condition(p, i);
    wait_for_arrival(p, i);
  }
  pthread_join(thread, NULL);
}

/* ---- A reader ---------------------------------------------------------------------------------------- */

static void *wait_for_batches(void *argument) {
  ping *p = argument;
  for (int i = 0; i < p->count; i++) {
    struct ArrowArray array;
    respool_error error;
    respool_status status = respool_reader_next(p->reader, &array, RESPOOL_WAIT_FOREVER, &error);
    BENCH_NEED(status == RESPOOL_OK, "%s", error.message);
    arrive(p, i);
    array.release(&array);
  }
  return NULL;
}

static void ping_reader(bench *b, ping *p) {
  spool_pair pair = spools_open(b, 1, RESPOOL_NO_LIMIT, NULL);
  respool_error error;
  pthread_t thread;
  BENCH_NEED(respool_reader_open(pair.spool, NULL, &p->reader, &error) == RESPOOL_OK, "%s", error.message);
  BENCH_NEED(pthread_create(&thread, NULL, wait_for_batches, p) == 0, "no thread");
  pause_a_moment();
  for (int i = 0; i < p->count; i++) {
    struct ArrowArray array;
    source_small(i, 16, &array);
    atomic_store(&p->sent, bench_now());
    spools_append(pair.writer, &array);
    wait_for_arrival(p, i);
  }
  pthread_join(thread, NULL);
  respool_reader_close(p->reader);
  spools_close(&pair);
}

static ping *open_ping(int count) {
  ping *p = calloc(1, sizeof *p);
  BENCH_NEED(p != NULL, "no memory");
  p->count = count;
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->changed, NULL);
  return p;
}

static void close_ping(ping *p) {
  pthread_cond_destroy(&p->changed);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

static double delay(ping *p, double part) {
  return (double)bench_quantile(p->delays, p->count, part);
}

void bench_follow(bench *b) {
  row *median = bench_row(b, "follow: a waiting reader, median", UNIT_NS, "a condition variable, median");
  row *rare = bench_row(b, "follow: a waiting reader, 99 of 100", UNIT_NS, "a condition variable, 99 of 100");
  for (int i = 0; i < b->repeats; i++) {
    ping *limit = open_ping(b->quick ? 200 : PINGS_MOST), *reader = open_ping(limit->count);
    ping_condition(limit);
    ping_reader(b, reader);
    bench_sample(median, delay(reader, 0.5), delay(limit, 0.5));
    bench_sample(rare, delay(reader, 0.99), delay(limit, 0.99));
    close_ping(limit);
    close_ping(reader);
  }
}
