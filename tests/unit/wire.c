/* SPDX-License-Identifier: Apache-2.0 */
/* Messages into bytes in memory and out of them. */
#include "wire.h"

#include "ipc/format.h"
#include "ipc/schema.h"
#include "support/alloc.h"
#include "support/error.h"

#include "check.h"
#include "schema_build.h"

#include <stdlib.h>
#include <string.h>

static respool_status take_memory(void *context, int64_t size, uint8_t **bytes, struct tree_owner *owner,
                                  respool_error *error) {
  (void)context;
  *bytes = mem_alloc_aligned((size_t)size);
  if (*bytes == NULL) return error_no_memory(error);
  *owner = (struct tree_owner){mem_free, *bytes};
  return RESPOOL_OK;
}

struct expander wire_expander = {.take = take_memory, .most_bytes = (int64_t)64 << 20, .most_ratio = INT64_MAX};

respool_status wire_take(void *sink, const struct gather_piece *pieces, int count, respool_error *error) {
  (void)error;
  for (int i = 0; i < count; i++) kit_sink_write(sink, pieces[i].bytes, (int64_t)pieces[i].length);
  return RESPOOL_OK;
}

static struct gather *open_gather(kit_sink *sink) {
  struct gather *gather = gather_open();
  REQUIRE(gather != NULL);
  gather_reset(gather, wire_take, sink);
  return gather;
}

void wire_put_schema(const struct ArrowSchema *schema, kit_sink *sink) {
  struct gather *gather = open_gather(sink);
  REQUIRE_OK(ipc_encode_schema(schema, gather, kit_error()));
  REQUIRE_OK(gather_flush(gather, kit_error()));
  gather_close(gather);
}

struct ipc_size wire_put_batch(const struct layout *layout, const struct ArrowArray *array, kit_sink *sink) {
  return wire_put_compressed(layout, LAYOUT_BATCH, array, RESPOOL_COMPRESSION_NONE, 0, sink);
}

struct ipc_size wire_put_values(const struct layout *layout, int32_t dictionary, const struct ArrowArray *values,
                                kit_sink *sink) {
  return wire_put_compressed(layout, dictionary, values, RESPOOL_COMPRESSION_NONE, 0, sink);
}

struct ipc_size wire_put_compressed(const struct layout *layout, int32_t dictionary, const struct ArrowArray *array,
                                    int32_t compression, int32_t level, kit_sink *sink) {
  struct gather *gather = open_gather(sink);
  struct ipc_encoder *encoder = NULL;
  struct ipc_size size = {0};
  REQUIRE_OK(ipc_encoder_open(layout, &encoder, kit_error()));
  ipc_encoder_compress(encoder, compression, level);
  REQUIRE_OK(ipc_encoder_plan(encoder, dictionary, array, &size, kit_error()));
  REQUIRE_OK(ipc_encoder_put(encoder, gather, kit_error()));
  REQUIRE_OK(gather_flush(gather, kit_error()));
  ipc_encoder_close(encoder);
  gather_close(gather);
  return size;
}

void wire_put_built_schema(struct builder *builder, builder_ref schema_table, int16_t version, kit_sink *sink) {
  builder_begin(builder);
  builder_put_i16(builder, MESSAGE_VERSION, version);
  builder_put_u8(builder, MESSAGE_HEADER_TYPE, HEADER_SCHEMA);
  builder_put_ref(builder, MESSAGE_HEADER, schema_table);
  size_t size = 0;
  const uint8_t *bytes = builder_finish(builder, builder_end(builder), &size);
  REQUIRE(bytes != NULL);
  struct gather *gather = open_gather(sink);
  REQUIRE_OK(ipc_put_metadata(bytes, (int64_t)size, gather, kit_error()));
  REQUIRE_OK(gather_flush(gather, kit_error()));
  gather_close(gather);
}

uint8_t *wire_exact(const void *bytes, size_t size) {
  uint8_t *copy = malloc(size);
  if (copy == NULL && size > 0) kit_die("no memory");
  if (size > 0) memcpy(copy, bytes, size);
  return copy;
}

uint8_t *wire_metadata(const uint8_t *bytes, int64_t *size) {
  struct ipc_prefix prefix;
  REQUIRE(ipc_parse_prefix(bytes, IPC_PREFIX, &prefix));
  REQUIRE_EQ(prefix.bytes, IPC_PREFIX);
  *size = prefix.metadata_size;
  return wire_exact(bytes + prefix.bytes, (size_t)prefix.metadata_size);
}

struct layout *wire_layout(const struct ArrowSchema *schema) {
  struct layout *layout = NULL;
  REQUIRE_OK(layout_open(schema, LAYOUT_MAX_DEPTH, &layout, kit_error()));
  return layout;
}

struct layout *wire_layout_of(const char *text) {
  struct ArrowSchema schema;
  kit_schema_parse(text, &schema);
  struct layout *layout = wire_layout(&schema);
  schema.release(&schema);
  return layout;
}

respool_status wire_decode_schema(const struct ipc_message *message, int max_depth, struct ArrowSchema *schema,
                                  bool *big_endian) {
  struct ipc_schema_info info = {0};
  respool_status status = ipc_decode_schema(&message->header, max_depth, schema, &info, kit_error());
  if (status == RESPOOL_OK) *big_endian = info.big_endian;
  ipc_schema_info_close(&info);
  return status;
}

/* ---- Samples --------------------------------------------------------------------------------------- */

/* A dictionary's values, encoded and decoded again; they keep the body. */
static struct dictionary_values *recode_values(const struct layout *layout, int32_t dictionary,
                                               const struct ArrowArray *array) {
  kit_sink sink = {0};
  struct dictionary_values *values = NULL;
  struct ipc_message message;
  int64_t metadata_size;
  struct ipc_size size = wire_put_values(layout, dictionary, array, &sink);
  uint8_t *metadata = wire_metadata(sink.bytes, &metadata_size);
  uint8_t *body = wire_exact(sink.bytes + size.metadata, (size_t)size.body);
  REQUIRE_OK(ipc_parse_message(metadata, metadata_size, &message, kit_error()));
  struct tree_owner owner = {free, body};
  REQUIRE_OK(
      ipc_decode_values(layout, dictionary, &message, body, DECODE_FULL, &wire_expander, owner, &values, kit_error()));
  free(metadata);
  kit_sink_free(&sink);
  return values;
}

static void recode_dictionaries(const struct layout *layout, const struct ArrowArray *array,
                                struct dictionary_values **values) {
  const struct ArrowArray *found[WIRE_DICTIONARIES] = {NULL};
  REQUIRE(layout->n_dictionaries <= WIRE_DICTIONARIES);
  layout_find_values(layout, array, found);
  for (int32_t i = 0; i < layout->n_dictionaries; i++) values[i] = recode_values(layout, i, found[i]);
}

void wire_sample_open(struct wire_sample *sample, const char *text, const kit_array_options *options) {
  kit_sink sink = {0};
  kit_schema_parse(text, &sample->schema);
  kit_array_random(&sample->schema, options, &sample->array);
  sample->layout = wire_layout(&sample->schema);
  struct ipc_size size = wire_put_batch(sample->layout, &sample->array, &sink);
  sample->metadata = wire_metadata(sink.bytes, &sample->metadata_size);
  sample->body = wire_exact(sink.bytes + size.metadata, (size_t)size.body);
  sample->body_size = size.body;
  memset(sample->values, 0, sizeof sample->values);
  recode_dictionaries(sample->layout, &sample->array, sample->values);
  kit_sink_free(&sink);
}

void wire_sample_close(struct wire_sample *sample) {
  free(sample->metadata);
  free(sample->body);
  for (int32_t i = 0; i < sample->layout->n_dictionaries; i++) dictionary_values_release(sample->values[i]);
  layout_close(sample->layout);
  sample->array.release(&sample->array);
  sample->schema.release(&sample->schema);
}
