/* SPDX-License-Identifier: Apache-2.0 */
/* The LZ4 frame format, by liblz4. */
#include "ipc/codec.h"

#ifdef RESPOOL_HAVE_LZ4

#include "support/alloc.h"
#include "support/error.h"

#include <lz4frame.h>
#include <string.h>

enum { HIGH_LEVELS = 3, MOST_LEVEL = 12, LEAST_LEVEL = -65536 }; /* lz4hc.h: LZ4HC_CLEVEL_MIN, LZ4HC_CLEVEL_MAX */

static int32_t least_level(void) {
  return LEAST_LEVEL;
}

static int32_t most_level(void) {
  return MOST_LEVEL;
}

/*
 * Blocks do not refer to each other, which some readers cannot follow. The context is always a new one: with one that
 * was used before, the frame may depend on what for.
 */
static LZ4F_preferences_t preferences_of(int32_t level, int64_t size) {
  LZ4F_preferences_t preferences = {.compressionLevel = level};
  preferences.frameInfo.blockSizeID = LZ4F_max1MB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.frameInfo.contentSize = (unsigned long long)size;
  return preferences;
}

static int64_t bound(int64_t size) {
  LZ4F_preferences_t preferences = preferences_of(0, size);
  return (int64_t)LZ4F_compressFrameBound((size_t)size, &preferences);
}

static bool is_no_memory(size_t code) {
  return strcmp(LZ4F_getErrorName(code), "ERROR_allocation_failed") == 0;
}

static respool_status pack(void **context, int32_t level, const uint8_t *from, int64_t size, uint8_t *to, int64_t room,
                           int64_t *packed, respool_error *error) {
  (void)context;
  LZ4F_preferences_t preferences = preferences_of(level, size);
  if (level >= HIGH_LEVELS && mem_refused()) return error_no_memory(error);
  size_t made = LZ4F_compressFrame(to, (size_t)room, from, (size_t)size, &preferences);
  if (!LZ4F_isError(made)) {
    *packed = (int64_t)made;
    return RESPOOL_OK;
  }
  if (is_no_memory(made)) return error_no_memory(error);
  return error_set(error, RESPOOL_INVALID, "LZ4: %s", LZ4F_getErrorName(made));
}

static void close_packing(void *context) {
  (void)context;
}

static LZ4F_dctx *unpacking_of(void **context) {
  LZ4F_dctx *made = *context;
  if (made != NULL) return made;
  if (mem_refused() || LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION))) return NULL;
  *context = made;
  return made;
}

static respool_status failed(size_t code, const char **why) {
  if (is_no_memory(code)) return RESPOOL_NO_MEMORY;
  *why = "damaged LZ4 frame";
  return RESPOOL_CORRUPT;
}

/* The frame's header. `*used` is what it takes. */
static respool_status read_header(LZ4F_dctx *context, const uint8_t *from, int64_t size, int64_t exact, size_t *used,
                                  const char **why) {
  LZ4F_frameInfo_t info;
  *used = (size_t)size;
  size_t code = LZ4F_getFrameInfo(context, &info, from, used);
  if (LZ4F_isError(code)) return failed(code, why);
  *why = info.frameType != LZ4F_frame                                             ? "an LZ4 frame of another kind"
         : info.dictID != 0                                                       ? "an LZ4 frame with a dictionary"
         : info.contentSize != 0 && info.contentSize != (unsigned long long)exact ? "an LZ4 frame of another size"
                                                                                  : NULL;
  return *why == NULL ? RESPOOL_OK : RESPOOL_CORRUPT;
}

static respool_status unpack_frame(LZ4F_dctx *context, const uint8_t *from, int64_t size, uint8_t *to, int64_t exact,
                                   const char **why) {
  LZ4F_decompressOptions_t options = {.stableDst = 1};
  size_t at;
  respool_status status = read_header(context, from, size, exact, &at, why);
  if (status != RESPOOL_OK) return status;
  size_t done = 0;
  for (;;) {
    size_t taken = (size_t)size - at;
    size_t made = (size_t)exact - done;
    size_t code = LZ4F_decompress(context, to + done, &made, from + at, &taken, &options);
    if (LZ4F_isError(code)) return failed(code, why);
    at += taken;
    done += made;
    *why = code == 0 && at < (size_t)size         ? "bytes behind the LZ4 frame"
           : code == 0 && done < (size_t)exact    ? "an LZ4 frame of fewer bytes"
           : code != 0 && taken == 0 && made == 0 ? "an LZ4 frame that is cut short, or of more bytes"
                                                  : NULL;
    if (*why != NULL) return RESPOOL_CORRUPT;
    if (code == 0) return RESPOOL_OK;
  }
}

static respool_status unpack(void **context, const uint8_t *from, int64_t size, uint8_t *to, int64_t exact,
                             const char **why) {
  LZ4F_dctx *own = unpacking_of(context);
  if (own == NULL) return RESPOOL_NO_MEMORY;
  respool_status status = unpack_frame(own, from, size, to, exact, why);
  if (status != RESPOOL_OK) LZ4F_resetDecompressionContext(own);
  return status;
}

static void close_unpacking(void *context) {
  LZ4F_freeDecompressionContext(context);
}

const struct codec_calls codec_lz4 = {.name = "LZ4",
                                      .library = "liblz4",
                                      .most_ratio = 256,
                                      .least_level = least_level,
                                      .most_level = most_level,
                                      .bound = bound,
                                      .pack = pack,
                                      .close_packing = close_packing,
                                      .unpack = unpack,
                                      .close_unpacking = close_unpacking};

#else

const struct codec_calls codec_lz4 = {.name = "LZ4", .library = "liblz4"};

#endif
