/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading flatbuffers that nobody vouches for. Every access is checked where it is made, so there is no separate pass
 * and no way to forget it. A failed check marks the buffer broken; accessors then answer defaults, and whoever reads
 * asks flatbuf_broken() before believing anything. Encoding: https://flatbuffers.dev/internals/. May call: support.
 */
#ifndef RESPOOL_IPC_FLATBUF_H
#define RESPOOL_IPC_FLATBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flatbuf {
  const uint8_t *bytes;
  uint32_t size;
  int64_t budget; /* tables that may still be visited or made room for: shared ones make trees of exponential size */
  int64_t texts;  /* bytes of strings that may still be copied out, for the same reason */
  const char *broken; /* why, or NULL */
};

struct flatbuf_table {
  struct flatbuf *buffer;
  uint32_t at;
  uint32_t vtable;
  uint16_t vtable_size;
  uint16_t size;
  bool present; /* false: every field is its default */
};

struct flatbuf_vector {
  struct flatbuf *buffer;
  uint32_t at; /* of the first element */
  uint32_t count;
  bool present;
};

void flatbuf_open(struct flatbuf *buffer, const uint8_t *bytes, uint32_t size);

static inline bool flatbuf_broken(const struct flatbuf *buffer) {
  return buffer->broken != NULL;
}

struct flatbuf_table flatbuf_root(struct flatbuf *buffer);

/* Count `tables` off the budget before memory is taken for them; false, and broken, if it is spent. */
bool flatbuf_spend(struct flatbuf *buffer, uint32_t tables);

/* The same for bytes of strings. */
bool flatbuf_spend_text(struct flatbuf *buffer, uint64_t bytes);

/* Scalars of a table; `missing` is the schema's default. */
uint8_t flatbuf_u8(const struct flatbuf_table *table, int slot, uint8_t missing);
int16_t flatbuf_i16(const struct flatbuf_table *table, int slot, int16_t missing);
int32_t flatbuf_i32(const struct flatbuf_table *table, int slot, int32_t missing);
int64_t flatbuf_i64(const struct flatbuf_table *table, int slot, int64_t missing);

struct flatbuf_table flatbuf_sub(const struct flatbuf_table *table, int slot);

/* A vector of scalars or structs of `element` bytes, all of it inside the buffer. A string is one of 1. */
struct flatbuf_vector flatbuf_list(const struct flatbuf_table *table, int slot, uint32_t element);

static inline const uint8_t *flatbuf_items(const struct flatbuf_vector *vector) {
  return vector->buffer->bytes + vector->at;
}

/* Element `i` (< count) of a vector of tables, which was taken with element size 4. */
struct flatbuf_table flatbuf_item_table(const struct flatbuf_vector *vector, uint32_t i);

#endif
