/* SPDX-License-Identifier: Apache-2.0 */
/* Named files: how they are made, what they contain, and that they are the caller's afterwards. */
#include "bytes.h"
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char fields[] = "{id:int64!,text:utf8}";

static respool_options named(int32_t mode, char path[KIT_PATH]) {
  return kit_options(0, mode, kit_join(path, kit_scratch(), "named.arrows"));
}

/* What creating or appending answers with this file in the way: ALL makes its file at once, ON_LIMIT at the first
 * spill. */
static respool_status try_at(int32_t mode, const char *path) {
  struct ArrowSchema schema;
  respool_options options = kit_options(0, mode, path);
  respool *spool = NULL;
  respool_writer *writer = NULL;
  kit_schema_parse("{number:int32}", &schema);
  respool_status status = respool_create(&schema, &options, &spool, &writer, kit_error());
  schema.release(&schema);
  if (status == RESPOOL_OK) {
    KIT_APPEND(writer, 1); /* kept in memory whatever happens to the file */
    status = respool_writer_flush(writer, kit_error());
  }
  respool_writer_close(writer);
  respool_release(spool);
  return status;
}

static void what_exists_is_left_alone(void) {
  for (int mode = RESPOOL_MODE_ON_LIMIT; mode <= RESPOOL_MODE_ALL; mode++) {
    char path[KIT_PATH];
    size_t size;
    kit_join(path, kit_scratch(), "precious");
    kit_file_write(path, "precious", 8);
    CHECK_ERROR(try_at(mode, path), RESPOOL_IO, "precious");
    CHECK_EQ(kit_last_error()->os_error, EEXIST);
    unsigned char *bytes = kit_file_read(path, &size);
    CHECK_BYTES(bytes, size, "precious", 8);
    free(bytes);
  }
}

static void links_are_not_followed(void) {
  for (int mode = RESPOOL_MODE_ON_LIMIT; mode <= RESPOOL_MODE_ALL; mode++) {
    char path[KIT_PATH], target[KIT_PATH];
    const char *directory = kit_scratch();
    REQUIRE_EQ(symlink(kit_join(target, directory, "target"), kit_join(path, directory, "link")), 0);
    CHECK_ERROR(try_at(mode, path), RESPOOL_IO, "link");
    CHECK(!kit_exists(target));
    CHECK(kit_exists(path));
  }
}

static void bad_places(void) {
  char path[KIT_PATH];
  for (int mode = RESPOOL_MODE_ON_LIMIT; mode <= RESPOOL_MODE_ALL; mode++) {
    CHECK_ERROR(try_at(mode, kit_join(path, kit_scratch(), "no/such/directory")), RESPOOL_IO, "no/such/directory");
    CHECK_EQ(kit_last_error()->os_error, ENOENT);
    CHECK_ERROR(try_at(mode, kit_scratch()), RESPOOL_IO, NULL); /* a directory */
  }
}

static void only_its_owner_may_read_it(void) {
  for (int mode = RESPOOL_MODE_ON_LIMIT; mode <= RESPOOL_MODE_ALL; mode++) {
    char path[KIT_PATH];
    struct stat status;
    mode_t old = umask(0);
    respool_options options = named(mode, path);
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    KIT_APPEND(s.writer, 1);
    umask(old);
    REQUIRE_EQ(stat(path, &status), 0);
    CHECK_EQ(status.st_mode & 07777, 0600);
    CHECK(S_ISREG(status.st_mode));
    kit_spool_close(&s);
  }
}

static bool check_stream(const kit_series *series, const char *path, int32_t prefix, int64_t count) {
  struct ArrowArrayStream stream;
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.allow_missing_end = prefix;
  options.close_descriptor = 1;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  return CHECK_OK(respool_ipc_read_fd(fd, &options, &stream, kit_error())) &&
         kit_series_check_stream(series, &stream, count);
}

static void a_prefix_and_then_the_whole(void) {
  for (int mode = RESPOOL_MODE_ON_LIMIT; mode <= RESPOOL_MODE_ALL; mode++) {
    char path[KIT_PATH];
    respool_options options = named(mode, path);
    struct ArrowArrayStream stream;
    kit_spool s;
    kit_spool_open(&s, fields, &options);
    kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_most = 50, .sliced = true};
    series.rows_least = 1;
    kit_series_append(&series, s.writer, 0, 10);
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    check_stream(&series, path, 1, 10);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error())); /* strictly, the end is missing */
    struct ArrowArray array;
    for (int i = 0; i < 10 && stream.get_next(&stream, &array) == 0; i++) array.release(&array);
    CHECK_EQ(stream.get_next(&stream, &array), EINVAL);
    stream.release(&stream);
    close(fd);
    kit_series_append(&series, s.writer, 10, 15);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    check_stream(&series, path, 0, 15);
    int64_t size = kit_file_size(path);
    CHECK_EQ(size, kit_stats(s.spool).bytes_written);
    respool_writer_close(s.writer);
    respool_release(s.spool);
    s.writer = NULL, s.spool = NULL;
    CHECK_EQ(kit_file_size(path), size);
    check_stream(&series, path, 0, 15);
    kit_spool_close(&s);
  }
  CHECK_NOTHING_LEFT();
}

/* What a failed or abandoned spool leaves is a prefix with all that was accepted, without end marker. */
static void without_finish_no_end_marker(void) {
  for (int fails = 0; fails <= 1; fails++) {
    char path[KIT_PATH];
    respool_options options = named(RESPOOL_MODE_ALL, path);
    kit_spool s;
    respool_ipc_summary summary = {.struct_size = sizeof summary};
    kit_spool_open(&s, "{number:int32}", &options);
    for (int i = 0; i < 20; i++) KIT_APPEND(s.writer, i);
    if (fails) CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER, 0, NULL, kit_error()));
    kit_spool_close(&s);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_OK(respool_ipc_inspect_fd(fd, NULL, NULL, NULL, NULL, &summary, kit_error()));
    CHECK_EQ(summary.has_end, 0);
    CHECK_EQ(summary.batches, 20);
    close(fd);
  }
}

typedef void (*breaking_off)(kit_spool *s);

static void break_off_by_fail(kit_spool *s) {
  CHECK_OK(respool_writer_fail(s->writer, RESPOOL_USER, 0, NULL, kit_error()));
}

static void break_off_by_close(kit_spool *s) {
  respool_writer_close(s->writer);
  s->writer = NULL;
}

static void break_off_by_source(kit_spool *s) {
  struct ArrowArrayStream stream;
  kit_stream_options options = {.schema = &s->schema, .fail_code = EIO};
  kit_stream_from(&options, &stream);
  CHECK_STATUS(respool_writer_append_stream(s->writer, &stream, kit_error()), RESPOOL_SOURCE_FAILED);
  stream.release(&stream);
}

/* However the writing breaks off, the file holds every batch that was accepted, also those that still waited. */
static void broken_off_it_holds_what_was_accepted(void) {
  static const breaking_off ways[] = {break_off_by_fail, break_off_by_close, break_off_by_source};
  for (int mode = RESPOOL_MODE_ON_LIMIT; mode <= RESPOOL_MODE_ALL; mode++)
    for (int way = 0; way < 3; way++) {
      char path[KIT_PATH];
      respool_options options = named(mode, path);
      kit_spool s;
      kit_spool_open(&s, fields, &options);
      kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 1, .rows_most = 30};
      kit_series_append(&series, s.writer, 0, 12);
      ways[way](&s);
      check_stream(&series, path, 1, 12);
      kit_spool_close(&s);
    }
  CHECK_NOTHING_LEFT();
}

/* Removing the name changes nothing for those who read through the spool. */
static void the_name_may_be_removed(void) {
  char path[KIT_PATH];
  respool_options options = named(RESPOOL_MODE_ALL, path);
  kit_spool s;
  kit_spool_open(&s, fields, &options);
  kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 10, .rows_most = 50};
  kit_series_append(&series, s.writer, 0, 10);
  REQUIRE_EQ(unlink(path), 0);
  kit_series_append(&series, s.writer, 10, 20);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, 20, RESPOOL_END);
  kit_spool_close(&s);
  CHECK(!kit_exists(path));
}

/* A relative path leads from where the program stood when the spool was made, though the file may come later. */
static void a_relative_path(void) {
  for (int mode = RESPOOL_MODE_ON_LIMIT; mode <= RESPOOL_MODE_ALL; mode++) {
    char old[KIT_PATH], path[KIT_PATH];
    const char *directory = kit_scratch(), *other = kit_scratch();
    REQUIRE(getcwd(old, sizeof old) != NULL);
    REQUIRE_EQ(chdir(directory), 0);
    kit_spool s;
    respool_options options = kit_options(0, mode, "relative.arrows");
    options.sync_on_finish = 1;
    kit_spool_open(&s, fields, &options);
    REQUIRE_EQ(chdir(other), 0);
    kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 10, .rows_most = 50};
    kit_series_append(&series, s.writer, 0, 5);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    check_stream(&series, kit_join(path, directory, "relative.arrows"), 0, 5);
    CHECK_EQ(kit_entries(other), 0);
    kit_spool_close(&s);
    CHECK_EQ(chdir(old), 0);
  }
}

static const kit_test tests[] = {
    KIT_TEST(what_exists_is_left_alone),
    KIT_TEST(links_are_not_followed),
    KIT_TEST(bad_places),
    KIT_TEST(only_its_owner_may_read_it),
    KIT_TEST(a_prefix_and_then_the_whole),
    KIT_TEST(without_finish_no_end_marker),
    KIT_TEST(broken_off_it_holds_what_was_accepted),
    KIT_TEST(the_name_may_be_removed),
    KIT_TEST(a_relative_path),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
