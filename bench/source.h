/* SPDX-License-Identifier: Apache-2.0 */
/* Data to be written, batches over it, and sums of what is read. */
#ifndef RESPOOL_BENCH_SOURCE_H
#define RESPOOL_BENCH_SOURCE_H

#include <respool/respool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The big batches: 1 MiB each, over memory that repeats after SOURCE_BATCHES of them. */
enum { BATCH_BYTES = 1 << 20, BATCH_COLUMNS = 16, COLUMN_BYTES = BATCH_BYTES / BATCH_COLUMNS, SOURCE_BATCHES = 64 };

/* The memory, made at the first call. */
const uint8_t *source_bytes(void);

/* What the words of the first `batches` big batches add up to. */
uint64_t source_sum(int64_t batches);

/* Big batch `index`: BATCH_COLUMNS int64 columns that lie one behind the other in the memory. */
void source_batch(int64_t index, struct ArrowArray *array);

/* A batch of one int64 column in memory of its own: `rows` times `value`. */
void source_small(int64_t value, int64_t rows, struct ArrowArray *array);

/* A batch of one int64 column over memory that somebody else keeps. The offset is the column's. */
void source_slice(const int64_t *values, int64_t offset, int64_t rows, struct ArrowArray *array);

/* A schema of `columns` int64 columns without nulls, valid for ever; its release does nothing. */
const struct ArrowSchema *source_schema(int columns);

/* The sum of all words; `bytes` is a multiple of 8, `memory` aligned to 8. */
uint64_t sum_words(const void *memory, int64_t bytes);

/* The sum of every value of a batch of int64 columns. */
uint64_t sum_batch(const struct ArrowArray *array);

#endif
