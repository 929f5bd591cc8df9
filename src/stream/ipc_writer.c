/* SPDX-License-Identifier: Apache-2.0 */
/* An ArrowArrayStream as Arrow IPC bytes. */
#include "arrow/check.h"
#include "arrow/schema.h"
#include "ipc/emitter.h"
#include "ipc/message.h"
#include "ipc/schema.h"
#include "os/file.h"
#include "stream/options.h"
#include "stream/pull.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"
#include "support/options.h"

#include <inttypes.h>
#include <string.h>

/* The message that the stream was last given for a dictionary. There is no way to look back at it but to keep it. */
struct emitted {
  uint8_t *bytes;
  size_t capacity;
  int64_t size;
};

struct ipc_writer {
  struct ArrowArrayStream *stream;
  struct layout *layout;
  struct ipc_encoder *encoder;
  struct emitter *emitter;
  struct emitted *emitted; /* by dictionary */
  struct gather *gather;
  respool_ipc_write_options options;
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
  if (status != RESPOOL_OK) return status;
  ipc_encoder_compress(writer->encoder, writer->options.compression, writer->options.compression_level);
  status = emitter_open(writer->layout, writer->encoder, &writer->emitter, error);
  if (status != RESPOOL_OK) return status;
  writer->emitted = mem_zalloc((size_t)writer->layout->n_dictionaries * sizeof *writer->emitted);
  return writer->emitted == NULL ? error_no_memory(error) : RESPOOL_OK;
}

/* ---- Dictionaries ---------------------------------------------------------------------------------- */

static respool_status has(void *context, int32_t dictionary, const struct ipc_size *size, bool *same,
                          respool_error *error) {
  (void)error;
  const struct ipc_writer *writer = context;
  const struct emitted *emitted = &writer->emitted[dictionary];
  *same = emitted->size == size->metadata + size->body && emitter_equals(writer->emitter, emitted->bytes);
  return RESPOOL_OK;
}

static respool_status keep(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  (void)error;
  struct emitted *emitted = context;
  for (int i = 0; i < count; i++) {
    memcpy(emitted->bytes + emitted->size, pieces[i].bytes, pieces[i].length);
    emitted->size += (int64_t)pieces[i].length;
  }
  return RESPOOL_OK;
}

/* The message is made in memory of its own, and put from there. */
static respool_status emit(void *context, int32_t dictionary, const struct ipc_size *size, int64_t rows,
                           respool_error *error) {
  (void)rows;
  struct ipc_writer *writer = context;
  struct emitted *emitted = &writer->emitted[dictionary];
  size_t needed = (size_t)(size->metadata + size->body);
  respool_status status = gather_flush(writer->gather, error); /* it may refer to what was kept before */
  if (status != RESPOOL_OK) return status;
  if (!mem_reserve((void **)&emitted->bytes, &emitted->capacity, needed, 1)) return error_no_memory(error);
  emitted->size = 0;
  gather_reset(writer->gather, keep, emitted);
  status = ipc_encoder_put(writer->encoder, writer->gather, error);
  if (status == RESPOOL_OK) status = gather_flush(writer->gather, error);
  gather_reset(writer->gather, drain, writer);
  return status == RESPOOL_OK ? gather_put(writer->gather, emitted->bytes, emitted->size, error) : status;
}

/* ---- Batches --------------------------------------------------------------------------------------- */

static respool_status put_batch(struct ipc_writer *writer, const struct ArrowArray *array, respool_error *error) {
  struct emitter_stream stream = {.context = writer, .has = has, .emit = emit};
  bool any;
  struct ipc_size size;
  ipc_encoder_drained(writer->encoder); /* the batch before was flushed */
  respool_status status = check_array(writer->layout, array, CHECK_SHAPE, error);
  if (status == RESPOOL_OK) status = emitter_prepare(writer->emitter, array, &stream, &any, error);
  if (status == RESPOOL_OK) status = ipc_encode_batch(writer->encoder, array, writer->gather, &size, error);
  return status == RESPOOL_OK ? gather_flush(writer->gather, error) : status;
}

/* Each batch goes out as it comes, since whoever reads may be waiting for it. */
static respool_status write_batch(struct ipc_writer *writer, const struct ArrowArray *array, respool_error *error) {
  respool_status status = put_batch(writer, array, error);
  if (status != RESPOOL_OK) {
    error_prefix(error, "batch %" PRId64, writer->totals.batches);
    return status;
  }
  writer->totals.batches++;
  writer->totals.rows = add_saturating(writer->totals.rows, array->length);
  return RESPOOL_OK;
}

/* The batch before is held until the next one's dictionaries have been compared with its own. */
static respool_status write_batches(struct ipc_writer *writer, respool_error *error) {
  struct ArrowArray before = {.release = NULL};
  respool_status status = RESPOOL_OK;
  while (status == RESPOOL_OK) {
    struct ArrowArray array;
    status = pull_next(writer->stream, &array, error);
    if (status != RESPOOL_OK) break;
    status = write_batch(writer, &array, error);
    if (before.release != NULL) before.release(&before);
    before = array;
    if (writer->layout->n_dictionaries == 0) before.release(&before);
  }
  if (before.release != NULL) before.release(&before);
  return status == RESPOOL_END ? RESPOOL_OK : status;
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

static respool_status run(struct ipc_writer *writer, const respool_ipc_write_options *options,
                          respool_ipc_totals *totals, respool_error *error) {
  respool_status status = RESPOOL_OK;
  writer->totals.struct_size = sizeof writer->totals;
  if (totals != NULL) status = options_give(&writer->totals, sizeof writer->totals, totals, error);
  if (status == RESPOOL_OK) status = ipc_write_options_read(options, &writer->options, error);
  if (status != RESPOOL_OK) return status;
  status = write_all(writer, error);
  for (int32_t i = 0; writer->emitted != NULL && i < writer->layout->n_dictionaries; i++) {
    mem_free(writer->emitted[i].bytes);
  }
  mem_free(writer->emitted);
  emitter_close(writer->emitter);
  ipc_encoder_close(writer->encoder);
  layout_close(writer->layout);
  gather_close(writer->gather);
  if (totals != NULL) options_give(&writer->totals, sizeof writer->totals, totals, NULL);
  return status;
}

respool_status respool_ipc_write_fd(struct ArrowArrayStream *stream, int fd, const respool_ipc_write_options *options,
                                    respool_ipc_totals *totals, respool_error *error) {
  if (stream == NULL || stream->release == NULL || fd < 0) {
    return error_set(error, RESPOOL_INVALID, "the stream is NULL or released, or the descriptor negative");
  }
  struct ipc_writer writer = {.stream = stream, .fd = fd};
  return run(&writer, options, totals, error);
}

respool_status respool_ipc_write(struct ArrowArrayStream *stream, respool_write_callback write, void *user_data,
                                 const respool_ipc_write_options *options, respool_ipc_totals *totals,
                                 respool_error *error) {
  if (stream == NULL || stream->release == NULL || write == NULL) {
    return error_set(error, RESPOOL_INVALID, "the stream is NULL or released, or the callback NULL");
  }
  struct ipc_writer writer = {.stream = stream, .fd = -1, .write = write, .user_data = user_data};
  return run(&writer, options, totals, error);
}
