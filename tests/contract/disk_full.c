/* SPDX-License-Identifier: Apache-2.0 */
/* The choices where there is no room on disk, tried with a disk budget: refuse, wait, hold in memory up to a cap. */
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char fields[] = "{id:int64!,text:utf8}";

enum { CHUNK = 16 << 10, BUDGET = 512 << 10, BATCHES = 60 };

static respool_options small_budget(int32_t mode, const char *place) {
  respool_options options = kit_options(0, mode, place);
  options.write_chunk = CHUNK;
  options.disk_budget = BUDGET;
  return options;
}

static kit_series open_series(kit_spool *s, const respool_options *options) {
  kit_spool_open(s, fields, options);
  return (kit_series){.schema = &s->schema, .seed = kit_seed(), .rows_least = 500, .rows_most = 2000, .null_rate = 0.2};
}

/* Appends until one is refused, which then is still the caller's. */
static int64_t append_until_refused(const kit_series *series, respool_writer *writer, int64_t from) {
  for (int64_t i = from; i < 10 * BATCHES; i++) {
    struct ArrowArray array;
    kit_series_batch(series, i, &array);
    if (respool_writer_append(writer, &array, kit_error()) == RESPOOL_OK) continue;
    CHECK_EQ(kit_last_error()->status, RESPOOL_OVER_BUDGET);
    if (CHECK(array.release != NULL)) array.release(&array);
    return i;
  }
  CHECK(false); /* none was refused */
  return -1;
}

/* ---- Refuse ---------------------------------------------------------------------------------------- */

static void refused_beyond_the_budget(int32_t mode, bool named) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_join(path, directory, "file");
  kit_spool s;
  respool_options options = small_budget(mode, named ? path : mode == RESPOOL_MODE_OVERFLOW ? directory : NULL);
  if (!named) options.directory = directory;
  kit_series series = open_series(&s, &options);
  int64_t accepted = append_until_refused(&series, s.writer, 0);
  respool_error refusal = *kit_last_error();
  char used[64];
  snprintf(used, sizeof used, "%" PRId64 " of %d are in use", kit_stats(s.spool).bytes_on_disk, BUDGET);
  CHECK(strstr(refusal.message, used) != NULL);
  CHECK(strstr(refusal.message, "bytes more were asked for") != NULL);
  CHECK_EQ(respool_status_retryable(refusal.status), 1);
  CHECK_LE(kit_stats(s.spool).bytes_on_disk, BUDGET);
  CHECK_LE(BUDGET / 2, kit_stats(s.spool).bytes_on_disk);
  CHECK_EQ(kit_stats(s.spool).disk_budget, BUDGET);
  kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT);
  CHECK_STATUS(respool_writer_finish(s.writer, kit_error()), RESPOOL_OVER_BUDGET);
  CHECK_STATUS(respool_writer_flush(s.writer, kit_error()), RESPOOL_OVER_BUDGET);
  kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT);
  if (named) CHECK_EQ(kit_file_size(path), kit_stats(s.spool).bytes_on_disk);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_PRODUCER_FAILED, 0, "gave up", kit_error()));
  kit_spool_close(&s);
}

static void a_budget_refuses(void) {
  refused_beyond_the_budget(RESPOOL_MODE_OVERFLOW, false);
  refused_beyond_the_budget(RESPOOL_MODE_ON_LIMIT, false);
  refused_beyond_the_budget(RESPOOL_MODE_ON_LIMIT, true);
  refused_beyond_the_budget(RESPOOL_MODE_ALL, true);
}

static void a_budget_of_nothing_keeps_to_memory(void) {
  const char *directory = kit_scratch();
  kit_spool s;
  respool_options options = small_budget(RESPOOL_MODE_OVERFLOW, directory);
  options.memory_limit = 300000;
  options.disk_budget = 0;
  kit_series series = open_series(&s, &options);
  int64_t accepted = append_until_refused(&series, s.writer, 0);
  CHECK_LE(2, accepted);
  CHECK_EQ(kit_stats(s.spool).bytes_on_disk, 0);
  kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT);
  kit_spool_close(&s);
}

/* A file that has no room for its schema is not left behind. */
static void a_budget_too_small_for_the_schema(void) {
  char path[KIT_PATH];
  struct ArrowSchema schema;
  respool *spool = NULL;
  respool_writer *writer = NULL;
  respool_options options = small_budget(RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "file"));
  options.disk_budget = 100;
  kit_schema_parse(fields, &schema);
  CHECK_ERROR(respool_create(&schema, &options, &spool, &writer, kit_error()), RESPOOL_OVER_BUDGET,
              "of 100 are in use");
  CHECK(!kit_exists(path));
  schema.release(&schema);
}

/* A write chunk that is larger than the budget does not keep it from being used. */
static void a_budget_smaller_than_a_chunk(void) {
  kit_spool s;
  respool_options options = small_budget(RESPOOL_MODE_OVERFLOW, kit_scratch());
  options.write_chunk = 4 * BUDGET;
  kit_series series = open_series(&s, &options);
  int64_t accepted = append_until_refused(&series, s.writer, 0);
  CHECK_LE(BUDGET * 3 / 4, kit_stats(s.spool).bytes_on_disk);
  CHECK_LE(kit_stats(s.spool).bytes_on_disk, BUDGET);
  kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT);
  kit_spool_close(&s);
}

/* What readers have left is room at once, also what lies in the slot that was written last. */
static void no_refusal_where_everything_was_read(void) {
  kit_spool s;
  respool_options options = small_budget(RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_series series = open_series(&s, &options);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  for (int64_t i = 0; i < 3 * BATCHES; i++) {
    struct ArrowArray array;
    kit_series_append(&series, s.writer, i, i + 1);
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    if (CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) kit_series_check(&series, i, &array);
    CHECK_PENDING(reader);
  }
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* The batch that was refused goes in once readers have left room, and nobody misses anything. */
static void a_retry_after_readers_made_room(void) {
  kit_spool s;
  respool_options options = small_budget(RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_series series = open_series(&s, &options);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  int64_t had = 0;
  int64_t accepted = 0;
  for (int round = 0; round < 5; round++) {
    int64_t before = accepted;
    accepted = append_until_refused(&series, s.writer, accepted);
    CHECK_LE(before + 1, accepted);
    for (struct ArrowArray array; had < accepted; had++) {
      if (CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) kit_series_check(&series, had, &array);
    }
    CHECK_PENDING(reader);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* ---- Hold ------------------------------------------------------------------------------------------ */

static void held_in_memory_up_to_a_cap(int32_t mode) {
  enum { CAP = 2 << 20 };
  const char *directory = kit_scratch();
  kit_spool s;
  respool_options options = small_budget(mode, mode == RESPOOL_MODE_OVERFLOW ? directory : NULL);
  options.directory = directory;
  kit_series series = open_series(&s, &options);
  int64_t without = append_until_refused(&series, s.writer, 0);
  kit_spool_close(&s);
  options.memory_cap = CAP;
  series = open_series(&s, &options);
  int64_t accepted = append_until_refused(&series, s.writer, 0);
  CHECK_LE(without + 10, accepted);
  CHECK_LE(kit_stats(s.spool).bytes_charged, CAP);
  CHECK_LE(CAP / 2, kit_stats(s.spool).bytes_charged);
  CHECK_STATUS(respool_writer_flush(s.writer, kit_error()), RESPOOL_OVER_BUDGET);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, accepted, RESPOOL_END);
  CHECK_STATUS(respool_spill(s.spool, 0, kit_error()), RESPOOL_OVER_BUDGET);
  kit_series_replay(&series, s.spool, accepted, RESPOOL_END);
  kit_spool_close(&s);
}

static void a_cap_takes_the_place_of_the_limit(void) {
  held_in_memory_up_to_a_cap(RESPOOL_MODE_OVERFLOW);
  held_in_memory_up_to_a_cap(RESPOOL_MODE_ON_LIMIT);
}

/* A file that somebody wants to keep is not finished before it is whole. */
static void a_cap_does_not_finish_a_named_file(void) {
  char path[KIT_PATH];
  kit_spool s;
  respool_options options = small_budget(RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "file"));
  options.memory_cap = 1 << 20;
  kit_series series = open_series(&s, &options);
  int64_t accepted = append_until_refused(&series, s.writer, 0);
  CHECK_STATUS(respool_writer_finish(s.writer, kit_error()), RESPOOL_OVER_BUDGET);
  kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT);
  kit_spool_close(&s);
}

/* ---- Wait ------------------------------------------------------------------------------------------ */

static void waiting_ends(void) {
  kit_spool s;
  respool_options options = small_budget(RESPOOL_MODE_OVERFLOW, kit_scratch());
  options.full_timeout = 1000 * 1000;
  kit_series series = open_series(&s, &options);
  int64_t accepted = append_until_refused(&series, s.writer, 0);
  CHECK_STATUS(respool_writer_finish(s.writer, kit_error()), RESPOOL_OVER_BUDGET);
  kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT);
  kit_spool_close(&s);
}

typedef struct consumer {
  const kit_series *series;
  respool_reader *reader;
  int64_t count;
} consumer;

static void *consume(void *argument) {
  consumer *c = argument;
  struct ArrowArray array;
  while (respool_reader_next(c->reader, &array, RESPOOL_WAIT_FOREVER, NULL) == RESPOOL_OK) {
    kit_series_check(c->series, c->count++, &array);
  }
  return NULL;
}

static void waiting_for_a_reader(void) {
  kit_spool s;
  respool_options options = small_budget(RESPOOL_MODE_ON_LIMIT, NULL);
  options.directory = kit_scratch();
  options.full_timeout = RESPOOL_WAIT_FOREVER;
  kit_series series = open_series(&s, &options);
  consumer c = {.series = &series, .reader = kit_reader(s.spool)};
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  pthread_t thread;
  pthread_create(&thread, NULL, consume, &c);
  CHECK(kit_series_append(&series, s.writer, 0, BATCHES));
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  pthread_join(thread, NULL);
  CHECK_EQ(c.count, BATCHES);
  respool_reader_close(c.reader);
  kit_spool_close(&s);
}

/* ---- Options --------------------------------------------------------------------------------------- */

static void refuse_options(respool_options options, const char *word) {
  respool *spool = NULL;
  respool_writer *writer = NULL;
  struct ArrowSchema schema;
  kit_schema_parse(fields, &schema);
  CHECK_ERROR(respool_create(&schema, &options, &spool, &writer, kit_error()), RESPOOL_INVALID, word);
  schema.release(&schema);
}

static void options_out_of_range(void) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, NULL);
  options.disk_budget = -1;
  refuse_options(options, "disk_budget");
  options = kit_options(0, RESPOOL_MODE_OVERFLOW, NULL);
  options.memory_cap = -1;
  refuse_options(options, "memory_cap");
  options = kit_options(0, RESPOOL_MODE_OVERFLOW, NULL);
  options.full_timeout = -2;
  refuse_options(options, "full_timeout");
  const char *more[18] = {"/tmp", "", NULL};
  options = kit_options(0, RESPOOL_MODE_OVERFLOW, NULL);
  options.more_directories = more;
  refuse_options(options, "more_directories[1] is empty");
  for (int i = 0; i < 16; i++) more[i] = "/tmp";
  refuse_options(options, "more than 15");
  char path[KIT_PATH];
  more[1] = NULL;
  options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "file"));
  options.more_directories = more;
  refuse_options(options, "more_directories");
}

static const kit_test tests[] = {
    KIT_TEST(a_budget_refuses),
    KIT_TEST(a_budget_of_nothing_keeps_to_memory),
    KIT_TEST(a_budget_too_small_for_the_schema),
    KIT_TEST(a_budget_smaller_than_a_chunk),
    KIT_TEST(no_refusal_where_everything_was_read),
    KIT_TEST(a_retry_after_readers_made_room),
    KIT_TEST(a_cap_takes_the_place_of_the_limit),
    KIT_TEST(a_cap_does_not_finish_a_named_file),
    KIT_TEST(waiting_ends),
    KIT_TEST(waiting_for_a_reader),
    KIT_TEST(options_out_of_range),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
