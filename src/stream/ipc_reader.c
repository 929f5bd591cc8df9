/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow IPC bytes as an ArrowArrayStream. */
#include "arrow/schema.h"
#include "ipc/dictionaries.h"
#include "ipc/format.h"
#include "ipc/schema.h"
#include "stream/frames.h"
#include "stream/options.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <errno.h>
#include <inttypes.h>

struct ipc_reader {
  struct frames frames;
  struct layout *layout;
  struct dictionaries dictionaries;
  struct expander expander; /* of compressed bodies, into buffers of the frames' pool */
  bool big_endian;          /* the bodies of its messages */
  int64_t batches;          /* handed out so far */

  /* A file with its footer: which message is next is the footer's word. */
  struct ipc_footer footer;
  struct pool_buffer *footer_bytes;
  uint32_t file_dictionaries; /* read so far of those it lists, which come before all batches */
  int64_t listed_bytes;       /* of all messages read so far */

  bool ended;
  respool_error failure; /* of get_next; status 0: none; kept, so that every later call answers the same */
  respool_error last;    /* of whichever call failed last */
};

/* ---- Batches --------------------------------------------------------------------------------------- */

/* Which block of the footer is next: dictionaries come first, since batches may use any of them. NULL: none is left. */
static const struct flatbuf_vector *next_block(struct ipc_reader *reader, uint32_t *i) {
  if (reader->file_dictionaries < reader->footer.dictionaries.count) {
    *i = reader->file_dictionaries++;
    return &reader->footer.dictionaries;
  }
  *i = (uint32_t)reader->batches;
  return reader->batches < (int64_t)reader->footer.batches.count ? &reader->footer.batches : NULL;
}

/* The next message, by the footer or by the order of the bytes. */
static respool_status next_message(struct ipc_reader *reader, struct ipc_message *message, respool_error *error) {
  if (reader->footer_bytes == NULL) return frames_next(&reader->frames, message, error);
  uint32_t i;
  const struct flatbuf_vector *blocks = next_block(reader, &i);
  if (blocks == NULL) {
    reader->frames.has_end = true;
    return RESPOOL_END;
  }
  struct ipc_block block = ipc_footer_block(blocks, i);
  int kind = blocks == &reader->footer.batches ? HEADER_BATCH : HEADER_DICTIONARY;
  respool_status status = frames_seek(&reader->frames, block.offset, error);
  if (status == RESPOOL_OK) status = frames_next(&reader->frames, message, error);
  if (status == RESPOOL_END || (status == RESPOOL_OK && message->kind != kind)) {
    return error_set(error, RESPOOL_CORRUPT, "the footer puts a %s at byte %" PRId64 ", where there is none",
                     kind == HEADER_BATCH ? "batch" : "dictionary", block.offset);
  }
  return status;
}

static enum decode_trust trust_of(const respool_ipc_options *options) {
  return options->validation == RESPOOL_VALIDATE_STRUCTURE ? DECODE_STRUCTURE : DECODE_FULL;
}

static respool_status take_memory(void *context, int64_t size, uint8_t **bytes, struct tree_owner *owner,
                                  respool_error *error) {
  struct ipc_reader *reader = context;
  struct pool_buffer *buffer;
  respool_status status = pool_take(reader->frames.pool, size, &buffer, error);
  if (status != RESPOOL_OK) return status;
  *bytes = buffer->bytes;
  *owner = (struct tree_owner){pool_give, buffer};
  return RESPOOL_OK;
}

static respool_status take_body(struct ipc_reader *reader, const struct ipc_message *message, struct pool_buffer **body,
                                respool_error *error) {
  struct frames *frames = &reader->frames;
  return source_take_buffer(&frames->source, frames->pool, message->body_size, "the body", body, error);
}

/* A footer may list a message as often as it likes. Together they are no longer than the file. */
static respool_status check_listed(struct ipc_reader *reader, const struct ipc_message *message, respool_error *error) {
  if (reader->footer_bytes == NULL) return RESPOOL_OK;
  reader->listed_bytes = add_saturating(reader->listed_bytes, reader->frames.metadata_bytes);
  reader->listed_bytes = add_saturating(reader->listed_bytes, message->body_size);
  if (reader->listed_bytes <= reader->frames.source.size) return RESPOOL_OK;
  return error_set(error, RESPOOL_CORRUPT, "the footer lists more messages than the file can hold");
}

static respool_status take_dictionary(struct ipc_reader *reader, const struct ipc_message *message,
                                      respool_error *error) {
  if (reader->layout->n_dictionaries == 0) {
    return error_set(error, RESPOOL_CORRUPT, "a dictionary, though no field of the schema has one");
  }
  respool_status status = check_listed(reader, message, error);
  struct pool_buffer *body;
  if (status == RESPOOL_OK) status = take_body(reader, message, &body, error);
  if (status != RESPOOL_OK) return status;
  struct tree_owner owner = {pool_give, body};
  enum decode_trust trust = trust_of(&reader->frames.options);
  status = dictionaries_take(&reader->dictionaries, message, body->bytes, trust, &reader->expander, owner, error);
  if (status != RESPOOL_OK) error_prefix(error, "dictionary at byte %" PRId64, reader->frames.offset);
  return status;
}

/* Dictionaries on the way to the next batch are taken. RESPOOL_END if none comes. */
static respool_status next_batch_message(struct ipc_reader *reader, struct ipc_message *message, respool_error *error) {
  respool_status status = RESPOOL_OK;
  while (status == RESPOOL_OK) {
    status = next_message(reader, message, error);
    if (status == RESPOOL_OK) message->big_endian = reader->big_endian;
    if (status != RESPOOL_OK || message->kind == HEADER_BATCH) return status;
    if (message->kind != HEADER_DICTIONARY) return error_set(error, RESPOOL_CORRUPT, "a second schema");
    status = take_dictionary(reader, message, error);
  }
  return status;
}

static respool_status take_batch(struct ipc_reader *reader, const struct ipc_message *message, struct ArrowArray *out,
                                 respool_error *error) {
  respool_status status = check_listed(reader, message, error);
  struct pool_buffer *body;
  if (status == RESPOOL_OK) status = take_body(reader, message, &body, error);
  if (status != RESPOOL_OK) return status;
  struct tree_owner owner = {pool_give, body};
  enum decode_trust trust = trust_of(&reader->frames.options);
  status = ipc_decode_batch(reader->layout, message, body->bytes, trust, &reader->expander, owner,
                            dictionaries_current(&reader->dictionaries), out, error);
  if (status != RESPOOL_OK) pool_give(body);
  return status;
}

/* Leaves `out` as it is and answers RESPOOL_END at the end. */
static respool_status next_batch(struct ipc_reader *reader, struct ArrowArray *out, respool_error *error) {
  struct ipc_message message = {.kind = 0};
  respool_status status = next_batch_message(reader, &message, error);
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
  dictionaries_close(&reader->dictionaries);
  layout_close(reader->layout);
  expander_close(&reader->expander);
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

static respool_status open_layout(struct ipc_reader *reader, const struct ArrowSchema *schema,
                                  const struct ipc_schema_info *info, respool_error *error) {
  reader->big_endian = info->big_endian;
  respool_status status = layout_open(schema, reader->frames.options.max_depth, &reader->layout, error);
  if (status == RESPOOL_OK) return dictionaries_open(&reader->dictionaries, reader->layout, info, error);
  if (status != RESPOOL_INVALID) return status;
  if (error != NULL) error->status = RESPOOL_CORRUPT; /* it is not the caller's schema */
  return RESPOOL_CORRUPT;
}

static respool_status read_schema(struct ipc_reader *reader, respool_error *error) {
  struct ipc_message message;
  struct flatbuf_table table;
  respool_status status = find_schema(reader, &message, &table, error);
  if (status != RESPOOL_OK) return status;
  struct ArrowSchema schema;
  struct ipc_schema_info info = {0};
  int max_depth = reader->frames.options.max_depth;
  status = ipc_decode_schema(&table, max_depth, &schema, &info, error);
  if (status == RESPOOL_OK) {
    status = open_layout(reader, &schema, &info, error);
    schema_release(&schema);
  }
  ipc_schema_info_close(&info);
  return status;
}

/* A descriptor that the stream was to close is still the caller's when opening fails. */
static void discard(struct ipc_reader *reader) {
  if (reader->footer_bytes != NULL) pool_give(reader->footer_bytes);
  dictionaries_close(&reader->dictionaries);
  layout_close(reader->layout);
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
  reader->expander = (struct expander){.take = take_memory,
                                       .context = reader,
                                       .most_bytes = options->max_expansion,
                                       .most_ratio = options->max_expansion_ratio};
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
