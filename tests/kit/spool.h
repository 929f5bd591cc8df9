/* SPDX-License-Identifier: Apache-2.0 */
/* Spools for tests: made in one call, fed from repeatable batches, and their replays compared with those. */
#ifndef RESPOOL_TESTS_KIT_SPOOL_H
#define RESPOOL_TESTS_KIT_SPOOL_H

#include "array_build.h"
#include "check.h"
#include "compare.h"
#include "schema_build.h"

/* A spool with its writer and schema. */
typedef struct kit_spool {
  respool *spool;
  respool_writer *writer;
  struct ArrowSchema schema;
} kit_spool;

/* The defaults with this limit and mode. `place` is a path where the mode needs one (ALL, and ON_LIMIT unless NULL), a
 * directory in mode OVERFLOW. */
respool_options kit_options(int64_t memory_limit, int32_t mode, const char *place);

/* Makes the spool or ends the test. `schema_text`: see schema_build.h. */
void kit_spool_open(kit_spool *s, const char *schema_text, const respool_options *options);

/* The same with a schema, which is copied. */
void kit_spool_open_schema(kit_spool *s, const struct ArrowSchema *schema, const respool_options *options);

/* Closes and releases what is not NULL. */
void kit_spool_close(kit_spool *s);

respool_stats kit_stats(respool *spool);
respool_reader *kit_reader(respool *spool);
respool_reader *kit_reader_in_order(respool *spool);

/* Append `array`; on an error the test fails and the array is released. */
bool kit_append(respool_writer *writer, struct ArrowArray *array);

/* Append a batch of one int32 column from the values given. */
#define KIT_APPEND(writer, ...)                                                                                        \
  kit_append_int32((writer), (const int32_t[]){__VA_ARGS__},                                                           \
                   (int64_t)(sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t)))
bool kit_append_int32(respool_writer *writer, const int32_t *values, int64_t count);

/* The reader's next batch, which must come, is one int32 column of exactly these values. */
#define CHECK_NEXT(reader, ...)                                                                                        \
  kit_check_next((reader), (const int32_t[]){__VA_ARGS__},                                                             \
                 (int64_t)(sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), __FILE__, __LINE__)
bool kit_check_next(respool_reader *reader, const int32_t *values, int64_t count, const char *file, int line);

/* next, not waiting, answers this status. A batch that comes against expectation is released. */
#define CHECK_ANSWER(reader, status) kit_check_answer((reader), (status), __FILE__, __LINE__)
#define CHECK_PENDING(reader)        CHECK_ANSWER((reader), RESPOOL_TIMED_OUT)
bool kit_check_answer(respool_reader *reader, respool_status status, const char *file, int line);

/* ---- Repeatable batches ---------------------------------------------------------------------------- */

/* Batch i has contents that depend on `seed` and i alone; sliced and placed by chance where `sliced` says so. */
typedef struct kit_series {
  const struct ArrowSchema *schema;
  uint64_t seed;
  int64_t rows_least;
  int64_t rows_most;
  double null_rate;
  bool sliced;
  bool unaligned;
} kit_series;

/* Batch `index` as it is appended, and the same unsliced as it is compared with. */
void kit_series_batch(const kit_series *series, int64_t index, struct ArrowArray *array);
void kit_series_expected(const kit_series *series, int64_t index, struct ArrowArray *array);
bool kit_series_append(const kit_series *series, respool_writer *writer, int64_t from, int64_t to);

/* `array`, which is released, is batch `index` of the series and well formed. */
bool kit_series_check(const kit_series *series, int64_t index, struct ArrowArray *array);

/* A new reader gets batches 0 to `count` - 1 of the series, then answers `end` at once. */
bool kit_series_replay(const kit_series *series, respool *spool, int64_t count, respool_status end);

/* The stream, which is released, yields the schema, batches 0 to `count` - 1, and then ends without error. */
bool kit_series_check_stream(const kit_series *series, struct ArrowArrayStream *stream, int64_t count);

/* Nothing of the kit's is alive any more. */
#define CHECK_NOTHING_LEFT() (CHECK_EQ(kit_live_arrays(), 0), CHECK_EQ(kit_live_schemas(), 0))

#endif
