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

static int64_t number_at(const struct ArrowArray *array, int64_t width, int64_t slot) {
  return kit_number_at(array->buffers[1], width, slot);
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
  int64_t a_first = number_at(a, width, i), b_first = number_at(b, width, j);
  int64_t count = number_at(a, width, i + 1) - a_first;
  if (count != number_at(b, width, j + 1) - b_first) return differs(c, i, j, "length");
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
  int64_t a_first = number_at(a, width, i), b_first = number_at(b, width, j);
  int64_t size = number_at(a, width, i + 1) - a_first;
  if (size != number_at(b, width, j + 1) - b_first) return differs(c, i, j, "size");
  return same_bytes(c, bytes_at(a, 2, a_first), i, bytes_at(b, 2, b_first), j, size);
}

static const unsigned char *view_at(const struct ArrowArray *array, int64_t slot, int64_t *size) {
  const unsigned char *view = (const unsigned char *)array->buffers[1] + slot * 16;
  *size = kit_number_at(view, 4, 0);
  if (*size <= KIT_VIEW_INLINE) return view + 4;
  return (const unsigned char *)array->buffers[2 + kit_number_at(view, 4, 2)] + kit_number_at(view, 4, 3);
}

static bool same_view(comparison *c, const struct ArrowArray *a, int64_t i, const struct ArrowArray *b, int64_t j) {
  int64_t a_size, b_size;
  const unsigned char *x = view_at(a, i, &a_size), *y = view_at(b, j, &b_size);
  if (a_size != b_size) return differs(c, i, j, "size");
  return same_bytes(c, x, i, y, j, a_size);
}

static bool same_list_view(comparison *c, const struct ArrowSchema *schema, int64_t width, const struct ArrowArray *a,
                           int64_t i, const struct ArrowArray *b, int64_t j) {
  int64_t count = kit_number_at(a->buffers[2], width, i);
  if (count != kit_number_at(b->buffers[2], width, j)) return differs(c, i, j, "size");
  return same_items(c, schema, a, number_at(a, width, i), b, number_at(b, width, j), count);
}

/* One slot of a child, counted from the child's own offset. */
static bool same_in_child(comparison *c, const struct ArrowSchema *schema, int64_t k, const struct ArrowArray *a,
                          int64_t i, const struct ArrowArray *b, int64_t j) {
  const struct ArrowArray *x = a->children[k], *y = b->children[k];
  size_t before = kit_path_push(&c->path, schema->children[k]->name);
  if (!same_slot(c, schema->children[k], x, x->offset + i, y, y->offset + j)) return false;
  kit_path_cut(&c->path, before);
  return true;
}

static bool same_union(comparison *c, const struct ArrowSchema *schema, kit_layout layout, const struct ArrowArray *a,
                       int64_t i, const struct ArrowArray *b, int64_t j) {
  const void **x = kit_union_buffers(a, layout), **y = kit_union_buffers(b, layout);
  int64_t id = kit_number_at(x[0], 1, i);
  if (id != kit_number_at(y[0], 1, j)) return differs(c, i, j, "type id");
  int child = kit_child_of(schema->format, (int8_t)id);
  if (child < 0) return differs(c, i, j, "(unknown) type id");
  if (layout.kind == KIT_SPARSE) return same_in_child(c, schema, child, a, i, b, j);
  return same_in_child(c, schema, child, a, kit_number_at(x[1], 4, i), b, kit_number_at(y[1], 4, j));
}

/* The rows' values: how the rows are cut into runs may differ. */
static bool same_run(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a, int64_t i,
                     const struct ArrowArray *b, int64_t j) {
  int64_t width = kit_layout_of(schema->children[0]->format).width;
  int64_t x = kit_run_of(a->children[0], width, i), y = kit_run_of(b->children[0], width, j);
  if (x < 0 || y < 0) return differs(c, i, j, "(missing) run");
  return same_in_child(c, schema, 1, a, x, b, y);
}

/* The value that the index stands for. */
static bool same_entry(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a, int64_t i,
                       const struct ArrowArray *b, int64_t j) {
  int64_t x = kit_index_at(schema->format, a->buffers[1], i), y = kit_index_at(schema->format, b->buffers[1], j);
  const struct ArrowArray *p = a->dictionary, *q = b->dictionary;
  if (x < 0 || y < 0 || x >= p->length || y >= q->length) return differs(c, i, j, "(outlying) index");
  size_t before = kit_path_push(&c->path, "(dictionary)");
  if (!same_slot(c, schema->dictionary, p, p->offset + x, q, q->offset + y)) return false;
  kit_path_cut(&c->path, before);
  return true;
}

static bool same_fields(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a, int64_t i,
                        const struct ArrowArray *b, int64_t j) {
  for (int64_t k = 0; k < schema->n_children; k++)
    if (!same_in_child(c, schema, k, a, i, b, j)) return false;
  return true;
}

static bool same_value(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a, int64_t i,
                       const struct ArrowArray *b, int64_t j) {
  kit_layout layout = kit_layout_of(schema->format);
  int64_t width = layout.width;
  if (schema->dictionary != NULL) return same_entry(c, schema, a, i, b, j);
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
  case KIT_VIEW:
    return same_view(c, a, i, b, j);
  case KIT_LIST_VIEW:
    return same_list_view(c, schema, width, a, i, b, j);
  case KIT_SPARSE:
  case KIT_DENSE:
    return same_union(c, schema, layout, a, i, b, j);
  case KIT_RUN_END:
    return same_run(c, schema, a, i, b, j);
  }
  return false;
}

static bool same_slot(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a, int64_t a_slot,
                      const struct ArrowArray *b, int64_t b_slot) {
  kit_kind kind = kit_layout_of(schema->format).kind;
  bool null = kit_slot_null(kind, a, a_slot);
  if (null != kit_slot_null(kind, b, b_slot)) return differs(c, a_slot, b_slot, "validity");
  return null || same_value(c, schema, a, a_slot, b, b_slot);
}

/* Dictionaries are the same as a whole, with the values that no index stands for. */
static bool same_dictionaries(comparison *c, const struct ArrowSchema *schema, const struct ArrowArray *a,
                              const struct ArrowArray *b) {
  if (schema->dictionary != NULL) {
    const struct ArrowArray *p = a->dictionary, *q = b->dictionary;
    if (p->length != q->length) return differs(c, p->length, q->length, "length of a dictionary");
    for (int64_t i = 0; i < p->length; i++)
      if (!same_slot(c, schema->dictionary, p, p->offset + i, q, q->offset + i)) return false;
    return same_dictionaries(c, schema->dictionary, p, q);
  }
  for (int64_t k = 0; k < schema->n_children; k++)
    if (!same_dictionaries(c, schema->children[k], a->children[k], b->children[k])) return false;
  return true;
}

bool kit_equal(const struct ArrowSchema *schema, const struct ArrowArray *a, const struct ArrowArray *b, char *where,
               size_t where_size) {
  comparison c = {.where = where, .where_size = where_size};
  if (a->length != b->length) return differs(&c, a->length, b->length, "length");
  for (int64_t i = 0; i < a->length; i++)
    if (!same_slot(&c, schema, a, a->offset + i, b, b->offset + i)) return false;
  return same_dictionaries(&c, schema, a, b);
}

bool kit_check_same(const struct ArrowSchema *schema, const struct ArrowArray *a, const struct ArrowArray *b,
                    const char *file, int line) {
  char where[700];
  bool same = kit_equal(schema, a, b, where, sizeof where);
  if (!same) kit_failed(file, line, "%s", where);
  return same;
}
