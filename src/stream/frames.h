/* SPDX-License-Identifier: Apache-2.0 */
/* One message after another from a source, whichever of the two formats it holds. May call: ipc, store, support. */
#ifndef RESPOOL_STREAM_FRAMES_H
#define RESPOOL_STREAM_FRAMES_H

#include "ipc/message.h"
#include "stream/source.h"

struct frames {
  struct source source;
  respool_ipc_options options;
  struct pool *pool;
  struct pool_buffer *metadata; /* of the last message */
  uint8_t ahead[4];             /* bytes taken to tell the formats apart, not yet used */
  int ahead_count;
  bool is_file;
  bool has_end;           /* once frames_next() has answered RESPOOL_END: there was a marker, or a footer */
  int64_t footer_at;      /* a file that can seek: where its footer starts; else -1 */
  int64_t offset;         /* of the last message's first byte */
  int64_t metadata_bytes; /* of the last message, with prefix */
};

/* Look at the first bytes. Takes the source, which frames_close() closes; on failure it is still the caller's. */
respool_status frames_open(struct frames *frames, const struct source *source, const respool_ipc_options *options,
                           respool_error *error);
void frames_close(struct frames *frames);

/*
 * The next message; its metadata stays until the next call. Its body comes next in the source: take or skip it.
 * RESPOOL_END at the end.
 */
respool_status frames_next(struct frames *frames, struct ipc_message *message, respool_error *error);

/*
 * A file that can seek: parse its footer, which stays in `*buffer` (give it back to the pool), and note where it
 * starts.
 */
respool_status frames_footer(struct frames *frames, struct ipc_footer *footer, struct pool_buffer **buffer,
                             respool_error *error);

/* Go on at a message that a footer told of. */
respool_status frames_seek(struct frames *frames, int64_t offset, respool_error *error);

#endif
