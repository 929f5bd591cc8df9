/* SPDX-License-Identifier: Apache-2.0 */
/* Compressing the buffers of a batch: see press.h. */
#include "ipc/press.h"

#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <string.h>

enum {
  LENGTH_BYTES = 8,
  LEAST_BLOCK = 1 << 18,
  /* Shorter buffers go as they are: the padding to 64 bytes would eat what a frame saves. */
  LEAST_BYTES = 64,
};

struct press_block {
  struct press_block *next;
  size_t size;
  size_t used;
  uint8_t bytes[];
};

void press_open(struct press *press, int32_t compression, int32_t level) {
  int codec = codec_of(compression);
  *press = (struct press){.codec = codec, .chosen = codec, .level = level};
}

static void free_blocks(struct press *press) {
  while (press->blocks != NULL) {
    struct press_block *block = press->blocks;
    press->blocks = block->next;
    mem_free(block);
  }
}

void press_close(struct press *press) {
  codec_close(&press->state);
  gather_close(press->gather);
  mem_free(press->buffers);
  mem_free(press->plain);
  mem_free(press->frame);
  free_blocks(press);
}

/* ---- Where frames lie ------------------------------------------------------------------------------ */

static bool add_block(struct press *press, size_t size) {
  if (size < LEAST_BLOCK) size = LEAST_BLOCK;
  struct press_block *block = mem_alloc(sizeof *block + size);
  if (block == NULL) return false;
  *block = (struct press_block){.next = press->blocks, .size = size};
  press->blocks = block;
  return true;
}

/* Start over, with one block that has room for as much again. */
void press_drained(struct press *press) {
  size_t held = 0;
  press->before = NULL;
  if (press->blocks == NULL) return;
  for (const struct press_block *block = press->blocks; block != NULL; block = block->next) held += block->used;
  press->blocks->used = 0;
  if (press->blocks->next == NULL) return;
  free_blocks(press);
  add_block(press, held); /* without it one is added when it is needed */
}

void press_discard(struct press *press) {
  while (press->blocks != NULL && press->blocks != press->before) {
    struct press_block *block = press->blocks;
    press->blocks = block->next;
    mem_free(block);
  }
  if (press->blocks != NULL) press->blocks->used = press->before_used;
}

static const uint8_t *keep(struct press *press, const uint8_t *bytes, size_t size) {
  struct press_block *block = press->blocks;
  if (block == NULL || block->size - block->used < size) {
    if (!add_block(press, size)) return NULL;
    block = press->blocks;
  }
  uint8_t *kept = block->bytes + block->used;
  memcpy(kept, bytes, size);
  block->used += size;
  return kept;
}

/* ---- Buffers --------------------------------------------------------------------------------------- */

static respool_status append_plain(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  struct press *press = context;
  (void)error;
  for (int i = 0; i < count; i++) {
    memcpy(press->plain + press->plain_size, pieces[i].bytes, pieces[i].length);
    press->plain_size += pieces[i].length;
  }
  return RESPOOL_OK;
}

/* The segment's bytes in one piece: where they are, or made in `plain`. */
static respool_status plain_bytes(struct press *press, const struct segment *segment, press_render render,
                                  const uint8_t **bytes, respool_error *error) {
  *bytes = segment->source;
  if (segment->kind == SEGMENT_RAW && segment->source != NULL) return RESPOOL_OK;
  if (press->gather == NULL) press->gather = gather_open();
  if (press->gather == NULL ||
      !mem_reserve((void **)&press->plain, &press->plain_capacity, (size_t)segment->bytes, 1)) {
    return error_no_memory(error);
  }
  press->plain_size = 0;
  gather_reset(press->gather, append_plain, press);
  respool_status status = render(segment, press->gather, error);
  if (status == RESPOOL_OK) status = gather_flush(press->gather, error);
  *bytes = press->plain;
  return status;
}

static respool_status press_segment(struct press *press, const struct segment *segment, press_render render,
                                    struct press_buffer *buffer, respool_error *error) {
  *buffer = (struct press_buffer){.size = segment->bytes > 0 ? LENGTH_BYTES + segment->bytes : 0};
  if (segment->bytes < LEAST_BYTES) return RESPOOL_OK;
  const uint8_t *bytes;
  respool_status status = plain_bytes(press, segment, render, &bytes, error);
  if (status != RESPOOL_OK) return status;
  size_t room = LENGTH_BYTES + (size_t)codec_bound(press->codec, segment->bytes);
  if (!mem_reserve((void **)&press->frame, &press->frame_capacity, room, 1)) return error_no_memory(error);
  int64_t packed = 0;
  status = codec_pack(&press->state, press->codec, press->level, bytes, segment->bytes, press->frame + LENGTH_BYTES,
                      &packed, error);
  if (status != RESPOOL_OK || packed >= segment->bytes) return status;
  store_u64(press->frame, (uint64_t)segment->bytes);
  buffer->size = LENGTH_BYTES + packed;
  buffer->bytes = keep(press, press->frame, (size_t)buffer->size);
  return buffer->bytes != NULL ? RESPOOL_OK : error_no_memory(error);
}

respool_status press_plan(struct press *press, const struct ipc_plan *plan, press_render render, respool_error *error) {
  press->before = press->blocks; /* of a plain message too, which adds nothing but may be discarded */
  press->before_used = press->blocks != NULL ? press->blocks->used : 0;
  if (press->codec == CODEC_NONE) return RESPOOL_OK;
  size_t count = (size_t)plan->segment_count;
  if (!mem_reserve((void **)&press->buffers, &press->capacity, count, sizeof *press->buffers)) {
    return error_no_memory(error);
  }
  respool_status status = RESPOOL_OK;
  for (int32_t i = 0; status == RESPOOL_OK && i < plan->segment_count; i++) {
    status = press_segment(press, &plan->segments[i], render, &press->buffers[i], error);
  }
  if (status != RESPOOL_OK) press_discard(press);
  return status;
}

respool_status press_put(struct press *press, const struct ipc_plan *plan, int32_t i, press_render render,
                         struct gather *gather, respool_error *error) {
  const struct segment *segment = &plan->segments[i];
  const struct press_buffer *buffer = &press->buffers[i];
  if (buffer->bytes != NULL) return gather_put(gather, buffer->bytes, buffer->size, error);
  if (buffer->size == 0) return RESPOOL_OK;
  uint8_t length[LENGTH_BYTES];
  store_u64(length, UINT64_MAX); /* -1: it goes as it is */
  respool_status status = gather_put(gather, length, sizeof length, error);
  return status == RESPOOL_OK ? render(segment, gather, error) : status;
}
