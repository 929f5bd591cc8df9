/* SPDX-License-Identifier: Apache-2.0 */
/* Joining what has no children: see joiner.h. */
#include "arrow/joiner.h"

#include "arrow/bits.h"
#include "arrow/tree.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

/* Validity of slots that no bytes back, as those of empty structs, is not made up for more of them than this. */
enum { UNBACKED_MOST = 1 << 23 };

void joiner_drop(void *object) {
  struct joiner_blocks *blocks = object;
  for (size_t i = 0; i < blocks->count; i++) mem_free(blocks->at[i]);
  mem_free(blocks);
}

respool_status joiner_too_long(const struct joiner *joiner, int32_t at) {
  return layout_error(joiner->layout, at, RESPOOL_UNSUPPORTED, joiner->error,
                      "grown by a delta it would be longer than its type can say");
}

respool_status joiner_buffer(struct joiner *joiner, int64_t bytes, const void **buffer, uint8_t **memory) {
  *buffer = *memory = (uint8_t *)(uintptr_t)tree_zeros; /* not written to without bytes */
  if (bytes == 0) return RESPOOL_OK;
  uint8_t *made = mem_alloc_aligned((size_t)bytes);
  if (made == NULL) return error_no_memory(joiner->error);
  int64_t tail = bytes & ~(int64_t)(MEM_ALIGNMENT - 1);
  memset(made + tail, 0, (size_t)(round_up(bytes, MEM_ALIGNMENT) - tail));
  joiner->blocks->at[joiner->blocks->count++] = made;
  *buffer = *memory = made;
  return RESPOOL_OK;
}

static void copy(uint8_t *to, const void *from, int64_t start, int64_t bytes) {
  if (bytes > 0) memcpy(to, (const uint8_t *)from + start, (size_t)bytes);
}

/* ---- Bits ------------------------------------------------------------------------------------------ */

/* `length` bits from `start` on to bit `at` of `out`, behind which all are zero; NULL gives ones. */
static void put_bits(uint8_t *out, int64_t at, const uint8_t *bits, int64_t start, int64_t length) {
  for (; length > 0 && at % 8 != 0; at++, start++, length--) {
    int bit = bit_null(bits, start) ? 0 : 1;
    out[at / 8] = (uint8_t)(out[at / 8] | bit << (at % 8));
  }
  if (length == 0) return;
  if (bits != NULL) {
    bits_copy(bits, start, length, out + at / 8);
    return;
  }
  memset(out + at / 8, 0xff, (size_t)(length / 8));
  if (length % 8 != 0) out[(at + length) / 8] = (uint8_t)((1 << (length % 8)) - 1);
}

static int64_t count_nulls(const struct piece *piece) {
  const struct ArrowArray *array = piece->array;
  if (array->null_count == 0 || array->buffers[0] == NULL) return 0;
  return piece->length - bits_count(array->buffers[0], array->offset + piece->start, piece->length);
}

/* Whether a slot of the node takes memory, so that their number is bounded by the input. */
static bool is_backed(const struct layout *layout, int32_t at) {
  const struct layout_node *node = &layout->nodes[at];
  if (node->kind == LAYOUT_FIXED) return node->width > 0;
  if (node->kind == LAYOUT_FIXED_LIST) return node->width > 0 && is_backed(layout, at + 1);
  if (node->kind != LAYOUT_STRUCT) return node->kind != LAYOUT_NULL && node->kind != LAYOUT_RUN_END;
  for (int32_t child = at + 1; child < node->end; child = layout->nodes[child].end) {
    if (is_backed(layout, child)) return true;
  }
  return false;
}

respool_status joiner_validity(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out) {
  int64_t nulls[2] = {count_nulls(&pieces[0]), count_nulls(&pieces[1])};
  out->null_count = nulls[0] + nulls[1];
  if (out->null_count == 0) return RESPOOL_OK;
  if (out->length > UNBACKED_MOST && !is_backed(joiner->layout, at)) return joiner_too_long(joiner, at);
  uint8_t *bits;
  respool_status status = joiner_buffer(joiner, bits_to_bytes(out->length), &out->buffers[0], &bits);
  for (int i = 0; status == RESPOOL_OK && i < 2; i++) {
    const struct ArrowArray *array = pieces[i].array;
    put_bits(bits, i == 0 ? 0 : pieces[0].length, nulls[i] == 0 ? NULL : array->buffers[0],
             array->offset + pieces[i].start, pieces[i].length);
  }
  return status;
}

respool_status joiner_bits(struct joiner *joiner, const struct piece *pieces, struct ArrowArray *out) {
  uint8_t *bits;
  respool_status status = joiner_buffer(joiner, bits_to_bytes(out->length), &out->buffers[1], &bits);
  for (int i = 0; status == RESPOOL_OK && i < 2; i++) {
    const struct ArrowArray *array = pieces[i].array;
    if (pieces[i].length == 0) continue;
    put_bits(bits, i == 0 ? 0 : pieces[0].length, array->buffers[1], array->offset + pieces[i].start, pieces[i].length);
  }
  return status;
}

/* ---- Bytes and offsets ----------------------------------------------------------------------------- */

respool_status joiner_fixed(struct joiner *joiner, int32_t at, const struct piece *pieces, int number, int width,
                            struct ArrowArray *out, uint8_t **second) {
  const struct layout_node *node = &joiner->layout->nodes[at];
  uint8_t *to;
  respool_status status = joiner_buffer(joiner, out->length * width, &out->buffers[number], &to);
  *second = to;
  for (int i = 0; status == RESPOOL_OK && i < 2; i++) {
    const struct ArrowArray *array = pieces[i].array;
    copy(to, layout_buffers(node, array)[number], (array->offset + pieces[i].start) * width, pieces[i].length * width);
    if (i == 0) *second = to = to + pieces[0].length * width;
  }
  return status;
}

int64_t joiner_most(int width) {
  return width == 2 ? INT16_MAX : width == 4 ? INT32_MAX : INT64_MAX;
}

/* What the slots of a list or text use of its child or data; which array that is, is for the caller to say. */
static struct piece range_used(const struct piece *piece, int width) {
  const struct ArrowArray *array = piece->array;
  struct piece range = {.length = 0};
  if (piece->length == 0) return range;
  int64_t at = array->offset + piece->start;
  range.start = offset_at(array->buffers[1], width, at);
  range.length = offset_at(array->buffers[1], width, at + piece->length) - range.start;
  return range;
}

respool_status joiner_offsets(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out,
                              struct piece *ranges) {
  int width = joiner->layout->nodes[at].width;
  for (int i = 0; i < 2; i++) ranges[i] = range_used(&pieces[i], width);
  int64_t total;
  if (!add_fits(ranges[0].length, ranges[1].length, &total) || total > joiner_most(width))
    return joiner_too_long(joiner, at);
  uint8_t *to;
  int64_t bytes = out->length == 0 ? 0 : (out->length + 1) * width; /* zeros stand ready for none */
  respool_status status = joiner_buffer(joiner, bytes, &out->buffers[1], &to);
  if (status != RESPOOL_OK || out->length == 0) return status;
  offset_store(to, width, 0, 0);
  for (int i = 0; i < 2; i++) {
    int64_t less = ranges[i].start - (i == 0 ? 0 : ranges[0].length);
    for (int64_t k = 1; k <= pieces[i].length; k++) {
      to += width;
      int64_t offset = offset_at(pieces[i].array->buffers[1], width, pieces[i].array->offset + pieces[i].start + k);
      offset_store(to, width, 0, offset - less);
    }
  }
  return RESPOOL_OK;
}

respool_status joiner_binary(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out) {
  struct piece ranges[2];
  respool_status status = joiner_offsets(joiner, at, pieces, out, ranges);
  if (status != RESPOOL_OK) return status;
  uint8_t *to;
  status = joiner_buffer(joiner, ranges[0].length + ranges[1].length, &out->buffers[2], &to);
  for (int i = 0; status == RESPOOL_OK && i < 2; i++) {
    copy(to, pieces[i].array->buffers[2], ranges[i].start, ranges[i].length);
    to += ranges[i].length;
  }
  return status;
}

/* ---- Views ----------------------------------------------------------------------------------------- */

/* The views, those of the second array with their buffers' new numbers. Under nulls there may be anything: zeros. */
static respool_status join_views(struct joiner *joiner, int32_t at, const struct piece *pieces,
                                 struct ArrowArray *out) {
  int64_t before = pieces[0].array->n_buffers - 3;
  if (before + pieces[1].array->n_buffers - 3 > INT32_MAX) return joiner_too_long(joiner, at);
  uint8_t *second;
  respool_status status = joiner_fixed(joiner, at, pieces, 1, VIEW_BYTES, out, &second);
  uint8_t *views = (uint8_t *)(uintptr_t)out->buffers[1];
  const uint8_t *bits = out->null_count == 0 ? NULL : out->buffers[0];
  for (int64_t i = 0; status == RESPOOL_OK && i < out->length; i++) {
    int32_t words[4];
    memcpy(words, views + i * VIEW_BYTES, sizeof words);
    if (bit_null(bits, i)) {
      memset(words, 0, sizeof words);
    } else if (i >= pieces[0].length && words[0] > VIEW_INLINE) {
      words[2] += (int32_t)before;
    }
    memcpy(views + i * VIEW_BYTES, words, sizeof words);
  }
  return status;
}

/* The data buffers of both, whole. */
static respool_status join_data(struct joiner *joiner, const struct piece *pieces, struct ArrowArray *out) {
  int64_t *out_sizes = (int64_t *)(uintptr_t)out->buffers[out->n_buffers - 1];
  int64_t number = 0;
  for (int i = 0; i < 2; i++) {
    const struct ArrowArray *array = pieces[i].array;
    for (int64_t k = 0; k < array->n_buffers - 3; k++, number++) {
      uint8_t *to;
      int64_t size = layout_view_size(array, k);
      respool_status status = joiner_buffer(joiner, size, &out->buffers[2 + number], &to);
      if (status != RESPOOL_OK) return status;
      copy(to, array->buffers[2 + k], 0, size);
      out_sizes[number] = size;
    }
  }
  return RESPOOL_OK;
}

respool_status joiner_views(struct joiner *joiner, int32_t at, const struct piece *pieces, struct ArrowArray *out) {
  respool_status status = join_views(joiner, at, pieces, out);
  return status == RESPOOL_OK ? join_data(joiner, pieces, out) : status;
}
