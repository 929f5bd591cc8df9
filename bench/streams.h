/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of the workloads by name and as Arrow streams, for programs that compare: the same bytes for all of them.
 * Built into a shared library too, for programs in other languages; its functions are these.
 */
#ifndef RESPOOL_BENCH_STREAMS_H
#define RESPOOL_BENCH_STREAMS_H

#include "source.h"

typedef struct generator {
  const char *name;
  int64_t batches; /* all different ones, or as many as are usual */
  void (*make)(int64_t index, struct ArrowArray *array);
  int columns; /* of int64, or 0: the kind tells */
  source_kind kind;
} generator;

typedef struct totals {
  int64_t batches;
  int64_t rows;
  int64_t bytes; /* of the buffers, as sum_tree() counts them */
  uint64_t sum;
} totals;

/* One of: big, small, strings, nested, dictionary. NULL for another name. */
const generator *streams_find(const char *name);

const struct ArrowSchema *streams_schema(const generator *g);

/* `batches` of them as a stream, made as they are asked for. */
void streams_open(const generator *g, int64_t batches, struct ArrowArrayStream *stream);

/* Read to the end and add up every buffer. The stream is released. An error ends the program. */
void streams_sum(struct ArrowArrayStream *stream, totals *result);

#endif
