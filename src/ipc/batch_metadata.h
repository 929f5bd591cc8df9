/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flatbuffer of a record batch or dictionary batch message. It is laid out by hand and kept, since for one schema
 * almost only its numbers change from batch to batch. May call: support.
 */
#ifndef RESPOOL_IPC_BATCH_METADATA_H
#define RESPOOL_IPC_BATCH_METADATA_H

#include "ipc/codec.h"
#include "ipc/format.h"
#include "respool/respool.h"
#include "support/arith.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What decides where everything lies. */
struct batch_shape {
  bool is_dictionary;
  int8_t codec; /* of the body, or CODEC_NONE */
  int32_t n_nodes;
  int32_t n_buffers;
  int32_t n_views;    /* view columns, each with its number of data buffers */
  const char *custom; /* key-value pairs in the encoding of the C data interface; NULL: none */
};

/* Zeroed before first use. */
struct batch_metadata {
  uint8_t *bytes;
  size_t capacity;
  int64_t size;
  struct batch_shape shape;
  int64_t nodes; /* where these lists begin */
  int64_t buffers;
  int64_t variadic;
};

/* Make it of this shape; laid out anew only where that differs from what it is. RESPOOL_NO_MEMORY,
 * RESPOOL_UNSUPPORTED (more than a message can have). */
respool_status batch_metadata_shape(struct batch_metadata *metadata, const struct batch_shape *shape,
                                    respool_error *error);
void batch_metadata_close(struct batch_metadata *metadata);

/* The numbers. */
static inline void batch_metadata_node(struct batch_metadata *metadata, int32_t i, int64_t length, int64_t null_count) {
  uint8_t *at = metadata->bytes + metadata->nodes + (int64_t)i * NODE_BYTES;
  store_u64(at, (uint64_t)length);
  store_u64(at + 8, (uint64_t)null_count);
}

static inline void batch_metadata_buffer(struct batch_metadata *metadata, int32_t i, int64_t offset, int64_t length) {
  uint8_t *at = metadata->bytes + metadata->buffers + (int64_t)i * BUFFER_BYTES;
  store_u64(at, (uint64_t)offset);
  store_u64(at + 8, (uint64_t)length);
}

static inline void batch_metadata_variadic(struct batch_metadata *metadata, int32_t i, int64_t count) {
  store_u64(metadata->bytes + metadata->variadic + (int64_t)i * 8, (uint64_t)count);
}

void batch_metadata_sizes(struct batch_metadata *metadata, int64_t rows, int64_t body);
void batch_metadata_id(struct batch_metadata *metadata, int64_t id);

#endif
