/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the messages of a file end. A writer that was cut off leaves the beginning of a message, or zeros where the
 * system had made the file longer already. What is cut must be that: a number that is too large in the middle of the
 * file looks similar, and there is more behind it.
 */
#include "ipc/format.h"
#include "ipc/message.h"
#include "spool/scan.h"
#include "support/error.h"

#include <inttypes.h>
#include <string.h>

/* No message of ours has more, whatever custom metadata it carries. */
enum { METADATA_MOST = 1 << 30, PIECE = 1 << 20 };

static bool is_zero(const uint8_t *bytes, int64_t size) {
  return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, (size_t)size - 1) == 0);
}

respool_status scan_zeros(struct scan *scan, int64_t offset, bool *zeros, respool_error *error) {
  *zeros = true;
  while (*zeros && offset < scan->size) {
    int64_t length = scan->size - offset < PIECE ? scan->size - offset : PIECE;
    struct store_view view;
    respool_status status = scan_view(scan, offset, length, &view, error);
    if (status != RESPOOL_OK) return status;
    *zeros = is_zero(view.bytes, length);
    view.drop(view.object);
    offset += length;
  }
  return RESPOOL_OK;
}

static respool_status no_message(respool_error *error) {
  return error_set(error, RESPOOL_CORRUPT, "no message starts here");
}

/* The first bytes of a message as this library writes them, or of the end of the stream. */
static bool is_prefix(const uint8_t *bytes, struct ipc_prefix *prefix) {
  if (!ipc_parse_prefix(bytes, IPC_PREFIX, prefix) || prefix->bytes != IPC_PREFIX) return false;
  bool aligned = (prefix->metadata_size + IPC_PREFIX) % IPC_ALIGNMENT == 0;
  return prefix->is_end || (aligned && prefix->metadata_size <= METADATA_MOST);
}

/* What follows may be zeros, and is nothing else. */
static respool_status expect_nothing(struct scan *scan, int64_t offset, const char *after, respool_error *error) {
  bool zeros;
  respool_status status = scan_zeros(scan, offset, &zeros, error);
  if (status != RESPOOL_OK || zeros) return status;
  return error_set(error, RESPOOL_CORRUPT, "there is more behind %s", after);
}

/* A message goes on beyond the end of the file. If the stream was finished, it is not that which was cut. */
static respool_status check_cut(struct scan *scan, respool_error *error) {
  struct store_view view;
  struct ipc_prefix prefix;
  if (scan->size % IPC_ALIGNMENT != IPC_PREFIX || scan->size - IPC_PREFIX <= scan->at) return RESPOOL_OK;
  respool_status status = scan_view(scan, scan->size - IPC_PREFIX, IPC_PREFIX, &view, error);
  if (status != RESPOOL_OK) return status;
  bool finished = is_prefix(view.bytes, &prefix) && prefix.is_end;
  view.drop(view.object);
  if (!finished) return RESPOOL_OK;
  return error_set(error, RESPOOL_CORRUPT, "a message that is longer than the file, which ends like a finished one");
}

/* If what goes on there is metadata, no other message starts in what there is of it. */
static respool_status check_cut_metadata(struct scan *scan, respool_error *error) {
  int64_t length = scan->size - scan->at;
  struct store_view view;
  respool_status status = scan_view(scan, scan->at, length, &view, error);
  if (status != RESPOOL_OK) return status;
  struct ipc_prefix prefix;
  int64_t at = IPC_ALIGNMENT;
  while (at + IPC_PREFIX <= length && !is_prefix(view.bytes + at, &prefix)) at += IPC_ALIGNMENT;
  if (at + IPC_PREFIX <= length) {
    status = error_set(error, RESPOOL_CORRUPT, "a message that is longer than the file, and another one inside it");
  }
  view.drop(view.object);
  return status;
}

/* A body ends with its last buffer. */
static bool body_fits(const struct ipc_message *message) {
  struct flatbuf_table batch = ipc_message_batch(message);
  struct flatbuf_vector buffers = flatbuf_list(&batch, BATCH_BUFFERS, BUFFER_BYTES);
  if (flatbuf_broken(&message->buffer)) return false;
  if (buffers.count == 0) return message->body_size == 0;
  const uint8_t *last = flatbuf_items(&buffers) + ((uint64_t)buffers.count - 1) * BUFFER_BYTES;
  int64_t offset = load_i64(last);
  int64_t length = load_i64(last + 8);
  if (offset < 0 || length < 0 || offset > message->body_size || length > message->body_size - offset) return false;
  return message->body_size - offset - length < IPC_ALIGNMENT;
}

static respool_status check_metadata(struct scan *scan, const struct ipc_message *message, int64_t room, bool *over,
                                     respool_error *error) {
  if (message->version != 5 || message->body_size % IPC_ALIGNMENT != 0) {
    return error_set(error, RESPOOL_UNSUPPORTED, "a message that another program wrote");
  }
  if (message->kind == HEADER_SCHEMA) return error_set(error, RESPOOL_CORRUPT, "a second schema");
  bool delta = false;
  if (message->kind == HEADER_DICTIONARY) ipc_message_dictionary(message, &delta);
  if (delta) return error_set(error, RESPOOL_UNSUPPORTED, "a dictionary that is added to (another program wrote it)");
  if (message->kind == HEADER_DICTIONARY && scan->spool->layout->n_dictionaries == 0) {
    return error_set(error, RESPOOL_CORRUPT, "a dictionary, though no field of the schema has one");
  }
  *over = message->body_size > room;
  if (!*over) return RESPOOL_OK;
  if (body_fits(message)) return check_cut(scan, error);
  return error_set(error, RESPOOL_CORRUPT, "a body of %" PRId64 " bytes, which its buffers do not fill",
                   message->body_size);
}

static respool_status look_at_metadata(struct scan *scan, const struct ipc_prefix *prefix, struct ipc_size *size,
                                       bool *over, respool_error *error) {
  struct store_view view;
  size->metadata = IPC_PREFIX + prefix->metadata_size;
  respool_status status = scan_view(scan, scan->at, size->metadata, &view, error);
  if (status != RESPOOL_OK) return status;
  struct ipc_message message;
  status = ipc_parse_message(view.bytes + IPC_PREFIX, prefix->metadata_size, &message, error);
  int64_t room = scan->size - scan->at - size->metadata;
  if (status == RESPOOL_OK) status = check_metadata(scan, &message, room, over, error);
  if (status == RESPOOL_OK) size->body = message.body_size;
  view.drop(view.object);
  return status;
}

/* The first bytes, of which the file has `have`. `*over`: no message follows, and that is as it should be. */
static respool_status look_at_prefix(struct scan *scan, const uint8_t *bytes, int64_t have, struct ipc_prefix *prefix,
                                     bool *over, respool_error *error) {
  static const uint8_t marker[] = {0xFF, 0xFF, 0xFF, 0xFF};
  *over = true;
  if (is_zero(bytes, have)) return expect_nothing(scan, scan->at, "zeros", error);
  if (memcmp(bytes, marker, have < 4 ? (size_t)have : 4) != 0) return no_message(error);
  if (have < IPC_PREFIX) return RESPOOL_OK;
  if (!is_prefix(bytes, prefix)) return no_message(error);
  if (prefix->is_end) return expect_nothing(scan, scan->at + IPC_PREFIX, "the end of the stream", error);
  *over = IPC_PREFIX + prefix->metadata_size > scan->size - scan->at;
  return *over ? check_cut_metadata(scan, error) : RESPOOL_OK;
}

respool_status scan_message(struct scan *scan, struct ipc_size *size, bool *over, respool_error *error) {
  uint8_t bytes[IPC_PREFIX] = {0};
  int64_t left = scan->size - scan->at;
  int64_t have = left < IPC_PREFIX ? left : IPC_PREFIX;
  *over = left == 0;
  if (*over) return RESPOOL_OK;
  struct store_view view;
  respool_status status = scan_view(scan, scan->at, have, &view, error);
  if (status != RESPOOL_OK) return status;
  memcpy(bytes, view.bytes, (size_t)have);
  view.drop(view.object);
  struct ipc_prefix prefix = {0};
  status = look_at_prefix(scan, bytes, have, &prefix, over, error);
  if (status != RESPOOL_OK || *over) return status;
  return look_at_metadata(scan, &prefix, size, over, error);
}
