/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing: the same seals whatever pieces the bytes come in, bytes that go on unchanged, and nothing kept of a row of
 * writes that failed. */
#include "store/seal.h"

#include "store/checksum.h"
#include "support/alloc.h"
#include "support/error.h"

#include "check.h"
#include "random.h"

#include <string.h>

enum { BYTES = 20000, EXTENTS = 12, START = 4096 };

static uint8_t bytes[BYTES];

/* Where what was sealed goes. */
struct sink {
  uint8_t bytes[BYTES];
  size_t size;
  bool fails;
};

static respool_status collect(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  struct sink *sink = context;
  if (sink->fails) return error_set(error, RESPOOL_NO_SPACE, "full");
  for (int i = 0; i < count; i++) {
    memcpy(sink->bytes + sink->size, pieces[i].bytes, pieces[i].length);
    sink->size += pieces[i].length;
  }
  return RESPOOL_OK;
}

static struct sealer *open_sealer(void) {
  struct sealer *sealer = NULL;
  kit_random random;
  kit_random_init(&random, 1);
  kit_random_fill(&random, bytes, sizeof bytes);
  REQUIRE_OK(sealer_open(&(struct sealing){SEAL_CHECKSUM}, &sealer, kit_error()));
  return sealer;
}

static void check_seal(const struct seal *seal, int64_t from, int64_t to) {
  CHECK_EQ(seal->words[0], checksum_of(bytes + from, to - from));
}

static struct sink sink;

/* Take all bytes in pieces and calls that are cut by chance. */
static void take_in_pieces(struct sealer *sealer, kit_random *random, int64_t most) {
  size_t at = 0;
  while (at < BYTES) {
    struct gather_piece pieces[5];
    int count = 0;
    for (; count < 5 && at < BYTES; count++) {
      size_t length = (size_t)kit_random_between(random, 0, most);
      if (length > BYTES - at) length = BYTES - at;
      pieces[count] = (struct gather_piece){bytes + at, length};
      at += length;
    }
    CHECK_OK(sealer_take(sealer, pieces, count, kit_error()));
  }
}

/* Extents start anywhere; the first one leaves some bytes before it, as the schema does. */
static void whatever_the_pieces(void) {
  struct sealer *sealer = open_sealer();
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int round = 0; round < (kit_slow() ? 50 : 1000) && kit_failures() == 0; round++) {
    int64_t starts[EXTENTS + 1];
    struct seal seals[EXTENTS] = {{{0}}};
    int64_t at = kit_random_between(&random, 0, 100);
    sink = (struct sink){.size = 0};
    sealer_begin(sealer, collect, &sink, START);
    for (int i = 0; i < EXTENTS; i++) {
      starts[i] = at;
      REQUIRE_OK(sealer_mark(sealer, START + at, &seals[i], kit_error()));
      at += kit_random_between(&random, 1, BYTES / EXTENTS - 100);
    }
    starts[EXTENTS] = BYTES;
    take_in_pieces(sealer, &random, kit_random_between(&random, 1, 5000));
    sealer_settle(sealer);
    for (int i = 0; i < EXTENTS; i++) check_seal(&seals[i], starts[i], starts[i + 1]);
    CHECK_EQ(sink.size, BYTES);
    CHECK_EQ(memcmp(sink.bytes, bytes, BYTES), 0);
  }
  sealer_close(sealer);
}

static void put(struct sealer *sealer, int64_t from, int64_t to) {
  struct gather_piece piece = {bytes + from, (size_t)(to - from)};
  CHECK_OK(sealer_take(sealer, &piece, 1, kit_error()));
}

/* An extent may be settled as soon as its bytes have come, and more be marked afterwards. */
static void settled_between(void) {
  struct sealer *sealer = open_sealer();
  struct seal seals[3] = {{{0}}};
  sink = (struct sink){.size = 0};
  sealer_begin(sealer, collect, &sink, 0);
  REQUIRE_OK(sealer_mark(sealer, 0, &seals[0], kit_error()));
  REQUIRE_OK(sealer_mark(sealer, 64, &seals[1], kit_error()));
  put(sealer, 0, 100);
  check_seal(&seals[0], 0, 64);
  CHECK_EQ(seals[1].words[0], 0); /* it may go on */
  sealer_settle(sealer);
  check_seal(&seals[1], 64, 100);
  REQUIRE_OK(sealer_mark(sealer, 100, &seals[2], kit_error()));
  put(sealer, 100, 300);
  sealer_settle(sealer);
  sealer_settle(sealer);
  check_seal(&seals[0], 0, 64);
  check_seal(&seals[1], 64, 100);
  check_seal(&seals[2], 100, 300);
  sealer_close(sealer);
}

/* A write that failed in the middle of an extent leaves nothing to the next attempt, which may have other extents. */
static void nothing_is_kept_of_a_failure(void) {
  struct sealer *sealer = open_sealer();
  struct seal dead[2] = {{{0}}}, seals[2] = {{{0}}};
  struct gather_piece piece = {bytes, 500};
  sink = (struct sink){.fails = true};
  sealer_begin(sealer, collect, &sink, 0);
  REQUIRE_OK(sealer_mark(sealer, 100, &dead[0], kit_error()));
  REQUIRE_OK(sealer_mark(sealer, 700, &dead[1], kit_error()));
  CHECK_STATUS(sealer_take(sealer, &piece, 1, kit_error()), RESPOOL_NO_SPACE);
  sink.fails = false;
  sealer_begin(sealer, collect, &sink, 0);
  memset(dead, 0, sizeof dead);
  REQUIRE_OK(sealer_mark(sealer, 50, &seals[0], kit_error()));
  REQUIRE_OK(sealer_mark(sealer, 600, &seals[1], kit_error()));
  put(sealer, 0, 1000);
  sealer_settle(sealer);
  check_seal(&seals[0], 50, 600);
  check_seal(&seals[1], 600, 1000);
  CHECK_EQ(dead[0].words[0] | dead[1].words[0], 0);
  sealer_close(sealer);
}

/* Bytes that nobody asks about, between others. */
static void unsealed_parts(void) {
  struct sealer *sealer = open_sealer();
  struct seal seal = {{0}};
  sink = (struct sink){.size = 0};
  sealer_begin(sealer, collect, &sink, 0);
  REQUIRE_OK(sealer_mark(sealer, 10, &seal, kit_error()));
  REQUIRE_OK(sealer_mark(sealer, 40, NULL, kit_error()));
  put(sealer, 0, 90);
  sealer_settle(sealer);
  check_seal(&seal, 10, 40);
  CHECK_EQ(sink.size, 90);
  sealer_close(sealer);
}

static void without_a_sealer(void) {
  CHECK_OK(sealer_mark(NULL, 0, NULL, kit_error()));
  sealer_settle(NULL);
  sealer_close(NULL);
}

static int granted;

static bool refuse_after_some(void) {
  return granted-- <= 0;
}

static void no_memory(void) {
  struct sealer *sealer = NULL;
  for (int i = 0; i < 2; i++) {
    granted = i;
    mem_fault = refuse_after_some;
    CHECK_STATUS(sealer_open(&(struct sealing){SEAL_CHECKSUM}, &sealer, kit_error()), RESPOOL_NO_MEMORY);
    mem_fault = NULL;
  }
  sealer = open_sealer();
  struct seal seal = {{0}};
  sealer_begin(sealer, collect, &sink, 0);
  granted = 0;
  mem_fault = refuse_after_some;
  CHECK_STATUS(sealer_mark(sealer, 0, &seal, kit_error()), RESPOOL_NO_MEMORY);
  mem_fault = NULL;
  sealer_close(sealer);
}

/* XXH3 with seed 0, as its specification has it, so that what is kept means the same in every build. */
static void known_checksums(void) {
  CHECK(checksum_of("", 0) == 0x2D06800538D394C2u);
  struct checksum *checksum;
  REQUIRE_OK(checksum_open(&checksum, kit_error()));
  checksum_begin(checksum);
  CHECK(checksum_end(checksum) == 0x2D06800538D394C2u);
  checksum_close(checksum);
}

static const kit_test tests[] = {
    KIT_TEST(whatever_the_pieces), KIT_TEST(settled_between),  KIT_TEST(nothing_is_kept_of_a_failure),
    KIT_TEST(unsealed_parts),      KIT_TEST(without_a_sealer), KIT_TEST(no_memory),
    KIT_TEST(known_checksums),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
