/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building small flatbuffers, for schemas and footers. As the format wants it the buffer grows from its end to its
 * start, so that everything is there before it is referred to. Batches do not come through here (see encode.c).
 * May call: support.
 */
#ifndef RESPOOL_IPC_BUILDER_H
#define RESPOOL_IPC_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUILDER_SLOTS = 8 };

/* A place in the buffer, counted from its end. 0 is none: a field that refers to it is left out. */
typedef uint32_t builder_ref;

struct builder {
  uint8_t *memory;
  size_t capacity;
  size_t used; /* the last so many bytes of memory */
  size_t table_start;
  uint32_t slots[BUILDER_SLOTS];
  bool failed; /* no memory, or too large; everything after is ignored */
};

void builder_open(struct builder *builder);
void builder_close(struct builder *builder);

builder_ref builder_bytes(struct builder *builder, const void *text, size_t length); /* a string */
builder_ref builder_string(struct builder *builder, const char *text);
builder_ref builder_refs(struct builder *builder, const builder_ref *items, size_t count);
builder_ref builder_i32s(struct builder *builder, const int32_t *items, size_t count);

/* One table at a time: begin, its fields, end. */
void builder_begin(struct builder *builder);
void builder_put_u8(struct builder *builder, int slot, uint8_t value);
void builder_put_i16(struct builder *builder, int slot, int16_t value);
void builder_put_i32(struct builder *builder, int slot, int32_t value);
void builder_put_i64(struct builder *builder, int slot, int64_t value);
void builder_put_ref(struct builder *builder, int slot, builder_ref ref);
builder_ref builder_end(struct builder *builder);

/* Put the root in front. The bytes are the builder's until it is closed; NULL if it failed. */
const uint8_t *builder_finish(struct builder *builder, builder_ref root, size_t *size);

#endif
