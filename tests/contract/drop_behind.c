/* SPDX-License-Identifier: Apache-2.0 */
/* respool_drop_behind(): what every reader has had goes, from memory and from disk; what somebody needs stays. */
#include "spool.h"
#include "system.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char fields[] = "{id:int64!,text:utf8}";
static const char with_dictionary[] = "{id:int64!,word:dictionary(i)<w:utf8>}";

static kit_series open_series(kit_spool *s, const char *schema, const respool_options *options) {
  kit_spool_open(s, schema, options);
  return (kit_series){.schema = &s->schema, .seed = kit_seed(), .rows_least = 5, .rows_most = 60, .null_rate = 0.2};
}

static bool take(const kit_series *series, respool_reader *reader, int64_t index) {
  struct ArrowArray array;
  return CHECK_OK(respool_reader_next(reader, &array, RESPOOL_WAIT_FOREVER, kit_error())) &&
         kit_series_check(series, index, &array);
}

static bool take_up_to(const kit_series *series, respool_reader *reader, int64_t count) {
  bool good = true;
  for (int64_t i = respool_reader_position(reader); i < count && good; i++) good = take(series, reader, i);
  return good;
}

/* ---- In memory ------------------------------------------------------------------------------------- */

static void the_slowest_reader_decides(void) {
  kit_spool s;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  kit_series series = open_series(&s, fields, &options);
  respool_reader *slow = kit_reader(s.spool);
  respool_reader *fast = kit_reader(s.spool);
  kit_series_append(&series, s.writer, 0, 20);
  take_up_to(&series, fast, 20);
  take_up_to(&series, slow, 3);
  CHECK_EQ(kit_stats(s.spool).batches_dropped, 0);
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_dropped, 3);
  CHECK_EQ(kit_stats(s.spool).batches_resident, 17);
  int64_t charged = kit_stats(s.spool).bytes_charged;
  take_up_to(&series, slow, 12);
  CHECK_EQ(kit_stats(s.spool).batches_resident, 8);
  CHECK_LE(kit_stats(s.spool).bytes_charged, charged - 1);
  CHECK_EQ(kit_stats(s.spool).batches, 20);
  kit_series_append(&series, s.writer, 20, 25);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  take_up_to(&series, fast, 25);
  take_up_to(&series, slow, 25);
  CHECK_ANSWER(slow, RESPOOL_END);
  CHECK_ANSWER(fast, RESPOOL_END);
  CHECK_EQ(kit_stats(s.spool).batches_dropped, 25);
  CHECK_EQ(kit_stats(s.spool).bytes_charged, 0);
  respool_reader_close(slow);
  respool_reader_close(fast);
  kit_spool_close(&s);
}

static void one_that_leaves_needs_nothing(void) {
  kit_spool s;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  kit_series series = open_series(&s, fields, &options);
  respool_reader *closed = kit_reader(s.spool);
  respool_reader *cancelled = kit_reader(s.spool);
  respool_reader *stays = kit_reader(s.spool);
  kit_series_append(&series, s.writer, 0, 10);
  take_up_to(&series, stays, 7);
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  CHECK_OK(respool_drop_behind(s.spool, kit_error())); /* once more does nothing */
  respool_reader_close(closed);
  CHECK_EQ(kit_stats(s.spool).batches_dropped, 0);
  respool_reader_cancel(cancelled);
  CHECK_EQ(kit_stats(s.spool).batches_dropped, 7);
  CHECK_ANSWER(cancelled, RESPOOL_CANCELLED);
  respool_reader_close(cancelled);
  respool_reader_close(stays); /* with nobody left, nothing is kept, nor what comes */
  CHECK_EQ(kit_stats(s.spool).batches_dropped, 10);
  kit_series_append(&series, s.writer, 10, 15);
  CHECK_EQ(kit_stats(s.spool).batches_dropped, 15);
  CHECK_EQ(kit_stats(s.spool).batches_resident, 0);
  kit_spool_close(&s);
}

static void no_reader_comes_later(void) {
  kit_spool s;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  open_series(&s, fields, &options);
  respool_reader *reader = NULL;
  struct ArrowArrayStream stream;
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  CHECK_ERROR(respool_reader_open(s.spool, NULL, &reader, kit_error()), RESPOOL_MISUSE, "respool_drop_behind");
  CHECK_ERROR(respool_export(s.spool, NULL, &stream, kit_error()), RESPOOL_MISUSE, "respool_drop_behind");
  CHECK_EQ(kit_stats(s.spool).readers, 0);
  CHECK_STATUS(respool_drop_behind(NULL, kit_error()), RESPOOL_INVALID);
  kit_spool_close(&s);
}

/* A stream without end takes no more room in the index than what is on its way. */
static void the_index_does_not_grow(void) {
  kit_spool s;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  open_series(&s, "{v:int32!}", &options);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  int64_t early = 0;
  for (int32_t i = 0; i < (kit_slow() ? 3000 : 30000); i++) {
    KIT_APPEND(s.writer, i);
    CHECK_NEXT(reader, i);
    if (i == 1000) early = kit_stats(s.spool).bytes_catalog;
  }
  CHECK_LE(kit_stats(s.spool).bytes_catalog, early + 16 * 1024); /* a pointer for each page of it */
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* ---- On disk --------------------------------------------------------------------------------------- */

/* Blocks of the files without a name that this process has open under `directory`. */
static int64_t blocks_under(const char *directory) {
  int64_t blocks = 0;
  DIR *list = opendir("/proc/self/fd");
  struct dirent *entry;
  while (list != NULL && (entry = readdir(list)) != NULL) {
    char link[KIT_PATH], target[KIT_PATH];
    struct stat status;
    snprintf(link, sizeof link, "/proc/self/fd/%s", entry->d_name);
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0 || strncmp(target, directory, strlen(directory)) != 0) continue;
    if (stat(link, &status) == 0) blocks += status.st_blocks;
  }
  if (list != NULL) closedir(list);
  return blocks * 512;
}

enum { BUDGET = 2 << 20, CHUNK = 64 << 10 };

/* Many times the budget goes through, a little at a time. */
static void stream_through(const char *schema, int32_t replay, int32_t mode, int32_t compression) {
  const char *directory = kit_scratch();
  kit_spool s;
  respool_options options = kit_options(0, mode, mode == RESPOOL_MODE_OVERFLOW ? directory : NULL);
  options.directory = directory;
  options.write_chunk = CHUNK;
  options.replay = replay;
  options.disk_budget = BUDGET;
  options.compression = compression;
  kit_series series = open_series(&s, schema, &options);
  series.rows_least = 500;
  series.rows_most = 4000;
  respool_reader *readers[2] = {kit_reader(s.spool), kit_reader(s.spool)};
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  int64_t batches = kit_slow() ? 40 : 200;
  for (int64_t i = 0; i < batches; i++) {
    if (!kit_series_append(&series, s.writer, i, i + 1)) break;
    take_up_to(&series, readers[0], i + 1);
    if (i % 5 == 4) take_up_to(&series, readers[1], i - 2);
    CHECK_LE(kit_stats(s.spool).bytes_on_disk, BUDGET);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_LE(blocks_under(directory), BUDGET + (1 << 20));
  respool_stats stats = kit_stats(s.spool);
  CHECK(kit_slow() || stats.bytes_written > 2 * (int64_t)BUDGET);
  for (int i = 0; i < 2; i++) {
    take_up_to(&series, readers[i], batches);
    CHECK_ANSWER(readers[i], RESPOOL_END);
    respool_reader_close(readers[i]);
  }
  stats = kit_stats(s.spool);
  CHECK_EQ(stats.batches_dropped, batches);
  CHECK_LE(batches / 2, stats.batches_stored); /* so many were; some went from memory before */
  CHECK_LE(stats.bytes_on_disk, BUDGET / 2);   /* what a slot that is not full yet has */
  kit_spool_close(&s);
}

static void the_disk_is_given_back_where_it_is_read(void) {
  stream_through(fields, RESPOOL_REPLAY_READ, RESPOOL_MODE_OVERFLOW, RESPOOL_COMPRESSION_NONE);
}

static void the_disk_is_given_back_where_it_is_mapped(void) {
  stream_through(fields, RESPOOL_REPLAY_MAP, RESPOOL_MODE_OVERFLOW, RESPOOL_COMPRESSION_NONE);
  stream_through(fields, RESPOOL_REPLAY_MAP, RESPOOL_MODE_ON_LIMIT, RESPOOL_COMPRESSION_NONE);
}

static void dictionaries_go_with_their_batches(void) {
  stream_through(with_dictionary, RESPOOL_REPLAY_MAP, RESPOOL_MODE_OVERFLOW, RESPOOL_COMPRESSION_NONE);
  stream_through(with_dictionary, RESPOOL_REPLAY_READ, RESPOOL_MODE_ON_LIMIT, RESPOOL_COMPRESSION_NONE);
}

/* What a reader was handed keeps its bytes, whatever is given back around it. */
static void arrays_outlive_what_is_given_back(void) {
  enum { KEPT = 40 };
  const char *directory = kit_scratch();
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  options.write_chunk = 4096;
  options.replay = RESPOOL_REPLAY_MAP;
  options.disk_budget = 16 << 20; /* slots of 1 MiB */
  kit_series series = open_series(&s, fields, &options);
  series.rows_least = 500;
  series.rows_most = 4000;
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  struct ArrowArray kept[KEPT] = {0};
  for (int64_t i = 0; i < 4 * KEPT; i++) {
    kit_series_append(&series, s.writer, i, i + 1);
    if (i % 4 == 0)
      CHECK_OK(respool_reader_next(reader, &kept[i / 4], 0, kit_error()));
    else
      take(&series, reader, i);
  }
  respool_reader_close(reader);
  for (int64_t i = 0; i < KEPT; i++) {
    if (kept[i].release != NULL) kit_series_check(&series, 4 * i, &kept[i]);
  }
  kit_spool_close(&s);
}

static void a_named_file_keeps_everything(void) {
  char path[KIT_PATH];
  kit_join(path, kit_scratch(), "file");
  kit_spool s;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_ALL, path);
  kit_series series = open_series(&s, fields, &options);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  kit_series_append(&series, s.writer, 0, 30);
  take_up_to(&series, reader, 30);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_resident, 0); /* in memory nobody needs them */
  CHECK_EQ(kit_stats(s.spool).batches_stored, 30);
  kit_series_append(&series, s.writer, 30, 40);
  take_up_to(&series, reader, 40);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader_close(reader);
  FILE *file = fopen(path, "rb");
  struct ArrowArrayStream stream;
  if (CHECK(file != NULL) && CHECK_OK(respool_ipc_read_fd(fileno(file), NULL, &stream, kit_error())))
    kit_series_check_stream(&series, &stream, 40);
  if (file != NULL) fclose(file);
  kit_spool_close(&s);
}

/* ---- Threads --------------------------------------------------------------------------------------- */

typedef struct consumer {
  const kit_series *series;
  respool_reader *reader;
  int64_t count;
  int64_t quits; /* at this batch */
} consumer;

/* Reads at a pace of its own, and holds on to some of what it gets. */
static void *consume(void *argument) {
  consumer *c = argument;
  struct ArrowArray held = {0};
  int64_t held_index = 0;
  respool_status status = RESPOOL_OK;
  while (status == RESPOOL_OK && c->count < c->quits) {
    struct ArrowArray array;
    status = respool_reader_next(c->reader, &array, RESPOOL_WAIT_FOREVER, NULL);
    if (status != RESPOOL_OK) break;
    if (c->count % 37 == 0) kit_pause(100);
    if (c->count % 11 == 3 && held.release == NULL) {
      held = array;
      held_index = c->count;
    } else {
      kit_series_check(c->series, c->count, &array);
    }
    if (c->count % 23 == 0 && held.release != NULL) kit_series_check(c->series, held_index, &held);
    c->count++;
  }
  if (held.release != NULL) kit_series_check(c->series, held_index, &held);
  if (c->quits == INT64_MAX) CHECK_EQ(status, RESPOOL_END);
  respool_reader_close(c->reader);
  return NULL;
}

static void *cancel_soon(void *reader) {
  kit_pause(200);
  respool_reader_cancel(reader);
  return NULL;
}

/* Whatever the reader is just at when it is cancelled stays until it is done with that. */
static void cancelled_while_it_reads(int64_t limit, int32_t replay, bool checksums) {
  const char *directory = kit_scratch();
  kit_spool s;
  respool_options options = kit_options(limit, RESPOOL_MODE_OVERFLOW, directory);
  options.write_chunk = 4096;
  options.replay = replay;
  options.checksums = checksums;
  kit_series series = open_series(&s, fields, &options);
  kit_series_append(&series, s.writer, 0, 200);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  pthread_t thread;
  pthread_create(&thread, NULL, cancel_soon, reader);
  respool_status status = RESPOOL_OK;
  for (int64_t i = 0; i < 200 && status == RESPOOL_OK; i++) {
    struct ArrowArray array;
    status = respool_reader_next(reader, &array, 0, kit_error());
    if (status == RESPOOL_OK) kit_series_check(&series, i, &array);
  }
  pthread_join(thread, NULL);
  CHECK(status == RESPOOL_OK || status == RESPOOL_CANCELLED);
  CHECK_ANSWER(reader, RESPOOL_CANCELLED);
  CHECK_EQ(kit_stats(s.spool).batches_dropped, 200);
  respool_reader_close(reader);
  kit_spool_close(&s);
  kit_scratch_remove(directory);
}

static void cancelled_at_any_moment(void) {
  for (int i = 0; i < (kit_slow() ? 3 : 40); i++) {
    cancelled_while_it_reads(RESPOOL_NO_LIMIT, RESPOOL_REPLAY_AUTO, false);
    cancelled_while_it_reads(0, RESPOOL_REPLAY_MAP, true);
    cancelled_while_it_reads(0, RESPOOL_REPLAY_READ, false);
  }
}

/* The end of the stream, and the last reader's, leave nothing on disk. */
static void nothing_is_left_at_the_end(void) {
  for (int replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
    const char *directory = kit_scratch();
    kit_spool s;
    respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
    options.replay = replay;
    kit_series series = open_series(&s, fields, &options);
    respool_reader *reader = kit_reader(s.spool);
    CHECK_OK(respool_drop_behind(s.spool, kit_error()));
    kit_series_append(&series, s.writer, 0, 50);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    take_up_to(&series, reader, 50);
    CHECK_ANSWER(reader, RESPOOL_END);
    CHECK_LE(kit_stats(s.spool).bytes_on_disk, 1024); /* the schema */
    CHECK_LE(blocks_under(directory), 8192);
    CHECK_EQ(kit_stats(s.spool).bytes_mapped, 0);
    respool_reader_close(reader);
    kit_spool_close(&s);
  }
}

/* The writer waits for its readers: the budget holds a part of the stream only. */
static void writer_and_readers_on_threads(void) {
  enum { READERS = 4 };
  int64_t batches = kit_slow() ? 40 : 200;
  kit_spool s;
  respool_options options = kit_options(50000, RESPOOL_MODE_OVERFLOW, kit_scratch());
  options.write_chunk = 16 << 10;
  options.disk_budget = BUDGET;
  options.full_timeout = RESPOOL_WAIT_FOREVER;
  kit_series series = open_series(&s, fields, &options);
  series.rows_least = 500;
  series.rows_most = 4000;
  consumer consumers[READERS];
  pthread_t threads[READERS];
  for (int i = 0; i < READERS; i++) {
    consumers[i] = (consumer){.series = &series, .reader = kit_reader(s.spool), .quits = i == 3 ? 20 : INT64_MAX};
  }
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  for (int i = 0; i < READERS; i++) pthread_create(&threads[i], NULL, consume, &consumers[i]);
  CHECK(kit_series_append(&series, s.writer, 0, batches));
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  for (int i = 0; i < READERS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < 3; i++) CHECK_EQ(consumers[i].count, batches);
  CHECK_EQ(kit_stats(s.spool).batches_dropped, batches);
  CHECK_LE(kit_stats(s.spool).bytes_on_disk, BUDGET);
  kit_spool_close(&s);
}

static const kit_test tests[] = {
    KIT_TEST(the_slowest_reader_decides),
    KIT_TEST(one_that_leaves_needs_nothing),
    KIT_TEST(no_reader_comes_later),
    KIT_TEST(the_index_does_not_grow),
    KIT_TEST(the_disk_is_given_back_where_it_is_read),
    KIT_TEST(the_disk_is_given_back_where_it_is_mapped),
    KIT_TEST(dictionaries_go_with_their_batches),
    KIT_TEST(arrays_outlive_what_is_given_back),
    KIT_TEST(a_named_file_keeps_everything),
    KIT_TEST(writer_and_readers_on_threads),
    KIT_TEST(cancelled_at_any_moment),
    KIT_TEST(nothing_is_left_at_the_end),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
