/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that stops taking bytes at any point, made with a limit on the size of files: nothing accepted is lost,
 * nothing is read twice or wrong, and when the disk takes bytes again the spool goes on.
 */
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char fields[] = "{id:int64!,text:utf8,items:list<item:int16>}";

enum { CHUNK = 4096, BATCHES = 24 };

static kit_series open_series(kit_spool *s, int64_t limit, int32_t mode, const char *path, const char *directory) {
  respool_options options = kit_options(limit, mode, path);
  options.directory = directory;
  options.write_chunk = CHUNK;
  kit_spool_open(s, fields, &options);
  return (kit_series){.schema = &s->schema, .seed = kit_seed(), .rows_least = 5, .rows_most = 60, .null_rate = 0.2};
}

/* Appends until `count` are accepted or one is refused. */
static int64_t append_while_possible(const kit_series *series, respool_writer *writer, int64_t from, int64_t to) {
  int64_t i = from;
  for (respool_status status = RESPOOL_OK; i < to && status == RESPOOL_OK; i += status == RESPOOL_OK) {
    struct ArrowArray array;
    kit_series_batch(series, i, &array);
    status = respool_writer_append(writer, &array, kit_error());
    if (status != RESPOOL_OK) {
      CHECK_EQ(status, RESPOOL_IO);
      CHECK_EQ(kit_last_error()->os_error, EFBIG);
      if (CHECK(array.release != NULL)) array.release(&array);
    }
  }
  return i;
}

static void check_file(const kit_series *series, const char *path) {
  struct ArrowArrayStream stream;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (CHECK_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error()))) kit_series_check_stream(series, &stream, BATCHES);
  close(fd);
}

/* The disk takes `room` bytes, then none, then all. */
static void full_and_free_again(int32_t mode, int64_t limit, int64_t room) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_join(path, directory, "file");
  bool named = mode != RESPOOL_MODE_OVERFLOW;
  kit_spool s;
  kit_limit_file_size(room);
  kit_series series = open_series(&s, limit, mode, named ? path : NULL, named ? NULL : directory);
  int64_t accepted = append_while_possible(&series, s.writer, 0, BATCHES);
  kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT);
  respool_status finished = respool_writer_finish(s.writer, kit_error());
  if (accepted == BATCHES && finished == RESPOOL_OK) CHECK_EQ(kit_stats(s.spool).state, RESPOOL_FINISHED);
  kit_series_replay(&series, s.spool, accepted, finished == RESPOOL_OK ? RESPOOL_END : RESPOOL_TIMED_OUT);
  kit_limit_file_size(-1);
  if (finished != RESPOOL_OK) {
    kit_series_append(&series, s.writer, accepted, BATCHES);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_series_replay(&series, s.spool, BATCHES, RESPOOL_END);
    if (named && kit_exists(path)) check_file(&series, path);
  }
  kit_spool_close(&s);
  kit_scratch_remove(directory);
}

static void full_at_any_byte(void) {
  int64_t step = kit_environment("RESPOOL_TEST_STEP", kit_slow() ? 1777 : 211);
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ON_LIMIT; mode++)
    for (int64_t limit = 0; limit <= 6000; limit += 6000)
      for (int64_t room = 0; room < 30000 && kit_failures() == 0; room += step) {
        full_and_free_again(mode, limit, room);
        if (kit_failures() > 0) kit_note("mode %d, limit %" PRId64 ", room for %" PRId64 " bytes", mode, limit, room);
      }
  CHECK_NOTHING_LEFT();
}

/* Mode ALL makes its file, and may write its schema, at once: it needs room for that. */
static void full_at_any_byte_in_mode_all(void) {
  int64_t step = kit_environment("RESPOOL_TEST_STEP", kit_slow() ? 1777 : 211);
  for (int64_t room = 2048; room < 30000 && kit_failures() == 0; room += step) {
    full_and_free_again(RESPOOL_MODE_ALL, room % 2 * 5000, room);
    if (kit_failures() > 0) kit_note("room for %" PRId64 " bytes", room);
  }
  CHECK_NOTHING_LEFT();
}

/* Refused only where a write chunk would wait beside what the limit keeps; what waits stays in memory. */
static void refused_late(void) {
  enum { LIMIT = 10000, BATCH = 3000 }; /* no batch weighs more */
  kit_spool s;
  kit_series series = open_series(&s, LIMIT, RESPOOL_MODE_OVERFLOW, NULL, kit_scratch());
  kit_limit_file_size(0);
  int64_t accepted = append_while_possible(&series, s.writer, 0, 1000);
  CHECK_LE(accepted, 999);
  respool_stats stats = kit_stats(s.spool);
  CHECK_EQ(stats.batches_resident, accepted);
  CHECK_LE(LIMIT + CHUNK - 2 * BATCH, stats.bytes_charged);
  CHECK_LE(stats.bytes_charged_peak, LIMIT + CHUNK + BATCH);
  CHECK_LE(1, stats.write_failures);
  CHECK_EQ(append_while_possible(&series, s.writer, accepted, 1000), accepted); /* refused again */
  kit_limit_file_size(-1);
  kit_series_append(&series, s.writer, accepted, accepted + 5);
  CHECK_LE(kit_stats(s.spool).bytes_charged, LIMIT + CHUNK + BATCH);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, accepted + 5, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* What was written before a failure and is written once more is counted as written twice. */
static void repeated_writes_are_counted(void) {
  kit_spool s;
  kit_series series = open_series(&s, 0, RESPOOL_MODE_OVERFLOW, NULL, kit_scratch());
  kit_limit_file_size(3000);
  int64_t accepted = append_while_possible(&series, s.writer, 0, BATCHES);
  kit_limit_file_size(-1);
  kit_series_append(&series, s.writer, accepted, BATCHES);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_stats stats = kit_stats(s.spool);
  CHECK_LE(stats.bytes_stored, stats.bytes_written);
  CHECK_EQ(stats.batches_stored, BATCHES);
  kit_series_replay(&series, s.spool, BATCHES, RESPOOL_END);
  kit_spool_close(&s);
}

/* A reader that follows while writes fail and succeed by turns gets each batch once, in order. */
static void a_reader_follows_through_it(void) {
  kit_spool s;
  kit_series series = open_series(&s, 5000, RESPOOL_MODE_OVERFLOW, NULL, kit_scratch());
  respool_reader *reader = kit_reader(s.spool);
  int64_t next = 0, read = 0;
  for (int round = 0; round < 40 && kit_failures() == 0; round++) {
    kit_limit_file_size(round % 2 == 0 ? 1000 * round : -1);
    next = append_while_possible(&series, s.writer, next, next + 5);
    for (; read < next; read++) {
      struct ArrowArray array;
      REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
      kit_series_check(&series, read, &array);
    }
    CHECK_PENDING(reader);
  }
  kit_limit_file_size(-1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  kit_series_replay(&series, s.spool, next, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* The named file stays a readable prefix whatever a failed write has left behind its end. */
static void the_prefix_survives_a_failure(void) {
  int64_t step = kit_slow() ? 997 : 131;
  for (int64_t room = 2048; room < 12000 && kit_failures() == 0; room += step) {
    char path[KIT_PATH];
    const char *directory = kit_scratch();
    kit_spool s;
    respool_ipc_summary summary = {.struct_size = sizeof summary};
    kit_series series = open_series(&s, 0, RESPOOL_MODE_ALL, kit_join(path, directory, "file"), NULL);
    kit_limit_file_size(room);
    append_while_possible(&series, s.writer, 0, BATCHES);
    CHECK_STATUS(respool_writer_flush(s.writer, kit_error()), RESPOOL_IO);
    kit_limit_file_size(-1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_OK(respool_ipc_inspect_fd(fd, NULL, NULL, NULL, NULL, &summary, kit_error()));
    CHECK_EQ(summary.batches, kit_stats(s.spool).batches_stored);
    CHECK_EQ(summary.total_bytes, kit_file_size(path));
    CHECK_EQ(summary.has_end, 0);
    close(fd);
    kit_spool_close(&s);
    kit_scratch_remove(directory);
  }
  CHECK_NOTHING_LEFT();
}

/* A failed spill leaves the batches as they were: those that fit the limit need not be written later. */
static void a_failed_spill_changes_nothing(void) {
  kit_spool s;
  kit_series series = open_series(&s, RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL, kit_scratch());
  kit_series_append(&series, s.writer, 0, BATCHES);
  int64_t charged = kit_stats(s.spool).bytes_charged;
  kit_limit_file_size(100);
  CHECK_STATUS(respool_spill(s.spool, charged / 2, kit_error()), RESPOOL_IO);
  kit_limit_file_size(-1);
  CHECK_EQ(kit_stats(s.spool).bytes_charged, charged);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_stored, 0);
  CHECK_OK(respool_spill(s.spool, charged / 2, kit_error()));
  CHECK_LE(kit_stats(s.spool).bytes_charged, charged / 2);
  CHECK_LE(1, kit_stats(s.spool).batches_resident);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, BATCHES, RESPOOL_END);
  kit_spool_close(&s);
}

/* fail() needs no disk. */
static void failing_on_a_full_disk(void) {
  kit_spool s;
  kit_series series = open_series(&s, 0, RESPOOL_MODE_OVERFLOW, NULL, kit_scratch());
  kit_limit_file_size(0);
  int64_t accepted = append_while_possible(&series, s.writer, 0, BATCHES);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_NO_SPACE, ENOSPC, "gave up", kit_error()));
  kit_limit_file_size(-1);
  respool_reader *reader = kit_reader_in_order(s.spool);
  for (int64_t i = 0; i < accepted; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    kit_series_check(&series, i, &array);
  }
  CHECK_ANSWER(reader, RESPOOL_NO_SPACE);
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* A file that no longer holds a batch: the error is that reader's, names the batch, and can be repeated. */
static void a_reader_error_is_its_own(void) {
  char path[KIT_PATH];
  kit_spool s;
  kit_series series = open_series(&s, 0, RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "file"), NULL);
  kit_series_append(&series, s.writer, 0, BATCHES);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  size_t size;
  unsigned char *bytes = kit_file_read(path, &size);
  respool_reader *reader = kit_reader(s.spool);
  REQUIRE_EQ(truncate(path, 700), 0);
  struct ArrowArray array;
  respool_status status = RESPOOL_OK;
  int64_t read = 0;
  while ((status = respool_reader_next(reader, &array, 0, kit_error())) == RESPOOL_OK)
    if (!kit_series_check(&series, read++, &array)) break;
  CHECK(status == RESPOOL_TRUNCATED || status == RESPOOL_CORRUPT || status == RESPOOL_IO);
  CHECK_LE(read, BATCHES - 1);
  char named[32];
  snprintf(named, sizeof named, "%" PRId64, read);
  CHECK_HAS(kit_last_error()->message, named);
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_FINISHED);
  int fd = open(path, O_WRONLY | O_CLOEXEC); /* the file is made whole again */
  CHECK_EQ(write(fd, bytes, size), (ssize_t)size);
  close(fd);
  for (; read < BATCHES; read++) {
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    kit_series_check(&series, read, &array);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  free(bytes);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(full_at_any_byte),
    KIT_TEST(full_at_any_byte_in_mode_all),
    KIT_TEST(refused_late),
    KIT_TEST(repeated_writes_are_counted),
    KIT_TEST(a_reader_follows_through_it),
    KIT_TEST(the_prefix_survives_a_failure),
    KIT_TEST(a_failed_spill_changes_nothing),
    KIT_TEST(failing_on_a_full_disk),
    KIT_TEST(a_reader_error_is_its_own),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
