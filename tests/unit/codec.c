/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/codec: frames of every size come back, are the same whatever was made before them, and nothing but one whole
 * frame of exactly the declared size is taken. Frames and results lie in blocks of exactly their size.
 */
#include "ipc/codec.h"

#include "ipc/format.h"
#include "support/alloc.h"

#include "check.h"
#include "random.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[CODEC_COUNT] = {"LZ4", "ZSTD"};

static bool missing(int codec) {
  if (codec_available(codec)) return false;
  kit_note("this build has no %s", names[codec]);
  return true;
}

/* How the bytes are drawn: from what shrinks to nothing to what does not shrink. */
enum taste { ZEROS, PATTERN, WORDS, NOISE, TASTES };

static uint8_t *make_bytes(enum taste taste, int64_t size, uint64_t seed) {
  uint8_t *bytes = malloc((size_t)size + 1);
  if (bytes == NULL) kit_die("no memory");
  kit_random random;
  kit_random_init(&random, seed);
  for (int64_t i = 0; i < size; i++) {
    uint64_t drawn = taste == ZEROS || taste == PATTERN ? 0 : kit_random_next(&random);
    bytes[i] = taste == PATTERN ? (uint8_t)(i / 8 % 251) : taste == WORDS ? (uint8_t)(drawn % 4) : (uint8_t)drawn;
  }
  return bytes;
}

/* The frame of some bytes, in a block of its size. */
static uint8_t *make_frame(struct codec_state *state, int codec, int32_t level, const uint8_t *bytes, int64_t size,
                           int64_t *packed) {
  uint8_t *room = malloc((size_t)codec_bound(codec, size));
  if (room == NULL) kit_die("no memory");
  REQUIRE_OK(codec_pack(state, codec, level, bytes, size, room, packed, kit_error()));
  CHECK_LE(*packed, codec_bound(codec, size));
  CHECK_LE(size, codec_most(codec, *packed));
  uint8_t *frame = wire_exact(room, (size_t)*packed);
  free(room);
  return frame;
}

/* Unpack into a block of exactly the declared size, so that a sanitizer sees what goes beyond. */
static respool_status unpack(struct codec_state *state, int codec, const uint8_t *frame, int64_t size, int64_t exact,
                             const uint8_t *expected) {
  const char *why = NULL;
  uint8_t *copy = wire_exact(frame, (size_t)size);
  uint8_t *to = malloc(exact > 0 ? (size_t)exact : 1);
  respool_status status = codec_unpack(state, codec, copy, size, to, exact, &why);
  if (status == RESPOOL_CORRUPT) CHECK(why != NULL);
  if (status == RESPOOL_OK && expected != NULL) CHECK_EQ(memcmp(to, expected, (size_t)exact), 0);
  free(to);
  free(copy);
  return status;
}

/* ---- There and back -------------------------------------------------------------------------------- */

static void check_size(struct codec_state *state, int codec, int32_t level, enum taste taste, int64_t size) {
  uint8_t *bytes = make_bytes(taste, size, kit_seed());
  int64_t packed;
  uint8_t *frame = make_frame(state, codec, level, bytes, size, &packed);
  CHECK_OK(unpack(state, codec, frame, packed, size, bytes));
  if (kit_failures() > 0) kit_note("%s, level %d, taste %d, %d bytes", names[codec], level, taste, (int)size);
  free(frame);
  free(bytes);
}

static void every_size(void) {
  static const int64_t edges[] = {1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 17, 1 << 18, 1 << 20, 5 << 20};
  for (int codec = 0; codec < CODEC_COUNT; codec++) {
    if (missing(codec)) continue;
    struct codec_state state = {0};
    for (int taste = 0; taste < TASTES; taste++) {
      for (int64_t size = 1; size < 300 && kit_failures() == 0; size++)
        check_size(&state, codec, 0, (enum taste)taste, size);
      size_t count = sizeof edges / sizeof edges[0] - (kit_slow() ? 2 : 0);
      for (size_t i = 0; i < count && kit_failures() == 0; i++)
        for (int64_t size = edges[i] - 2; size <= edges[i] + 2; size++)
          check_size(&state, codec, 0, (enum taste)taste, size);
    }
    codec_close(&state);
  }
}

static void every_level(void) {
  static const int32_t most[CODEC_COUNT] = {12, 22};
  for (int codec = 0; codec < CODEC_COUNT; codec++) {
    if (missing(codec)) continue;
    struct codec_state state = {0};
    for (int32_t level = kit_slow() ? 0 : -10; level <= (kit_slow() ? 4 : most[codec]); level++)
      check_size(&state, codec, level, WORDS, 50000);
    codec_close(&state);
  }
}

/* Invariant 12 rests on this: a frame depends on nothing but its bytes and level. */
static void frames_do_not_depend_on_the_past(void) {
  static const int32_t levels[] = {0, 1, 3, 4, 5, 7, 9, 12};
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int codec = 0; codec < CODEC_COUNT; codec++) {
    if (missing(codec)) continue;
    struct codec_state kept = {0};
    for (int i = 0; i < (kit_slow() ? 20 : 400) && kit_failures() == 0; i++) {
      int64_t size = 1 + kit_random_below(&random, i % 10 == 0 ? 400000 : 3000);
      int32_t level = levels[kit_random_below(&random, sizeof levels / sizeof levels[0])];
      enum taste taste = (enum taste)kit_random_below(&random, TASTES);
      uint8_t *bytes = make_bytes(taste, size, kit_random_next(&random));
      struct codec_state fresh = {0};
      int64_t a, b;
      uint8_t *first = make_frame(&kept, codec, level, bytes, size, &a);
      uint8_t *second = make_frame(&fresh, codec, level, bytes, size, &b);
      CHECK_EQ(a, b);
      CHECK(a == b && memcmp(first, second, (size_t)a) == 0);
      codec_close(&fresh);
      free(first);
      free(second);
      free(bytes);
    }
    codec_close(&kept);
  }
}

/* ---- What is no such frame ------------------------------------------------------------------------- */

/* A sample of 1,000 bytes whose frame is neither empty nor stored as it is. */
enum { SAMPLE = 1000 };

static uint8_t *sample_frame(struct codec_state *state, int codec, uint8_t **bytes, int64_t *packed) {
  *bytes = make_bytes(WORDS, SAMPLE, 1);
  uint8_t *frame = make_frame(state, codec, 0, *bytes, SAMPLE, packed);
  REQUIRE(*packed < SAMPLE);
  return frame;
}

static void wrong_sizes(void) {
  for (int codec = 0; codec < CODEC_COUNT; codec++) {
    if (missing(codec)) continue;
    struct codec_state state = {0};
    uint8_t *bytes;
    int64_t packed;
    uint8_t *frame = sample_frame(&state, codec, &bytes, &packed);
    static const int64_t declared[] = {0, 1, SAMPLE - 1, SAMPLE + 1, SAMPLE + 64, 2 * SAMPLE, 1 << 20};
    for (size_t i = 0; i < sizeof declared / sizeof declared[0]; i++)
      CHECK_STATUS(unpack(&state, codec, frame, packed, declared[i], NULL), RESPOOL_CORRUPT);
    CHECK_OK(unpack(&state, codec, frame, packed, SAMPLE, bytes)); /* the state has not suffered */
    free(frame);
    free(bytes);
    codec_close(&state);
  }
}

static void every_length_that_is_cut(void) {
  for (int codec = 0; codec < CODEC_COUNT; codec++) {
    if (missing(codec)) continue;
    struct codec_state state = {0};
    uint8_t *bytes;
    int64_t packed;
    uint8_t *frame = sample_frame(&state, codec, &bytes, &packed);
    for (int64_t size = 0; size < packed; size++)
      CHECK_STATUS(unpack(&state, codec, frame, size, SAMPLE, NULL), RESPOOL_CORRUPT);
    CHECK_OK(unpack(&state, codec, frame, packed, SAMPLE, bytes));
    free(frame);
    free(bytes);
    codec_close(&state);
  }
}

/* Bytes behind a frame: zeros, the same frame again, a frame of nothing, one to skip. Before it: one to skip. */
static void more_than_one_frame(void) {
  static const uint8_t skip[] = {0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4};
  for (int codec = 0; codec < CODEC_COUNT; codec++) {
    if (missing(codec)) continue;
    struct codec_state state = {0};
    uint8_t *bytes;
    int64_t packed;
    uint8_t *frame = sample_frame(&state, codec, &bytes, &packed);
    uint8_t *two = calloc(1, 2 * (size_t)packed + sizeof skip);
    memcpy(two, frame, (size_t)packed);
    for (int64_t more = 1; more <= 16; more++)
      CHECK_STATUS(unpack(&state, codec, two, packed + more, SAMPLE, NULL), RESPOOL_CORRUPT);
    memcpy(two + packed, frame, (size_t)packed);
    CHECK_STATUS(unpack(&state, codec, two, 2 * packed, SAMPLE, NULL), RESPOOL_CORRUPT);
    CHECK_STATUS(unpack(&state, codec, two, 2 * packed, 2 * SAMPLE, NULL), RESPOOL_CORRUPT);
    memcpy(two + packed, skip, sizeof skip);
    CHECK_STATUS(unpack(&state, codec, two, packed + (int64_t)sizeof skip, SAMPLE, NULL), RESPOOL_CORRUPT);
    memcpy(two, skip, sizeof skip);
    memcpy(two + sizeof skip, frame, (size_t)packed);
    CHECK_STATUS(unpack(&state, codec, two, packed + (int64_t)sizeof skip, SAMPLE, NULL), RESPOOL_CORRUPT);
    CHECK_STATUS(unpack(&state, codec, skip, sizeof skip, 0, NULL), RESPOOL_CORRUPT);
    CHECK_OK(unpack(&state, codec, frame, packed, SAMPLE, bytes));
    free(two);
    free(frame);
    free(bytes);
    codec_close(&state);
  }
}

/*
 * Whatever byte is changed, the answer is an error or bytes of the declared size; and the next good frame is read
 * well.
 */
static void every_byte_changed(void) {
  for (int codec = 0; codec < CODEC_COUNT; codec++) {
    if (missing(codec)) continue;
    struct codec_state state = {0};
    uint8_t *bytes;
    int64_t packed;
    uint8_t *frame = sample_frame(&state, codec, &bytes, &packed);
    for (int64_t at = 0; at < packed; at++) {
      for (int bit = 0; bit < 8; bit++) {
        frame[at] ^= (uint8_t)(1 << bit);
        respool_status status = unpack(&state, codec, frame, packed, SAMPLE, NULL);
        CHECK(status == RESPOOL_OK || status == RESPOOL_CORRUPT);
        frame[at] ^= (uint8_t)(1 << bit);
      }
      CHECK_OK(unpack(&state, codec, frame, packed, SAMPLE, bytes));
    }
    free(frame);
    free(bytes);
    codec_close(&state);
  }
}

static void the_frame_of_the_other_codec(void) {
  if (missing(CODEC_LZ4_FRAME) || missing(CODEC_ZSTD)) return;
  struct codec_state state = {0};
  for (int codec = 0; codec < CODEC_COUNT; codec++) {
    uint8_t *bytes;
    int64_t packed;
    uint8_t *frame = sample_frame(&state, codec, &bytes, &packed);
    CHECK_STATUS(unpack(&state, 1 - codec, frame, packed, SAMPLE, NULL), RESPOOL_CORRUPT);
    free(frame);
    free(bytes);
  }
  codec_close(&state);
}

/* ---- Memory, and what users give ------------------------------------------------------------------- */

static bool refuse_all(void) {
  return true;
}

static void no_memory(void) {
  uint8_t bytes[SAMPLE] = {0};
  uint8_t room[2 * SAMPLE + 100];
  for (int codec = 0; codec < CODEC_COUNT; codec++) {
    if (missing(codec)) continue;
    struct codec_state state = {0};
    int64_t packed = 0;
    const char *why;
    REQUIRE(codec_bound(codec, SAMPLE) <= (int64_t)sizeof room);
    mem_fault = refuse_all;
    CHECK_ERROR(codec_pack(&state, codec, 9, bytes, SAMPLE, room, &packed, kit_error()), RESPOOL_NO_MEMORY, NULL);
    mem_fault = NULL;
    REQUIRE_OK(codec_pack(&state, codec, 9, bytes, SAMPLE, room, &packed, kit_error()));
    mem_fault = refuse_all;
    CHECK_STATUS(codec_unpack(&state, codec, room, packed, bytes, SAMPLE, &why), RESPOOL_NO_MEMORY);
    mem_fault = NULL;
    CHECK_STATUS(codec_unpack(&state, codec, room, packed, bytes, SAMPLE, &why), RESPOOL_OK);
    codec_close(&state);
  }
}

static void choices(void) {
  CHECK_OK(codec_check(RESPOOL_COMPRESSION_NONE, 0, kit_error()));
  CHECK_ERROR(codec_check(RESPOOL_COMPRESSION_NONE, 1, kit_error()), RESPOOL_INVALID, "without a compression");
  CHECK_ERROR(codec_check(-1, 0, kit_error()), RESPOOL_INVALID, "none of RESPOOL_COMPRESSION_");
  CHECK_ERROR(codec_check(4, 0, kit_error()), RESPOOL_INVALID, "none of RESPOOL_COMPRESSION_");
  CHECK_ERROR(codec_check_spool(4, 0, kit_error()), RESPOOL_INVALID, "none of RESPOOL_COMPRESSION_");
  CHECK_EQ(respool_compression_available(RESPOOL_COMPRESSION_NONE), 1);
  CHECK_EQ(respool_compression_available(4), 0);
  CHECK_EQ(respool_compression_available(-1), 0);
  for (int32_t compression = RESPOOL_COMPRESSION_LZ4; compression <= RESPOOL_COMPRESSION_ZSTD; compression++) {
    int codec = codec_of(compression);
    CHECK_EQ(respool_compression_available(compression), codec_available(codec));
    if (codec_available(codec)) {
      CHECK_OK(codec_check(compression, 0, kit_error()));
      CHECK_OK(codec_check(compression, 12, kit_error()));
      CHECK_OK(codec_check(compression, -5, kit_error()));
      CHECK_ERROR(codec_check(compression, 23, kit_error()), RESPOOL_INVALID, "is not in");
      CHECK_ERROR(codec_check(compression, INT32_MIN, kit_error()), RESPOOL_INVALID, "is not in");
    } else {
      CHECK_ERROR(codec_check(compression, 0, kit_error()), RESPOOL_UNSUPPORTED, "this build has no");
    }
  }
}

/* A spool's alone: LZ4, or ZSTD where only that is there. */
static void adaptive(void) {
  const int32_t compression = RESPOOL_COMPRESSION_ADAPTIVE;
  bool lz4 = codec_available(CODEC_LZ4_FRAME), any = lz4 || codec_available(CODEC_ZSTD);
  CHECK_EQ(respool_compression_available(compression), any);
  CHECK_EQ(codec_of(compression), lz4 ? CODEC_LZ4_FRAME : CODEC_ZSTD);
  CHECK_ERROR(codec_check(compression, 0, kit_error()), RESPOOL_INVALID, "for the file of a spool");
  CHECK_ERROR(codec_check_spool(compression, 1, kit_error()), RESPOOL_INVALID, "compression_level 1");
  if (any) {
    CHECK_OK(codec_check_spool(compression, 0, kit_error()));
  } else {
    CHECK_ERROR(codec_check_spool(compression, 0, kit_error()), RESPOOL_UNSUPPORTED, "without liblz4 and libzstd");
  }
}

static const kit_test tests[] = {
    KIT_TEST(adaptive),
    KIT_TEST(every_size),
    KIT_TEST(every_level),
    KIT_TEST(frames_do_not_depend_on_the_past),
    KIT_TEST(wrong_sizes),
    KIT_TEST(every_length_that_is_cut),
    KIT_TEST(more_than_one_frame),
    KIT_TEST(every_byte_changed),
    KIT_TEST(the_frame_of_the_other_codec),
    KIT_TEST(no_memory),
    KIT_TEST(choices),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
