/* SPDX-License-Identifier: Apache-2.0 */
/* Options: defaults, ranges, contradictions, structs of other sizes; null pointers; status names and versions. */
#include "spool.h"
#include "system.h"

#include <string.h>

static struct ArrowSchema schema;

static respool_status create_with(const respool_options *options) {
  respool *spool = NULL;
  respool_writer *writer = NULL;
  kit_schema_parse("{number:int32}", &schema);
  respool_status status = respool_create(&schema, options, &spool, &writer, kit_error());
  respool_writer_close(writer);
  respool_release(spool);
  schema.release(&schema);
  return status;
}

static respool_options defaults(void) {
  respool_options options;
  respool_options_init(&options, sizeof options);
  return options;
}

static void the_defaults(void) {
  respool_options options;
  memset(&options, 0x77, sizeof options);
  respool_options_init(&options, sizeof options);
  CHECK_EQ(options.struct_size, sizeof options);
  CHECK_EQ(options.memory_limit, RESPOOL_DEFAULT_MEMORY_LIMIT);
  CHECK_EQ(options.memory_limit, 100 << 20);
  CHECK_EQ(options.write_chunk, RESPOOL_DEFAULT_WRITE_CHUNK);
  CHECK(options.path == NULL && options.directory == NULL);
  CHECK_EQ(options.mode, RESPOOL_MODE_DEFAULT);
  CHECK_EQ(options.replay, RESPOOL_REPLAY_AUTO);
  CHECK_EQ(options.defer_release, 0);
  CHECK_EQ(options.sync_on_finish, 0);
  CHECK_EQ(options.compression, RESPOOL_COMPRESSION_NONE);
  CHECK_EQ(options.compression_level, 0);
  CHECK_OK(create_with(&options));
  CHECK_OK(create_with(NULL));
  respool_reader_options reader;
  memset(&reader, 0x77, sizeof reader);
  respool_reader_options_init(&reader, sizeof reader);
  CHECK_EQ(reader.struct_size, sizeof reader);
  CHECK_EQ(reader.errors, RESPOOL_ERRORS_FIRST);
  respool_ipc_options ipc;
  memset(&ipc, 0x77, sizeof ipc);
  respool_ipc_options_init(&ipc, sizeof ipc);
  CHECK_EQ(ipc.struct_size, sizeof ipc);
  CHECK_EQ(ipc.validation, RESPOOL_VALIDATE_DEFAULT);
  CHECK_EQ(ipc.allow_missing_end, 0);
  CHECK_EQ(ipc.max_metadata_bytes, (int64_t)256 << 20);
  CHECK_EQ(ipc.max_depth, 64);
  CHECK_EQ(ipc.close_descriptor, 0);
  CHECK_EQ(ipc.max_expansion, (int64_t)4 << 30);
  CHECK_EQ(ipc.max_expansion_ratio, 1024);
  respool_ipc_write_options writing;
  memset(&writing, 0x77, sizeof writing);
  respool_ipc_write_options_init(&writing, sizeof writing);
  CHECK_EQ(writing.struct_size, sizeof writing);
  CHECK_EQ(writing.compression, RESPOOL_COMPRESSION_NONE);
  CHECK_EQ(writing.compression_level, 0);
}

/* As from a program built with an older, shorter struct, which initialises and passes only what it knows. */
static void a_shorter_struct(void) {
  size_t known = offsetof(respool_options, path);
  struct {
    respool_options options;
  } old;
  memset(&old, 0xee, sizeof old); /* what lies behind the old struct is anything */
  respool_options_init(&old.options, known);
  CHECK_EQ(old.options.struct_size, known);
  CHECK_EQ(old.options.memory_limit, RESPOOL_DEFAULT_MEMORY_LIMIT);
  unsigned char behind;
  memcpy(&behind, (const unsigned char *)&old + known, 1);
  CHECK_EQ(behind, 0xee);
  old.options.memory_limit = 4711;
  respool *spool = NULL;
  respool_writer *writer = NULL;
  kit_schema_parse("{number:int32}", &schema);
  CHECK_OK(respool_create(&schema, &old.options, &spool, &writer, kit_error()));
  if (spool != NULL) CHECK_EQ(kit_stats(spool).memory_limit, 4711);
  if (spool != NULL) CHECK_EQ(kit_stats(spool).mode, RESPOOL_MODE_OVERFLOW);
  respool_writer_close(writer);
  respool_release(spool);
  schema.release(&schema);
}

typedef struct longer {
  respool_options options;
  unsigned char more[16];
} longer;

/* As from a program built with a newer, longer struct: fine while the part this library does not know is zero. */
static void a_longer_struct(void) {
  longer new_one;
  memset(&new_one, 0, sizeof new_one);
  respool_options_init(&new_one.options, sizeof new_one);
  CHECK_EQ(new_one.options.struct_size, sizeof new_one);
  CHECK_OK(create_with(&new_one.options));
  new_one.more[15] = 1;
  CHECK_ERROR(create_with(&new_one.options), RESPOOL_INVALID, NULL);
}

static void sizes_that_cannot_be(void) {
  respool_options options = defaults();
  options.struct_size = 0;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL);
  options.struct_size = sizeof(size_t) - 1;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL);
  kit_spool s;
  respool_reader *reader = NULL;
  respool_reader_options of_reader;
  kit_spool_open(&s, "{}", NULL);
  respool_reader_options_init(&of_reader, sizeof of_reader);
  of_reader.struct_size = 0;
  CHECK_ERROR(respool_reader_open(s.spool, &of_reader, &reader, kit_error()), RESPOOL_INVALID, NULL);
  CHECK(reader == NULL);
  kit_spool_close(&s);
}

static void values_out_of_range(void) {
  respool_options options = defaults();
  options.memory_limit = -1;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL);
  options = defaults();
  options.mode = 4;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL);
  options.mode = -1;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL);
  options = defaults();
  options.replay = 3;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL);
  options = defaults();
  options.write_chunk = 4095;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL);
  options.write_chunk = 4096;
  CHECK_OK(create_with(&options));
  options.write_chunk = (int64_t)1 << 30;
  CHECK_OK(create_with(&options));
  options.write_chunk++;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL);
}

static void flags_that_are_none(void) {
  respool_options options = defaults();
  options.defer_release = 2;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL);
  options = defaults();
  options.sync_on_finish = -1;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL);
}

static void contradictions(void) {
  char path[KIT_PATH];
  respool_options options = defaults();
  options.mode = RESPOOL_MODE_ALL;
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL); /* no path */
  options.mode = RESPOOL_MODE_OVERFLOW;
  options.path = kit_join(path, kit_scratch(), "never");
  CHECK_ERROR(create_with(&options), RESPOOL_INVALID, NULL); /* a path */
  CHECK(!kit_exists(path));
  options.mode = RESPOOL_MODE_ALL;
  options.path = "";
  CHECK(create_with(&options) >= RESPOOL_INVALID); /* an empty path */
}

static void reader_options(void) {
  kit_spool s;
  respool_reader *reader = NULL;
  respool_reader_options options;
  kit_spool_open(&s, "{}", NULL);
  respool_reader_options_init(&options, sizeof options);
  options.errors = 2;
  CHECK_ERROR(respool_reader_open(s.spool, &options, &reader, kit_error()), RESPOOL_INVALID, NULL);
  options.errors = -1;
  CHECK_ERROR(respool_reader_open(s.spool, &options, &reader, kit_error()), RESPOOL_INVALID, NULL);
  CHECK(reader == NULL);
  kit_spool_close(&s);
}

static void the_strings_are_copied(void) {
  char path[KIT_PATH], directory[KIT_PATH];
  respool_options options = defaults();
  strcpy(directory, kit_scratch());
  options.mode = RESPOOL_MODE_ON_LIMIT;
  options.memory_limit = 0;
  options.path = kit_join(path, directory, "copied");
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  memset(path, 'x', 20);
  KIT_APPEND(s.writer, 1);
  CHECK(kit_exists(kit_join(path, directory, "copied")));
  kit_spool_close(&s);
  options.path = NULL;
  options.directory = directory;
  kit_spool_open(&s, "{number:int32}", &options);
  memset(directory, 'x', 5);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(kit_stats(s.spool).file_exists, 1);
  kit_spool_close(&s);
}

static void a_directory_that_is_none(void) {
  char directory[KIT_PATH];
  respool_options options = defaults();
  options.memory_limit = 0;
  options.directory = kit_join(directory, kit_scratch(), "missing");
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  KIT_APPEND(s.writer, 1); /* kept in memory */
  CHECK_LE(1, kit_stats(s.spool).write_failures);
  CHECK_ERROR(respool_writer_flush(s.writer, kit_error()), RESPOOL_IO, "missing");
  respool_reader *reader = kit_reader(s.spool);
  CHECK_NEXT(reader, 1);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* ---- Null pointers --------------------------------------------------------------------------------- */

static void handles_and_outputs_are_required(void) {
  kit_spool s;
  respool *spool = NULL;
  respool_writer *writer = NULL;
  respool_reader *reader = NULL;
  struct ArrowArray array = {.release = NULL};
  struct ArrowArrayStream stream = {.release = NULL};
  kit_spool_open(&s, "{number:int32}", NULL);
  CHECK_ERROR(respool_create(&s.schema, NULL, NULL, &writer, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_create(&s.schema, NULL, &spool, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_writer_flush(NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_writer_finish(NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_writer_fail(NULL, RESPOOL_USER, 0, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_get_schema(NULL, &schema, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_get_schema(s.spool, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_reader_open(NULL, NULL, &reader, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_reader_open(s.spool, NULL, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_reader_next(NULL, &array, 0, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_reader_on_ready(NULL, NULL, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_reader_export(NULL, &stream, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_export(NULL, NULL, &stream, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_export(s.spool, NULL, NULL, kit_error()), RESPOOL_INVALID, NULL);
  reader = kit_reader(s.spool);
  CHECK_ERROR(respool_reader_next(reader, NULL, 0, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_reader_export(reader, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_EQ(kit_stats(s.spool).readers, 1); /* the failed exports opened or closed none */
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void ipc_handles_and_outputs_are_required(void) {
  struct ArrowArrayStream stream = {.release = NULL};
  respool_ipc_totals totals = {.struct_size = sizeof totals};
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  CHECK_ERROR(respool_ipc_read_fd(0, NULL, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_ipc_read_fd(-1, NULL, &stream, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_ipc_read(NULL, NULL, NULL, &stream, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_ipc_write_fd(NULL, 1, NULL, &totals, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_ipc_write_fd(&stream, 1, NULL, &totals, kit_error()), RESPOOL_INVALID, NULL); /* released */
  CHECK_ERROR(respool_ipc_write(&stream, NULL, NULL, NULL, &totals, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_ipc_inspect_fd(0, NULL, NULL, NULL, NULL, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_ipc_inspect_fd(-1, NULL, NULL, NULL, NULL, &summary, kit_error()), RESPOOL_INVALID, NULL);
}

static void an_error_record_is_not_required(void) {
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", NULL);
  CHECK_EQ(respool_set_memory_limit(s.spool, -1, NULL), RESPOOL_INVALID);
  CHECK_EQ(respool_writer_finish(NULL, NULL), RESPOOL_INVALID);
  CHECK_OK(respool_writer_finish(s.writer, NULL));
  CHECK_EQ(respool_writer_finish(s.writer, NULL), RESPOOL_ALREADY_FINISHED);
  kit_spool_close(&s);
}

/* Filled on errors, left alone otherwise. */
static void the_error_record_is_left_alone_on_success(void) {
  kit_spool s;
  struct ArrowArray array;
  respool_error error, before;
  kit_spool_open(&s, "{number:int32}", NULL);
  memset(&error, 0x33, sizeof error);
  before = error;
  respool_reader *reader = kit_reader(s.spool);
  CHECK_EQ(respool_reader_next(reader, &array, 0, &error), RESPOOL_TIMED_OUT);
  CHECK_OK(respool_writer_flush(s.writer, &error));
  CHECK_OK(respool_writer_finish(s.writer, &error));
  CHECK_EQ(respool_reader_next(reader, &array, 0, &error), RESPOOL_END);
  CHECK_EQ(respool_reader_on_ready(reader, NULL, NULL, &error), RESPOOL_OK);
  CHECK(memcmp(&error, &before, sizeof error) == 0);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* ---- Failing --------------------------------------------------------------------------------------- */

static void fail_takes_errors_only(void) {
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", NULL);
  for (respool_status status = -1; status <= 9; status++)
    CHECK_ERROR(respool_writer_fail(s.writer, status, 0, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_OPEN);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_INVALID, 0, NULL, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  CHECK_ANSWER(reader, RESPOOL_INVALID);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* The text is cut between characters where the record is too short. */
static void a_long_text_is_cut_between_characters(void) {
  for (size_t shift = 0; shift < 4; shift++) {
    char text[2 * RESPOOL_ERROR_TEXT + 8];
    memset(text, 'x', shift);
    for (size_t i = shift; i + 4 < sizeof text; i += 4) memcpy(text + i, "\xf0\x9f\x97\x84", 5);
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", NULL);
    CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER, 0, text, kit_error()));
    respool_reader *reader = kit_reader(s.spool);
    CHECK_ANSWER(reader, RESPOOL_USER);
    const char *message = kit_last_error()->message;
    size_t size = strnlen(message, RESPOOL_ERROR_TEXT);
    CHECK_EQ((size - shift) % 4, 0);
    CHECK_LE(RESPOOL_ERROR_TEXT - 4, size);
    CHECK(memcmp(message, text, size) == 0);
    respool_reader_close(reader);
    kit_spool_close(&s);
  }
}

/* ---- Names ----------------------------------------------------------------------------------------- */

static void statuses_have_names(void) {
  static const respool_status all[] = {0, 1, 2, 3, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 30, 31, 32, 33, 34};
  enum { COUNT = sizeof all / sizeof all[0] };
  for (int i = 0; i < COUNT; i++) {
    const char *name = respool_status_name(all[i]);
    CHECK(name[0] != '\0' && strcmp(name, "unknown") != 0 && strcmp(name, "user") != 0);
    for (int k = 0; k < i; k++) CHECK(strcmp(name, respool_status_name(all[k])) != 0);
  }
  CHECK_STR(respool_status_name(RESPOOL_NO_SPACE), "no space");
  CHECK_STR(respool_status_name(RESPOOL_USER), "user");
  CHECK_STR(respool_status_name(INT32_MAX), "user");
  static const respool_status none[] = {-1, 4, 9, 15, 19, 26, 35, 999, INT32_MIN};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) CHECK_STR(respool_status_name(none[i]), "unknown");
}

static void some_can_be_retried(void) {
  for (respool_status status = -2; status < 1002; status++) {
    bool expected = status == RESPOOL_NO_MEMORY || status == RESPOOL_NO_SPACE || status == RESPOOL_IO ||
                    status == RESPOOL_OVER_BUDGET;
    CHECK_EQ(respool_status_retryable(status), expected);
  }
}

static void the_version_is_one(void) {
  CHECK_STR(respool_version(), RESPOOL_VERSION);
}

static const kit_test tests[] = {
    KIT_TEST(the_defaults),
    KIT_TEST(a_shorter_struct),
    KIT_TEST(a_longer_struct),
    KIT_TEST(sizes_that_cannot_be),
    KIT_TEST(values_out_of_range),
    KIT_TEST(flags_that_are_none),
    KIT_TEST(contradictions),
    KIT_TEST(reader_options),
    KIT_TEST(the_strings_are_copied),
    KIT_TEST(a_directory_that_is_none),
    KIT_TEST(handles_and_outputs_are_required),
    KIT_TEST(ipc_handles_and_outputs_are_required),
    KIT_TEST(an_error_record_is_not_required),
    KIT_TEST(the_error_record_is_left_alone_on_success),
    KIT_TEST(fail_takes_errors_only),
    KIT_TEST(a_long_text_is_cut_between_characters),
    KIT_TEST(statuses_have_names),
    KIT_TEST(some_can_be_retried),
    KIT_TEST(the_version_is_one),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
