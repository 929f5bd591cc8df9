/* SPDX-License-Identifier: Apache-2.0 */
/* Going on with a named file: what is refused, and leaves the file as it was; who may; and readers meanwhile. */
#include "bytes.h"
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCHES = 5 };

static const char fields[] = "{id:int64!,text:utf8,d:dictionary(i)<:utf8>}";

static respool_options reopening(const char *path, int32_t mode) {
  respool_options options = kit_options(0, mode, path);
  options.reopen = 1;
  return options;
}

static kit_series series_of(const kit_spool *s) {
  return (kit_series){.schema = &s->schema, .seed = kit_seed(), .rows_least = 1, .rows_most = 20, .null_rate = 0.2};
}

/* A finished file of BATCHES batches. */
static void make_file(char path[KIT_PATH], const char *text) {
  kit_spool s;
  respool_options options = reopening(kit_join(path, kit_scratch(), "named.arrows"), RESPOOL_MODE_ALL);
  kit_spool_open(&s, text, &options);
  kit_series series = series_of(&s);
  kit_series_append(&series, s.writer, 0, BATCHES);
  REQUIRE_OK(respool_writer_finish(s.writer, kit_error()));
  kit_spool_close(&s);
}

static respool_status try_schema(const struct ArrowSchema *schema, const respool_options *options, int64_t *batches) {
  kit_spool s = {0};
  respool_status status = respool_create(schema, options, &s.spool, &s.writer, kit_error());
  if (status == RESPOOL_OK) *batches = kit_stats(s.spool).batches;
  if (status != RESPOOL_OK) CHECK(s.spool == NULL && s.writer == NULL);
  kit_spool_close(&s);
  return status;
}

static respool_status try_path(const char *path, const char *text) {
  struct ArrowSchema schema;
  int64_t batches;
  respool_options options = reopening(path, RESPOOL_MODE_ALL);
  kit_schema_parse(text, &schema);
  respool_status status = try_schema(&schema, &options, &batches);
  schema.release(&schema);
  return status;
}

/* Refused, and the file is as it was. */
static void check_refused(const char *path, const char *text, respool_status status, const char *part) {
  size_t before_size, after_size;
  unsigned char *before = kit_file_read(path, &before_size);
  CHECK_ERROR(try_path(path, text), status, part);
  CHECK_HAS(kit_last_error()->message, path);
  unsigned char *after = kit_file_read(path, &after_size);
  CHECK_BYTES(after, after_size, before, before_size);
  free(before);
  free(after);
}

/* ---- What is in it --------------------------------------------------------------------------------- */

static void no_file_is_made_as_ever(void) {
  for (int mode = RESPOOL_MODE_ON_LIMIT; mode <= RESPOOL_MODE_ALL; mode++) {
    char path[KIT_PATH];
    struct stat status;
    respool_options options = reopening(kit_join(path, kit_scratch(), "named.arrows"), mode);
    options.memory_limit = 1 << 20;
    kit_spool s;
    kit_spool_open(&s, fields, &options);
    CHECK_EQ(kit_exists(path), mode == RESPOOL_MODE_ALL);
    kit_series series = series_of(&s);
    kit_series_append(&series, s.writer, 0, BATCHES);
    CHECK_OK(respool_spill(s.spool, 0, kit_error()));
    REQUIRE_EQ(stat(path, &status), 0);
    CHECK_EQ(status.st_mode & 07777, 0600);
    kit_spool_close(&s);
  }
}

/* On_limit: what is there has passed the limit already, so all that comes is written. */
static void on_limit_goes_on_in_the_file(void) {
  char path[KIT_PATH];
  make_file(path, fields);
  respool_options options = reopening(path, RESPOOL_MODE_ON_LIMIT);
  options.memory_limit = RESPOOL_NO_LIMIT;
  kit_spool s;
  kit_spool_open(&s, fields, &options);
  kit_series series = series_of(&s);
  kit_series_append(&series, s.writer, BATCHES, 2 * BATCHES);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_stored, 2 * BATCHES);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, 2 * BATCHES, RESPOOL_END);
  kit_spool_close(&s);
}

/* What is there counts against the disk budget. */
static void within_a_disk_budget(void) {
  char path[KIT_PATH];
  make_file(path, fields);
  int64_t size = kit_file_size(path) - 8; /* without the end marker */
  respool_options options = reopening(path, RESPOOL_MODE_ALL);
  options.disk_budget = size + 100;
  kit_spool s;
  kit_spool_open(&s, fields, &options);
  CHECK_EQ(kit_stats(s.spool).bytes_on_disk, size);
  kit_series series = series_of(&s);
  kit_series_append(&series, s.writer, BATCHES, BATCHES + 1);
  CHECK_STATUS(respool_writer_flush(s.writer, kit_error()), RESPOOL_OVER_BUDGET);
  kit_series_replay(&series, s.spool, BATCHES + 1, RESPOOL_TIMED_OUT);
  CHECK_EQ(kit_file_size(path), size);
  kit_spool_close(&s);
}

/* What was read of a batch that is not read together with its neighbours is given back when it is unpacked. */
static void large_compressed_batches(void) {
  if (!respool_compression_available(RESPOOL_COMPRESSION_LZ4)) kit_skip("this build has no LZ4");
  char path[KIT_PATH];
  respool_options options = reopening(kit_join(path, kit_scratch(), "packed.arrows"), RESPOOL_MODE_ALL);
  options.compression = RESPOOL_COMPRESSION_LZ4;
  kit_spool s;
  for (int64_t round = 0; round < 2; round++) {
    kit_spool_open(&s, "{number:int32}", &options);
    CHECK_EQ(kit_stats(s.spool).batches_compressed, 3 * round);
    for (int32_t i = 0; i < 3; i++) {
      struct ArrowArray array;
      kit_batch_filled(1 << 18, i, &array);
      kit_append(s.writer, &array);
    }
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    CHECK_EQ(kit_stats(s.spool).batches_compressed, 3 * (round + 1));
    kit_spool_close(&s);
  }
}

static void another_schema(void) {
  static const struct {
    const char *text, *part;
  } others[] = {
      {"{id:int32!,text:utf8,d:dictionary(i)<:utf8>}", "field 'id'"},
      {"{id:int64!,words:utf8,d:dictionary(i)<:utf8>}", "'words'"},
      {"{id:int64!,text:utf8}", "fields"},
      {"{id:int64!,text:utf8,d:utf8}", "'d'"},
      {"{id:int64!,text:utf8,d:dictionary(i)<:binary>}", "format"},
      {"{id:int64,text:utf8,d:dictionary(i)<:utf8>}", "field 'id' has other flags"},
  };
  char path[KIT_PATH];
  make_file(path, fields);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    check_refused(path, others[i].text, RESPOOL_INVALID, others[i].part);
}

static void other_metadata(void) {
  static const kit_pair pairs[] = {KIT_PAIR("key", "value")};
  char path[KIT_PATH];
  struct ArrowSchema schema;
  int64_t batches = 0;
  make_file(path, fields);
  respool_options options = reopening(path, RESPOOL_MODE_ALL);
  kit_schema_parse(fields, &schema);
  kit_schema_set_metadata(schema.children[1], pairs, 1);
  CHECK_ERROR(try_schema(&schema, &options, &batches), RESPOOL_INVALID, "field 'text' has other metadata");
  kit_schema_set_metadata(schema.children[1], pairs, 0);
  kit_schema_set_metadata(&schema, pairs, 1);
  CHECK_ERROR(try_schema(&schema, &options, &batches), RESPOOL_INVALID, "metadata of the schema");
  kit_schema_set_metadata(&schema, pairs, 0);
  CHECK_OK(try_schema(&schema, &options, &batches));
  CHECK_EQ(batches, BATCHES);
  schema.release(&schema);
}

static void append_bytes(const char *path, const void *bytes, size_t size) {
  int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  REQUIRE_EQ(write(fd, bytes, size), (ssize_t)size);
  close(fd);
}

/* A stream that this library wrote, though no spool did: what 'respool cat' makes of any other. */
static void a_copy_of_a_stream(void) {
  char path[KIT_PATH], copy[KIT_PATH];
  struct ArrowArrayStream stream;
  make_file(path, fields);
  int in = open(path, O_RDONLY | O_CLOEXEC);
  int out = open(kit_join(copy, kit_scratch(), "copy.arrows"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE_OK(respool_ipc_read_fd(in, NULL, &stream, kit_error()));
  REQUIRE_OK(respool_ipc_write_fd(&stream, out, NULL, NULL, kit_error()));
  stream.release(&stream);
  close(in);
  close(out);
  respool_options options = reopening(copy, RESPOOL_MODE_ALL);
  kit_spool s;
  kit_spool_open(&s, fields, &options);
  kit_series series = series_of(&s);
  kit_series_append(&series, s.writer, BATCHES, 2 * BATCHES);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, 2 * BATCHES, RESPOOL_END);
  kit_spool_close(&s);
}

/* The same schema in other bytes: here with more padding. */
static void by_another_program(void) {
  enum { PADDING = 8 };
  char path[KIT_PATH];
  size_t size;
  uint32_t metadata;
  make_file(path, fields);
  unsigned char *bytes = kit_file_read(path, &size), *other = calloc(size + PADDING, 1);
  memcpy(&metadata, bytes + 4, sizeof metadata);
  size_t schema = 8 + metadata;
  memcpy(other, bytes, schema);
  memcpy(other + schema + PADDING, bytes + schema, size - schema);
  metadata += PADDING;
  memcpy(other + 4, &metadata, sizeof metadata);
  kit_file_write(path, other, size + PADDING);
  check_refused(path, fields, RESPOOL_UNSUPPORTED, "another program");
  check_refused(path, "{id:int64!,text:utf8,d:dictionary(i)<:binary>}", RESPOOL_INVALID, "format");
  free(bytes);
  free(other);
}

/* Behind the end marker, and where a message would start. */
static void what_no_writer_leaves_behind(void) {
  static const char garbage[] = "this is not Arrow";
  static const unsigned char zeros_and_more[100] = {[99] = 1};
  char path[KIT_PATH];
  make_file(path, fields);
  append_bytes(path, garbage, sizeof garbage);
  check_refused(path, fields, RESPOOL_CORRUPT, "behind the end of the stream");
  REQUIRE_EQ(truncate(path, kit_file_size(path) - (int64_t)sizeof garbage - 8), 0);
  append_bytes(path, garbage, sizeof garbage);
  check_refused(path, fields, RESPOOL_CORRUPT, "no message starts here");
  REQUIRE_EQ(truncate(path, kit_file_size(path) - (int64_t)sizeof garbage), 0);
  append_bytes(path, zeros_and_more, sizeof zeros_and_more);
  check_refused(path, fields, RESPOOL_CORRUPT, "zeros");
}

static void no_stream_at_all(void) {
  static const char text[] = "Dear diary, today I learned about columns, and about what lies in them.";
  char path[KIT_PATH];
  kit_join(path, kit_scratch(), "diary.txt");
  kit_file_write(path, text, sizeof text);
  check_refused(path, fields, RESPOOL_CORRUPT, "does not begin like");
  kit_file_write(path, "x", 1);
  check_refused(path, fields, RESPOOL_CORRUPT, "does not begin like");
  kit_file_write(path, "ARROW1\0\0", 8);
  check_refused(path, fields, RESPOOL_CORRUPT, "does not begin like");
}

/*
 * Any one byte changed: either nobody minds, and all batches are there, or it is refused. What comes behind the damage
 * is never taken for a tail to be cut.
 */
static void one_byte_changed(void) {
  char path[KIT_PATH];
  size_t size, opened = 0;
  struct ArrowSchema schema;
  make_file(path, fields);
  unsigned char *bytes = kit_file_read(path, &size);
  respool_options options = reopening(path, RESPOOL_MODE_ALL);
  kit_schema_parse(fields, &schema);
  for (size_t at = 0; at + 8 < size && kit_failures() == 0; at += kit_slow() ? 23 : 1) {
    static const unsigned char changes[] = {0x01, 0x40, 0x80, 0xFF};
    for (size_t c = 0; c < sizeof changes; c++) {
      int64_t batches = 0;
      bytes[at] ^= changes[c];
      REQUIRE_EQ(unlink(path), 0);
      kit_file_write(path, bytes, size);
      respool_status status = try_schema(&schema, &options, &batches);
      if (status == RESPOOL_OK) {
        CHECK_EQ(batches, BATCHES);
        opened++;
      } else {
        CHECK(status == RESPOOL_CORRUPT || status == RESPOOL_UNSUPPORTED || status == RESPOOL_INVALID);
        CHECK_EQ(kit_file_size(path), size);
      }
      bytes[at] ^= changes[c];
      if (kit_failures() > 0) kit_note("byte %d of %d, changed by %x", (int)at, (int)size, changes[c]);
    }
  }
  CHECK_LE(1, opened); /* values */
  schema.release(&schema);
  free(bytes);
}

/* ---- Whose it is ----------------------------------------------------------------------------------- */

static void not_while_another_spool_writes_it(void) {
  char path[KIT_PATH];
  make_file(path, fields);
  respool_options options = reopening(path, RESPOOL_MODE_ALL);
  kit_spool s;
  kit_spool_open(&s, fields, &options);
  CHECK_ERROR(try_path(path, fields), RESPOOL_IO, "is being written by another");
  CHECK_EQ(kit_last_error()->os_error, EAGAIN);
  kit_series series = series_of(&s);
  kit_series_append(&series, s.writer, BATCHES, BATCHES + 1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_OK(try_path(path, fields)); /* though it is still read */
  kit_series_replay(&series, s.spool, BATCHES + 1, RESPOOL_END);
  kit_spool_close(&s);
}

static void not_while_another_process_writes_it(void) {
  char path[KIT_PATH], byte;
  int ready[2];
  make_file(path, fields);
  REQUIRE_EQ(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    respool_options options = reopening(path, RESPOOL_MODE_ALL);
    kit_spool s;
    kit_spool_open(&s, fields, &options);
    if (write(ready[1], "", 1) != 1) _exit(1);
    for (;;) pause();
  }
  REQUIRE_EQ(read(ready[0], &byte, 1), 1);
  CHECK_ERROR(try_path(path, fields), RESPOOL_IO, "is being written by another process");
  kill(child, SIGKILL);
  CHECK_EQ(waitpid(child, NULL, 0), child);
  CHECK_OK(try_path(path, fields));
  close(ready[0]);
  close(ready[1]);
}

static void only_regular_files(void) {
  char path[KIT_PATH], link[KIT_PATH], fifo[KIT_PATH], dangling[KIT_PATH];
  make_file(path, fields);
  const char *directory = kit_scratch();
  REQUIRE_EQ(symlink(path, kit_join(link, directory, "link")), 0);
  REQUIRE_EQ(symlink("nowhere", kit_join(dangling, directory, "dangling")), 0);
  REQUIRE_EQ(mkfifo(kit_join(fifo, directory, "fifo"), 0600), 0);
  CHECK_ERROR(try_path(link, fields), RESPOOL_IO, "links are not followed");
  CHECK_ERROR(try_path(dangling, fields), RESPOOL_IO, "links are not followed");
  CHECK_ERROR(try_path(fifo, fields), RESPOOL_IO, "not a regular file");
  CHECK_ERROR(try_path(directory, fields), RESPOOL_IO, directory);
  CHECK_EQ(kit_last_error()->os_error, EISDIR);
  CHECK_ERROR(try_path("/dev/null", fields), RESPOOL_IO, "not a regular file");
  CHECK_ERROR(try_path(kit_join(link, path, "below"), fields), RESPOOL_IO, "below");
  CHECK_EQ(kit_last_error()->os_error, ENOTDIR);
}

static void only_ones_own(void) {
  char path[KIT_PATH];
  make_file(path, fields);
  if (geteuid() == 0) {
    REQUIRE_EQ(chown(path, 12345, (gid_t)-1), 0);
    check_refused(path, fields, RESPOOL_IO, "belongs to another user");
    CHECK_EQ(kit_last_error()->os_error, EPERM);
    return;
  }
  REQUIRE_EQ(chmod(path, 0400), 0);
  check_refused(path, fields, RESPOOL_IO, "cannot open spool file");
  CHECK_EQ(kit_last_error()->os_error, EACCES);
}

static void options_that_contradict(void) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, NULL);
  struct ArrowSchema schema;
  int64_t batches;
  kit_schema_parse(fields, &schema);
  options.reopen = 1;
  CHECK_ERROR(try_schema(&schema, &options, &batches), RESPOOL_INVALID, "needs a path");
  options.mode = RESPOOL_MODE_ON_LIMIT;
  CHECK_ERROR(try_schema(&schema, &options, &batches), RESPOOL_INVALID, "needs a path");
  options.reopen = 2;
  CHECK_ERROR(try_schema(&schema, &options, &batches), RESPOOL_INVALID, "reopen");
  schema.release(&schema);
}

/* ---- Reading meanwhile ----------------------------------------------------------------------------- */

enum { MANY = 60, READERS = 3 };

struct follower {
  const kit_series *series;
  respool_reader *reader;
};

static void *follow(void *argument) {
  struct follower *follower = argument;
  for (int64_t i = 0;; i++) {
    struct ArrowArray array;
    respool_status status = respool_reader_next(follower->reader, &array, RESPOOL_WAIT_FOREVER, kit_error());
    if (status != RESPOOL_OK) {
      CHECK_STATUS(status, RESPOOL_END);
      CHECK_EQ(i, MANY);
      return NULL;
    }
    kit_series_check(follower->series, i, &array);
  }
}

static void old_and_new_batches_in_one_go(void) {
  for (int32_t replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
    char path[KIT_PATH];
    struct follower followers[READERS];
    pthread_t threads[READERS];
    make_file(path, fields);
    respool_options options = reopening(path, RESPOOL_MODE_ALL);
    options.replay = replay;
    kit_spool s;
    kit_spool_open(&s, fields, &options);
    kit_series series = series_of(&s);
    for (int i = 0; i < READERS; i++) {
      followers[i] = (struct follower){&series, kit_reader(s.spool)};
      threads[i] = kit_thread_start(follow, &followers[i]);
    }
    kit_series_append(&series, s.writer, BATCHES, MANY);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    for (int i = 0; i < READERS; i++) {
      kit_thread_join(threads[i]);
      respool_reader_close(followers[i].reader);
    }
    kit_spool_close(&s);
  }
  CHECK_NOTHING_LEFT();
}

/* Batches that were there have checksums like those that come. */
static void values_changed_since(void) {
  char path[KIT_PATH];
  struct ArrowArray array;
  make_file(path, fields);
  respool_options options = reopening(path, RESPOOL_MODE_ALL);
  kit_spool s;
  kit_spool_open(&s, fields, &options);
  kit_series series = series_of(&s);
  int64_t size = kit_file_size(path);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  for (int64_t at = size - 1; at > size / 2; at -= 37) {
    unsigned char byte, other;
    REQUIRE_EQ(pread(fd, &byte, 1, at), 1);
    other = byte ^ 0x10;
    REQUIRE_EQ(pwrite(fd, &other, 1, at), 1);
    respool_reader *reader = kit_reader(s.spool);
    respool_status status = respool_reader_next(reader, &array, 0, kit_error());
    for (int64_t i = 0; status == RESPOOL_OK; status = respool_reader_next(reader, &array, 0, kit_error()))
      kit_series_check(&series, i++, &array);
    CHECK_EQ(status, RESPOOL_CORRUPT);
    respool_reader_close(reader);
    REQUIRE_EQ(pwrite(fd, &byte, 1, at), 1);
  }
  close(fd);
  kit_series_replay(&series, s.spool, BATCHES, RESPOOL_TIMED_OUT);
  kit_spool_close(&s);
}

static const kit_test tests[] = {
    KIT_TEST(no_file_is_made_as_ever),
    KIT_TEST(on_limit_goes_on_in_the_file),
    KIT_TEST(within_a_disk_budget),
    KIT_TEST(large_compressed_batches),
    KIT_TEST(another_schema),
    KIT_TEST(other_metadata),
    KIT_TEST(a_copy_of_a_stream),
    KIT_TEST(by_another_program),
    KIT_TEST(what_no_writer_leaves_behind),
    KIT_TEST(no_stream_at_all),
    KIT_TEST(one_byte_changed),
    KIT_TEST(not_while_another_spool_writes_it),
    KIT_TEST(not_while_another_process_writes_it),
    KIT_TEST(only_regular_files),
    KIT_TEST(only_ones_own),
    KIT_TEST(options_that_contradict),
    KIT_TEST(old_and_new_batches_in_one_go),
    KIT_TEST(values_changed_since),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
