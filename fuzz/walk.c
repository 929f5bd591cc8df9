/* SPDX-License-Identifier: Apache-2.0 */
/* Reading every byte that an array lets its consumer reach. */
#include "walk.h"

#include "compare.h"
#include "format.h"

#include <string.h>

enum { COMPARED_SLOTS = 1 << 20 };

/* What was read goes here, so that no compiler leaves the reading out. */
static volatile uint64_t sum;

static void read_buffer(const struct ArrowArray *array, int64_t index, int64_t size) {
  const unsigned char *bytes = array->buffers[index];
  if (size == 0) return;
  FUZZ_CHECK(bytes != NULL, "buffer %d of %lld bytes is absent", (int)index, (long long)size);
  uint64_t read = 0;
  for (int64_t i = 0; i < size; i++) read += bytes[i];
  sum += read;
}

static int64_t last_offset(const struct ArrowArray *array, int64_t width) {
  const unsigned char *at = (const unsigned char *)array->buffers[1] + (array->offset + array->length) * width;
  int32_t narrow;
  int64_t wide;
  if (width == 8) return memcpy(&wide, at, sizeof wide), wide;
  return memcpy(&narrow, at, sizeof narrow), narrow;
}

/* Buffers by the layout; the shape was checked before, and products of sizes that memory backs do not overflow. */
static void read_buffers(kit_layout layout, const struct ArrowArray *array) {
  int64_t slots = array->offset + array->length;
  if (layout.kind == KIT_NULL) return;
  if (array->buffers[0] != NULL) read_buffer(array, 0, (slots + 7) / 8);
  if (layout.kind == KIT_BOOL) read_buffer(array, 1, (slots + 7) / 8);
  if (layout.kind == KIT_FIXED) read_buffer(array, 1, slots * layout.width);
  if (layout.kind == KIT_BINARY || layout.kind == KIT_LIST) read_buffer(array, 1, (slots + 1) * layout.width);
  if (layout.kind == KIT_BINARY) read_buffer(array, 2, last_offset(array, layout.width));
}

static void read_node(const struct ArrowSchema *schema, const struct ArrowArray *array) {
  read_buffers(kit_layout_of(schema->format), array);
  for (int64_t i = 0; i < array->n_children; i++) read_node(schema->children[i], array->children[i]);
}

void walk_batch(const struct ArrowSchema *schema, const struct ArrowArray *array) {
  char where[700];
  FUZZ_CHECK(kit_well_formed(schema, array, KIT_TOP | KIT_EXACT, 1, where, sizeof where), "a malformed batch: %s",
             where);
  read_node(schema, array);
}

int64_t walk_slots(const struct ArrowArray *array) {
  int64_t slots = array->length;
  for (int64_t i = 0; i < array->n_children; i++) {
    int64_t more = walk_slots(array->children[i]);
    slots = more > INT64_MAX - slots ? INT64_MAX : slots + more;
  }
  return slots;
}

void walk_compare(const struct ArrowSchema *schema, const struct ArrowArray *a, const struct ArrowArray *b) {
  char where[700];
  if (walk_slots(a) > COMPARED_SLOTS) return;
  FUZZ_CHECK(kit_equal(schema, a, b, where, sizeof where), "another value than before: %s", where);
}
