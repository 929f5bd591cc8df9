/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record batches and dictionaries from the wire format: arrays over the bytes of a body, once every number in the
 * metadata was checked.
 */
#include "ipc/decoder.h"
#include "ipc/format.h"
#include "ipc/key_values.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <inttypes.h>

static respool_status decode_columns(struct decoder *decoder, struct ArrowArray *root) {
  int32_t child = 1;
  for (int64_t i = 0; i < root->n_children; i++) {
    respool_status status = decode_node(decoder, child, root->children[i]);
    if (status != RESPOOL_OK) return status;
    if (root->children[i]->length != root->length) {
      return decoder_corrupt(decoder, child, "%" PRId64 " rows in a batch of %" PRId64, root->children[i]->length,
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
      return decoder_corrupt(decoder, at, "a view column with %" PRId64 " data buffers", count);
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
  return decoder_corrupt(decoder, decoder->part->root, "%" PRId64 " rows in a dictionary of %" PRId64, array->length,
                         rows);
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
  if (decoder.expansion.codec != CODEC_NONE) made->expanded = decoder.expansion.used;
  *values = made;
  return RESPOOL_OK;
}
