/* SPDX-License-Identifier: Apache-2.0 */
/* Data to be written, and batches over it. */
#include "source.h"

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The memory ------------------------------------------------------------------------------------ */

static uint64_t *memory;

const uint8_t *source_bytes(void) {
  if (memory != NULL) return (const uint8_t *)memory;
  if (posix_memalign((void **)&memory, 4096, (size_t)BATCH_BYTES * SOURCE_BATCHES) != 0) bench_die("no memory");
  uint64_t state = 1;
  for (size_t i = 0; i < (size_t)BATCH_BYTES / 8 * SOURCE_BATCHES; i++) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    memory[i] = state ^ state >> 29; /* nothing a compressor could use */
  }
  return (const uint8_t *)memory;
}

/* ---- Batches --------------------------------------------------------------------------------------- */

/* Everything that a batch of `columns` columns consists of, in one block. */
typedef struct block {
  const void *no_buffers[1];
  struct ArrowArray *children[BATCH_COLUMNS];
  const void *buffers[BATCH_COLUMNS][2];
  struct ArrowArray columns[BATCH_COLUMNS];
} block;

typedef struct small_block {
  const void *no_buffers[1];
  struct ArrowArray *children[1];
  const void *buffers[2];
  struct ArrowArray column;
  int64_t values[];
} small_block;

static void release_column(struct ArrowArray *array) {
  array->release = NULL;
}

static void release_batch(struct ArrowArray *array) {
  for (int64_t i = 0; i < array->n_children; i++)
    if (array->children[i]->release != NULL) array->children[i]->release(array->children[i]);
  array->release = NULL;
  free(array->private_data);
}

static void fill_column(struct ArrowArray *column, const void **buffers, const void *values, int64_t offset,
                        int64_t rows) {
  buffers[0] = NULL;
  buffers[1] = values;
  *column = (struct ArrowArray){
      .length = rows, .offset = offset, .n_buffers = 2, .buffers = buffers, .release = release_column};
}

static void fill_batch(struct ArrowArray *array, int64_t rows, const void **no_buffers, struct ArrowArray **children,
                       int64_t count, void *owned) {
  no_buffers[0] = NULL;
  *array = (struct ArrowArray){.length = rows,
                               .n_buffers = 1,
                               .n_children = count,
                               .buffers = no_buffers,
                               .children = children,
                               .release = release_batch,
                               .private_data = owned};
}

static void fill_block(block *b, const uint8_t *bytes, struct ArrowArray *array) {
  for (int i = 0; i < BATCH_COLUMNS; i++) {
    fill_column(&b->columns[i], b->buffers[i], bytes + (size_t)i * COLUMN_BYTES, 0, COLUMN_BYTES / 8);
    b->children[i] = &b->columns[i];
  }
  fill_batch(array, COLUMN_BYTES / 8, b->no_buffers, b->children, BATCH_COLUMNS, b);
}

void source_batch(int64_t index, struct ArrowArray *array) {
  const uint8_t *bytes = source_bytes() + (size_t)(index % SOURCE_BATCHES) * BATCH_BYTES;
  fill_block(bench_allocate(sizeof(block)), bytes, array);
}

void source_copy(int64_t index, struct ArrowArray *array) {
  block *b = bench_allocate(sizeof *b + BATCH_BYTES + 64);
  uint8_t *bytes = (uint8_t *)(((uintptr_t)(b + 1) + 63) / 64 * 64);
  memcpy(bytes, source_bytes() + (size_t)(index % SOURCE_BATCHES) * BATCH_BYTES, BATCH_BYTES);
  fill_block(b, bytes, array);
}

void source_small(int64_t value, int64_t rows, struct ArrowArray *array) {
  small_block *b = bench_allocate(sizeof *b + (size_t)rows * sizeof b->values[0]);
  for (int64_t i = 0; i < rows; i++) b->values[i] = value;
  fill_column(&b->column, b->buffers, b->values, 0, rows);
  b->children[0] = &b->column;
  fill_batch(array, rows, b->no_buffers, b->children, 1, b);
}

void source_slice(const int64_t *values, int64_t offset, int64_t rows, struct ArrowArray *array) {
  small_block *b = bench_allocate(sizeof *b);
  fill_column(&b->column, b->buffers, values, offset, rows);
  b->children[0] = &b->column;
  fill_batch(array, rows, b->no_buffers, b->children, 1, b);
}

/* ---- Batches of any width ---------------------------------------------------------------------------- */

static int64_t column_stride(int64_t rows) {
  return (rows * 8 + 63) / 64 * 64;
}

const int64_t *source_column(int64_t index, int columns, int64_t rows, int column) {
  int64_t size = columns * column_stride(rows), pages = ((int64_t)BATCH_BYTES * SOURCE_BATCHES - size) / 4096;
  BENCH_NEED(pages >= 0, "a batch larger than the memory");
  int64_t offset = 4096 * (257 * index % (pages + 1)) + column * column_stride(rows);
  return (const int64_t *)(const void *)(source_bytes() + offset);
}

void source_columns(int64_t index, int columns, int64_t rows, struct ArrowArray *array) {
  size_t count = (size_t)columns;
  struct ArrowArray *of_columns =
      bench_allocate(count * (sizeof *of_columns + sizeof(struct ArrowArray *) + 2 * sizeof(void *)) + sizeof(void *));
  struct ArrowArray **children = (struct ArrowArray **)(of_columns + count);
  const void **buffers = (const void **)(children + count);
  for (int i = 0; i < columns; i++) {
    fill_column(&of_columns[i], buffers + 2 * i, source_column(index, columns, rows, i), 0, rows);
    children[i] = &of_columns[i];
  }
  fill_batch(array, rows, buffers + 2 * count, children, columns, of_columns);
}

/* ---- Schemas --------------------------------------------------------------------------------------- */

static void keep(struct ArrowSchema *schema) {
  (void)schema; /* kept for ever */
}

typedef struct integers {
  struct ArrowSchema schema;
  struct ArrowSchema *children[COLUMNS_MOST];
  struct ArrowSchema fields[COLUMNS_MOST];
  char names[COLUMNS_MOST][8];
} integers;

static integers *make_schema(int columns) {
  integers *made = bench_allocate(sizeof *made);
  for (int i = 0; i < columns; i++) {
    if (columns <= BATCH_COLUMNS)
      snprintf(made->names[i], sizeof made->names[i], "%c", 'a' + i);
    else
      snprintf(made->names[i], sizeof made->names[i], "c%d", i);
    made->fields[i] = (struct ArrowSchema){.format = "l", .name = made->names[i], .release = keep};
    made->children[i] = &made->fields[i];
  }
  made->schema = (struct ArrowSchema){
      .format = "+s", .name = "", .n_children = columns, .children = made->children, .release = keep};
  return made;
}

const struct ArrowSchema *source_schema(int columns) {
  static integers *made[COLUMNS_MOST + 1];
  BENCH_NEED(columns <= COLUMNS_MOST, "too many columns");
  if (made[columns] == NULL) made[columns] = make_schema(columns);
  return &made[columns]->schema;
}
