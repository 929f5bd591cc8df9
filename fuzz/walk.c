/* SPDX-License-Identifier: Apache-2.0 */
/* Reading every byte that an array lets its consumer reach, and checking what a consumer relies on. */
#include "walk.h"

#include "shape.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What was read goes here, so that no compiler leaves the reading out. */
static volatile uint64_t sum;

/* A node on its way: what messages name. */
typedef struct node {
  const struct ArrowSchema *schema;
  const struct ArrowArray *array;
  shape form;
  int64_t end; /* slots in the buffers: offset and length */
} node;

#define WALK_CHECK(n, condition, ...) ((condition) ? (void)0 : wrong((n), __LINE__, __VA_ARGS__))

_Noreturn __attribute__((format(printf, 3, 4))) static void wrong(const node *n, int line, const char *format, ...) {
  char what[200];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  fuzz_found(__FILE__, line, "field '%s' (%s): %s", n->schema->name, n->schema->format, what);
}

static void read_bytes(const node *n, const void *at, int64_t size) {
  const unsigned char *bytes = at;
  if (size == 0) return;
  WALK_CHECK(n, bytes != NULL, "a buffer of %" PRId64 " bytes is absent", size);
  uint64_t read = 0;
  for (int64_t i = 0; i < size; i++) read += bytes[i];
  sum += read;
}

static void check_counts(const node *n) {
  const struct ArrowArray *array = n->array;
  int64_t more = n->form.kind == SHAPE_VIEWS ? 1 : 0;
  WALK_CHECK(n, array->release != NULL, "released");
  WALK_CHECK(n, array->length >= 0 && array->offset >= 0, "length %" PRId64 ", offset %" PRId64, array->length,
             array->offset);
  WALK_CHECK(n, more > 0 ? array->n_buffers > n->form.buffers : array->n_buffers == n->form.buffers,
             "%" PRId64 " buffers", array->n_buffers);
  WALK_CHECK(n, array->n_children == n->schema->n_children, "%" PRId64 " children", array->n_children);
  WALK_CHECK(n, (array->dictionary != NULL) == (n->schema->dictionary != NULL), "a dictionary too many or too few");
}

static void check_nulls(const node *n) {
  const struct ArrowArray *array = n->array;
  int64_t nulls = 0;
  if (n->form.has_validity && array->buffers[0] != NULL) {
    read_bytes(n, array->buffers[0], (n->end + 7) / 8);
    for (int64_t i = array->offset; i < n->end; i++) nulls += !shape_bit(array->buffers[0], i);
  }
  if (n->form.kind == SHAPE_NULL) nulls = array->length;
  WALK_CHECK(n, array->null_count == nulls, "null_count %" PRId64 ", counted %" PRId64, array->null_count, nulls);
}

/* Answers with the last one, up to which data or child must reach. */
static int64_t check_offsets(const node *n) {
  read_bytes(n, n->array->buffers[1], (n->end + 1) * n->form.width);
  int64_t last = shape_number(n->array->buffers[1], n->form.width, n->array->offset);
  WALK_CHECK(n, last >= 0, "the first offset is %" PRId64, last);
  for (int64_t i = n->array->offset; i < n->end; i++) {
    int64_t next = shape_number(n->array->buffers[1], n->form.width, i + 1);
    WALK_CHECK(n, next >= last, "offset %" PRId64 " falls from %" PRId64 " to %" PRId64, i + 1, last, next);
    last = next;
  }
  return last;
}

static void check_length(const node *n, int64_t child, int64_t needed) {
  int64_t length = n->array->children[child]->length;
  WALK_CHECK(n, length >= needed, "child %" PRId64 " has %" PRId64 " of %" PRId64 " slots", child, length, needed);
}

static void check_view(const node *n, int64_t slot, int64_t count, const int64_t *sizes) {
  const uint8_t *view = (const uint8_t *)n->array->buffers[1] + slot * SHAPE_VIEW;
  int64_t size = shape_number(view, 4, 0);
  WALK_CHECK(n, size >= 0, "a value of %" PRId64 " bytes", size);
  if (size <= SHAPE_INLINE) return;
  int64_t buffer = shape_number(view, 4, 2), offset = shape_number(view, 4, 3);
  WALK_CHECK(n, buffer >= 0 && buffer < count, "a view into buffer %" PRId64 " of %" PRId64, buffer, count);
  WALK_CHECK(n, offset >= 0 && offset + size <= sizes[buffer], "a view outside its buffer");
  const uint8_t *value = (const uint8_t *)n->array->buffers[2 + buffer] + offset;
  WALK_CHECK(n, memcmp(value, view + 4, 4) == 0, "a view with another prefix than its value's");
}

static void check_views(const node *n) {
  const struct ArrowArray *array = n->array;
  int64_t count = array->n_buffers - 3;
  const int64_t *sizes = array->buffers[array->n_buffers - 1];
  read_bytes(n, array->buffers[1], n->end * SHAPE_VIEW);
  for (int64_t i = 0; i < count; i++) read_bytes(n, array->buffers[2 + i], sizes[i]);
  for (int64_t i = array->offset; i < n->end; i++)
    if (!shape_is_null(&n->form, array, i)) check_view(n, i, count, sizes);
}

static void check_list_views(const node *n) {
  const struct ArrowArray *array = n->array;
  int64_t width = n->form.width;
  for (int i = 1; i <= 2; i++) read_bytes(n, array->buffers[i], n->end * width);
  for (int64_t i = array->offset; i < n->end; i++) {
    int64_t first = shape_number(array->buffers[1], width, i), size = shape_number(array->buffers[2], width, i);
    int64_t most = array->children[0]->length;
    WALK_CHECK(n, first >= 0 && size >= 0 && first <= most && size <= most - first,
               "a list of %" PRId64 " at %" PRId64 " of %" PRId64, size, first, most);
  }
}

static void check_union(const node *n) {
  const struct ArrowArray *array = n->array;
  bool dense = n->form.kind == SHAPE_DENSE;
  read_bytes(n, array->buffers[0], n->end);
  if (dense) read_bytes(n, array->buffers[1], n->end * 4);
  for (int64_t i = array->offset; i < n->end; i++) {
    int64_t id = shape_number(array->buffers[0], 1, i);
    WALK_CHECK(n, id >= 0 && n->form.child_of[id] >= 0, "type id %" PRId64, id);
    int64_t at = dense ? shape_number(array->buffers[1], 4, i) : i;
    WALK_CHECK(n, at >= 0, "offset %" PRId64, at);
    check_length(n, n->form.child_of[id], at + 1);
  }
  for (int64_t i = 0; !dense && i < array->n_children; i++) check_length(n, i, n->end);
}

static void check_runs(const node *n) {
  const struct ArrowArray *ends = n->array->children[0];
  int64_t width = shape_of(n->schema->children[0]).width, last = 0;
  WALK_CHECK(n, ends->null_count == 0, "nulls among the run ends");
  for (int64_t i = 0; i < ends->length; i++) {
    int64_t next = shape_number(ends->buffers[1], width, ends->offset + i);
    WALK_CHECK(n, next > last, "run end %" PRId64 " after %" PRId64, next, last);
    last = next;
  }
  WALK_CHECK(n, n->array->length == 0 || last >= n->end, "runs up to %" PRId64 " of %" PRId64, last, n->end);
  check_length(n, 1, ends->length);
}

static void check_indices(const node *n) {
  int64_t values = n->array->dictionary->length;
  for (int64_t i = n->array->offset; i < n->end; i++) {
    if (shape_is_null(&n->form, n->array, i)) continue;
    int64_t index = shape_index(n->schema, n->array, i);
    WALK_CHECK(n, index >= 0 && index < values, "index %" PRId64 " of %" PRId64, index, values);
  }
}

static void check_own(const node *n) {
  switch (n->form.kind) {
  case SHAPE_NULL:
    return;
  case SHAPE_BITS:
    read_bytes(n, n->array->buffers[1], (n->end + 7) / 8);
    return;
  case SHAPE_FIXED:
    read_bytes(n, n->array->buffers[1], n->end * n->form.width);
    return;
  case SHAPE_BINARY:
    read_bytes(n, n->array->buffers[2], check_offsets(n));
    return;
  case SHAPE_VIEWS:
    check_views(n);
    return;
  case SHAPE_LIST:
    check_length(n, 0, check_offsets(n));
    return;
  case SHAPE_FIXED_LIST:
    check_length(n, 0, n->end * n->form.width);
    return;
  case SHAPE_STRUCT:
    for (int64_t i = 0; i < n->array->n_children; i++) check_length(n, i, n->end);
    return;
  case SHAPE_LIST_VIEWS:
    check_list_views(n);
    return;
  case SHAPE_SPARSE:
  case SHAPE_DENSE:
    check_union(n);
    return;
  case SHAPE_RUNS:
    check_runs(n);
    return;
  }
}

static void walk_node(const struct ArrowSchema *schema, const struct ArrowArray *array) {
  node n = {.schema = schema, .array = array, .form = shape_of(schema), .end = array->offset + array->length};
  check_counts(&n);
  check_nulls(&n);
  for (int64_t i = 0; i < array->n_children; i++) walk_node(schema->children[i], array->children[i]);
  if (schema->dictionary != NULL) walk_node(schema->dictionary, array->dictionary);
  check_own(&n);
  if (schema->dictionary != NULL) check_indices(&n);
}

void walk_batch(const struct ArrowSchema *schema, const struct ArrowArray *array) {
  FUZZ_CHECK(array->offset == 0, "a batch with an offset");
  FUZZ_CHECK(array->null_count == 0, "a batch with nulls of its own");
  walk_node(schema, array);
}
