/* SPDX-License-Identifier: Apache-2.0 */
/* Many small batches, 16 rows of one int64 column: held in memory, and spilled. */
#include "bench.h"
#include "files.h"
#include "source.h"
#include "spools.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROWS = 16, ROUND = 1000, SPILLED = 100000 };

/* ---- What keeping a batch takes at the least --------------------------------------------------------- */

/* A growing list under a lock: every batch is copied into a node of its own and listed. */
typedef struct list {
  pthread_mutex_t lock;
  struct ArrowArray **nodes;
  int64_t count;
  int64_t room;
} list;

static void list_append(list *l, struct ArrowArray *array) {
  struct ArrowArray *node = malloc(sizeof *node);
  BENCH_NEED(node != NULL, "no memory");
  *node = *array;
  pthread_mutex_lock(&l->lock);
  if (l->count == l->room) {
    l->room = l->room > 0 ? 2 * l->room : 64;
    l->nodes = realloc(l->nodes, (size_t)l->room * sizeof *l->nodes);
    BENCH_NEED(l->nodes != NULL, "no memory");
  }
  l->nodes[l->count++] = node;
  pthread_mutex_unlock(&l->lock);
}

static const struct ArrowArray *list_at(list *l, int64_t index) {
  pthread_mutex_lock(&l->lock);
  const struct ArrowArray *node = l->nodes[index];
  pthread_mutex_unlock(&l->lock);
  return node;
}

static int64_t list_sum(list *l, uint64_t *sum) {
  int64_t start = bench_now();
  for (int64_t i = 0; i < l->count; i++) *sum += sum_batch(list_at(l, i));
  return bench_now() - start;
}

static void list_free(list *l) {
  for (int64_t i = 0; i < l->count; i++) {
    l->nodes[i]->release(l->nodes[i]);
    free(l->nodes[i]);
  }
  free(l->nodes);
  pthread_mutex_destroy(&l->lock);
}

/* ---- Appending --------------------------------------------------------------------------------------- */

/* Batches are made outside the time that counts, a round at a time. */
static void make_round(int64_t first, struct ArrowArray *round) {
  for (int i = 0; i < ROUND; i++) source_small(first + i, ROWS, &round[i]);
}

static int64_t append_to_list(list *l, int64_t batches) {
  static struct ArrowArray round[ROUND];
  int64_t taken = 0;
  for (int64_t at = 0; at < batches; at += ROUND) {
    make_round(at, round);
    int64_t start = bench_now();
    for (int i = 0; i < ROUND; i++) list_append(l, &round[i]);
    taken += bench_now() - start;
  }
  return taken;
}

static int64_t append_to_spool(respool_writer *writer, int64_t batches) {
  static struct ArrowArray round[ROUND];
  int64_t taken = 0;
  for (int64_t at = 0; at < batches; at += ROUND) {
    make_round(at, round);
    int64_t start = bench_now();
    for (int i = 0; i < ROUND; i++) spools_append(writer, &round[i]);
    taken += bench_now() - start;
  }
  return taken;
}

static uint64_t expected_sum(int64_t batches) {
  return (uint64_t)(batches * (batches - 1) / 2 * ROWS);
}

typedef struct costs {
  double append; /* ns a batch */
  double replay;
} costs;

static costs cost_of_list(int64_t batches) {
  list l = {.lock = PTHREAD_MUTEX_INITIALIZER};
  uint64_t sum = 0;
  int64_t append = append_to_list(&l, batches), replay = list_sum(&l, &sum);
  BENCH_NEED(sum == expected_sum(batches), "the list holds something else");
  list_free(&l);
  return (costs){(double)append / (double)batches, (double)replay / (double)batches};
}

static costs cost_of_spool(bench *b, int64_t batches) {
  spool_pair pair = spools_open(b, 1, RESPOOL_NO_LIMIT, NULL);
  uint64_t sum = 0;
  int64_t append = append_to_spool(pair.writer, batches);
  spools_finish(&pair);
  int64_t replay = spools_sum(pair.spool, &sum);
  BENCH_NEED(sum == expected_sum(batches), "the spool holds something else");
  spools_close(&pair);
  return (costs){(double)append / (double)batches, (double)replay / (double)batches};
}

/* ---- Held in memory ---------------------------------------------------------------------------------- */

void bench_held(bench *b) {
  static const int64_t counts[] = {1000, 10000, 100000, 1000000};
  static char names[4][2][48];
  for (int k = 0; k < 4 && counts[k] <= b->most; k++) {
    snprintf(names[k][0], sizeof names[k][0], "held: append, %lld batches", (long long)counts[k]);
    snprintf(names[k][1], sizeof names[k][1], "held: replay, %lld batches", (long long)counts[k]);
    row *append = bench_row(b, names[k][0], UNIT_NS, "a copy in a list under a mutex");
    row *replay = bench_row(b, names[k][1], UNIT_NS, "walking that list under its mutex, summed");
    for (int i = 0; i < b->repeats; i++) {
      costs limit = cost_of_list(counts[k]), spool = cost_of_spool(b, counts[k]);
      bench_sample(append, spool.append, limit.append);
      bench_sample(replay, spool.replay, limit.replay);
    }
  }
}

/* ---- Spilled ----------------------------------------------------------------------------------------- */

/* Whole pieces of the bytes that the spool has in its file, written and mapped raw. */
static void time_raw(bench *b, int64_t bytes, int64_t *write, int64_t *read) {
  uint64_t sum = 0;
  int fd = files_open(b->directory);
  int64_t whole = (bytes + BATCH_BYTES - 1) / BATCH_BYTES * BATCH_BYTES;
  *write = files_write(fd, whole);
  *read = files_sum_mapped(fd, whole, &sum);
  close(fd);
}

void bench_spilled(bench *b) {
  row *write = bench_row(b, "spilled: write", UNIT_BATCHES_PER_S, "pwritev of as many bytes, 1 MiB a call");
  row *read = bench_row(b, "spilled: replay, mapped", UNIT_BATCHES_PER_S, "a fresh mapping of as many bytes, summed");
  for (int i = 0; i < b->repeats; i++) {
    spool_pair pair = spools_open(b, 1, 0, NULL);
    uint64_t sum = 0;
    int64_t wrote = append_to_spool(pair.writer, SPILLED), start = bench_now();
    spools_finish(&pair);
    wrote += bench_now() - start;
    int64_t replayed = spools_sum(pair.spool, &sum);
    BENCH_NEED(sum == expected_sum(SPILLED), "the spool holds something else");
    int64_t bytes = spools_stats(pair.spool).bytes_stored, raw_write, raw_read;
    spools_close(&pair);
    time_raw(b, bytes, &raw_write, &raw_read);
    bench_sample(write, SPILLED * 1e9 / (double)wrote, SPILLED * 1e9 / (double)raw_write);
    bench_sample(read, SPILLED * 1e9 / (double)replayed, SPILLED * 1e9 / (double)raw_read);
  }
}
