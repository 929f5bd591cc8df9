/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codecs of body compression, one whole frame at a time. Each may be missing from a build. May call: support.
 */
#ifndef RESPOOL_IPC_CODEC_H
#define RESPOOL_IPC_CODEC_H

#include "respool/respool.h"

#include <stdbool.h>
#include <stdint.h>

enum { CODEC_NONE = -1, CODEC_COUNT = 2 }; /* beside CODEC_LZ4_FRAME and CODEC_ZSTD of format.h, which count from 0 */

/*
 * RESPOOL_COMPRESSION_... and level as a user gives them; of a spool the adaptive one too. RESPOOL_INVALID,
 * RESPOOL_UNSUPPORTED: not in this build.
 */
respool_status codec_check(int32_t compression, int32_t level, respool_error *error);
respool_status codec_check_spool(int32_t compression, int32_t level, respool_error *error);

/* The codec of RESPOOL_COMPRESSION_...; of the adaptive one that of the runs that are compressed. */
int codec_of(int32_t compression);
bool codec_available(int codec);

/* RESPOOL_UNSUPPORTED, naming the codec, where this build does not have it. */
respool_status codec_need(int codec, respool_error *error);

/* What packing and unpacking keep between frames. Zeroed before the first use; one thread at a time. */
struct codec_state {
  void *packing[CODEC_COUNT];
  void *unpacking[CODEC_COUNT];
};
void codec_close(struct codec_state *state);

/* The codec is one that is available in all that follows. */

/* The most bytes that a frame of `size` bytes takes, and that a frame of `size` bytes holds. */
int64_t codec_bound(int codec, int64_t size);
int64_t codec_most(int codec, int64_t size);

/*
 * Make a frame of `size` (> 0) bytes at `to`, which has room for codec_bound() of them. The same bytes and level give
 * the same frame, whatever the state was used for before. RESPOOL_NO_MEMORY.
 */
respool_status codec_pack(struct codec_state *state, int codec, int32_t level, const uint8_t *from, int64_t size,
                          uint8_t *to, int64_t *packed, respool_error *error);

/*
 * Unpack what must be one frame, all of it, of exactly `exact` bytes. RESPOOL_CORRUPT with the reason in `*why`,
 * RESPOOL_NO_MEMORY.
 */
respool_status codec_unpack(struct codec_state *state, int codec, const uint8_t *from, int64_t size, uint8_t *to,
                            int64_t exact, const char **why);

/* ---- For the files of the codecs ---- */

struct codec_calls {
  const char *name;
  const char *library;
  int64_t most_ratio; /* of what a frame holds to what it takes */
  int32_t (*least_level)(void);
  int32_t (*most_level)(void);
  int64_t (*bound)(int64_t size);
  respool_status (*pack)(void **context, int32_t level, const uint8_t *from, int64_t size, uint8_t *to, int64_t room,
                         int64_t *packed, respool_error *error);
  void (*close_packing)(void *context);
  respool_status (*unpack)(void **context, const uint8_t *from, int64_t size, uint8_t *to, int64_t exact,
                           const char **why);
  void (*close_unpacking)(void *context);
};

/* `bound` is NULL where this build does not have it. */
extern const struct codec_calls codec_lz4;
extern const struct codec_calls codec_zstd;

#endif
