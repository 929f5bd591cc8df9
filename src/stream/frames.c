/* SPDX-License-Identifier: Apache-2.0 */
/* Messages out of a source. The input is hostile. */
#include "stream/frames.h"

#include "ipc/format.h"
#include "os/file.h"
#include "support/arith.h"
#include "support/error.h"

#include <inttypes.h>
#include <string.h>

static respool_status skip_magic(struct frames *frames, respool_error *error) {
  uint8_t head[IPC_FILE_HEAD];
  memcpy(head, frames->ahead, sizeof frames->ahead);
  respool_status status = source_take_all(&frames->source, head + sizeof frames->ahead,
                                          sizeof head - sizeof frames->ahead, "the file's first bytes", error);
  if (status != RESPOOL_OK) return status;
  if (memcmp(head, IPC_MAGIC, IPC_MAGIC_BYTES) != 0) {
    return error_set(error, RESPOOL_CORRUPT, "the input is neither an Arrow IPC stream nor an Arrow IPC file");
  }
  frames->is_file = true;
  frames->ahead_count = 0;
  return RESPOOL_OK;
}

static respool_status look_at_start(struct frames *frames, respool_error *error) {
  int64_t taken;
  respool_status status = source_take(&frames->source, frames->ahead, sizeof frames->ahead, &taken, error);
  if (status != RESPOOL_OK) return status;
  if (taken == 0) return error_set(error, RESPOOL_TRUNCATED, "the input is empty: not even a schema");
  frames->ahead_count = (int)taken;
  if (taken == sizeof frames->ahead && memcmp(frames->ahead, IPC_MAGIC, sizeof frames->ahead) == 0) {
    return skip_magic(frames, error);
  }
  return RESPOOL_OK;
}

respool_status frames_open(struct frames *frames, const struct source *source, const respool_ipc_options *options,
                           respool_error *error) {
  *frames = (struct frames){.source = *source, .options = *options, .footer_at = -1};
  respool_status status = pool_open(&frames->pool, error);
  if (status != RESPOOL_OK) return status;
  status = look_at_start(frames, error);
  if (status != RESPOOL_OK) pool_close(frames->pool);
  return status;
}

static void drop_metadata(struct frames *frames) {
  if (frames->metadata != NULL) pool_give(frames->metadata);
  frames->metadata = NULL;
}

void frames_close(struct frames *frames) {
  drop_metadata(frames);
  pool_close(frames->pool);
  source_close(&frames->source);
}

/* The prefix of the next message: 4 bytes, and 4 more after a continuation marker. RESPOOL_END where nothing comes. */
static respool_status take_prefix(struct frames *frames, struct ipc_prefix *prefix, respool_error *error) {
  uint8_t bytes[IPC_PREFIX];
  int64_t have = frames->ahead_count;
  memcpy(bytes, frames->ahead, sizeof frames->ahead);
  frames->ahead_count = 0;
  frames->offset = frames->source.position - have;
  int64_t taken;
  respool_status status = source_take(&frames->source, bytes + have, 4 - have, &taken, error);
  if (status != RESPOOL_OK) return status;
  have += taken;
  if (have == 0) return RESPOOL_END;
  if (have < 4) return error_set(error, RESPOOL_TRUNCATED, "the input ends inside a message's first bytes");
  if (load_u32(bytes) == IPC_CONTINUATION) {
    status = source_take_all(&frames->source, bytes + 4, 4, "a message's first bytes", error);
    if (status != RESPOOL_OK) return status;
    have = IPC_PREFIX;
  }
  if (ipc_parse_prefix(bytes, (int)have, prefix)) return RESPOOL_OK;
  return error_set(error, RESPOOL_CORRUPT, "no message starts at byte %" PRId64 ": is this Arrow IPC?", frames->offset);
}

static respool_status check_sizes(const struct frames *frames, const struct ipc_message *message,
                                  respool_error *error) {
  if (message->body_size <= frames->options.max_body_bytes) return RESPOOL_OK;
  return error_set(error, RESPOOL_CORRUPT,
                   "the message at byte %" PRId64 " declares a body of %" PRId64 " bytes, more than the %" PRId64
                   " allowed",
                   frames->offset, message->body_size, frames->options.max_body_bytes);
}

/* A file that comes through a pipe: what is left is the footer, of which only the end is looked at. */
static respool_status pass_footer(struct frames *frames, respool_error *error) {
  if (!frames->is_file || frames->footer_at >= 0) return RESPOOL_OK;
  uint8_t tail[IPC_MAGIC_BYTES];
  respool_status status = source_drain(&frames->source, tail, sizeof tail, error);
  if (status != RESPOOL_OK) return status;
  if (memcmp(tail, IPC_MAGIC, IPC_MAGIC_BYTES) == 0) return RESPOOL_OK;
  return error_set(error, RESPOOL_TRUNCATED, "the file ends without its footer: it was cut or not finished");
}

respool_status frames_next(struct frames *frames, struct ipc_message *message, respool_error *error) {
  drop_metadata(frames);
  if (frames->footer_at >= 0 && frames->source.position >= frames->footer_at) {
    frames->has_end = true;
    return RESPOOL_END;
  }
  struct ipc_prefix prefix;
  respool_status status = take_prefix(frames, &prefix, error);
  if (status != RESPOOL_OK) return status;
  if (prefix.is_end) {
    status = pass_footer(frames, error);
    frames->has_end = status == RESPOOL_OK;
    return status == RESPOOL_OK ? RESPOOL_END : status;
  }
  if (prefix.metadata_size > frames->options.max_metadata_bytes) {
    return error_set(error, RESPOOL_CORRUPT,
                     "no message at byte %" PRId64 ": it would have %" PRId64
                     " bytes of metadata, more than the %" PRId64 " allowed. Is this Arrow IPC?",
                     frames->offset, prefix.metadata_size, frames->options.max_metadata_bytes);
  }
  status = source_take_buffer(&frames->source, frames->pool, prefix.metadata_size, "a message's metadata",
                              &frames->metadata, error);
  if (status != RESPOOL_OK) return status;
  frames->metadata_bytes = frames->source.position - frames->offset;
  status = ipc_parse_message(frames->metadata->bytes, prefix.metadata_size, message, error);
  if (status != RESPOOL_OK) {
    error_prefix(error, "message at byte %" PRId64, frames->offset);
    return status;
  }
  return check_sizes(frames, message, error);
}

/* The last bytes of a file: the footer's size and the magic again. */
static respool_status read_tail(const struct frames *frames, int64_t *footer_size, respool_error *error) {
  uint8_t tail[IPC_FILE_TAIL];
  int64_t size = frames->source.size;
  bool long_enough = size >= IPC_FILE_HEAD + IPC_FILE_TAIL;
  if (long_enough) {
    respool_status status = source_read_at(&frames->source, tail, sizeof tail, size - IPC_FILE_TAIL, error);
    if (status != RESPOOL_OK) return status;
  }
  if (!long_enough || memcmp(tail + 4, IPC_MAGIC, IPC_MAGIC_BYTES) != 0) {
    return error_set(error, RESPOOL_TRUNCATED, "the file ends without its footer: it was cut or not finished");
  }
  *footer_size = load_i32(tail);
  if (*footer_size < 8 || *footer_size > size - IPC_FILE_HEAD - IPC_FILE_TAIL ||
      *footer_size > frames->options.max_metadata_bytes) {
    return error_set(error, RESPOOL_CORRUPT, "the file declares a footer of %" PRId64 " bytes", *footer_size);
  }
  return RESPOOL_OK;
}

respool_status frames_footer(struct frames *frames, struct ipc_footer *footer, struct pool_buffer **buffer,
                             respool_error *error) {
  int64_t size = 0;
  respool_status status = read_tail(frames, &size, error);
  if (status != RESPOOL_OK) return status;
  struct pool_buffer *bytes;
  status = pool_take(frames->pool, size, &bytes, error);
  if (status != RESPOOL_OK) return status;
  int64_t at = frames->source.size - IPC_FILE_TAIL - size;
  status = source_read_at(&frames->source, bytes->bytes, size, at, error);
  if (status == RESPOOL_OK) status = ipc_parse_footer(bytes->bytes, size, footer, error);
  if (status != RESPOOL_OK) {
    pool_give(bytes);
    return status;
  }
  frames->footer_at = at;
  *buffer = bytes;
  return RESPOOL_OK;
}

respool_status frames_seek(struct frames *frames, int64_t offset, respool_error *error) {
  if (offset < IPC_FILE_HEAD || offset >= frames->footer_at) {
    return error_set(error, RESPOOL_CORRUPT, "the footer puts a message at byte %" PRId64 ", outside the file", offset);
  }
  if (offset == frames->source.position) return RESPOOL_OK;
  if (!os_seek(frames->source.fd, frames->source.base + offset)) {
    return error_set(error, RESPOOL_IO, "cannot seek to byte %" PRId64 " of the input", offset);
  }
  frames->source.position = offset;
  return RESPOOL_OK;
}
