/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batches of a workload as an Arrow IPC stream, for programs that cannot call the generator, so that all measure
 * the same bytes. One line on the standard output says how many there are, and what sum_tree() answers for all of
 * them.
 */
#include "bench.h"
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL_BATCHES = 100000, SMALL_ROWS = 16 };

typedef void (*batch_maker)(int64_t index, struct ArrowArray *array);

typedef struct emitted {
  const char *name;
  int64_t batches; /* all different ones, or as many as are usual */
  batch_maker make;
  int columns; /* of int64, or none: the kind tells */
  source_kind kind;

  /* While it is written. */
  const struct ArrowSchema *schema;
  int64_t at;
  int64_t end;
  uint64_t sum;
  int64_t bytes;
} emitted;

static void make_small(int64_t index, struct ArrowArray *array) {
  source_small(index, SMALL_ROWS, array);
}

static void make_strings(int64_t index, struct ArrowArray *array) {
  source_typed(SOURCE_STRINGS, index, array);
}

static void make_nested(int64_t index, struct ArrowArray *array) {
  source_typed(SOURCE_NESTED, index, array);
}

static void make_dictionary(int64_t index, struct ArrowArray *array) {
  source_typed(SOURCE_DICTIONARY, index, array);
}

static emitted find(const char *name) {
  static const emitted known[] = {
      {.name = "big", .batches = SOURCE_BATCHES, .make = source_batch, .columns = BATCH_COLUMNS},
      {.name = "small", .batches = SMALL_BATCHES, .make = make_small, .columns = 1},
      {.name = "strings", .batches = TYPED_BATCHES, .make = make_strings, .kind = SOURCE_STRINGS},
      {.name = "nested", .batches = TYPED_BATCHES, .make = make_nested, .kind = SOURCE_NESTED},
      {.name = "dictionary", .batches = TYPED_BATCHES, .make = make_dictionary, .kind = SOURCE_DICTIONARY},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strcmp(known[i].name, name) != 0) continue;
    emitted found = known[i];
    found.schema = found.columns > 0 ? source_schema(found.columns) : source_typed_schema(found.kind);
    return found;
  }
  bench_die("no such workload to emit: %s (big, small, strings, nested, dictionary)", name);
}

/* ---- As a stream ----------------------------------------------------------------------------------- */

static void release_schema(struct ArrowSchema *schema) {
  schema->release = NULL; /* the children are static */
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  const emitted *e = stream->private_data;
  *out = *e->schema;
  out->release = release_schema;
  return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  emitted *e = stream->private_data;
  *out = (struct ArrowArray){.release = NULL};
  if (e->at == e->end) return 0;
  e->make(e->at++, out);
  e->sum += sum_tree(e->schema, out, &e->bytes);
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return NULL;
}

static void release_stream(struct ArrowArrayStream *stream) {
  stream->release = NULL;
}

static void write_to(int fd, emitted *e) {
  struct ArrowArrayStream stream = {get_schema, get_next, get_last_error, release_stream, e};
  respool_ipc_totals totals = {.struct_size = sizeof totals};
  respool_error error;
  respool_status status = respool_ipc_write_fd(&stream, fd, NULL, &totals, &error);
  stream.release(&stream);
  BENCH_NEED(status == RESPOOL_OK, "%s", error.message);
  printf("{\"workload\": \"%s\", \"batches\": %" PRId64 ", \"rows\": %" PRId64 ", \"bytes\": %" PRId64
         ", \"sum\": \"%016" PRIx64 "\"}\n",
         e->name, totals.batches, totals.rows, e->bytes, e->sum);
}

int bench_emit(int argc, char **argv) {
  if (argc < 2 || argc > 3) bench_die("usage: respool_bench --emit WORKLOAD FILE [BATCHES]");
  emitted e = find(argv[0]);
  e.end = argc == 3 ? strtoll(argv[2], NULL, 10) : e.batches;
  BENCH_NEED(e.end > 0, "not a number of batches: %s", argv[2]);
  int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  BENCH_NEED(fd >= 0, "cannot open %s: %s", argv[1], strerror(errno));
  write_to(fd, &e);
  BENCH_NEED(close(fd) == 0, "cannot write %s: %s", argv[1], strerror(errno));
  return 0;
}
