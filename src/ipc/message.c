/* SPDX-License-Identifier: Apache-2.0 */
/* Framing of messages and the file footer. */
#include "ipc/message.h"

#include "ipc/format.h"
#include "support/arith.h"
#include "support/error.h"

bool ipc_parse_prefix(const uint8_t *bytes, int available, struct ipc_prefix *prefix) {
  bool marked = available >= 4 && load_u32(bytes) == IPC_CONTINUATION;
  if (available < (marked ? 8 : 4)) return false;
  prefix->bytes = marked ? 8 : 4;
  prefix->metadata_size = load_i32(bytes + prefix->bytes - 4);
  prefix->is_end = prefix->metadata_size == 0;
  return prefix->metadata_size >= 0;
}

static respool_status corrupt(const struct flatbuf *buffer, const char *what, respool_error *error) {
  return error_set(error, RESPOOL_CORRUPT, "damaged metadata: %s", buffer->broken != NULL ? buffer->broken : what);
}

static respool_status read_version(int16_t version, int *out, respool_error *error) {
  if (version != IPC_VERSION_4 && version != IPC_VERSION_5) {
    return error_set(error, RESPOOL_UNSUPPORTED, "metadata version %d is not supported (V4 and V5 are)", version + 1);
  }
  *out = version + 1;
  return RESPOOL_OK;
}

respool_status ipc_parse_message(const uint8_t *metadata, int64_t size, struct ipc_message *message,
                                 respool_error *error) {
  if (size < 8 || size > INT32_MAX) return error_set(error, RESPOOL_CORRUPT, "metadata of %lld bytes", (long long)size);
  message->big_endian = false;
  flatbuf_open(&message->buffer, metadata, (uint32_t)size);
  struct flatbuf_table root = flatbuf_root(&message->buffer);
  int16_t version = flatbuf_i16(&root, MESSAGE_VERSION, 0);
  message->kind = flatbuf_u8(&root, MESSAGE_HEADER_TYPE, HEADER_NONE);
  message->header = flatbuf_sub(&root, MESSAGE_HEADER);
  message->body_size = flatbuf_i64(&root, MESSAGE_BODY_LENGTH, 0);
  message->custom = flatbuf_list(&root, MESSAGE_CUSTOM_METADATA, 4);
  if (flatbuf_broken(&message->buffer)) return corrupt(&message->buffer, "", error);
  respool_status status = read_version(version, &message->version, error);
  if (status != RESPOOL_OK) return status;
  if (message->body_size < 0) return corrupt(&message->buffer, "a body of negative length", error);
  if (!message->header.present) return corrupt(&message->buffer, "a message without a header", error);
  if (message->kind < HEADER_SCHEMA || message->kind > HEADER_BATCH) {
    return error_set(error, RESPOOL_UNSUPPORTED, "a message of kind %d is not supported", message->kind);
  }
  return RESPOOL_OK;
}

struct flatbuf_table ipc_message_batch(const struct ipc_message *message) {
  if (message->kind == HEADER_DICTIONARY) return flatbuf_sub(&message->header, DICTIONARY_BATCH_DATA);
  struct flatbuf_table table = message->header;
  if (message->kind != HEADER_BATCH) table.present = false;
  return table;
}

int64_t ipc_message_dictionary(const struct ipc_message *message, bool *is_delta) {
  *is_delta = flatbuf_u8(&message->header, DICTIONARY_BATCH_DELTA, 0) != 0;
  return flatbuf_i64(&message->header, DICTIONARY_BATCH_ID, 0);
}

int64_t ipc_message_rows(const struct ipc_message *message) {
  struct flatbuf_table batch = ipc_message_batch(message);
  return flatbuf_i64(&batch, BATCH_LENGTH, 0);
}

bool ipc_message_compressed(const struct ipc_message *message) {
  struct flatbuf_table batch = ipc_message_batch(message);
  return flatbuf_sub(&batch, BATCH_COMPRESSION).present;
}

respool_status ipc_put_metadata(const uint8_t *flatbuffer, int64_t size, struct gather *gather, respool_error *error) {
  int64_t padded = ipc_metadata_size(size) - IPC_PREFIX;
  uint8_t prefix[IPC_PREFIX];
  store_u32(prefix, IPC_CONTINUATION);
  store_u32(prefix + 4, (uint32_t)padded);
  respool_status status = gather_put(gather, prefix, sizeof prefix, error);
  if (status == RESPOOL_OK) status = gather_copy(gather, flatbuffer, size, error);
  if (status == RESPOOL_OK) status = gather_zeros(gather, padded - size, error);
  return status;
}

respool_status ipc_put_end(struct gather *gather, respool_error *error) {
  uint8_t end[IPC_PREFIX];
  store_u32(end, IPC_CONTINUATION);
  store_u32(end + 4, 0);
  return gather_put(gather, end, sizeof end, error);
}

respool_status ipc_parse_footer(const uint8_t *bytes, int64_t size, struct ipc_footer *footer, respool_error *error) {
  if (size < 8 || size > INT32_MAX) return error_set(error, RESPOOL_CORRUPT, "a footer of %lld bytes", (long long)size);
  flatbuf_open(&footer->buffer, bytes, (uint32_t)size);
  struct flatbuf_table root = flatbuf_root(&footer->buffer);
  int16_t version = flatbuf_i16(&root, FOOTER_VERSION, 0);
  footer->schema = flatbuf_sub(&root, FOOTER_SCHEMA);
  footer->dictionaries = flatbuf_list(&root, FOOTER_DICTIONARIES, BLOCK_BYTES);
  footer->batches = flatbuf_list(&root, FOOTER_BATCHES, BLOCK_BYTES);
  if (flatbuf_broken(&footer->buffer)) return corrupt(&footer->buffer, "", error);
  if (!footer->schema.present) return corrupt(&footer->buffer, "a footer without a schema", error);
  return read_version(version, &footer->version, error);
}

struct ipc_block ipc_footer_block(const struct flatbuf_vector *blocks, uint32_t i) {
  const uint8_t *at = flatbuf_items(blocks) + (uint64_t)i * BLOCK_BYTES;
  return (struct ipc_block){.offset = load_i64(at), .metadata_size = load_i32(at + 8), .body_size = load_i64(at + 16)};
}
