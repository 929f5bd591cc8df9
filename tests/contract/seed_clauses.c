/* SPDX-License-Identifier: Apache-2.0 */
/* The numbered clauses of the contract this project started from, each a test or two, in mode ON_LIMIT. */
#include "bytes.h"
#include "spool.h"
#include "system.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What one batch of one int32 column and `bytes` bytes is charged. */
static int64_t charge_of(int64_t bytes) {
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_ON_LIMIT, NULL);
  kit_spool s;
  struct ArrowArray array;
  kit_spool_open(&s, "{number:int32}", &options);
  kit_batch_filled(bytes, 0, &array);
  kit_append(s.writer, &array);
  int64_t charged = kit_stats(s.spool).bytes_charged;
  kit_spool_close(&s);
  return charged;
}

static void open_at(kit_spool *s, int64_t limit, char path[KIT_PATH]) {
  respool_options options = kit_options(limit, RESPOOL_MODE_ON_LIMIT, kit_join(path, kit_scratch(), "clause.arrows"));
  kit_spool_open(s, "{number:int32}", &options);
}

static void append_bytes(kit_spool *s, int64_t bytes) {
  struct ArrowArray array;
  kit_batch_filled(bytes, 0, &array);
  kit_append(s->writer, &array);
}

/* ---- 1: buffering ---------------------------------------------------------------------------------- */

static void clause_1_kept_while_at_most_the_limit(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 3 * charge_of(4096), path);
  for (int i = 0; i < 3; i++) append_bytes(&s, 4096);
  CHECK_EQ(kit_stats(s.spool).bytes_charged, 3 * charge_of(4096));
  CHECK(!kit_exists(path));
  append_bytes(&s, 4);
  CHECK(kit_exists(path));
  kit_spool_close(&s);
}

static void clause_1_shared_buffers_count_once(void) {
  enum { ROWS = 64 * 1024, SLICES = 64 };
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 2 * 4 * ROWS, path);
  kit_shared *shared = kit_shared_from_memory(4 * ROWS);
  for (int i = 0; i < SLICES; i++) {
    struct ArrowArray array;
    kit_batch_shared(shared, i * (ROWS / SLICES), ROWS / SLICES, &array);
    kit_append(s.writer, &array);
  }
  CHECK_LE(kit_stats(s.spool).bytes_charged, 4 * ROWS + SLICES * 1024);
  CHECK_LE(4 * ROWS, kit_stats(s.spool).bytes_charged);
  CHECK(!kit_exists(path));
  kit_spool_close(&s);
  kit_shared_release(shared);
  CHECK_NOTHING_LEFT();
}

static void clause_1_a_slice_counts_its_whole_reach(void) {
  enum { ROWS = 64 * 1024 };
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, RESPOOL_NO_LIMIT, path);
  kit_shared *shared = kit_shared_from_memory(4 * ROWS);
  struct ArrowArray array;
  kit_batch_shared(shared, ROWS - 1, 1, &array);
  kit_append(s.writer, &array);
  CHECK_LE(4 * ROWS, kit_stats(s.spool).bytes_charged);
  kit_spool_close(&s);
  kit_shared_release(shared);
}

/* ---- 2: spill -------------------------------------------------------------------------------------- */

/* Batches in the file now, read as a prefix; every one must have `rows` rows. */
static int64_t batches_in_file(const char *path, int64_t rows) {
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.allow_missing_end = 1;
  options.close_descriptor = 1;
  struct ArrowArrayStream stream;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (!CHECK_OK(respool_ipc_read_fd(fd, &options, &stream, kit_error()))) return -1;
  int64_t count = 0;
  for (struct ArrowArray array; CHECK_EQ(stream.get_next(&stream, &array), 0) && array.release != NULL; count++) {
    CHECK_EQ(array.length, rows);
    array.release(&array);
  }
  stream.release(&stream);
  return count;
}

static void clause_2_crossing_writes_everything_so_far(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 3 * charge_of(4096), path);
  for (int i = 0; i < 4; i++) append_bytes(&s, 4096);
  CHECK_EQ(batches_in_file(path, 1024), 4);
  for (int i = 0; i < 3; i++) append_bytes(&s, 4096);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  CHECK_EQ(batches_in_file(path, 1024), 7);
  CHECK_EQ(kit_stats(s.spool).batches_stored, 7);
  kit_spool_close(&s);
}

static void clause_2_limit_zero_spills_at_once(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  CHECK(!kit_exists(path));
  append_bytes(&s, 4);
  CHECK(kit_exists(path));
  CHECK_EQ(batches_in_file(path, 1), 1);
  kit_spool_close(&s);
}

static void clause_2_below_the_limit_no_file_ever(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 1 << 20, path);
  for (int i = 0; i < 10; i++) append_bytes(&s, 4096);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_stats stats = kit_stats(s.spool);
  CHECK_EQ(stats.batches_resident, 10);
  CHECK_EQ(stats.batches_stored, 0);
  CHECK_EQ(stats.file_exists, 0);
  kit_spool_close(&s);
  CHECK_EQ(kit_entries(kit_scratch()), 0);
  CHECK(!kit_exists(path));
}

/* ---- 3: readers ------------------------------------------------------------------------------------ */

static void clause_3_readers_before_during_and_after(void) {
  struct ArrowSchema schema;
  kit_schema_parse("{id:int64!,text:utf8}", &schema);
  kit_series series = {.schema = &schema, .seed = kit_seed(), .rows_least = 1, .rows_most = 30, .null_rate = 0.2};
  respool_options options = kit_options(2000, RESPOOL_MODE_ON_LIMIT, NULL);
  kit_spool s;
  struct ArrowArrayStream streams[12];
  kit_spool_open_schema(&s, &schema, &options);
  for (int i = 0; i < 12; i++) {
    if (i == 10) CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    CHECK_OK(respool_export(s.spool, NULL, &streams[i], kit_error()));
    if (i < 10) kit_series_append(&series, s.writer, i, i + 1);
  }
  CHECK_EQ(kit_stats(s.spool).file_exists, 1);
  for (int i = 0; i < 12; i++) kit_series_check_stream(&series, &streams[i], 10);
  kit_spool_close(&s);
  schema.release(&schema);
  CHECK_NOTHING_LEFT();
}

/* ---- 4: waiting ------------------------------------------------------------------------------------ */

typedef struct waiter {
  respool_reader *reader;
  int64_t batches;
  respool_status end;
} waiter;

static void *wait_through(void *argument) {
  waiter *w = argument;
  struct ArrowArray array;
  while ((w->end = respool_reader_next(w->reader, &array, RESPOOL_WAIT_FOREVER, NULL)) == RESPOOL_OK) {
    w->batches++;
    array.release(&array);
  }
  return NULL;
}

static void wait_for_waiter(respool *spool) {
  while (kit_stats(spool).readers_waiting == 0) kit_pause(100);
}

static void clause_4_a_waiting_reader_is_woken(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  waiter w = {.reader = kit_reader(s.spool)};
  pthread_t thread = kit_thread_start(wait_through, &w);
  for (int i = 0; i < 3; i++) {
    wait_for_waiter(s.spool);
    append_bytes(&s, 4096);
  }
  wait_for_waiter(s.spool);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_thread_join(thread);
  CHECK_EQ(w.batches, 3);
  CHECK_EQ(w.end, RESPOOL_END);
  respool_reader_close(w.reader);
  kit_spool_close(&s);
}

static void clause_4_an_error_wakes_too(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  waiter w = {.reader = kit_reader(s.spool)};
  pthread_t thread = kit_thread_start(wait_through, &w);
  wait_for_waiter(s.spool);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER + 5, 0, "no more", kit_error()));
  kit_thread_join(thread);
  CHECK_EQ(w.end, RESPOOL_USER + 5);
  respool_reader_close(w.reader);
  kit_spool_close(&s);
}

/* ---- 5: transition --------------------------------------------------------------------------------- */

/* A reader for each number of batches it had from memory before the spill; then all go on. */
static void clause_5_no_batch_twice_none_left_out(void) {
  enum { BEFORE = 8, AFTER = 5 };
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, BEFORE * charge_of(4), path);
  respool_reader *readers[BEFORE + 1];
  for (int32_t i = 0; i < BEFORE; i++) KIT_APPEND(s.writer, i);
  CHECK_EQ(kit_stats(s.spool).file_exists, 0);
  for (int32_t r = 0; r <= BEFORE; r++) {
    readers[r] = kit_reader(s.spool);
    for (int32_t i = 0; i < r; i++) CHECK_NEXT(readers[r], i);
  }
  for (int32_t i = BEFORE; i < BEFORE + AFTER; i++) KIT_APPEND(s.writer, i);
  CHECK_EQ(kit_stats(s.spool).file_exists, 1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  for (int32_t r = 0; r <= BEFORE; r++) {
    for (int32_t i = r; i < BEFORE + AFTER; i++) CHECK_NEXT(readers[r], i);
    CHECK_ANSWER(readers[r], RESPOOL_END);
    respool_reader_close(readers[r]);
  }
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void clause_5_written_data_is_visible_at_once(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  respool_reader *reader = kit_reader(s.spool);
  for (int32_t i = 0; i < 50; i++) {
    KIT_APPEND(s.writer, i, -i);
    CHECK_NEXT(reader, i, -i);
  }
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* ---- 6: error -------------------------------------------------------------------------------------- */

static void check_failure(respool_reader *reader) {
  for (int i = 0; i < 3; i++) {
    CHECK_ANSWER(reader, RESPOOL_USER + 77);
    CHECK_STR(kit_last_error()->message, "the source is gone");
    CHECK_EQ(kit_last_error()->os_error, 5);
  }
  respool_reader_close(reader);
}

static void clause_6_every_reader_gets_the_same_error_first(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  for (int32_t i = 0; i < 4; i++) KIT_APPEND(s.writer, i);
  respool_reader *fresh = kit_reader(s.spool), *lagging = kit_reader(s.spool), *waiting = kit_reader(s.spool);
  CHECK_NEXT(lagging, 0);
  for (int32_t i = 0; i < 4; i++) CHECK_NEXT(waiting, i);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER + 77, 5, "the source is gone", kit_error()));
  check_failure(fresh);
  check_failure(lagging);
  check_failure(waiting);
  check_failure(kit_reader(s.spool));
  kit_spool_close(&s);
}

static void clause_6_in_order_is_an_option(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  KIT_APPEND(s.writer, 1);
  respool_reader *reader = kit_reader_in_order(s.spool);
  KIT_APPEND(s.writer, 2);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER + 77, 5, "the source is gone", kit_error()));
  CHECK_NEXT(reader, 1);
  CHECK_NEXT(reader, 2);
  check_failure(reader);
  kit_spool_close(&s);
}

/* ---- 7: misuse ------------------------------------------------------------------------------------- */

static void all_writes_answer(kit_spool *s, respool_status status) {
  struct ArrowArray array;
  kit_batch_one(1, &array);
  CHECK_ERROR(respool_writer_append(s->writer, &array, kit_error()), status, NULL);
  CHECK(array.release != NULL);
  array.release(&array);
  CHECK_ERROR(respool_writer_finish(s->writer, kit_error()), status, NULL);
  CHECK_ERROR(respool_writer_fail(s->writer, RESPOOL_PRODUCER_FAILED, 0, NULL, kit_error()), status, NULL);
}

static void clause_7_after_finish(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  KIT_APPEND(s.writer, 1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  all_writes_answer(&s, RESPOOL_ALREADY_FINISHED);
  respool_reader *reader = kit_reader(s.spool); /* not spoiled by the late fail */
  CHECK_NEXT(reader, 1);
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

static void clause_7_after_an_error(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_PRODUCER_FAILED, 0, "first", kit_error()));
  all_writes_answer(&s, RESPOOL_HAS_FAILED);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_ANSWER(reader, RESPOOL_PRODUCER_FAILED);
  CHECK_STR(kit_last_error()->message, "first");
  respool_reader_close(reader);
  kit_spool_close(&s);
}

static void clause_7_gone_without_a_word(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  KIT_APPEND(s.writer, 1);
  KIT_APPEND(s.writer, 2);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_NEXT(reader, 1);
  respool_writer_close(s.writer);
  s.writer = NULL;
  CHECK_NEXT(reader, 2);
  for (int i = 0; i < 2; i++) CHECK_ANSWER(reader, RESPOOL_ABANDONED);
  CHECK(kit_last_error()->message[0] != '\0');
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* ---- 8: no quadratic cost (scale.c counts it), no lost batch ----------------------------------------- */

static void clause_8_a_full_disk_loses_nothing(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 20000, path);
  kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 500, .rows_most = 500};
  kit_limit_file_size(7000); /* the file takes three batches and a part of the fourth, then no more */
  kit_series_append(&series, s.writer, 0, 20);
  CHECK_ERROR(respool_writer_finish(s.writer, kit_error()), RESPOOL_IO, NULL);
  CHECK_LE(2, kit_stats(s.spool).write_failures);
  kit_limit_file_size(-1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, 20, RESPOOL_END);
  CHECK_EQ(batches_in_file(path, 500), 20);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* ---- 9: empty -------------------------------------------------------------------------------------- */

static void clause_9_no_batches(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  kit_series series = {.schema = &s.schema};
  struct ArrowArrayStream stream;
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK(!kit_exists(path));
  CHECK_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  kit_series_check_stream(&series, &stream, 0);
  kit_spool_close(&s);
  CHECK(!kit_exists(path));
  CHECK_NOTHING_LEFT();
}

static void clause_9_only_batches_without_rows(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  kit_series series = {.schema = &s.schema};
  struct ArrowArrayStream stream;
  kit_series_append(&series, s.writer, 0, 5);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK(!kit_exists(path));
  CHECK_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  kit_series_check_stream(&series, &stream, 5);
  kit_spool_close(&s);
  CHECK(!kit_exists(path));
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(clause_1_kept_while_at_most_the_limit),
    KIT_TEST(clause_1_shared_buffers_count_once),
    KIT_TEST(clause_1_a_slice_counts_its_whole_reach),
    KIT_TEST(clause_2_crossing_writes_everything_so_far),
    KIT_TEST(clause_2_limit_zero_spills_at_once),
    KIT_TEST(clause_2_below_the_limit_no_file_ever),
    KIT_TEST(clause_3_readers_before_during_and_after),
    KIT_TEST(clause_4_a_waiting_reader_is_woken),
    KIT_TEST(clause_4_an_error_wakes_too),
    KIT_TEST(clause_5_no_batch_twice_none_left_out),
    KIT_TEST(clause_5_written_data_is_visible_at_once),
    KIT_TEST(clause_6_every_reader_gets_the_same_error_first),
    KIT_TEST(clause_6_in_order_is_an_option),
    KIT_TEST(clause_7_after_finish),
    KIT_TEST(clause_7_after_an_error),
    KIT_TEST(clause_7_gone_without_a_word),
    KIT_TEST(clause_8_a_full_disk_loses_nothing),
    KIT_TEST(clause_9_no_batches),
    KIT_TEST(clause_9_only_batches_without_rows),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
