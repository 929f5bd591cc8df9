/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrow IPC input: the stream as the library writes it, and around it what makes a file of it: the magic at both ends
 * and a footer with the schema and the places of the batches.
 */
#include "file_format.h"

#include "ipc/builder.h"
#include "ipc/format.h"
#include "ipc/message.h"
#include "support/arith.h"

#include "batches.h"
#include "check.h"
#include "stream_build.h"

#include <string.h>

enum { MOST = 32 };

void input_stream(int64_t count, kit_sink *sink) {
  struct ArrowArray batches[MOST];
  struct ArrowArrayStream stream;
  for (int64_t i = 0; i < count; i++) batch_make(i, &batches[i]);
  kit_stream_options options = {.schema = batch_schema(), .batches = batches, .count = count};
  kit_stream_from(&options, &stream);
  REQUIRE(kit_write_stream(&stream, sink));
}

/* Where the batches lie, counted from the start of the stream. */
static uint32_t find_batches(const kit_sink *stream, struct ipc_block *blocks) {
  uint32_t count = 0;
  for (int64_t at = 0;;) {
    struct ipc_prefix prefix;
    struct ipc_message message;
    REQUIRE(ipc_parse_prefix(stream->bytes + at, IPC_PREFIX, &prefix));
    if (prefix.is_end) return count;
    const uint8_t *metadata = stream->bytes + at + prefix.bytes;
    REQUIRE_OK(ipc_parse_message(metadata, prefix.metadata_size, &message, kit_error()));
    struct ipc_block block = {at, prefix.bytes + prefix.metadata_size, message.body_size};
    if (message.kind == HEADER_BATCH) blocks[count++] = block;
    at += block.metadata_size + block.body_size;
  }
}

/* ---- The footer ------------------------------------------------------------------------------------ */

static builder_ref build_field(struct builder *builder, const char *name, bool nullable, uint8_t tag, builder_ref type,
                               builder_ref children) {
  builder_ref text = builder_string(builder, name);
  builder_begin(builder);
  builder_put_ref(builder, FIELD_NAME, text);
  if (nullable) builder_put_u8(builder, FIELD_NULLABLE, 1);
  builder_put_u8(builder, FIELD_TYPE_TYPE, tag);
  builder_put_ref(builder, FIELD_TYPE, type);
  builder_put_ref(builder, FIELD_CHILDREN, children);
  return builder_end(builder);
}

static builder_ref build_int(struct builder *builder, int32_t bits) {
  builder_begin(builder);
  if (bits > 0) builder_put_i32(builder, 0, bits);
  if (bits > 0) builder_put_u8(builder, 1, 1);
  return builder_end(builder);
}

/* BATCH_FIELDS. */
static builder_ref build_schema(struct builder *builder) {
  builder_ref no_parameters = build_int(builder, 0), none = builder_refs(builder, NULL, 0);
  builder_ref item = build_field(builder, "item", true, TYPE_INT, build_int(builder, 16), none);
  builder_ref items = builder_refs(builder, &item, 1);
  builder_ref fields[] = {build_field(builder, "id", false, TYPE_INT, build_int(builder, 64), none),
                          build_field(builder, "text", true, TYPE_UTF8, no_parameters, none),
                          build_field(builder, "items", true, TYPE_LIST, no_parameters, items)};
  builder_ref vector = builder_refs(builder, fields, 3);
  builder_begin(builder);
  builder_put_ref(builder, SCHEMA_FIELDS, vector);
  return builder_end(builder);
}

/* Structs of 24 bytes: built as numbers of four, and counted right afterwards. */
static builder_ref build_blocks(struct builder *builder, const struct ipc_block *blocks, uint32_t count) {
  int32_t words[6 * MOST] = {0};
  for (uint32_t i = 0; i < count; i++) {
    int64_t offset = blocks[i].offset + IPC_FILE_HEAD;
    memcpy(words + 6 * (size_t)i, &offset, 8);
    words[6 * i + 2] = (int32_t)blocks[i].metadata_size;
    memcpy(words + 6 * (size_t)i + 4, &blocks[i].body_size, 8);
  }
  builder_ref ref = builder_i32s(builder, words, 6 * (size_t)count);
  store_u32(builder->memory + builder->capacity - builder->used, count);
  return ref;
}

static void put_footer(const kit_sink *stream, kit_sink *sink) {
  struct ipc_block blocks[MOST];
  struct builder builder;
  uint32_t count = find_batches(stream, blocks);
  builder_open(&builder);
  builder_ref batches = build_blocks(&builder, blocks, count), schema = build_schema(&builder);
  builder_begin(&builder);
  builder_put_i16(&builder, FOOTER_VERSION, IPC_VERSION_5);
  builder_put_ref(&builder, FOOTER_SCHEMA, schema);
  builder_put_ref(&builder, FOOTER_BATCHES, batches);
  size_t size = 0;
  const uint8_t *bytes = builder_finish(&builder, builder_end(&builder), &size);
  REQUIRE(bytes != NULL);
  kit_sink_write(sink, bytes, (int64_t)size);
  uint8_t length[4];
  store_u32(length, (uint32_t)size);
  kit_sink_write(sink, length, sizeof length);
  builder_close(&builder);
}

void input_file(int64_t count, kit_sink *sink) {
  kit_sink stream = {0};
  input_stream(count, &stream);
  kit_sink_write(sink, IPC_MAGIC "\0\0", IPC_FILE_HEAD);
  kit_sink_write(sink, stream.bytes, (int64_t)stream.size);
  put_footer(&stream, sink);
  kit_sink_write(sink, IPC_MAGIC, IPC_MAGIC_BYTES);
  kit_sink_free(&stream);
}
