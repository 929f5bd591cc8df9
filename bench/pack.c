/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs alone, from memory to memory. */
#include "pack.h"

#include "bench.h"

#include <respool/respool.h>
#include <stdlib.h>

#ifdef RESPOOL_HAVE_LZ4
#include <lz4frame.h>
#endif
#ifdef RESPOOL_HAVE_ZSTD
#include <zstd.h>
#endif

struct packer {
  int32_t compression;
  int32_t level;
  void *packing; /* contexts, used again and again */
  void *unpacking;
};

#ifdef RESPOOL_HAVE_LZ4
static LZ4F_preferences_t lz4_preferences(const packer *p, size_t size) {
  return (LZ4F_preferences_t){.compressionLevel = p->level,
                              .frameInfo = {.blockSizeID = LZ4F_max1MB, .blockMode = LZ4F_blockIndependent},
                              .autoFlush = size > 0};
}

static size_t lz4_room(const packer *p, size_t size) {
  LZ4F_preferences_t preferences = lz4_preferences(p, size);
  return LZ4F_compressFrameBound(size, &preferences);
}

static size_t lz4_one(const packer *p, const void *from, size_t size, void *to, size_t room) {
  LZ4F_preferences_t preferences = lz4_preferences(p, size);
  size_t made = LZ4F_compressFrame(to, room, from, size, &preferences);
  BENCH_NEED(!LZ4F_isError(made), "LZ4: %s", LZ4F_getErrorName(made));
  return made;
}

static void lz4_undo(packer *p, const void *from, size_t size, void *to, size_t exact) {
  LZ4F_decompressOptions_t options = {.stableDst = 1};
  LZ4F_dctx *context = p->unpacking;
  if (context == NULL) LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
  p->unpacking = context;
  for (size_t at = 0, done = 0; at < size;) {
    size_t taken = size - at, made = exact - done;
    size_t code = LZ4F_decompress(context, (char *)to + done, &made, (const char *)from + at, &taken, &options);
    BENCH_NEED(!LZ4F_isError(code), "LZ4: %s", LZ4F_getErrorName(code));
    at += taken;
    done += made;
  }
}
#endif

#ifdef RESPOOL_HAVE_ZSTD
static size_t zstd_one(packer *p, const void *from, size_t size, void *to, size_t room) {
  if (p->packing == NULL) p->packing = ZSTD_createCCtx();
  size_t made = ZSTD_compressCCtx(p->packing, to, room, from, size, p->level);
  BENCH_NEED(!ZSTD_isError(made), "ZSTD: %s", ZSTD_getErrorName(made));
  return made;
}

static void zstd_undo(packer *p, const void *from, size_t size, void *to, size_t exact) {
  if (p->unpacking == NULL) p->unpacking = ZSTD_createDCtx();
  size_t made = ZSTD_decompressDCtx(p->unpacking, to, exact, from, size);
  BENCH_NEED(made == exact, "ZSTD: %s", ZSTD_isError(made) ? ZSTD_getErrorName(made) : "another size");
}
#endif

packer *pack_open(int32_t compression, int32_t level) {
  packer *p = bench_allocate(sizeof *p);
  *p = (packer){.compression = compression, .level = level};
  return p;
}

void pack_close(packer *p) {
#ifdef RESPOOL_HAVE_LZ4
  if (p->compression == RESPOOL_COMPRESSION_LZ4) LZ4F_freeDecompressionContext(p->unpacking);
#endif
#ifdef RESPOOL_HAVE_ZSTD
  if (p->compression == RESPOOL_COMPRESSION_ZSTD) {
    ZSTD_freeCCtx(p->packing);
    ZSTD_freeDCtx(p->unpacking);
  }
#endif
  free(p);
}

size_t pack_room(const packer *p, size_t size) {
#ifdef RESPOOL_HAVE_LZ4
  if (p->compression == RESPOOL_COMPRESSION_LZ4) return lz4_room(p, size);
#endif
#ifdef RESPOOL_HAVE_ZSTD
  if (p->compression == RESPOOL_COMPRESSION_ZSTD) return ZSTD_compressBound(size);
#endif
  bench_die("no codec %d for %zu bytes", p->compression, size);
}

size_t pack_one(packer *p, const void *from, size_t size, void *to, size_t room) {
#ifdef RESPOOL_HAVE_LZ4
  if (p->compression == RESPOOL_COMPRESSION_LZ4) return lz4_one(p, from, size, to, room);
#endif
#ifdef RESPOOL_HAVE_ZSTD
  if (p->compression == RESPOOL_COMPRESSION_ZSTD) return zstd_one(p, from, size, to, room);
#endif
  bench_die("no codec %d for %zu bytes from %p to %p of %zu", p->compression, size, from, to, room);
}

void pack_undo(packer *p, const void *from, size_t size, void *to, size_t exact) {
#ifdef RESPOOL_HAVE_LZ4
  if (p->compression == RESPOOL_COMPRESSION_LZ4) {
    lz4_undo(p, from, size, to, exact);
    return;
  }
#endif
#ifdef RESPOOL_HAVE_ZSTD
  if (p->compression == RESPOOL_COMPRESSION_ZSTD) {
    zstd_undo(p, from, size, to, exact);
    return;
  }
#endif
  bench_die("no codec %d for %zu bytes from %p to %p of %zu", p->compression, size, from, to, exact);
}
