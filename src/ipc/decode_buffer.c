/* SPDX-License-Identifier: Apache-2.0 */
/* The buffers of a body: each inside of it, unpacked and in the machine's byte order. */
#include "ipc/decoder.h"

#include "ipc/format.h"
#include "support/arith.h"
#include "support/error.h"

#include <inttypes.h>

/*
 * Buffers in another byte order are turned round where they lie, so none may reach into another: what was checked
 * would change again. Writers lay them out one after another.
 */
static respool_status check_place(struct decoder *decoder, int32_t at, const char *name, int64_t offset, int64_t end) {
  if (offset < decoder->passed) {
    return layout_error(decoder->layout, at, RESPOOL_UNSUPPORTED, decoder->error,
                        "%s buffer at %" PRId64 ", before the end of the last one: in big-endian input that is not "
                        "supported",
                        name, offset);
  }
  decoder->passed = end;
  return RESPOOL_OK;
}

/* What a compressed buffer was made of. */
static respool_status expand(struct decoder *decoder, int32_t at, const char *name, struct wire_buffer *extent) {
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
  return decoder_corrupt(decoder, at,
                         "buffers that overlap: up to here they have more bytes than the body, which has %" PRId64,
                         decoder->message->body_size);
}

respool_status decoder_next(struct decoder *decoder, int32_t at, const char *name, struct wire_buffer *extent) {
  int64_t offset = load_i64(decoder->buffers);
  int64_t size = load_i64(decoder->buffers + 8);
  int64_t end;
  decoder->buffers += BUFFER_BYTES;
  if (offset < 0 || size < 0 || !add_fits(offset, size, &end) || end > decoder->message->body_size) {
    return decoder_corrupt(decoder, at, "%s buffer at %" PRId64 " with %" PRId64 " bytes in a body of %" PRId64, name,
                           offset, size, decoder->message->body_size);
  }
  extent->bytes = tree_zeros;
  extent->size = size;
  if (size == 0) return RESPOOL_OK;
  if (offset % 8 != 0)
    return decoder_corrupt(decoder, at, "%s buffer at %" PRId64 ", not a multiple of 8", name, offset);
  extent->bytes = decoder->body + offset;
  respool_status status = check_sum(decoder, at, size);
  if (status != RESPOOL_OK) return status;
  if (decoder->expansion.codec != CODEC_NONE) return expand(decoder, at, name, extent);
  return decoder->message->big_endian ? check_place(decoder, at, name, offset, end) : RESPOOL_OK;
}

respool_status decoder_need(const struct decoder *decoder, int32_t at, const char *name,
                            const struct wire_buffer *extent, int64_t count, int64_t width) {
  int64_t bytes;
  if (mul_fits(count, width, &bytes) && bytes <= extent->size) return RESPOOL_OK;
  return decoder_corrupt(decoder, at, "%s buffer of %" PRId64 " bytes, too small for %" PRId64 " values", name,
                         extent->size, count);
}

respool_status decoder_need_units(const struct decoder *decoder, int32_t at, const char *name,
                                  const struct wire_buffer *extent, int64_t count, enum swap_unit unit, int32_t width) {
  respool_status status = decoder_need(decoder, at, name, extent, count, width);
  if (status == RESPOOL_OK && decoder->message->big_endian && extent->size > 0) {
    swap_units((uint8_t *)(uintptr_t)extent->bytes, count, unit, width);
  }
  return status;
}

respool_status decoder_need_numbers(const struct decoder *decoder, int32_t at, const char *name,
                                    const struct wire_buffer *extent, int64_t count, int32_t width) {
  return decoder_need_units(decoder, at, name, extent, count, SWAP_NUMBERS, width);
}

respool_status decoder_need_values(const struct decoder *decoder, int32_t at, const struct wire_buffer *extent,
                                   int64_t count) {
  const struct layout_node *node = &decoder->layout->nodes[at];
  respool_status status = decoder_need(decoder, at, "value", extent, count, node->width);
  if (status != RESPOOL_OK || !decoder->message->big_endian || node->value == VALUE_BYTES) return status;
  if (node->value == VALUE_PAIR) return decoder_need_numbers(decoder, at, "value", extent, count * 2, 4);
  enum swap_unit unit = node->value == VALUE_MONTHS ? SWAP_MONTHS : SWAP_NUMBERS;
  return decoder_need_units(decoder, at, "value", extent, count, unit, node->width);
}
