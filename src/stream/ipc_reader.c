/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow IPC bytes as an ArrowArrayStream. */
#include "arrow/schema.h"
#include "ipc/decode.h"
#include "ipc/format.h"
#include "ipc/schema.h"
#include "stream/frames.h"
#include "stream/options.h"
#include "support/alloc.h"
#include "support/error.h"

#include <errno.h>
#include <inttypes.h>

struct ipc_reader {
  struct frames frames;
  struct layout *layout;
  int64_t batches; /* handed out so far */

  /* A file with its footer: which message is next is the footer's word. */
  struct ipc_footer footer;
  struct pool_buffer *footer_bytes;

  bool ended;
  respool_error failure; /* of get_next; status 0: none; kept, so that every later call answers the same */
  respool_error last;    /* of whichever call failed last */
};

/* ---- Batches --------------------------------------------------------------------------------------- */

/* The next message, by the footer or by the order of the bytes. */
static respool_status next_message(struct ipc_reader *reader, struct ipc_message *message, respool_error *error) {
  if (reader->footer_bytes == NULL) return frames_next(&reader->frames, message, error);
  if (reader->batches >= (int64_t)reader->footer.batches.count) {
    reader->frames.has_end = true;
    return RESPOOL_END;
  }
  struct ipc_block block = ipc_footer_block(&reader->footer.batches, (uint32_t)reader->batches);
  respool_status status = frames_seek(&reader->frames, block.offset, error);
  if (status == RESPOOL_OK) status = frames_next(&reader->frames, message, error);
  if (status != RESPOOL_END) return status;
  return error_set(error, RESPOOL_CORRUPT, "the footer puts a batch at byte %" PRId64 ", where there is none",
                   block.offset);
}

static respool_status check_kind(const struct ipc_message *message, respool_error *error) {
  if (message->kind == HEADER_BATCH) return RESPOOL_OK;
  if (message->kind == HEADER_DICTIONARY) {
    return error_set(error, RESPOOL_CORRUPT, "a dictionary, though no field of the schema has one");
  }
  return error_set(error, RESPOOL_CORRUPT, "a second schema");
}

static enum decode_trust trust_of(const respool_ipc_options *options) {
  return options->validation == RESPOOL_VALIDATE_STRUCTURE ? DECODE_STRUCTURE : DECODE_FULL;
}

static respool_status take_batch(struct ipc_reader *reader, const struct ipc_message *message, struct ArrowArray *out,
                                 respool_error *error) {
  respool_status status = check_kind(message, error);
  if (status != RESPOOL_OK) return status;
  struct pool_buffer *body;
  status =
      source_take_buffer(&reader->frames.source, reader->frames.pool, message->body_size, "the body", &body, error);
  if (status != RESPOOL_OK) return status;
  struct tree_owner owner = {pool_give, body};
  status = ipc_decode_batch(reader->layout, message, body->bytes, trust_of(&reader->frames.options), owner, out, error);
  if (status != RESPOOL_OK) pool_give(body);
  return status;
}

/* Leaves `out` as it is and answers RESPOOL_END at the end. */
static respool_status next_batch(struct ipc_reader *reader, struct ArrowArray *out, respool_error *error) {
  struct ipc_message message;
  respool_status status = next_message(reader, &message, error);
  if (status == RESPOOL_END && !reader->frames.has_end && !reader->frames.options.allow_missing_end) {
    return error_set(error, RESPOOL_TRUNCATED,
                     "the input ends after %" PRId64 " batches without an end-of-stream marker: it may have been cut "
                     "short (the option allow_missing_end accepts that)",
                     reader->batches);
  }
  if (status == RESPOOL_OK) status = take_batch(reader, &message, out, error);
  if (status == RESPOOL_OK)
    reader->batches++;
  else if (status != RESPOOL_END)
    error_prefix(error, "batch %" PRId64, reader->batches);
  return status;
}

/* ---- The stream interface -------------------------------------------------------------------------- */

static int stream_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct ipc_reader *reader = stream->private_data;
  respool_error record = {0};
  if (schema_copy(&reader->layout->schema, out, &record) == RESPOOL_OK) return 0;
  reader->last = record;
  return error_to_errno(&record);
}

static int stream_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct ipc_reader *reader = stream->private_data;
  if (reader->failure.status != RESPOOL_OK) {
    reader->last = reader->failure;
    return error_to_errno(&reader->failure);
  }
  respool_error record = {0};
  respool_status status = reader->ended ? RESPOOL_END : next_batch(reader, out, &record);
  if (status == RESPOOL_OK) return 0;
  if (status == RESPOOL_END) {
    reader->ended = true;
    out->release = NULL;
    return 0;
  }
  reader->failure = record;
  reader->last = record;
  return error_to_errno(&record);
}

static const char *stream_last_error(struct ArrowArrayStream *stream) {
  const struct ipc_reader *reader = stream->private_data;
  return reader->last.status == RESPOOL_OK ? NULL : reader->last.message;
}

static void stream_release(struct ArrowArrayStream *stream) {
  struct ipc_reader *reader = stream->private_data;
  stream->release = NULL;
  if (reader->footer_bytes != NULL) pool_give(reader->footer_bytes);
  layout_close(reader->layout);
  frames_close(&reader->frames);
  mem_free(reader);
}

/* ---- Opening --------------------------------------------------------------------------------------- */

/* The Schema table: from the footer of a file that can seek, else from the first message. */
static respool_status find_schema(struct ipc_reader *reader, struct ipc_message *message, struct flatbuf_table *table,
                                  respool_error *error) {
  struct frames *frames = &reader->frames;
  if (frames->is_file && frames->source.size >= 0) {
    respool_status status = frames_footer(frames, &reader->footer, &reader->footer_bytes, error);
    *table = reader->footer.schema;
    return status;
  }
  respool_status status = frames_next(frames, message, error);
  if (status == RESPOOL_END) return error_set(error, RESPOOL_TRUNCATED, "the input ends before its schema");
  if (status != RESPOOL_OK) return status;
  if (message->kind != HEADER_SCHEMA) {
    return error_set(error, RESPOOL_CORRUPT, "the first message is not a schema");
  }
  *table = message->header;
  return source_skip(&frames->source, message->body_size, "the schema's body", error);
}

static respool_status read_schema(struct ipc_reader *reader, respool_error *error) {
  struct ipc_message message;
  struct flatbuf_table table;
  respool_status status = find_schema(reader, &message, &table, error);
  if (status != RESPOOL_OK) return status;
  struct ArrowSchema schema;
  bool big_endian;
  status = ipc_decode_schema(&table, reader->frames.options.max_depth, &schema, &big_endian, error);
  if (status != RESPOOL_OK) return status;
  if (big_endian) status = error_set(error, RESPOOL_UNSUPPORTED, "big-endian input is not supported yet");
  if (status == RESPOOL_OK) status = layout_open(&schema, reader->frames.options.max_depth, &reader->layout, error);
  schema_release(&schema);
  if (status != RESPOOL_INVALID) return status;
  if (error != NULL) error->status = RESPOOL_CORRUPT; /* it is not the caller's schema */
  return RESPOOL_CORRUPT;
}

/* A descriptor that the stream was to close is still the caller's when opening fails. */
static void discard(struct ipc_reader *reader) {
  if (reader->footer_bytes != NULL) pool_give(reader->footer_bytes);
  reader->frames.source.close_descriptor = false;
  frames_close(&reader->frames);
  mem_free(reader);
}

static respool_status open_reader(const struct source *source, const respool_ipc_options *options,
                                  struct ArrowArrayStream *stream, respool_error *error) {
  struct ipc_reader *reader = mem_zalloc(sizeof *reader);
  if (reader == NULL) return error_no_memory(error);
  respool_status status = frames_open(&reader->frames, source, options, error);
  if (status != RESPOOL_OK) {
    mem_free(reader);
    return status;
  }
  status = read_schema(reader, error);
  if (status != RESPOOL_OK) {
    discard(reader);
    return status;
  }
  *stream = (struct ArrowArrayStream){.get_schema = stream_get_schema,
                                      .get_next = stream_get_next,
                                      .get_last_error = stream_last_error,
                                      .release = stream_release,
                                      .private_data = reader};
  return RESPOOL_OK;
}

respool_status respool_ipc_read_fd(int fd, const respool_ipc_options *options, struct ArrowArrayStream *stream,
                                   respool_error *error) {
  if (fd < 0 || stream == NULL)
    return error_set(error, RESPOOL_INVALID, "the descriptor is negative or the stream is NULL");
  respool_ipc_options read;
  respool_status status = ipc_options_read(options, &read, error);
  if (status != RESPOOL_OK) return status;
  struct source source;
  source_open_fd(&source, fd, read.close_descriptor != 0);
  return open_reader(&source, &read, stream, error);
}

respool_status respool_ipc_read(respool_read_callback read, void *user_data, const respool_ipc_options *options,
                                struct ArrowArrayStream *stream, respool_error *error) {
  if (read == NULL || stream == NULL) return error_set(error, RESPOOL_INVALID, "the callback or the stream is NULL");
  respool_ipc_options merged;
  respool_status status = ipc_options_read(options, &merged, error);
  if (status != RESPOOL_OK) return status;
  struct source source;
  source_open_callback(&source, read, user_data);
  return open_reader(&source, &merged, stream, error);
}
