/* SPDX-License-Identifier: Apache-2.0 */
/* An ArrowArrayStream as Arrow IPC bytes. */
#include "arrow/check.h"
#include "arrow/schema.h"
#include "ipc/encode.h"
#include "ipc/message.h"
#include "ipc/schema.h"
#include "os/file.h"
#include "stream/pull.h"
#include "support/arith.h"
#include "support/error.h"
#include "support/options.h"

#include <inttypes.h>

struct ipc_writer {
  struct ArrowArrayStream *stream;
  struct layout *layout;
  struct ipc_encoder *encoder;
  struct gather *gather;
  respool_ipc_totals totals;
  int fd; /* -1: the callback */
  respool_write_callback write;
  void *user_data;
};

static respool_status write_piece(struct ipc_writer *writer, const struct gather_piece *piece, respool_error *error) {
  const uint8_t *at = piece->bytes;
  int64_t rest = (int64_t)piece->length;
  while (rest > 0) {
    int64_t taken = writer->write(writer->user_data, at, rest);
    if (taken < 0) return error_set_os(error, (int)-taken, "cannot write");
    if (taken == 0 || taken > rest) {
      return error_set(error, RESPOOL_INVALID, "the write callback answered %" PRId64 " of %" PRId64 " bytes", taken,
                       rest);
    }
    at += taken;
    rest -= taken;
    writer->totals.bytes += taken;
  }
  return RESPOOL_OK;
}

static respool_status drain(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  struct ipc_writer *writer = context;
  if (writer->fd >= 0) return os_write(writer->fd, pieces, count, &writer->totals.bytes, error);
  respool_status status = RESPOOL_OK;
  for (int i = 0; status == RESPOOL_OK && i < count; i++) status = write_piece(writer, &pieces[i], error);
  return status;
}

static respool_status open_layout(struct ipc_writer *writer, respool_error *error) {
  struct ArrowSchema schema;
  respool_status status = pull_schema(writer->stream, &schema, error);
  if (status != RESPOOL_OK) return status;
  status = layout_open(&schema, LAYOUT_MAX_DEPTH, &writer->layout, error);
  schema_release(&schema);
  if (status == RESPOOL_OK) status = ipc_encoder_open(writer->layout, &writer->encoder, error);
  return status;
}

/* Each batch goes out as it comes, since whoever reads may be waiting for it. */
static respool_status write_batch(struct ipc_writer *writer, const struct ArrowArray *array, respool_error *error) {
  struct ipc_size size;
  respool_status status = check_array(writer->layout, array, CHECK_SHAPE, error);
  if (status == RESPOOL_OK) status = ipc_encode_batch(writer->encoder, array, writer->gather, &size, error);
  if (status == RESPOOL_OK) status = gather_flush(writer->gather, error);
  if (status != RESPOOL_OK) {
    error_prefix(error, "batch %" PRId64, writer->totals.batches);
    return status;
  }
  writer->totals.batches++;
  writer->totals.rows = add_saturating(writer->totals.rows, array->length);
  return RESPOOL_OK;
}

static respool_status write_batches(struct ipc_writer *writer, respool_error *error) {
  for (;;) {
    struct ArrowArray array;
    respool_status status = pull_next(writer->stream, &array, error);
    if (status == RESPOOL_END) return RESPOOL_OK;
    if (status != RESPOOL_OK) return status;
    status = write_batch(writer, &array, error);
    array.release(&array);
    if (status != RESPOOL_OK) return status;
  }
}

static respool_status write_all(struct ipc_writer *writer, respool_error *error) {
  writer->gather = gather_open();
  if (writer->gather == NULL) return error_no_memory(error);
  gather_reset(writer->gather, drain, writer);
  respool_status status = open_layout(writer, error);
  if (status == RESPOOL_OK) status = ipc_encode_schema(&writer->layout->schema, writer->gather, error);
  if (status == RESPOOL_OK) status = gather_flush(writer->gather, error); /* the first batch may be long in coming */
  if (status == RESPOOL_OK) status = write_batches(writer, error);
  if (status == RESPOOL_OK) status = ipc_put_end(writer->gather, error);
  if (status == RESPOOL_OK) status = gather_flush(writer->gather, error);
  return status;
}

static respool_status run(struct ipc_writer *writer, respool_ipc_totals *totals, respool_error *error) {
  respool_status status = RESPOOL_OK;
  writer->totals.struct_size = sizeof writer->totals;
  if (totals != NULL) status = options_give(&writer->totals, sizeof writer->totals, totals, error);
  if (status != RESPOOL_OK) return status;
  status = write_all(writer, error);
  ipc_encoder_close(writer->encoder);
  layout_close(writer->layout);
  gather_close(writer->gather);
  if (totals != NULL) options_give(&writer->totals, sizeof writer->totals, totals, NULL);
  return status;
}

respool_status respool_ipc_write_fd(struct ArrowArrayStream *stream, int fd, respool_ipc_totals *totals,
                                    respool_error *error) {
  if (stream == NULL || stream->release == NULL || fd < 0) {
    return error_set(error, RESPOOL_INVALID, "the stream is NULL or released, or the descriptor negative");
  }
  struct ipc_writer writer = {.stream = stream, .fd = fd};
  return run(&writer, totals, error);
}

respool_status respool_ipc_write(struct ArrowArrayStream *stream, respool_write_callback write, void *user_data,
                                 respool_ipc_totals *totals, respool_error *error) {
  if (stream == NULL || stream->release == NULL || write == NULL) {
    return error_set(error, RESPOOL_INVALID, "the stream is NULL or released, or the callback NULL");
  }
  struct ipc_writer writer = {.stream = stream, .fd = -1, .write = write, .user_data = user_data};
  return run(&writer, totals, error);
}
