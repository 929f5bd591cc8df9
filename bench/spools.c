/* SPDX-License-Identifier: Apache-2.0 */
/* Spools as the workloads use them. */
#include "spools.h"

#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void need_ok(respool_status status, const respool_error *error) {
  BENCH_NEED(status == RESPOOL_OK, "%s", error->message);
}

respool_options spools_options(const bench *b, int64_t memory_limit) {
  respool_options options;
  respool_options_init(&options, sizeof options);
  options.memory_limit = memory_limit;
  options.directory = b->directory;
  return options;
}

respool_pool *spools_pool(void) {
  respool_pool_options options;
  respool_pool *pool;
  respool_error error;
  respool_pool_options_init(&options, sizeof options);
  options.keep_bytes = RESPOOL_NO_LIMIT;
  need_ok(respool_pool_create(&options, &pool, &error), &error);
  return pool;
}

spool_pair spools_open(const struct ArrowSchema *schema, const respool_options *options) {
  spool_pair pair = {.schema = schema};
  respool_error error;
  need_ok(respool_create(schema, options, &pair.spool, &pair.writer, &error), &error);
  return pair;
}

spool_pair spools_open_integers(const bench *b, int columns, int64_t memory_limit) {
  respool_options options = spools_options(b, memory_limit);
  return spools_open(source_schema(columns), &options);
}

const char *spools_path(const bench *b) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/respool-bench-%ld.arrows", b->directory, (long)getpid());
  return path;
}

void spools_unlink(const char *path) {
  BENCH_NEED(unlink(path) == 0, "cannot remove %s: %s", path, strerror(errno));
}

void spools_close(spool_pair *pair) {
  respool_writer_close(pair->writer);
  respool_release(pair->spool);
}

/* ---- Writing ----------------------------------------------------------------------------------------- */

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

void spools_feed(spool_pair *pair, const feed *f, int64_t batches) {
  for (int64_t i = 0; i < batches; i++) {
    struct ArrowArray array;
    f->make(i, &array);
    spools_append(pair->writer, &array);
  }
}

respool_stats spools_stats(respool *spool) {
  respool_stats stats = {.struct_size = sizeof stats};
  respool_error error;
  need_ok(respool_get_stats(spool, &stats, &error), &error);
  return stats;
}

/* ---- Reading ----------------------------------------------------------------------------------------- */

respool_reader *spools_reader(respool *spool) {
  respool_reader *reader;
  respool_error error;
  need_ok(respool_reader_open(spool, NULL, &reader, &error), &error);
  return reader;
}

bool spools_next(respool_reader *reader, struct ArrowArray *array) {
  respool_error error;
  respool_status status = respool_reader_next(reader, array, 0, &error);
  if (status == RESPOOL_END) return false;
  need_ok(status, &error);
  return true;
}

typedef struct looker {
  const spool_pair *pair;
  take how;
  bool integers; /* int64 columns and nothing else: the short way, as batches may be tiny */
  uint64_t found;
} looker;

static bool all_integers(const struct ArrowSchema *schema) {
  for (int64_t i = 0; i < schema->n_children; i++)
    if (strcmp(schema->children[i]->format, "l") != 0) return false;
  return true;
}

static uint64_t take_integers(const struct ArrowArray *array, take how) {
  uint64_t found = 0;
  for (int64_t i = 0; i < array->n_children; i++) {
    const struct ArrowArray *column = array->children[i];
    found += how((const int64_t *)column->buffers[1] + column->offset, column->length * 8);
  }
  return found;
}

static void *look(void *argument) {
  looker *l = argument;
  struct ArrowArray array;
  respool_reader *reader = spools_reader(l->pair->spool);
  while (spools_next(reader, &array)) {
    l->found += l->integers ? take_integers(&array, l->how) : pieces_take(l->pair->schema, &array, l->how);
    array.release(&array);
  }
  respool_reader_close(reader);
  return NULL;
}

uint64_t spools_take(const spool_pair *pair, take how, int readers) {
  looker lookers[64];
  uint64_t found = 0;
  BENCH_NEED(readers <= 64, "too many readers");
  for (int i = 0; i < readers; i++) lookers[i] = (looker){pair, how, all_integers(pair->schema), 0};
  bench_in_threads(readers, lookers, sizeof lookers[0], look);
  for (int i = 0; i < readers; i++) found += lookers[i].found;
  return found;
}

passes spools_pass(const feed *f, const respool_options *options, int64_t batches) {
  passes p;
  spool_pair pair = spools_open(f->schema, options);
  meter_begin(&p.write);
  spools_feed(&pair, f, batches);
  spools_finish(&pair);
  meter_end(&p.write);
  meter_begin(&p.replay);
  uint64_t sum = spools_take(&pair, take_all, 1);
  meter_end(&p.replay);
  bench_need_sum(sum, feed_sum(f, batches, take_all));
  spools_close(&pair);
  return p;
}
