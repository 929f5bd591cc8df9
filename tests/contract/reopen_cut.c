/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going on with a file that was cut anywhere: exactly the batches that it held whole are there, and what comes of it in
 * the end is, byte for byte, the file of a spool that was never cut off.
 */
#include "bytes.h"
#include "spool.h"
#include "system.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCHES = 6, MESSAGES = 64 };

static const char plain[] = "{id:int64!,text:utf8,items:list<item:int16>}";
static const char keyed[] = "{a:dictionary(i)<:utf8>,o:dictionary(c)<:list<i:dictionary(S)<:utf8_view>>>,n:int32}";

/* The file that is to come out, and where its messages lie. */
struct original {
  kit_series series;
  struct ArrowSchema schema;
  respool_options options;
  char path[KIT_PATH];
  unsigned char *bytes;
  size_t size;
  respool_ipc_message messages[MESSAGES];
  int message_count;
};

static int note_message(void *user_data, const respool_ipc_message *message) {
  struct original *original = user_data;
  if (original->message_count < MESSAGES) original->messages[original->message_count++] = *message;
  return 0;
}

static void find_messages(struct original *original) {
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  int fd = open(original->path, O_RDONLY | O_CLOEXEC);
  REQUIRE_OK(respool_ipc_inspect_fd(fd, NULL, note_message, original, NULL, &summary, kit_error()));
  REQUIRE_EQ(summary.batches, BATCHES);
  close(fd);
}

static void make_original(struct original *original, const char *fields, int32_t mode, int32_t compression) {
  *original = (struct original){.message_count = 0};
  kit_spool s;
  kit_join(original->path, kit_scratch(), "named.arrows");
  original->options = kit_options(0, mode, original->path);
  original->options.compression = compression;
  original->options.reopen = 1;
  kit_schema_parse(fields, &original->schema);
  original->series = (kit_series){.schema = &original->schema, .seed = kit_seed(), .rows_most = 9, .null_rate = 0.2};
  kit_spool_open_schema(&s, &original->schema, &original->options);
  kit_series_append(&original->series, s.writer, 0, BATCHES);
  REQUIRE_OK(respool_writer_finish(s.writer, kit_error()));
  kit_spool_close(&s);
  original->bytes = kit_file_read(original->path, &original->size);
  find_messages(original);
}

static void drop_original(struct original *original) {
  free(original->bytes);
  original->schema.release(&original->schema);
  CHECK_NOTHING_LEFT();
}

static int64_t message_end(const respool_ipc_message *message) {
  return message->offset + message->metadata_bytes + message->body_bytes;
}

/* What the first `length` bytes hold. */
static respool_stats expected_at(const struct original *original, size_t length) {
  respool_stats stats = {.batches = 0};
  int64_t dictionaries = 0; /* bytes of those since the last batch: they count with the next one */
  for (int i = 0; i < original->message_count; i++) {
    const respool_ipc_message *message = &original->messages[i];
    int64_t bytes = message->metadata_bytes + message->body_bytes;
    if (message_end(message) > (int64_t)length) break;
    if (message->kind == RESPOOL_IPC_DICTIONARY) dictionaries += bytes;
    if (message->kind != RESPOOL_IPC_BATCH) continue;
    stats.batches++;
    stats.rows += message->rows;
    stats.batches_compressed += message->compressed;
    stats.bytes_stored += dictionaries + bytes;
    dictionaries = 0;
  }
  return stats;
}

static int64_t check_stats(const struct original *original, const kit_spool *s, size_t length) {
  respool_stats stats = kit_stats(s->spool), expected = expected_at(original, length);
  CHECK_EQ(stats.batches, expected.batches);
  CHECK_EQ(stats.batches_stored, expected.batches);
  CHECK_EQ(stats.batches_compressed, expected.batches_compressed);
  CHECK_EQ(stats.batches_resident, 0);
  CHECK_EQ(stats.rows, expected.rows);
  CHECK_EQ(stats.bytes_stored, expected.bytes_stored);
  CHECK_EQ(stats.bytes_charged, 0);
  CHECK_EQ(stats.state, RESPOOL_OPEN);
  CHECK_EQ(stats.file_exists, 1);
  CHECK_EQ(stats.bytes_on_disk, kit_file_size(original->path));
  return stats.batches;
}

/* The file as it is now has its first `length` bytes from the original. */
static void go_on(const struct original *original, size_t length) {
  kit_spool s = {0};
  size_t size;
  if (!CHECK_OK(respool_create(original->series.schema, &original->options, &s.spool, &s.writer, kit_error()))) return;
  int64_t batches = check_stats(original, &s, length);
  kit_series_replay(&original->series, s.spool, batches, RESPOOL_TIMED_OUT);
  respool_reader *reader = kit_reader(s.spool);
  kit_series_append(&original->series, s.writer, batches, BATCHES);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array;
    if (CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) kit_series_check(&original->series, i, &array);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  CHECK_EQ(kit_stats(s.spool).bytes_stored, expected_at(original, original->size).bytes_stored);
  kit_spool_close(&s);
  unsigned char *bytes = kit_file_read(original->path, &size);
  CHECK_BYTES(bytes, size, original->bytes, original->size);
  free(bytes);
}

/* A new file: file systems may write what replaces an old one to the medium at once. */
static void put_file(const struct original *original, const void *bytes, size_t size) {
  REQUIRE_EQ(unlink(original->path), 0);
  kit_file_write(original->path, bytes, size);
}

static bool near_a_border(const struct original *original, size_t at) {
  for (int i = 0; i < original->message_count; i++) {
    int64_t away = (int64_t)at - original->messages[i].offset;
    if (away >= -1 && away <= (kit_slow() ? 1 : 10)) return true;
  }
  return at + 10 >= original->size;
}

static void cut_everywhere(const char *fields, int32_t mode, int32_t compression) {
  struct original original;
  if (!respool_compression_available(compression)) return;
  make_original(&original, fields, mode, compression);
  for (size_t at = 0; at <= original.size && kit_failures() == 0; at++) {
    if (at % (kit_slow() ? 53 : 3) != 0 && !near_a_border(&original, at)) continue;
    put_file(&original, original.bytes, at);
    go_on(&original, at);
    if (kit_failures() > 0) kit_note("cut at byte %d of %d", (int)at, (int)original.size);
  }
  drop_original(&original);
}

static void cut_anywhere(void) {
  cut_everywhere(plain, RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_NONE);
}

static void cut_anywhere_on_limit(void) {
  cut_everywhere(plain, RESPOOL_MODE_ON_LIMIT, RESPOOL_COMPRESSION_NONE);
}

static void cut_anywhere_with_dictionaries(void) {
  cut_everywhere(keyed, RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_NONE);
}

static void cut_anywhere_compressed(void) {
  cut_everywhere(plain, RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_ZSTD);
  cut_everywhere(keyed, RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_LZ4);
}

static void cut_anywhere_without_columns(void) {
  cut_everywhere("{}", RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_NONE);
}

/* A system that went down may have made the file longer before it wrote what belongs there. */
static void zeros_behind_a_message(void) {
  static const size_t counts[] = {1, 4, 8, 64, 4096, 3 << 20};
  struct original original;
  make_original(&original, keyed, RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_NONE);
  for (int i = 0; i <= original.message_count; i++)
    for (size_t c = 0; c < sizeof counts / sizeof counts[0] && kit_failures() == 0; c++) {
      size_t at = i == original.message_count ? original.size : (size_t)original.messages[i].offset;
      unsigned char *bytes = calloc(at + counts[c], 1);
      memcpy(bytes, original.bytes, at);
      put_file(&original, bytes, at + counts[c]);
      free(bytes);
      go_on(&original, at);
    }
  drop_original(&original);
}

/* The whole life of a file in as many spools as it has batches. */
static void again_and_again(void) {
  struct original original;
  make_original(&original, keyed, RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_NONE);
  REQUIRE_EQ(unlink(original.path), 0);
  for (int64_t i = 0; i < BATCHES; i++) {
    kit_spool s;
    kit_spool_open_schema(&s, &original.schema, &original.options);
    kit_series_replay(&original.series, s.spool, i, RESPOOL_TIMED_OUT);
    kit_series_append(&original.series, s.writer, i, i + 1);
    if (i % 2 == 0) CHECK_OK(respool_writer_finish(s.writer, kit_error())); /* or it is abandoned */
    kit_spool_close(&s);
  }
  go_on(&original, original.size);
  drop_original(&original);
}

static const kit_test tests[] = {
    KIT_TEST(cut_anywhere),
    KIT_TEST(cut_anywhere_on_limit),
    KIT_TEST(cut_anywhere_with_dictionaries),
    KIT_TEST(cut_anywhere_compressed),
    KIT_TEST(cut_anywhere_without_columns),
    KIT_TEST(zeros_behind_a_message),
    KIT_TEST(again_and_again),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
