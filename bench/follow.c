/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long it takes from an append until a waiting reader has the batch, one every millisecond; beside it, until a
 * thread that waits for a condition variable goes on. "Spilled" goes to disk within its append; as readers are told
 * before, they may have it from memory. "Read back" is told of by the condition variable when it is in the file, and
 * read from there.
 */
#include "bench.h"
#include "source.h"
#include "spools.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { PINGS_MOST = 500, PACE_NS = 1000000, MEMORY_ROWS = 16, SPILLED_ROWS = 1024, SMALLEST_CHUNK = 4096 };

typedef enum kind { CONDITION, MEMORY, SPILLED, READ_BACK } kind;

/* Written by one side, read by the other. */
typedef struct ping {
  kind kind;
  int count;
  atomic_llong sent;    /* when the last one was sent */
  atomic_llong arrived; /* how many arrived */
  int64_t delays[PINGS_MOST];
  pthread_mutex_t lock;
  pthread_cond_t changed;
  int64_t value; /* under the lock: how many were sent */
  respool_reader *reader;
} ping;

/* Time enough for the other thread to fall asleep, too. */
static void keep_pace(void) {
  nanosleep(&(struct timespec){.tv_nsec = PACE_NS}, NULL);
}

/* ---- The side that waits ----------------------------------------------------------------------------- */

static void wait_for_condition(ping *p, int index) {
  pthread_mutex_lock(&p->lock);
  while (p->value <= index) pthread_cond_wait(&p->changed, &p->lock);
  pthread_mutex_unlock(&p->lock);
}

static void wait_for_batch(ping *p, struct ArrowArray *array) {
  respool_error error;
  respool_status status = respool_reader_next(p->reader, array, RESPOOL_WAIT_FOREVER, &error);
  BENCH_NEED(status == RESPOOL_OK, "%s", error.message);
}

static void *wait_for_all(void *argument) {
  ping *p = argument;
  for (int i = 0; i < p->count; i++) {
    struct ArrowArray array = {.release = NULL};
    if (p->kind == CONDITION || p->kind == READ_BACK) wait_for_condition(p, i);
    if (p->kind != CONDITION) wait_for_batch(p, &array);
    int64_t found = array.release == NULL ? i : *(const int64_t *)array.children[0]->buffers[1];
    p->delays[i] = bench_now() - (int64_t)atomic_load(&p->sent);
    BENCH_NEED(found == i, "another batch than was sent");
    if (array.release != NULL) array.release(&array);
    atomic_store(&p->arrived, i + 1);
  }
  return NULL;
}

/* ---- The side that sends ----------------------------------------------------------------------------- */

static void signal_condition(ping *p, int index) {
  pthread_mutex_lock(&p->lock);
  p->value = index + 1;
  pthread_mutex_unlock(&p->lock);
  pthread_cond_signal(&p->changed);
}

static void flush(respool_writer *writer) {
  respool_error error;
  BENCH_NEED(respool_writer_flush(writer, &error) == RESPOOL_OK, "%s", error.message);
}

static void send_batch(ping *p, respool_writer *writer, int index) {
  struct ArrowArray array;
  source_small(index, p->kind == MEMORY ? MEMORY_ROWS : SPILLED_ROWS, &array);
  atomic_store(&p->sent, bench_now());
  spools_append(writer, &array);
  if (p->kind != READ_BACK) return;
  flush(writer);
  signal_condition(p, index);
}

static void send_all(ping *p, respool_writer *writer) {
  pthread_t thread;
  BENCH_NEED(pthread_create(&thread, NULL, wait_for_all, p) == 0, "no thread");
  for (int i = 0; i < p->count; i++) {
    keep_pace();
    while (atomic_load(&p->arrived) < i) keep_pace();
    if (p->kind != CONDITION) {
      send_batch(p, writer, i);
      continue;
    }
    atomic_store(&p->sent, bench_now());
    signal_condition(p, i);
  }
  pthread_join(thread, NULL);
}

static void send_through_spool(const bench *b, ping *p) {
  respool_options options = spools_options(b, p->kind == MEMORY ? RESPOOL_NO_LIMIT : 0);
  options.write_chunk = SMALLEST_CHUNK;
  spool_pair pair = spools_open(source_schema(1), &options);
  p->reader = spools_reader(pair.spool);
  send_all(p, pair.writer);
  int64_t stored = spools_stats(pair.spool).batches_stored;
  BENCH_NEED(stored == (p->kind == MEMORY ? 0 : p->count), "batches are not where they should be");
  respool_reader_close(p->reader);
  spools_close(&pair);
}

/* ---- The rows ---------------------------------------------------------------------------------------- */

static ping *run_ping(const bench *b, kind what) {
  ping *p = bench_allocate(sizeof *p);
  *p = (ping){.kind = what, .count = b->quick ? 100 : PINGS_MOST};
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->changed, NULL);
  if (what == CONDITION)
    send_all(p, NULL);
  else
    send_through_spool(b, p);
  pthread_cond_destroy(&p->changed);
  pthread_mutex_destroy(&p->lock);
  return p;
}

static figure delay(ping *p, double part) {
  return figure_plain((double)bench_quantile(p->delays, p->count, part));
}

void bench_follow(bench *b) {
  static const char *const names[] = {"", "in memory", "spilled", "stored, read back"};
  row *median[4] = {0}, *rare[4] = {0};
  for (kind k = MEMORY; k <= READ_BACK; k++) {
    median[k] =
        bench_row(b, UNIT_NS, "a condition variable, median", RATIO_GOAL(1 / 1.3), "follow: %s, median", names[k]);
    rare[k] = bench_row(b, UNIT_NS, "a condition variable, p99", NO_GOAL, "follow: %s, p99", names[k]);
  }
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    ping *limit = run_ping(b, CONDITION);
    for (kind k = MEMORY; k <= READ_BACK; k++) {
      ping *p = run_ping(b, k);
      bench_sample(median[k], delay(p, 0.5), delay(limit, 0.5));
      bench_sample(rare[k], delay(p, 0.99), delay(limit, 0.99));
      free(p);
    }
    free(limit);
  }
}
