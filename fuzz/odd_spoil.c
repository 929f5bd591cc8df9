/* SPDX-License-Identifier: Apache-2.0 */
/* Making a good array wrong in one place. */
#include "odd.h"
#include "shape.h"

#include <string.h>

enum { NODES_MOST = 600 };

typedef struct place {
  const struct ArrowSchema *schema;
  struct ArrowArray *array;
  shape form;
} place;

typedef struct places {
  place at[NODES_MOST];
  int count;
} places;

/* Of the arrays in a dictionary only its own node: what is below is checked like everything else. */
static void collect(places *all, const struct ArrowSchema *schema, struct ArrowArray *array) {
  if (all->count == NODES_MOST) return;
  all->at[all->count++] = (place){schema, array, shape_of(schema)};
  for (int64_t i = 0; i < schema->n_children; i++) collect(all, schema->children[i], array->children[i]);
  if (schema->dictionary != NULL) collect(all, schema->dictionary, array->dictionary);
}

/* A number inside a buffer, which the builder has made writable. */
static void put(const void *buffer, int64_t width, int64_t index, int64_t value) {
  uint8_t *at = (uint8_t *)(uintptr_t)buffer + index * width;
  for (int64_t i = 0; i < width; i++) at[i] = (uint8_t)((uint64_t)value >> (8 * i));
}

/* ---- Wrong in any type ----------------------------------------------------------------------------- */

static const char *spoil_counts(const place *p, int choice) {
  struct ArrowArray *array = p->array;
  switch (choice) {
  case 0:
    array->length = -1;
    return "a negative length";
  case 1:
    array->offset = -1;
    return "a negative offset";
  case 2:
    array->offset = INT64_MAX;
    return "an offset beyond all memory";
  case 3:
    array->null_count = -2;
    return "an impossible null_count";
  case 4:
    array->null_count = array->length + 1;
    return "more nulls than rows";
  case 5:
    array->n_children++;
    return "a child too many";
  case 6:
    array->n_children = -1;
    return "a negative number of children";
  default:
    array->length = INT64_MAX - array->offset;
    return "a length beyond all memory";
  }
}

static const char *spoil_lists(const place *p, int choice) {
  struct ArrowArray *array = p->array;
  switch (choice) {
  case 0:
    array->n_buffers = p->form.kind == SHAPE_VIEWS ? 2 : p->form.buffers + 2;
    return "a wrong number of buffers";
  case 1:
    array->n_buffers = -1;
    return "a negative number of buffers";
  case 2:
    if (p->form.buffers == 0) return NULL;
    array->buffers = NULL;
    return "no list of buffers";
  case 3:
    if (array->n_children == 0) return NULL;
    array->children = NULL;
    return "no list of children";
  case 4:
    if (array->n_children == 0) return NULL;
    array->children[0] = NULL;
    return "a missing child";
  case 5:
    if (!p->form.has_validity || array->length == 0) return NULL;
    array->buffers[0] = NULL;
    array->null_count = 1;
    return "nulls without validity bits";
  default:
    if (p->schema->dictionary != NULL)
      array->dictionary = NULL;
    else
      array->dictionary = array; /* whatever it is, there should be none */
    return "a dictionary too many or too few";
  }
}

/* ---- Wrong in one type ----------------------------------------------------------------------------- */

static const char *spoil_offsets(const place *p, int choice) {
  const struct ArrowArray *array = p->array;
  int64_t width = p->form.width, end = array->offset + array->length;
  if (choice == 0) {
    array->buffers[1] = NULL;
    return "no offsets";
  }
  if (choice == 1) {
    put(array->buffers[1], width, array->offset, -1);
    return "a negative offset inside";
  }
  if (choice == 2 || p->form.kind == SHAPE_BINARY) {
    put(array->buffers[1], width, array->offset, shape_number(array->buffers[1], width, end) + 1);
    return "falling offsets";
  }
  put(array->buffers[1], width, end, array->children[0]->length + 1);
  return "offsets beyond the child";
}

static const char *spoil_lengths(const place *p) {
  int64_t width = p->form.kind == SHAPE_FIXED_LIST ? p->form.width : 1;
  int64_t needed = (p->array->offset + p->array->length) * width;
  if (p->array->n_children == 0 || needed == 0) return NULL;
  struct ArrowArray *child = p->array->children[p->array->n_children - 1];
  child->length = needed - 1;
  if (child->null_count > child->length) child->null_count = -1;
  return "a child that is too short";
}

static const char *spoil_list_views(const place *p, int choice) {
  const struct ArrowArray *array = p->array;
  int64_t width = p->form.width, items = array->children[0]->length;
  if (choice == 0) {
    array->buffers[1 + items % 2] = NULL;
    return "no offsets or no sizes";
  }
  put(array->buffers[1], width, array->offset, choice == 1 ? -1 : items);
  put(array->buffers[2], width, array->offset, choice == 2 ? -1 : choice == 1 ? 0 : 1);
  return "a list outside the child";
}

static const char *spoil_views(const place *p, int choice) {
  const struct ArrowArray *array = p->array;
  int64_t count = array->n_buffers - 3, slot = array->offset;
  const void *views = array->buffers[1];
  if (choice == 0) {
    array->buffers[1] = NULL;
    return "no views";
  }
  while (slot < array->offset + array->length && shape_is_null(&p->form, array, slot)) slot++;
  if (slot == array->offset + array->length) return NULL;
  put(views, 4, 4 * slot, choice == 1 ? -1 : INT32_MAX);
  put(views, 4, 4 * slot + 2, choice == 2 ? count : choice == 3 ? -1 : 0);
  put(views, 4, 4 * slot + 3, choice == 4 ? -1 : choice == 5 ? INT32_MAX : 0);
  return "a view outside the data";
}

static const char *spoil_union(const place *p, int choice) {
  const void **buffers = shape_buffers(&p->form, p->array);
  int64_t slot = p->array->offset, id = 0;
  if (choice == 0) {
    buffers[0] = NULL;
    return "no type ids";
  }
  if (choice < 3 || p->form.kind == SHAPE_SPARSE) {
    while (choice != 1 && p->form.child_of[id] >= 0) id++;
    put(buffers[0], 1, slot, choice == 1 ? -128 : id);
    return "an unknown type id";
  }
  if (choice == 3) {
    buffers[1] = NULL;
    return "no offsets";
  }
  int16_t child = p->form.child_of[shape_number(buffers[0], 1, slot)];
  put(buffers[1], 4, slot, choice == 4 ? -1 : p->array->children[child]->length);
  return "an offset outside a child";
}

static const char *spoil_runs(const place *p, int choice) {
  struct ArrowArray *ends = p->array->children[0], *values = p->array->children[1];
  int64_t width = shape_of(p->schema->children[0]).width;
  if (choice == 0) {
    values->length = ends->length - 1;
    if (values->null_count > values->length) values->null_count = -1;
    return "fewer values than runs";
  }
  if (choice == 1) {
    ends->length = 0;
    return "no runs";
  }
  if (choice == 5) {
    if (ends->length < 2) return NULL;
    put(ends->buffers[1], width, ends->offset, shape_number(ends->buffers[1], width, ends->offset + 1));
    return "a run of no slots";
  }
  put(ends->buffers[1], width, ends->offset + ends->length - 1, choice == 2 ? 0 : choice == 3 ? -1 : 1);
  if (choice > 3 && ends->length == 1 && p->array->offset + p->array->length <= 1) return NULL;
  return "a run end that is too small";
}

static const char *spoil_values(const place *p) {
  if (p->form.kind == SHAPE_FIXED && p->form.width == 0) return NULL;
  p->array->buffers[1] = NULL;
  return "no values";
}

static const char *spoil_type(const place *p, int choice) {
  if (p->array->length == 0) return NULL;
  switch (p->form.kind) {
  case SHAPE_NULL:
    return NULL;
  case SHAPE_BITS:
  case SHAPE_FIXED:
    return spoil_values(p);
  case SHAPE_BINARY:
  case SHAPE_LIST:
    return spoil_offsets(p, choice % 4);
  case SHAPE_FIXED_LIST:
  case SHAPE_STRUCT:
    return spoil_lengths(p);
  case SHAPE_VIEWS:
    return spoil_views(p, choice % 6);
  case SHAPE_LIST_VIEWS:
    return spoil_list_views(p, choice % 4);
  case SHAPE_SPARSE:
    return choice % 2 == 0 ? spoil_lengths(p) : spoil_union(p, choice % 3);
  case SHAPE_DENSE:
    return spoil_union(p, choice % 6);
  case SHAPE_RUNS:
    return spoil_runs(p, choice % 6);
  }
  return NULL;
}

/* The batch itself has no nulls. */
static const char *spoil_top(const place *p) {
  if (p->array->length == 0 || p->array->buffers[0] == NULL) return NULL;
  int64_t last = p->array->offset + p->array->length - 1;
  uint8_t *byte = (uint8_t *)(uintptr_t)p->array->buffers[0] + last / 8;
  *byte = (uint8_t)(*byte & ~(1U << (last % 8)));
  p->array->null_count = 1;
  return "a row that is null";
}

const char *odd_spoil(fuzz_input *input, const struct ArrowSchema *schema, struct ArrowArray *array) {
  static places all;
  all.count = 0;
  collect(&all, schema, array);
  const place *p = &all.at[(fuzz_byte(input) * 256 + fuzz_byte(input)) % all.count];
  int what = fuzz_below(input, 4), choice = fuzz_byte(input);
  if (p->array == array && choice % 16 == 0) return spoil_top(p);
  if (what == 0) return spoil_counts(p, choice % 8);
  if (what == 1) return spoil_lists(p, choice % 7);
  return spoil_type(p, choice);
}
