/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record batches to the wire format, in two passes: the first walks the arrays and plans what each buffer is made of,
 * which gives all lengths and so the metadata; the second writes metadata and buffers. Memory for encoding does not
 * grow with the batch.
 */
#include "ipc/encode.h"

#include "arrow/bits.h"
#include "ipc/format.h"
#include "ipc/message.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <string.h>

/* How a buffer on the wire comes from the producer's. */
enum segment_kind {
  SEGMENT_RAW,     /* bytes as they are */
  SEGMENT_BITS,    /* bits from bit `start` on */
  SEGMENT_OFFSETS, /* offsets of `width` bytes, `base` less each */
};

struct segment {
  uint8_t kind;
  uint8_t width;
  int64_t bytes;
  int64_t start;
  int64_t count; /* bits or offsets */
  int64_t base;
  const uint8_t *source;
};

struct wire_node {
  int64_t length;
  int64_t null_count;
};

struct ipc_encoder {
  const struct layout *layout;
  struct wire_node *nodes;
  struct segment *segments;
  uint8_t *metadata; /* the flatbuffer, of fixed size; only numbers in it change */
  int64_t metadata_size;
  int32_t next_node; /* planned so far */
  int32_t next_segment;
};

/* ---- The plan -------------------------------------------------------------------------------------- */

static struct segment *plan(struct ipc_encoder *encoder) {
  struct segment *segment = &encoder->segments[encoder->next_segment++];
  *segment = (struct segment){.kind = SEGMENT_RAW};
  return segment;
}

static void plan_raw(struct ipc_encoder *encoder, const void *source, int64_t start, int64_t bytes) {
  struct segment *segment = plan(encoder);
  if (bytes == 0) return;
  segment->source = (const uint8_t *)source + start;
  segment->bytes = bytes;
}

static void plan_bits(struct ipc_encoder *encoder, const void *source, int64_t start, int64_t count) {
  struct segment *segment = plan(encoder);
  if (count == 0) return; /* there may be no buffer */
  segment->kind = SEGMENT_BITS;
  segment->source = source;
  segment->start = start;
  segment->count = count;
  segment->bytes = bits_to_bytes(count);
}

/* Offsets of rows [at, at + length], made to start at 0. Gives the range of what they point into. */
static void plan_offsets(struct ipc_encoder *encoder, const void *source, int width, int64_t at, int64_t length,
                         int64_t *first, int64_t *last) {
  struct segment *segment = plan(encoder);
  segment->width = (uint8_t)width;
  segment->bytes = (length + 1) * width;
  segment->count = length + 1;
  if (length == 0) { /* one zero, whatever the producer has there */
    segment->kind = SEGMENT_RAW;
    segment->source = NULL;
    *first = *last = 0;
    return;
  }
  *first = offset_at(source, width, at);
  *last = offset_at(source, width, at + length);
  segment->kind = *first == 0 ? SEGMENT_RAW : SEGMENT_OFFSETS;
  segment->source = (const uint8_t *)source + at * width;
  segment->base = *first;
}

/* The node, and its validity where there are nulls. The count is always made from the bits: producers may say -1. */
static void plan_validity(struct ipc_encoder *encoder, const struct ArrowArray *array, int64_t at, int64_t length) {
  struct wire_node *node = &encoder->nodes[encoder->next_node++];
  const uint8_t *bits = array->buffers[0];
  node->length = length;
  node->null_count = 0;
  if (bits != NULL && array->null_count != 0) node->null_count = length - bits_count(bits, at, length);
  if (node->null_count > 0) {
    plan_bits(encoder, bits, at, length);
  } else {
    plan(encoder);
  }
}

static void plan_null(struct ipc_encoder *encoder, int64_t length) {
  struct wire_node *node = &encoder->nodes[encoder->next_node++];
  node->length = length;
  node->null_count = length;
}

/* Plan rows [start, start + length) of `array`, which count from behind the array's own offset. */
static void plan_node(struct ipc_encoder *encoder, int32_t index, const struct ArrowArray *array, int64_t start,
                      int64_t length) {
  const struct layout_node *node = &encoder->layout->nodes[index];
  int64_t at = array->offset + start;
  int64_t first = at;
  int64_t last = at + length;
  if (node->kind == LAYOUT_NULL) {
    plan_null(encoder, length);
    return;
  }
  if (index > 0) plan_validity(encoder, array, at, length);
  switch (node->kind) {
  case LAYOUT_BITS:
    plan_bits(encoder, array->buffers[1], at, length);
    return;
  case LAYOUT_FIXED:
    plan_raw(encoder, array->buffers[1], at * node->width, length * node->width);
    return;
  case LAYOUT_BINARY:
    plan_offsets(encoder, array->buffers[1], node->width, at, length, &first, &last);
    plan_raw(encoder, array->buffers[2], first, last - first);
    return;
  case LAYOUT_LIST:
    plan_offsets(encoder, array->buffers[1], node->width, at, length, &first, &last);
    break;
  case LAYOUT_FIXED_LIST:
    first = at * node->width;
    last = first + length * node->width;
    break;
  default:
    break; /* LAYOUT_STRUCT: children have the parent's rows */
  }
  int32_t child = index + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    plan_node(encoder, child, array->children[i], first, last - first);
    child = encoder->layout->nodes[child].end;
  }
}

/* ---- Metadata -------------------------------------------------------------------------------------- */

/*
 * The flatbuffer of a batch message, laid out by hand, since for one schema only its numbers change:
 *
 *    0  root offset                  36  vtable of RecordBatch (10 bytes), padding
 *    4  vtable of Message (12)       48  RecordBatch: to vtable, nodes, length i64, buffers
 *   16  Message: to vtable,          68  count of nodes
 *       version i16, kind u8,        72  nodes
 *       bodyLength i64, header       ..  padding, count of buffers, buffers
 */
enum {
  AT_MESSAGE_VTABLE = 4,
  AT_MESSAGE = 16,
  AT_VERSION = 20,
  AT_KIND = 22,
  AT_BODY_LENGTH = 24,
  AT_HEADER = 32,
  AT_BATCH_VTABLE = 36,
  AT_BATCH = 48,
  AT_NODES_REF = 52,
  AT_LENGTH = 56,
  AT_BUFFERS_REF = 64,
  AT_NODE_COUNT = 68,
  AT_NODES = 72,
  MESSAGE_TABLE_BYTES = 20,
  BATCH_TABLE_BYTES = 20,
};

static int64_t at_buffers(const struct layout *layout) {
  return AT_NODES + (int64_t)(layout->n_nodes - 1) * NODE_BYTES + 8;
}

static void lay_out_vtable(uint8_t *at, const uint16_t *entries, int count) {
  for (int i = 0; i < count; i++) store_u16(at + 2 * (size_t)i, entries[i]);
}

static void lay_out_metadata(struct ipc_encoder *encoder) {
  static const uint16_t message_vtable[] = {12,
                                            MESSAGE_TABLE_BYTES,
                                            AT_VERSION - AT_MESSAGE,
                                            AT_KIND - AT_MESSAGE,
                                            AT_HEADER - AT_MESSAGE,
                                            AT_BODY_LENGTH - AT_MESSAGE};
  static const uint16_t batch_vtable[] = {10, BATCH_TABLE_BYTES, AT_LENGTH - AT_BATCH, AT_NODES_REF - AT_BATCH,
                                          AT_BUFFERS_REF - AT_BATCH};
  const struct layout *layout = encoder->layout;
  uint8_t *at = encoder->metadata;
  uint32_t buffers = (uint32_t)at_buffers(layout);
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
  store_u32(at + buffers - 4, (uint32_t)layout->n_buffers);
}

/* Put this batch's numbers into the metadata; answers the body's size. */
static int64_t fill_metadata(struct ipc_encoder *encoder, int64_t rows) {
  const struct layout *layout = encoder->layout;
  uint8_t *at = encoder->metadata + AT_NODES;
  for (int32_t i = 0; i < layout->n_nodes - 1; i++, at += NODE_BYTES) {
    store_u64(at, (uint64_t)encoder->nodes[i].length);
    store_u64(at + 8, (uint64_t)encoder->nodes[i].null_count);
  }
  int64_t body = 0;
  at = encoder->metadata + at_buffers(layout);
  for (int32_t i = 0; i < layout->n_buffers; i++, at += BUFFER_BYTES) {
    store_u64(at, (uint64_t)body);
    store_u64(at + 8, (uint64_t)encoder->segments[i].bytes);
    body += round_up(encoder->segments[i].bytes, IPC_ALIGNMENT);
  }
  store_u64(encoder->metadata + AT_LENGTH, (uint64_t)rows);
  store_u64(encoder->metadata + AT_BODY_LENGTH, (uint64_t)body);
  return body;
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

/* Unsigned, since offsets between the first and the last may be anything where nobody has checked them. */
static uint64_t rebased(const struct segment *segment, const uint8_t *source, int64_t i) {
  return (uint64_t)offset_at(source, segment->width, i) - (uint64_t)segment->base;
}

static void rebase(const struct segment *segment, int64_t from, int64_t count, uint8_t *out) {
  const uint8_t *source = segment->source + from * segment->width;
  if (segment->width == 4) {
    for (int64_t i = 0; i < count; i++) {
      uint32_t value = (uint32_t)rebased(segment, source, i);
      memcpy(out + 4 * i, &value, 4);
    }
    return;
  }
  for (int64_t i = 0; i < count; i++) {
    uint64_t value = rebased(segment, source, i);
    memcpy(out + 8 * i, &value, 8);
  }
}

static respool_status put_offsets(const struct segment *segment, struct gather *gather, respool_error *error) {
  for (int64_t done = 0; done < segment->count; done += BLOCK_ITEMS) {
    int64_t count = segment->count - done < BLOCK_ITEMS ? segment->count - done : BLOCK_ITEMS;
    size_t bytes = (size_t)(count * segment->width);
    uint8_t *room;
    respool_status status = gather_room(gather, bytes, &room, error);
    if (status != RESPOOL_OK) return status;
    rebase(segment, done, count, room);
    gather_commit(gather, bytes);
  }
  return RESPOOL_OK;
}

static respool_status put_segment(const struct segment *segment, struct gather *gather, respool_error *error) {
  switch (segment->kind) {
  case SEGMENT_BITS:
    if (segment->start % 8 == 0) return put_aligned_bits(segment, gather, error);
    return put_bits(segment, gather, error);
  case SEGMENT_OFFSETS:
    return put_offsets(segment, gather, error);
  default:
    if (segment->source == NULL) return gather_zeros(gather, segment->bytes, error);
    return gather_put(gather, segment->source, segment->bytes, error);
  }
}

static respool_status put_body(struct ipc_encoder *encoder, struct gather *gather, respool_error *error) {
  for (int32_t i = 0; i < encoder->next_segment; i++) {
    const struct segment *segment = &encoder->segments[i];
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
  made->layout = layout;
  made->metadata_size = at_buffers(layout) + (int64_t)layout->n_buffers * BUFFER_BYTES;
  made->nodes = mem_alloc((size_t)layout->n_nodes * sizeof *made->nodes);
  made->segments = mem_alloc((size_t)layout->n_buffers * sizeof *made->segments);
  made->metadata = mem_zalloc((size_t)made->metadata_size);
  if (made->nodes == NULL || made->segments == NULL || made->metadata == NULL) {
    ipc_encoder_close(made);
    return error_no_memory(error);
  }
  lay_out_metadata(made);
  *encoder = made;
  return RESPOOL_OK;
}

void ipc_encoder_close(struct ipc_encoder *encoder) {
  if (encoder == NULL) return;
  mem_free(encoder->nodes);
  mem_free(encoder->segments);
  mem_free(encoder->metadata);
  mem_free(encoder);
}

respool_status ipc_encode_batch(struct ipc_encoder *encoder, const struct ArrowArray *array, struct gather *gather,
                                struct ipc_size *size, respool_error *error) {
  encoder->next_node = 0;
  encoder->next_segment = 0;
  plan_node(encoder, 0, array, 0, array->length);
  int64_t body = fill_metadata(encoder, array->length);
  int64_t before = gather->total;
  respool_status status = ipc_put_metadata(encoder->metadata, encoder->metadata_size, gather, error);
  if (status != RESPOOL_OK) return status;
  int64_t metadata = gather->total - before;
  status = put_body(encoder, gather, error);
  if (status != RESPOOL_OK) return status;
  size->metadata = metadata;
  size->body = body;
  return RESPOOL_OK;
}
