/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Custom metadata of batches: kept beside arrays of our own (arrow/tree), written and read again (ipc), counted
 * (arrow/measure), and refused where the bytes are hostile.
 */
#include "arrow/measure.h"
#include "arrow/tree.h"
#include "ipc/decode.h"
#include "ipc/format.h"
#include "ipc/key_values.h"
#include "support/alloc.h"
#include "support/arith.h"

#include "array_build.h"
#include "check.h"
#include "compare.h"
#include "schema_build.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

/* ---- Metadata to try ------------------------------------------------------------------------------- */

struct text {
  const char *bytes;
  int32_t length;
};

/* In the encoding of the C data interface; mem_free() it. */
static char *encode(const struct text *texts, int32_t pairs, int64_t *size) {
  kit_sink sink = {0};
  kit_sink_write(&sink, &pairs, sizeof pairs);
  for (int32_t i = 0; i < 2 * pairs; i++) {
    kit_sink_write(&sink, &texts[i].length, sizeof texts[i].length);
    if (texts[i].length > 0) kit_sink_write(&sink, texts[i].bytes, texts[i].length);
  }
  char *copy = mem_copy(sink.bytes, sink.size);
  REQUIRE(copy != NULL);
  *size = (int64_t)sink.size;
  kit_sink_free(&sink);
  return copy;
}

/* In order, with an empty key, an empty value, bytes that are no text, and one key twice. */
static const struct text some[] = {{"key", 3},  {"value", 5}, {"", 0},         {"of nothing", 10},
                                   {"none", 4}, {"", 0},      {"\0\xff\1", 3}, {"\0", 1},
                                   {"key", 3},  {"again", 5}, {"0123", 4},     {"01234567", 8}};
enum { SOME = 6 };

static char *random_metadata(kit_random *random, int64_t *size) {
  struct text texts[40];
  static const char bytes[] = "the bytes of keys and values, of any length";
  int32_t pairs = (int32_t)kit_random_between(random, 1, 20);
  for (int32_t i = 0; i < 2 * pairs; i++)
    texts[i] = (struct text){bytes, (int32_t)kit_random_below(random, (int64_t)sizeof bytes)};
  return encode(texts, pairs, size);
}

static const struct tree_owner unowned = {NULL, NULL};

/* ---- Beside arrays --------------------------------------------------------------------------------- */

static void an_array_keeps_it(void) {
  int64_t size;
  struct layout *layout = wire_layout_of("{a:int32,s:struct<b:utf8>}");
  struct ArrowArray root, moved, mirror, second;
  REQUIRE_OK(tree_empty(layout, &root, kit_error()));
  CHECK(tree_metadata(&root) == NULL && tree_metadata_size(&root) == 0);
  char *metadata = encode(some, SOME, &size);
  tree_set_metadata(&root, metadata, size);
  moved = root;
  root.release = NULL;
  CHECK(tree_metadata(&root) == NULL);
  CHECK(tree_metadata(&moved) == metadata && respool_array_metadata(&moved) == metadata);
  CHECK_EQ(tree_metadata_size(&moved), size);
  CHECK(tree_metadata(moved.children[0]) == NULL && tree_metadata(moved.children[1]) == NULL);
  REQUIRE_OK(tree_mirror(layout, &moved, unowned, &mirror, kit_error()));
  REQUIRE_OK(tree_mirror(layout, &mirror, unowned, &second, kit_error()));
  CHECK(respool_array_metadata(&mirror) == metadata && respool_array_metadata(&second) == metadata);
  CHECK_EQ(tree_metadata_size(&second), size);
  second.release(&second);
  mirror.release(&mirror);
  CHECK(respool_array_metadata(&mirror) == NULL);
  moved.release(&moved);
  layout_close(layout);
}

static void arrays_of_others_have_none(void) {
  struct ArrowArray foreign, released = {0};
  kit_batch_one(1, &foreign);
  CHECK(respool_array_metadata(&foreign) == NULL && tree_metadata_size(&foreign) == 0);
  CHECK(respool_array_metadata(&released) == NULL && respool_array_metadata(NULL) == NULL);
  foreign.release(&foreign);
}

static bool add_extent(void *context, const void *start, int64_t length) {
  (void)start;
  *(int64_t *)context += length;
  return true;
}

static void it_is_measured(void) {
  int64_t size, before = 0, after = 0;
  struct layout *layout = wire_layout_of("{a:int32,t:utf8}");
  struct ArrowArray root;
  REQUIRE_OK(tree_empty(layout, &root, kit_error()));
  measure_extents(layout, &root, add_extent, &before);
  int64_t shown = measure_shown(layout, &root);
  char *metadata = encode(some, SOME, &size);
  tree_set_metadata(&root, metadata, size);
  measure_extents(layout, &root, add_extent, &after);
  CHECK_EQ(after - before, size);
  CHECK_EQ(measure_shown(layout, &root) - shown, size);
  root.release(&root);
  layout_close(layout);
}

/* ---- Messages -------------------------------------------------------------------------------------- */

static void drop_body(void *body) {
  free(body);
}

/* Decode the message at `bytes`, with a copy of its body; its metadata in a block of exactly its size. */
static respool_status decode(const struct layout *layout, const uint8_t *bytes, size_t size, struct ArrowArray *array) {
  int64_t metadata_size;
  struct ipc_message message;
  uint8_t *metadata = wire_metadata(bytes, &metadata_size);
  uint8_t *body = wire_exact(bytes + 8 + metadata_size, size - 8 - (size_t)metadata_size);
  respool_status status = ipc_parse_message(metadata, metadata_size, &message, kit_error());
  if (status == RESPOOL_OK && message.kind != HEADER_BATCH) status = RESPOOL_CORRUPT;
  if (status == RESPOOL_OK && message.body_size > (int64_t)(size - 8 - (size_t)metadata_size)) status = RESPOOL_CORRUPT;
  struct tree_owner owner = {drop_body, body};
  if (status == RESPOOL_OK) {
    status = ipc_decode_batch(layout, &message, body, DECODE_FULL, &wire_expander, owner, NULL, array, kit_error());
  }
  if (status != RESPOOL_OK) free(body);
  free(metadata);
  return status;
}

/* An array of our own, with the values of `array`, and this metadata (taken; NULL: none). */
static void make_own(const struct layout *layout, const struct ArrowArray *array, char *metadata, int64_t size,
                     struct ArrowArray *own) {
  kit_sink sink = {0};
  wire_put_batch(layout, array, &sink);
  REQUIRE_OK(decode(layout, sink.bytes, sink.size, own));
  CHECK(tree_metadata(own) == NULL);
  if (metadata != NULL) tree_set_metadata(own, metadata, size);
  kit_sink_free(&sink);
}

/* Written and read it is the same, and written again the bytes are. */
static void check_there_and_back(const struct ArrowSchema *schema, const struct ArrowArray *array, char *metadata,
                                 int64_t size) {
  struct layout *layout = wire_layout(schema);
  struct ArrowArray own, again;
  kit_sink first = {0}, second = {0};
  make_own(layout, array, metadata, size, &own);
  struct ipc_size parts = wire_put_batch(layout, &own, &first);
  CHECK_EQ(parts.metadata % IPC_ALIGNMENT, 0);
  if (CHECK_OK(decode(layout, first.bytes, first.size, &again))) {
    CHECK_BYTES(metadata, (size_t)size, tree_metadata(&again), (size_t)tree_metadata_size(&again));
    CHECK_SAME(schema, array, &again);
    wire_put_batch(layout, &again, &second);
    CHECK_BYTES(first.bytes, first.size, second.bytes, second.size);
    again.release(&again);
  }
  own.release(&own);
  kit_sink_free(&first);
  kit_sink_free(&second);
  layout_close(layout);
}

static void there_and_back(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int round = 0; round < (kit_slow() ? 20 : 200); round++) {
    struct ArrowSchema schema;
    struct ArrowArray array;
    int64_t size;
    char *text = kit_schema_random_text(&random, 4, 3);
    if (strstr(text, "dictionary") != NULL) { /* whose values would be other messages */
      free(text);
      continue;
    }
    kit_array_options options = kit_array_defaults(kit_random_next(&random), kit_random_below(&random, 20));
    kit_schema_parse(text, &schema);
    kit_array_random(&schema, &options, &array);
    char *metadata = round % 8 == 0 ? encode(some, SOME, &size) : random_metadata(&random, &size);
    check_there_and_back(&schema, &array, metadata, size);
    array.release(&array);
    schema.release(&schema);
    free(text);
  }
}

/* One encoder for batches with and without: what one leaves in its metadata is not in the next. */
static void in_turn(void) {
  struct layout *layout = wire_layout_of("{x:int32}");
  struct ipc_encoder *encoder = NULL;
  struct gather *gather = gather_open();
  kit_sink plain = {0};
  REQUIRE(gather != NULL);
  REQUIRE_OK(ipc_encoder_open(layout, &encoder, kit_error()));
  struct ArrowArray one;
  kit_batch_one(7, &one);
  wire_put_batch(layout, &one, &plain);
  for (int round = 0; round < 6; round++) {
    kit_sink sink = {0};
    struct ipc_size size;
    struct ArrowArray own;
    int64_t bytes;
    char *metadata = round % 2 == 0 ? encode(some, round, &bytes) : NULL;
    make_own(layout, &one, metadata, metadata == NULL ? 0 : bytes, &own);
    gather_reset(gather, wire_take, &sink);
    REQUIRE_OK(ipc_encode_batch(encoder, &own, gather, &size, kit_error()));
    REQUIRE_OK(gather_flush(gather, kit_error()));
    if (metadata == NULL) CHECK_BYTES(plain.bytes, plain.size, sink.bytes, sink.size);
    own.release(&own);
    kit_sink_free(&sink);
  }
  one.release(&one);
  gather_close(gather);
  ipc_encoder_close(encoder);
  kit_sink_free(&plain);
  layout_close(layout);
}

/* ---- Built by hand --------------------------------------------------------------------------------- */

/* A table of KeyValue; 0: left out. */
static builder_ref key_value(struct builder *builder, builder_ref key, builder_ref value) {
  builder_begin(builder);
  builder_put_ref(builder, KEY_VALUE_KEY, key);
  builder_put_ref(builder, KEY_VALUE_VALUE, value);
  return builder_end(builder);
}

/* A message of `rows` rows without columns, and these pairs, at the version given. */
static void put_built(struct builder *builder, const builder_ref *pairs, size_t count, int16_t version,
                      kit_sink *sink) {
  builder_ref custom = builder_refs(builder, pairs, count);
  builder_ref nodes = builder_refs(builder, NULL, 0), buffers = builder_refs(builder, NULL, 0);
  builder_begin(builder);
  builder_put_i64(builder, BATCH_LENGTH, 3);
  builder_put_ref(builder, BATCH_NODES, nodes);
  builder_put_ref(builder, BATCH_BUFFERS, buffers);
  builder_ref batch = builder_end(builder);
  builder_begin(builder);
  builder_put_i16(builder, MESSAGE_VERSION, version);
  builder_put_u8(builder, MESSAGE_HEADER_TYPE, HEADER_BATCH);
  builder_put_ref(builder, MESSAGE_HEADER, batch);
  builder_put_ref(builder, MESSAGE_CUSTOM_METADATA, custom);
  size_t size = 0;
  const uint8_t *bytes = builder_finish(builder, builder_end(builder), &size);
  REQUIRE(bytes != NULL);
  const uint32_t prefix[] = {IPC_CONTINUATION, (uint32_t)size};
  kit_sink_write(sink, prefix, sizeof prefix);
  kit_sink_write(sink, bytes, (int64_t)size);
  builder_close(builder);
}

static respool_status decode_built(const kit_sink *sink, struct ArrowArray *array) {
  struct layout *layout = wire_layout_of("{}");
  respool_status status = decode(layout, sink->bytes, sink->size, array);
  layout_close(layout);
  return status;
}

/* Keys and values that are left out are empty ones, and so are pairs of neither; no pairs are no metadata. */
static void parts_left_out(void) {
  for (int16_t version = IPC_VERSION_4; version <= IPC_VERSION_5; version++)
    for (size_t count = 0; count <= 4; count++) {
      static const struct text expected[] = {{"k", 1}, {"v", 1}, {"k", 1}, {"", 0},
                                             {"", 0},  {"v", 1}, {"", 0},  {"", 0}};
      struct builder builder;
      struct ArrowArray array;
      kit_sink sink = {0};
      int64_t size;
      builder_open(&builder);
      builder_ref key = builder_string(&builder, "k"), value = builder_string(&builder, "v");
      builder_ref pairs[] = {key_value(&builder, key, value), key_value(&builder, key, 0),
                             key_value(&builder, 0, value), key_value(&builder, 0, 0)};
      put_built(&builder, pairs, count, version, &sink);
      REQUIRE_OK(decode_built(&sink, &array));
      char *metadata = encode(expected, (int32_t)count, &size);
      if (count == 0)
        CHECK(tree_metadata(&array) == NULL);
      else
        CHECK_BYTES(metadata, (size_t)size, tree_metadata(&array), (size_t)tree_metadata_size(&array));
      mem_free(metadata);
      array.release(&array);
      kit_sink_free(&sink);
    }
}

/* Many pairs that share one long text would be more bytes than the input has backed. */
static void text_that_is_shared(void) {
  enum { PAIRS = 4000, LENGTH = 50000 };
  struct builder builder;
  struct ArrowArray array;
  kit_sink sink = {0};
  char *text = calloc(LENGTH + 1, 1);
  builder_ref *pairs = calloc(PAIRS, sizeof *pairs);
  REQUIRE(text != NULL && pairs != NULL);
  memset(text, 'x', LENGTH);
  builder_open(&builder);
  builder_ref value = builder_string(&builder, text);
  builder_ref pair = key_value(&builder, value, value);
  for (int i = 0; i < PAIRS; i++) pairs[i] = pair;
  put_built(&builder, pairs, PAIRS, IPC_VERSION_5, &sink);
  CHECK_ERROR(decode_built(&sink, &array), RESPOOL_CORRUPT, "more text");
  kit_sink_free(&sink);
  free(text);
  free(pairs);
}

/* Each byte of the metadata changed: an error, or an array whose metadata can be read and written. */
static void every_byte_changed(void) {
  static const uint8_t masks[] = {0x01, 0x04, 0x10, 0x40, 0x80, 0xff, 0x7f};
  int64_t size, refused = 0;
  struct layout *layout = wire_layout_of("{}");
  struct ArrowArray three, own, array;
  kit_sink sink = {0};
  kit_batch_empty(3, &three);
  char *metadata = encode(some, SOME, &size);
  make_own(layout, &three, metadata, size, &own);
  wire_put_batch(layout, &own, &sink);
  for (size_t i = 8; i < sink.size; i++)
    for (size_t m = 0; m < sizeof masks; m++) {
      sink.bytes[i] ^= masks[m];
      respool_status status = decode(layout, sink.bytes, sink.size, &array);
      CHECK(status == RESPOOL_OK || status == RESPOOL_CORRUPT || status == RESPOOL_UNSUPPORTED);
      refused += status != RESPOOL_OK;
      if (status == RESPOOL_OK) {
        kit_sink again = {0};
        wire_put_batch(layout, &array, &again);
        kit_sink_free(&again);
        array.release(&array);
      }
      sink.bytes[i] ^= masks[m];
    }
  CHECK_LE(200, refused);
  own.release(&own);
  three.release(&three);
  kit_sink_free(&sink);
  layout_close(layout);
}

/* ---- No memory ------------------------------------------------------------------------------------- */

static int allocations_left;

static bool refuse_later(void) {
  return allocations_left-- <= 0;
}

static void no_memory(void) {
  int64_t size;
  struct layout *layout = wire_layout_of("{x:int32}");
  struct ArrowArray one, own, array;
  kit_sink sink = {0};
  kit_batch_one(7, &one);
  char *metadata = encode(some, SOME, &size);
  make_own(layout, &one, metadata, size, &own);
  wire_put_batch(layout, &own, &sink);
  int refused = 0;
  respool_status status;
  do {
    allocations_left = refused;
    mem_fault = refuse_later;
    status = decode(layout, sink.bytes, sink.size, &array);
    mem_fault = NULL;
    if (status != RESPOOL_OK) CHECK_EQ(status, RESPOOL_NO_MEMORY);
    refused++;
  } while (status == RESPOOL_NO_MEMORY && refused < 100);
  CHECK_EQ(refused, 3); /* the tree, the metadata, then nothing */
  array.release(&array);
  own.release(&own);
  one.release(&one);
  kit_sink_free(&sink);
  layout_close(layout);
}

/* A stream of four batches of "{}", two of them without rows, the second and the last with metadata. */
static void put_stream(kit_sink *sink) {
  struct ArrowSchema schema;
  kit_schema_parse("{}", &schema);
  struct layout *layout = wire_layout(&schema);
  wire_put_schema(&schema, sink);
  for (int i = 0; i < 4; i++) {
    struct ArrowArray plain, own;
    int64_t size = 0;
    char *metadata = i % 2 == 1 ? encode(some, SOME, &size) : NULL;
    kit_batch_empty(i % 4 < 2 ? 3 : 0, &plain);
    make_own(layout, &plain, metadata, size, &own);
    wire_put_batch(layout, &own, sink);
    own.release(&own);
    plain.release(&plain);
  }
  kit_sink_write(sink, "\xff\xff\xff\xff\0\0\0\0", 8);
  layout_close(layout);
  schema.release(&schema);
}

/* The n-th allocation fails, once. */
static bool refuse_one(void) {
  return allocations_left-- == 0;
}

/* Whether the spool got all of the stream. */
static bool fill_spool(respool_writer *writer, const kit_sink *bytes) {
  struct ArrowArrayStream stream;
  kit_source source = {.bytes = bytes->bytes, .size = bytes->size};
  if (respool_ipc_read(kit_source_read, &source, NULL, &stream, NULL) != RESPOOL_OK) return false;
  respool_status status = respool_writer_append_stream(writer, &stream, NULL);
  if (status == RESPOOL_OK) status = respool_writer_finish(writer, NULL);
  stream.release(&stream);
  return status == RESPOOL_OK;
}

static void check_replay(respool *spool) {
  respool_reader *reader;
  int64_t size;
  char *expected = encode(some, SOME, &size);
  REQUIRE_OK(respool_reader_open(spool, NULL, &reader, kit_error()));
  for (int i = 0; i < 4; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    CHECK_EQ(array.length, i < 2 ? 3 : 0);
    if (i % 2 == 0)
      CHECK(respool_array_metadata(&array) == NULL);
    else
      CHECK_BYTES(expected, (size_t)size, respool_array_metadata(&array), (size_t)tree_metadata_size(&array));
    array.release(&array);
  }
  respool_reader_close(reader);
  mem_free(expected);
}

/* From bytes through a spool, with each allocation failing in turn: an error, or batches with all that they had. */
static void no_memory_on_the_way(void) {
  kit_sink sink = {0};
  struct ArrowSchema schema;
  put_stream(&sink);
  kit_schema_parse("{}", &schema);
  int whole = 0, refused = 0;
  for (int64_t limit = 0; limit <= 1 << 20; limit += 1 << 20)
    for (int fail_at = 0, left = -1; left < 0 && kit_failures() == 0 && fail_at < 1000; fail_at++) {
      respool *spool;
      respool_writer *writer;
      respool_options options;
      respool_options_init(&options, sizeof options);
      options.memory_limit = limit;
      REQUIRE_OK(respool_create(&schema, &options, &spool, &writer, kit_error()));
      allocations_left = fail_at;
      mem_fault = refuse_one;
      bool filled = fill_spool(writer, &sink);
      mem_fault = NULL;
      left = allocations_left;
      whole += filled;
      refused += !filled;
      if (filled) check_replay(spool);
      if (kit_failures() > 0) kit_note("allocation %d, limit %d", fail_at, (int)limit);
      respool_writer_close(writer);
      respool_release(spool);
    }
  CHECK(whole >= 2 && refused >= 10);
  schema.release(&schema);
  kit_sink_free(&sink);
}

static const kit_test tests[] = {
    KIT_TEST(an_array_keeps_it),
    KIT_TEST(arrays_of_others_have_none),
    KIT_TEST(it_is_measured),
    KIT_TEST(there_and_back),
    KIT_TEST(in_turn),
    KIT_TEST(parts_left_out),
    KIT_TEST(text_that_is_shared),
    KIT_TEST(every_byte_changed),
    KIT_TEST(no_memory),
    KIT_TEST(no_memory_on_the_way),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
