/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record batches to the wire format, in two passes: the first (plan.c) walks the arrays and plans what each buffer is
 * made of, which gives all lengths and so the metadata; the second, here, writes metadata and buffers. Memory for
 * encoding does not grow with the batch.
 */
#include "ipc/encode.h"

#include "arrow/bits.h"
#include "ipc/format.h"
#include "ipc/message.h"
#include "ipc/plan_view.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <string.h>

struct ipc_encoder {
  struct ipc_plan plan;
  uint8_t *metadata; /* the flatbuffer */
  size_t metadata_capacity;
  int64_t metadata_size;
};

/* ---- Metadata -------------------------------------------------------------------------------------- */

/*
 * The flatbuffer of a batch message, laid out by hand, since for one schema almost only its numbers change:
 *
 *    0  root offset                    36  vtable of RecordBatch (14 bytes), padding
 *    4  vtable of Message (12)         52  RecordBatch: to vtable, length i64, nodes, buffers,
 *   16  Message: to vtable,                compression, variadic counts; padding
 *       version i16, kind u8,          84  count of nodes
 *       bodyLength i64, header         88  nodes
 *                                      ..  padding, count of buffers, buffers
 *                                      ..  with view columns: padding, count of them, their numbers of data buffers
 */
enum {
  AT_MESSAGE_VTABLE = 4,
  AT_MESSAGE = 16,
  AT_VERSION = 20,
  AT_KIND = 22,
  AT_BODY_LENGTH = 24,
  AT_HEADER = 32,
  AT_BATCH_VTABLE = 36,
  AT_BATCH = 52,
  AT_LENGTH = 56,
  AT_NODES_REF = 64,
  AT_BUFFERS_REF = 68,
  AT_VARIADIC_REF = 76,
  AT_NODE_COUNT = 84,
  AT_NODES = 88,
  MESSAGE_TABLE_BYTES = 20,
  BATCH_TABLE_BYTES = 28,
};

static int64_t at_buffers(const struct layout *layout) {
  return AT_NODES + (int64_t)(layout->n_nodes - 1) * NODE_BYTES + 8;
}

static int64_t at_variadic(const struct ipc_encoder *encoder) {
  return at_buffers(encoder->plan.layout) + (int64_t)encoder->plan.segment_count * BUFFER_BYTES + 8;
}

static void lay_out_vtable(uint8_t *at, const uint16_t *entries, int count) {
  for (int i = 0; i < count; i++) store_u16(at + 2 * (size_t)i, entries[i]);
}

static void lay_out_variadic(const struct ipc_encoder *encoder, uint8_t *at) {
  const struct ipc_plan *plan = &encoder->plan;
  uint32_t variadic = (uint32_t)at_variadic(encoder);
  store_u16(at + AT_BATCH_VTABLE + 4 + 2 * BATCH_VARIADIC_COUNTS, AT_VARIADIC_REF - AT_BATCH);
  store_u32(at + AT_VARIADIC_REF, variadic - 4 - AT_VARIADIC_REF);
  store_u32(at + variadic - 4, (uint32_t)plan->layout->n_views);
  for (int32_t i = 0; i < plan->layout->n_views; i++) {
    store_u64(at + variadic + 8 * (int64_t)i, (uint64_t)plan->views[i].wire_count);
  }
}

static void lay_out_metadata(const struct ipc_encoder *encoder) {
  static const uint16_t message_vtable[] = {12,
                                            MESSAGE_TABLE_BYTES,
                                            AT_VERSION - AT_MESSAGE,
                                            AT_KIND - AT_MESSAGE,
                                            AT_HEADER - AT_MESSAGE,
                                            AT_BODY_LENGTH - AT_MESSAGE};
  static const uint16_t batch_vtable[] = {14, BATCH_TABLE_BYTES, AT_LENGTH - AT_BATCH, AT_NODES_REF - AT_BATCH,
                                          AT_BUFFERS_REF - AT_BATCH};
  const struct layout *layout = encoder->plan.layout;
  uint8_t *at = encoder->metadata;
  uint32_t buffers = (uint32_t)at_buffers(layout);
  memset(at, 0, (size_t)encoder->metadata_size);
  store_u32(at, AT_MESSAGE);
  lay_out_vtable(at + AT_MESSAGE_VTABLE, message_vtable, 6);
  store_u32(at + AT_MESSAGE, AT_MESSAGE - AT_MESSAGE_VTABLE);
  store_u16(at + AT_VERSION, IPC_VERSION_5);
  at[AT_KIND] = HEADER_BATCH;
  store_u32(at + AT_HEADER, AT_BATCH - AT_HEADER);
  lay_out_vtable(at + AT_BATCH_VTABLE, batch_vtable, 5);
  store_u32(at + AT_BATCH, AT_BATCH - AT_BATCH_VTABLE);
  store_u32(at + AT_NODES_REF, AT_NODE_COUNT - AT_NODES_REF);
  store_u32(at + AT_BUFFERS_REF, buffers - 4 - AT_BUFFERS_REF);
  store_u32(at + AT_NODE_COUNT, (uint32_t)(layout->n_nodes - 1));
  store_u32(at + buffers - 4, (uint32_t)encoder->plan.segment_count);
  if (layout->n_views > 0) lay_out_variadic(encoder, at);
}

/* With view columns its shape depends on the batch, else it is laid out once. */
static respool_status open_metadata(struct ipc_encoder *encoder, respool_error *error) {
  const struct layout *layout = encoder->plan.layout;
  if (encoder->metadata != NULL && layout->n_views == 0) return RESPOOL_OK;
  int64_t size = at_buffers(layout) + (int64_t)encoder->plan.segment_count * BUFFER_BYTES;
  if (layout->n_views > 0) size += 8 + (int64_t)layout->n_views * 8;
  if (!mem_reserve((void **)&encoder->metadata, &encoder->metadata_capacity, (size_t)size, 1)) {
    return error_no_memory(error);
  }
  encoder->metadata_size = size;
  lay_out_metadata(encoder);
  return RESPOOL_OK;
}

/* Put this batch's numbers into the metadata; answers the body's size. */
static int64_t fill_metadata(struct ipc_encoder *encoder, int64_t rows) {
  const struct ipc_plan *plan = &encoder->plan;
  uint8_t *at = encoder->metadata + AT_NODES;
  for (int32_t i = 0; i < plan->node_count; i++, at += NODE_BYTES) {
    store_u64(at, (uint64_t)plan->nodes[i].length);
    store_u64(at + 8, (uint64_t)plan->nodes[i].null_count);
  }
  int64_t body = 0;
  at = encoder->metadata + at_buffers(plan->layout);
  for (int32_t i = 0; i < plan->segment_count; i++, at += BUFFER_BYTES) {
    store_u64(at, (uint64_t)body);
    store_u64(at + 8, (uint64_t)plan->segments[i].bytes);
    body += round_up(plan->segments[i].bytes, IPC_ALIGNMENT);
  }
  store_u64(encoder->metadata + AT_LENGTH, (uint64_t)rows);
  store_u64(encoder->metadata + AT_BODY_LENGTH, (uint64_t)body);
  return body;
}

/* ---- The body -------------------------------------------------------------------------------------- */

enum { VIEW_BYTES = 16, INLINE_BYTES = 12 };

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
  int64_t bit = segment->start + i;
  return segment->bits != NULL && (segment->bits[bit / 8] >> (bit % 8) & 1) == 0;
}

/* Number `i` of a segment, as it goes to the wire. */
static int64_t wire_number(const struct segment *segment, int64_t i) {
  int64_t value;
  if (segment->width == 2) {
    int16_t narrow;
    memcpy(&narrow, segment->source + i * 2, sizeof narrow);
    value = narrow;
  } else {
    value = offset_at(segment->source, segment->width, i);
  }
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
    int64_t value = wire_number(segment, from + i);
    if (segment->width == 8) {
      memcpy(out + 8 * i, &value, 8);
    } else if (segment->width == 4) {
      int32_t narrow = (int32_t)value;
      memcpy(out + 4 * i, &narrow, 4);
    } else {
      int16_t narrow = (int16_t)value;
      memcpy(out + 2 * i, &narrow, 2);
    }
  }
}

static void map_view(const struct segment *segment, int64_t i, uint8_t *out) {
  int32_t words[4] = {0};
  if (!slot_null(segment, i)) memcpy(words, segment->source + i * (int64_t)sizeof words, sizeof words);
  uint8_t *value = (uint8_t *)&words[1];
  if (words[0] > INLINE_BYTES)
    plan_view_map(segment->view, words);
  else
    memset(value + words[0], 0, (size_t)(INLINE_BYTES - words[0])); /* whatever the producer has behind the value */
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
  for (int32_t i = 0; i < encoder->plan.segment_count; i++) {
    const struct segment *segment = &encoder->plan.segments[i];
    respool_status status = put_segment(segment, gather, error);
    if (status != RESPOOL_OK) return status;
    int64_t padding = round_up(segment->bytes, IPC_ALIGNMENT) - segment->bytes;
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
  *encoder = made;
  return RESPOOL_OK;
}

void ipc_encoder_close(struct ipc_encoder *encoder) {
  if (encoder == NULL) return;
  plan_close(&encoder->plan);
  mem_free(encoder->metadata);
  mem_free(encoder);
}

respool_status ipc_encode_batch(struct ipc_encoder *encoder, const struct ArrowArray *array, struct gather *gather,
                                struct ipc_size *size, respool_error *error) {
  respool_status status = plan_batch(&encoder->plan, array, error);
  if (status == RESPOOL_OK) status = open_metadata(encoder, error);
  if (status != RESPOOL_OK) return status;
  int64_t body = fill_metadata(encoder, array->length);
  int64_t before = gather->total;
  status = ipc_put_metadata(encoder->metadata, encoder->metadata_size, gather, error);
  if (status != RESPOOL_OK) return status;
  int64_t metadata = gather->total - before;
  status = put_body(encoder, gather, error);
  if (status != RESPOOL_OK) return status;
  size->metadata = metadata;
  size->body = body;
  return RESPOOL_OK;
}
