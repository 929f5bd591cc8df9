/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dictionaries out of bytes that nobody vouches for: indices that lead nowhere, messages in the wrong order or of an id
 * that no field has. Streams are put together from the messages of good ones.
 */
#include "array_words.h"
#include "bytes.h"
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGES = 16 };

/* A stream as bytes, and where its messages are. The last one is the end marker. */
typedef struct bytes {
  kit_sink sink;
  int64_t at[MESSAGES + 1];
  int count;
} bytes;

static int note_message(void *user_data, const respool_ipc_message *message) {
  bytes *b = user_data;
  if (b->count < MESSAGES) b->at[b->count++] = message->offset;
  b->at[b->count] = message->offset + message->metadata_bytes + message->body_bytes;
  return 0;
}

static void find_messages(bytes *b) {
  char path[KIT_PATH];
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  kit_file_write(kit_join(path, kit_scratch(), "input"), b->sink.bytes, b->sink.size);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  REQUIRE_OK(respool_ipc_inspect_fd(fd, NULL, note_message, b, NULL, &summary, kit_error()));
  close(fd);
}

/* The batches, which are moved in, as a stream of this schema. */
static void write_batches(const char *fields, struct ArrowArray *batches, int count, bytes *b) {
  struct ArrowSchema schema;
  struct ArrowArrayStream stream;
  *b = (bytes){.count = 0};
  kit_schema_parse(fields, &schema);
  kit_stream_from(&(kit_stream_options){.schema = &schema, .batches = batches, .count = count}, &stream);
  REQUIRE(kit_write_stream(&stream, &b->sink));
  find_messages(b);
  schema.release(&schema);
}

static respool_error last; /* of read_all() */

/* Reads to the end, into a spool. The rows that it got are counted. */
static respool_status read_all(const unsigned char *stream_bytes, size_t size, int32_t validation, int64_t *rows) {
  kit_source source = {.bytes = stream_bytes, .size = size};
  respool_ipc_options options;
  struct ArrowArrayStream stream;
  kit_spool s;
  struct ArrowSchema schema;
  respool_ipc_options_init(&options, sizeof options);
  options.validation = validation;
  *rows = 0;
  respool_status status = respool_ipc_read(kit_source_read, &source, &options, &stream, &last);
  if (status != RESPOOL_OK) return status;
  REQUIRE_EQ(stream.get_schema(&stream, &schema), 0);
  respool_options spool_options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  kit_spool_open_schema(&s, &schema, &spool_options);
  schema.release(&schema);
  status = respool_writer_append_stream(s.writer, &stream, &last);
  *rows = kit_stats(s.spool).rows;
  stream.release(&stream);
  kit_spool_close(&s);
  return status;
}

#define CHECK_REFUSED(bytes, size, text) check_refused((bytes), (size), (text), __LINE__)
static void check_refused(const unsigned char *stream_bytes, size_t size, const char *text, int line) {
  int64_t rows;
  respool_status status = read_all(stream_bytes, size, RESPOOL_VALIDATE_FULL, &rows);
  /* A stream has a code and a text for its errors, no status. */
  bool refused = status == RESPOOL_CORRUPT || (status == RESPOOL_SOURCE_FAILED && last.os_error == EINVAL);
  if (!refused || strstr(last.message, text) == NULL)
    kit_failed(__FILE__, line, "answered %d (%d): '%s', expected '%s'", status, last.os_error, last.message, text);
}

/* ---- Indices --------------------------------------------------------------------------------------- */

/* The first index, which is not null, is made to be this one. */
static void spoil_index(struct ArrowArray *indices, int width, uint64_t index) {
  memcpy((void *)(uintptr_t)indices->buffers[1], &index, (size_t)width);
}

static void random_batch(const char *fields, int64_t length, struct ArrowArray *array) {
  struct ArrowSchema schema;
  kit_schema_parse(fields, &schema);
  kit_array_options options = kit_array_defaults(kit_seed(), length);
  options.null_rate = 0;
  options.list_max = 1;
  kit_array_random(&schema, &options, array);
  schema.release(&schema);
}

static void check_index(const char *fields, int width, uint64_t index, bool good) {
  bytes b;
  int64_t rows;
  struct ArrowArray array;
  random_batch(fields, 10, &array);
  spoil_index(array.children[0], width, index);
  write_batches(fields, &array, 1, &b);
  CHECK_OK(read_all(b.sink.bytes, b.sink.size, RESPOOL_VALIDATE_STRUCTURE, &rows));
  CHECK_EQ(rows, 10);
  if (good)
    CHECK_OK(read_all(b.sink.bytes, b.sink.size, RESPOOL_VALIDATE_FULL, &rows));
  else
    CHECK_REFUSED(b.sink.bytes, b.sink.size, "field 'd'");
  kit_sink_free(&b.sink);
}

/* The last value can be reached, the one behind it not, nor any below zero or with the highest bit set. */
static void indices_of_every_type(void) {
  static const char formats[] = "cCsSiIlL";
  for (int i = 0; i < 8; i++) {
    char fields[64];
    struct ArrowArray array;
    int width = 1 << (i / 2);
    snprintf(fields, sizeof fields, "{d:dictionary(%c)<:utf8>!}", formats[i]);
    random_batch(fields, 10, &array);
    uint64_t count = (uint64_t)array.children[0]->dictionary->length;
    array.release(&array);
    check_index(fields, width, count - 1, true);
    check_index(fields, width, count, false);
    check_index(fields, width, UINT64_MAX, false);
    check_index(fields, width, (uint64_t)1 << (8 * width - 1), false);
  }
}

/* What stands under a null leads nowhere and is not looked at. */
static void indices_under_nulls(void) {
  bytes b;
  int64_t rows;
  struct ArrowArray array;
  kit_words_batch("a b", "0-1", &array); /* -7 under the null */
  write_batches(KIT_WORDS_FIELDS, &array, 1, &b);
  CHECK_OK(read_all(b.sink.bytes, b.sink.size, RESPOOL_VALIDATE_FULL, &rows));
  CHECK_EQ(rows, 3);
  kit_sink_free(&b.sink);
}

/* In the values of another dictionary, and below lists and unions. */
static void indices_inside(void) {
  static const char nested[] = "{d:dictionary(i)<:struct<x:dictionary(c)<:utf8>!>>!}";
  static const char listed[] = "{d:fixed_list(2)<x:dictionary(S)<:int8>!>!}";
  bytes b;
  struct ArrowArray array;
  random_batch(nested, 10, &array);
  spoil_index(array.children[0]->dictionary->children[0], 1, 0x7f);
  write_batches(nested, &array, 1, &b);
  CHECK_REFUSED(b.sink.bytes, b.sink.size, "field 'd.(dictionary).x'");
  kit_sink_free(&b.sink);
  random_batch(listed, 10, &array);
  spoil_index(array.children[0]->children[0], 2, 0xffff);
  write_batches(listed, &array, 1, &b);
  CHECK_REFUSED(b.sink.bytes, b.sink.size, "field 'd.x'");
  kit_sink_free(&b.sink);
}

/* ---- The order of messages ------------------------------------------------------------------------- */

/* The messages of these numbers one after the other; free() them. */
static unsigned char *arrange(const bytes *b, const int *numbers, size_t *size) {
  unsigned char *out = malloc(b->sink.size * 4);
  if (out == NULL) kit_die("no memory");
  *size = 0;
  for (int i = 0; numbers[i] >= 0; i++) {
    int64_t end = numbers[i] == b->count ? (int64_t)b->sink.size : b->at[numbers[i] + 1];
    size_t length = (size_t)(end - b->at[numbers[i]]);
    memcpy(out + *size, b->sink.bytes + b->at[numbers[i]], length);
    *size += length;
  }
  return out;
}

#define CHECK_ARRANGED(b, text, ...) check_arranged((b), (const int[]){__VA_ARGS__, -1}, (text), __LINE__)
static void check_arranged(const bytes *b, const int *numbers, const char *text, int line) {
  size_t size;
  int64_t rows;
  unsigned char *arranged = arrange(b, numbers, &size);
  if (text != NULL)
    check_refused(arranged, size, text, line);
  else
    CHECK_OK(read_all(arranged, size, RESPOOL_VALIDATE_FULL, &rows));
  free(arranged);
}

enum { S, D1, B1, D2, B2, E };

/* Two batches with a dictionary each, the second one's shorter. */
static void open_pair(bytes *b) {
  struct ArrowArray batches[2];
  kit_words_batch("a b c", "012", &batches[0]);
  kit_words_batch("d", "00", &batches[1]);
  write_batches(KIT_WORDS_FIELDS, batches, 2, b);
  REQUIRE_EQ(b->count, 5);
}

static void messages_in_any_order(void) {
  bytes b;
  open_pair(&b);
  CHECK_ARRANGED(&b, NULL, S, D1, B1, D2, B2, E);
  CHECK_ARRANGED(&b, NULL, S, D2, D1, B1, B2, E);
  CHECK_ARRANGED(&b, NULL, S, D1, B1, D2, E);
  CHECK_ARRANGED(&b, NULL, S, E);
  CHECK_ARRANGED(&b, "it has not come yet", S, B1, D1, E);
  CHECK_ARRANGED(&b, "which has 1 values", S, D1, D2, B1, E);
  CHECK_ARRANGED(&b, "not a schema", D1, S, B1, E);
  CHECK_ARRANGED(&b, "second schema", S, D1, S, B1, E);
  kit_sink_free(&b.sink);
}

/* A batch of nulls, or of no rows, needs no dictionary: it gets an empty one. */
static void nulls_before_their_dictionary(void) {
  bytes b;
  struct ArrowArray batches[2];
  kit_words_batch("a", "--", &batches[0]);
  kit_words_batch("a", "", &batches[1]);
  write_batches(KIT_WORDS_FIELDS, batches, 2, &b);
  REQUIRE_EQ(b.count, 4);
  CHECK_ARRANGED(&b, NULL, 0, 2, 3, 4);
  CHECK_ARRANGED(&b, NULL, 0, 2, 1, 3, 4);
  kit_sink_free(&b.sink);
}

/* Where the id stands in a dictionary message that this library wrote: see ipc/batch_metadata.c. */
enum { AT_ID = 8 + 56 };

static void ids_that_no_field_has(void) {
  bytes b, plain;
  struct ArrowArray array;
  open_pair(&b);
  unsigned char *id = b.sink.bytes + b.at[D2] + AT_ID;
  CHECK_EQ(id[0], 0);
  id[0] = 7;
  CHECK_REFUSED(b.sink.bytes, b.sink.size, "id 7, which no field of the schema has");
  id[0] = 0;
  id[7] = 0x80;
  CHECK_REFUSED(b.sink.bytes, b.sink.size, "id -9223372036854775808, which no field of the schema has");
  id[7] = 0;
  kit_batch_one(5, &array);
  write_batches("{d:int32}", &array, 1, &plain);
  REQUIRE_EQ(plain.count, 2);
  size_t head = (size_t)plain.at[1], length = (size_t)(b.at[D1 + 1] - b.at[D1]);
  unsigned char *mixed = malloc(head + length);
  if (mixed == NULL) kit_die("no memory");
  memcpy(mixed, plain.sink.bytes, head);
  memcpy(mixed + head, b.sink.bytes + b.at[D1], length);
  CHECK_REFUSED(mixed, head + length, "no field of the schema has one");
  free(mixed);
  kit_sink_free(&plain.sink);
  kit_sink_free(&b.sink);
}

/* Every byte of a dictionary message changed: an error, or something that can be read whole and written again. */
static void every_byte_changed(void) {
  bytes b;
  int64_t rows, refused = 0;
  open_pair(&b);
  int64_t step = kit_slow() ? 7 : 1;
  for (int64_t at = b.at[D1]; at < b.at[B1]; at += step) {
    unsigned char before = b.sink.bytes[at];
    for (int k = 0; k < 3; k++) {
      b.sink.bytes[at] = (unsigned char)(k == 0 ? before ^ 1 : k == 1 ? before ^ 0x80 : 0xff);
      refused += read_all(b.sink.bytes, b.sink.size, RESPOOL_VALIDATE_FULL, &rows) != RESPOOL_OK;
      read_all(b.sink.bytes, b.sink.size, RESPOOL_VALIDATE_STRUCTURE, &rows);
    }
    b.sink.bytes[at] = before;
  }
  CHECK(refused > 20);
  kit_sink_free(&b.sink);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(indices_of_every_type), KIT_TEST(indices_under_nulls),           KIT_TEST(indices_inside),
    KIT_TEST(messages_in_any_order), KIT_TEST(nulls_before_their_dictionary), KIT_TEST(ids_that_no_field_has),
    KIT_TEST(every_byte_changed),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
