/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Laying out the flatbuffer of a batch message:
 *
 *    0  root offset
 *    4  vtable of Message (14 bytes)
 *   20  Message: to vtable, [24] bodyLength i64, [32] header, [36] custom metadata, [40] version i16, [42] kind u8
 *   44  with a dictionary, 24 bytes more: vtable of DictionaryBatch (8 bytes), the table: to vtable, id i64, data
 *   44  vtable of RecordBatch (14 bytes)
 *   60  RecordBatch: to vtable, [64] length i64, [72] nodes, [76] buffers, [80] compression, [84] variadic counts
 *   92  count of nodes
 *   96  nodes
 *   ..  padding, count of buffers, buffers
 *   ..  with view columns: padding, count of them, their numbers of data buffers
 *   ..  with compression: vtable of BodyCompression (8 bytes), the table: to vtable, codec u8, method u8
 *   ..  with custom metadata: vtable of KeyValue (8 bytes), list of tables, the tables, their strings
 */
#include "ipc/batch_metadata.h"

#include "ipc/format.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <string.h>

enum {
  AT_MESSAGE_VTABLE = 4,
  AT_MESSAGE = 20,
  AT_BODY_LENGTH = 24,
  AT_HEADER = 32,
  AT_CUSTOM = 36,
  AT_VERSION = 40,
  AT_KIND = 42,
  AT_DICTIONARY_VTABLE = 44,
  AT_DICTIONARY = 52,
  AT_ID = 56,
  AT_DATA = 64,
  DICTIONARY_SHIFT = 24,
  AT_BATCH_VTABLE = 44, /* from here on without a dictionary */
  AT_BATCH = 60,
  AT_LENGTH = 64,
  AT_NODES_REF = 72,
  AT_BUFFERS_REF = 76,
  AT_COMPRESSION_REF = 80,
  AT_VARIADIC_REF = 84,
  AT_NODE_COUNT = 92,
  MESSAGE_TABLE_BYTES = 24,
  DICTIONARY_TABLE_BYTES = 16,
  BATCH_TABLE_BYTES = 28,
  COMPRESSION_BYTES = 16, /* vtable and table */
  KEY_VALUE_BYTES = 12,
};

static int64_t shift_of(const struct batch_shape *shape) {
  return shape->is_dictionary ? DICTIONARY_SHIFT : 0;
}

/* ---- Key-value pairs ------------------------------------------------------------------------------- */

/* The C data interface's numbers are in the machine's order. */
static int32_t take_count(const char **at) {
  int32_t count;
  memcpy(&count, *at, sizeof count);
  *at += sizeof count;
  return count;
}

static int64_t string_bytes(int32_t length) {
  return round_up(4 + (int64_t)length + 1, 4);
}

static int64_t custom_bytes(const char *custom) {
  if (custom == NULL) return 0;
  int32_t pairs = take_count(&custom);
  int64_t bytes = 8 + 4 + (int64_t)pairs * (4 + KEY_VALUE_BYTES);
  for (int32_t i = 0; i < 2 * pairs; i++) {
    int32_t length = take_count(&custom);
    bytes += string_bytes(length);
    custom += length;
  }
  return bytes;
}

/* Put the next string of `*from` at `at`; answers where the next one goes. */
static int64_t put_string(uint8_t *bytes, int64_t at, const char **from) {
  int32_t length = take_count(from);
  store_u32(bytes + at, (uint32_t)length);
  if (length > 0) memcpy(bytes + at + 4, *from, (size_t)length);
  *from += length;
  return at + string_bytes(length);
}

static void put_reference(uint8_t *bytes, int64_t at, int64_t to) {
  store_u32(bytes + at, (uint32_t)(to - at));
}

static void put_vtable(uint8_t *at, const uint16_t *entries, int count) {
  for (int i = 0; i < count; i++) store_u16(at + 2 * (size_t)i, entries[i]);
}

static void lay_out_custom(uint8_t *bytes, int64_t at, const char *custom) {
  static const uint16_t vtable[] = {8, KEY_VALUE_BYTES, 4, 8};
  int32_t pairs = take_count(&custom);
  int64_t list = at + 8;
  int64_t table = list + 4 + (int64_t)pairs * 4;
  int64_t string = table + (int64_t)pairs * KEY_VALUE_BYTES;
  put_vtable(bytes + at, vtable, 4);
  put_reference(bytes, AT_CUSTOM, list);
  store_u32(bytes + list, (uint32_t)pairs);
  for (int32_t i = 0; i < pairs; i++, table += KEY_VALUE_BYTES) {
    put_reference(bytes, list + 4 + (int64_t)i * 4, table);
    store_u32(bytes + table, (uint32_t)(table - at));
    put_reference(bytes, table + 4, string);
    string = put_string(bytes, string, &custom);
    put_reference(bytes, table + 8, string);
    string = put_string(bytes, string, &custom);
  }
}

/* ---- Layout ---------------------------------------------------------------------------------------- */

static void lay_out_message(uint8_t *bytes, const struct batch_shape *shape) {
  const uint16_t vtable[] = {14,
                             MESSAGE_TABLE_BYTES,
                             AT_VERSION - AT_MESSAGE,
                             AT_KIND - AT_MESSAGE,
                             AT_HEADER - AT_MESSAGE,
                             AT_BODY_LENGTH - AT_MESSAGE,
                             shape->custom != NULL ? AT_CUSTOM - AT_MESSAGE : 0};
  store_u32(bytes, AT_MESSAGE);
  put_vtable(bytes + AT_MESSAGE_VTABLE, vtable, 7);
  store_u32(bytes + AT_MESSAGE, AT_MESSAGE - AT_MESSAGE_VTABLE);
  store_u16(bytes + AT_VERSION, IPC_VERSION_5);
  bytes[AT_KIND] = shape->is_dictionary ? HEADER_DICTIONARY : HEADER_BATCH;
  put_reference(bytes, AT_HEADER, shape->is_dictionary ? AT_DICTIONARY : AT_BATCH);
}

static void lay_out_dictionary(uint8_t *bytes) {
  static const uint16_t vtable[] = {8, DICTIONARY_TABLE_BYTES, AT_ID - AT_DICTIONARY, AT_DATA - AT_DICTIONARY};
  put_vtable(bytes + AT_DICTIONARY_VTABLE, vtable, 4);
  store_u32(bytes + AT_DICTIONARY, AT_DICTIONARY - AT_DICTIONARY_VTABLE);
  put_reference(bytes, AT_DATA, AT_BATCH + DICTIONARY_SHIFT);
}

static void lay_out_compression(uint8_t *bytes, int64_t at, const struct batch_shape *shape) {
  static const uint16_t vtable[] = {8, 8, 4, 5};
  put_vtable(bytes + at, vtable, 4);
  put_reference(bytes, AT_COMPRESSION_REF + shift_of(shape), at + 8);
  store_u32(bytes + at + 8, 8);
  bytes[at + 12] = (uint8_t)shape->codec;
}

static void lay_out_batch(struct batch_metadata *metadata, const struct batch_shape *shape) {
  const uint16_t vtable[] = {14,
                             BATCH_TABLE_BYTES,
                             AT_LENGTH - AT_BATCH,
                             AT_NODES_REF - AT_BATCH,
                             AT_BUFFERS_REF - AT_BATCH,
                             shape->codec != CODEC_NONE ? AT_COMPRESSION_REF - AT_BATCH : 0,
                             shape->n_views > 0 ? AT_VARIADIC_REF - AT_BATCH : 0};
  uint8_t *bytes = metadata->bytes;
  int64_t shift = shift_of(shape);
  put_vtable(bytes + AT_BATCH_VTABLE + shift, vtable, 7);
  store_u32(bytes + AT_BATCH + shift, AT_BATCH - AT_BATCH_VTABLE);
  put_reference(bytes, AT_NODES_REF + shift, AT_NODE_COUNT + shift);
  put_reference(bytes, AT_BUFFERS_REF + shift, metadata->buffers - 4);
  store_u32(bytes + metadata->nodes - 4, (uint32_t)shape->n_nodes);
  store_u32(bytes + metadata->buffers - 4, (uint32_t)shape->n_buffers);
  if (shape->n_views == 0) return;
  put_reference(bytes, AT_VARIADIC_REF + shift, metadata->variadic - 4);
  store_u32(bytes + metadata->variadic - 4, (uint32_t)shape->n_views);
}

static bool same_shape(const struct batch_shape *a, const struct batch_shape *b) {
  return a->is_dictionary == b->is_dictionary && a->codec == b->codec && a->n_nodes == b->n_nodes &&
         a->n_buffers == b->n_buffers && a->n_views == b->n_views && a->custom == NULL && b->custom == NULL;
}

respool_status batch_metadata_shape(struct batch_metadata *metadata, const struct batch_shape *shape,
                                    respool_error *error) {
  if (metadata->size > 0 && same_shape(&metadata->shape, shape)) return RESPOOL_OK;
  int64_t nodes = AT_NODE_COUNT + 4 + shift_of(shape);
  int64_t buffers = nodes + (int64_t)shape->n_nodes * NODE_BYTES + 8;
  int64_t variadic = buffers + (int64_t)shape->n_buffers * BUFFER_BYTES + 8;
  int64_t compression = shape->n_views > 0 ? variadic + (int64_t)shape->n_views * 8 : variadic - 8;
  int64_t custom = shape->codec != CODEC_NONE ? compression + COMPRESSION_BYTES : compression;
  int64_t size = custom + custom_bytes(shape->custom);
  metadata->size = 0;
  if (size > INT32_MAX - IPC_ALIGNMENT) { /* a prefix says no more */
    return error_set(error, RESPOOL_UNSUPPORTED, "metadata of %lld bytes: a message cannot have so much",
                     (long long)size);
  }
  if (!mem_reserve((void **)&metadata->bytes, &metadata->capacity, (size_t)size, 1)) return error_no_memory(error);
  memset(metadata->bytes, 0, (size_t)size);
  metadata->nodes = nodes;
  metadata->buffers = buffers;
  metadata->variadic = variadic;
  metadata->shape = *shape;
  metadata->size = size;
  lay_out_message(metadata->bytes, shape);
  if (shape->is_dictionary) lay_out_dictionary(metadata->bytes);
  lay_out_batch(metadata, shape);
  if (shape->codec != CODEC_NONE) lay_out_compression(metadata->bytes, compression, shape);
  if (shape->custom != NULL) lay_out_custom(metadata->bytes, custom, shape->custom);
  return RESPOOL_OK;
}

void batch_metadata_close(struct batch_metadata *metadata) {
  mem_free(metadata->bytes);
  *metadata = (struct batch_metadata){0};
}

/* ---- Numbers --------------------------------------------------------------------------------------- */

void batch_metadata_sizes(struct batch_metadata *metadata, int64_t rows, int64_t body) {
  store_u64(metadata->bytes + AT_LENGTH + shift_of(&metadata->shape), (uint64_t)rows);
  store_u64(metadata->bytes + AT_BODY_LENGTH, (uint64_t)body);
}

void batch_metadata_id(struct batch_metadata *metadata, int64_t id) {
  store_u64(metadata->bytes + AT_ID, (uint64_t)id);
}
