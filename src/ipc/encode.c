/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record batches to the wire format, in two passes: the first (plan.c) walks the arrays and plans what each buffer is
 * made of, which gives all lengths and so the metadata; the second, here, writes metadata and buffers. Memory for
 * encoding does not grow with the batch, unless its buffers are compressed in between (press.c).
 */
#include "ipc/encode.h"

#include "arrow/bits.h"
#include "arrow/tree.h"
#include "ipc/batch_metadata.h"
#include "ipc/format.h"
#include "ipc/message.h"
#include "ipc/plan_view.h"
#include "ipc/press.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <string.h>

struct ipc_encoder {
  struct ipc_plan plan;
  struct batch_metadata batch;
  struct batch_metadata values;         /* of dictionaries */
  const struct batch_metadata *planned; /* one of them */
  struct press press;
  bool pack_batches; /* if there is a codec */
  bool pack_dictionaries;
};

/* ---- Metadata -------------------------------------------------------------------------------------- */

/* Put this message's numbers into the metadata; answers the body's size. */
static respool_status make_metadata(struct ipc_encoder *encoder, int32_t dictionary, const struct ArrowArray *array,
                                    int64_t *body, respool_error *error) {
  const struct ipc_plan *plan = &encoder->plan;
  struct batch_metadata *metadata = dictionary == LAYOUT_BATCH ? &encoder->batch : &encoder->values;
  struct batch_shape shape = {.is_dictionary = dictionary != LAYOUT_BATCH,
                              .codec = (int8_t)encoder->press.codec,
                              .n_nodes = plan->node_count,
                              .n_buffers = plan->segment_count,
                              .n_views = plan->view_count,
                              .custom = dictionary == LAYOUT_BATCH ? tree_metadata(array) : NULL};
  respool_status status = batch_metadata_shape(metadata, &shape, error);
  if (status != RESPOOL_OK) return status;
  for (int32_t i = 0; i < plan->node_count; i++) {
    batch_metadata_node(metadata, i, plan->nodes[i].length, plan->nodes[i].null_count);
  }
  for (int32_t i = 0; i < plan->view_count; i++) {
    batch_metadata_variadic(metadata, i, plan->views[plan->planned_views[i]].wire_count);
  }
  int64_t size = 0;
  for (int32_t i = 0; i < plan->segment_count; i++) {
    int64_t bytes = press_size(&encoder->press, plan, i);
    batch_metadata_buffer(metadata, i, size, bytes);
    size += round_up(bytes, IPC_ALIGNMENT);
  }
  batch_metadata_sizes(metadata, array->length, size);
  if (shape.is_dictionary) batch_metadata_id(metadata, dictionary);
  encoder->planned = metadata;
  *body = size;
  return RESPOOL_OK;
}

/* ---- The body -------------------------------------------------------------------------------------- */

enum { BLOCK_ITEMS = 4096 }; /* made in the gather's staging at a time: a multiple of 8, for whole bytes of bits */

static respool_status put_bits(const struct segment *segment, struct gather *gather, respool_error *error) {
  enum { BLOCK_BITS = BLOCK_ITEMS * 8 };
  for (int64_t done = 0; done < segment->count; done += BLOCK_BITS) {
    int64_t count = segment->count - done < BLOCK_BITS ? segment->count - done : BLOCK_BITS;
    size_t bytes = (size_t)bits_to_bytes(count);
    uint8_t *room;
    respool_status status = gather_room(gather, bytes, &room, error);
    if (status != RESPOOL_OK) return status;
    bits_copy(segment->source, segment->start + done, count, room);
    gather_commit(gather, bytes);
  }
  return RESPOOL_OK;
}

/* Bits that start at a byte need no shifting: only the last byte may have foreign bits in it. */
static respool_status put_aligned_bits(const struct segment *segment, struct gather *gather, respool_error *error) {
  const uint8_t *source = segment->source + segment->start / 8;
  int64_t whole = segment->count / 8;
  respool_status status = gather_put(gather, source, whole, error);
  if (status != RESPOOL_OK || segment->count % 8 == 0) return status;
  uint8_t last;
  bits_copy(source + whole, 0, segment->count % 8, &last);
  return gather_put(gather, &last, 1, error);
}

static bool slot_null(const struct segment *segment, int64_t i) {
  return bit_null(segment->bits, segment->start + i);
}

/* Number `i` of a segment, as it goes to the wire. */
static int64_t wire_number(const struct segment *segment, int64_t i) {
  int64_t value = offset_at(segment->source, segment->width, i);
  switch (segment->kind) {
  case SEGMENT_LISTS:
    return offset_at(segment->other, segment->width, i) == 0 || slot_null(segment, i) ? 0 : value - segment->base;
  case SEGMENT_SIZES:
    return slot_null(segment, i) ? 0 : value;
  case SEGMENT_DENSE:
    return value - segment->bases[(int8_t)segment->other[i]];
  case SEGMENT_RUNS:
    value -= segment->base;
    return value < segment->limit ? value : segment->limit;
  default: /* unsigned: between the first and the last, offsets may be anything where nobody has checked them */
    return (int64_t)((uint64_t)value - (uint64_t)segment->base);
  }
}

static void rebase(const struct segment *segment, int64_t from, int64_t count, uint8_t *out) {
  for (int64_t i = 0; i < count; i++) {
    offset_store(out, segment->width, i, wire_number(segment, from + i));
  }
}

static void map_view(const struct segment *segment, int64_t i, uint8_t *out) {
  int32_t words[4] = {0};
  if (!slot_null(segment, i)) memcpy(words, segment->source + i * (int64_t)sizeof words, sizeof words);
  uint8_t *value = (uint8_t *)&words[1];
  if (words[0] > VIEW_INLINE)
    plan_view_map(segment->view, words);
  else
    memset(value + words[0], 0, (size_t)(VIEW_INLINE - words[0])); /* whatever the producer has behind the value */
  memcpy(out, words, sizeof words);
}

static void map_views(const struct segment *segment, int64_t from, int64_t count, uint8_t *out) {
  for (int64_t i = 0; i < count; i++) map_view(segment, from + i, out + i * VIEW_BYTES);
}

static respool_status put_numbers(const struct segment *segment, struct gather *gather, respool_error *error) {
  for (int64_t done = 0; done < segment->count; done += BLOCK_ITEMS) {
    int64_t count = segment->count - done < BLOCK_ITEMS ? segment->count - done : BLOCK_ITEMS;
    size_t bytes = (size_t)(count * segment->width);
    uint8_t *room;
    respool_status status = gather_room(gather, bytes, &room, error);
    if (status != RESPOOL_OK) return status;
    if (segment->kind == SEGMENT_VIEWS)
      map_views(segment, done, count, room);
    else
      rebase(segment, done, count, room);
    gather_commit(gather, bytes);
  }
  return RESPOOL_OK;
}

static respool_status put_spans(const struct segment *segment, struct gather *gather, respool_error *error) {
  const struct plan_view *view = segment->view;
  const struct view_buffer *buffer = &view->buffers[segment->base];
  for (int64_t i = buffer->first; i < buffer->first + buffer->count; i++) {
    const struct view_span *span = &view->spans[i];
    respool_status status = gather_put(gather, view->data[segment->base] + span->start, span->end - span->start, error);
    if (status != RESPOOL_OK) return status;
  }
  return RESPOOL_OK;
}

static respool_status put_segment(const struct segment *segment, struct gather *gather, respool_error *error) {
  switch (segment->kind) {
  case SEGMENT_BITS:
    if (segment->start % 8 == 0) return put_aligned_bits(segment, gather, error);
    return put_bits(segment, gather, error);
  case SEGMENT_SPANS:
    return put_spans(segment, gather, error);
  case SEGMENT_RAW:
    if (segment->source == NULL) return gather_zeros(gather, segment->bytes, error);
    return gather_put(gather, segment->source, segment->bytes, error);
  default:
    return put_numbers(segment, gather, error);
  }
}

static respool_status put_body(struct ipc_encoder *encoder, struct gather *gather, respool_error *error) {
  bool plain = encoder->press.codec == CODEC_NONE;
  for (int32_t i = 0; i < encoder->plan.segment_count; i++) {
    respool_status status = plain ? put_segment(&encoder->plan.segments[i], gather, error)
                                  : press_put(&encoder->press, &encoder->plan, i, put_segment, gather, error);
    if (status != RESPOOL_OK) return status;
    int64_t bytes = press_size(&encoder->press, &encoder->plan, i);
    int64_t padding = round_up(bytes, IPC_ALIGNMENT) - bytes;
    status = gather_zeros(gather, padding, error);
    if (status != RESPOOL_OK) return status;
  }
  return RESPOOL_OK;
}

/* ---- The encoder ----------------------------------------------------------------------------------- */

respool_status ipc_encoder_open(const struct layout *layout, struct ipc_encoder **encoder, respool_error *error) {
  struct ipc_encoder *made = mem_zalloc(sizeof *made);
  if (made == NULL) return error_no_memory(error);
  respool_status status = plan_open(layout, &made->plan, error);
  if (status != RESPOOL_OK) {
    mem_free(made);
    return status;
  }
  press_open(&made->press, RESPOOL_COMPRESSION_NONE, 0);
  ipc_encoder_pack(made, true, true);
  *encoder = made;
  return RESPOOL_OK;
}

void ipc_encoder_compress(struct ipc_encoder *encoder, int32_t compression, int32_t level) {
  press_open(&encoder->press, compression, level);
}

void ipc_encoder_pack(struct ipc_encoder *encoder, bool batches, bool dictionaries) {
  encoder->pack_batches = batches;
  encoder->pack_dictionaries = dictionaries;
}

void ipc_encoder_drained(struct ipc_encoder *encoder) {
  press_drained(&encoder->press);
}

void ipc_encoder_discard(struct ipc_encoder *encoder) {
  press_discard(&encoder->press);
}

void ipc_encoder_close(struct ipc_encoder *encoder) {
  if (encoder == NULL) return;
  plan_close(&encoder->plan);
  batch_metadata_close(&encoder->batch);
  batch_metadata_close(&encoder->values);
  press_close(&encoder->press);
  mem_free(encoder);
}

respool_status ipc_encoder_plan(struct ipc_encoder *encoder, int32_t dictionary, const struct ArrowArray *array,
                                struct ipc_size *size, respool_error *error) {
  int32_t root = layout_part(encoder->plan.layout, dictionary)->root;
  respool_status status = plan_part(&encoder->plan, root, array, error);
  press_use(&encoder->press, dictionary == LAYOUT_BATCH ? encoder->pack_batches : encoder->pack_dictionaries);
  if (status == RESPOOL_OK) status = press_plan(&encoder->press, &encoder->plan, put_segment, error);
  if (status == RESPOOL_OK) status = make_metadata(encoder, dictionary, array, &size->body, error);
  if (status == RESPOOL_OK) size->metadata = ipc_metadata_size(encoder->planned->size);
  return status;
}

respool_status ipc_encoder_put(struct ipc_encoder *encoder, struct gather *gather, respool_error *error) {
  respool_status status = ipc_put_metadata(encoder->planned->bytes, encoder->planned->size, gather, error);
  return status == RESPOOL_OK ? put_body(encoder, gather, error) : status;
}

respool_status ipc_encode_batch(struct ipc_encoder *encoder, const struct ArrowArray *array, struct gather *gather,
                                struct ipc_size *size, respool_error *error) {
  respool_status status = ipc_encoder_plan(encoder, LAYOUT_BATCH, array, size, error);
  return status == RESPOOL_OK ? ipc_encoder_put(encoder, gather, error) : status;
}
