/* SPDX-License-Identifier: Apache-2.0 */
/* Replays as ArrowArrayStreams. */
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <errno.h>
#include <string.h>

static const char fields[] = "{id:int64!,text:utf8}";

static kit_series open_series(kit_spool *s, int64_t limit) {
  respool_options options = kit_options(limit, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool_open(s, fields, &options);
  return (kit_series){.schema = &s->schema, .seed = kit_seed(), .rows_most = 30, .null_rate = 0.2};
}

static void any_number_of_replays(void) {
  kit_spool s;
  struct ArrowArrayStream streams[8];
  kit_series series = open_series(&s, 2000);
  kit_series_append(&series, s.writer, 0, 9);
  for (int i = 0; i < 8; i++) CHECK_OK(respool_export(s.spool, NULL, &streams[i], kit_error()));
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  for (int i = 0; i < 8; i++) kit_series_check_stream(&series, &streams[i], 9);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void from_where_the_reader_stands(void) {
  kit_spool s;
  struct ArrowArray array;
  struct ArrowArrayStream stream;
  kit_series series = open_series(&s, 0);
  kit_series_append(&series, s.writer, 0, 5);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  for (int64_t i = 0; i < 2; i++) {
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    kit_series_check(&series, i, &array);
  }
  CHECK_OK(respool_reader_export(reader, &stream, kit_error()));
  for (int64_t i = 2; i < 5; i++) {
    REQUIRE_EQ(stream.get_next(&stream, &array), 0);
    kit_series_check(&series, i, &array);
    CHECK_EQ(respool_reader_position(reader), i + 1);
  }
  CHECK_EQ(stream.get_next(&stream, &array), 0);
  CHECK(array.release == NULL);
  stream.release(&stream);
  CHECK(stream.release == NULL);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* The consumer moves the struct and forgets the first place, as the C stream interface allows. */
static void the_stream_may_be_moved(void) {
  kit_spool s;
  struct ArrowArrayStream stream, moved;
  kit_series series = open_series(&s, 0);
  kit_series_append(&series, s.writer, 0, 3);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  moved = stream;
  memset(&stream, 0x55, sizeof stream);
  kit_series_check_stream(&series, &moved, 3);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* Arrays are moved out of their struct too, and children out of their parents. */
static void arrays_may_be_moved(void) {
  for (int64_t limit = 0; limit <= 1 << 20; limit += 1 << 20) {
    kit_spool s;
    struct ArrowArray array, column;
    struct ArrowArrayStream stream;
    kit_series series = open_series(&s, limit);
    series.rows_least = 1;
    kit_series_append(&series, s.writer, 0, 1);
    CHECK_OK(respool_export(s.spool, NULL, &stream, kit_error()));
    REQUIRE_EQ(stream.get_next(&stream, &array), 0);
    column = *array.children[1];
    array.children[1]->release = NULL;
    array.release(&array);
    CHECK(array.release == NULL);
    CHECK_WELL_FORMED(s.schema.children[1], &column, 0, 1);
    stream.release(&stream);
    kit_spool_close(&s);
    CHECK_LE(1, column.length);
    column.release(&column);
    CHECK(column.release == NULL);
    CHECK_NOTHING_LEFT();
  }
}

static void the_schema_as_often_as_wanted(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  open_series(&s, 0);
  CHECK_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  for (int i = 0; i < 3; i++) {
    struct ArrowSchema schema;
    char where[200];
    CHECK_EQ(stream.get_schema(&stream, &schema), 0);
    CHECK(kit_schema_equal(&s.schema, &schema, where, sizeof where));
    schema.release(&schema);
  }
  stream.release(&stream);
  kit_spool_close(&s);
}

static void check_failing(respool_status status, int32_t os_error, int expected) {
  kit_spool s;
  struct ArrowArray array;
  struct ArrowArrayStream stream;
  open_series(&s, 0);
  CHECK_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  CHECK_OK(respool_writer_fail(s.writer, status, os_error, "told by the producer", kit_error()));
  for (int i = 0; i < 2; i++) {
    int code = stream.get_next(&stream, &array);
    if (code != expected) kit_note("status %s", respool_status_name(status));
    CHECK_EQ(code, expected);
    CHECK_HAS(stream.get_last_error(&stream), "told by the producer");
  }
  stream.release(&stream);
  kit_spool_close(&s);
}

static void errors_become_errno_values(void) {
  check_failing(RESPOOL_USER, EPROTO, EPROTO);
  check_failing(RESPOOL_IO, ENXIO, ENXIO);
  check_failing(RESPOOL_INVALID, 0, EINVAL);
  check_failing(RESPOOL_CORRUPT, 0, EINVAL);
  check_failing(RESPOOL_TRUNCATED, 0, EINVAL);
  check_failing(RESPOOL_UNSUPPORTED, 0, ENOTSUP);
  check_failing(RESPOOL_NO_MEMORY, 0, ENOMEM);
  check_failing(RESPOOL_NO_SPACE, 0, ENOSPC);
  check_failing(RESPOOL_CANCELLED, 0, ECANCELED);
  check_failing(RESPOOL_PRODUCER_FAILED, 0, EIO);
  check_failing(RESPOOL_USER + 9, 0, EIO);
}

static void abandoned_after_the_batches(void) {
  kit_spool s;
  struct ArrowArray array;
  struct ArrowArrayStream stream;
  kit_series series = open_series(&s, 0);
  kit_series_append(&series, s.writer, 0, 1);
  CHECK_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  respool_writer_close(s.writer);
  s.writer = NULL;
  REQUIRE_EQ(stream.get_next(&stream, &array), 0);
  kit_series_check(&series, 0, &array);
  CHECK_EQ(stream.get_next(&stream, &array), EIO);
  CHECK(stream.get_last_error(&stream) != NULL);
  stream.release(&stream);
  kit_spool_close(&s);
}

typedef struct consumer {
  struct ArrowArrayStream stream;
  int code;
} consumer;

static void *pull_once(void *argument) {
  consumer *c = argument;
  struct ArrowArray array = {.release = NULL};
  c->code = c->stream.get_next(&c->stream, &array);
  if (array.release != NULL) array.release(&array);
  return NULL;
}

static void get_next_blocks_and_can_be_cancelled(void) {
  kit_spool s;
  consumer c;
  open_series(&s, 0);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_reader_export(reader, &c.stream, kit_error()));
  pthread_t thread = kit_thread_start(pull_once, &c);
  while (kit_stats(s.spool).readers_waiting == 0) kit_pause(100);
  respool_reader_cancel(reader);
  kit_thread_join(thread);
  CHECK_EQ(c.code, ECANCELED);
  c.stream.release(&c.stream);
  kit_spool_close(&s);
}

static void reader_options_are_heeded(void) {
  kit_spool s;
  struct ArrowArray array;
  struct ArrowArrayStream stream;
  respool_reader_options options;
  respool_reader_options_init(&options, sizeof options);
  options.errors = RESPOOL_ERRORS_IN_ORDER;
  kit_series series = open_series(&s, 0);
  kit_series_append(&series, s.writer, 0, 1);
  CHECK_OK(respool_export(s.spool, &options, &stream, kit_error()));
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER, 0, NULL, kit_error()));
  REQUIRE_EQ(stream.get_next(&stream, &array), 0);
  kit_series_check(&series, 0, &array);
  CHECK_EQ(stream.get_next(&stream, &array), EIO);
  stream.release(&stream);
  kit_spool_close(&s);
}

/* A replay of one spool is the input of the next; the buffers in memory are shared, not copied. */
static void a_replay_feeds_another_spool(void) {
  for (int64_t limit = 0; limit <= 1 << 20; limit += 1 << 20) {
    kit_spool first, second;
    struct ArrowArrayStream stream;
    kit_series series = open_series(&first, limit);
    open_series(&second, limit);
    kit_series_append(&series, first.writer, 0, 20);
    CHECK_OK(respool_writer_finish(first.writer, kit_error()));
    CHECK_OK(respool_export(first.spool, NULL, &stream, kit_error()));
    CHECK_OK(respool_writer_append_stream(second.writer, &stream, kit_error()));
    stream.release(&stream);
    respool_writer_close(first.writer);
    respool_release(first.spool);
    first.writer = NULL, first.spool = NULL;
    CHECK_OK(respool_writer_finish(second.writer, kit_error()));
    kit_series_replay(&series, second.spool, 20, RESPOOL_END);
    kit_spool_close(&second);
    kit_spool_close(&first);
    CHECK_NOTHING_LEFT();
  }
}

static const kit_test tests[] = {
    KIT_TEST(any_number_of_replays),         KIT_TEST(from_where_the_reader_stands),
    KIT_TEST(the_stream_may_be_moved),       KIT_TEST(arrays_may_be_moved),
    KIT_TEST(the_schema_as_often_as_wanted), KIT_TEST(errors_become_errno_values),
    KIT_TEST(abandoned_after_the_batches),   KIT_TEST(get_next_blocks_and_can_be_cancelled),
    KIT_TEST(reader_options_are_heeded),     KIT_TEST(a_replay_feeds_another_spool),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
