/* SPDX-License-Identifier: Apache-2.0 */
/* Draining whole ArrowArrayStreams into a spool. */
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <errno.h>

enum { MOST = 40 };

static const char fields[] = "{id:int64!,text:utf8}";

static kit_series open_series(kit_spool *s, int64_t limit) {
  respool_options options = kit_options(limit, RESPOOL_MODE_OVERFLOW, kit_scratch());
  options.write_chunk = 4096;
  kit_spool_open(s, fields, &options);
  return (kit_series){.schema = &s->schema, .seed = kit_seed(), .rows_least = 20, .rows_most = 30, .null_rate = 0.2};
}

/* A stream over batches `from` to `to` - 1 of the series that then fails with `code`, or ends if that is 0. */
static void open_source(const kit_series *series, int64_t from, int64_t to, int code, kit_stream_log *log,
                        struct ArrowArrayStream *stream) {
  struct ArrowArray batches[MOST];
  for (int64_t i = from; i < to; i++) kit_series_batch(series, i, &batches[i - from]);
  kit_stream_options options = {.schema = series->schema,
                                .batches = batches,
                                .count = to - from,
                                .fail_code = code,
                                .fail_text = "the source broke off: caf\xc3\xa9",
                                .log = log};
  kit_stream_from(&options, stream);
}

static void everything_until_the_end(void) {
  for (int64_t limit = 0; limit <= 1 << 20; limit += 1 << 20) {
    kit_spool s;
    kit_stream_log log = {0};
    struct ArrowArrayStream stream;
    kit_series series = open_series(&s, limit);
    open_source(&series, 0, 30, 0, &log, &stream);
    CHECK_OK(respool_writer_append_stream(s.writer, &stream, kit_error()));
    CHECK_EQ(log.get_next, 31);
    CHECK_EQ(log.released, 0); /* it stays the caller's */
    CHECK_EQ(kit_stats(s.spool).state, RESPOOL_OPEN);
    stream.release(&stream);
    kit_series_replay(&series, s.spool, 30, RESPOOL_TIMED_OUT);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_series_replay(&series, s.spool, 30, RESPOOL_END);
    kit_spool_close(&s);
    CHECK_NOTHING_LEFT();
    CHECK_EQ(kit_live_streams(), 0);
  }
}

static void several_follow_each_other(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_series series = open_series(&s, 3000);
  for (int64_t i = 0; i < 4; i++) {
    open_source(&series, i * 6, i * 6 + 5, 0, NULL, &stream);
    CHECK_OK(respool_writer_append_stream(s.writer, &stream, kit_error()));
    stream.release(&stream);
    kit_series_append(&series, s.writer, i * 6 + 5, i * 6 + 6);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, 24, RESPOOL_END);
  kit_spool_close(&s);
}

static void a_source_without_batches(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_series series = open_series(&s, 0);
  open_source(&series, 0, 0, 0, NULL, &stream);
  CHECK_OK(respool_writer_append_stream(s.writer, &stream, kit_error()));
  stream.release(&stream);
  CHECK_EQ(kit_stats(s.spool).batches, 0);
  kit_spool_close(&s);
}

static void a_source_error_is_passed_on(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_series series = open_series(&s, 0);
  respool_reader *first = kit_reader(s.spool), *ordered = kit_reader_in_order(s.spool);
  open_source(&series, 0, 3, ENETDOWN, NULL, &stream);
  CHECK_ERROR(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_SOURCE_FAILED, "caf\xc3\xa9");
  CHECK_EQ(kit_last_error()->os_error, ENETDOWN);
  stream.release(&stream);
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_FAILED);
  CHECK_ANSWER(first, RESPOOL_SOURCE_FAILED);
  CHECK_HAS(kit_last_error()->message, "the source broke off: caf\xc3\xa9");
  CHECK_EQ(kit_last_error()->os_error, ENETDOWN);
  for (int64_t i = 0; i < 3; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(ordered, &array, 0, kit_error()));
    kit_series_check(&series, i, &array);
  }
  CHECK_ANSWER(ordered, RESPOOL_SOURCE_FAILED);
  CHECK_ERROR(respool_writer_finish(s.writer, kit_error()), RESPOOL_HAS_FAILED, NULL);
  respool_reader_close(first);
  respool_reader_close(ordered);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void a_source_error_without_text(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_series series = open_series(&s, 0);
  kit_stream_options options = {.schema = series.schema, .fail_code = EIO};
  kit_stream_from(&options, &stream);
  CHECK_ERROR(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_SOURCE_FAILED, NULL);
  stream.release(&stream);
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_FAILED);
  kit_spool_close(&s);
}

static void an_error_of_get_schema_is_one_of_the_source(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_stream_log log = {0};
  kit_series series = open_series(&s, 0);
  kit_stream_options options = {
      .schema = series.schema, .schema_code = EACCES, .fail_text = "no schema for you", .log = &log};
  kit_stream_from(&options, &stream);
  CHECK_ERROR(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_SOURCE_FAILED, "no schema for you");
  CHECK_EQ(kit_last_error()->os_error, EACCES);
  CHECK_EQ(log.get_next, 0);
  stream.release(&stream);
  kit_spool_close(&s);
}

/* Refused before anything is pulled; the spool is as before. */
static void check_schema(const char *other, respool_status expected) {
  kit_spool s;
  struct ArrowSchema schema;
  struct ArrowArrayStream stream;
  kit_stream_log log = {0};
  kit_series series = open_series(&s, 0);
  kit_schema_parse(other, &schema);
  kit_stream_options options = {.schema = &schema, .log = &log};
  kit_stream_from(&options, &stream);
  respool_status status = respool_writer_append_stream(s.writer, &stream, kit_error());
  if (status != expected) kit_note("schema %s", other);
  CHECK_STATUS(status, expected);
  if (expected != RESPOOL_OK) CHECK_EQ(log.get_next, 0);
  stream.release(&stream);
  schema.release(&schema);
  kit_series_append(&series, s.writer, 0, 2);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, 2, RESPOOL_END);
  kit_spool_close(&s);
}

static void other_schemas_are_refused(void) {
  check_schema("{id:int64!,text:utf8}", RESPOOL_OK);
  check_schema("{}", RESPOOL_INVALID);
  check_schema("{id:int64!}", RESPOOL_INVALID);
  check_schema("{id:int64!,text:utf8,more:int8}", RESPOOL_INVALID);
  check_schema("{text:utf8,id:int64!}", RESPOOL_INVALID);
  check_schema("{id:int64!,Text:utf8}", RESPOOL_INVALID);
  check_schema("{id:int32!,text:utf8}", RESPOOL_INVALID);
  check_schema("{id:int64!,text:large_utf8}", RESPOOL_INVALID);
  check_schema("{id:int64!,text:list<item:utf8>}", RESPOOL_INVALID);
}

/* What a schema says beside names and types does not make it another one. */
static void other_metadata_is_no_other_schema(void) {
  kit_spool s;
  struct ArrowSchema schema;
  struct ArrowArrayStream stream;
  open_series(&s, 0);
  kit_schema_copy(&s.schema, &schema);
  kit_schema_set_metadata(&schema, (const kit_pair[]){KIT_PAIR("made by", "somebody")}, 1);
  kit_schema_set_metadata(schema.children[1], (const kit_pair[]){KIT_PAIR("language", "none")}, 1);
  kit_stream_options options = {.schema = &schema};
  kit_stream_from(&options, &stream);
  CHECK_OK(respool_writer_append_stream(s.writer, &stream, kit_error()));
  stream.release(&stream);
  schema.release(&schema);
  kit_spool_close(&s);
}

static void not_a_stream_of_structs(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_stream_log log = {0};
  open_series(&s, 0);
  kit_stream_options options = {.schema = s.schema.children[0], .log = &log};
  kit_stream_from(&options, &stream);
  CHECK_ERROR(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_EQ(log.get_next, 0);
  stream.release(&stream);
  kit_spool_close(&s);
}

/* A batch that was pulled while the disk took nothing is kept by the writer and goes in first. */
static void a_pulled_batch_is_kept(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_stream_log log = {0};
  kit_series series = open_series(&s, 0);
  open_source(&series, 0, MOST, 0, &log, &stream);
  kit_limit_file_size(0);
  CHECK_STATUS(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_IO);
  int64_t accepted = kit_stats(s.spool).batches;
  CHECK_EQ(log.get_next, accepted + 1);
  CHECK_LE(log.get_next, MOST - 1);
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_OPEN);
  CHECK_STATUS(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_IO);
  CHECK_EQ(log.get_next, accepted + 1); /* the kept one is tried first */
  kit_limit_file_size(-1);
  CHECK_OK(respool_writer_append_stream(s.writer, &stream, kit_error()));
  stream.release(&stream);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, MOST, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* What is appended next, or flushed, comes after the kept batch. */
static void nothing_overtakes_the_kept_batch(void) {
  for (int way = 0; way < 2; way++) {
    kit_spool s;
    struct ArrowArrayStream stream;
    kit_series series = open_series(&s, 0);
    open_source(&series, 0, MOST, 0, NULL, &stream);
    kit_limit_file_size(0);
    CHECK_STATUS(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_IO);
    kit_limit_file_size(-1);
    stream.release(&stream);
    int64_t accepted = kit_stats(s.spool).batches;
    if (way == 1) CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    if (way == 1) CHECK_EQ(kit_stats(s.spool).batches, accepted + 1);
    kit_series_append(&series, s.writer, accepted + 1, accepted + 4);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_series_replay(&series, s.spool, accepted + 4, RESPOOL_END);
    kit_spool_close(&s);
    CHECK_NOTHING_LEFT();
  }
}

static void finish_takes_the_kept_batch(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_series series = open_series(&s, 0);
  open_source(&series, 0, MOST, 0, NULL, &stream);
  kit_limit_file_size(0);
  CHECK_STATUS(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_IO);
  stream.release(&stream);
  int64_t accepted = kit_stats(s.spool).batches;
  CHECK_STATUS(respool_writer_finish(s.writer, kit_error()), RESPOOL_IO);
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_OPEN);
  kit_limit_file_size(-1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, accepted + 1, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* Closed with a batch still kept: it is released, not accepted. */
static void a_kept_batch_is_released_with_the_writer(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_series series = open_series(&s, 0);
  open_source(&series, 0, MOST, 0, NULL, &stream);
  kit_limit_file_size(0);
  CHECK_STATUS(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_IO);
  kit_limit_file_size(-1);
  stream.release(&stream);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* A batch that does not fit the schema never will: its rows are not dropped in silence, so only fail or close is left.
 */
static void a_malformed_batch(void) {
  kit_spool s;
  struct ArrowArray batches[2];
  struct ArrowArrayStream stream;
  kit_series series = open_series(&s, 0);
  kit_series_batch(&series, 0, &batches[0]);
  kit_batch_one(1, &batches[1]); /* one column in place of two */
  kit_stream_options options = {.schema = series.schema, .batches = batches, .count = 2};
  kit_stream_from(&options, &stream);
  CHECK_ERROR(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_INVALID, NULL);
  stream.release(&stream);
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_OPEN);
  CHECK_EQ(kit_stats(s.spool).batches, 1);
  CHECK_ERROR(respool_writer_finish(s.writer, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_EQ(kit_stats(s.spool).batches, 1);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_PRODUCER_FAILED, 0, NULL, kit_error()));
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void after_the_end_of_writing(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_stream_log log = {0};
  kit_series series = open_series(&s, 0);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  open_source(&series, 0, 2, 0, &log, &stream);
  CHECK_ERROR(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_ALREADY_FINISHED, NULL);
  CHECK_EQ(log.get_next, 0);
  stream.release(&stream);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void nothing_to_drain(void) {
  kit_spool s;
  struct ArrowArrayStream stream = {.release = NULL};
  open_series(&s, 0);
  CHECK_ERROR(respool_writer_append_stream(s.writer, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_writer_append_stream(NULL, &stream, kit_error()), RESPOOL_INVALID, NULL);
  kit_spool_close(&s);
}

static const kit_test tests[] = {
    KIT_TEST(everything_until_the_end),
    KIT_TEST(several_follow_each_other),
    KIT_TEST(a_source_without_batches),
    KIT_TEST(a_source_error_is_passed_on),
    KIT_TEST(a_source_error_without_text),
    KIT_TEST(an_error_of_get_schema_is_one_of_the_source),
    KIT_TEST(other_schemas_are_refused),
    KIT_TEST(other_metadata_is_no_other_schema),
    KIT_TEST(not_a_stream_of_structs),
    KIT_TEST(a_pulled_batch_is_kept),
    KIT_TEST(nothing_overtakes_the_kept_batch),
    KIT_TEST(finish_takes_the_kept_batch),
    KIT_TEST(a_kept_batch_is_released_with_the_writer),
    KIT_TEST(a_malformed_batch),
    KIT_TEST(after_the_end_of_writing),
    KIT_TEST(nothing_to_drain),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
