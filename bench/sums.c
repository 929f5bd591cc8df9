/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to look at memory, and the pieces of memory that a batch consists of. */
#include "sums.h"

#include "bench.h"

#include <string.h>

/* Eight sums at once, so that memory is what it waits for. */
uint64_t take_all(const void *memory, int64_t bytes) {
  const uint64_t *words = memory;
  int64_t count = bytes / 8, i = 0;
  uint64_t s[8] = {0}, rest = 0;
  for (; i + 8 <= count; i += 8)
    for (int k = 0; k < 8; k++) s[k] += words[i + k];
  for (; i < count; i++) s[0] += words[i];
  if (bytes % 8 != 0) memcpy(&rest, words + count, (size_t)(bytes % 8));
  return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7] + rest;
}

uint64_t take_lines(const void *memory, int64_t bytes) {
  const uint8_t *at = memory;
  uint64_t s[4] = {0};
  int64_t i = 0;
  for (; i + 256 <= bytes; i += 256)
    for (int k = 0; k < 4; k++) s[k] += at[i + 64 * k];
  for (; i < bytes; i += 64) s[0] += at[i];
  return s[0] + s[1] + s[2] + s[3];
}

static void add_piece(pieces *found, const void *bytes, int64_t size) {
  if (size == 0) return;
  BENCH_NEED(found->count < PIECES_MOST, "too many buffers");
  found->bytes[found->count] = bytes;
  found->sizes[found->count++] = size;
}

/* The 32-bit offsets of `length` slots and their end. */
static int64_t add_offsets(const struct ArrowArray *array, pieces *found) {
  const int32_t *offsets = array->buffers[1];
  if (array->length == 0) return 0;
  add_piece(found, offsets, (array->length + 1) * 4);
  return offsets[array->length];
}

static void add_buffers(const char *format, const struct ArrowArray *array, pieces *found) {
  switch (format[0]) {
  case 'l':
  case 'g':
    add_piece(found, array->buffers[1], array->length * 8);
    break;
  case 'i':
    add_piece(found, array->buffers[1], array->length * 4);
    break;
  case 'u':
    add_piece(found, array->buffers[2], add_offsets(array, found));
    break;
  case '+':
    if (format[1] == 'l') add_offsets(array, found);
    BENCH_NEED(format[1] == 'l' || format[1] == 's', "a type that is not summed: %s", format);
    break;
  default:
    bench_die("a type that is not summed: %s", format);
  }
}

static void add_array(const struct ArrowSchema *schema, const struct ArrowArray *array, pieces *found) {
  BENCH_NEED(array->offset == 0, "an array with an offset");
  add_buffers(schema->format, array, found);
  for (int64_t i = 0; i < schema->n_children; i++) add_array(schema->children[i], array->children[i], found);
  if (schema->dictionary != NULL) add_array(schema->dictionary, array->dictionary, found);
}

void pieces_of(const struct ArrowSchema *schema, const struct ArrowArray *array, pieces *found) {
  found->count = 0;
  add_array(schema, array, found);
}

uint64_t pieces_take(const struct ArrowSchema *schema, const struct ArrowArray *array, take how) {
  pieces found;
  uint64_t sum = 0;
  pieces_of(schema, array, &found);
  for (int i = 0; i < found.count; i++) sum += how(found.bytes[i], found.sizes[i]);
  return sum;
}
