/* SPDX-License-Identifier: Apache-2.0 */
/* Checking an array against its layout before anything in it is followed. */
#include "arrow/check.h"

#include "arrow/bits.h"
#include "arrow/runs.h"
#include "support/arith.h"
#include "support/error.h"

struct checker {
  const struct layout *layout;
  enum check_level level;
  bool one_part; /* without dictionaries */
  respool_error *error;
};

#define refuse(checker, at, ...)                                                                                       \
  layout_error((checker)->layout, at, RESPOOL_INVALID, (checker)->error, "the array " __VA_ARGS__)

/* Longer than memory, and short enough that offsets and bits of that many rows can be computed with. */
#define LONGEST (INT64_MAX / 64)

/* Some producers still pass the validity slot that null and union arrays had in early versions of the interface. */
static bool buffer_count_fits(const struct layout_node *node, int64_t n_buffers) {
  bool had_validity = node->kind == LAYOUT_NULL || node->kind == LAYOUT_SPARSE || node->kind == LAYOUT_DENSE;
  if (node->kind == LAYOUT_VIEW) return n_buffers >= 3 && n_buffers - 3 <= INT32_MAX; /* views number them so */
  return n_buffers == node->n_buffers || (had_validity && n_buffers == node->n_buffers + 1);
}

static respool_status check_node_itself(const struct checker *checker, int32_t at, const struct ArrowArray *array) {
  const struct layout_node *node = &checker->layout->nodes[at];
  if (array == NULL || array->release == NULL) return refuse(checker, at, "is missing or released already");
  int64_t end;
  if (array->length < 0 || array->offset < 0 || !add_fits(array->length, array->offset, &end) || end > LONGEST) {
    return refuse(checker, at, "has length %lld and offset %lld", (long long)array->length, (long long)array->offset);
  }
  if (array->null_count < -1 || array->null_count > array->length) {
    return refuse(checker, at, "has %lld nulls in %lld rows", (long long)array->null_count, (long long)array->length);
  }
  if (!buffer_count_fits(node, array->n_buffers)) {
    return refuse(checker, at, "has %lld buffers where its type has %d", (long long)array->n_buffers, node->n_buffers);
  }
  if (array->n_children != node->n_children) {
    return refuse(checker, at, "has %lld children where its type has %d", (long long)array->n_children,
                  node->n_children);
  }
  if (array->dictionary == NULL && node->dictionary >= 0) return refuse(checker, at, "has no dictionary");
  if (array->dictionary != NULL && node->dictionary < 0) {
    return refuse(checker, at, "has a dictionary, which its type has not");
  }
  if ((node->n_buffers > 0 && array->buffers == NULL) || (node->n_children > 0 && array->children == NULL)) {
    return refuse(checker, at, "has no list of buffers or children");
  }
  if (node->has_validity && array->null_count > 0 && array->buffers[0] == NULL) {
    return refuse(checker, at, "has %lld nulls but no validity buffer", (long long)array->null_count);
  }
  return RESPOOL_OK;
}

/* Whether any offset behind `from`, up to `to`, is below the one before it. No branches: a row takes less than a ns. */
static inline bool falls_between(const void *offsets, int width, int64_t from, int64_t to) {
  int fell = 0;
  for (int64_t i = from + 1; i <= to; i++) fell |= offset_at(offsets, width, i) < offset_at(offsets, width, i - 1);
  return fell != 0;
}

/* The width is a constant in each call, so that the loop is made for it. */
static bool falls(const void *offsets, int width, int64_t from, int64_t to) {
  return width == 4 ? falls_between(offsets, 4, from, to) : falls_between(offsets, 8, from, to);
}

/* Which of `count` rows from `from` on it was; bounded, as others may have changed a named file's bytes meanwhile. */
static int64_t falling_row(const void *offsets, int width, int64_t from, int64_t count) {
  int64_t row = 0;
  while (row + 1 < count && offset_at(offsets, width, from + row + 1) >= offset_at(offsets, width, from + row)) row++;
  return row;
}

/* Offsets first, last and, at level full, all between must rise within [0, limit]; limit -1 is none. */
static respool_status check_offsets(const struct checker *checker, int32_t at, const struct ArrowArray *array,
                                    int64_t limit) {
  int width = checker->layout->nodes[at].width;
  const void *offsets = array->buffers[1];
  int64_t end = array->offset + array->length;
  int64_t first = offset_at(offsets, width, array->offset);
  int64_t last = offset_at(offsets, width, end);
  if (first < 0 || last < first) {
    return refuse(checker, at, "has offsets from %lld to %lld", (long long)first, (long long)last);
  }
  if (limit >= 0 && last > limit) {
    return refuse(checker, at, "has offsets up to %lld into %lld values", (long long)last, (long long)limit);
  }
  /* A column has the batch's rows; what lies deeper can be longer than what is used of it, and is cut anywhere. */
  bool deep = checker->layout->nodes[at].depth > 1;
  bool every = checker->level == CHECK_FULL || (checker->level == CHECK_STRUCTURE && deep);
  if (!every || !falls(offsets, width, array->offset, end)) return RESPOOL_OK;
  int64_t row = falling_row(offsets, width, array->offset, array->length);
  return refuse(checker, at, "has a falling offset at row %lld", (long long)row);
}

/*
 * The following walk over every slot at any level, as encoding them does: it looks for the range of the child that a
 * slice uses, and must not be led astray.
 */

static respool_status check_list_views(const struct checker *checker, int32_t at, const struct ArrowArray *array) {
  int width = checker->layout->nodes[at].width;
  int64_t values = array->children[0]->length;
  if (array->length > 0 && (array->buffers[1] == NULL || array->buffers[2] == NULL)) {
    return refuse(checker, at, "has no offset or size buffer");
  }
  for (int64_t i = array->offset; i < array->offset + array->length; i++) {
    int64_t offset = offset_at(array->buffers[1], width, i);
    int64_t size = offset_at(array->buffers[2], width, i);
    if (offset < 0 || size < 0 || offset > values || size > values - offset) {
      return refuse(checker, at, "has a list of %lld at %lld of %lld values (row %lld)", (long long)size,
                    (long long)offset, (long long)values, (long long)(i - array->offset));
    }
  }
  return RESPOOL_OK;
}

/* One view with its value elsewhere: it must lie in its buffer and begin with the view's prefix. */
static respool_status check_long_view(const struct checker *checker, int32_t at, const struct ArrowArray *array,
                                      int64_t row, const int32_t *view) {
  int64_t count = array->n_buffers - 3;
  int32_t size = view[0];
  int32_t buffer = view[2];
  int32_t offset = view[3];
  int64_t room = buffer >= 0 && buffer < count ? layout_view_size(array, buffer) : -1;
  if (offset < 0 || room < size || offset > room - size) {
    return refuse(checker, at, "has a value of %d bytes at %d of buffer %d of %lld, outside of it (row %lld)", size,
                  offset, buffer, (long long)count, (long long)row);
  }
  const uint8_t *value = (const uint8_t *)array->buffers[2 + buffer] + offset;
  if (checker->level == CHECK_FULL && memcmp(value, &view[1], 4) != 0) {
    return refuse(checker, at, "has a view whose prefix is not its value's (row %lld)", (long long)row);
  }
  return RESPOOL_OK;
}

/* Consumers compare such views as a whole: what is behind the value must be zero. */
static respool_status check_inline_view(const struct checker *checker, int32_t at, int64_t row, const int32_t *view) {
  const uint8_t *value = (const uint8_t *)&view[1];
  if (checker->level != CHECK_FULL) return RESPOOL_OK;
  for (int32_t i = view[0]; i < VIEW_INLINE; i++) {
    if (value[i] != 0) return refuse(checker, at, "has bytes behind an inline value (row %lld)", (long long)row);
  }
  return RESPOOL_OK;
}

/* Views under nulls may be anything. */
static respool_status check_views(const struct checker *checker, int32_t at, const struct ArrowArray *array) {
  int64_t count = array->n_buffers - 3;
  const uint8_t *bits = array->null_count == 0 ? NULL : array->buffers[0];
  if ((array->length > 0 && array->buffers[1] == NULL) || (count > 0 && array->buffers[array->n_buffers - 1] == NULL)) {
    return refuse(checker, at, "has no views or no sizes of its data buffers");
  }
  for (int64_t i = 0; i < count; i++) {
    int64_t size = layout_view_size(array, i);
    if (size < 0 || (size > 0 && array->buffers[2 + i] == NULL)) {
      return refuse(checker, at, "has data buffer %lld of %lld bytes that is not there", (long long)i, (long long)size);
    }
  }
  for (int64_t i = array->offset; i < array->offset + array->length; i++) {
    if (bit_null(bits, i)) continue;
    int32_t view[4];
    memcpy(view, (const uint8_t *)array->buffers[1] + i * VIEW_BYTES, sizeof view);
    if (view[0] < 0)
      return refuse(checker, at, "has a value of %d bytes (row %lld)", view[0], (long long)(i - array->offset));
    respool_status status = view[0] <= VIEW_INLINE ? check_inline_view(checker, at, i - array->offset, view)
                                                   : check_long_view(checker, at, array, i - array->offset, view);
    if (status != RESPOOL_OK) return status;
  }
  return RESPOOL_OK;
}

/* By early versions of the format a union could be null itself. There is no place for that any more. */
static bool has_old_nulls(const struct layout_node *node, const struct ArrowArray *array) {
  bool has_bits = layout_buffers(node, array) != array->buffers && array->buffers[0] != NULL;
  return has_bits && array->null_count != 0 &&
         bits_count(array->buffers[0], array->offset, array->length) < array->length;
}

/*
 * The specification wants the offsets into each child of a dense union to rise. Reading them does not
 * depend on it, so here they may come in any order and be shared.
 */
static respool_status check_union(const struct checker *checker, int32_t at, const struct ArrowArray *array) {
  const struct layout_node *node = &checker->layout->nodes[at];
  const struct layout_union *ids = &checker->layout->unions[node->width];
  const void **buffers = layout_buffers(node, array);
  const int8_t *types = buffers[0];
  bool dense = node->kind == LAYOUT_DENSE;
  if (array->length > 0 && (types == NULL || (dense && buffers[1] == NULL))) {
    return refuse(checker, at, "has no type id or offset buffer");
  }
  if (has_old_nulls(node, array)) return refuse(checker, at, "has null rows, which unions have not");
  for (int64_t i = array->offset; i < array->offset + array->length; i++) {
    int child = types[i] < 0 ? -1 : ids->child[types[i]];
    if (child < 0) {
      return refuse(checker, at, "has the unknown type id %d (row %lld)", types[i], (long long)(i - array->offset));
    }
    if (!dense) continue;
    int64_t offset = offset_at(buffers[1], 4, i);
    if (offset < 0 || offset >= array->children[child]->length) {
      return refuse(checker, at, "has offset %lld into %lld values (row %lld)", (long long)offset,
                    (long long)array->children[child]->length, (long long)(i - array->offset));
    }
  }
  return RESPOOL_OK;
}

static respool_status check_runs(const struct checker *checker, int32_t at, const struct ArrowArray *array) {
  const struct ArrowArray *ends = array->children[0];
  int width = checker->layout->nodes[at].width;
  if (ends->null_count > 0 || (ends->null_count < 0 && ends->buffers[0] != NULL &&
                               bits_count(ends->buffers[0], ends->offset, ends->length) < ends->length)) {
    return refuse(checker, at, "has a run end that is null");
  }
  if (array->children[1]->length < ends->length) {
    return refuse(checker, at, "has %lld run ends and %lld values", (long long)ends->length,
                  (long long)array->children[1]->length);
  }
  int64_t previous = 0;
  for (int64_t i = 0; i < ends->length; i++) {
    int64_t end = runs_end_at(ends, width, i);
    if (end <= previous) return refuse(checker, at, "has a run end that does not rise (run %lld)", (long long)i);
    previous = end;
  }
  if (array->length > 0 && previous < array->offset + array->length) {
    return refuse(checker, at, "has runs up to %lld where %lld rows are needed", (long long)previous,
                  (long long)(array->offset + array->length));
  }
  return RESPOOL_OK;
}

static respool_status check_values(const struct checker *checker, int32_t at, const struct ArrowArray *array) {
  const struct layout_node *node = &checker->layout->nodes[at];
  int64_t end = array->offset + array->length;
  int64_t unused;
  switch (node->kind) {
  case LAYOUT_BITS:
  case LAYOUT_FIXED:
    if (node->kind == LAYOUT_FIXED && !mul_fits(end, node->width, &unused)) return refuse(checker, at, "is too long");
    if (array->length > 0 && array->buffers[1] == NULL && (node->kind == LAYOUT_BITS || node->width > 0)) {
      return refuse(checker, at, "has no value buffer");
    }
    return RESPOOL_OK;
  case LAYOUT_BINARY: {
    if (array->length == 0) return RESPOOL_OK;
    if (array->buffers[1] == NULL) return refuse(checker, at, "has no offset buffer");
    respool_status status = check_offsets(checker, at, array, -1);
    if (status != RESPOOL_OK) return status;
    if (offset_at(array->buffers[1], node->width, end) > 0 && array->buffers[2] == NULL) {
      return refuse(checker, at, "has no data buffer");
    }
    return RESPOOL_OK;
  }
  case LAYOUT_LIST:
    if (array->length == 0) return RESPOOL_OK;
    if (array->buffers[1] == NULL) return refuse(checker, at, "has no offset buffer");
    return check_offsets(checker, at, array, array->children[0]->length);
  case LAYOUT_LIST_VIEW:
    return check_list_views(checker, at, array);
  case LAYOUT_VIEW:
    return check_views(checker, at, array);
  case LAYOUT_SPARSE:
  case LAYOUT_DENSE:
    return check_union(checker, at, array);
  case LAYOUT_RUN_END:
    return check_runs(checker, at, array);
  default:
    return RESPOOL_OK;
  }
}

/* How many slots each child must have; -1 where the product does not fit. */
static int64_t child_length(const struct layout_node *node, const struct ArrowArray *array) {
  int64_t end = array->offset + array->length;
  if (node->kind == LAYOUT_STRUCT || node->kind == LAYOUT_SPARSE) return end;
  if (node->kind != LAYOUT_FIXED_LIST) return 0;
  int64_t product;
  return mul_fits(end, node->width, &product) ? product : -1;
}

static uint64_t index_at(const struct layout_node *node, const uint8_t *indices, int64_t i) {
  uint64_t value = 0;
  for (int k = 0; k < node->width; k++) value |= (uint64_t)indices[i * node->width + k] << (8 * k);
  int shift = 64 - 8 * node->width;
  if (node->is_signed) return (uint64_t)((int64_t)(value << shift) >> shift);
  return value;
}

int64_t check_values_needed(const struct layout *layout, int32_t at, const struct ArrowArray *array) {
  const struct layout_node *node = &layout->nodes[at];
  const uint8_t *bits = array->null_count == 0 ? NULL : array->buffers[0];
  uint64_t needed = 0;
  for (int64_t i = array->offset; i < array->offset + array->length; i++) {
    if (bit_null(bits, i)) continue;
    uint64_t index = index_at(node, array->buffers[1], i);
    if (index >= INT64_MAX) return INT64_MAX; /* a negative one is, too */
    if (index + 1 > needed) needed = index + 1;
  }
  return (int64_t)needed;
}

static respool_status check_node(const struct checker *checker, int32_t at, const struct ArrowArray *array);

static respool_status check_dictionary(const struct checker *checker, int32_t at, const struct ArrowArray *array) {
  respool_status status = check_node(checker, at + 1, array->dictionary);
  if (status != RESPOOL_OK || checker->level != CHECK_FULL) return status;
  int64_t needed = check_values_needed(checker->layout, at, array);
  if (needed <= array->dictionary->length) return RESPOOL_OK;
  return refuse(checker, at, "has an index outside of its dictionary of %lld values",
                (long long)array->dictionary->length);
}

static respool_status check_node(const struct checker *checker, int32_t at, const struct ArrowArray *array) {
  respool_status status = check_node_itself(checker, at, array);
  if (status != RESPOOL_OK) return status;
  const struct layout_node *node = &checker->layout->nodes[at];
  int64_t wanted = child_length(node, array);
  if (wanted < 0) return refuse(checker, at, "is too long");
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    status = check_node(checker, child, array->children[i]);
    if (status != RESPOOL_OK) return status;
    if (array->children[i]->length < wanted) {
      return refuse(checker, child, "has %lld rows where its parent needs %lld", (long long)array->children[i]->length,
                    (long long)wanted);
    }
    child = checker->layout->nodes[child].end;
  }
  status = check_values(checker, at, array);
  if (status != RESPOOL_OK || node->dictionary < 0 || checker->one_part) return status;
  return check_dictionary(checker, at, array);
}

/* Nulls of the batch itself have no place on the wire. Counting bits decides only where the producer did not say. */
static respool_status check_top(const struct checker *checker, const struct ArrowArray *array) {
  if (array->null_count == 0 || array->buffers[0] == NULL) return RESPOOL_OK;
  const uint8_t *bits = array->buffers[0];
  for (int64_t i = array->offset; i < array->offset + array->length; i++) {
    if (bit_null(bits, i)) {
      return refuse(checker, 0, "has a null row (row %lld): a record batch has none", (long long)(i - array->offset));
    }
  }
  return RESPOOL_OK;
}

/*
 * A batch that shows fewer rows than its columns have cuts these at offsets that have not been looked at yet. They lie
 * between the column's own ends, which is all that is known of how much data there is.
 */
static respool_status check_cut(const struct checker *checker, int32_t at, const struct ArrowArray *column,
                                const struct ArrowArray *batch) {
  int width = checker->layout->nodes[at].width;
  const void *offsets = column->buffers[1];
  if (batch->length == 0) return RESPOOL_OK;
  int64_t start = column->offset + batch->offset;
  int64_t low = offset_at(offsets, width, column->offset);
  int64_t first = offset_at(offsets, width, start);
  int64_t last = offset_at(offsets, width, start + batch->length);
  int64_t high = offset_at(offsets, width, column->offset + column->length);
  if (low <= first && first <= last && last <= high) return RESPOOL_OK;
  return refuse(checker, at, "has offsets from %lld to %lld where it has only %lld to %lld", (long long)first,
                (long long)last, (long long)low, (long long)high);
}

static respool_status check_cuts(const struct checker *checker, const struct ArrowArray *batch) {
  int32_t at = 1;
  for (int64_t i = 0; i < batch->n_children; i++, at = checker->layout->nodes[at].end) {
    uint8_t kind = checker->layout->nodes[at].kind;
    if ((kind != LAYOUT_BINARY && kind != LAYOUT_LIST) || batch->children[i]->length == batch->length) continue;
    respool_status status = check_cut(checker, at, batch->children[i], batch);
    if (status != RESPOOL_OK) return status;
  }
  return RESPOOL_OK;
}

respool_status check_array(const struct layout *layout, const struct ArrowArray *array, enum check_level level,
                           respool_error *error) {
  struct checker checker = {.layout = layout, .level = level, .error = error};
  respool_status status = check_node(&checker, 0, array);
  if (status == RESPOOL_OK) status = check_cuts(&checker, array);
  return status == RESPOOL_OK ? check_top(&checker, array) : status;
}

respool_status check_part(const struct layout *layout, int32_t root, const struct ArrowArray *array,
                          enum check_level level, respool_error *error) {
  struct checker checker = {.layout = layout, .level = level, .one_part = true, .error = error};
  return check_node(&checker, root, array);
}
