/* SPDX-License-Identifier: Apache-2.0 */
/* Data to be written, batches over it, and sums of what is read. */
#include "source.h"

#include "bench.h"

#include <stdlib.h>
#include <string.h>

/* ---- Sums ------------------------------------------------------------------------------------------ */

/* Eight sums at once, so that memory is what it waits for. */
uint64_t sum_words(const void *memory, int64_t bytes) {
  const uint64_t *words = memory;
  int64_t count = bytes / 8, i = 0;
  uint64_t s[8] = {0};
  for (; i + 8 <= count; i += 8)
    for (int k = 0; k < 8; k++) s[k] += words[i + k];
  for (; i < count; i++) s[0] += words[i];
  return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
}

uint64_t sum_batch(const struct ArrowArray *array) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < array->n_children; i++) {
    const struct ArrowArray *column = array->children[i];
    sum += sum_words((const int64_t *)column->buffers[1] + column->offset, column->length * 8);
  }
  return sum;
}

/* ---- The memory ------------------------------------------------------------------------------------ */

static uint64_t *memory;
static uint64_t batch_sums[SOURCE_BATCHES];

const uint8_t *source_bytes(void) {
  if (memory != NULL) return (const uint8_t *)memory;
  if (posix_memalign((void **)&memory, 4096, (size_t)BATCH_BYTES * SOURCE_BATCHES) != 0) bench_die("no memory");
  uint64_t state = 1;
  for (size_t i = 0; i < (size_t)BATCH_BYTES / 8 * SOURCE_BATCHES; i++) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    memory[i] = state >> 20;
  }
  for (int i = 0; i < SOURCE_BATCHES; i++)
    batch_sums[i] = sum_words((const uint8_t *)memory + (size_t)i * BATCH_BYTES, BATCH_BYTES);
  return (const uint8_t *)memory;
}

uint64_t source_sum(int64_t batches) {
  source_bytes();
  uint64_t sum = 0;
  for (int64_t i = 0; i < batches; i++) sum += batch_sums[i % SOURCE_BATCHES];
  return sum;
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

static void *allocate(size_t size) {
  void *made = malloc(size);
  BENCH_NEED(made != NULL, "no memory");
  return made;
}

void source_batch(int64_t index, struct ArrowArray *array) {
  const uint8_t *bytes = source_bytes() + (size_t)(index % SOURCE_BATCHES) * BATCH_BYTES;
  block *b = allocate(sizeof *b);
  for (int i = 0; i < BATCH_COLUMNS; i++) {
    fill_column(&b->columns[i], b->buffers[i], bytes + (size_t)i * COLUMN_BYTES, 0, COLUMN_BYTES / 8);
    b->children[i] = &b->columns[i];
  }
  fill_batch(array, COLUMN_BYTES / 8, b->no_buffers, b->children, BATCH_COLUMNS, b);
}

void source_small(int64_t value, int64_t rows, struct ArrowArray *array) {
  small_block *b = allocate(sizeof *b + (size_t)rows * sizeof b->values[0]);
  for (int64_t i = 0; i < rows; i++) b->values[i] = value;
  fill_column(&b->column, b->buffers, b->values, 0, rows);
  b->children[0] = &b->column;
  fill_batch(array, rows, b->no_buffers, b->children, 1, b);
}

void source_slice(const int64_t *values, int64_t offset, int64_t rows, struct ArrowArray *array) {
  small_block *b = allocate(sizeof *b);
  fill_column(&b->column, b->buffers, values, offset, rows);
  b->children[0] = &b->column;
  fill_batch(array, rows, b->no_buffers, b->children, 1, b);
}

/* ---- Schemas --------------------------------------------------------------------------------------- */

static void keep(struct ArrowSchema *schema) {
  (void)schema; /* static memory */
}

const struct ArrowSchema *source_schema(int columns) {
  static struct ArrowSchema fields[BATCH_COLUMNS], *children[BATCH_COLUMNS], schema;
  static char names[BATCH_COLUMNS][2];
  for (int i = 0; i < BATCH_COLUMNS; i++) {
    names[i][0] = (char)('a' + i);
    fields[i] = (struct ArrowSchema){.format = "l", .name = names[i], .release = keep};
    children[i] = &fields[i];
  }
  schema =
      (struct ArrowSchema){.format = "+s", .name = "", .n_children = columns, .children = children, .release = keep};
  return &schema;
}
