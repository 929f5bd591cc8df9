/* SPDX-License-Identifier: Apache-2.0 */
/* Checked access to flatbuffers. Positions are uint32 and sums are made in uint64, so that nothing wraps. */
#include "ipc/flatbuf.h"

#include "support/arith.h"

/*
 * A field of a schema takes some 35 bytes in its tables, and a few visits. Writers that share what can be shared come
 * down to 20; whole fields nobody shares.
 */
enum { BYTES_PER_TABLE = 4, TABLES_AT_LEAST = 256 };

/* Writers may share equal strings between fields. */
enum { TEXT_PER_BYTE = 16, TEXT_AT_LEAST = 1 << 16 };

void flatbuf_open(struct flatbuf *buffer, const uint8_t *bytes, uint32_t size) {
  buffer->bytes = bytes;
  buffer->size = size;
  buffer->budget = (int64_t)size / BYTES_PER_TABLE + TABLES_AT_LEAST;
  buffer->texts = (int64_t)size * TEXT_PER_BYTE + TEXT_AT_LEAST;
  buffer->broken = NULL;
}

static void break_it(struct flatbuf *buffer, const char *why) {
  if (buffer->broken == NULL) buffer->broken = why;
}

bool flatbuf_spend(struct flatbuf *buffer, uint32_t tables) {
  buffer->budget -= tables;
  if (buffer->budget >= 0) return true;
  break_it(buffer, "too many tables");
  return false;
}

bool flatbuf_spend_text(struct flatbuf *buffer, uint64_t bytes) {
  if (bytes <= (uint64_t)buffer->texts) {
    buffer->texts -= (int64_t)bytes;
    return true;
  }
  break_it(buffer, "more text than can be in it");
  return false;
}

static bool inside(struct flatbuf *buffer, uint64_t at, uint64_t size) {
  if (at + size <= buffer->size) return true;
  break_it(buffer, "a position outside the metadata");
  return false;
}

/* The position that an unsigned offset at `at` leads to; 0 (which is never one) if broken. */
static uint32_t follow(struct flatbuf *buffer, uint32_t at) {
  if (!inside(buffer, at, 4)) return 0;
  uint64_t target = (uint64_t)at + load_u32(buffer->bytes + at);
  return inside(buffer, target, 4) ? (uint32_t)target : 0;
}

static struct flatbuf_table table_at(struct flatbuf *buffer, uint32_t at) {
  struct flatbuf_table none = {.buffer = buffer};
  if (at == 0 || flatbuf_broken(buffer) || !inside(buffer, at, 4)) return none;
  if (!flatbuf_spend(buffer, 1)) return none;
  int64_t vtable = (int64_t)at - load_i32(buffer->bytes + at);
  if (vtable < 0 || !inside(buffer, (uint64_t)vtable, 4)) {
    break_it(buffer, "a vtable outside the metadata");
    return none;
  }
  uint16_t vtable_size = load_u16(buffer->bytes + vtable);
  uint16_t size = load_u16(buffer->bytes + vtable + 2);
  if (vtable_size < 4 || vtable_size % 2 != 0 || size < 4) {
    break_it(buffer, "a vtable of impossible size");
    return none;
  }
  if (!inside(buffer, (uint64_t)vtable, vtable_size) || !inside(buffer, at, size)) return none;
  return (struct flatbuf_table){.buffer = buffer,
                                .at = at,
                                .vtable = (uint32_t)vtable,
                                .vtable_size = vtable_size,
                                .size = size,
                                .present = true};
}

struct flatbuf_table flatbuf_root(struct flatbuf *buffer) {
  return table_at(buffer, follow(buffer, 0));
}

/* Where a field of `width` bytes lies; NULL where it is absent. */
static const uint8_t *field(const struct flatbuf_table *table, int slot, unsigned width) {
  unsigned entry = 4U + 2U * (unsigned)slot;
  if (!table->present || entry + 2 > table->vtable_size) return NULL;
  uint16_t offset = load_u16(table->buffer->bytes + table->vtable + entry);
  if (offset == 0) return NULL;
  if (offset < 4 || (unsigned)offset + width > table->size) {
    break_it(table->buffer, "a field outside its table");
    return NULL;
  }
  return table->buffer->bytes + table->at + offset;
}

uint8_t flatbuf_u8(const struct flatbuf_table *table, int slot, uint8_t missing) {
  const uint8_t *at = field(table, slot, 1);
  return at == NULL ? missing : *at;
}

int16_t flatbuf_i16(const struct flatbuf_table *table, int slot, int16_t missing) {
  const uint8_t *at = field(table, slot, 2);
  return at == NULL ? missing : (int16_t)load_u16(at);
}

int32_t flatbuf_i32(const struct flatbuf_table *table, int slot, int32_t missing) {
  const uint8_t *at = field(table, slot, 4);
  return at == NULL ? missing : load_i32(at);
}

int64_t flatbuf_i64(const struct flatbuf_table *table, int slot, int64_t missing) {
  const uint8_t *at = field(table, slot, 8);
  return at == NULL ? missing : load_i64(at);
}

struct flatbuf_table flatbuf_sub(const struct flatbuf_table *table, int slot) {
  const uint8_t *at = field(table, slot, 4);
  if (at == NULL) return (struct flatbuf_table){.buffer = table->buffer};
  return table_at(table->buffer, follow(table->buffer, (uint32_t)(at - table->buffer->bytes)));
}

struct flatbuf_vector flatbuf_list(const struct flatbuf_table *table, int slot, uint32_t element) {
  struct flatbuf_vector none = {.buffer = table->buffer};
  const uint8_t *at = field(table, slot, 4);
  if (at == NULL) return none;
  uint32_t start = follow(table->buffer, (uint32_t)(at - table->buffer->bytes));
  if (start == 0) return none;
  uint32_t count = load_u32(table->buffer->bytes + start);
  if (!inside(table->buffer, (uint64_t)start + 4, (uint64_t)count * element)) return none;
  return (struct flatbuf_vector){.buffer = table->buffer, .at = start + 4, .count = count, .present = true};
}

struct flatbuf_table flatbuf_item_table(const struct flatbuf_vector *vector, uint32_t i) {
  return table_at(vector->buffer, follow(vector->buffer, vector->at + 4 * i));
}
