/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/encode: the metadata laid out by hand reads back right, and the body is what a naive encoder (naive_encode.c)
 * makes of the same array: exact slices, offsets from 0, zero padding.
 */
#include "ipc/encode.h"

#include "arrow/check.h"
#include "arrow/schema.h"
#include "ipc/format.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include "array_build.h"
#include "check.h"
#include "format.h"
#include "naive_encode.h"
#include "schema_build.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Comparing ------------------------------------------------------------------------------------- */

static void check_nodes(const struct flatbuf_vector *nodes, const struct naive *naive) {
  if (!CHECK_EQ(nodes->count, naive->nodes)) return;
  for (int i = 0; i < naive->nodes; i++) {
    const uint8_t *node = flatbuf_items(nodes) + NODE_BYTES * (size_t)i;
    CHECK_EQ(load_i64(node), naive->lengths[i]);
    CHECK_EQ(load_i64(node + 8), naive->null_counts[i]);
  }
}

static void check_buffers(const struct flatbuf_vector *buffers, const struct naive *naive) {
  if (!CHECK_EQ(buffers->count, naive->buffers)) return;
  for (int i = 0; i < naive->buffers; i++) {
    const uint8_t *buffer = flatbuf_items(buffers) + BUFFER_BYTES * (size_t)i;
    CHECK_EQ(load_i64(buffer), naive->offsets[i]);
    CHECK_EQ(load_i64(buffer + 8), naive->sizes[i]);
  }
}

/* Structs of eight-byte numbers start at multiples of eight, in a flatbuffer that does. */
static void check_metadata(const uint8_t *metadata, int64_t size, int32_t dictionary, int64_t rows,
                           const struct naive *naive) {
  struct ipc_message message;
  bool is_delta = true;
  REQUIRE_OK(ipc_parse_message(metadata, size, &message, kit_error()));
  CHECK_EQ(message.kind, dictionary == LAYOUT_BATCH ? HEADER_BATCH : HEADER_DICTIONARY);
  if (dictionary != LAYOUT_BATCH) CHECK_EQ(ipc_message_dictionary(&message, &is_delta), dictionary);
  if (dictionary != LAYOUT_BATCH) CHECK(!is_delta);
  CHECK_EQ(message.version, 5);
  CHECK_EQ(message.body_size, naive->body.size);
  CHECK_EQ(ipc_message_rows(&message), rows);
  CHECK(!ipc_message_compressed(&message));
  struct flatbuf_table batch = ipc_message_batch(&message);
  struct flatbuf_vector nodes = flatbuf_list(&batch, BATCH_NODES, NODE_BYTES);
  struct flatbuf_vector buffers = flatbuf_list(&batch, BATCH_BUFFERS, BUFFER_BYTES);
  struct flatbuf_vector counts = flatbuf_list(&batch, BATCH_VARIADIC_COUNTS, 8);
  CHECK(nodes.present && buffers.present); /* though empty: some readers insist */
  CHECK(nodes.at % 8 == 0 && buffers.at % 8 == 0);
  check_nodes(&nodes, naive);
  CHECK_EQ(counts.count, naive->views);
  for (int i = 0; i < naive->views && i < (int)counts.count; i++)
    CHECK_EQ(load_i64(flatbuf_items(&counts) + 8 * (size_t)i), naive->variadic[i]);
  check_buffers(&buffers, naive);
  CHECK(!flatbuf_broken(&message.buffer));
}

/* One message: a batch, or the values of a dictionary, whose schema is theirs then. */
static void check_message(const struct layout *layout, int32_t dictionary, const struct ArrowSchema *schema,
                          const struct ArrowArray *array) {
  struct naive *naive = calloc(1, sizeof *naive);
  kit_sink sink = {0};
  int64_t size;
  bool is_batch = dictionary == LAYOUT_BATCH;
  naive_encode(naive, schema, array, is_batch);
  struct ipc_size parts =
      is_batch ? wire_put_batch(layout, array, &sink) : wire_put_values(layout, dictionary, array, &sink);
  CHECK_EQ(parts.metadata % IPC_ALIGNMENT, 0);
  CHECK_EQ(parts.body, naive->body.size);
  CHECK_EQ(sink.size, parts.metadata + parts.body);
  uint8_t *metadata = wire_metadata(sink.bytes, &size);
  CHECK_EQ(size + IPC_PREFIX, parts.metadata);
  check_metadata(metadata, size, dictionary, array->length, naive);
  CHECK_BYTES(sink.bytes + parts.metadata, sink.size - (size_t)parts.metadata, naive->body.bytes, naive->body.size);
  free(metadata);
  kit_sink_free(&sink);
  kit_sink_free(&naive->body);
  free(naive);
}

/* Dictionaries are numbered in pre-order, an outer one before those inside its values. */
static int32_t check_dictionaries(const struct layout *layout, int32_t next, const struct ArrowSchema *schema,
                                  const struct ArrowArray *array) {
  if (schema->dictionary != NULL) {
    check_message(layout, next, schema->dictionary, array->dictionary);
    return check_dictionaries(layout, next + 1, schema->dictionary, array->dictionary);
  }
  for (int64_t i = 0; i < schema->n_children; i++)
    next = check_dictionaries(layout, next, schema->children[i], array->children[i]);
  return next;
}

static void check_batch(const struct ArrowSchema *schema, const struct ArrowArray *array) {
  struct layout *layout = wire_layout(schema);
  check_message(layout, LAYOUT_BATCH, schema, array);
  CHECK_EQ(check_dictionaries(layout, 0, schema, array), layout->n_dictionaries);
  layout_close(layout);
}

/* ---- At random ------------------------------------------------------------------------------------- */

static void random_batches(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 60 : 800;
  for (int round = 0; round < rounds && kit_failures() == 0; round++) {
    struct ArrowSchema schema;
    struct ArrowArray array;
    char *text = kit_schema_random_text(&random, 6, 3);
    kit_schema_parse(text, &schema);
    kit_array_options options = kit_array_defaults(kit_random_next(&random), kit_random_below(&random, 50));
    options.sliced = options.unknown_nulls = round % 4 != 0;
    options.unaligned = round % 3 == 0;
    kit_array_random(&schema, &options, &array);
    check_batch(&schema, &array);
    if (kit_failures() > 0) kit_note("%s", text);
    array.release(&array);
    schema.release(&schema);
    free(text);
  }
}

/* Long enough for blocks of offsets and bits, for references and for several drains. */
static void long_batches(void) {
  static const char *const texts[] = {"{b:bool,t:utf8,l:list<i:bool>}", "{x:int64,b:bool!,f:fixed_list(3)<i:bool>}",
                                      "{T:large_binary,n:null,L:large_list<i:int16>}"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    for (int sliced = 0; sliced < 2; sliced++) {
      struct ArrowSchema schema;
      struct ArrowArray array;
      kit_schema_parse(texts[i], &schema);
      kit_array_options options = kit_array_defaults(kit_seed() + i, kit_slow() ? 40000 : 200000);
      options.sliced = sliced;
      kit_array_random(&schema, &options, &array);
      check_batch(&schema, &array);
      array.release(&array);
      schema.release(&schema);
    }
}

/* Whatever is behind the value of an inline view, zeros are written. */
static void behind_inline_views(void) {
  struct ArrowSchema schema;
  struct ArrowArray array;
  kit_schema_parse("{v:binary_view}", &schema);
  kit_array_options options = kit_array_defaults(kit_seed(), 100);
  kit_array_random(&schema, &options, &array);
  uint8_t *views = (uint8_t *)(uintptr_t)array.children[0]->buffers[1];
  int dirty = 0;
  for (int64_t i = 0; i < array.length; i++) {
    int64_t size = kit_number_at(views, 4, 4 * i);
    bool is_inline = size >= 0 && size < KIT_VIEW_INLINE && !kit_slot_null(KIT_VIEW, array.children[0], i);
    if (is_inline) memset(views + 16 * i + 4 + size, 0xdb, (size_t)(KIT_VIEW_INLINE - size));
    dirty += is_inline;
  }
  CHECK(dirty > 0);
  check_batch(&schema, &array);
  array.release(&array);
  schema.release(&schema);
}

/* No rows, and so no buffers; an offset nevertheless, but where children would have to be as long. */
static void strip(struct ArrowArray *array, bool is_struct, int64_t offset) {
  array->length = array->null_count = 0;
  array->offset = is_struct ? 0 : offset;
  for (int64_t i = 0; i < array->n_buffers; i++) array->buffers[i] = NULL;
  for (int64_t i = 0; i < array->n_children; i++) strip(array->children[i], false, offset);
}

/* Lists that are all empty, over a child that has no buffers at all: legal, and nothing may be made of its NULLs. */
static void children_without_buffers(void) {
  static const char *const items[] = {"bool", "int32", "utf8", "list<i:int8>", "struct<a:bool,b:bool>", "null"};
  for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
    for (int64_t offset = 0; offset < 20; offset += 3) {
      char text[60];
      struct ArrowSchema schema;
      struct ArrowArray array;
      snprintf(text, sizeof text, "{l:list<i:%s>}", items[i]);
      kit_schema_parse(text, &schema);
      kit_array_options options = kit_array_defaults(7, 2);
      options.list_max = 0;
      options.null_rate = 0;
      kit_array_random(&schema, &options, &array);
      strip(array.children[0]->children[0], items[i][0] == 's', offset);
      struct layout *layout = wire_layout(&schema);
      CHECK_OK(check_array(layout, &array, CHECK_FULL, kit_error()));
      layout_close(layout);
      check_batch(&schema, &array);
      array.release(&array);
      schema.release(&schema);
    }
}

static void wide_schema(int columns, struct ArrowSchema *schema) {
  REQUIRE_OK(schema_make(schema, "+s", "", NULL, 0, columns, kit_error()));
  for (int i = 0; i < columns; i++)
    REQUIRE_OK(schema_make(schema->children[i], i % 3 == 0 ? "u" : "c", "", NULL, 2, 0, kit_error()));
}

/* So many columns that the metadata itself is long: it must not be referenced, as the next batch changes it. */
static void long_metadata(void) {
  enum { COLUMNS = 400, BATCHES = 3 };
  struct ArrowSchema schema;
  struct ArrowArray arrays[BATCHES];
  kit_sink together = {0}, alone = {0};
  struct ipc_encoder *encoder = NULL;
  struct gather *gather = gather_open();
  wide_schema(COLUMNS, &schema);
  struct layout *layout = wire_layout(&schema);
  REQUIRE_OK(ipc_encoder_open(layout, &encoder, kit_error()));
  gather_reset(gather, wire_take, &together);
  for (int i = 0; i < BATCHES; i++) {
    kit_array_options options = kit_array_defaults(kit_seed() + (uint64_t)i, 3 + i);
    struct ipc_size size;
    kit_array_random(&schema, &options, &arrays[i]);
    wire_put_batch(layout, &arrays[i], &alone);
    CHECK_OK(ipc_encode_batch(encoder, &arrays[i], gather, &size, kit_error()));
    CHECK_LE(GATHER_COPY_BELOW, size.metadata);
  }
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_BYTES(together.bytes, together.size, alone.bytes, alone.size);
  check_batch(&schema, &arrays[0]);
  for (int i = 0; i < BATCHES; i++) arrays[i].release(&arrays[i]);
  ipc_encoder_close(encoder);
  gather_close(gather);
  layout_close(layout);
  schema.release(&schema);
  kit_sink_free(&together);
  kit_sink_free(&alone);
}

/* ---- One encoder for many batches ------------------------------------------------------------------ */

/* Batches into one gather that is flushed at the end only: each comes out as it does alone. */
static void one_after_the_other(void) {
  enum { BATCHES = 20 };
  struct ArrowSchema schema;
  struct ArrowArray arrays[BATCHES];
  kit_sink together = {0}, alone = {0};
  struct gather *gather = gather_open();
  struct ipc_encoder *encoder = NULL;
  kit_schema_parse("{a:int64,b:utf8,c:bool,d:list<i:int16>}", &schema);
  struct layout *layout = wire_layout(&schema);
  REQUIRE_OK(ipc_encoder_open(layout, &encoder, kit_error()));
  gather_reset(gather, wire_take, &together);
  for (int i = 0; i < BATCHES; i++) {
    kit_array_options options = kit_array_defaults(kit_seed() + (uint64_t)i, i * 97);
    struct ipc_size size;
    kit_array_random(&schema, &options, &arrays[i]);
    wire_put_batch(layout, &arrays[i], &alone);
    CHECK_OK(ipc_encode_batch(encoder, &arrays[i], gather, &size, kit_error()));
    CHECK_EQ(gather->total, alone.size);
  }
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_BYTES(together.bytes, together.size, alone.bytes, alone.size);
  for (int i = 0; i < BATCHES; i++) arrays[i].release(&arrays[i]);
  ipc_encoder_close(encoder);
  gather_close(gather);
  layout_close(layout);
  schema.release(&schema);
  kit_sink_free(&together);
  kit_sink_free(&alone);
}

static int64_t drains_left;

static respool_status take_some(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  if (drains_left-- > 0) return wire_take(context, pieces, count, error);
  return error_set(error, RESPOOL_NO_SPACE, "full");
}

/* The drain fails at any time: the error comes out, and the same batch goes in whole afterwards. */
static void failing_drains(void) {
  struct ArrowSchema schema;
  struct ArrowArray array;
  struct ipc_encoder *encoder = NULL;
  struct gather *gather = gather_open();
  kit_sink expected = {0};
  kit_schema_parse("{b:bool,t:utf8,l:list<i:bool>,x:int64}", &schema);
  kit_array_options options = kit_array_defaults(kit_seed(), 300000);
  options.sliced = true;
  kit_array_random(&schema, &options, &array);
  struct layout *layout = wire_layout(&schema);
  REQUIRE_OK(ipc_encoder_open(layout, &encoder, kit_error()));
  wire_put_batch(layout, &array, &expected);
  respool_status status = RESPOOL_NO_SPACE;
  for (int64_t drains = 0; status != RESPOOL_OK; drains++) {
    kit_sink sink = {0};
    struct ipc_size size = {.body = -7};
    drains_left = drains;
    gather_reset(gather, take_some, &sink);
    status = ipc_encode_batch(encoder, &array, gather, &size, kit_error());
    if (status == RESPOOL_OK) status = gather_flush(gather, kit_error());
    if (status != RESPOOL_OK) CHECK_EQ(status, RESPOOL_NO_SPACE);
    if (status == RESPOOL_OK) CHECK_BYTES(sink.bytes, sink.size, expected.bytes, expected.size);
    kit_sink_free(&sink);
  }
  kit_sink_free(&expected);
  ipc_encoder_close(encoder);
  gather_close(gather);
  layout_close(layout);
  array.release(&array);
  schema.release(&schema);
}

static int64_t allocations;
static int64_t refused_one;

static bool refuse_one(void) {
  return ++allocations == refused_one;
}

static void no_memory(void) {
  struct layout *layout = wire_layout_of("{a:int32,b:list<i:utf8>}");
  struct ipc_encoder *encoder = NULL;
  for (refused_one = 1;; refused_one++) {
    allocations = 0;
    mem_fault = refuse_one;
    respool_status status = ipc_encoder_open(layout, &encoder, kit_error());
    mem_fault = NULL;
    if (allocations < refused_one) break;
    CHECK_EQ(status, RESPOOL_NO_MEMORY);
    CHECK(encoder == NULL);
  }
  CHECK_EQ(refused_one, 6);
  ipc_encoder_close(encoder);
  ipc_encoder_close(NULL);
  layout_close(layout);
}

static const kit_test tests[] = {
    KIT_TEST(random_batches), KIT_TEST(long_batches),        KIT_TEST(children_without_buffers),
    KIT_TEST(long_metadata),  KIT_TEST(one_after_the_other), KIT_TEST(failing_drains),
    KIT_TEST(no_memory),      KIT_TEST(behind_inline_views),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
