/* SPDX-License-Identifier: Apache-2.0 */
/* A program against the installed library, in C: a spool that goes to disk at once, replayed twice. */
#include <respool/respool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1000, BATCHES = 5 };

static int released;

/* Names that the library uses inside, and that must not clash with those of a program linked with the archive. */
void *mem_alloc(size_t size);
void *mem_alloc(size_t size) {
  return malloc(size);
}

static int fail(const char *what, const respool_error *error) {
  fprintf(stderr, "consumer: %s: %s\n", what, error->message);
  return 1;
}

static void keep_schema(struct ArrowSchema *schema) {
  schema->release = NULL;
}

static void free_column(struct ArrowArray *column) {
  free((void *)column->buffers[1]);
  free((void *)column->buffers);
  column->release = NULL;
}

static void free_batch(struct ArrowArray *batch) {
  if (batch->children[0]->release) batch->children[0]->release(batch->children[0]);
  free(batch->children[0]);
  free((void *)batch->children);
  free((void *)batch->buffers);
  batch->release = NULL;
  released++;
}

/* A batch of one int32 column that counts up from `first`. */
static void make_batch(struct ArrowArray *batch, int32_t first) {
  struct ArrowArray *column = calloc(1, sizeof *column);
  int32_t *values = mem_alloc(ROWS * sizeof *values);
  memset(batch, 0, sizeof *batch);
  batch->children = calloc(1, sizeof(struct ArrowArray *));
  batch->buffers = calloc(1, sizeof(void *));
  if (!column || !values || !batch->children || !batch->buffers) abort();
  column->buffers = calloc(2, sizeof(void *));
  if (!column->buffers) abort();
  for (int32_t i = 0; i < ROWS; i++) values[i] = first + i;
  column->length = ROWS;
  column->n_buffers = 2;
  column->buffers[1] = values;
  column->release = free_column;
  batch->length = ROWS;
  batch->n_buffers = 1;
  batch->n_children = 1;
  batch->children[0] = column;
  batch->release = free_batch;
}

static respool_status fill(respool_writer *writer, respool_error *error) {
  for (int32_t i = 0; i < BATCHES; i++) {
    struct ArrowArray batch;
    make_batch(&batch, i * ROWS);
    respool_status status = respool_writer_append(writer, &batch, error);
    if (status != RESPOOL_OK) {
      batch.release(&batch);
      return status;
    }
  }
  return respool_writer_finish(writer, error);
}

/* The sum of all values that one replay gives, -1 on an error. */
static int64_t replay_sum(respool *spool, respool_error *error) {
  struct ArrowArrayStream stream;
  if (respool_export(spool, NULL, &stream, error) != RESPOOL_OK) return -1;
  int64_t sum = 0;
  for (;;) {
    struct ArrowArray batch;
    if (stream.get_next(&stream, &batch) != 0) {
      snprintf(error->message, sizeof error->message, "%s", stream.get_last_error(&stream));
      sum = -1;
      break;
    }
    if (!batch.release) break;
    const int32_t *values = batch.children[0]->buffers[1];
    for (int64_t i = 0; i < batch.length; i++) sum += values[batch.children[0]->offset + i];
    batch.release(&batch);
  }
  stream.release(&stream);
  return sum;
}

int main(void) {
  struct ArrowSchema column = {.format = "i", .name = "n", .flags = ARROW_FLAG_NULLABLE, .release = keep_schema};
  struct ArrowSchema *columns[] = {&column};
  struct ArrowSchema schema = {
      .format = "+s", .name = "", .n_children = 1, .children = columns, .release = keep_schema};
  respool_options options;
  respool *spool;
  respool_writer *writer;
  respool_error error = {0};

  respool_options_init(&options, sizeof options);
  options.memory_limit = 0;
  if (respool_create(&schema, &options, &spool, &writer, &error) != RESPOOL_OK) return fail("create", &error);
  if (fill(writer, &error) != RESPOOL_OK) return fail("fill", &error);

  respool_stats stats = {.struct_size = sizeof stats};
  if (respool_get_stats(spool, &stats, &error) != RESPOOL_OK) return fail("stats", &error);
  const int64_t total = (int64_t)ROWS * BATCHES;
  for (int i = 0; i < 2; i++) {
    if (replay_sum(spool, &error) != total * (total - 1) / 2) return fail("replay gave a wrong sum", &error);
  }
  respool_writer_close(writer);
  respool_release(spool);

  if (stats.rows != total || !stats.file_exists) return fail("limit 0 did not go to disk", &error);
  if (released != BATCHES) return fail("batches were not released once each", &error);
  if (strcmp(respool_version(), RESPOOL_VERSION) != 0) return fail("header and library differ in version", &error);
  printf("respool %s: %lld rows replayed twice\n", respool_version(), (long long)stats.rows);
  return 0;
}
