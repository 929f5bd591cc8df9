/* SPDX-License-Identifier: Apache-2.0 */
/* Naive equality of arrays: one slot after the other, recursively, with no attention to speed. */
#include "compare.h"

#include "bits.h"
#include "check.h"
#include "format.h"
#include "path.h"

#include <inttypes.h>

typedef struct comparison {
  kit_path path;
  char *where;
  size_t where_size;
} comparison;

/* Slots `a_slot` and `b_slot` count from the start of the buffers: the arrays' offsets are in them already. */
static bool same_slot(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a, int64_t a_slot,
                      const struct ArrowArray *b, int64_t b_slot);

static bool differs(comparison *c, int64_t a_slot, int64_t b_slot, const char *what) {
  snprintf(c->where, c->where_size, "%s of %s differs at slots %" PRId64 " and %" PRId64, what, c->path.text, a_slot,
           b_slot);
  return false;
}

static bool is_null(const struct ArrowArray *array, int64_t slot) {
  return array->buffers[0] != NULL && array->null_count != 0 && !kit_bit(array->buffers[0], slot);
}

static int64_t offset_at(const struct ArrowArray *array, int64_t width, int64_t slot) {
  const char *offsets = (const char *)array->buffers[1] + slot * width;
  int32_t narrow;
  int64_t wide;
  memcpy(&narrow, offsets, sizeof narrow);
  if (width == 4) return narrow;
  memcpy(&wide, offsets, sizeof wide);
  return wide;
}

/* `count` items of the only child, from slots counted from the child's own offset. */
static bool same_items(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a, int64_t a_first,
                       const struct ArrowArray *b, int64_t b_first, int64_t count) {
  const struct ArrowArray *x = a->children[0], *y = b->children[0];
  size_t before = kit_path_push(&c->path, schema->children[0]->name);
  for (int64_t i = 0; i < count; i++)
    if (!same_slot(c, schema->children[0], x, x->offset + a_first + i, y, y->offset + b_first + i)) return false;
  kit_path_cut(&c->path, before);
  return true;
}

static bool same_list(comparison *c, const struct ArrowSchema *schema, int64_t width, const struct ArrowArray *a,
                      int64_t i, const struct ArrowArray *b, int64_t j) {
  int64_t a_first = offset_at(a, width, i), b_first = offset_at(b, width, j);
  int64_t count = offset_at(a, width, i + 1) - a_first;
  if (count != offset_at(b, width, j + 1) - b_first) return differs(c, i, j, "length");
  return same_items(c, schema, a, a_first, b, b_first, count);
}

/* Absent buffers have no bytes, and nothing is added to NULL. */
static const void *bytes_at(const struct ArrowArray *array, int64_t index, int64_t position) {
  const char *bytes = array->buffers[index];
  return position == 0 ? bytes : bytes + position;
}

static bool same_bytes(comparison *c, const void *a, int64_t i, const void *b, int64_t j, int64_t size) {
  return size == 0 || memcmp(a, b, (size_t)size) == 0 || differs(c, i, j, "value");
}

static bool same_binary(comparison *c, int64_t width, const struct ArrowArray *a, int64_t i, const struct ArrowArray *b,
                        int64_t j) {
  int64_t a_first = offset_at(a, width, i), b_first = offset_at(b, width, j);
  int64_t size = offset_at(a, width, i + 1) - a_first;
  if (size != offset_at(b, width, j + 1) - b_first) return differs(c, i, j, "size");
  return same_bytes(c, bytes_at(a, 2, a_first), i, bytes_at(b, 2, b_first), j, size);
}

static bool same_fields(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a, int64_t i,
                        const struct ArrowArray *b, int64_t j) {
  for (int64_t k = 0; k < schema->n_children; k++) {
    const struct ArrowArray *x = a->children[k], *y = b->children[k];
    size_t before = kit_path_push(&c->path, schema->children[k]->name);
    if (!same_slot(c, schema->children[k], x, x->offset + i, y, y->offset + j)) return false;
    kit_path_cut(&c->path, before);
  }
  return true;
}

static bool same_value(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a, int64_t i,
                       const struct ArrowArray *b, int64_t j) {
  kit_layout layout = kit_layout_of(schema->format);
  int64_t width = layout.width;
  switch (layout.kind) {
  case KIT_NULL:
    return true;
  case KIT_BOOL:
    return kit_bit(a->buffers[1], i) == kit_bit(b->buffers[1], j) || differs(c, i, j, "value");
  case KIT_FIXED:
    return same_bytes(c, bytes_at(a, 1, i * width), i, bytes_at(b, 1, j * width), j, width);
  case KIT_BINARY:
    return same_binary(c, width, a, i, b, j);
  case KIT_LIST:
    return same_list(c, schema, width, a, i, b, j);
  case KIT_FIXED_LIST:
    return same_items(c, schema, a, i * width, b, j * width, width);
  case KIT_STRUCT:
    return same_fields(c, schema, a, i, b, j);
  }
  return false;
}

static bool same_slot(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a, int64_t a_slot,
                      const struct ArrowArray *b, int64_t b_slot) {
  if (schema->format[0] == 'n') return true;
  bool null = is_null(a, a_slot);
  if (null != is_null(b, b_slot)) return differs(c, a_slot, b_slot, "validity");
  return null || same_value(c, schema, a, a_slot, b, b_slot);
}

bool kit_equal(const struct ArrowSchema *schema, const struct ArrowArray *a, const struct ArrowArray *b, char *where,
               size_t where_size) {
  comparison c = {.where = where, .where_size = where_size};
  if (a->length != b->length) return differs(&c, a->length, b->length, "length");
  for (int64_t i = 0; i < a->length; i++)
    if (!same_slot(&c, schema, a, a->offset + i, b, b->offset + i)) return false;
  return true;
}

bool kit_check_same(const struct ArrowSchema *schema, const struct ArrowArray *a, const struct ArrowArray *b,
                    const char *file, int line) {
  char where[700];
  bool same = kit_equal(schema, a, b, where, sizeof where);
  if (!same) kit_failed(file, line, "%s", where);
  return same;
}
