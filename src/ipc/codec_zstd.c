/* SPDX-License-Identifier: Apache-2.0 */
/* The Zstandard format, by libzstd. */
#include "ipc/codec.h"

#ifdef RESPOOL_HAVE_ZSTD

#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <zstd.h>
#include <zstd_errors.h>

/*
 * Up to the default level a context that is used again gives the same frames as a new one. Higher levels may search
 * with tables that are salted anew at each use (libzstd from 1.5.5 on), so they get a new one each time.
 */
enum { REUSE_UP_TO = 3 };

static int32_t least_level(void) {
  return ZSTD_minCLevel();
}

static int32_t most_level(void) {
  return ZSTD_maxCLevel();
}

static int64_t bound(int64_t size) {
  return (int64_t)ZSTD_compressBound((size_t)size);
}

static void close_packing(void *context) {
  ZSTD_freeCCtx(context);
}

static respool_status pack(void **context, int32_t level, const uint8_t *from, int64_t size, uint8_t *to, int64_t room,
                           int64_t *packed, respool_error *error) {
  if (*context == NULL && !mem_refused()) *context = ZSTD_createCCtx();
  if (*context == NULL) return error_no_memory(error);
  size_t made = ZSTD_compressCCtx(*context, to, (size_t)room, from, (size_t)size, level);
  if (level > REUSE_UP_TO) {
    ZSTD_freeCCtx(*context);
    *context = NULL;
  }
  if (!ZSTD_isError(made)) {
    *packed = (int64_t)made;
    return RESPOOL_OK;
  }
  if (ZSTD_getErrorCode(made) == ZSTD_error_memory_allocation) return error_no_memory(error);
  return error_set(error, RESPOOL_INVALID, "ZSTD: %s", ZSTD_getErrorName(made));
}

/* The library would take several frames, skippable ones and those of old formats as well. */
static const char *check_frame(const uint8_t *from, int64_t size, int64_t exact) {
  if (size < 4 || load_u32(from) != ZSTD_MAGICNUMBER) return "no ZSTD frame";
  size_t frame = ZSTD_findFrameCompressedSize(from, (size_t)size);
  if (ZSTD_isError(frame)) return "damaged ZSTD frame, or cut short";
  if (frame != (size_t)size) return "bytes behind the ZSTD frame";
  unsigned long long content = ZSTD_getFrameContentSize(from, (size_t)size);
  if (content == ZSTD_CONTENTSIZE_ERROR) return "damaged ZSTD frame";
  if (content != ZSTD_CONTENTSIZE_UNKNOWN && content != (unsigned long long)exact)
    return "a ZSTD frame of another size";
  return NULL;
}

static respool_status unpack(void **context, const uint8_t *from, int64_t size, uint8_t *to, int64_t exact,
                             const char **why) {
  *why = check_frame(from, size, exact);
  if (*why != NULL) return RESPOOL_CORRUPT;
  if (*context == NULL && !mem_refused()) *context = ZSTD_createDCtx();
  if (*context == NULL) return RESPOOL_NO_MEMORY;
  size_t made = ZSTD_decompressDCtx(*context, to, (size_t)exact, from, (size_t)size);
  if (made == (size_t)exact) return RESPOOL_OK;
  if (!ZSTD_isError(made)) {
    *why = "a ZSTD frame of fewer bytes";
  } else if (ZSTD_getErrorCode(made) == ZSTD_error_memory_allocation) {
    return RESPOOL_NO_MEMORY;
  } else {
    *why = ZSTD_getErrorCode(made) == ZSTD_error_dstSize_tooSmall ? "a ZSTD frame of more bytes" : "damaged ZSTD frame";
  }
  return RESPOOL_CORRUPT;
}

static void close_unpacking(void *context) {
  ZSTD_freeDCtx(context);
}

/* A block takes at least 4 bytes and holds at most 128 KiB. */
const struct codec_calls codec_zstd = {.name = "ZSTD",
                                       .library = "libzstd",
                                       .most_ratio = (128 << 10) / 4,
                                       .least_level = least_level,
                                       .most_level = most_level,
                                       .bound = bound,
                                       .pack = pack,
                                       .close_packing = close_packing,
                                       .unpack = unpack,
                                       .close_unpacking = close_unpacking};

#else

const struct codec_calls codec_zstd = {.name = "ZSTD", .library = "libzstd"};

#endif
