/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/encode: the metadata laid out by hand reads back right, and the body is what a naive encoder, written here from the
 * format's description, makes of the same array: exact slices, offsets from 0, zero padding.
 */
#include "ipc/encode.h"

#include "arrow/check.h"
#include "arrow/schema.h"
#include "ipc/format.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include "array_build.h"
#include "bits.h"
#include "check.h"
#include "format.h"
#include "schema_build.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A naive encoder ------------------------------------------------------------------------------- */

enum { MOST = 4096 };

struct naive {
  int64_t lengths[MOST], null_counts[MOST];
  int nodes;
  int64_t offsets[MOST], sizes[MOST];
  int buffers;
  kit_sink body;
};

static void end_buffer(struct naive *naive, int64_t start) {
  static const uint8_t zeros[IPC_ALIGNMENT];
  naive->offsets[naive->buffers] = start;
  naive->sizes[naive->buffers++] = (int64_t)naive->body.size - start;
  int64_t over = (int64_t)naive->body.size % IPC_ALIGNMENT;
  if (over > 0) kit_sink_write(&naive->body, zeros, IPC_ALIGNMENT - over);
}

static void naive_bits(struct naive *naive, const void *bits, int64_t at, int64_t length) {
  int64_t start = (int64_t)naive->body.size;
  for (int64_t i = 0; i < length; i += 8) {
    uint8_t byte = 0;
    for (int64_t k = i; k < length && k < i + 8; k++) byte |= (uint8_t)(kit_bit(bits, at + k) << (k - i));
    kit_sink_write(&naive->body, &byte, 1);
  }
  end_buffer(naive, start);
}

static void naive_node(struct naive *naive, const struct ArrowArray *array, bool is_null, int64_t at, int64_t length) {
  int64_t nulls = is_null ? length : 0;
  const void *bits = is_null ? NULL : array->buffers[0];
  if (bits != NULL && array->null_count != 0) nulls = kit_bits_count_zeros(bits, at, length);
  naive->lengths[naive->nodes] = length;
  naive->null_counts[naive->nodes++] = nulls;
  if (is_null) return;
  if (nulls > 0)
    naive_bits(naive, bits, at, length);
  else
    end_buffer(naive, (int64_t)naive->body.size);
}

static void naive_bytes(struct naive *naive, const void *bytes, int64_t from, int64_t size) {
  int64_t start = (int64_t)naive->body.size;
  if (size > 0) kit_sink_write(&naive->body, (const char *)bytes + from, size);
  end_buffer(naive, start);
}

static void naive_offsets(struct naive *naive, const void *offsets, int64_t width, int64_t at, int64_t length,
                          int64_t *first, int64_t *last) {
  int64_t start = (int64_t)naive->body.size;
  *first = length == 0 ? 0 : offset_at(offsets, (int)width, at);
  *last = length == 0 ? 0 : offset_at(offsets, (int)width, at + length);
  for (int64_t i = 0; i <= length; i++) {
    int64_t value = length == 0 ? 0 : offset_at(offsets, (int)width, at + i) - *first;
    int32_t narrow = (int32_t)value;
    kit_sink_write(&naive->body, width == 4 ? (const void *)&narrow : (const void *)&value, width);
  }
  end_buffer(naive, start);
}

/* Rows [start, start + length) behind the array's own offset. */
static void naive_encode(struct naive *naive, const struct ArrowSchema *schema, const struct ArrowArray *array,
                         int64_t start, int64_t length, bool top) {
  kit_layout layout = kit_layout_of(schema->format);
  int64_t at = array->offset + start, first = at, last = at + length;
  if (!top) naive_node(naive, array, layout.kind == KIT_NULL, at, length);
  if (layout.kind == KIT_BOOL) naive_bits(naive, array->buffers[1], at, length);
  if (layout.kind == KIT_FIXED) naive_bytes(naive, array->buffers[1], at * layout.width, length * layout.width);
  if (layout.kind == KIT_BINARY || layout.kind == KIT_LIST)
    naive_offsets(naive, array->buffers[1], layout.width, at, length, &first, &last);
  if (layout.kind == KIT_BINARY) naive_bytes(naive, array->buffers[2], first, last - first);
  if (layout.kind == KIT_FIXED_LIST) {
    first = at * layout.width;
    last = first + length * layout.width;
  }
  for (int64_t i = 0; i < schema->n_children; i++)
    naive_encode(naive, schema->children[i], array->children[i], first, last - first, false);
}

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
static void check_metadata(const uint8_t *metadata, int64_t size, int64_t rows, const struct naive *naive) {
  struct ipc_message message;
  REQUIRE_OK(ipc_parse_message(metadata, size, &message, kit_error()));
  CHECK_EQ(message.kind, HEADER_BATCH);
  CHECK_EQ(message.version, 5);
  CHECK_EQ(message.body_size, naive->body.size);
  CHECK_EQ(ipc_message_rows(&message), rows);
  CHECK(!ipc_message_compressed(&message));
  struct flatbuf_vector nodes = flatbuf_list(&message.header, BATCH_NODES, NODE_BYTES);
  struct flatbuf_vector buffers = flatbuf_list(&message.header, BATCH_BUFFERS, BUFFER_BYTES);
  CHECK(nodes.present && buffers.present); /* though empty: some readers insist */
  CHECK(nodes.at % 8 == 0 && buffers.at % 8 == 0);
  check_nodes(&nodes, naive);
  check_buffers(&buffers, naive);
  CHECK(!flatbuf_broken(&message.buffer));
}

static void check_batch(const struct ArrowSchema *schema, const struct ArrowArray *array) {
  struct layout *layout = wire_layout(schema);
  struct naive *naive = calloc(1, sizeof *naive);
  kit_sink sink = {0};
  int64_t size;
  naive_encode(naive, schema, array, 0, array->length, true);
  struct ipc_size parts = wire_put_batch(layout, array, &sink);
  CHECK_EQ(parts.metadata % IPC_ALIGNMENT, 0);
  CHECK_EQ(parts.body, naive->body.size);
  CHECK_EQ(sink.size, parts.metadata + parts.body);
  uint8_t *metadata = wire_metadata(sink.bytes, &size);
  CHECK_EQ(size + IPC_PREFIX, parts.metadata);
  check_metadata(metadata, size, array->length, naive);
  CHECK_BYTES(sink.bytes + parts.metadata, sink.size - (size_t)parts.metadata, naive->body.bytes, naive->body.size);
  free(metadata);
  kit_sink_free(&sink);
  kit_sink_free(&naive->body);
  free(naive);
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
    KIT_TEST(no_memory),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
