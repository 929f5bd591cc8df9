/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow IPC through descriptors, pipes and callbacks, in any portions, and what reading accepts and limits. */
#include "bytes.h"
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCHES = 6 };

static struct ArrowSchema schema;

static kit_series series_open(void) {
  kit_schema_parse("{id:int64!,text:utf8,flag:bool,items:list<item:struct<x:int16,y:large_utf8>>}", &schema);
  return (kit_series){.schema = &schema, .seed = kit_seed(), .rows_most = 40, .null_rate = 0.3, .sliced = true};
}

static void series_close(void) {
  schema.release(&schema);
  CHECK_NOTHING_LEFT();
  CHECK_EQ(kit_live_streams(), 0);
}

/* A stream over the first BATCHES of the series, failing with `code` in place of the end. */
static void open_source(const kit_series *series, int code, struct ArrowArrayStream *stream) {
  struct ArrowArray batches[BATCHES];
  for (int64_t i = 0; i < BATCHES; i++) kit_series_batch(series, i, &batches[i]);
  kit_stream_options options = {
      .schema = series->schema, .batches = batches, .count = BATCHES, .fail_code = code, .fail_text = "dried up"};
  kit_stream_from(&options, stream);
}

static void write_series(const kit_series *series, kit_sink *sink) {
  struct ArrowArrayStream stream;
  open_source(series, 0, &stream);
  kit_write_stream(&stream, sink);
}

static void through_callbacks_in_any_portions(void) {
  static const int64_t portions[] = {0, 1, 3, 7, 64, 1000};
  kit_series series = series_open();
  kit_sink whole = {0};
  write_series(&series, &whole);
  for (size_t i = 0; i < sizeof portions / sizeof portions[0]; i++) {
    kit_sink sink = {.take_most = portions[i]};
    kit_source source = {.bytes = whole.bytes, .size = whole.size, .give_most = portions[i]};
    struct ArrowArrayStream stream;
    write_series(&series, &sink);
    CHECK_BYTES(whole.bytes, whole.size, sink.bytes, sink.size);
    REQUIRE_OK(respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error()));
    kit_series_check_stream(&series, &stream, BATCHES);
    CHECK_EQ(source.at, source.size); /* up to the end marker, which is the last */
    kit_sink_free(&sink);
  }
  kit_sink_free(&whole);
  series_close();
}

static void totals_tell_what_was_written(void) {
  kit_series series = series_open();
  struct ArrowArrayStream stream;
  kit_sink sink = {0};
  respool_ipc_totals totals = {.struct_size = sizeof totals};
  int64_t rows = 0;
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array;
    kit_series_expected(&series, i, &array);
    rows += array.length;
    array.release(&array);
  }
  open_source(&series, 0, &stream);
  CHECK_OK(respool_ipc_write(&stream, kit_sink_write, &sink, NULL, &totals, kit_error()));
  CHECK(stream.release != NULL); /* it stays the caller's */
  stream.release(&stream);
  CHECK_EQ(totals.batches, BATCHES);
  CHECK_EQ(totals.rows, rows);
  CHECK_EQ(totals.bytes, sink.size);
  kit_sink_free(&sink);
  series_close();
}

static void a_source_error_ends_without_marker(void) {
  kit_series series = series_open();
  struct ArrowArrayStream stream;
  kit_sink whole = {0}, cut = {0};
  respool_ipc_totals totals = {.struct_size = sizeof totals};
  write_series(&series, &whole);
  open_source(&series, EREMOTEIO, &stream);
  CHECK_ERROR(respool_ipc_write(&stream, kit_sink_write, &cut, NULL, &totals, kit_error()), RESPOOL_SOURCE_FAILED,
              "dried up");
  CHECK_EQ(kit_last_error()->os_error, EREMOTEIO);
  stream.release(&stream);
  CHECK_EQ(totals.batches, BATCHES);
  CHECK_EQ(totals.bytes, cut.size);
  CHECK_LE(cut.size + 1, whole.size);
  CHECK_BYTES(whole.bytes, cut.size, cut.bytes, cut.size);
  kit_sink_free(&whole);
  kit_sink_free(&cut);
  series_close();
}

static void a_destination_error_is_told(void) {
  kit_series series = series_open();
  static const struct {
    int code;
    respool_status status;
  } cases[] = {{EIO, RESPOOL_IO}, {ENOSPC, RESPOOL_NO_SPACE}, {EDQUOT, RESPOOL_NO_SPACE}, {EPIPE, RESPOOL_IO}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (int64_t after = 0; after < 2000; after += 500) {
      struct ArrowArrayStream stream;
      kit_sink sink = {.fail_after = after, .fail_code = cases[i].code, .take_most = 100};
      open_source(&series, 0, &stream);
      CHECK_ERROR(respool_ipc_write(&stream, kit_sink_write, &sink, NULL, NULL, kit_error()), cases[i].status, NULL);
      CHECK_EQ(kit_last_error()->os_error, cases[i].code);
      stream.release(&stream);
      kit_sink_free(&sink);
    }
  series_close();
}

static void a_source_of_bytes_that_fails(void) {
  kit_series series = series_open();
  kit_sink whole = {0};
  write_series(&series, &whole);
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  kit_source at_once = {.bytes = whole.bytes, .size = 100, .fail_code = ECONNRESET};
  CHECK_ERROR(respool_ipc_read(kit_source_read, &at_once, NULL, &stream, kit_error()), RESPOOL_IO, NULL);
  CHECK_EQ(kit_last_error()->os_error, ECONNRESET);
  kit_source later = {.bytes = whole.bytes, .size = whole.size - 8, .fail_code = ECONNRESET};
  REQUIRE_OK(respool_ipc_read(kit_source_read, &later, NULL, &stream, kit_error()));
  for (int64_t i = 0; i < BATCHES; i++)
    if (CHECK_EQ(stream.get_next(&stream, &array), 0)) kit_series_check(&series, i, &array);
  for (int i = 0; i < 2; i++) {
    CHECK_EQ(stream.get_next(&stream, &array), ECONNRESET); /* and so at every later call */
    CHECK(stream.get_last_error(&stream) != NULL);
  }
  stream.release(&stream);
  kit_sink_free(&whole);
  series_close();
}

/* ---- Descriptors ----------------------------------------------------------------------------------- */

static void through_a_file(void) {
  kit_series series = series_open();
  struct ArrowArrayStream stream;
  respool_ipc_totals totals = {.struct_size = sizeof totals};
  char path[KIT_PATH];
  int descriptors = kit_open_descriptors();
  int fd = open(kit_join(path, kit_scratch(), "stream"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0);
  CHECK_EQ(write(fd, "leading bytes", 13), 13);
  open_source(&series, 0, &stream);
  CHECK_OK(respool_ipc_write_fd(&stream, fd, NULL, &totals, kit_error()));
  stream.release(&stream);
  CHECK_EQ(write(fd, "trailing bytes", 14), 14);
  CHECK_EQ(lseek(fd, 0, SEEK_CUR), 13 + totals.bytes + 14);
  CHECK_EQ(lseek(fd, 13, SEEK_SET), 13);
  CHECK_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error()));
  kit_series_check_stream(&series, &stream, BATCHES);
  CHECK_EQ(kit_open_descriptors(), descriptors + 1); /* still open */
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.close_descriptor = 1;
  CHECK_EQ(lseek(fd, 13, SEEK_SET), 13);
  CHECK_OK(respool_ipc_read_fd(fd, &options, &stream, kit_error()));
  kit_series_check_stream(&series, &stream, BATCHES);
  CHECK_EQ(kit_open_descriptors(), descriptors); /* closed by release */
  series_close();
}

/* On an error the descriptor is the caller's still, whatever the option says. */
static void a_failed_open_closes_nothing(void) {
  struct ArrowArrayStream stream;
  respool_ipc_options options;
  char path[KIT_PATH];
  respool_ipc_options_init(&options, sizeof options);
  options.close_descriptor = 1;
  kit_file_write(kit_join(path, kit_scratch(), "text"), "this is no stream of anything", 29);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK_ERROR(respool_ipc_read_fd(fd, &options, &stream, kit_error()), RESPOOL_CORRUPT, NULL);
  CHECK_EQ(close(fd), 0);
}

typedef struct pipe_writer {
  const kit_sink *sink;
  int fd;
  bool slowly;
} pipe_writer;

static void *feed_pipe(void *argument) {
  pipe_writer *w = argument;
  for (size_t at = 0; at < w->sink->size;) {
    size_t portion = w->slowly ? 97 : w->sink->size - at;
    if (portion > w->sink->size - at) portion = w->sink->size - at;
    ssize_t wrote = write(w->fd, w->sink->bytes + at, portion);
    if (wrote < 0) break;
    at += (size_t)wrote;
    if (w->slowly) kit_pause(10);
  }
  close(w->fd);
  return NULL;
}

static void read_through_pipe(const kit_series *series, const kit_sink *sink, bool blocking) {
  int pipes[2];
  struct ArrowArrayStream stream;
  REQUIRE_EQ(pipe(pipes), 0);
  if (!blocking) CHECK_EQ(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
  pipe_writer writer = {sink, pipes[1], true};
  pthread_t thread = kit_thread_start(feed_pipe, &writer);
  if (CHECK_OK(respool_ipc_read_fd(pipes[0], NULL, &stream, kit_error())))
    kit_series_check_stream(series, &stream, BATCHES);
  close(pipes[0]);
  kit_thread_join(thread);
}

static void from_a_pipe_blocking_or_not(void) {
  kit_series series = series_open();
  kit_sink whole = {0};
  signal(SIGPIPE, SIG_IGN);
  write_series(&series, &whole);
  read_through_pipe(&series, &whole, true);
  read_through_pipe(&series, &whole, false);
  kit_sink_free(&whole);
  series_close();
}

typedef struct pipe_reader {
  kit_sink sink;
  int fd;
} pipe_reader;

static void *drain_pipe(void *argument) {
  pipe_reader *r = argument;
  char buffer[113];
  for (ssize_t got; (got = read(r->fd, buffer, sizeof buffer)) > 0;) {
    kit_sink_write(&r->sink, buffer, got);
    kit_pause(5);
  }
  return NULL;
}

/* More than a pipe holds, so that a non-blocking descriptor has to be waited for. */
static void to_a_pipe_blocking_or_not(void) {
  kit_series series = series_open();
  for (int blocking = 0; blocking <= 1; blocking++) {
    int pipes[2];
    kit_sink whole = {0};
    struct ArrowArrayStream stream;
    pipe_reader reader = {.sink = {0}};
    REQUIRE_EQ(pipe(pipes), 0);
    if (!blocking) CHECK_EQ(fcntl(pipes[1], F_SETFL, O_NONBLOCK), 0);
    CHECK_LE(0, fcntl(pipes[1], F_SETPIPE_SZ, 4096));
    reader.fd = pipes[0];
    write_series(&series, &whole);
    pthread_t thread = kit_thread_start(drain_pipe, &reader);
    open_source(&series, 0, &stream);
    CHECK_OK(respool_ipc_write_fd(&stream, pipes[1], NULL, NULL, kit_error()));
    stream.release(&stream);
    close(pipes[1]);
    kit_thread_join(thread);
    close(pipes[0]);
    CHECK_BYTES(whole.bytes, whole.size, reader.sink.bytes, reader.sink.size);
    kit_sink_free(&whole);
    kit_sink_free(&reader.sink);
  }
  series_close();
}

static void to_a_pipe_that_nobody_reads(void) {
  kit_series series = series_open();
  int pipes[2];
  struct ArrowArrayStream stream;
  signal(SIGPIPE, SIG_IGN);
  REQUIRE_EQ(pipe(pipes), 0);
  close(pipes[0]);
  open_source(&series, 0, &stream);
  CHECK_ERROR(respool_ipc_write_fd(&stream, pipes[1], NULL, NULL, kit_error()), RESPOOL_IO, NULL);
  CHECK_EQ(kit_last_error()->os_error, EPIPE);
  stream.release(&stream);
  close(pipes[1]);
  series_close();
}

static void a_descriptor_opened_the_wrong_way(void) {
  kit_series series = series_open();
  struct ArrowArrayStream stream;
  char path[KIT_PATH];
  kit_file_write(kit_join(path, kit_scratch(), "file"), "", 0);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  open_source(&series, 0, &stream);
  CHECK_ERROR(respool_ipc_write_fd(&stream, fd, NULL, NULL, kit_error()), RESPOOL_IO, NULL);
  stream.release(&stream);
  close(fd);
  fd = open(path, O_WRONLY | O_CLOEXEC);
  CHECK_ERROR(respool_ipc_read_fd(fd, NULL, &stream, kit_error()), RESPOOL_IO, NULL);
  close(fd);
  series_close();
}

/* ---- What reading limits --------------------------------------------------------------------------- */

/* Reads all of it; answers with the status that opening gave, or as that of get_next's errno value. */
static int read_with(const kit_sink *sink, const respool_ipc_options *options, int64_t *batches) {
  kit_source source = {.bytes = sink->bytes, .size = sink->size};
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  *batches = 0;
  respool_status status = respool_ipc_read(kit_source_read, &source, options, &stream, kit_error());
  if (status != RESPOOL_OK) return (int)status + 10000;
  int code;
  while ((code = stream.get_next(&stream, &array)) == 0 && array.release != NULL) {
    ++*batches;
    array.release(&array);
  }
  stream.release(&stream);
  return code;
}

static void limits_of_metadata_and_body(void) {
  kit_series series = series_open();
  kit_sink sink = {0};
  int64_t batches;
  write_series(&series, &sink);
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  CHECK_EQ(read_with(&sink, &options, &batches), 0);
  CHECK_EQ(batches, BATCHES);
  options.max_metadata_bytes = 16;
  CHECK_LE(10000 + RESPOOL_INVALID, read_with(&sink, &options, &batches));
  CHECK(kit_last_error()->message[0] != '\0');
  respool_ipc_options_init(&options, sizeof options);
  options.max_body_bytes = 64;
  CHECK_LE(1, read_with(&sink, &options, &batches));
  CHECK_LE(batches, BATCHES - 1);
  kit_sink_free(&sink);
  series_close();
}

static void limits_of_depth(void) {
  kit_series series = series_open(); /* the deepest is text.items.item.x: 3 below the batch */
  kit_sink sink = {0};
  int64_t batches;
  write_series(&series, &sink);
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.max_depth = 3;
  CHECK_EQ(read_with(&sink, &options, &batches), 0);
  options.max_depth = 2;
  CHECK_LE(10000 + RESPOOL_INVALID, read_with(&sink, &options, &batches));
  options.max_depth = 0;
  CHECK_EQ(read_with(&sink, &options, &batches), 10000 + RESPOOL_INVALID);
  options.max_depth = 65;
  CHECK_EQ(read_with(&sink, &options, &batches), 10000 + RESPOOL_INVALID);
  kit_sink_free(&sink);
  series_close();
}

static void options_out_of_range(void) {
  kit_series series = series_open();
  kit_sink sink = {0};
  int64_t batches;
  respool_ipc_options options;
  write_series(&series, &sink);
  for (int i = 0; i < 7; i++) {
    respool_ipc_options_init(&options, sizeof options);
    if (i == 0) options.validation = 3;
    if (i == 1) options.validation = -1;
    if (i == 2) options.max_metadata_bytes = -1;
    if (i == 3) options.max_body_bytes = -1;
    if (i == 4) options.allow_missing_end = 2;
    if (i == 5) options.close_descriptor = -1;
    if (i == 6) options.struct_size = 0;
    if (!CHECK_EQ(read_with(&sink, &options, &batches), 10000 + RESPOOL_INVALID)) kit_note("option %d", i);
  }
  kit_sink_free(&sink);
  series_close();
}

static void both_levels_of_validation(void) {
  kit_series series = series_open();
  kit_sink sink = {0};
  int64_t batches;
  respool_ipc_options options;
  write_series(&series, &sink);
  respool_ipc_options_init(&options, sizeof options);
  for (options.validation = 0; options.validation <= RESPOOL_VALIDATE_FULL; options.validation++) {
    CHECK_EQ(read_with(&sink, &options, &batches), 0);
    CHECK_EQ(batches, BATCHES);
  }
  kit_sink_free(&sink);
  series_close();
}

static void bytes_that_are_none(void) {
  static const char *const texts[] = {"",
                                      "A",
                                      "ARROW1",
                                      "ARROW1\0\0",
                                      "PAR1",
                                      "hello, world: a text file\n",
                                      "\xff\xff\xff\xff",
                                      "\xff\xff\xff\xff\xff\xff\xff\x7f",
                                      "\x10\0\0\0"};
  static const size_t sizes[] = {0, 1, 6, 8, 4, 26, 4, 8, 4};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    kit_source source = {.bytes = (const unsigned char *)texts[i], .size = sizes[i]};
    struct ArrowArrayStream stream;
    respool_status status = respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error());
    CHECK(status == RESPOOL_CORRUPT || status == RESPOOL_TRUNCATED);
    CHECK(kit_last_error()->message[0] != '\0');
    if (status == RESPOOL_OK) stream.release(&stream);
  }
}

/* Arrays are independent of the stream they came from. */
static void arrays_outlive_the_stream(void) {
  kit_series series = series_open();
  kit_sink sink = {0};
  struct ArrowArray arrays[BATCHES];
  struct ArrowArrayStream stream;
  write_series(&series, &sink);
  kit_source source = {.bytes = sink.bytes, .size = sink.size};
  REQUIRE_OK(respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error()));
  for (int i = 0; i < BATCHES; i++) REQUIRE_EQ(stream.get_next(&stream, &arrays[i]), 0);
  stream.release(&stream);
  kit_sink_free(&sink);
  for (int i = 0; i < BATCHES; i++) kit_series_check(&series, i, &arrays[i]);
  series_close();
}

static void what_cannot_be_written(void) {
  struct ArrowSchema other;
  struct ArrowArrayStream stream;
  kit_sink sink = {0};
  kit_schema_parse("{a:dictionary(i)<v:dictionary(c)<:utf8>>}", &other);
  kit_stream_options options = {.schema = &other};
  kit_stream_from(&options, &stream);
  CHECK_ERROR(respool_ipc_write(&stream, kit_sink_write, &sink, NULL, NULL, kit_error()), RESPOOL_UNSUPPORTED, NULL);
  stream.release(&stream);
  options.schema = other.children[0];
  kit_stream_from(&options, &stream);
  CHECK_ERROR(respool_ipc_write(&stream, kit_sink_write, &sink, NULL, NULL, kit_error()), RESPOOL_INVALID, NULL);
  stream.release(&stream);
  other.release(&other);
  CHECK_EQ(sink.size, 0);
  kit_series series = series_open();
  struct ArrowArray batch;
  kit_batch_one(1, &batch); /* does not fit the stream's schema */
  options = (kit_stream_options){.schema = &schema, .batches = &batch, .count = 1};
  kit_stream_from(&options, &stream);
  CHECK_ERROR(respool_ipc_write(&stream, kit_sink_write, &sink, NULL, NULL, kit_error()), RESPOOL_INVALID, NULL);
  stream.release(&stream);
  kit_sink_free(&sink);
  (void)series;
  series_close();
}

static const kit_test tests[] = {
    KIT_TEST(through_callbacks_in_any_portions),
    KIT_TEST(totals_tell_what_was_written),
    KIT_TEST(a_source_error_ends_without_marker),
    KIT_TEST(a_destination_error_is_told),
    KIT_TEST(a_source_of_bytes_that_fails),
    KIT_TEST(through_a_file),
    KIT_TEST(a_failed_open_closes_nothing),
    KIT_TEST(from_a_pipe_blocking_or_not),
    KIT_TEST(to_a_pipe_blocking_or_not),
    KIT_TEST(to_a_pipe_that_nobody_reads),
    KIT_TEST(a_descriptor_opened_the_wrong_way),
    KIT_TEST(limits_of_metadata_and_body),
    KIT_TEST(limits_of_depth),
    KIT_TEST(options_out_of_range),
    KIT_TEST(both_levels_of_validation),
    KIT_TEST(bytes_that_are_none),
    KIT_TEST(arrays_outlive_the_stream),
    KIT_TEST(what_cannot_be_written),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
