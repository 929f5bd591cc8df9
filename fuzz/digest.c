/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a batch as one number: slot after slot, recursively, with no attention to speed. */
#include "digest.h"

#include "shape.h"

#include <inttypes.h>

enum { SLOTS_MOST = 1 << 20 };

static void mix(uint64_t *hash, uint64_t number) {
  *hash = (*hash ^ number) * 0x9E3779B97F4A7C15U;
  *hash ^= *hash >> 29;
}

static void mix_bytes(uint64_t *hash, const void *bytes, int64_t size) {
  mix(hash, (uint64_t)size);
  for (int64_t i = 0; i < size; i++) mix(hash, ((const uint8_t *)bytes)[i]);
}

/* Slots count from the start of the buffers: the array's offset is in them already. */
static void mix_slot(uint64_t *hash, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t slot);

/* `count` slots of child `index` from `first` on, which counts from behind the child's own offset. */
static void mix_child(uint64_t *hash, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t index,
                      int64_t first, int64_t count) {
  const struct ArrowArray *child = array->children[index];
  mix(hash, (uint64_t)count);
  for (int64_t i = 0; i < count; i++) mix_slot(hash, schema->children[index], child, child->offset + first + i);
}

static void mix_binary(uint64_t *hash, int64_t width, const struct ArrowArray *array, int64_t slot) {
  int64_t first = shape_number(array->buffers[1], width, slot);
  int64_t size = shape_number(array->buffers[1], width, slot + 1) - first;
  mix_bytes(hash, size > 0 ? (const uint8_t *)array->buffers[2] + first : NULL, size);
}

static void mix_list(uint64_t *hash, const struct ArrowSchema *schema, const shape *s, const struct ArrowArray *array,
                     int64_t slot) {
  int64_t first = shape_number(array->buffers[1], s->width, slot);
  int64_t size = s->kind == SHAPE_LIST ? shape_number(array->buffers[1], s->width, slot + 1) - first
                                       : shape_number(array->buffers[2], s->width, slot);
  mix_child(hash, schema, array, 0, first, size);
}

static void mix_union(uint64_t *hash, const struct ArrowSchema *schema, const shape *s, const struct ArrowArray *array,
                      int64_t slot) {
  const void **buffers = shape_buffers(s, array);
  int64_t id = shape_number(buffers[0], 1, slot);
  mix(hash, (uint64_t)id);
  mix_child(hash, schema, array, s->child_of[id], s->kind == SHAPE_DENSE ? shape_number(buffers[1], 4, slot) : slot, 1);
}

static void mix_value(uint64_t *hash, const struct ArrowSchema *schema, const shape *s, const struct ArrowArray *array,
                      int64_t slot) {
  int64_t size;
  const uint8_t *value;
  switch (s->kind) {
  case SHAPE_NULL:
    return;
  case SHAPE_BITS:
    mix(hash, shape_bit(array->buffers[1], slot));
    return;
  case SHAPE_FIXED:
    if (s->width > 0) mix_bytes(hash, (const uint8_t *)array->buffers[1] + slot * s->width, s->width);
    return;
  case SHAPE_BINARY:
    mix_binary(hash, s->width, array, slot);
    return;
  case SHAPE_VIEWS:
    value = shape_view(array, slot, &size);
    mix_bytes(hash, value, size);
    return;
  case SHAPE_LIST:
  case SHAPE_LIST_VIEWS:
    mix_list(hash, schema, s, array, slot);
    return;
  case SHAPE_FIXED_LIST:
    mix_child(hash, schema, array, 0, slot * s->width, s->width);
    return;
  case SHAPE_STRUCT:
    for (int64_t i = 0; i < array->n_children; i++) mix_child(hash, schema, array, i, slot, 1);
    return;
  case SHAPE_SPARSE:
  case SHAPE_DENSE:
    mix_union(hash, schema, s, array, slot);
    return;
  case SHAPE_RUNS:
    mix_child(hash, schema, array, 1, shape_run(schema, array, slot), 1);
    return;
  }
}

static void mix_slot(uint64_t *hash, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t slot) {
  shape s = shape_of(schema);
  bool null = shape_is_null(&s, array, slot);
  mix(hash, null);
  if (null) return;
  if (schema->dictionary == NULL) {
    mix_value(hash, schema, &s, array, slot);
    return;
  }
  int64_t index = shape_index(schema, array, slot);
  mix_slot(hash, schema->dictionary, array->dictionary, array->dictionary->offset + index);
}

static uint64_t digest_column(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t index) {
  uint64_t hash = 1;
  mix_child(&hash, schema, array, index, array->offset, array->length);
  return hash;
}

uint64_t digest_batch(const struct ArrowSchema *schema, const struct ArrowArray *array) {
  uint64_t hash = (uint64_t)array->length;
  for (int64_t i = 0; i < array->n_children; i++) mix(&hash, digest_column(schema, array, i));
  return hash;
}

static int64_t add(int64_t a, int64_t b) {
  return b > INT64_MAX - a ? INT64_MAX : a + b;
}

/* Items of list views may be shared between many lists, as may a run's value. */
static int64_t slots_of(const struct ArrowSchema *schema, const struct ArrowArray *array) {
  shape s = shape_of(schema);
  int64_t slots = array->length, most = 1;
  for (int64_t i = 0; i < array->n_children; i++) {
    int64_t below = slots_of(schema->children[i], array->children[i]);
    slots = add(slots, below);
    if (below > most) most = below;
  }
  if (schema->dictionary != NULL) most = slots_of(schema->dictionary, array->dictionary);
  bool shares =
      s.kind == SHAPE_LIST_VIEWS || s.kind == SHAPE_RUNS || s.kind == SHAPE_DENSE || schema->dictionary != NULL;
  if (!shares) return slots;
  return array->length > 0 && most > INT64_MAX / array->length ? INT64_MAX : add(slots, most * array->length);
}

int64_t digest_slots(const struct ArrowSchema *schema, const struct ArrowArray *array) {
  return slots_of(schema, array);
}

void digest_compare(const struct ArrowSchema *schema, const struct ArrowArray *a, const struct ArrowArray *b) {
  FUZZ_CHECK(a->length == b->length, "%" PRId64 " rows, and %" PRId64, a->length, b->length);
  if (slots_of(schema, a) > SLOTS_MOST || slots_of(schema, b) > SLOTS_MOST) return;
  for (int64_t i = 0; i < a->n_children; i++)
    FUZZ_CHECK(digest_column(schema, a, i) == digest_column(schema, b, i), "other values in column %" PRId64 " (%s)", i,
               schema->children[i]->format);
}
