/* SPDX-License-Identifier: Apache-2.0 */
/* Spools for tests. */
#include "spool.h"

#include <inttypes.h>
#include <string.h>

respool_options kit_options(int64_t memory_limit, int32_t mode, const char *place) {
  respool_options options;
  respool_options_init(&options, sizeof options);
  options.memory_limit = memory_limit;
  options.mode = mode;
  if (mode == RESPOOL_MODE_OVERFLOW)
    options.directory = place;
  else
    options.path = place;
  return options;
}

void kit_spool_open_schema(kit_spool *s, const struct ArrowSchema *schema, const respool_options *options) {
  kit_schema_copy(schema, &s->schema);
  s->spool = NULL;
  s->writer = NULL;
  REQUIRE_OK(respool_create(&s->schema, options, &s->spool, &s->writer, kit_error()));
}

void kit_spool_open(kit_spool *s, const char *schema_text, const respool_options *options) {
  struct ArrowSchema schema;
  kit_schema_parse(schema_text, &schema);
  kit_spool_open_schema(s, &schema, options);
  schema.release(&schema);
}

void kit_spool_close(kit_spool *s) {
  respool_writer_close(s->writer);
  respool_release(s->spool);
  if (s->schema.release != NULL) s->schema.release(&s->schema);
  s->writer = NULL;
  s->spool = NULL;
}

respool_stats kit_stats(respool *spool) {
  respool_stats stats;
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  CHECK_OK(respool_get_stats(spool, &stats, kit_error()));
  return stats;
}

respool_reader *kit_reader(respool *spool) {
  respool_reader *reader = NULL;
  REQUIRE_OK(respool_reader_open(spool, NULL, &reader, kit_error()));
  return reader;
}

respool_reader *kit_reader_in_order(respool *spool) {
  respool_reader_options options;
  respool_reader_options_init(&options, sizeof options);
  options.errors = RESPOOL_ERRORS_IN_ORDER;
  respool_reader *reader = NULL;
  REQUIRE_OK(respool_reader_open(spool, &options, &reader, kit_error()));
  return reader;
}

bool kit_append(respool_writer *writer, struct ArrowArray *array) {
  bool good = CHECK_OK(respool_writer_append(writer, array, kit_error()));
  CHECK_EQ(good, array->release == NULL); /* moved exactly when it was accepted */
  if (array->release != NULL) array->release(array);
  return good;
}

bool kit_append_int32(respool_writer *writer, const int32_t *values, int64_t count) {
  struct ArrowArray array;
  kit_batch_int32(values, count, &array);
  return kit_append(writer, &array);
}

static bool same_values(const struct ArrowArray *array, const int32_t *values, int64_t count) {
  if (array->length != count || array->n_children != 1) return false;
  const struct ArrowArray *column = array->children[0];
  for (int64_t i = 0; i < count; i++)
    if (((const int32_t *)column->buffers[1])[column->offset + array->offset + i] != values[i]) return false;
  return true;
}

bool kit_check_next(respool_reader *reader, const int32_t *values, int64_t count, const char *file, int line) {
  struct ArrowArray array;
  respool_status status = respool_reader_next(reader, &array, 0, kit_error());
  if (!kit_check_status(status, RESPOOL_OK, file, line, "next, not waiting,")) return false;
  bool same = same_values(&array, values, count);
  if (!same)
    kit_failed(file, line, "the batch has other values (%" PRId64 " rows, expected %" PRId64 ")", array.length, count);
  array.release(&array);
  return same;
}

bool kit_check_answer(respool_reader *reader, respool_status expected, const char *file, int line) {
  struct ArrowArray array = {0};
  respool_status status = respool_reader_next(reader, &array, 0, kit_error());
  if (array.release != NULL) array.release(&array);
  return kit_check_status(status, expected, file, line, "next, not waiting,");
}

/* ---- Repeatable batches ---------------------------------------------------------------------------- */

static kit_array_options series_options(const kit_series *series, int64_t index) {
  uint64_t seed = kit_mix(series->seed + (uint64_t)index);
  int64_t spread = series->rows_most - series->rows_least + 1;
  kit_array_options options = kit_array_defaults(seed, series->rows_least + (int64_t)(seed % (uint64_t)spread));
  options.null_rate = series->null_rate;
  options.dictionary_seed = series->seed;
  options.batch = index;
  return options;
}

void kit_series_expected(const kit_series *series, int64_t index, struct ArrowArray *array) {
  kit_array_options options = series_options(series, index);
  kit_array_random(series->schema, &options, array);
}

void kit_series_batch(const kit_series *series, int64_t index, struct ArrowArray *array) {
  kit_array_options options = series_options(series, index);
  options.sliced = options.unknown_nulls = series->sliced;
  options.unaligned = series->unaligned;
  kit_array_random(series->schema, &options, array);
}

bool kit_series_append(const kit_series *series, respool_writer *writer, int64_t from, int64_t to) {
  bool good = true;
  for (int64_t i = from; i < to && good; i++) {
    struct ArrowArray array;
    kit_series_batch(series, i, &array);
    good = kit_append(writer, &array);
  }
  return good;
}

bool kit_series_check(const kit_series *series, int64_t index, struct ArrowArray *array) {
  struct ArrowArray expected;
  kit_series_expected(series, index, &expected);
  bool good = CHECK_WELL_FORMED(series->schema, array, KIT_TOP, 1) && CHECK_SAME(series->schema, &expected, array);
  if (!good) kit_note("this was batch %" PRId64 " of the series with seed %" PRIu64, index, series->seed);
  expected.release(&expected);
  array->release(array);
  return good;
}

bool kit_series_replay(const kit_series *series, respool *spool, int64_t count, respool_status end) {
  respool_reader *reader = NULL;
  bool good = CHECK_OK(respool_reader_open(spool, NULL, &reader, kit_error()));
  for (int64_t i = 0; i < count && good; i++) {
    struct ArrowArray array;
    good = CHECK_OK(respool_reader_next(reader, &array, RESPOOL_WAIT_FOREVER, kit_error())) &&
           kit_series_check(series, i, &array) && CHECK_EQ(respool_reader_position(reader), i + 1);
  }
  good = good && CHECK_ANSWER(reader, end);
  respool_reader_close(reader);
  return good;
}

static bool check_stream_schema(const kit_series *series, struct ArrowArrayStream *stream) {
  struct ArrowSchema schema;
  if (!CHECK_EQ(stream->get_schema(stream, &schema), 0)) return false;
  char where[200] = "";
  bool same = kit_schema_equal(series->schema, &schema, where, sizeof where);
  if (!same) CHECK_STR(where, "no difference of schemas");
  schema.release(&schema);
  return same;
}

static bool check_stream_end(struct ArrowArrayStream *stream) {
  struct ArrowArray array = {.release = NULL};
  bool good = CHECK_EQ(stream->get_next(stream, &array), 0) && CHECK(array.release == NULL);
  if (array.release != NULL) array.release(&array);
  return good;
}

bool kit_series_check_stream(const kit_series *series, struct ArrowArrayStream *stream, int64_t count) {
  bool good = check_stream_schema(series, stream);
  for (int64_t i = 0; i < count && good; i++) {
    struct ArrowArray array = {.release = NULL};
    good = CHECK_EQ(stream->get_next(stream, &array), 0) && CHECK(array.release != NULL) &&
           kit_series_check(series, i, &array);
  }
  good = good && check_stream_end(stream);
  stream->release(stream);
  return good;
}
