/* SPDX-License-Identifier: Apache-2.0 */
/* The numbered invariants of the design, each as far as the public API shows it. */
#include "bytes.h"
#include "spool.h"
#include "system.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 4096 };

static const char fields[] = "{id:int64!,text:utf8,items:list<item:int32>}";

/* A spool with the smallest write chunk, so that writes happen often. */
static kit_series open_with(kit_spool *s, respool_options options) {
  options.write_chunk = CHUNK;
  kit_spool_open(s, fields, &options);
  return (kit_series){.schema = &s->schema, .seed = kit_seed(), .rows_least = 20, .rows_most = 60, .null_rate = 0.2};
}

/* 1: refused means untouched; accepted means kept; an I/O failure changes no state and is tried again. */
static void invariant_1_accepted_or_refused(void) {
  kit_spool s;
  kit_series series = open_with(&s, kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch()));
  int64_t accepted = 0, refused = 0;
  kit_limit_file_size(10000);
  for (int i = 0; i < 60; i++) {
    struct ArrowArray array, before;
    kit_series_batch(&series, accepted, &array);
    before = array;
    respool_status status = respool_writer_append(s.writer, &array, kit_error());
    accepted += status == RESPOOL_OK;
    refused += status != RESPOOL_OK;
    CHECK_EQ(array.release == NULL, status == RESPOOL_OK);
    if (status == RESPOOL_OK) continue;
    CHECK_EQ(status, RESPOOL_IO);
    CHECK_EQ(respool_status_retryable(status), 1);
    CHECK(memcmp(&before, &array, sizeof array) == 0);
    array.release(&array);
  }
  CHECK_LE(1, accepted);
  CHECK_LE(1, refused);
  CHECK_STATUS(respool_writer_flush(s.writer, kit_error()), RESPOOL_IO);
  CHECK_STATUS(respool_writer_finish(s.writer, kit_error()), RESPOOL_IO);
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_OPEN);
  CHECK_EQ(kit_stats(s.spool).batches, accepted);
  kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT);
  kit_limit_file_size(-1);
  kit_series_append(&series, s.writer, accepted, accepted + 10);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, accepted + 10, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* 2: what was accepted stays readable whatever happens to writer and file, until the last handle is gone. */
static void invariant_2_accepted_stays_readable(void) {
  kit_spool s;
  kit_series series = open_with(&s, kit_options(3000, RESPOOL_MODE_OVERFLOW, kit_scratch()));
  kit_series_append(&series, s.writer, 0, 30);
  respool_reader *reader = kit_reader_in_order(s.spool);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_PRODUCER_FAILED, 0, NULL, kit_error()));
  respool_writer_close(s.writer);
  respool_release(s.spool);
  s.writer = NULL, s.spool = NULL;
  for (int64_t i = 0; i < 30; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    kit_series_check(&series, i, &array);
  }
  CHECK_ANSWER(reader, RESPOOL_PRODUCER_FAILED);
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void check_catalog(respool *spool) {
  respool_stats stats = kit_stats(spool);
  CHECK_LE(stats.batches, stats.batches_resident + stats.batches_stored);
  CHECK_LE(stats.batches_resident, stats.batches);
  CHECK_LE(stats.batches_stored, stats.batches);
}

/* 3: each batch is resident, stored or both. */
static void invariant_3_resident_stored_or_both(void) {
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ALL; mode++) {
    char path[KIT_PATH];
    const char *directory = kit_scratch();
    kit_join(path, directory, "three");
    kit_spool s;
    kit_series series = open_with(&s, kit_options(9000, mode, mode == RESPOOL_MODE_OVERFLOW ? directory : path));
    for (int64_t i = 0; i < 40; i++) {
      kit_series_append(&series, s.writer, i, i + 1);
      check_catalog(s.spool);
    }
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    check_catalog(s.spool);
    kit_spool_close(&s);
  }
  CHECK_NOTHING_LEFT();
}

/* 4: never more charged than limit + write chunk + the batch that crossed. */
static void invariant_4_charged_is_bounded(void) {
  enum { LIMIT = 20000, LARGEST = 40000 };
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ON_LIMIT; mode++) {
    kit_random random;
    kit_random_init(&random, kit_seed());
    respool_options options = kit_options(LIMIT, mode, NULL);
    options.write_chunk = CHUNK;
    options.directory = kit_scratch();
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    for (int i = 0; i < 300; i++) {
      struct ArrowArray array;
      kit_batch_filled(4 * kit_random_between(&random, 0, i % 7 == 0 ? LARGEST / 4 : 200), i, &array);
      kit_append(s.writer, &array);
      CHECK_LE(kit_stats(s.spool).bytes_charged, LIMIT + CHUNK + LARGEST + 4096);
    }
    CHECK_LE(kit_stats(s.spool).bytes_charged_peak, LIMIT + CHUNK + LARGEST + 4096);
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    CHECK_LE(kit_stats(s.spool).bytes_charged, LIMIT);
    kit_spool_close(&s);
  }
}

/* 4: one-row slices, each of a large array of its own, weigh what they hold and not what they show. */
static void invariant_4_slices_of_many_arrays(void) {
  enum { BYTES = 30000, ROWS = BYTES / 4 };
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ON_LIMIT; mode++) {
    respool_options options = kit_options(0, mode, NULL);
    options.write_chunk = 2 * BYTES;
    options.directory = kit_scratch();
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    for (int i = 0; i < 100; i++) {
      kit_shared *shared = kit_shared_from_memory(BYTES);
      struct ArrowArray array;
      kit_batch_shared(shared, ROWS - 1, 1, &array);
      kit_append(s.writer, &array);
      kit_shared_release(shared);
      CHECK_LE(kit_stats(s.spool).bytes_charged, 3 * BYTES + 4096);
    }
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    respool_reader *reader = kit_reader(s.spool);
    for (int i = 0; i < 100; i++) CHECK_NEXT(reader, ROWS - 1);
    respool_reader_close(reader);
    kit_spool_close(&s);
  }
}

/* 4: the append that takes the total over the limit writes before it returns, however small. */
static void invariant_4_the_crossing_append_writes(void) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(kit_stats(s.spool).batches_stored, 1);
  kit_spool_close(&s);
}

/* 5: no file before it is needed (see also anonymous_file.c and named_file.c). */
static void invariant_5_no_file_before_it_is_needed(void) {
  const char *directory = kit_scratch();
  kit_spool s;
  int descriptors = kit_open_descriptors();
  kit_series series = open_with(&s, kit_options(1 << 20, RESPOOL_MODE_OVERFLOW, directory));
  kit_series_append(&series, s.writer, 0, 10);
  CHECK_EQ(kit_open_descriptors(), descriptors);
  CHECK_EQ(kit_stats(s.spool).file_exists, 0);
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK_EQ(kit_stats(s.spool).file_exists, 1);
  CHECK_EQ(kit_entries(directory), 0);
  kit_spool_close(&s);
  CHECK_EQ(kit_open_descriptors(), descriptors);
}

/* 6: callbacks run without locks, so they may call back in. */
typedef struct caller {
  kit_spool *spool;
  int64_t calls;
} caller;

static void call_back_in(void *user_data) {
  caller *c = user_data;
  c->calls++;
  kit_stats(c->spool->spool);
  struct ArrowSchema schema;
  CHECK_OK(respool_get_schema(c->spool->spool, &schema, kit_error()));
  schema.release(&schema);
  respool_reader *reader = NULL;
  CHECK_OK(respool_reader_open(c->spool->spool, NULL, &reader, kit_error()));
  respool_reader_close(reader);
  CHECK_OK(respool_set_memory_limit(c->spool->spool, 5000, kit_error()));
}

static void invariant_6_release_may_call_the_spool(void) {
  kit_spool s;
  kit_series series = open_with(&s, kit_options(5000, RESPOOL_MODE_OVERFLOW, kit_scratch()));
  caller c = {&s, 0};
  for (int64_t i = 0; i < 30; i++) {
    struct ArrowArray array;
    kit_series_batch(&series, i, &array);
    kit_array_on_release(&array, call_back_in, &c);
    kit_append(s.writer, &array);
  }
  CHECK_LE(1, c.calls);
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK_EQ(c.calls, 30);
  kit_series_replay(&series, s.spool, 30, RESPOOL_TIMED_OUT);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* 7: what was handed out stays valid after everything is closed. */
static void invariant_7_handed_out_stays_valid(void) {
  enum { COUNT = 20 };
  for (int32_t replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
    kit_spool s;
    respool_options options = kit_options(5000, RESPOOL_MODE_OVERFLOW, kit_scratch());
    options.replay = replay;
    kit_series series = open_with(&s, options);
    kit_series_append(&series, s.writer, 0, COUNT);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    respool_reader *reader = kit_reader(s.spool);
    struct ArrowArray arrays[COUNT];
    for (int i = 0; i < COUNT; i++) REQUIRE_OK(respool_reader_next(reader, &arrays[i], 0, kit_error()));
    respool_reader_close(reader);
    respool_writer_close(s.writer);
    respool_release(s.spool);
    s.writer = NULL, s.spool = NULL;
    for (int i = COUNT - 1; i >= 0; i--) kit_series_check(&series, i, &arrays[i]);
    kit_spool_close(&s);
    CHECK_NOTHING_LEFT();
  }
}

/* 8: the end comes after finish and after every batch, never before. */
static void invariant_8_end_only_after_finish(void) {
  kit_spool s;
  kit_series series = open_with(&s, kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch()));
  respool_reader *reader = kit_reader(s.spool);
  kit_series_append(&series, s.writer, 0, 1);
  struct ArrowArray array;
  CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()));
  array.release(&array);
  CHECK_PENDING(reader);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  for (int i = 0; i < 3; i++) CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

static respool_status drain(respool_reader *reader, int64_t *count) {
  struct ArrowArray array;
  respool_status status;
  for (*count = 0; (status = respool_reader_next(reader, &array, 0, kit_error())) == RESPOOL_OK; ++*count)
    array.release(&array);
  return status;
}

/* 8: a named file that somebody cut short is an error of the reader, not an early end. */
static void invariant_8_a_short_file_is_an_error(void) {
  char path[KIT_PATH];
  kit_join(path, kit_scratch(), "short");
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, path);
  options.replay = RESPOOL_REPLAY_READ;
  kit_series series = open_with(&s, options);
  kit_series_append(&series, s.writer, 0, 20);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  REQUIRE_EQ(truncate(path, kit_file_size(path) / 2), 0);
  respool_reader *reader = kit_reader(s.spool);
  int64_t count;
  respool_status status = drain(reader, &count);
  CHECK(status == RESPOOL_TRUNCATED || status == RESPOOL_CORRUPT || status == RESPOOL_IO);
  CHECK_LE(count, 19);
  CHECK(kit_last_error()->message[0] != '\0');
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* 9: every producer array is released once: the kit counts, and a second release ends the program. */
static void invariant_9_released_once(void) {
  for (int32_t defer = 0; defer <= 1; defer++) {
    kit_spool s;
    respool_options options = kit_options(4000, RESPOOL_MODE_ON_LIMIT, NULL);
    options.defer_release = defer;
    kit_series series = open_with(&s, options);
    kit_series_append(&series, s.writer, 0, 5);
    respool_reader *reader = kit_reader(s.spool);
    struct ArrowArray held;
    REQUIRE_OK(respool_reader_next(reader, &held, 0, kit_error()));
    kit_series_append(&series, s.writer, 5, 40);
    kit_series_check(&series, 0, &held);
    respool_reader_close(reader);
    kit_spool_close(&s);
    CHECK_NOTHING_LEFT();
  }
}

/* 10: one failure for all, for ever; abandonment always in order. */
static void invariant_10_abandonment_is_in_order(void) {
  kit_spool s;
  kit_series series = open_with(&s, kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch()));
  kit_series_append(&series, s.writer, 0, 7);
  respool_writer_close(s.writer);
  s.writer = NULL;
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_STATE_ABANDONED);
  kit_series_replay(&series, s.spool, 7, RESPOOL_ABANDONED);
  kit_spool_close(&s);
}

static bool check_prefix(const kit_series *series, const char *path, int32_t allow_missing_end, int64_t count) {
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.allow_missing_end = allow_missing_end;
  options.close_descriptor = 1;
  struct ArrowArrayStream stream;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  return CHECK_OK(respool_ipc_read_fd(fd, &options, &stream, kit_error())) &&
         kit_series_check_stream(series, &stream, count);
}

/* 11: the named file is a readable prefix after each flush, and a whole stream after finish. */
static void invariant_11_the_file_is_a_stream(void) {
  for (int mode = RESPOOL_MODE_ON_LIMIT; mode <= RESPOOL_MODE_ALL; mode++) {
    char path[KIT_PATH];
    kit_join(path, kit_scratch(), "eleven");
    kit_spool s;
    kit_series series = open_with(&s, kit_options(0, mode, path));
    struct ArrowSchema schema;
    kit_schema_copy(&s.schema, &schema);
    series.schema = &schema;
    for (int64_t i = 0; i < 12; i++) {
      kit_series_append(&series, s.writer, i, i + 1);
      CHECK_OK(respool_writer_flush(s.writer, kit_error()));
      if (!check_prefix(&series, path, 1, i + 1)) break;
    }
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    check_prefix(&series, path, 0, 12);
    kit_spool_close(&s);
    check_prefix(&series, path, 0, 12);
    schema.release(&schema);
  }
  CHECK_NOTHING_LEFT();
}

/* ---- 12 -------------------------------------------------------------------------------------------- */

static void replay_bytes(respool *spool, kit_sink *sink) {
  struct ArrowArrayStream stream;
  REQUIRE_OK(respool_export(spool, NULL, &stream, kit_error()));
  kit_write_stream(&stream, sink);
}

/* The IPC bytes of a replay of the first `count` batches from a spool with these options. */
static void spooled_bytes(const kit_series *series, const respool_options *options, int64_t count, kit_sink *sink) {
  kit_spool s;
  kit_spool_open_schema(&s, series->schema, options);
  kit_series_append(series, s.writer, 0, count);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  replay_bytes(s.spool, sink);
  kit_spool_close(&s);
}

/* The bytes, decoded and encoded once more. */
static void again(const kit_sink *from, kit_sink *to) {
  kit_source source = {.bytes = from->bytes, .size = from->size};
  struct ArrowArrayStream stream;
  REQUIRE_OK(respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error()));
  kit_write_stream(&stream, to);
}

static void check_equal_and_free(const kit_sink *expected, kit_sink *sink) {
  CHECK_BYTES(expected->bytes, expected->size, sink->bytes, sink->size);
  kit_sink_free(sink);
}

static void compare_ways(const kit_series *series, int64_t count) {
  char path[KIT_PATH];
  kit_sink memory = {0}, sink = {0};
  const char *directory = kit_scratch();
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, directory);
  spooled_bytes(series, &options, count, &memory);
  options.memory_limit = 0;
  for (options.replay = RESPOOL_REPLAY_AUTO; options.replay <= RESPOOL_REPLAY_READ; options.replay++) {
    spooled_bytes(series, &options, count, &sink);
    check_equal_and_free(&memory, &sink);
  }
  again(&memory, &sink);
  check_equal_and_free(&memory, &sink);
  options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, directory, "twelve"));
  spooled_bytes(series, &options, count, &sink);
  check_equal_and_free(&memory, &sink);
  size_t size;
  unsigned char *bytes = kit_file_read(path, &size);
  CHECK_BYTES(memory.bytes, memory.size, bytes, size);
  free(bytes);
  kit_sink_free(&memory);
  kit_scratch_remove(directory);
}

static void invariant_12_the_same_bytes_every_way(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 15 : 80;
  for (int i = 0; i < rounds && kit_failures() == 0; i++) {
    char *text = kit_schema_random_text(&random, 4, 3);
    struct ArrowSchema schema;
    kit_schema_parse(text, &schema);
    kit_series series = {&schema, kit_random_next(&random), 0, 40, 0.3, i % 2 == 1, false};
    compare_ways(&series, kit_random_below(&random, 6));
    if (kit_failures() > 0) kit_note("schema %s", text);
    schema.release(&schema);
    free(text);
  }
  CHECK_NOTHING_LEFT();
}

static void invariant_12_for_each_type(void) {
  for (int i = 0; kit_types[i] != NULL && kit_failures() == 0; i++) {
    char text[400];
    struct ArrowSchema schema;
    snprintf(text, sizeof text, "{a:%s}", kit_types[i]);
    kit_schema_parse(text, &schema);
    kit_series series = {&schema, kit_mix(kit_seed() + (uint64_t)i), 0, 40, 0.3, true, false};
    compare_ways(&series, 4);
    if (kit_failures() > 0) kit_note("schema %s", text);
    schema.release(&schema);
  }
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(invariant_1_accepted_or_refused),         KIT_TEST(invariant_2_accepted_stays_readable),
    KIT_TEST(invariant_3_resident_stored_or_both),     KIT_TEST(invariant_4_charged_is_bounded),
    KIT_TEST(invariant_4_slices_of_many_arrays),       KIT_TEST(invariant_4_the_crossing_append_writes),
    KIT_TEST(invariant_5_no_file_before_it_is_needed), KIT_TEST(invariant_6_release_may_call_the_spool),
    KIT_TEST(invariant_7_handed_out_stays_valid),      KIT_TEST(invariant_8_end_only_after_finish),
    KIT_TEST(invariant_8_a_short_file_is_an_error),    KIT_TEST(invariant_9_released_once),
    KIT_TEST(invariant_10_abandonment_is_in_order),    KIT_TEST(invariant_11_the_file_is_a_stream),
    KIT_TEST(invariant_12_the_same_bytes_every_way),   KIT_TEST(invariant_12_for_each_type),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
