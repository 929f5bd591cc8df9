/* SPDX-License-Identifier: Apache-2.0 */
/* Data to be written, and batches over it. */
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

/* Big batch `index`: BATCH_COLUMNS int64 columns that lie one behind the other in the memory. */
void source_batch(int64_t index, struct ArrowArray *array);

/* The same in memory of its own. */
void source_copy(int64_t index, struct ArrowArray *array);

/* A batch of one int64 column in memory of its own: `rows` times `value`. */
void source_small(int64_t value, int64_t rows, struct ArrowArray *array);

/* A batch of one int64 column over memory that somebody else keeps. The offset is the column's. */
void source_slice(const int64_t *values, int64_t offset, int64_t rows, struct ArrowArray *array);

/* A batch of `columns` int64 columns of `rows` rows, which lie one behind the other in the memory as they do in big
 * batches, each rounded up to 64 bytes; where, depends on the index. Together they are no larger than the memory. */
void source_columns(int64_t index, int columns, int64_t rows, struct ArrowArray *array);

/* The values of one of its columns. */
const int64_t *source_column(int64_t index, int columns, int64_t rows, int column);

enum { COLUMNS_MOST = 1000 };

/* A schema of `columns` int64 columns without nulls, valid for ever; its release does nothing. */
const struct ArrowSchema *source_schema(int columns);

/* ---- Other types, whole buffers over memory that repeats --------------------------------------------- */

/* Batches of TYPED_ROWS rows, again from the first after TYPED_BATCHES of them; without nulls. */
enum { TYPED_ROWS = 65536, TYPED_BATCHES = 16 };

typedef enum source_kind {
  SOURCE_STRINGS,    /* int64, and utf8 of 0 to 60 bytes that read like words */
  SOURCE_NESTED,     /* struct of int64 and a list of 0 to 7 float64 */
  SOURCE_DICTIONARY, /* int32 indices into 1,000 values of utf8, which never change */
  SOURCE_KINDS
} source_kind;

/* Valid for ever; its release does nothing. */
const struct ArrowSchema *source_typed_schema(source_kind kind);

/* Batch `index`. Its memory is made at the kind's first call, from one thread. */
void source_strings(int64_t index, struct ArrowArray *array);
void source_nested(int64_t index, struct ArrowArray *array);
void source_dictionary(int64_t index, struct ArrowArray *array);

/* The bytes of every buffer of a batch without nulls, of the types above, added up as words of 8, the last of each
 * filled up with zeros. Adds how many bytes that were, unless `bytes` is NULL. Arrays have to begin at offset 0. */
uint64_t sum_tree(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t *bytes);

#endif
