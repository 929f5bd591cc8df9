/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs by number. */
#include "ipc/codec.h"

#include "ipc/format.h"
#include "support/arith.h"
#include "support/error.h"

static const struct codec_calls *calls_of(int codec) {
  return codec == CODEC_LZ4_FRAME ? &codec_lz4 : &codec_zstd;
}

bool codec_available(int codec) {
  return codec >= 0 && codec < CODEC_COUNT && calls_of(codec)->bound != NULL;
}

int codec_of(int32_t compression) {
  switch (compression) {
  case RESPOOL_COMPRESSION_LZ4:
    return CODEC_LZ4_FRAME;
  case RESPOOL_COMPRESSION_ZSTD:
    return CODEC_ZSTD;
  case RESPOOL_COMPRESSION_ADAPTIVE: /* the cheap one, where it is */
    return codec_available(CODEC_LZ4_FRAME) ? CODEC_LZ4_FRAME : CODEC_ZSTD;
  default:
    return CODEC_NONE;
  }
}

int respool_compression_available(int32_t compression) {
  return compression == RESPOOL_COMPRESSION_NONE || codec_available(codec_of(compression)) ? 1 : 0;
}

respool_status codec_need(int codec, respool_error *error) {
  if (codec_available(codec)) return RESPOOL_OK;
  return error_set(error, RESPOOL_UNSUPPORTED, "this build has no %s compression: it was made without %s",
                   calls_of(codec)->name, calls_of(codec)->library);
}

respool_status codec_check_spool(int32_t compression, int32_t level, respool_error *error) {
  if (compression != RESPOOL_COMPRESSION_ADAPTIVE) return codec_check(compression, level, error);
  if (level != 0) {
    return error_set(error, RESPOOL_INVALID, "compression_level %d with adaptive compression, which has none", level);
  }
  if (codec_available(codec_of(compression))) return RESPOOL_OK;
  return error_set(error, RESPOOL_UNSUPPORTED, "this build has no compression: it was made without liblz4 and libzstd");
}

respool_status codec_check(int32_t compression, int32_t level, respool_error *error) {
  if (compression == RESPOOL_COMPRESSION_ADAPTIVE) {
    return error_set(error, RESPOOL_INVALID, "adaptive compression is for the file of a spool: here it takes a codec");
  }
  if (compression < RESPOOL_COMPRESSION_NONE || compression > RESPOOL_COMPRESSION_ZSTD) {
    return error_set(error, RESPOOL_INVALID, "compression %d is none of RESPOOL_COMPRESSION_...", compression);
  }
  int codec = codec_of(compression);
  if (codec == CODEC_NONE) {
    if (level == 0) return RESPOOL_OK;
    return error_set(error, RESPOOL_INVALID, "compression_level %d without a compression", level);
  }
  respool_status status = codec_need(codec, error);
  if (status != RESPOOL_OK || level == 0) return status;
  const struct codec_calls *calls = calls_of(codec);
  if (level >= calls->least_level() && level <= calls->most_level()) return RESPOOL_OK;
  return error_set(error, RESPOOL_INVALID, "compression_level %d of %s is not in %d to %d", level, calls->name,
                   calls->least_level(), calls->most_level());
}

void codec_close(struct codec_state *state) {
  for (int codec = 0; codec < CODEC_COUNT; codec++) {
    if (state->packing[codec] != NULL) calls_of(codec)->close_packing(state->packing[codec]);
    if (state->unpacking[codec] != NULL) calls_of(codec)->close_unpacking(state->unpacking[codec]);
  }
  *state = (struct codec_state){0};
}

int64_t codec_bound(int codec, int64_t size) {
  return calls_of(codec)->bound(size);
}

int64_t codec_most(int codec, int64_t size) {
  int64_t most;
  return mul_fits(size, calls_of(codec)->most_ratio, &most) ? most : INT64_MAX;
}

respool_status codec_pack(struct codec_state *state, int codec, int32_t level, const uint8_t *from, int64_t size,
                          uint8_t *to, int64_t *packed, respool_error *error) {
  const struct codec_calls *calls = calls_of(codec);
  return calls->pack(&state->packing[codec], level, from, size, to, calls->bound(size), packed, error);
}

respool_status codec_unpack(struct codec_state *state, int codec, const uint8_t *from, int64_t size, uint8_t *to,
                            int64_t exact, const char **why) {
  return calls_of(codec)->unpack(&state->unpacking[codec], from, size, to, exact, why);
}
