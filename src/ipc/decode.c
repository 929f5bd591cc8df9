/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record batches from the wire format: arrays over the bytes of a body, once every number in the metadata was
 * checked.
 */
#include "ipc/decode.h"

#include "arrow/bits.h"
#include "ipc/format.h"
#include "ipc/key_values.h"
#include "ipc/swap.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <inttypes.h>

struct decoder {
  const struct layout *layout;
  const struct layout_part *part; /* that the message carries */
  const struct ipc_message *message;
  struct flatbuf_table batch;
  const uint8_t *body;
  enum decode_trust trust;
  struct expander *expander;
  struct expansion expansion; /* of a compressed body */
  const uint8_t *nodes;       /* the next ones */
  const uint8_t *buffers;
  int64_t *variadic; /* data buffers of each view column; ours to free */
  int64_t data_buffers;
  struct dictionary_values *const *dictionaries; /* of a batch: by number */
  int64_t *needed;                               /* of a dictionary: the next of its needs of others */
  int64_t passed;                                /* where the last buffer ends */
  int64_t taken;                                 /* bytes of all buffers so far */
  respool_error *error;
};

/*
 * A buffer as the metadata has it, inside the body; of a compressed one what it was made of. Of another byte order the
 * bytes are ours to change.
 */
struct extent {
  const uint8_t *bytes;
  int64_t size;
};

#define corrupt(decoder, at, ...) layout_error((decoder)->layout, at, RESPOOL_CORRUPT, (decoder)->error, __VA_ARGS__)

/*
 * Buffers in another byte order are turned round where they lie, so none may reach into another: what was checked
 * would change again. Writers lay them out one after another.
 */
static respool_status check_place(struct decoder *decoder, int32_t at, const char *name, int64_t offset, int64_t end) {
  if (offset < decoder->passed && decoder->message->big_endian) {
    return layout_error(decoder->layout, at, RESPOOL_UNSUPPORTED, decoder->error,
                        "%s buffer at %" PRId64 ", before the end of the last one: in big-endian input that is not "
                        "supported",
                        name, offset);
  }
  decoder->passed = end;
  return RESPOOL_OK;
}

/* What a compressed buffer was made of. */
static respool_status expand(struct decoder *decoder, int32_t at, const char *name, struct extent *extent) {
  char why[EXPAND_REASON];
  respool_status status = expansion_buffer(&decoder->expansion, &extent->bytes, &extent->size, why);
  if (status == RESPOOL_OK) return RESPOOL_OK;
  if (status == RESPOOL_NO_MEMORY) return error_no_memory(decoder->error);
  return layout_error(decoder->layout, at, status, decoder->error, "%s buffer: %s", name, why);
}

/*
 * Buffers that overlap would do no harm where they lie. But a few bytes of metadata can name the whole body once more,
 * and whoever writes the batch writes it so often.
 */
static respool_status check_sum(struct decoder *decoder, int32_t at, int64_t size) {
  decoder->taken += size; /* neither is more than the body */
  if (decoder->taken <= decoder->message->body_size) return RESPOOL_OK;
  return corrupt(decoder, at, "buffers that overlap: up to here they have more bytes than the body, which has %" PRId64,
                 decoder->message->body_size);
}

static respool_status next_extent(struct decoder *decoder, int32_t at, const char *name, struct extent *extent) {
  int64_t offset = load_i64(decoder->buffers);
  int64_t size = load_i64(decoder->buffers + 8);
  int64_t end;
  decoder->buffers += BUFFER_BYTES;
  if (offset < 0 || size < 0 || !add_fits(offset, size, &end) || end > decoder->message->body_size) {
    return corrupt(decoder, at, "%s buffer at %" PRId64 " with %" PRId64 " bytes in a body of %" PRId64, name, offset,
                   size, decoder->message->body_size);
  }
  if (size > 0 && offset % 8 != 0)
    return corrupt(decoder, at, "%s buffer at %" PRId64 ", not a multiple of 8", name, offset);
  extent->bytes = size > 0 ? decoder->body + offset : tree_zeros;
  extent->size = size;
  respool_status status = check_sum(decoder, at, size);
  if (size == 0 || status != RESPOOL_OK) return status;
  bool compressed = decoder->expansion.codec != CODEC_NONE;
  return compressed ? expand(decoder, at, name, extent) : check_place(decoder, at, name, offset, end);
}

static respool_status need(const struct decoder *decoder, int32_t at, const char *name, const struct extent *extent,
                           int64_t count, int64_t width) {
  int64_t bytes;
  if (mul_fits(count, width, &bytes) && bytes <= extent->size) return RESPOOL_OK;
  return corrupt(decoder, at, "%s buffer of %" PRId64 " bytes, too small for %" PRId64 " values", name, extent->size,
                 count);
}

/* The extent has room for `count` units of `width` bytes: make their byte order the machine's. */
static respool_status need_units(const struct decoder *decoder, int32_t at, const char *name,
                                 const struct extent *extent, int64_t count, enum swap_unit unit, int32_t width) {
  respool_status status = need(decoder, at, name, extent, count, width);
  if (status == RESPOOL_OK && decoder->message->big_endian && extent->size > 0) {
    swap_units((uint8_t *)(uintptr_t)extent->bytes, count, unit, width);
  }
  return status;
}

static respool_status need_numbers(const struct decoder *decoder, int32_t at, const char *name,
                                   const struct extent *extent, int64_t count, int32_t width) {
  return need_units(decoder, at, name, extent, count, SWAP_NUMBERS, width);
}

static respool_status need_values(const struct decoder *decoder, int32_t at, const struct extent *extent,
                                  int64_t count) {
  const struct layout_node *node = &decoder->layout->nodes[at];
  respool_status status = need(decoder, at, "value", extent, count, node->width);
  if (status != RESPOOL_OK || node->value == VALUE_BYTES) return status;
  if (node->value == VALUE_PAIR) return need_numbers(decoder, at, "value", extent, count * 2, 4);
  enum swap_unit unit = node->value == VALUE_MONTHS ? SWAP_MONTHS : SWAP_NUMBERS;
  return need_units(decoder, at, "value", extent, count, unit, node->width);
}

static respool_status decode_validity(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  struct extent bits = {tree_zeros, 0};
  respool_status status = next_extent(decoder, at, "validity", &bits);
  if (status != RESPOOL_OK) return status;
  if (bits.size == 0) {
    if (array->null_count > 0) return corrupt(decoder, at, "%" PRId64 " nulls but no validity bits", array->null_count);
    array->null_count = 0;
    return RESPOOL_OK;
  }
  status = need(decoder, at, "validity", &bits, bits_to_bytes(array->length), 1);
  if (status != RESPOOL_OK) return status;
  if (decoder->trust == DECODE_FULL || array->null_count < 0) {
    int64_t counted = array->length - bits_count(bits.bytes, 0, array->length);
    if (array->null_count >= 0 && array->null_count != counted) {
      return corrupt(decoder, at, "%" PRId64 " nulls declared, %" PRId64 " in the validity bits", array->null_count,
                     counted);
    }
    array->null_count = counted;
  }
  if (array->null_count > 0) array->buffers[0] = bits.bytes;
  return RESPOOL_OK;
}

static respool_status decode_offsets(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  int32_t width = decoder->layout->nodes[at].width;
  struct extent offsets = {tree_zeros, 0};
  respool_status status = next_extent(decoder, at, "offset", &offsets);
  if (status != RESPOOL_OK) return status;
  /* Without rows one offset, 0, is due; writers leave it out, or have something else there. */
  if (array->length == 0) {
    offsets.bytes = tree_zeros;
  } else {
    status = need_numbers(decoder, at, "offset", &offsets, array->length + 1, width);
  }
  array->buffers[1] = offsets.bytes;
  return status;
}

static respool_status decode_fixed(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  const struct layout_node *node = &decoder->layout->nodes[at];
  struct extent values = {tree_zeros, 0};
  respool_status status = next_extent(decoder, at, "value", &values);
  if (status != RESPOOL_OK) return status;
  array->buffers[1] = values.bytes;
  if (node->kind == LAYOUT_BITS) return need(decoder, at, "value", &values, bits_to_bytes(array->length), 1);
  return need_values(decoder, at, &values, array->length);
}

static respool_status decode_binary(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  struct extent data = {tree_zeros, 0};
  respool_status status = decode_offsets(decoder, at, array);
  if (status == RESPOOL_OK) status = next_extent(decoder, at, "data", &data);
  if (status != RESPOOL_OK) return status;
  array->buffers[2] = data.bytes;
  int64_t last = offset_at(array->buffers[1], decoder->layout->nodes[at].width, array->length);
  if (array->length > 0 && last > data.size) {
    return corrupt(decoder, at, "offsets up to %" PRId64 " in a data buffer of %" PRId64 " bytes", last, data.size);
  }
  return RESPOOL_OK;
}

/* Views, then the data buffers that the batch says there are. */
static respool_status decode_views(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  struct extent extent;
  respool_status status = next_extent(decoder, at, "view", &extent);
  if (status == RESPOOL_OK) status = need_units(decoder, at, "view", &extent, array->length, SWAP_VIEWS, 16);
  if (status != RESPOOL_OK) return status;
  array->buffers[1] = extent.bytes;
  int64_t *sizes = (int64_t *)(uintptr_t)array->buffers[array->n_buffers - 1];
  for (int64_t i = 0; i < array->n_buffers - 3; i++) {
    status = next_extent(decoder, at, "data", &extent);
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
    struct extent numbers;
    respool_status status = next_extent(decoder, at, name, &numbers);
    if (status == RESPOOL_OK) status = need_numbers(decoder, at, name, &numbers, array->length, width);
    if (status != RESPOOL_OK) return status;
    array->buffers[buffer] = numbers.bytes;
  }
  return RESPOOL_OK;
}

/* Metadata V4 had a validity buffer for unions and run ends too; they had no nulls even so. */
static respool_status pass_validity(struct decoder *decoder, int32_t at, const struct ArrowArray *array) {
  if (decoder->message->version != 4) return RESPOOL_OK;
  struct extent unused;
  respool_status status = next_extent(decoder, at, "validity", &unused);
  if (status == RESPOOL_OK && array->null_count > 0) {
    return error_set(decoder->error, RESPOOL_UNSUPPORTED,
                     "a union with nulls of its own (metadata V4) is not supported");
  }
  return status;
}

static respool_status decode_union(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  struct extent extent;
  respool_status status = pass_validity(decoder, at, array);
  array->null_count = 0;
  if (status == RESPOOL_OK) status = next_extent(decoder, at, "type id", &extent);
  if (status == RESPOOL_OK) status = need(decoder, at, "type id", &extent, array->length, 1);
  if (status != RESPOOL_OK) return status;
  array->buffers[0] = extent.bytes;
  if (decoder->layout->nodes[at].kind == LAYOUT_SPARSE) return RESPOOL_OK;
  status = next_extent(decoder, at, "offset", &extent);
  if (status == RESPOOL_OK) status = need_numbers(decoder, at, "offset", &extent, array->length, 4);
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
    return corrupt(decoder, at, "an index outside of its dictionary, which has %" PRId64 " values%s", length,
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
  if (needed == INT64_MAX) return corrupt(decoder, at, "a negative or impossible dictionary index");
  if (decoder->dictionaries != NULL) return fill_dictionary(decoder, at, needed, array->dictionary);
  *decoder->needed++ = needed;
  return RESPOOL_OK;
}

static respool_status decode_node(struct decoder *decoder, int32_t at, struct ArrowArray *array) {
  const struct layout_node *node = &decoder->layout->nodes[at];
  array->length = load_i64(decoder->nodes);
  array->null_count = load_i64(decoder->nodes + 8);
  decoder->nodes += NODE_BYTES;
  if (array->length < 0 || array->length == INT64_MAX || array->null_count < -1 || array->null_count > array->length) {
    return corrupt(decoder, at, "%" PRId64 " rows with %" PRId64 " nulls", array->length, array->null_count);
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

static respool_status decode_columns(struct decoder *decoder, struct ArrowArray *root) {
  int32_t child = 1;
  for (int64_t i = 0; i < root->n_children; i++) {
    respool_status status = decode_node(decoder, child, root->children[i]);
    if (status != RESPOOL_OK) return status;
    if (root->children[i]->length != root->length) {
      return corrupt(decoder, child, "%" PRId64 " rows in a batch of %" PRId64, root->children[i]->length,
                     root->length);
    }
    child = decoder->layout->nodes[child].end;
  }
  return RESPOOL_OK;
}

/* Lengths of children against their parents, and offsets, are questions of arrays in general. */
static respool_status check_decoded(const struct decoder *decoder, const struct ArrowArray *root) {
  if (decoder->trust == DECODE_OWN) return RESPOOL_OK;
  enum check_level level = decoder->trust == DECODE_FULL ? CHECK_FULL : CHECK_STRUCTURE;
  respool_status status = check_part(decoder->layout, decoder->part->root, root, level, decoder->error);
  if (status == RESPOOL_OK) return RESPOOL_OK;
  if (decoder->error != NULL) decoder->error->status = RESPOOL_CORRUPT;
  return RESPOOL_CORRUPT;
}

/*
 * The numbers of data buffers of the view columns; no more in all than there are buffers, which the input has backed.
 */
static respool_status read_variadic(struct decoder *decoder, uint32_t n_buffers) {
  struct flatbuf_vector counts = flatbuf_list(&decoder->batch, BATCH_VARIADIC_COUNTS, 8);
  const struct layout *layout = decoder->layout;
  int32_t n_views = decoder->part->n_views;
  if (counts.count != (uint32_t)n_views) {
    return error_set(decoder->error, RESPOOL_CORRUPT,
                     "it has %u counts of data buffers where its schema has %d view columns", counts.count, n_views);
  }
  if (layout->n_views == 0) return RESPOOL_OK;
  decoder->variadic = mem_zalloc((size_t)layout->n_views * sizeof *decoder->variadic);
  if (decoder->variadic == NULL) return error_no_memory(decoder->error);
  const uint8_t *entry = flatbuf_items(&counts);
  for (int32_t at = decoder->part->root; n_views > 0; at = layout_next(layout, at)) {
    if (layout->nodes[at].kind != LAYOUT_VIEW) continue;
    int64_t count = load_i64(entry);
    if (count < 0 || count > n_buffers - decoder->data_buffers) {
      return corrupt(decoder, at, "a view column with %" PRId64 " data buffers", count);
    }
    decoder->variadic[layout->nodes[at].width] = count;
    decoder->data_buffers += count;
    entry += 8;
    n_views--;
  }
  return RESPOOL_OK;
}

/* The views in the dictionaries that the batch will show. Outer ones come first, and know nothing of those inside. */
static void count_shared_views(struct decoder *decoder) {
  const struct layout *layout = decoder->layout;
  if (decoder->variadic == NULL || decoder->dictionaries == NULL) return;
  for (int32_t i = 0; i < layout->n_dictionaries; i++) {
    const struct dictionary_values *values = decoder->dictionaries[i];
    if (values != NULL) layout_variadic(layout, layout_part(layout, i)->root, &values->array, decoder->variadic);
  }
}

static uint32_t expected_buffers(const struct decoder *decoder) {
  const struct layout *layout = decoder->layout;
  uint32_t count = (uint32_t)(decoder->part->n_buffers + decoder->data_buffers);
  if (decoder->message->version != 4) return count;
  int32_t end = layout->nodes[decoder->part->root].end;
  for (int32_t i = decoder->part->root == 0 ? 1 : decoder->part->root; i < end; i = layout_next(layout, i)) {
    if (!layout->nodes[i].has_validity && layout->nodes[i].kind != LAYOUT_NULL) count++;
  }
  return count;
}

static respool_status find_vectors(struct decoder *decoder) {
  struct flatbuf_vector nodes = flatbuf_list(&decoder->batch, BATCH_NODES, NODE_BYTES);
  struct flatbuf_vector buffers = flatbuf_list(&decoder->batch, BATCH_BUFFERS, BUFFER_BYTES);
  struct expansion *expansion = &decoder->expansion;
  respool_status status =
      expansion_open(expansion, decoder->expander, &decoder->batch, decoder->message->body_size, decoder->error);
  if (status == RESPOOL_OK) status = read_variadic(decoder, buffers.count);
  if (status != RESPOOL_OK) return status;
  if (nodes.count != (uint32_t)decoder->part->n_nodes || buffers.count != expected_buffers(decoder)) {
    return error_set(decoder->error, RESPOOL_CORRUPT,
                     "it has %u nodes and %u buffers, not the %d and %d of its schema%s", nodes.count, buffers.count,
                     decoder->part->n_nodes, (int)expected_buffers(decoder),
                     decoder->part->n_views > 0 ? " and its counts of data buffers" : "");
  }
  decoder->nodes = flatbuf_items(&nodes);
  decoder->buffers = flatbuf_items(&buffers);
  return expansion_reserve(expansion, decoder->buffers, buffers.count, decoder->body, decoder->error);
}

/* What can be read must also be possible to write, where pairs share nothing. */
enum { CUSTOM_MOST = 1 << 28 };

static respool_status decode_custom(const struct decoder *decoder, struct ArrowArray *root) {
  char *metadata;
  int64_t size;
  respool_status status = key_values_decode(&decoder->message->custom, &metadata, &size, decoder->error);
  if (status != RESPOOL_OK || metadata == NULL) return status;
  if (size > CUSTOM_MOST) {
    mem_free(metadata);
    return error_set(decoder->error, RESPOOL_UNSUPPORTED,
                     "custom metadata of %" PRId64 " bytes is not supported (%d are)", size, CUSTOM_MOST);
  }
  tree_set_metadata(root, metadata, size);
  return RESPOOL_OK;
}

static respool_status read_rows(const struct decoder *decoder, int64_t *rows) {
  *rows = flatbuf_i64(&decoder->batch, BATCH_LENGTH, 0);
  if (!flatbuf_broken(decoder->batch.buffer) && *rows >= 0 && *rows < INT64_MAX) return RESPOOL_OK;
  return error_set(decoder->error, RESPOOL_CORRUPT, "it has %" PRId64 " rows", *rows);
}

/* The one column of a dictionary message. */
static respool_status decode_column(struct decoder *decoder, struct ArrowArray *array, int64_t rows) {
  respool_status status = decode_node(decoder, decoder->part->root, array);
  if (status != RESPOOL_OK || array->length == rows) return status;
  return corrupt(decoder, decoder->part->root, "%" PRId64 " rows in a dictionary of %" PRId64, array->length, rows);
}

static respool_status decode_part(struct decoder *decoder, struct ArrowArray *array) {
  bool is_batch = decoder->part->root == 0;
  int64_t rows;
  respool_status status = read_rows(decoder, &rows);
  if (status != RESPOOL_OK) return status;
  struct tree_shape shape = {.layout = decoder->layout,
                             .at = decoder->part->root,
                             .variadic = decoder->variadic,
                             .n_owners = is_batch ? 1 + decoder->layout->n_dictionaries : 1};
  struct ArrowArray root;
  status = tree_open(&shape, &root, decoder->error);
  if (status != RESPOOL_OK) return status;
  if (is_batch) {
    root.length = rows;
    status = decode_columns(decoder, &root);
  } else {
    status = decode_column(decoder, &root, rows);
  }
  if (status == RESPOOL_OK) status = check_decoded(decoder, &root);
  if (status == RESPOOL_OK && is_batch) status = decode_custom(decoder, &root);
  if (status != RESPOOL_OK) {
    root.release(&root);
    return status;
  }
  *array = root;
  return RESPOOL_OK;
}

/* The array, which has the body's owner from then on. */
static respool_status decode(struct decoder *decoder, struct tree_owner owner, struct ArrowArray *array) {
  respool_status status = find_vectors(decoder);
  count_shared_views(decoder);
  if (status == RESPOOL_OK) status = decode_part(decoder, array);
  mem_free(decoder->variadic);
  if (status != RESPOOL_OK) {
    expansion_drop(&decoder->expansion);
    return status;
  }
  expansion_adopt(&decoder->expansion, &owner);
  tree_set_owner(array, 0, owner); /* only now: a failure must not drop it */
  return RESPOOL_OK;
}

respool_status ipc_decode_batch(const struct layout *layout, const struct ipc_message *message, const uint8_t *body,
                                enum decode_trust trust, struct expander *expander, struct tree_owner owner,
                                struct dictionary_values *const *dictionaries, struct ArrowArray *array,
                                respool_error *error) {
  struct decoder decoder = {.layout = layout,
                            .part = layout_part(layout, LAYOUT_BATCH),
                            .message = message,
                            .batch = ipc_message_batch(message),
                            .body = body,
                            .trust = trust,
                            .expander = expander,
                            .dictionaries = dictionaries,
                            .error = error};
  respool_status status = decode(&decoder, owner, array);
  if (status != RESPOOL_OK) return status;
  for (int32_t i = 0; i < layout->n_dictionaries; i++) {
    if (dictionaries[i] == NULL) continue;
    dictionary_values_retain(dictionaries[i]);
    tree_set_owner(array, 1 + i, (struct tree_owner){dictionary_values_release, dictionaries[i]});
  }
  return RESPOOL_OK;
}

respool_status ipc_decode_values(const struct layout *layout, int32_t dictionary, const struct ipc_message *message,
                                 const uint8_t *body, enum decode_trust trust, struct expander *expander,
                                 struct tree_owner owner, struct dictionary_values **values, respool_error *error) {
  struct dictionary_values *made = dictionary_values_make(layout, dictionary);
  if (made == NULL) return error_no_memory(error);
  struct decoder decoder = {.layout = layout,
                            .part = layout_part(layout, dictionary),
                            .message = message,
                            .batch = ipc_message_batch(message),
                            .body = body,
                            .trust = trust,
                            .expander = expander,
                            .needed = made->needed,
                            .error = error};
  respool_status status = decode(&decoder, owner, &made->array);
  if (status != RESPOOL_OK) {
    dictionary_values_release(made);
    return status;
  }
  *values = made;
  return RESPOOL_OK;
}
