/* SPDX-License-Identifier: Apache-2.0 */
/* Inspecting Arrow IPC without decoding it: messages, sizes, schema, the end marker; also what cannot be read yet. */
#include "bytes.h"
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCHES = 5 };

typedef struct visit {
  respool_ipc_message messages[16];
  int count;
  int stop_after; /* 0: never */
} visit;

static int keep(void *user_data, const respool_ipc_message *message) {
  visit *v = user_data;
  if (v->count < 16) v->messages[v->count] = *message;
  return ++v->count == v->stop_after;
}

static int64_t write_sample(kit_sink *sink, struct ArrowSchema *schema) {
  struct ArrowArray batches[BATCHES];
  struct ArrowArrayStream stream;
  int64_t rows = 0;
  kit_schema_parse("{id:int64!,text:utf8}", schema);
  kit_schema_set_metadata(schema, (const kit_pair[]){KIT_PAIR("k", "v")}, 1);
  kit_series series = {.schema = schema, .seed = kit_seed(), .rows_least = 1, .rows_most = 30, .null_rate = 0.2};
  for (int64_t i = 0; i < BATCHES; i++) {
    kit_series_batch(&series, i, &batches[i]);
    rows += batches[i].length;
  }
  kit_stream_options options = {.schema = schema, .batches = batches, .count = BATCHES};
  kit_stream_from(&options, &stream);
  kit_write_stream(&stream, sink);
  return rows;
}

static int file_of(const void *bytes, size_t size) {
  char path[KIT_PATH];
  kit_file_write(kit_join(path, kit_scratch(), "input"), bytes, size);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) kit_die("cannot open %s", path);
  return fd;
}

static respool_status inspect_bytes(const void *bytes, size_t size, visit *v, struct ArrowSchema *schema,
                                    respool_ipc_summary *summary) {
  int fd = file_of(bytes, size);
  memset(summary, 0, sizeof *summary);
  summary->struct_size = sizeof *summary;
  respool_status status = respool_ipc_inspect_fd(fd, NULL, v != NULL ? keep : NULL, v, schema, summary, kit_error());
  close(fd);
  return status;
}

static void check_messages(const visit *v, const respool_ipc_summary *summary, int64_t rows) {
  int64_t at = 0, metadata = 0, body = 0, seen_rows = 0;
  CHECK_EQ(v->count, 1 + BATCHES);
  for (int i = 0; i < v->count; i++) {
    const respool_ipc_message *m = &v->messages[i];
    CHECK_EQ(m->kind, i == 0 ? RESPOOL_IPC_SCHEMA : RESPOOL_IPC_BATCH);
    CHECK_EQ(m->version, 5);
    CHECK_EQ(m->offset, at);
    CHECK_EQ(m->compressed, 0);
    CHECK_EQ((m->metadata_bytes + m->body_bytes) % 64, 0); /* the next message starts aligned */
    at += m->metadata_bytes + m->body_bytes;
    metadata += m->metadata_bytes;
    body += m->body_bytes;
    seen_rows += m->rows;
  }
  CHECK_EQ(seen_rows, rows);
  CHECK_EQ(summary->rows, rows);
  CHECK_EQ(summary->metadata_bytes, metadata);
  CHECK_EQ(summary->body_bytes, body);
}

static void messages_and_sizes_add_up(void) {
  kit_sink sink = {0};
  visit v = {.count = 0};
  respool_ipc_summary summary;
  struct ArrowSchema schema, found;
  int64_t rows = write_sample(&sink, &schema);
  REQUIRE_OK(inspect_bytes(sink.bytes, sink.size, &v, &found, &summary));
  CHECK_EQ(summary.format, RESPOOL_IPC_FORMAT_STREAM);
  CHECK_EQ(summary.version, 5);
  CHECK_EQ(summary.big_endian, 0);
  CHECK_EQ(summary.has_end, 1);
  CHECK_EQ(summary.batches, BATCHES);
  CHECK_EQ(summary.dictionaries, 0);
  CHECK_EQ(summary.total_bytes, sink.size);
  check_messages(&v, &summary, rows);
  char where[200] = "";
  CHECK(kit_schema_equal(&schema, &found, where, sizeof where));
  CHECK_STR(where, "");
  found.release(&found);
  schema.release(&schema);
  kit_sink_free(&sink);
  CHECK_NOTHING_LEFT();
}

static void visitor_and_schema_are_optional(void) {
  kit_sink sink = {0};
  respool_ipc_summary summary;
  struct ArrowSchema schema;
  write_sample(&sink, &schema);
  CHECK_OK(inspect_bytes(sink.bytes, sink.size, NULL, NULL, &summary));
  CHECK_EQ(summary.batches, BATCHES);
  schema.release(&schema);
  kit_sink_free(&sink);
}

static void the_visitor_may_end_it(void) {
  kit_sink sink = {0};
  visit v = {.stop_after = 3};
  respool_ipc_summary summary;
  struct ArrowSchema schema, found;
  write_sample(&sink, &schema);
  CHECK_OK(inspect_bytes(sink.bytes, sink.size, &v, &found, &summary));
  CHECK_EQ(v.count, 3);
  CHECK_EQ(summary.batches, 2);
  CHECK_EQ(summary.has_end, 0);
  found.release(&found);
  schema.release(&schema);
  kit_sink_free(&sink);
  CHECK_NOTHING_LEFT();
}

static void a_missing_end_is_no_error(void) {
  kit_sink sink = {0};
  visit v = {.count = 0};
  respool_ipc_summary summary;
  struct ArrowSchema schema;
  write_sample(&sink, &schema);
  CHECK_OK(inspect_bytes(sink.bytes, sink.size, &v, NULL, &summary));
  const respool_ipc_message *last = &v.messages[BATCHES];
  int64_t end = last->offset + last->metadata_bytes + last->body_bytes;
  CHECK_LE(end + 8, (int64_t)sink.size);
  CHECK_OK(inspect_bytes(sink.bytes, (size_t)end, NULL, NULL, &summary));
  CHECK_EQ(summary.has_end, 0);
  CHECK_EQ(summary.batches, BATCHES);
  CHECK_EQ(summary.total_bytes, end);
  schema.release(&schema);
  kit_sink_free(&sink);
}

/* Cut inside a message: an error, and the summary tells what came before. */
static void cut_inside_a_message(void) {
  kit_sink sink = {0};
  visit v = {.count = 0};
  respool_ipc_summary summary;
  struct ArrowSchema schema, found = {.release = NULL};
  write_sample(&sink, &schema);
  CHECK_OK(inspect_bytes(sink.bytes, sink.size, &v, NULL, &summary));
  const respool_ipc_message *third = &v.messages[3];
  int64_t cuts[] = {third->offset + 3, third->offset + 8, third->offset + third->metadata_bytes - 1,
                    third->offset + third->metadata_bytes + third->body_bytes - 1};
  for (int i = 0; i < 4; i++) {
    CHECK_ERROR(inspect_bytes(sink.bytes, (size_t)cuts[i], NULL, &found, &summary), RESPOOL_TRUNCATED, NULL);
    CHECK_EQ(summary.batches, 2);
    CHECK(found.release == NULL);
  }
  schema.release(&schema);
  kit_sink_free(&sink);
}

/* Bytes behind the end marker belong to somebody else. */
static void trailing_bytes_are_not_counted(void) {
  kit_sink sink = {0};
  respool_ipc_summary summary;
  struct ArrowSchema schema;
  write_sample(&sink, &schema);
  int64_t size = (int64_t)sink.size;
  kit_sink_write(&sink, "something else follows here", 27);
  CHECK_OK(inspect_bytes(sink.bytes, sink.size, NULL, NULL, &summary));
  CHECK_EQ(summary.total_bytes, size);
  CHECK_EQ(summary.has_end, 1);
  schema.release(&schema);
  kit_sink_free(&sink);
}

typedef struct feed {
  const kit_sink *sink;
  int fd;
} feed;

static void *feed_pipe(void *argument) {
  feed *f = argument;
  for (size_t at = 0; at < f->sink->size;) {
    ssize_t wrote = write(f->fd, f->sink->bytes + at, f->sink->size - at > 50 ? 50 : f->sink->size - at);
    if (wrote < 0) break;
    at += (size_t)wrote;
  }
  close(f->fd);
  return NULL;
}

static void from_a_pipe_that_cannot_seek(void) {
  kit_sink sink = {0};
  visit v = {.count = 0};
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  struct ArrowSchema schema;
  int pipes[2];
  int64_t rows = write_sample(&sink, &schema);
  REQUIRE_EQ(pipe(pipes), 0);
  feed f = {&sink, pipes[1]};
  pthread_t thread = kit_thread_start(feed_pipe, &f);
  CHECK_OK(respool_ipc_inspect_fd(pipes[0], NULL, keep, &v, NULL, &summary, kit_error()));
  kit_thread_join(thread);
  close(pipes[0]);
  check_messages(&v, &summary, rows);
  CHECK_EQ(summary.total_bytes, sink.size);
  schema.release(&schema);
  kit_sink_free(&sink);
}

static void what_is_no_ipc(void) {
  static const char text[] = "id,name\n1,one\n2,two\n";
  respool_ipc_summary summary;
  CHECK_ERROR(inspect_bytes(text, sizeof text, NULL, NULL, &summary), RESPOOL_CORRUPT, NULL);
  CHECK_ERROR(inspect_bytes("", 0, NULL, NULL, &summary), RESPOOL_TRUNCATED, NULL);
  summary.struct_size = 0;
  CHECK_ERROR(respool_ipc_inspect_fd(0, NULL, NULL, NULL, NULL, &summary, kit_error()), RESPOOL_INVALID, NULL);
}

static const kit_test tests[] = {
    KIT_TEST(messages_and_sizes_add_up),    KIT_TEST(visitor_and_schema_are_optional),
    KIT_TEST(the_visitor_may_end_it),       KIT_TEST(a_missing_end_is_no_error),
    KIT_TEST(cut_inside_a_message),         KIT_TEST(trailing_bytes_are_not_counted),
    KIT_TEST(from_a_pipe_that_cannot_seek), KIT_TEST(what_is_no_ipc),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
