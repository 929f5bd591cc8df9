/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged input: cut at every byte, changed at every byte. It answers an error or decodes; it never reads out of
 * bounds. */
#include "bytes.h"
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCHES = 2, BOUNDARIES = 8 };

/* A small stream with one of each layout, and where its messages end. */
typedef struct sample {
  struct ArrowSchema schema;
  kit_series series;
  kit_sink sink;
  int64_t boundaries[BOUNDARIES];
  int count;
} sample;

static int note_boundary(void *user_data, const respool_ipc_message *message) {
  sample *s = user_data;
  if (s->count < BOUNDARIES)
    s->boundaries[s->count++] = message->offset + message->metadata_bytes + message->body_bytes;
  return 0;
}

static void find_boundaries(sample *s) {
  char path[KIT_PATH];
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  kit_file_write(kit_join(path, kit_scratch(), "sample"), s->sink.bytes, s->sink.size);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  REQUIRE_OK(respool_ipc_inspect_fd(fd, NULL, note_boundary, s, NULL, &summary, kit_error()));
  close(fd);
  CHECK_EQ(s->count, 1 + BATCHES);
  CHECK_EQ(summary.total_bytes, s->sink.size);
}

static void sample_open(sample *s) {
  struct ArrowArray batches[BATCHES];
  struct ArrowArrayStream stream;
  memset(s, 0, sizeof *s);
  kit_schema_parse("{n:null,b:bool,i:int32,t:utf8!,l:list<item:int8>,f:fixed_list(2)<item:int16>,"
                   "m:map<key:large_utf8,value:struct<d:decimal128(9,2)>>}",
                   &s->schema);
  kit_schema_set_metadata(&s->schema, (const kit_pair[]){KIT_PAIR("key", "value")}, 1);
  s->series = (kit_series){&s->schema, 12345, 3, 6, 0.3, false, false};
  for (int64_t i = 0; i < BATCHES; i++) kit_series_batch(&s->series, i, &batches[i]);
  kit_stream_options options = {.schema = &s->schema, .batches = batches, .count = BATCHES};
  kit_stream_from(&options, &stream);
  kit_write_stream(&stream, &s->sink);
  find_boundaries(s);
}

static void sample_close(sample *s) {
  kit_sink_free(&s->sink);
  s->schema.release(&s->schema);
  CHECK_NOTHING_LEFT();
}

/* What became of reading some bytes. */
typedef struct outcome {
  respool_status opened; /* of opening */
  int code;              /* of the last get_next */
  int64_t batches;
} outcome;

/* Reads and walks over every value that comes, so that a sanitizer sees each access. */
static outcome read_all(const void *bytes, size_t size, const respool_ipc_options *options) {
  kit_source source = {.bytes = bytes, .size = size};
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  struct ArrowArray array;
  outcome o = {.opened = respool_ipc_read(kit_source_read, &source, options, &stream, kit_error())};
  if (o.opened != RESPOOL_OK) return o;
  if (!CHECK_EQ(stream.get_schema(&stream, &schema), 0)) return o;
  while ((o.code = stream.get_next(&stream, &array)) == 0 && array.release != NULL) {
    if (options == NULL || options->validation != RESPOOL_VALIDATE_STRUCTURE) {
      CHECK_WELL_FORMED(&schema, &array, KIT_TOP, 1);
      CHECK_SAME(&schema, &array, &array);
    }
    o.batches++;
    array.release(&array);
  }
  if (o.code != 0) CHECK(stream.get_last_error(&stream) != NULL);
  schema.release(&schema);
  stream.release(&stream);
  return o;
}

static bool at_boundary(const sample *s, int64_t size) {
  for (int i = 0; i < s->count; i++)
    if (s->boundaries[i] == size) return true;
  return false;
}

/* A copy of exactly this size, so that a sanitizer sees every step beyond it. */
static unsigned char *exact_copy(const void *bytes, size_t size) {
  unsigned char *copy = malloc(size > 0 ? size : 1);
  if (copy == NULL) kit_die("no memory");
  memcpy(copy, bytes, size);
  return copy;
}

static void cut_at_every_byte(void) {
  sample s;
  respool_ipc_options prefix;
  sample_open(&s);
  respool_ipc_options_init(&prefix, sizeof prefix);
  prefix.allow_missing_end = 1;
  for (size_t size = 0; size < s.sink.size && kit_failures() == 0; size++) {
    unsigned char *bytes = exact_copy(s.sink.bytes, size);
    outcome o = read_all(bytes, size, NULL);
    CHECK(o.opened != RESPOOL_OK || o.code != 0); /* a cut stream is never a whole one */
    if (o.opened != RESPOOL_OK) CHECK(o.opened == RESPOOL_TRUNCATED || o.opened == RESPOOL_CORRUPT);
    CHECK_LE(o.batches, BATCHES);
    o = read_all(bytes, size, &prefix);
    CHECK_EQ(o.opened == RESPOOL_OK && o.code == 0, at_boundary(&s, (int64_t)size));
    if (kit_failures() > 0) kit_note("cut to %zu bytes", size);
    free(bytes);
  }
  CHECK_EQ(read_all(s.sink.bytes, s.sink.size, NULL).batches, BATCHES);
  sample_close(&s);
}

static void change_bytes(const sample *s, unsigned char mask, int32_t validation) {
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.validation = validation;
  unsigned char *bytes = exact_copy(s->sink.bytes, s->sink.size);
  for (size_t i = 0; i < s->sink.size && kit_failures() == 0; i++) {
    bytes[i] ^= mask;
    outcome o = read_all(bytes, s->sink.size, &options);
    CHECK_LE(o.batches, BATCHES);
    bytes[i] ^= mask;
    if (kit_failures() > 0) kit_note("byte %zu changed by 0x%02x", i, mask);
  }
  free(bytes);
}

static void every_byte_changed(void) {
  static const unsigned char masks[] = {0x01, 0x80, 0xff, 0x04, 0x40};
  sample s;
  sample_open(&s);
  for (size_t i = 0; i < (kit_slow() ? 2 : sizeof masks); i++) {
    change_bytes(&s, masks[i], RESPOOL_VALIDATE_FULL);
    change_bytes(&s, masks[i], RESPOOL_VALIDATE_STRUCTURE);
  }
  sample_close(&s);
}

/* Several bytes at once, set to values that lengths and offsets suffer from. */
static void many_bytes_changed(void) {
  static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x08, 0x10};
  sample s;
  kit_random random;
  sample_open(&s);
  kit_random_init(&random, kit_seed());
  unsigned char *bytes = exact_copy(s.sink.bytes, s.sink.size);
  int rounds = kit_slow() ? 1000 : 30000;
  for (int i = 0; i < rounds && kit_failures() == 0; i++) {
    int64_t changes = kit_random_between(&random, 1, 8);
    for (int64_t k = 0; k < changes; k++)
      bytes[kit_random_below(&random, (int64_t)s.sink.size)] = values[kit_random_below(&random, sizeof values)];
    read_all(bytes, s.sink.size, NULL);
    memcpy(bytes, s.sink.bytes, s.sink.size);
  }
  free(bytes);
  sample_close(&s);
}

/* What decodes under full validation can be spooled and written again without a fault. */
static void damaged_input_into_a_spool(void) {
  sample s;
  sample_open(&s);
  unsigned char *bytes = exact_copy(s.sink.bytes, s.sink.size);
  for (size_t i = 0; i < s.sink.size; i++) {
    kit_source source = {.bytes = bytes, .size = s.sink.size};
    struct ArrowArrayStream stream;
    bytes[i] ^= 0x01;
    if (respool_ipc_read(kit_source_read, &source, NULL, &stream, NULL) == RESPOOL_OK) {
      kit_sink sink = {0};
      respool_ipc_write(&stream, kit_sink_write, &sink, NULL, NULL, NULL);
      stream.release(&stream);
      kit_sink_free(&sink);
    }
    bytes[i] ^= 0x01;
  }
  free(bytes);
  sample_close(&s);
}

/* After an error every later call answers the same. */
static void errors_stay(void) {
  sample s;
  struct ArrowArray array;
  struct ArrowArrayStream stream;
  sample_open(&s);
  kit_source source = {.bytes = s.sink.bytes, .size = s.sink.size - 60};
  REQUIRE_OK(respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error()));
  int code = 0;
  while ((code = stream.get_next(&stream, &array)) == 0 && array.release != NULL) array.release(&array);
  CHECK_LE(1, code);
  char *text = strdup(stream.get_last_error(&stream));
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(stream.get_next(&stream, &array), code);
    CHECK_STR(stream.get_last_error(&stream), text);
  }
  CHECK_HAS(text, "1"); /* the batch is named */
  free(text);
  stream.release(&stream);
  sample_close(&s);
}

/* A length that promises more than there is takes no memory for it. */
static void promises_are_not_believed(void) {
  static const unsigned char huge_metadata[] = {0xff, 0xff, 0xff, 0xff, 0xf8, 0xff, 0xff, 0x0f, 0, 0, 0, 0};
  kit_source source = {.bytes = huge_metadata, .size = sizeof huge_metadata};
  struct ArrowArrayStream stream;
  respool_status status = respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error());
  CHECK(status == RESPOOL_CORRUPT || status == RESPOOL_TRUNCATED);
}

static const kit_test tests[] = {
    KIT_TEST(cut_at_every_byte),          KIT_TEST(every_byte_changed), KIT_TEST(many_bytes_changed),
    KIT_TEST(damaged_input_into_a_spool), KIT_TEST(errors_stay),        KIT_TEST(promises_are_not_believed),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
