/* SPDX-License-Identifier: Apache-2.0 */
/* respool gen: arrays of one batch. Each array owns its buffers; its children own theirs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

/* private_data of every array. */
struct owned {
  const void *buffers[3];
  struct ArrowArray *children[]; /* allocated one by one, so that a consumer may move any of them away */
};

static void release_array(struct ArrowArray *array) {
  struct owned *owned = array->private_data;
  for (int64_t i = 0; i < array->n_children; i++) {
    struct ArrowArray *child = owned->children[i];
    if (child && child->release) child->release(child);
    free(child);
  }
  for (size_t i = 0; i < 3; i++) free((void *)(uintptr_t)owned->buffers[i]);
  free(owned);
  array->release = NULL;
}

static int begin_array(const struct gen_node *node, int64_t count, struct ArrowArray *array) {
  struct owned *owned = calloc(1, sizeof *owned + node->child_count * sizeof *owned->children);
  if (!owned) return ENOMEM;
  *array = (struct ArrowArray){
      .length = count,
      .n_children = (int64_t)node->child_count,
      .buffers = owned->buffers,
      .children = node->child_count > 0 ? owned->children : NULL,
      .release = release_array,
      .private_data = owned,
  };
  return 0;
}

/* Buffer number `index`, of `count` items of `width` bytes, with room for whole words behind. NULL: no memory. */
static void *new_buffer(struct ArrowArray *array, int64_t index, int64_t count, int64_t width) {
  struct owned *owned = array->private_data;
  void *buffer;
  if (width > 0 && count > (INT64_MAX - 128) / width) return NULL;
  size_t size = ((size_t)(count * width) + 8 + 63) / 64 * 64;
  if (posix_memalign(&buffer, 64, size) != 0) return NULL;
  owned->buffers[index] = buffer;
  if (array->n_buffers <= index) array->n_buffers = index + 1;
  return buffer;
}

/* The validity bitmap, where there are nulls at all. */
static int make_validity(struct gen_node *node, uint64_t null_rate, struct ArrowArray *array) {
  array->n_buffers = 1;
  if (!node->nullable || null_rate == 0) return 0;
  uint8_t *bits = new_buffer(array, 0, array->length / 8 + 1, 1);
  if (!bits) return ENOMEM;
  array->null_count = gen_fill_validity(node, node->made, array->length, null_rate, bits);
  return 0;
}

static int make_fixed(struct gen_node *node, struct ArrowArray *array) {
  void *values = new_buffer(array, 1, array->length, node->width);
  if (!values) return ENOMEM;
  gen_fill(node, node->made, array->length, values);
  return 0;
}

static int make_bits(struct gen_node *node, struct ArrowArray *array) {
  uint8_t *bits = new_buffer(array, 1, array->length / 8 + 1, 1);
  if (!bits) return ENOMEM;
  gen_fill_bits(node, node->made, array->length, bits);
  return 0;
}

static bool is_null_at(const struct ArrowArray *array, int64_t i) {
  const uint8_t *bits = array->buffers[0];
  return bits && !(bits[i / 8] >> (i % 8) & 1);
}

/* Offsets from the lengths of the values; nulls have none. `*total` is the last offset. */
static int make_offsets(struct gen_node *node, struct ArrowArray *array, int64_t *total) {
  void *buffer = new_buffer(array, 1, array->length + 1, node->large ? 8 : 4);
  if (!buffer) return ENOMEM;
  int64_t *wide = buffer;
  int32_t *narrow = buffer;
  int64_t sum = 0;
  for (int64_t i = 0;; i++) {
    if (node->large) {
      wide[i] = sum;
    } else {
      narrow[i] = (int32_t)sum;
    }
    if (i == array->length) break;
    if (!is_null_at(array, i)) sum += gen_length(node, node->made + i);
    if (!node->large && sum > INT32_MAX) return EOVERFLOW;
  }
  *total = sum;
  return 0;
}

static int64_t offset_at(const struct gen_node *node, const struct ArrowArray *array, int64_t i) {
  return node->large ? ((const int64_t *)array->buffers[1])[i] : ((const int32_t *)array->buffers[1])[i];
}

static int make_bytes(struct gen_node *node, struct ArrowArray *array) {
  int64_t total = 0;
  int code = make_offsets(node, array, &total);
  if (code != 0) return code;
  uint8_t *data = new_buffer(array, 2, total, 1);
  if (!data) return ENOMEM;
  for (int64_t i = 0; i < array->length; i++) {
    int64_t from = offset_at(node, array, i);
    int64_t length = offset_at(node, array, i + 1) - from;
    gen_bytes(node, node->made + i, (int32_t)length, data + from);
  }
  return 0;
}

static int make_array(struct gen_node *node, int64_t count, uint64_t null_rate, struct ArrowArray *array);

/* Children of `count` values each. */
static int make_children(struct gen_node *node, int64_t count, uint64_t null_rate, struct ArrowArray *array) {
  struct owned *owned = array->private_data;
  for (size_t i = 0; i < node->child_count; i++) {
    struct ArrowArray *child = calloc(1, sizeof *child);
    if (!child) return ENOMEM;
    owned->children[i] = child;
    int code = make_array(node->children[i], count, null_rate, child);
    if (code != 0) return code;
  }
  return 0;
}

static int make_list(struct gen_node *node, uint64_t null_rate, struct ArrowArray *array) {
  int64_t total = 0;
  int code = make_offsets(node, array, &total);
  return code != 0 ? code : make_children(node, total, null_rate, array);
}

static int make_fixed_list(struct gen_node *node, uint64_t null_rate, struct ArrowArray *array) {
  if (node->width > 0 && array->length > INT64_MAX / 64 / node->width) return ENOMEM;
  return make_children(node, array->length * node->width, null_rate, array);
}

static int make_contents(struct gen_node *node, uint64_t null_rate, struct ArrowArray *array) {
  switch (node->kind) {
  case GEN_BITS:
    return make_bits(node, array);
  case GEN_BYTES:
  case GEN_TEXT:
    return make_bytes(node, array);
  case GEN_LIST:
    return make_list(node, null_rate, array);
  case GEN_FIXED_LIST:
    return make_fixed_list(node, null_rate, array);
  case GEN_STRUCT:
    return make_children(node, array->length, null_rate, array);
  default:
    return make_fixed(node, array);
  }
}

/* On an error `array` has been released. */
static int make_array(struct gen_node *node, int64_t count, uint64_t null_rate, struct ArrowArray *array) {
  int code = begin_array(node, count, array);
  if (code != 0) return code;
  if (node->kind == GEN_NULL) {
    array->null_count = count;
  } else {
    code = make_validity(node, null_rate, array);
    if (code == 0) code = make_contents(node, null_rate, array);
  }
  if (code != 0) release_array(array);
  node->made += count;
  return code;
}

int gen_batch(struct gen_node *root, int64_t count, uint64_t null_rate, struct ArrowArray *array) {
  struct ArrowArray made;
  int code = make_array(root, count, null_rate, &made);
  if (code == 0) *array = made;
  return code;
}
