/* SPDX-License-Identifier: Apache-2.0 */
/* The data of the workloads by name and as Arrow streams. */
#include "streams.h"

#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum { SMALL_BATCHES = 100000, SMALL_ROWS = 16 };

static void make_small(int64_t index, struct ArrowArray *array) {
  source_small(index, SMALL_ROWS, array);
}

const generator *streams_find(const char *name) {
  static const generator known[] = {
      {.name = "big", .batches = SOURCE_BATCHES, .make = source_batch, .columns = BATCH_COLUMNS},
      {.name = "small", .batches = SMALL_BATCHES, .make = make_small, .columns = 1},
      {.name = "strings", .batches = TYPED_BATCHES, .make = source_strings, .kind = SOURCE_STRINGS},
      {.name = "nested", .batches = TYPED_BATCHES, .make = source_nested, .kind = SOURCE_NESTED},
      {.name = "dictionary", .batches = TYPED_BATCHES, .make = source_dictionary, .kind = SOURCE_DICTIONARY},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strcmp(known[i].name, name) == 0) return &known[i];
  return NULL;
}

const struct ArrowSchema *streams_schema(const generator *g) {
  return g->columns > 0 ? source_schema(g->columns) : source_typed_schema(g->kind);
}

/* ---- Out ------------------------------------------------------------------------------------------- */

typedef struct position {
  const generator *from;
  int64_t at;
  int64_t end;
} position;

static void release_schema(struct ArrowSchema *schema) {
  schema->release = NULL; /* the children are static */
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  const position *p = stream->private_data;
  *out = *streams_schema(p->from);
  out->release = release_schema;
  return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  position *p = stream->private_data;
  if (p->at < p->end)
    p->from->make(p->at++, out);
  else
    out->release = NULL;
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  (void)stream;
  return NULL;
}

static void release_stream(struct ArrowArrayStream *stream) {
  free(stream->private_data);
  stream->release = NULL;
}

void streams_open(const generator *g, int64_t batches, struct ArrowArrayStream *stream) {
  position *p = malloc(sizeof *p);
  BENCH_NEED(p != NULL, "no memory");
  *p = (position){g, 0, batches};
  *stream = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release_stream, p};
}

/* ---- In -------------------------------------------------------------------------------------------- */

static void need(struct ArrowArrayStream *stream, int code) {
  if (code == 0) return;
  const char *text = stream->get_last_error(stream);
  bench_die("the stream fails: %s", text != NULL ? text : strerror(code));
}

void streams_sum(struct ArrowArrayStream *stream, totals *result) {
  struct ArrowSchema schema;
  struct ArrowArray array;
  *result = (totals){0};
  need(stream, stream->get_schema(stream, &schema));
  for (;;) {
    need(stream, stream->get_next(stream, &array));
    if (array.release == NULL) break;
    result->batches++;
    result->rows += array.length;
    result->sum += sum_tree(&schema, &array, &result->bytes);
    array.release(&array);
  }
  schema.release(&schema);
  stream->release(stream);
}
