/* SPDX-License-Identifier: Apache-2.0 */
/* Walking over the messages of IPC bytes without decoding their bodies. */
#include "arrow/schema.h"
#include "ipc/format.h"
#include "ipc/schema.h"
#include "stream/frames.h"
#include "stream/options.h"
#include "support/arith.h"
#include "support/error.h"
#include "support/options.h"

#include <inttypes.h>

struct inspection {
  struct frames frames;
  respool_ipc_visitor visitor;
  void *user_data;
  struct ArrowSchema schema; /* released: none yet */
  respool_ipc_summary summary;
};

static respool_status take_schema(struct inspection *inspection, const struct ipc_message *message,
                                  respool_error *error) {
  if (inspection->schema.release != NULL) return error_set(error, RESPOOL_CORRUPT, "a second schema");
  struct ipc_schema_info info = {0};
  respool_status status =
      ipc_decode_schema(&message->header, inspection->frames.options.max_depth, &inspection->schema, &info, error);
  if (status == RESPOOL_OK) {
    inspection->summary.version = message->version;
    inspection->summary.big_endian = info.big_endian;
  }
  ipc_schema_info_close(&info);
  return status;
}

static int32_t public_kind(int kind) {
  return kind == HEADER_SCHEMA ? RESPOOL_IPC_SCHEMA : kind == HEADER_BATCH ? RESPOOL_IPC_BATCH : RESPOOL_IPC_DICTIONARY;
}

static respool_ipc_message describe(const struct frames *frames, const struct ipc_message *message) {
  return (respool_ipc_message){.kind = public_kind(message->kind),
                               .version = message->version,
                               .offset = frames->offset,
                               .metadata_bytes = frames->metadata_bytes,
                               .body_bytes = message->body_size,
                               .rows = ipc_message_rows(message),
                               .compressed = ipc_message_compressed(message)};
}

static void count(respool_ipc_summary *summary, const respool_ipc_message *message, int64_t position) {
  if (message->kind == RESPOOL_IPC_BATCH) {
    summary->batches++;
    summary->rows = add_saturating(summary->rows, message->rows);
  }
  if (message->kind == RESPOOL_IPC_DICTIONARY) summary->dictionaries++;
  summary->metadata_bytes += message->metadata_bytes;
  summary->body_bytes += message->body_bytes;
  summary->total_bytes = position;
}

/* One message; `*stop` if the visitor wants no more. */
static respool_status inspect_message(struct inspection *inspection, const struct ipc_message *message, bool *stop,
                                      respool_error *error) {
  struct frames *frames = &inspection->frames;
  respool_status status = RESPOOL_OK;
  if (message->kind == HEADER_SCHEMA)
    status = take_schema(inspection, message, error);
  else if (inspection->schema.release == NULL) {
    status = error_set(error, RESPOOL_CORRUPT, "the first message is not a schema");
  }
  respool_ipc_message described = describe(frames, message);
  if (status == RESPOOL_OK && (flatbuf_broken(&message->buffer) || described.rows < 0)) {
    status = error_set(error, RESPOOL_CORRUPT, "damaged metadata");
  }
  if (status == RESPOOL_OK) status = source_skip(&frames->source, message->body_size, "a message's body", error);
  if (status != RESPOOL_OK) {
    error_prefix(error, "message at byte %" PRId64, frames->offset);
    return status;
  }
  count(&inspection->summary, &described, frames->source.position);
  *stop = inspection->visitor != NULL && inspection->visitor(inspection->user_data, &described) != 0;
  return RESPOOL_OK;
}

/* The footer says where the messages end, and that the file is whole. */
static respool_status find_footer(struct frames *frames, respool_error *error) {
  if (!frames->is_file || frames->source.size < 0) return RESPOOL_OK;
  struct ipc_footer footer;
  struct pool_buffer *bytes;
  respool_status status = frames_footer(frames, &footer, &bytes, error);
  if (status == RESPOOL_OK) pool_give(bytes);
  return status;
}

static respool_status inspect_messages(struct inspection *inspection, respool_error *error) {
  struct frames *frames = &inspection->frames;
  inspection->summary.format = frames->is_file ? RESPOOL_IPC_FORMAT_FILE : RESPOOL_IPC_FORMAT_STREAM;
  respool_status status = find_footer(frames, error);
  bool stop = false;
  while (status == RESPOOL_OK && !stop) {
    struct ipc_message message;
    status = frames_next(frames, &message, error);
    if (status == RESPOOL_OK) status = inspect_message(inspection, &message, &stop, error);
  }
  if (status != RESPOOL_END) return status;
  if (inspection->schema.release == NULL) {
    return error_set(error, RESPOOL_TRUNCATED, "the input ends before its schema");
  }
  inspection->summary.has_end = frames->has_end;
  inspection->summary.total_bytes = frames->footer_at >= 0 ? frames->source.size : frames->source.position;
  return RESPOOL_OK;
}

respool_status respool_ipc_inspect_fd(int fd, const respool_ipc_options *options, respool_ipc_visitor visitor,
                                      void *user_data, struct ArrowSchema *schema, respool_ipc_summary *summary,
                                      respool_error *error) {
  if (fd < 0 || summary == NULL)
    return error_set(error, RESPOOL_INVALID, "the descriptor is negative or the summary NULL");
  struct inspection inspection = {.visitor = visitor, .user_data = user_data};
  inspection.summary.struct_size = sizeof inspection.summary;
  respool_status status = options_give(&inspection.summary, sizeof inspection.summary, summary, error);
  respool_ipc_options read;
  if (status == RESPOOL_OK) status = ipc_options_read(options, &read, error);
  if (status != RESPOOL_OK) return status;
  struct source source;
  source_open_fd(&source, fd, false);
  status = frames_open(&inspection.frames, &source, &read, error);
  if (status != RESPOOL_OK) return status;
  status = inspect_messages(&inspection, error);
  options_give(&inspection.summary, sizeof inspection.summary, summary, NULL);
  if (status == RESPOOL_OK && schema != NULL)
    *schema = inspection.schema;
  else
    schema_release(&inspection.schema);
  frames_close(&inspection.frames);
  return status;
}
