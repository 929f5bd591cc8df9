/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays over the buffers of a body, node by node, with the values of their dictionaries. */
#include "arrow/bits.h"
#include "ipc/decoder.h"
#include "ipc/format.h"
#include "support/arith.h"
#include "support/error.h"

#include <inttypes.h>

static respool_status decode_validity(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  struct wire_buffer bits = {tree_zeros, 0};
  respool_status status = decoder_next(decoder, at, "validity", &bits);
  if (status != RESPOOL_OK) return status;
  if (bits.size == 0) {
    if (array->null_count > 0)
      return decoder_corrupt(decoder, at, "%" PRId64 " nulls but no validity bits", array->null_count);
    array->null_count = 0;
    return RESPOOL_OK;
  }
  status = decoder_need(decoder, at, "validity", &bits, bits_to_bytes(array->length), 1);
  if (status != RESPOOL_OK) return status;
  if (decoder->trust == DECODE_FULL || array->null_count < 0) {
    int64_t counted = array->length - bits_count(bits.bytes, 0, array->length);
    if (array->null_count >= 0 && array->null_count != counted) {
      return decoder_corrupt(decoder, at, "%" PRId64 " nulls declared, %" PRId64 " in the validity bits",
                             array->null_count, counted);
    }
    array->null_count = counted;
  }
  if (array->null_count > 0) array->buffers[0] = bits.bytes;
  return RESPOOL_OK;
}

static respool_status decode_offsets(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  int32_t width = decoder->layout->nodes[at].width;
  struct wire_buffer offsets = {tree_zeros, 0};
  respool_status status = decoder_next(decoder, at, "offset", &offsets);
  if (status != RESPOOL_OK) return status;
  /* Without rows one offset, 0, is due; writers leave it out, or have something else there. */
  if (array->length == 0) {
    offsets.bytes = tree_zeros;
  } else {
    status = decoder_need_numbers(decoder, at, "offset", &offsets, array->length + 1, width);
  }
  array->buffers[1] = offsets.bytes;
  return status;
}

static respool_status decode_fixed(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  const struct layout_node *node = &decoder->layout->nodes[at];
  struct wire_buffer values = {tree_zeros, 0};
  respool_status status = decoder_next(decoder, at, "value", &values);
  if (status != RESPOOL_OK) return status;
  array->buffers[1] = values.bytes;
  if (node->kind == LAYOUT_BITS) return decoder_need(decoder, at, "value", &values, bits_to_bytes(array->length), 1);
  return decoder_need_values(decoder, at, &values, array->length);
}

static respool_status decode_binary(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  struct wire_buffer data = {tree_zeros, 0};
  respool_status status = decode_offsets(decoder, at, array);
  if (status == RESPOOL_OK) status = decoder_next(decoder, at, "data", &data);
  if (status != RESPOOL_OK) return status;
  array->buffers[2] = data.bytes;
  int64_t last = offset_at(array->buffers[1], decoder->layout->nodes[at].width, array->length);
  if (array->length > 0 && last > data.size) {
    return decoder_corrupt(decoder, at, "offsets up to %" PRId64 " in a data buffer of %" PRId64 " bytes", last,
                           data.size);
  }
  return RESPOOL_OK;
}

/* Views, then the data buffers that the batch says there are. */
static respool_status decode_views(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  struct wire_buffer extent = {tree_zeros, 0};
  respool_status status = decoder_next(decoder, at, "view", &extent);
  if (status == RESPOOL_OK)
    status = decoder_need_units(decoder, at, "view", &extent, array->length, SWAP_VIEWS, VIEW_BYTES);
  if (status != RESPOOL_OK) return status;
  array->buffers[1] = extent.bytes;
  int64_t *sizes = (int64_t *)(uintptr_t)array->buffers[array->n_buffers - 1];
  for (int64_t i = 0; i < array->n_buffers - 3; i++) {
    status = decoder_next(decoder, at, "data", &extent);
    if (status != RESPOOL_OK) return status;
    array->buffers[2 + i] = extent.bytes;
    sizes[i] = extent.size;
  }
  return RESPOOL_OK;
}

static respool_status decode_list_views(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  int32_t width = decoder->layout->nodes[at].width;
  for (int buffer = 1; buffer <= 2; buffer++) {
    const char *name = buffer == 1 ? "offset" : "size";
    struct wire_buffer numbers = {tree_zeros, 0};
    respool_status status = decoder_next(decoder, at, name, &numbers);
    if (status == RESPOOL_OK) status = decoder_need_numbers(decoder, at, name, &numbers, array->length, width);
    if (status != RESPOOL_OK) return status;
    array->buffers[buffer] = numbers.bytes;
  }
  return RESPOOL_OK;
}

/* Metadata V4 had a validity buffer for unions and run ends too; they had no nulls even so. */
static respool_status pass_validity(struct decoder *decoder, int32_t at, const struct ArrowArray *array) {
  if (decoder->message->version != 4) return RESPOOL_OK;
  struct wire_buffer bits = {tree_zeros, 0};
  respool_status status = decoder_next(decoder, at, "validity", &bits);
  if (status == RESPOOL_OK && bits.size > 0) {
    status = decoder_need(decoder, at, "validity", &bits, bits_to_bytes(array->length), 1);
  }
  if (status != RESPOOL_OK) return status;
  bool counted = array->null_count >= 0 || bits.size == 0;
  if (counted ? array->null_count > 0 : bits_count(bits.bytes, 0, array->length) < array->length) {
    return layout_error(decoder->layout, at, RESPOOL_UNSUPPORTED, decoder->error,
                        "a union with nulls of its own (metadata V4) is not supported");
  }
  return status;
}

static respool_status decode_union(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  struct wire_buffer extent = {tree_zeros, 0};
  respool_status status = pass_validity(decoder, at, array);
  array->null_count = 0;
  if (status == RESPOOL_OK) status = decoder_next(decoder, at, "type id", &extent);
  if (status == RESPOOL_OK) status = decoder_need(decoder, at, "type id", &extent, array->length, 1);
  if (status != RESPOOL_OK) return status;
  array->buffers[0] = extent.bytes;
  if (decoder->layout->nodes[at].kind == LAYOUT_SPARSE) return RESPOOL_OK;
  status = decoder_next(decoder, at, "offset", &extent);
  if (status == RESPOOL_OK) status = decoder_need_numbers(decoder, at, "offset", &extent, array->length, 4);
  if (status == RESPOOL_OK) array->buffers[1] = extent.bytes;
  return status;
}

static respool_status decode_runs(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  respool_status status = pass_validity(decoder, at, array);
  array->null_count = 0;
  return status;
}

static respool_status decode_own(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  switch (decoder->layout->nodes[at].kind) {
  case LAYOUT_BITS:
  case LAYOUT_FIXED:
    return decode_fixed(decoder, at, array);
  case LAYOUT_BINARY:
    return decode_binary(decoder, at, array);
  case LAYOUT_LIST:
    return decode_offsets(decoder, at, array);
  case LAYOUT_LIST_VIEW:
    return decode_list_views(decoder, at, array);
  case LAYOUT_VIEW:
    return decode_views(decoder, at, array);
  case LAYOUT_SPARSE:
  case LAYOUT_DENSE:
    return decode_union(decoder, at, array);
  case LAYOUT_RUN_END:
    return decode_runs(decoder, at, array);
  default:
    return RESPOOL_OK;
  }
}

static respool_status fill_values(struct decoder *decoder, int32_t at, const struct ArrowArray *from,
                                  const int64_t **needed, struct ArrowArray *to);

/* Fill in the values behind the indices of node `at`, which need `needed` of them. */
static respool_status fill_dictionary(struct decoder *decoder, int32_t at, int64_t needed, struct ArrowArray *to) {
  const struct dictionary_values *values = decoder->dictionaries[decoder->layout->nodes[at].dictionary];
  int64_t length = values == NULL ? 0 : values->array.length;
  if (needed > length) {
    return decoder_corrupt(decoder, at, "an index outside of its dictionary, which has %" PRId64 " values%s", length,
                           values == NULL ? " (it has not come yet)" : "");
  }
  if (values == NULL) { /* a column of nulls may come before it */
    tree_fill_empty(decoder->layout, at + 1, to);
    return RESPOOL_OK;
  }
  const int64_t *inside = values->needed;
  return fill_values(decoder, at + 1, &values->array, &inside, to);
}

/* Make `to` a second view of shared values; `*needed` is their next need of dictionaries inside. */
static respool_status fill_values(struct decoder *decoder, int32_t at, const struct ArrowArray *from,
                                  const int64_t **needed, struct ArrowArray *to) {
  const struct layout_node *node = &decoder->layout->nodes[at];
  to->length = from->length;
  to->null_count = from->null_count;
  for (int64_t i = 0; i < from->n_buffers; i++) to->buffers[i] = from->buffers[i];
  respool_status status = RESPOOL_OK;
  int32_t child = at + 1;
  for (int32_t i = 0; status == RESPOOL_OK && i < node->n_children; i++) {
    status = fill_values(decoder, child, from->children[i], needed, to->children[i]);
    child = decoder->layout->nodes[child].end;
  }
  if (status != RESPOOL_OK || node->dictionary < 0) return status;
  return fill_dictionary(decoder, at, *(*needed)++, to->dictionary);
}

/* Indices: in a batch their values are filled in; in a dictionary they wait until it is used. */
static respool_status decode_dictionary(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  int64_t needed = decoder->trust == DECODE_FULL ? check_values_needed(decoder->layout, at, array) : 0;
  if (needed == INT64_MAX) return decoder_corrupt(decoder, at, "a negative or impossible dictionary index");
  if (decoder->dictionaries != NULL) return fill_dictionary(decoder, at, needed, array->dictionary);
  *decoder->needed++ = needed;
  return RESPOOL_OK;
}

respool_status decode_node(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  const struct layout_node *node = &decoder->layout->nodes[at];
  array->length = load_i64(decoder->nodes);
  array->null_count = load_i64(decoder->nodes + 8);
  decoder->nodes += NODE_BYTES;
  if (array->length < 0 || array->length == INT64_MAX || array->null_count < -1 || array->null_count > array->length) {
    return decoder_corrupt(decoder, at, "%" PRId64 " rows with %" PRId64 " nulls", array->length, array->null_count);
  }
  respool_status status = RESPOOL_OK;
  if (node->kind == LAYOUT_NULL) {
    array->null_count = array->length;
  } else if (node->has_validity) {
    status = decode_validity(decoder, at, array);
  }
  if (status == RESPOOL_OK) status = decode_own(decoder, at, array);
  if (status == RESPOOL_OK && node->dictionary >= 0) return decode_dictionary(decoder, at, array);
  int32_t child = at + 1;
  for (int32_t i = 0; status == RESPOOL_OK && i < node->n_children; i++) {
    status = decode_node(decoder, child, array->children[i]);
    child = decoder->layout->nodes[child].end;
  }
  return status;
}
