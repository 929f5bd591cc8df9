/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors of reading back: each is the reader's alone, names the batch and may be retried; and what a named file does
 * that somebody else cuts, overwrites or removes while it is read (by reading, not mapping).
 */
#include "batches.h"
#include "fault.h"

#include "check.h"
#include "random.h"
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCHES = 13, CHUNK = 4096 };

static const struct fault read_error = {.targets = FAULT_PREAD, .error = EIO, .pattern = FAULT_FOR_EVER};

static char path[KIT_PATH];

/* A finished spool whose batches are all in the file only. */
static void open_stored(kit_spool *s, int32_t mode, bool named) {
  const char *directory = kit_scratch();
  kit_join(path, directory, "file");
  respool_options options = kit_options(0, mode, named ? path : NULL);
  if (!named) options.directory = directory;
  options.write_chunk = CHUNK;
  options.replay = RESPOOL_REPLAY_READ;
  *s = (kit_spool){0};
  REQUIRE_OK(respool_create(batch_schema(), &options, &s->spool, &s->writer, kit_error()));
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array;
    batch_make(i, &array);
    kit_append(s->writer, &array);
  }
  CHECK_OK(respool_writer_finish(s->writer, kit_error()));
}

static void close_stored(kit_spool *s) {
  respool_writer_close(s->writer);
  respool_release(s->spool);
  CHECK_EQ(batch_live_arrays(), 0);
}

/* Batch `index` comes now. */
static bool check_next(respool_reader *reader, int64_t index) {
  struct ArrowArray array;
  if (!CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) return false;
  bool good = batch_check(index, &array);
  array.release(&array);
  return good;
}

static void check_rest(respool_reader *reader, int64_t from) {
  for (int64_t i = from; i < BATCHES; i++)
    if (!check_next(reader, i)) return;
  CHECK_ANSWER(reader, RESPOOL_END);
  CHECK_ANSWER(reader, RESPOOL_END);
}

static bool names_batch(const respool_error *error, int64_t index) {
  char named[40];
  snprintf(named, sizeof named, "batch %d", (int)index);
  return CHECK_HAS(error->message, named);
}

/* ---- A reader's own error -------------------------------------------------------------------------- */

/*
 * A stored batch fails to be read, again and again; another reader gets it meanwhile; then this one does, and those
 * that it has read with it.
 */
static void an_error_is_the_readers_own(void) {
  for (int32_t mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ALL; mode++) {
    kit_spool s;
    open_stored(&s, mode, mode == RESPOOL_MODE_ALL);
    respool_reader *troubled = kit_reader(s.spool), *other = kit_reader(s.spool);
    int64_t failures = 0;
    for (int64_t i = 0; i < BATCHES && kit_failures() == 0; i++) {
      struct ArrowArray array;
      fault_scenario("an error of one reader");
      fault_arm(&read_error, 1);
      respool_status status = respool_reader_next(troubled, &array, 0, kit_error());
      if (status == RESPOOL_OK) { /* without rows there is nothing to read */
        batch_check(i, &array);
        array.release(&array);
      } else {
        failures++;
        CHECK_EQ(status, RESPOOL_IO);
        CHECK_EQ(kit_last_error()->os_error, EIO);
        names_batch(kit_last_error(), i);
        CHECK_ANSWER(troubled, RESPOOL_IO);
        CHECK_EQ(respool_reader_position(troubled), i);
      }
      fault_disarm();
      check_next(other, i);
      if (status != RESPOOL_OK) check_next(troubled, i);
      CHECK_EQ(kit_stats(s.spool).state, RESPOOL_FINISHED);
    }
    CHECK_LE(1, failures);
    CHECK_ANSWER(troubled, RESPOOL_END);
    CHECK_ANSWER(other, RESPOOL_END);
    respool_reader_close(troubled);
    respool_reader_close(other);
    close_stored(&s);
  }
}

/* The same at each batch, of which none is so small that it is read with others. */
static void an_error_at_every_batch(void) {
  const char *directory = kit_scratch();
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  options.replay = RESPOOL_REPLAY_READ;
  kit_spool s;
  kit_spool_open(&s, "{number:int64}", &options);
  kit_series series = {.schema = &s.schema, .rows_least = 3000, .rows_most = 4000};
  kit_series_append(&series, s.writer, 0, BATCHES);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array;
    fault_scenario("batches read one by one");
    fault_arm(&read_error, 1);
    CHECK_ANSWER(reader, RESPOOL_IO);
    names_batch(kit_last_error(), i);
    CHECK_EQ(respool_reader_position(reader), i);
    fault_disarm();
    if (!CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) break;
    kit_series_check(&series, i, &array);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* A file that could not be read is left to no other spool, though the next attempt succeeded. */
static void no_file_for_the_pool(void) {
  respool_pool *pool = NULL;
  REQUIRE_OK(respool_pool_create(NULL, &pool, kit_error()));
  static const struct fault once = {.targets = FAULT_PREAD, .error = EIO, .pattern = FAULT_ONCE};
  enum { NEVER, ALWAYS, ONCE };
  for (int failing = NEVER; failing <= ONCE; failing++) {
    respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
    options.replay = RESPOOL_REPLAY_READ;
    options.pool = pool;
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    KIT_APPEND(s.writer, 1, 2);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    respool_reader *reader = kit_reader(s.spool);
    fault_scenario("a file of a pool");
    fault_arm(failing == ONCE ? &once : &read_error, 1);
    if (failing == ALWAYS) CHECK_ANSWER(reader, RESPOOL_IO);
    if (failing != ONCE) fault_disarm();
    CHECK_NEXT(reader, 1, 2); /* once: read alone, when it could not be read with what follows */
    fault_disarm();
    respool_reader_close(reader);
    kit_spool_close(&s);
    respool_pool_stats stats = {.struct_size = sizeof stats};
    CHECK_OK(respool_pool_get_stats(pool, &stats, kit_error()));
    CHECK_EQ(stats.files, failing == NEVER);
    CHECK_OK(respool_pool_trim(pool, 0, kit_error()));
  }
  respool_pool_release(pool);
}

/* As an ArrowArrayStream: the system's code, a text that names the batch, and the same batch at the next call. */
static void an_error_of_an_exported_stream(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  open_stored(&s, RESPOOL_MODE_OVERFLOW, false);
  REQUIRE_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  struct ArrowArray array = {0};
  fault_scenario("an exported stream");
  fault_arm(&read_error, 1);
  CHECK_EQ(stream.get_next(&stream, &array), EIO);
  CHECK_HAS(stream.get_last_error(&stream), "batch 0");
  CHECK_EQ(stream.get_next(&stream, &array), EIO);
  fault_disarm();
  CHECK_EQ(batch_count_stream(&stream), BATCHES);
  close_stored(&s);
}

/* ---- Many readers with errors ---------------------------------------------------------------------- */

static void *read_with_retries(void *argument) {
  respool *spool = argument;
  respool_reader *reader = NULL;
  CHECK_OK(respool_reader_open(spool, NULL, &reader, NULL));
  int64_t errors = 0, i = 0;
  for (;;) {
    struct ArrowArray array;
    respool_error error = {0};
    respool_status status = respool_reader_next(reader, &array, RESPOOL_WAIT_FOREVER, &error);
    if (status == RESPOOL_END) break;
    if (status == RESPOOL_OK) {
      batch_check(i++, &array);
      array.release(&array);
    } else if (!CHECK_EQ(status, RESPOOL_IO) || !names_batch(&error, i) || !CHECK(++errors < 100000)) {
      break;
    }
  }
  CHECK_EQ(i, BATCHES);
  respool_reader_close(reader);
  return NULL;
}

static void many_readers_with_errors(void) {
  enum { READERS = 6 };
  static const struct fault faults[] = {
      {.targets = FAULT_PREAD, .error = EIO, .pattern = FAULT_EVERY_SECOND},
      {.targets = FAULT_PREAD, .pattern = FAULT_FOR_EVER},
  };
  batch_prepare(BATCHES);
  for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
    kit_spool s;
    pthread_t threads[READERS];
    open_stored(&s, RESPOOL_MODE_ON_LIMIT, false);
    fault_scenario("several readers");
    fault_arm(&faults[f], 1);
    for (int i = 0; i < READERS; i++) threads[i] = kit_thread_start(read_with_retries, s.spool);
    for (int i = 0; i < READERS; i++) kit_thread_join(threads[i]);
    fault_disarm();
    CHECK_LE(READERS, fault_hits());
    close_stored(&s);
  }
}

/* ---- A file that others change --------------------------------------------------------------------- */

/* Reads on from `*read` until something is wrong, and answers with what. */
static respool_status read_until_wrong(respool_reader *reader, int64_t *read) {
  for (;;) {
    struct ArrowArray array;
    respool_status status = respool_reader_next(reader, &array, 0, kit_error());
    if (status != RESPOOL_OK) return status;
    bool good = batch_check((*read)++, &array);
    array.release(&array);
    if (!good) return RESPOOL_OK;
  }
}

/* Cut at any length: whole batches before it, then an error that names the next; and all of it once it is mended. */
static void a_file_that_is_cut(void) {
  kit_spool s;
  size_t size;
  open_stored(&s, RESPOOL_MODE_ALL, true);
  unsigned char *bytes = kit_file_read(path, &size);
  int64_t step = kit_slow() ? 307 : 31, points = 0;
  for (int64_t cut = (int64_t)size - 9; cut >= 0 && kit_failures() == 0; cut -= step, points++) {
    respool_reader *reader = kit_reader(s.spool);
    int64_t read = 0;
    REQUIRE_EQ(truncate(path, cut), 0);
    respool_status status = read_until_wrong(reader, &read);
    CHECK_EQ(status, RESPOOL_TRUNCATED);
    names_batch(kit_last_error(), read);
    CHECK_EQ(respool_reader_position(reader), read);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK_EQ(pwrite(fd, bytes, size, 0), (ssize_t)size);
    close(fd);
    check_rest(reader, read);
    respool_reader_close(reader);
  }
  kit_note("%d places where the file was cut", (int)points);
  free(bytes);
  close_stored(&s);
}

/* Overwritten as a whole by something else: every stored batch is an error, none comes out wrong. */
static void a_file_that_is_overwritten(void) {
  enum { FILLS = 4 };
  for (int fill = 0; fill < FILLS; fill++) {
    kit_spool s;
    size_t size;
    open_stored(&s, RESPOOL_MODE_ON_LIMIT, true);
    unsigned char *bytes = kit_file_read(path, &size), *others = malloc(size);
    kit_random random;
    kit_random_init(&random, kit_seed());
    kit_random_fill(&random, others, size);
    if (fill < 2) memset(others, fill == 0 ? 0 : 0xff, size);
    if (fill == 3) memcpy(others, bytes + 64, size - 64); /* all of it, moved */
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK_EQ(pwrite(fd, others, size, 0), (ssize_t)size);
    respool_reader *reader = kit_reader(s.spool);
    int64_t read = 0;
    respool_status status = read_until_wrong(reader, &read);
    CHECK_EQ(status, RESPOOL_CORRUPT);
    CHECK_EQ(read, 0);
    names_batch(kit_last_error(), 0);
    CHECK_EQ(pwrite(fd, bytes, size, 0), (ssize_t)size);
    close(fd);
    check_rest(reader, 0);
    respool_reader_close(reader);
    free(bytes);
    free(others);
    close_stored(&s);
  }
}

/* A named spool in mode all with one batch of int32. */
static void open_numbers(kit_spool *s, const char *file, const int32_t *values, int64_t count) {
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, file);
  options.replay = RESPOOL_REPLAY_READ;
  kit_spool_open(s, "{a:int32}", &options);
  kit_append_int32(s->writer, values, count);
  CHECK_OK(respool_writer_finish(s->writer, kit_error()));
}

/*
 * By a whole stream of the same schema and size with another batch: a good message, but not the one that was written.
 */
static void a_file_of_another_stream(void) {
  char ours[KIT_PATH], theirs[KIT_PATH];
  const char *directory = kit_scratch();
  kit_spool s, other;
  size_t size, other_size;
  open_numbers(&s, kit_join(ours, directory, "ours"), (const int32_t[]){1, 2, 3}, 3);
  open_numbers(&other, kit_join(theirs, directory, "theirs"), (const int32_t[]){1, 2, 3, 4, 5}, 5);
  unsigned char *bytes = kit_file_read(ours, &size), *others = kit_file_read(theirs, &other_size);
  REQUIRE_EQ(size, other_size);
  respool_reader *reader = kit_reader(s.spool);
  kit_file_write(ours, others, size);
  CHECK_ANSWER(reader, RESPOOL_CORRUPT);
  kit_file_write(ours, bytes, size);
  CHECK_NEXT(reader, 1, 2, 3);
  respool_reader_close(reader);
  free(bytes);
  free(others);
  kit_spool_close(&s);
  kit_spool_close(&other);
}

/* Damage in single bytes may go unnoticed where it only changes a value; what comes out is always well built. */
static void damaged_bytes(void) {
  kit_spool s;
  size_t size;
  open_stored(&s, RESPOOL_MODE_ALL, true);
  unsigned char *bytes = kit_file_read(path, &size);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  int64_t step = kit_slow() ? 61 : 7, refused = 0, points = 0;
  for (size_t at = 0; at < size && kit_failures() == 0; at += (size_t)step, points++) {
    unsigned char damaged = (unsigned char)(bytes[at] ^ (at % 3 == 0 ? 0xff : at % 3 == 1 ? 0x01 : 0x80));
    CHECK_EQ(pwrite(fd, &damaged, 1, (off_t)at), 1);
    respool_reader *reader = kit_reader(s.spool);
    respool_status status;
    struct ArrowArray array;
    while ((status = respool_reader_next(reader, &array, 0, kit_error())) == RESPOOL_OK) {
      CHECK_WELL_FORMED(batch_schema(), &array, KIT_TOP | KIT_EXACT, 8);
      array.release(&array);
    }
    refused += status != RESPOOL_END;
    CHECK(status == RESPOOL_END || status == RESPOOL_CORRUPT);
    respool_reader_close(reader);
    CHECK_EQ(pwrite(fd, &bytes[at], 1, (off_t)at), 1);
  }
  kit_note("%d of %d damaged bytes were noticed", (int)refused, (int)points);
  CHECK_LE(points / 20, refused);
  close(fd);
  free(bytes);
  close_stored(&s);
}

/* The name is not what is read: removed, or given to another file, while the spool goes on. */
static void a_file_that_loses_its_name(void) {
  kit_spool s;
  open_stored(&s, RESPOOL_MODE_ALL, true);
  respool_reader *reader = kit_reader(s.spool);
  for (int64_t i = 0; i < 5; i++) check_next(reader, i);
  REQUIRE_EQ(unlink(path), 0);
  check_next(reader, 5);
  kit_file_write(path, "another file", 12);
  check_rest(reader, 6);
  respool_reader_close(reader);
  close_stored(&s);
  CHECK_EQ(kit_file_size(path), 12);
}

static const kit_test tests[] = {
    KIT_TEST(an_error_is_the_readers_own),    KIT_TEST(an_error_at_every_batch),  KIT_TEST(no_file_for_the_pool),
    KIT_TEST(an_error_of_an_exported_stream), KIT_TEST(many_readers_with_errors), KIT_TEST(a_file_that_is_cut),
    KIT_TEST(a_file_that_is_overwritten),     KIT_TEST(a_file_of_another_stream), KIT_TEST(damaged_bytes),
    KIT_TEST(a_file_that_loses_its_name),
};

int main(int argc, char **argv) {
  fault_install();
  return KIT_MAIN(argc, argv, tests);
}
