/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of any schema, as odd as the specification lets them be. */
#include "odd.h"
#include "shape.h"

#include <string.h>

enum { SLOTS_ENOUGH = 500 }; /* from here on lists stay empty, so that deep types do not grow without end */

typedef struct maker {
  fuzz_input *input;
  uint64_t state; /* of the sequence that contents come from, apart from what the input decides itself */
  enum odd_place place;
  int64_t slots; /* of all nodes so far */
} maker;

/* A node while it is built. Slots count from the start of its buffers. */
typedef struct node {
  maker *m;
  const struct ArrowSchema *schema;
  struct ArrowArray *array;
  shape form;
  int64_t first; /* the array's offset */
  int64_t end;   /* behind its last slot */
  int64_t total; /* slots in memory */
  int odd;       /* a byte of the input */
} node;

static void make(maker *m, const struct ArrowSchema *schema, int64_t length, struct ArrowArray *out);

static int64_t below(maker *m, int64_t bound) {
  return bound <= 1 ? 0 : (int64_t)(fuzz_next(&m->state) % (uint64_t)bound);
}

static void fill(maker *m, uint8_t *bytes, int64_t size) {
  for (int64_t i = 0; i < size; i++) bytes[i] = (uint8_t)fuzz_next(&m->state);
}

/* A buffer of exactly `size` bytes; of none it may be absent, or lead where nothing may be touched. */
static uint8_t *buffer(node *n, int64_t index, int64_t size) {
  if (size > 0) return odd_buffer(n->array, index, size, n->m->place);
  n->array->buffers[index] = below(n->m, 2) == 0 ? NULL : guard_nowhere();
  return NULL;
}

/* The same, filled by chance. */
static uint8_t *filled(node *n, int64_t index, int64_t size) {
  uint8_t *bytes = buffer(n, index, size);
  fill(n->m, bytes, size);
  return bytes;
}

static void put(uint8_t *numbers, int64_t width, int64_t index, int64_t value) {
  uint8_t *at = numbers + index * width;
  for (int64_t i = 0; i < width; i++) at[i] = (uint8_t)((uint64_t)value >> (8 * i));
}

static void set_bit(uint8_t *bits, int64_t index, bool value) {
  uint8_t mask = (uint8_t)(1U << (index % 8));
  bits[index / 8] = (uint8_t)(value ? bits[index / 8] | mask : bits[index / 8] & ~mask);
}

/* ---- Validity -------------------------------------------------------------------------------------- */

static int64_t count_nulls(const node *n) {
  int64_t nulls = 0;
  for (int64_t i = n->first; i < n->end; i++) nulls += !shape_bit(n->array->buffers[0], i);
  return nulls;
}

/* Absent; all set; or by chance. What is said of the number may be that nobody has counted. */
static void make_validity(node *n, bool nullable) {
  int kind = n->odd % 4;
  n->array->null_count = n->odd / 4 % 2 == 0 ? 0 : -1;
  if (kind < 2) return;
  uint8_t *bits = filled(n, 0, (n->total + 7) / 8);
  bool all = kind == 2 || !nullable;
  for (int64_t i = n->first; all && i < n->end; i++) set_bit(bits, i, true);
  if (n->array->null_count == 0) n->array->null_count = bits == NULL ? 0 : count_nulls(n);
}

static bool is_null(const node *n, int64_t slot) {
  return shape_is_null(&n->form, n->array, slot);
}

/* ---- Buffers --------------------------------------------------------------------------------------- */

/* Offsets that rise within the slots that are shown, and are anything around them. Answers with the last. */
static int64_t make_offsets(node *n) {
  bool none = n->total == 0 && n->odd / 8 % 2 == 0; /* without slots there need not even be one offset */
  if (n->end == n->first && n->first == 0) none = none || n->odd / 16 % 2 == 0;
  uint8_t *offsets = filled(n, 1, none ? 0 : (n->total + 1) * n->form.width);
  int64_t at = below(n->m, 4);
  if (none) return 0;
  for (int64_t i = n->first; i <= n->end; i++) {
    put(offsets, n->form.width, i, at);
    int64_t items = i < n->end && n->m->slots < SLOTS_ENOUGH ? below(n->m, n->odd / 32 % 4) : 0;
    at += items;
    if (n->form.kind == SHAPE_LIST) n->m->slots += items;
  }
  return at;
}

static void make_binary(node *n) {
  int64_t last = make_offsets(n);
  filled(n, 2, n->end > 0 ? last + below(n->m, 3) : 0);
}

enum { DATA_MOST = 4 };

/* Data buffers, and their sizes behind them. */
static void make_data(node *n, int64_t count, int64_t sizes[DATA_MOST]) {
  for (int64_t i = 0; i < count; i++) {
    sizes[i] = below(n->m, 3) == 0 ? 0 : 13 + below(n->m, 60);
    filled(n, 2 + i, sizes[i]);
  }
  uint8_t *list = buffer(n, 2 + count, count * (int64_t)sizeof *sizes);
  for (int64_t i = 0; i < count; i++) put(list, sizeof *sizes, i, sizes[i]);
}

/* A view of bytes that stand elsewhere; false where there are none. */
static bool put_long(node *n, uint8_t *view, int64_t count, const int64_t sizes[DATA_MOST]) {
  int64_t from = below(n->m, count);
  if (count == 0 || sizes[from] <= SHAPE_INLINE) return false;
  int64_t size = 13 + below(n->m, sizes[from] - 12), at = below(n->m, sizes[from] - size + 1);
  put(view, 4, 0, size);
  memcpy(view + 4, (const uint8_t *)n->array->buffers[2 + from] + at, 4);
  put(view, 4, 2, from);
  put(view, 4, 3, at);
  return true;
}

/* Under nulls and outside what is shown a view is what it is: anything. Behind a short value too. */
static void make_views(node *n) {
  int64_t count = n->array->n_buffers - 3, sizes[DATA_MOST] = {0};
  make_data(n, count, sizes);
  uint8_t *views = filled(n, 1, n->total * SHAPE_VIEW);
  for (int64_t i = n->first; i < n->end; i++) {
    if (is_null(n, i)) continue;
    if (below(n->m, 2) == 0 || !put_long(n, views + i * SHAPE_VIEW, count, sizes))
      put(views + i * SHAPE_VIEW, 4, 0, below(n->m, SHAPE_INLINE + 1));
  }
}

static void make_indices(node *n, int64_t values) {
  uint8_t *indices = filled(n, 1, n->total * n->form.width);
  int64_t most = n->form.width == 1 ? 127 : values;
  for (int64_t i = n->first; i < n->end; i++)
    if (!is_null(n, i)) put(indices, n->form.width, i, below(n->m, values < most ? values : most));
}

/* No values, where every index is null. */
static void make_dictionary(node *n) {
  int64_t values = fuzz_below(n->m->input, 7);
  for (int64_t i = n->first; values == 0 && i < n->end; i++) values = !is_null(n, i);
  make(n->m, n->schema->dictionary, values, n->array->dictionary);
  make_indices(n, values);
}

/* ---- Nested types ---------------------------------------------------------------------------------- */

static void child(node *n, int64_t index, int64_t length) {
  make(n->m, n->schema->children[index], length, n->array->children[index]);
}

static void children(node *n, int64_t length) {
  for (int64_t i = 0; i < n->schema->n_children; i++) child(n, i, length + below(n->m, n->odd / 64));
}

/* Lists in any order, sharing items or leaving some out. */
static void make_list_views(node *n) {
  int64_t width = n->form.width, items = n->total == 0 ? 0 : 1 + below(n->m, 9);
  uint8_t *offsets = filled(n, 1, n->total * width), *sizes = filled(n, 2, n->total * width);
  for (int64_t i = n->first; i < n->end; i++) {
    int64_t at = below(n->m, items + 1);
    put(offsets, width, i, at);
    put(sizes, width, i, below(n->m, items - at + 1));
  }
  child(n, 0, items);
}

/* The type ids there are, in the order of their children. */
static int64_t type_ids(const shape *s, int64_t ids[SHAPE_TYPE_IDS]) {
  int64_t count = 0;
  for (int i = 0; i < SHAPE_TYPE_IDS; i++)
    if (s->child_of[i] >= 0) ids[count++] = i;
  return count;
}

static void make_union(node *n) {
  int64_t slot = n->array->n_buffers > n->form.buffers ? 1 : 0; /* behind a validity slot, which stays empty */
  int64_t ids[SHAPE_TYPE_IDS], count = type_ids(&n->form, ids), used[SHAPE_TYPE_IDS] = {0};
  bool dense = n->form.kind == SHAPE_DENSE;
  uint8_t *types = filled(n, slot, n->total), *offsets = dense ? filled(n, slot + 1, n->total * 4) : NULL;
  for (int64_t i = n->first; i < n->end; i++) {
    int64_t id = ids[below(n->m, count)], at = n->form.child_of[id];
    put(types, 1, i, id);
    if (dense) put(offsets, 4, i, used[at]++);
  }
  for (int64_t i = 0; i < n->schema->n_children; i++) child(n, i, dense ? used[i] : n->end);
}

static void make_ends(node *n, int64_t *count) {
  struct ArrowArray *array = n->array->children[0];
  node ends = {.m = n->m, .schema = n->schema->children[0], .array = array, .form = shape_of(n->schema->children[0])};
  int64_t at = 0, before = below(n->m, 3), runs[512];
  for (*count = 0; at < n->end || (n->odd / 8 % 4 == 0 && *count == 0); (*count)++) {
    at += 1 + below(n->m, 5) + n->end / 256;
    runs[*count] = at;
  }
  odd_node(array, 2, 0, false);
  array->offset = before;
  array->length = *count;
  array->null_count = -(int64_t)below(n->m, 2);
  uint8_t *numbers = filled(&ends, 1, (before + *count) * ends.form.width);
  for (int64_t i = 0; i < *count; i++) put(numbers, ends.form.width, before + i, runs[i]);
}

static void make_runs(node *n) {
  int64_t count;
  make_ends(n, &count);
  child(n, 1, count + below(n->m, 2));
}

/* ---- Nodes ----------------------------------------------------------------------------------------- */

static void make_contents(node *n) {
  switch (n->form.kind) {
  case SHAPE_NULL:
    n->array->null_count = n->odd % 2 == 0 ? n->array->length : -1;
    return;
  case SHAPE_BITS:
    filled(n, 1, (n->total + 7) / 8);
    return;
  case SHAPE_FIXED:
    if (n->schema->dictionary != NULL)
      make_dictionary(n);
    else
      filled(n, 1, n->total * n->form.width);
    return;
  case SHAPE_BINARY:
    make_binary(n);
    return;
  case SHAPE_VIEWS:
    make_views(n);
    return;
  case SHAPE_LIST:
    child(n, 0, make_offsets(n) + below(n->m, 3));
    return;
  case SHAPE_FIXED_LIST:
    child(n, 0, n->end * n->form.width + below(n->m, 2));
    return;
  case SHAPE_STRUCT:
    children(n, n->end);
    return;
  case SHAPE_LIST_VIEWS:
    make_list_views(n);
    return;
  case SHAPE_SPARSE:
  case SHAPE_DENSE:
    make_union(n);
    return;
  case SHAPE_RUNS:
    make_runs(n);
    return;
  }
}

static int64_t buffers_of(node *n) {
  bool legacy = n->odd / 8 % 2 == 1;
  if (n->form.kind == SHAPE_VIEWS) return 3 + below(n->m, DATA_MOST + 1);
  if (n->form.kind == SHAPE_NULL || n->form.kind == SHAPE_SPARSE || n->form.kind == SHAPE_DENSE)
    return n->form.buffers + legacy;
  return n->form.buffers;
}

static node open_node(maker *m, const struct ArrowSchema *schema, int64_t length, struct ArrowArray *out) {
  node n = {.m = m, .schema = schema, .array = out, .form = shape_of(schema), .odd = fuzz_byte(m->input)};
  m->state ^= (uint64_t)n.odd << 32;
  if (m->state == 0) m->state = 1;
  n.first = n.odd >= 128 ? below(m, 12) : 0;
  n.end = n.first + length;
  n.total = n.end + (n.odd >= 192 ? below(m, 9) : 0);
  odd_node(out, buffers_of(&n), schema->n_children, schema->dictionary != NULL);
  out->offset = n.first;
  out->length = length;
  m->slots += n.total;
  return n;
}

static void make(maker *m, const struct ArrowSchema *schema, int64_t length, struct ArrowArray *out) {
  node n = open_node(m, schema, length, out);
  if (n.form.has_validity) make_validity(&n, (schema->flags & ARROW_FLAG_NULLABLE) != 0);
  make_contents(&n);
}

void odd_array(fuzz_input *input, const struct ArrowSchema *schema, int64_t length, struct ArrowArray *array) {
  int first = fuzz_byte(input);
  maker m = {.input = input, .state = 1 + (uint64_t)first};
  m.place = first % 16 == 15 ? ODD_GUARDED : first % 16 >= 12 ? ODD_UNALIGNED : ODD_PLAIN;
  make(&m, schema, length, array);
}
