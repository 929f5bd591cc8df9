/* SPDX-License-Identifier: Apache-2.0 */
/* Checking an array against its layout before anything in it is followed. */
#include "arrow/check.h"

#include "support/arith.h"
#include "support/error.h"

struct checker {
  const struct layout *layout;
  enum check_level level;
  respool_error *error;
};

#define refuse(checker, at, ...)                                                                                       \
  layout_error((checker)->layout, at, RESPOOL_INVALID, (checker)->error, "the array " __VA_ARGS__)

/* Longer than memory, and short enough that offsets and bits of that many rows can be computed with. */
#define LONGEST (INT64_MAX / 64)

/* Some producers still pass the validity slot that a null array had in early versions of the interface. */
static bool buffer_count_fits(const struct layout_node *node, int64_t n_buffers) {
  return n_buffers == node->n_buffers || (node->kind == LAYOUT_NULL && n_buffers == 1);
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
  if (array->dictionary != NULL) return refuse(checker, at, "has a dictionary, which its type has not");
  if ((node->n_buffers > 0 && array->buffers == NULL) || (node->n_children > 0 && array->children == NULL)) {
    return refuse(checker, at, "has no list of buffers or children");
  }
  if (node->n_buffers > 0 && array->null_count > 0 && array->buffers[0] == NULL) {
    return refuse(checker, at, "has %lld nulls but no validity buffer", (long long)array->null_count);
  }
  return RESPOOL_OK;
}

/* Offsets first, last and, at level full, all between must rise within [0, limit]; limit -1 is none. */
static respool_status check_offsets(const struct checker *checker, int32_t at, const struct ArrowArray *array,
                                    int64_t limit) {
  int width = checker->layout->nodes[at].width;
  const void *offsets = array->buffers[1];
  int64_t end = array->offset + array->length;
  int64_t previous = offset_at(offsets, width, array->offset);
  int64_t last = offset_at(offsets, width, end);
  if (previous < 0 || last < previous) {
    return refuse(checker, at, "has offsets from %lld to %lld", (long long)previous, (long long)last);
  }
  if (limit >= 0 && last > limit) {
    return refuse(checker, at, "has offsets up to %lld into %lld values", (long long)last, (long long)limit);
  }
  /* A column has the batch's rows; what lies deeper can be longer than what is used of it, and is cut anywhere. */
  bool deep = checker->layout->nodes[at].depth > 1;
  bool every = checker->level == CHECK_FULL || (checker->level == CHECK_STRUCTURE && deep);
  if (!every) return RESPOOL_OK;
  for (int64_t i = array->offset + 1; i <= end; i++) {
    int64_t offset = offset_at(offsets, width, i);
    if (offset < previous || offset > last) {
      return refuse(checker, at, "has a falling offset at row %lld", (long long)(i - array->offset - 1));
    }
    previous = offset;
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
  default:
    return RESPOOL_OK;
  }
}

/* How many slots each child must have; -1 where the product does not fit. */
static int64_t child_length(const struct layout_node *node, const struct ArrowArray *array) {
  int64_t end = array->offset + array->length;
  if (node->kind == LAYOUT_STRUCT) return end;
  if (node->kind != LAYOUT_FIXED_LIST) return 0;
  int64_t product;
  return mul_fits(end, node->width, &product) ? product : -1;
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
  return check_values(checker, at, array);
}

/* Nulls of the batch itself have no place on the wire. Counting bits decides only where the producer did not say. */
static respool_status check_top(const struct checker *checker, const struct ArrowArray *array) {
  if (array->null_count == 0 || array->buffers[0] == NULL) return RESPOOL_OK;
  const uint8_t *bits = array->buffers[0];
  for (int64_t i = array->offset; i < array->offset + array->length; i++) {
    if ((bits[i / 8] >> (i % 8) & 1) == 0) {
      return refuse(checker, 0, "has a null row (row %lld): a record batch has none", (long long)(i - array->offset));
    }
  }
  return RESPOOL_OK;
}

respool_status check_array(const struct layout *layout, const struct ArrowArray *array, enum check_level level,
                           respool_error *error) {
  struct checker checker = {.layout = layout, .level = level, .error = error};
  respool_status status = check_node(&checker, 0, array);
  return status == RESPOOL_OK ? check_top(&checker, array) : status;
}
