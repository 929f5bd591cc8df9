/* SPDX-License-Identifier: Apache-2.0 */
/* Building flatbuffers from their end to their start. */
#include "ipc/builder.h"

#include "support/alloc.h"
#include "support/arith.h"

#include <string.h>

enum { FIRST_CAPACITY = 1024, LARGEST = 1 << 30 };

void builder_open(struct builder *builder) {
  memset(builder, 0, sizeof *builder);
}

void builder_close(struct builder *builder) {
  mem_free(builder->memory);
  builder->memory = NULL;
}

static bool grow(struct builder *builder, size_t more) {
  size_t wanted = builder->capacity == 0 ? FIRST_CAPACITY : builder->capacity;
  while (wanted < builder->used + more) wanted *= 2;
  if (wanted == builder->capacity) return true;
  uint8_t *memory = wanted > LARGEST ? NULL : mem_alloc(wanted);
  if (memory == NULL) {
    builder->failed = true;
    return false;
  }
  if (builder->used > 0) {
    memcpy(memory + wanted - builder->used, builder->memory + builder->capacity - builder->used, builder->used);
  }
  mem_free(builder->memory);
  builder->memory = memory;
  builder->capacity = wanted;
  return true;
}

/* Room for `size` bytes in front of what is there; NULL once failed. */
static uint8_t *claim(struct builder *builder, size_t size) {
  if (builder->failed || size > LARGEST || !grow(builder, size)) {
    builder->failed = true;
    return NULL;
  }
  builder->used += size;
  return builder->memory + builder->capacity - builder->used;
}

/* Zeros, so that after `size` more bytes the place is a multiple of `alignment` from the end. */
static void align(struct builder *builder, size_t size, size_t alignment) {
  size_t over = (builder->used + size) % alignment;
  if (over == 0) return;
  uint8_t *at = claim(builder, alignment - over);
  if (at != NULL) memset(at, 0, alignment - over);
}

static builder_ref here(const struct builder *builder) {
  return (builder_ref)builder->used;
}

builder_ref builder_bytes(struct builder *builder, const void *text, size_t length) {
  align(builder, length + 1, 4);
  uint8_t *at = claim(builder, length + 1);
  if (at != NULL) {
    if (length > 0) memcpy(at, text, length);
    at[length] = 0;
  }
  at = claim(builder, 4);
  if (at != NULL) store_u32(at, (uint32_t)length);
  return here(builder);
}

builder_ref builder_string(struct builder *builder, const char *text) {
  return builder_bytes(builder, text, strlen(text));
}

static void put_count(struct builder *builder, size_t count) {
  uint8_t *at = claim(builder, 4);
  if (at != NULL) store_u32(at, (uint32_t)count);
}

/* An offset is counted from its own place, which is 4 further from the end than `used` before it. */
static void push_ref(struct builder *builder, builder_ref ref) {
  uint8_t *at = claim(builder, 4);
  if (at != NULL) store_u32(at, (uint32_t)builder->used - ref);
}

builder_ref builder_refs(struct builder *builder, const builder_ref *items, size_t count) {
  align(builder, 0, 4);
  for (size_t i = count; i > 0; i--) push_ref(builder, items[i - 1]);
  put_count(builder, count);
  return here(builder);
}

builder_ref builder_i32s(struct builder *builder, const int32_t *items, size_t count) {
  align(builder, 0, 4);
  for (size_t i = count; i > 0; i--) {
    uint8_t *at = claim(builder, 4);
    if (at != NULL) store_u32(at, (uint32_t)items[i - 1]);
  }
  put_count(builder, count);
  return here(builder);
}

void builder_begin(struct builder *builder) {
  memset(builder->slots, 0, sizeof builder->slots);
  builder->table_start = builder->used;
}

static uint8_t *put(struct builder *builder, int slot, size_t size) {
  align(builder, size, size);
  uint8_t *at = claim(builder, size);
  builder->slots[slot] = (uint32_t)builder->used;
  return at;
}

void builder_put_u8(struct builder *builder, int slot, uint8_t value) {
  uint8_t *at = put(builder, slot, 1);
  if (at != NULL) *at = value;
}

void builder_put_i16(struct builder *builder, int slot, int16_t value) {
  uint8_t *at = put(builder, slot, 2);
  if (at != NULL) store_u16(at, (uint16_t)value);
}

void builder_put_i32(struct builder *builder, int slot, int32_t value) {
  uint8_t *at = put(builder, slot, 4);
  if (at != NULL) store_u32(at, (uint32_t)value);
}

void builder_put_i64(struct builder *builder, int slot, int64_t value) {
  uint8_t *at = put(builder, slot, 8);
  if (at != NULL) store_u64(at, (uint64_t)value);
}

void builder_put_ref(struct builder *builder, int slot, builder_ref ref) {
  if (ref == 0) return;
  uint8_t *at = put(builder, slot, 4);
  if (at != NULL) store_u32(at, (uint32_t)builder->used - ref);
}

builder_ref builder_end(struct builder *builder) {
  align(builder, 4, 4);
  uint8_t *table = claim(builder, 4); /* the way to the vtable, which comes to lie just before */
  builder_ref ref = here(builder);
  int slots = BUILDER_SLOTS;
  while (slots > 0 && builder->slots[slots - 1] == 0) slots--;
  size_t vtable_size = 4 + 2 * (size_t)slots;
  if (table == NULL) return ref;
  store_u32(table, (uint32_t)vtable_size);
  uint16_t table_size = (uint16_t)(ref - builder->table_start);
  uint8_t *vtable = claim(builder, vtable_size);
  if (vtable == NULL) return ref;
  store_u16(vtable, (uint16_t)vtable_size);
  store_u16(vtable + 2, table_size);
  for (int i = 0; i < slots; i++) {
    uint16_t offset = builder->slots[i] == 0 ? 0 : (uint16_t)(ref - builder->slots[i]);
    store_u16(vtable + 4 + 2 * (size_t)i, offset);
  }
  return ref;
}

const uint8_t *builder_finish(struct builder *builder, builder_ref root, size_t *size) {
  align(builder, 4, 8);
  push_ref(builder, root);
  if (builder->failed) return NULL;
  *size = builder->used;
  return builder->memory + builder->capacity - builder->used;
}
