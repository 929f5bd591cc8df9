/* SPDX-License-Identifier: Apache-2.0 */
/* The three modes: what is written, when, and where it can be seen. */
#include "spool.h"
#include "system.h"

#include <fcntl.h>
#include <unistd.h>

static int64_t charge_of_one(void) {
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  KIT_APPEND(s.writer, 1);
  int64_t charged = kit_stats(s.spool).bytes_charged;
  kit_spool_close(&s);
  return charged;
}

static void append_numbers(kit_spool *s, int32_t from, int32_t to) {
  for (int32_t i = from; i < to; i++) KIT_APPEND(s->writer, i);
}

static void check_numbers(respool *spool, int32_t count, respool_status end) {
  respool_reader *reader = kit_reader(spool);
  for (int32_t i = 0; i < count; i++)
    if (!CHECK_NEXT(reader, i)) break;
  CHECK_ANSWER(reader, end);
  respool_reader_close(reader);
}

static int32_t mode_of(const respool_options *options) {
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", options);
  int32_t mode = kit_stats(s.spool).mode;
  kit_spool_close(&s);
  return mode;
}

static void default_mode_follows_the_path(void) {
  char path[KIT_PATH];
  respool_options options = kit_options(100, RESPOOL_MODE_DEFAULT, NULL);
  CHECK_EQ(mode_of(&options), RESPOOL_MODE_OVERFLOW);
  options.path = kit_join(path, kit_scratch(), "default");
  CHECK_EQ(mode_of(&options), RESPOOL_MODE_ALL);
  CHECK_EQ(mode_of(NULL), RESPOOL_MODE_OVERFLOW);
}

/* Whether the reader's next batch lies in the memory it was appended from. */
static bool next_is_resident(respool_reader *reader, const void *memory) {
  struct ArrowArray array;
  if (!CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) return false;
  bool same = array.children[0]->buffers[1] == memory;
  array.release(&array);
  return same;
}

static void overflow_keeps_the_earliest(void) {
  enum { KEPT = 5, ALL = 12 };
  respool_options options = kit_options(KEPT * charge_of_one(), RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool s;
  const void *memory[ALL];
  kit_spool_open(&s, "{number:int32}", &options);
  for (int32_t i = 0; i < ALL; i++) {
    struct ArrowArray array;
    kit_batch_one(i, &array);
    memory[i] = array.children[0]->buffers[1];
    kit_append(s.writer, &array);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_stats stats = kit_stats(s.spool);
  CHECK_EQ(stats.batches_resident, KEPT);
  CHECK_EQ(stats.batches_stored, ALL - KEPT);
  respool_reader *reader = kit_reader(s.spool);
  for (int32_t i = 0; i < ALL; i++) CHECK_EQ(next_is_resident(reader, memory[i]), i < KEPT);
  respool_reader_close(reader);
  check_numbers(s.spool, ALL, RESPOOL_END);
  kit_spool_close(&s);
}

static void on_limit_stores_everything(void) {
  enum { KEPT = 5, ALL = 12 };
  respool_options options = kit_options(KEPT * charge_of_one(), RESPOOL_MODE_ON_LIMIT, NULL);
  options.directory = kit_scratch();
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  append_numbers(&s, 0, KEPT);
  CHECK_EQ(kit_stats(s.spool).batches_stored, 0);
  append_numbers(&s, KEPT, KEPT + 1);
  CHECK_EQ(kit_stats(s.spool).batches_stored, KEPT + 1);
  CHECK_EQ(kit_stats(s.spool).batches_resident, 0);
  append_numbers(&s, KEPT + 1, ALL);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_stored, ALL);
  CHECK_EQ(kit_entries(options.directory), 0);
  check_numbers(s.spool, ALL, RESPOOL_END);
  kit_spool_close(&s);
}

/*
 * The append that crosses does not pay for all that has gathered: each writes some more than it brings, until none is
 * left.
 */
static void on_limit_writes_what_has_gathered_by_and_by(void) {
  enum { GATHERED = 100, FEW = 8, ALL = 2 * GATHERED, CHUNK = 4096 };
  respool_options options = kit_options(0, RESPOOL_MODE_ON_LIMIT, NULL);
  options.directory = kit_scratch();
  options.write_chunk = CHUNK;
  options.memory_limit = RESPOOL_NO_LIMIT;
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  kit_series series = {.schema = &s.schema, .rows_least = 1000, .rows_most = 1000};
  kit_series_append(&series, s.writer, 0, GATHERED);
  int64_t limit = kit_stats(s.spool).bytes_charged, one = limit / GATHERED;
  CHECK_OK(respool_set_memory_limit(s.spool, limit, kit_error())); /* just full */
  CHECK_EQ(kit_stats(s.spool).batches_stored, 0);
  for (int64_t i = GATHERED, left = GATHERED; i < ALL; i++) {
    int64_t before = kit_stats(s.spool).batches_stored;
    kit_series_append(&series, s.writer, i, i + 1);
    respool_stats stats = kit_stats(s.spool);
    CHECK_LE(stats.batches_stored - before, FEW);
    CHECK_LE(stats.bytes_charged_peak, limit + CHUNK + 2 * one);
    if (left > FEW) CHECK_LE(stats.batches_resident, left - 1);
    left = stats.batches_resident;
    if (i == ALL - 1) CHECK_LE(left, FEW);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_stored, ALL);
  CHECK_EQ(kit_stats(s.spool).batches_resident, 0);
  kit_series_replay(&series, s.spool, ALL, RESPOOL_END);
  kit_spool_close(&s);
}

/*
 * Slices of one array free nothing before the last of them is written: then an append waits for as many as it takes,
 * since the limit holds.
 */
static void on_limit_with_shared_memory(void) {
  enum { SLICES = 200, ROWS = 1000, AFTER = 20, LARGE = 40000, CHUNK = 4096 };
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_ON_LIMIT, NULL);
  options.directory = kit_scratch();
  options.write_chunk = CHUNK;
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  kit_shared *shared = kit_shared_from_memory(SLICES * ROWS * sizeof(int32_t));
  for (int64_t i = 0; i < SLICES; i++) {
    struct ArrowArray array;
    kit_batch_shared(shared, i * ROWS, ROWS, &array);
    kit_append(s.writer, &array);
  }
  int64_t limit = kit_stats(s.spool).bytes_charged;
  CHECK_OK(respool_set_memory_limit(s.spool, limit, kit_error()));
  for (int32_t i = 0; i < AFTER; i++) {
    struct ArrowArray array;
    kit_batch_filled(LARGE, i, &array);
    kit_append(s.writer, &array);
    CHECK_LE(kit_stats(s.spool).bytes_charged_peak, limit + CHUNK + 2 * LARGE);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_stored, SLICES + AFTER);
  kit_spool_close(&s);
  kit_shared_release(shared);
  CHECK_NOTHING_LEFT();
}

static void all_stores_everything_and_keeps_what_fits(void) {
  enum { KEPT = 5, ALL = 12 };
  char path[KIT_PATH];
  respool_options options = kit_options(KEPT * charge_of_one(), RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "all"));
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  CHECK(kit_exists(path)); /* at once */
  CHECK_EQ(kit_stats(s.spool).file_exists, 1);
  append_numbers(&s, 0, ALL);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  respool_stats stats = kit_stats(s.spool);
  CHECK_EQ(stats.batches_stored, ALL);
  CHECK_EQ(stats.batches_resident, KEPT);
  check_numbers(s.spool, ALL, RESPOOL_TIMED_OUT);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  check_numbers(s.spool, ALL, RESPOOL_END);
  kit_spool_close(&s);
  CHECK(kit_exists(path));
}

static void all_below_the_limit_is_read_from_memory(void) {
  char path[KIT_PATH];
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "all"));
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  append_numbers(&s, 0, 6);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_resident, 6);
  CHECK_EQ(kit_stats(s.spool).batches_stored, 6);
  REQUIRE_EQ(truncate(path, 0), 0);
  check_numbers(s.spool, 6, RESPOOL_END);
  kit_spool_close(&s);
}

static void check_whole_file(const kit_series *series, const char *path, int64_t count) {
  struct ArrowArrayStream stream;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (CHECK_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error()))) kit_series_check_stream(series, &stream, count);
  close(fd);
}

static void all_writes_empty_streams_too(void) {
  char path[KIT_PATH];
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "empty"));
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  kit_series series = {.schema = &s.schema};
  kit_series_append(&series, s.writer, 0, 2);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  check_whole_file(&series, path, 2);
  kit_spool_close(&s);
}

/* Empty batches that come before the first spill are part of the file. */
static void on_limit_writes_empty_batches_in_their_place(void) {
  char path[KIT_PATH];
  respool_options options = kit_options(0, RESPOOL_MODE_ON_LIMIT, kit_join(path, kit_scratch(), "mixed"));
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  struct ArrowSchema schema;
  kit_schema_copy(&s.schema, &schema);
  kit_series series = {.schema = &schema, .seed = kit_seed(), .rows_most = 1};
  kit_series_append(&series, s.writer, 0, 30); /* none or one row each */
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, 30, RESPOOL_END);
  CHECK_EQ(kit_stats(s.spool).file_exists, 1);
  kit_spool_close(&s);
  check_whole_file(&series, path, 30);
  schema.release(&schema);
}

/* After the append that crossed, small batches wait for each other, up to a write chunk, and are readable meanwhile. */
static void small_batches_are_gathered(void) {
  enum { COUNT = 2000 };
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ON_LIMIT; mode++) {
    respool_options options = kit_options(0, mode, NULL);
    options.directory = kit_scratch();
    options.write_chunk = 16384;
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    respool_reader *reader = kit_reader(s.spool);
    int64_t writes = 0, stored = 0;
    for (int32_t i = 0; i < COUNT; i++) {
      KIT_APPEND(s.writer, i);
      CHECK_NEXT(reader, i);
      int64_t now = kit_stats(s.spool).batches_stored;
      writes += now > stored;
      stored = now;
    }
    CHECK_LE(COUNT / 2, stored);
    CHECK_LE(writes, 2 + COUNT * charge_of_one() / options.write_chunk);
    respool_reader_close(reader);
    kit_spool_close(&s);
  }
}

static void flush_without_anything_waiting(void) {
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ALL; mode++) {
    char path[KIT_PATH];
    const char *directory = kit_scratch();
    kit_join(path, directory, "flush");
    respool_options options = kit_options(0, mode, mode == RESPOOL_MODE_OVERFLOW ? directory : path);
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    for (int i = 0; i < 3; i++) CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    append_numbers(&s, 0, 3);
    for (int i = 0; i < 3; i++) CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    CHECK_EQ(kit_stats(s.spool).batches_stored, 3);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    check_numbers(s.spool, 3, RESPOOL_END);
    kit_spool_close(&s);
  }
}

static void finish_can_bring_the_file_to_the_medium(void) {
  char path[KIT_PATH];
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "synced"));
  options.sync_on_finish = 1;
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  append_numbers(&s, 0, 3);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  check_numbers(s.spool, 3, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* Spilled only after finish, the file is a whole stream at once, and stays one when there is nothing more to write. */
static void spilled_after_finish(void) {
  char path[KIT_PATH];
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_ON_LIMIT, kit_join(path, kit_scratch(), "late"));
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_most = 5};
  kit_series_append(&series, s.writer, 0, 20);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK(!kit_exists(path));
  for (int i = 0; i < 2; i++) {
    CHECK_OK(respool_spill(s.spool, 0, kit_error()));
    check_whole_file(&series, path, 20);
  }
  kit_series_replay(&series, s.spool, 20, RESPOOL_END);
  kit_spool_close(&s);
}

/* In ON_LIMIT everything goes to the file once anything does, however little was asked for: before finish and after. */
static void a_partial_spill_is_a_whole_one(void) {
  for (int way = 0; way < 4; way++) {
    bool finished = way % 2 == 1;
    char path[KIT_PATH];
    respool_options options =
        kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_ON_LIMIT, kit_join(path, kit_scratch(), "partial"));
    options.write_chunk = 4096;
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 500, .rows_most = 2000};
    kit_series_append(&series, s.writer, 0, 20);
    if (finished) CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    int64_t half = kit_stats(s.spool).bytes_charged / 2;
    if (way < 2)
      CHECK_OK(respool_spill(s.spool, half, kit_error()));
    else
      CHECK_OK(respool_set_memory_limit(s.spool, half, kit_error()));
    CHECK_EQ(kit_stats(s.spool).batches_stored, 20);
    CHECK_EQ(kit_stats(s.spool).batches_resident, 0);
    if (!finished) CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    check_whole_file(&series, path, 20);
    kit_series_replay(&series, s.spool, 20, RESPOOL_END);
    kit_spool_close(&s);
  }
}

static void *spill_all(void *spool) {
  CHECK_OK(respool_spill(spool, 0, kit_error()));
  return NULL;
}

/* Whichever comes first, the file that is there afterwards is a whole stream. */
static void finish_and_spill_at_once(void) {
  int rounds = kit_slow() ? 50 : 500;
  const char *directory = kit_scratch();
  for (int i = 0; i < rounds && kit_failures() == 0; i++) {
    char path[KIT_PATH];
    respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_ON_LIMIT, kit_join(path, directory, "race"));
    options.write_chunk = 4096;
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 1, .rows_most = 800};
    kit_series_append(&series, s.writer, 0, 8);
    pthread_t thread = kit_thread_start(spill_all, s.spool);
    kit_pause(i % 5 * 20);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_thread_join(thread);
    check_whole_file(&series, path, 8);
    kit_series_replay(&series, s.spool, 8, RESPOOL_END);
    kit_spool_close(&s);
    REQUIRE_EQ(unlink(path), 0);
  }
}

/* An anonymous file has nothing to be synced for but itself. */
static void finish_syncs_anonymous_files_too(void) {
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ON_LIMIT; mode++) {
    respool_options options = kit_options(0, mode, NULL);
    options.directory = kit_scratch();
    options.sync_on_finish = 1;
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    append_numbers(&s, 0, 3);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    check_numbers(s.spool, 3, RESPOOL_END);
    kit_spool_close(&s);
  }
}

static const kit_test tests[] = {
    KIT_TEST(default_mode_follows_the_path),
    KIT_TEST(overflow_keeps_the_earliest),
    KIT_TEST(on_limit_stores_everything),
    KIT_TEST(on_limit_writes_what_has_gathered_by_and_by),
    KIT_TEST(on_limit_with_shared_memory),
    KIT_TEST(all_stores_everything_and_keeps_what_fits),
    KIT_TEST(all_below_the_limit_is_read_from_memory),
    KIT_TEST(all_writes_empty_streams_too),
    KIT_TEST(on_limit_writes_empty_batches_in_their_place),
    KIT_TEST(small_batches_are_gathered),
    KIT_TEST(flush_without_anything_waiting),
    KIT_TEST(finish_can_bring_the_file_to_the_medium),
    KIT_TEST(finish_syncs_anonymous_files_too),
    KIT_TEST(spilled_after_finish),
    KIT_TEST(a_partial_spill_is_a_whole_one),
    KIT_TEST(finish_and_spill_at_once),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
