/* SPDX-License-Identifier: Apache-2.0 */
/* Spools as the workloads use them. */
#include "spools.h"

#include "source.h"

#include <pthread.h>

static void need_ok(respool_status status, const respool_error *error) {
  BENCH_NEED(status == RESPOOL_OK, "%s", error->message);
}

spool_pair spools_open(const bench *b, int columns, int64_t memory_limit, const char *path) {
  respool_options options;
  respool_options_init(&options, sizeof options);
  options.memory_limit = memory_limit;
  options.path = path;
  options.directory = path == NULL ? b->directory : NULL;
  spool_pair pair;
  respool_error error;
  need_ok(respool_create(source_schema(columns), &options, &pair.spool, &pair.writer, &error), &error);
  return pair;
}

void spools_close(spool_pair *pair) {
  respool_writer_close(pair->writer);
  respool_release(pair->spool);
}

void spools_append(respool_writer *writer, struct ArrowArray *array) {
  respool_error error;
  need_ok(respool_writer_append(writer, array, &error), &error);
}

void spools_finish(spool_pair *pair) {
  respool_error error;
  need_ok(respool_writer_finish(pair->writer, &error), &error);
  respool_writer_close(pair->writer);
  pair->writer = NULL;
}

respool_stats spools_stats(respool *spool) {
  respool_stats stats = {.struct_size = sizeof stats};
  respool_error error;
  need_ok(respool_get_stats(spool, &stats, &error), &error);
  return stats;
}

int64_t spools_sum(respool *spool, uint64_t *sum) {
  respool_reader *reader;
  respool_error error;
  int64_t start = bench_now();
  need_ok(respool_reader_open(spool, NULL, &reader, &error), &error);
  for (;;) {
    struct ArrowArray array;
    respool_status status = respool_reader_next(reader, &array, 0, &error);
    if (status == RESPOOL_END) break;
    need_ok(status, &error);
    *sum += sum_batch(&array);
    array.release(&array);
  }
  respool_reader_close(reader);
  return bench_now() - start;
}

typedef struct second {
  respool *spool;
  uint64_t sum;
} second;

static void *sum_in_thread(void *argument) {
  second *s = argument;
  spools_sum(s->spool, &s->sum);
  return NULL;
}

int64_t spools_sum_twice(respool *spool, uint64_t *sum) {
  second other = {spool, 0};
  pthread_t thread;
  int64_t start = bench_now();
  BENCH_NEED(pthread_create(&thread, NULL, sum_in_thread, &other) == 0, "no thread");
  spools_sum(spool, sum);
  pthread_join(thread, NULL);
  int64_t taken = bench_now() - start;
  *sum += other.sum;
  return taken;
}
