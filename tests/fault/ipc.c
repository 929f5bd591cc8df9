/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading, writing and inspecting Arrow IPC bytes with each system call, allocation or callback failing in turn: an
 * error with the right code and place, nothing wrong before it, nothing left after it, and success at the next
 * attempt.
 */
#include "batches.h"
#include "fault.h"
#include "file_format.h"

#include "check.h"
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCHES = 9 };

static const char *directory;
static char path[KIT_PATH];
static int descriptors;

static void begin(void) {
  batch_schema();
  directory = kit_scratch();
  kit_join(path, directory, "file");
  descriptors = kit_open_descriptors();
}

static void check_nothing_left(void) {
  CHECK_EQ(batch_live_arrays(), 0);
  CHECK_EQ(batch_live_schemas(), 0);
  CHECK_EQ(kit_live_streams(), 0);
  CHECK_EQ(kit_open_descriptors(), descriptors);
}

static void some_stream(struct ArrowArrayStream *stream) {
  struct ArrowArray batches[BATCHES];
  for (int i = 0; i < BATCHES; i++) batch_make(i, &batches[i]);
  kit_stream_options options = {.schema = batch_schema(), .batches = batches, .count = BATCHES};
  kit_stream_from(&options, stream);
}

/* Not a fault of its own that the caller may see. */
static bool unnoticed(const struct fault *fault) {
  return fault->error == 0 || fault->error == EINTR || fault->targets == FAULT_FSTAT;
}

typedef void attempt(const struct fault *fault, const char *input);

/* Call after call, in each pattern, until none meets the fault. */
static int64_t sweep(attempt *run, const struct fault *fault, const char *input) {
  struct fault armed = *fault;
  int64_t points = 0;
  for (int pattern = 0; pattern < 3; pattern++) {
    armed.pattern = (enum fault_pattern)pattern;
    if (armed.error == EINTR && pattern == FAULT_FOR_EVER) continue;
    for (int64_t at = 1; kit_failures() == 0; at++, points++) {
      fault_arm(&armed, at);
      run(&armed, input);
      fault_disarm();
      if (kit_failures() > 0)
        kit_note("call %d of %x, error %d, pattern %d", (int)at, armed.targets, armed.error, pattern);
      if (fault_hits() == 0) break;
    }
  }
  return points;
}

static void sweep_all(attempt *run, const struct fault *faults, size_t count, const char *input, const char *what) {
  int64_t points = 0;
  fault_scenario(what);
  for (size_t i = 0; i < count; i++) points += sweep(run, &faults[i], input);
  kit_note("%s: %d fault points", what, (int)points);
  CHECK_LE((int64_t)count, points);
}

/* ---- Writing --------------------------------------------------------------------------------------- */

/* How many whole batches a cut stream begins with. */
static int64_t whole_batches(const char *file) {
  struct ArrowArrayStream stream;
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.allow_missing_end = 1;
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  int64_t count = 0;
  if (respool_ipc_read_fd(fd, &options, &stream, NULL) == RESPOOL_OK) {
    struct ArrowArray array;
    while (stream.get_next(&stream, &array) == 0 && array.release != NULL) {
      batch_check(count++, &array);
      array.release(&array);
    }
    stream.release(&stream);
  }
  close(fd);
  return count;
}

static int32_t write_compression;

static void write_once(const struct fault *fault, const char *input) {
  (void)input;
  respool_ipc_write_options options;
  respool_ipc_write_options_init(&options, sizeof options);
  options.compression = write_compression;
  struct ArrowArrayStream stream;
  respool_ipc_totals totals = {.struct_size = sizeof totals};
  some_stream(&stream);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  respool_status status = respool_ipc_write_fd(&stream, fd, &options, &totals, kit_error());
  fault_pause();
  CHECK_EQ(totals.bytes, kit_file_size(path));
  if (status != RESPOOL_OK) {
    CHECK(!unnoticed(fault) && status == fault_status(fault));
    CHECK_EQ(kit_last_error()->os_error, fault->error == ENOMEM ? 0 : fault->error);
    CHECK_EQ(whole_batches(path), totals.batches);
  } else {
    CHECK_EQ(totals.batches, BATCHES);
    CHECK_EQ(batch_count_file(path, true), BATCHES);
  }
  fault_resume();
  close(fd);
  CHECK(stream.release != NULL); /* the stream stays the caller's */
  stream.release(&stream);
  check_nothing_left();
}

static void writing(void) {
  static const struct fault faults[] = {
      {.targets = FAULT_WRITEV, .error = ENOSPC},
      {.targets = FAULT_WRITEV, .error = ENOSPC, .partial = true},
      {.targets = FAULT_WRITEV, .error = EPIPE},
      {.targets = FAULT_WRITEV, .error = EINTR},
      {.targets = FAULT_WRITEV},
      {.targets = FAULT_MEMORY, .error = ENOMEM},
  };
  static const char *const what[] = {"writing", "writing with LZ4", "writing with ZSTD"};
  begin();
  for (write_compression = 0; write_compression < 3; write_compression++) {
    if (!respool_compression_available(write_compression)) continue;
    sweep_all(write_once, faults, sizeof faults / sizeof faults[0], NULL, what[write_compression]);
  }
}

/* A callback that fails after so many bytes. */
static void writing_to_a_callback(void) {
  begin();
  kit_sink whole = {0};
  input_stream(BATCHES, &whole);
  int64_t step = kit_slow() ? 997 : 101, points = 0;
  for (int64_t room = 0; room < (int64_t)whole.size && kit_failures() == 0; room += step, points++) {
    struct ArrowArrayStream stream;
    kit_sink sink = {.take_most = 500, .fail_code = ENOSPC, .fail_after = room};
    some_stream(&stream);
    respool_ipc_totals totals = {.struct_size = sizeof totals};
    CHECK_STATUS(respool_ipc_write(&stream, kit_sink_write, &sink, NULL, &totals, kit_error()), RESPOOL_NO_SPACE);
    CHECK_EQ(memcmp(sink.bytes == NULL ? whole.bytes : sink.bytes, whole.bytes, sink.size), 0);
    CHECK_EQ(totals.bytes, sink.size);
    stream.release(&stream);
    kit_sink_free(&sink);
  }
  kit_note("writing to a callback: %d fault points", (int)points);
  kit_sink_free(&whole);
  check_nothing_left();
}

/* ---- Reading --------------------------------------------------------------------------------------- */

/* An error of a stream: its code, its place, and for ever. */
static void check_stream_error(struct ArrowArrayStream *stream, int code, int64_t batch, const struct fault *fault) {
  char named[32];
  struct ArrowArray array = {0};
  snprintf(named, sizeof named, "batch %d", (int)batch);
  CHECK(!unnoticed(fault));
  CHECK_EQ(code, fault->error);
  CHECK_HAS(stream->get_last_error(stream), named);
  CHECK_EQ(stream->get_next(stream, &array), code);
  CHECK_HAS(stream->get_last_error(stream), named);
}

/* All batches, or those before an error. False: there was one. */
static bool pull_all(struct ArrowArrayStream *stream, const struct fault *fault) {
  for (int64_t i = 0;; i++) {
    struct ArrowArray array = {0};
    int code = stream->get_next(stream, &array);
    if (code != 0) {
      check_stream_error(stream, code, i, fault);
      return false;
    }
    if (array.release == NULL) return CHECK_EQ(i, BATCHES);
    batch_check(i, &array);
    array.release(&array);
  }
}

/* The schema may be asked for again after it could not be given. */
static void check_schema(struct ArrowArrayStream *stream, const struct fault *fault) {
  struct ArrowSchema schema = {0};
  int code = stream->get_schema(stream, &schema);
  if (code != 0) {
    CHECK_EQ(code, fault->error);
    CHECK(stream->get_last_error(stream) != NULL);
    fault_pause();
    CHECK_EQ(stream->get_schema(stream, &schema), 0);
    fault_resume();
  }
  CHECK(kit_schema_equal(batch_schema(), &schema, NULL, 0));
  schema.release(&schema);
}

static bool read_stream(int fd, const struct fault *fault, bool closes) {
  struct ArrowArrayStream stream;
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.close_descriptor = closes;
  respool_status status = respool_ipc_read_fd(fd, &options, &stream, kit_error());
  if (status != RESPOOL_OK) {
    CHECK(!unnoticed(fault) && status == fault_status(fault));
    CHECK(fcntl(fd, F_GETFD) >= 0); /* not closed: it is the caller's still */
    return false;
  }
  check_schema(&stream, fault);
  bool good = pull_all(&stream, fault);
  stream.release(&stream);
  return good;
}

static void read_once(const struct fault *fault, const char *input) {
  int fd = open(input, O_RDONLY | O_CLOEXEC);
  bool good = read_stream(fd, fault, false);
  fault_pause();
  if (unnoticed(fault)) CHECK(good);
  CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
  CHECK(read_stream(fd, fault, true)); /* with the fault over */
  fault_resume();
  CHECK(fcntl(fd, F_GETFD) < 0);
  check_nothing_left();
}

static const struct fault reading_faults[] = {
    {.targets = FAULT_READ, .error = EIO},   {.targets = FAULT_READ, .error = EIO, .partial = true},
    {.targets = FAULT_READ, .error = EINTR}, {.targets = FAULT_READ},
    {.targets = FAULT_FSTAT, .error = EIO},  {.targets = FAULT_MEMORY, .error = ENOMEM},
};

static void make_input(bool file) {
  kit_sink sink = {0};
  begin();
  if (file)
    input_file(BATCHES, &sink);
  else
    input_stream(BATCHES, &sink);
  kit_file_write(path, sink.bytes, sink.size);
  kit_sink_free(&sink);
}

static void reading_a_stream(void) {
  make_input(false);
  sweep_all(read_once, reading_faults, sizeof reading_faults / sizeof reading_faults[0], path, "reading a stream");
}

/* The input, compressed. */
static void reading_a_compressed_stream(void) {
  for (int32_t compression = RESPOOL_COMPRESSION_LZ4; compression <= RESPOOL_COMPRESSION_ZSTD; compression++) {
    if (!respool_compression_available(compression)) kit_skip("this build lacks a codec");
    struct ArrowArrayStream stream;
    respool_ipc_write_options options;
    respool_ipc_write_options_init(&options, sizeof options);
    options.compression = compression;
    begin();
    some_stream(&stream);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE_OK(respool_ipc_write_fd(&stream, fd, &options, NULL, kit_error()));
    close(fd);
    stream.release(&stream);
    sweep_all(read_once, reading_faults, sizeof reading_faults / sizeof reading_faults[0], path,
              "reading a compressed stream");
  }
}

static void reading_a_file(void) {
  static const struct fault footer[] = {{.targets = FAULT_PREAD, .error = EIO}, {.targets = FAULT_PREAD}};
  make_input(true);
  sweep_all(read_once, reading_faults, sizeof reading_faults / sizeof reading_faults[0], path, "reading a file");
  sweep_all(read_once, footer, 2, path, "reading a footer");
}

/* A callback that fails after so many bytes, or ends there. */
static void reading_from_a_callback(void) {
  begin();
  kit_sink whole = {0};
  input_stream(BATCHES, &whole);
  int64_t step = kit_slow() ? 499 : 53, points = 0;
  for (size_t size = 0; size < whole.size && kit_failures() == 0; size += (size_t)step, points++)
    for (int ends = 0; ends < 2; ends++) {
      kit_source source = {.bytes = whole.bytes, .size = size, .give_most = 333, .fail_code = ends ? 0 : ECONNRESET};
      struct ArrowArrayStream stream;
      respool_status status = respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error());
      if (status != RESPOOL_OK) {
        CHECK_EQ(status, ends ? RESPOOL_TRUNCATED : RESPOOL_IO);
        continue;
      }
      struct fault seen = {.targets = FAULT_READ, .error = ends ? EINVAL : ECONNRESET};
      CHECK(!pull_all(&stream, &seen));
      stream.release(&stream);
    }
  kit_note("reading from a callback: %d fault points", (int)points * 2);
  kit_sink_free(&whole);
  check_nothing_left();
}

/* ---- Inspecting ------------------------------------------------------------------------------------ */

static int count_batches(void *user_data, const respool_ipc_message *message) {
  *(int64_t *)user_data += message->kind == RESPOOL_IPC_BATCH;
  return 0;
}

static void inspect_once(const struct fault *fault, const char *input) {
  int64_t visited = 0;
  struct ArrowSchema schema = {0};
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  int fd = open(input, O_RDONLY | O_CLOEXEC);
  respool_status status = respool_ipc_inspect_fd(fd, NULL, count_batches, &visited, &schema, &summary, kit_error());
  if (status == RESPOOL_OK) {
    CHECK(summary.batches == BATCHES && visited == BATCHES && summary.has_end == 1);
    CHECK(kit_schema_equal(batch_schema(), &schema, NULL, 0));
    schema.release(&schema);
  } else {
    CHECK(!unnoticed(fault) && status == fault_status(fault));
    CHECK(schema.release == NULL);
    CHECK_EQ(summary.batches, visited); /* what was seen before */
    CHECK_LE(visited, BATCHES);
  }
  close(fd);
  check_nothing_left();
}

static void inspecting(void) {
  static const struct fault footer = {.targets = FAULT_PREAD, .error = EIO};
  for (int file = 0; file < 2; file++) {
    make_input(file);
    sweep_all(inspect_once, reading_faults, sizeof reading_faults / sizeof reading_faults[0], path, "inspecting");
    if (file) sweep_all(inspect_once, &footer, 1, path, "inspecting a footer");
  }
}

/* ---- All of it: bytes into a spool and out again ----------------------------------------------------- */

static kit_sink tee_input;

/* The answer of a call that may have met the fault. True: it was OK. */
static bool expected_answer(respool_status status, const struct fault *fault) {
  if (status == RESPOOL_OK) return true;
  CHECK(status == fault_status(fault) || status == RESPOOL_SOURCE_FAILED);
  CHECK_EQ(kit_last_error()->status, status);
  return false;
}

static bool fill_spool(respool_writer *writer, int fd, const struct fault *fault) {
  struct ArrowArrayStream input;
  if (!expected_answer(respool_ipc_read_fd(fd, NULL, &input, kit_error()), fault)) return false;
  bool good = expected_answer(respool_writer_append_stream(writer, &input, kit_error()), fault);
  input.release(&input);
  return good && expected_answer(respool_writer_finish(writer, kit_error()), fault);
}

static bool replay_spool(respool *spool, int fd, const struct fault *fault) {
  struct ArrowArrayStream output;
  if (!expected_answer(respool_export(spool, NULL, &output, kit_error()), fault)) return false;
  bool good = expected_answer(respool_ipc_write_fd(&output, fd, NULL, NULL, kit_error()), fault);
  output.release(&output);
  return good;
}

/* Whatever comes out without an error is byte for byte what went in (invariant 12). */
static void tee_once(const struct fault *fault, const char *input) {
  char out[KIT_PATH];
  kit_join(out, directory, "out");
  kit_spool s = {0};
  respool_options options = kit_options(3000, RESPOOL_MODE_ON_LIMIT, NULL);
  options.write_chunk = 4096;
  int from = open(input, O_RDONLY | O_CLOEXEC), to = open(out, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  bool good = expected_answer(respool_create(batch_schema(), &options, &s.spool, &s.writer, kit_error()), fault) &&
              fill_spool(s.writer, from, fault) && replay_spool(s.spool, to, fault);
  if (good) {
    size_t size;
    unsigned char *bytes = kit_file_read(out, &size);
    CHECK_BYTES(bytes, size, tee_input.bytes, tee_input.size);
    free(bytes);
  }
  CHECK(good || fault_hits() > 0);
  kit_spool_close(&s);
  close(from);
  close(to);
  check_nothing_left();
  unlink(out);
}

static void through_a_spool(void) {
  static const struct fault faults[] = {
      {.targets = FAULT_OPEN | FAULT_READ | FAULT_PREAD | FAULT_WRITEV | FAULT_PWRITEV | FAULT_MMAP, .error = EIO},
      {.targets = FAULT_READ | FAULT_PREAD | FAULT_WRITEV | FAULT_PWRITEV},
      {.targets = FAULT_READ | FAULT_PREAD | FAULT_WRITEV | FAULT_PWRITEV, .error = EINTR},
      {.targets = FAULT_MEMORY, .error = ENOMEM},
  };
  make_input(false);
  tee_input = (kit_sink){0};
  input_stream(BATCHES, &tee_input);
  sweep_all(tee_once, faults, sizeof faults / sizeof faults[0], path, "through a spool");
  kit_sink_free(&tee_input);
}

static const kit_test tests[] = {
    KIT_TEST(writing),          KIT_TEST(writing_to_a_callback),
    KIT_TEST(reading_a_stream), KIT_TEST(reading_a_compressed_stream),
    KIT_TEST(reading_a_file),   KIT_TEST(reading_from_a_callback),
    KIT_TEST(inspecting),       KIT_TEST(through_a_spool),
};

int main(int argc, char **argv) {
  fault_install();
  return KIT_MAIN(argc, argv, tests);
}
