/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/swap and big-endian bodies in ipc/decode. Bodies are turned round here a second way, from the format strings and
 * one byte after another, and must decode to what was encoded.
 */
#include "ipc/decode.h"
#include "ipc/format.h"
#include "ipc/swap.h"
#include "support/arith.h"

#include "array_build.h"
#include "check.h"
#include "compare.h"
#include "schema_build.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

/* ---- Turning buffers round ------------------------------------------------------------------------- */

static void numbers(void) {
  for (int32_t width = 1; width <= 32; width *= 2) {
    uint8_t bytes[3 * 32 + 2], expected[sizeof bytes];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = expected[i] = (uint8_t)(i * 7 + 1);
    for (int32_t i = 0; i < 3; i++)
      for (int32_t byte = 0; byte < width; byte++)
        expected[1 + i * width + byte] = bytes[1 + i * width + width - 1 - byte];
    swap_units(bytes + 1, 3, SWAP_NUMBERS, width); /* what lies before and behind stays */
    CHECK_BYTES(expected, sizeof expected, bytes, sizeof bytes);
    swap_units(bytes, 0, SWAP_NUMBERS, width);
    CHECK_BYTES(expected, sizeof expected, bytes, sizeof bytes);
  }
}

static void months(void) {
  uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  static const uint8_t turned[] = {3, 2, 1, 0, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8};
  swap_units(bytes, 1, SWAP_MONTHS, 16);
  CHECK_BYTES(turned, sizeof turned, bytes, sizeof bytes);
}

/* Of a short value the size alone is a number; of a long one the buffer and the offset, too. */
static void views(void) {
  static const int32_t sizes[] = {0, 1, 12, 13, 1000, INT32_MAX, -1, INT32_MIN};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    uint8_t bytes[16], turned[16];
    for (uint8_t byte = 0; byte < 16; byte++) bytes[byte] = turned[byte] = byte;
    store_u32(turned, (uint32_t)sizes[i]);
    for (int byte = 0; byte < 4; byte++) bytes[byte] = turned[3 - byte];
    if (sizes[i] > 12) memcpy(turned + 8, (const uint8_t[]){11, 10, 9, 8, 15, 14, 13, 12}, 8);
    swap_units(bytes, 1, SWAP_VIEWS, 16);
    CHECK_BYTES(turned, 16, bytes, 16);
  }
}

/* ---- Bodies ---------------------------------------------------------------------------------------- */

static uint8_t *buffer_entry(const struct wire_sample *sample, int index) {
  struct ipc_message message;
  REQUIRE_OK(ipc_parse_message(sample->metadata, sample->metadata_size, &message, kit_error()));
  struct flatbuf_vector vector = flatbuf_list(&message.header, BATCH_BUFFERS, BUFFER_BYTES);
  REQUIRE(index < (int)vector.count);
  return sample->metadata + vector.at + BUFFER_BYTES * index;
}

/* A walk over the fields of the schema and the buffers of the body side by side. */
struct turner {
  const struct wire_sample *sample;
  uint8_t *body;
  int buffer;
  int views;
};

/* The next buffer is a row of `pattern`: widths of numbers, which begins again at its end; NULL: of bytes. */
static void turn(struct turner *turner, const char *pattern) {
  const uint8_t *entry = buffer_entry(turner->sample, turner->buffer++);
  uint8_t *at = turner->body + load_i64(entry);
  uint8_t *end = at + load_i64(entry + 8);
  for (const char *width = pattern; pattern != NULL && at < end; at += *width++) {
    if (*width == '\0') width = pattern;
    for (int low = 0, high = *width - 1; low < high; low++, high--) {
      uint8_t byte = at[low];
      at[low] = at[high];
      at[high] = byte;
    }
  }
}

/* Views, and their data buffers, whose numbers the message has. */
static void turn_views(struct turner *turner) {
  const uint8_t *entry = buffer_entry(turner->sample, turner->buffer++);
  uint8_t *at = turner->body + load_i64(entry);
  for (const uint8_t *end = at + load_i64(entry + 8); at < end; at += 16) {
    bool is_long = load_i32(at) > 12;
    for (int word = 0; word < 4; word++) {
      uint8_t bytes[4];
      memcpy(bytes, at + 4 * word, 4);
      if (word == 0 || (word > 1 && is_long))
        for (int byte = 0; byte < 4; byte++) at[4 * word + byte] = bytes[3 - byte];
    }
  }
  struct ipc_message message;
  REQUIRE_OK(ipc_parse_message(turner->sample->metadata, turner->sample->metadata_size, &message, kit_error()));
  struct flatbuf_vector counts = flatbuf_list(&message.header, BATCH_VARIADIC_COUNTS, 8);
  turner->buffer += (int)load_i64(flatbuf_items(&counts) + 8 * turner->views++);
}

static const char *decimal_pattern(const char *format) {
  const char *bits = strchr(strchr(format, ',') + 1, ',');
  if (bits == NULL || strcmp(bits, ",128") == 0) return "\x10";
  return strcmp(bits, ",256") == 0 ? "\x20" : strcmp(bits, ",64") == 0 ? "\x08" : "\x04";
}

static const char *value_pattern(const char *format) {
  if (format[0] == 'd') return decimal_pattern(format);
  if (strcmp(format, "tiD") == 0) return "\x04\x04";
  if (strcmp(format, "tin") == 0) return "\x04\x04\x08";
  static const char *const fours[] = {"i", "I", "f", "tdD", "tts", "ttm", "tiM"};
  for (size_t i = 0; i < sizeof fours / sizeof fours[0]; i++)
    if (strcmp(format, fours[i]) == 0) return "\x04";
  if (strchr("sSe", format[0]) != NULL) return "\x02";
  return strchr("bcCw", format[0]) != NULL ? NULL : "\x08";
}

/* All buffers of one field, but not those of its children. */
static void turn_own(struct turner *turner, const char *format) {
  bool large = format[0] == 'Z' || format[0] == 'U' || format[1] == 'L' || (format[1] == 'v' && format[2] == 'L');
  const char *offsets = large ? "\x08" : "\x04";
  bool is_union = strncmp(format, "+u", 2) == 0;
  if (format[0] == 'n' || strcmp(format, "+r") == 0) return;
  turn(turner, NULL); /* validity, or type ids */
  if (strncmp(format, "+ud", 3) == 0) turn(turner, "\x04");
  if (is_union || strcmp(format, "+s") == 0 || strncmp(format, "+w", 2) == 0) return;
  if (format[0] == 'v') {
    turn_views(turner);
  } else if (strchr("zuZU", format[0]) != NULL) {
    turn(turner, offsets);
    turn(turner, NULL);
  } else if (format[0] == '+') {
    turn(turner, offsets);
    if (format[1] == 'v') turn(turner, offsets);
  } else {
    turn(turner, value_pattern(format));
  }
}

static void turn_field(struct turner *turner, const struct ArrowSchema *field) {
  turn_own(turner, field->format);
  for (int64_t i = 0; i < field->n_children; i++) turn_field(turner, field->children[i]);
}

/* The sample's body as a big-endian machine would have written it; free() it. */
static uint8_t *turned_body(const struct wire_sample *sample) {
  struct turner turner = {.sample = sample, .body = wire_exact(sample->body, (size_t)sample->body_size)};
  for (int64_t i = 0; i < sample->schema.n_children; i++) turn_field(&turner, sample->schema.children[i]);
  return turner.body;
}

static respool_status decode(const struct wire_sample *sample, uint8_t *body, enum decode_trust trust,
                             struct ArrowArray *array) {
  struct ipc_message message;
  struct tree_owner owner = {free, body};
  REQUIRE_OK(ipc_parse_message(sample->metadata, sample->metadata_size, &message, kit_error()));
  message.big_endian = true;
  respool_status status = ipc_decode_batch(sample->layout, &message, body, trust, &wire_expander, owner, sample->values,
                                           array, kit_error());
  if (status != RESPOOL_OK) free(body);
  return status;
}

static void check_conversion(const char *text, const kit_array_options *options) {
  struct wire_sample sample;
  wire_sample_open(&sample, text, options);
  for (int trust = DECODE_OWN; trust <= DECODE_FULL; trust++) {
    struct ArrowArray array;
    if (!CHECK_OK(decode(&sample, turned_body(&sample), (enum decode_trust)trust, &array))) continue;
    CHECK_SAME(&sample.schema, &sample.array, &array);
    CHECK_WELL_FORMED(&sample.schema, &array, KIT_TOP | KIT_EXACT, 8);
    array.release(&array);
  }
  if (kit_failures() > 0) kit_note("%s", text);
  wire_sample_close(&sample);
}

static void every_width(void) {
  static const char text[] =
      "{n:null,b:bool,i1:int8,i2:int16,u2:uint16,i4:int32,i8:uint64,h:float16,f:float32,d:float64,dd:date32,dm:date64,"
      "ts:time32(s),tn:time64(ns),z:timestamp(us,UTC),du:duration(ms),ym:interval(ym),dt:interval(dt),mdn:interval(mdn)"
      ","
      "d4:decimal32(5,2),d8:decimal64(12,2),d16:decimal128(30,2),d32:decimal256(60,2),w:fixed(16),v:binary,"
      "V:large_utf8,l:list<i:int16>,L:large_list<i:interval(mdn)>,f3:fixed_list(3)<i:int32>,"
      "m:map<key:utf8,value:int64>,s:struct<a:int32,b:utf8>}";
  for (int64_t rows = 0; rows < 20; rows++) {
    kit_array_options options = kit_array_defaults(kit_seed() + (uint64_t)rows, rows);
    check_conversion(text, &options);
  }
}

static void random_batches(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 30 : 300;
  for (int round = 0; round < rounds && kit_failures() == 0; round++) {
    char *text = kit_schema_random_text(&random, 6, 4);
    kit_array_options options = kit_array_defaults(kit_random_next(&random), kit_random_below(&random, 40));
    check_conversion(text, &options);
    free(text);
  }
}

/* ---- Buffers that are not one after another --------------------------------------------------------- */

static void buffers_that_overlap(void) {
  struct wire_sample sample;
  struct ArrowArray array;
  kit_array_options options = kit_array_defaults(1, 10);
  wire_sample_open(&sample, "{a:int64!,b:int64!}", &options);
  int64_t first = load_i64(buffer_entry(&sample, 1));
  for (int64_t shift = -64; shift <= 80; shift += 8) {
    uint8_t *entry = buffer_entry(&sample, 3);
    if (first + shift < 0) continue;
    store_u64(entry, (uint64_t)(first + shift));
    respool_status status = decode(&sample, turned_body(&sample), DECODE_FULL, &array);
    CHECK_EQ(status, shift < 80 ? RESPOOL_UNSUPPORTED : RESPOOL_OK);
    if (shift < 80) CHECK_HAS(kit_last_error()->message, "field 'b': value buffer");
    if (status == RESPOOL_OK) array.release(&array);
  }
  wire_sample_close(&sample);
}

/* Whatever the numbers say: an error, or an array that can be read whole. */
static void random_damage(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int64_t rounds = kit_slow() ? 2000 : 20000, refused = 0;
  struct wire_sample sample;
  kit_array_options options = kit_array_defaults(kit_seed(), 10);
  wire_sample_open(&sample, "{i:int32,t:utf8,l:list<item:interval(mdn)>,s:struct<b:large_utf8>}", &options);
  uint8_t *metadata = wire_exact(sample.metadata, (size_t)sample.metadata_size);
  uint8_t *whole = turned_body(&sample);
  char where[700];
  for (int64_t i = 0; i < rounds; i++) {
    uint8_t *body = wire_exact(whole, (size_t)sample.body_size);
    for (int64_t changes = kit_random_between(&random, 0, 2); changes > 0; changes--) {
      uint8_t *entry = buffer_entry(&sample, (int)kit_random_below(&random, 13));
      store_u64(entry + 8 * kit_random_below(&random, 2), (uint64_t)(8 * kit_random_below(&random, 100)));
    }
    body[kit_random_below(&random, sample.body_size)] ^= (uint8_t)kit_random_below(&random, 256);
    struct ArrowArray array;
    respool_status status = decode(&sample, body, DECODE_FULL, &array);
    refused += status != RESPOOL_OK;
    if (status == RESPOOL_OK) {
      CHECK(kit_equal(&sample.schema, &array, &array, where, sizeof where));
      array.release(&array);
    }
    memcpy(sample.metadata, metadata, (size_t)sample.metadata_size);
  }
  CHECK(refused > rounds / 10 && refused < rounds);
  free(metadata);
  free(whole);
  wire_sample_close(&sample);
}

/* ---- Streams --------------------------------------------------------------------------------------- */

static const char stream_text[] = "{x:int32}"; /* what put_schema() builds */

static void put_schema(kit_sink *sink, int16_t endianness) {
  struct builder builder;
  builder_open(&builder);
  builder_ref name = builder_string(&builder, "x");
  builder_begin(&builder);
  builder_put_i32(&builder, 0, 32);
  builder_put_u8(&builder, 1, 1);
  builder_ref type = builder_end(&builder);
  builder_ref children = builder_refs(&builder, NULL, 0);
  builder_begin(&builder);
  builder_put_ref(&builder, FIELD_NAME, name);
  builder_put_u8(&builder, FIELD_NULLABLE, 1);
  builder_put_u8(&builder, FIELD_TYPE_TYPE, TYPE_INT);
  builder_put_ref(&builder, FIELD_TYPE, type);
  builder_put_ref(&builder, FIELD_CHILDREN, children);
  builder_ref field = builder_end(&builder);
  builder_ref fields = builder_refs(&builder, &field, 1);
  builder_begin(&builder);
  builder_put_i16(&builder, SCHEMA_ENDIANNESS, endianness);
  builder_put_ref(&builder, SCHEMA_FIELDS, fields);
  wire_put_built_schema(&builder, builder_end(&builder), IPC_VERSION_5, sink);
  builder_close(&builder);
}

static void put_message(kit_sink *sink, const struct wire_sample *sample, const uint8_t *body) {
  uint8_t prefix[8];
  store_u32(prefix, IPC_CONTINUATION);
  store_u32(prefix + 4, (uint32_t)sample->metadata_size);
  kit_sink_write(sink, prefix, sizeof prefix);
  kit_sink_write(sink, sample->metadata, sample->metadata_size);
  kit_sink_write(sink, body, sample->body_size);
}

/* The schema says which it is, for every batch. */
static void whole_streams(void) {
  struct wire_sample sample;
  kit_array_options options = kit_array_defaults(kit_seed(), 100);
  wire_sample_open(&sample, stream_text, &options);
  uint8_t *turned = turned_body(&sample);
  for (int16_t endianness = -1; endianness < 4; endianness++) {
    kit_sink sink = {0};
    struct ArrowArrayStream stream;
    put_schema(&sink, endianness);
    for (int i = 0; i < 3; i++) put_message(&sink, &sample, endianness == 1 ? turned : sample.body);
    kit_sink_write(&sink, "\xff\xff\xff\xff\0\0\0\0", 8);
    kit_source source = {.bytes = sink.bytes, .size = sink.size};
    if (endianness != 0 && endianness != 1) {
      CHECK_ERROR(respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error()), RESPOOL_CORRUPT,
                  "byte order");
      kit_sink_free(&sink);
      continue;
    }
    REQUIRE_OK(respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error()));
    for (int i = 0; i < 3; i++) {
      struct ArrowArray array;
      REQUIRE_EQ(stream.get_next(&stream, &array), 0);
      CHECK_SAME(&sample.schema, &sample.array, &array);
      array.release(&array);
    }
    stream.release(&stream);
    kit_sink_free(&sink);
  }
  free(turned);
  wire_sample_close(&sample);
}

static const kit_test tests[] = {
    KIT_TEST(numbers),       KIT_TEST(months),         KIT_TEST(views),
    KIT_TEST(every_width),   KIT_TEST(random_batches), KIT_TEST(buffers_that_overlap),
    KIT_TEST(random_damage), KIT_TEST(whole_streams),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
