/* SPDX-License-Identifier: Apache-2.0 */
/* Framing: where a message starts, what it is, and the file format's footer. May call: arrow, support. */
#ifndef RESPOOL_IPC_MESSAGE_H
#define RESPOOL_IPC_MESSAGE_H

#include "ipc/flatbuf.h"
#include "ipc/format.h"
#include "respool/respool.h"
#include "support/arith.h"
#include "support/gather.h"

/*
 * The first bytes of a message. Since 0.15 they are a continuation marker and the metadata's size, 8 bytes; before,
 * the size alone, 4 bytes. Size 0 is the end of the stream.
 */
struct ipc_prefix {
  int32_t bytes; /* that the prefix takes: 4 or 8 */
  int64_t metadata_size;
  bool is_end;
};

/* `bytes` has 8 bytes, or 4 where no more come. False for what no message starts with. */
bool ipc_parse_prefix(const uint8_t *bytes, int available, struct ipc_prefix *prefix);

struct ipc_message {
  struct flatbuf buffer;
  struct flatbuf_table header;
  int kind;    /* HEADER_... */
  int version; /* 4 or 5 */
  int64_t body_size;
  struct flatbuf_vector custom; /* metadata of the message itself: KeyValue tables */
  bool big_endian; /* numbers in the body are: the schema says so, for whoever parses to pass on. Else false */
};

/*
 * Parse a message's metadata, which must stay while the message is used and which the message's tables point into: it
 * must not be moved. RESPOOL_CORRUPT, RESPOOL_UNSUPPORTED (version).
 */
respool_status ipc_parse_message(const uint8_t *metadata, int64_t size, struct ipc_message *message,
                                 respool_error *error);

/* The RecordBatch table of a batch, or inside a dictionary message; not present in a schema. */
struct flatbuf_table ipc_message_batch(const struct ipc_message *message);

/* The id and kind of a dictionary message. */
int64_t ipc_message_dictionary(const struct ipc_message *message, bool *is_delta);

/* Rows and compression of a batch or dictionary message; zeros for a schema. */
int64_t ipc_message_rows(const struct ipc_message *message);
bool ipc_message_compressed(const struct ipc_message *message);

/* What prefix, flatbuffer and padding of a message take in all. */
static inline int64_t ipc_metadata_size(int64_t flatbuffer_size) {
  return round_up(IPC_PREFIX + flatbuffer_size, IPC_ALIGNMENT);
}

/* Write a message's prefix, flatbuffer and padding. Copies: the flatbuffer may change at once. */
respool_status ipc_put_metadata(const uint8_t *flatbuffer, int64_t size, struct gather *gather, respool_error *error);

/* Write the end of a stream. */
respool_status ipc_put_end(struct gather *gather, respool_error *error);

/* Where a message lies in a file. */
struct ipc_block {
  int64_t offset;
  int64_t metadata_size; /* with prefix and padding */
  int64_t body_size;
};

struct ipc_footer {
  struct flatbuf buffer;
  struct flatbuf_table schema;
  int version;
  struct flatbuf_vector dictionaries;
  struct flatbuf_vector batches;
};

respool_status ipc_parse_footer(const uint8_t *bytes, int64_t size, struct ipc_footer *footer, respool_error *error);

/* Block `i` (< count) of a footer's vector. */
struct ipc_block ipc_footer_block(const struct flatbuf_vector *blocks, uint32_t i);

#endif
