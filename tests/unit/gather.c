/* SPDX-License-Identifier: Apache-2.0 */
/* support/gather: whatever is put, in pieces of any size and by any of the ways, comes out in order and whole. */
#include "support/gather.h"

#include "support/error.h"

#include "bytes.h"
#include "check.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

/* Where the pieces go: their bytes in order, and what was seen of them. */
struct taker {
  kit_sink bytes;
  int64_t drains;
  int64_t pieces;
  int64_t fail_at;    /* the drain that answers with an error; 0 none */
  const void *wanted; /* a piece that must come as it is, not copied ... */
  int64_t seen;       /* ... and how often it came */
  int64_t start;      /* where the bytes begin in a file, and how many drains ended off a boundary there */
  int64_t uneven;
};

static respool_status take(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  struct taker *taker = context;
  taker->drains++;
  CHECK(count > 0 && count <= GATHER_PIECES);
  if (taker->drains == taker->fail_at) return error_set(error, RESPOOL_IO, "drain %d fails", (int)taker->drains);
  for (int i = 0; i < count; i++) {
    CHECK(pieces[i].length > 0);
    taker->seen += pieces[i].bytes == taker->wanted;
    kit_sink_write(&taker->bytes, pieces[i].bytes, (int64_t)pieces[i].length);
  }
  taker->pieces += count;
  if ((taker->start + (int64_t)taker->bytes.size) % GATHER_BOUNDARY != 0) taker->uneven++;
  return RESPOOL_OK;
}

static struct gather *open_to(struct taker *taker) {
  struct gather *gather = gather_open();
  REQUIRE(gather != NULL);
  gather_reset(gather, take, taker);
  return gather;
}

static uint8_t *random_bytes(kit_random *random, size_t size) {
  uint8_t *bytes = malloc(size > 0 ? size : 1);
  if (bytes == NULL) kit_die("no memory");
  kit_random_fill(random, bytes, size);
  return bytes;
}

/* ---- Small things ---------------------------------------------------------------------------------- */

static void nothing_put_drains_nothing(void) {
  struct taker taker = {0};
  struct gather *gather = open_to(&taker);
  CHECK_OK(gather_put(gather, NULL, 0, kit_error()));
  CHECK_OK(gather_zeros(gather, 0, kit_error()));
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_EQ(taker.drains, 0);
  CHECK_EQ(gather->total, 0);
  gather_close(gather);
  gather_close(NULL);
}

/* Below the limit a copy is made, so that the source may change at once. */
static void small_pieces_are_copied(void) {
  struct taker taker = {0};
  struct gather *gather = open_to(&taker);
  char memory[GATHER_COPY_BELOW];
  memset(memory, 'a', sizeof memory);
  CHECK_OK(gather_put(gather, memory, GATHER_COPY_BELOW - 1, kit_error()));
  memset(memory, 'b', sizeof memory);
  CHECK_OK(gather_put(gather, memory, 3, kit_error()));
  memset(memory, 'c', sizeof memory);
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_EQ(taker.bytes.size, GATHER_COPY_BELOW + 2);
  CHECK_EQ(taker.pieces, 1); /* runs of copied bytes are one piece */
  for (size_t i = 0; i < taker.bytes.size; i++) CHECK_EQ(taker.bytes.bytes[i], i + 3 < taker.bytes.size ? 'a' : 'b');
  kit_sink_free(&taker.bytes);
  gather_close(gather);
}

/* From the limit on the producer's memory itself is handed on. */
static void large_pieces_are_referenced(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  uint8_t *bytes = random_bytes(&random, GATHER_COPY_BELOW);
  struct taker taker = {.wanted = bytes};
  struct gather *gather = open_to(&taker);
  for (int i = 0; i < 5; i++) CHECK_OK(gather_put(gather, bytes, GATHER_COPY_BELOW, kit_error()));
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_EQ(taker.seen, 5);
  CHECK_EQ(gather->total, 5 * GATHER_COPY_BELOW);
  kit_sink_free(&taker.bytes);
  gather_close(gather);
  free(bytes);
}

static void room_is_filled_in_place(void) {
  struct taker taker = {0};
  struct gather *gather = open_to(&taker);
  uint8_t *room;
  CHECK_OK(gather_put(gather, "abc", 3, kit_error()));
  REQUIRE_OK(gather_room(gather, 10, &room, kit_error()));
  memcpy(room, "defghijklm", 10);
  gather_commit(gather, 4); /* less than asked for */
  CHECK_OK(gather_put(gather, "!", 1, kit_error()));
  REQUIRE_OK(gather_room(gather, GATHER_STAGING, &room, kit_error())); /* all there is: what came before goes out */
  CHECK_EQ(taker.drains, 1);
  memset(room, 'z', GATHER_STAGING);
  gather_commit(gather, GATHER_STAGING);
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_EQ(taker.bytes.size, 8 + GATHER_STAGING);
  CHECK_EQ(memcmp(taker.bytes.bytes, "abcdefg!zz", 10), 0);
  kit_sink_free(&taker.bytes);
  gather_close(gather);
}

static void zeros_of_any_length(void) {
  struct taker taker = {0};
  struct gather *gather = open_to(&taker);
  for (int64_t length = 1; length < 2000000; length = length * 3 + 1) {
    CHECK_OK(gather_put(gather, "x", 1, kit_error()));
    CHECK_OK(gather_zeros(gather, length, kit_error()));
  }
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_EQ(taker.bytes.size, gather->total);
  size_t at = 0;
  for (int64_t length = 1; length < 2000000; length = length * 3 + 1) {
    CHECK_EQ(taker.bytes.bytes[at++], 'x');
    for (int64_t i = 0; i < length; i++)
      if (taker.bytes.bytes[at++] != 0) CHECK_EQ(taker.bytes.bytes[at - 1], 0);
  }
  CHECK_EQ(at, taker.bytes.size);
  kit_sink_free(&taker.bytes);
  gather_close(gather);
}

/* More references than one vectored write takes. */
static void many_references(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  enum { COUNT = GATHER_PIECES * 3 + 5 };
  uint8_t *bytes = random_bytes(&random, GATHER_COPY_BELOW + COUNT);
  struct taker taker = {0};
  struct gather *gather = open_to(&taker);
  kit_sink expected = {0};
  for (int i = 0; i < COUNT; i++) {
    int64_t small = i % 3 == 0 ? 0 : i % 7;
    CHECK_OK(gather_put(gather, bytes + i, GATHER_COPY_BELOW, kit_error()));
    CHECK_OK(gather_put(gather, bytes, small, kit_error()));
    kit_sink_write(&expected, bytes + i, GATHER_COPY_BELOW);
    kit_sink_write(&expected, bytes, small);
  }
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_BYTES(taker.bytes.bytes, taker.bytes.size, expected.bytes, expected.size);
  CHECK_LE(taker.drains, 7); /* and not many more writes than needed */
  kit_sink_free(&taker.bytes);
  kit_sink_free(&expected);
  gather_close(gather);
  free(bytes);
}

/* ---- At random ------------------------------------------------------------------------------------- */

enum { SOURCE = 40000 };

static int64_t random_length(kit_random *random) {
  switch (kit_random_below(random, 6)) {
  case 0:
    return kit_random_below(random, 4);
  case 1:
    return kit_random_between(random, GATHER_COPY_BELOW - 2, GATHER_COPY_BELOW + 2);
  case 2:
    return kit_random_below(random, SOURCE / 2);
  default:
    return kit_random_below(random, 300);
  }
}

/* One put by one of the ways. False: the gather answered with an error. */
static bool put_something(kit_random *random, struct gather *gather, const uint8_t *source, kit_sink *expected) {
  static const uint8_t zeros[SOURCE];
  int64_t length = random_length(random);
  const uint8_t *from = source + kit_random_below(random, SOURCE - length);
  uint8_t *room;
  switch (kit_random_below(random, 8)) {
  case 0:
    if (gather_zeros(gather, length, kit_error()) != RESPOOL_OK) return false;
    from = zeros;
    break;
  case 1:
    if (gather_room(gather, (size_t)length, &room, kit_error()) != RESPOOL_OK) return false;
    if (length > 0) memcpy(room, from, (size_t)length);
    gather_commit(gather, (size_t)length);
    break;
  case 2:
    length = 0;
    if (gather_flush(gather, kit_error()) != RESPOOL_OK) return false;
    break;
  default:
    if (gather_put(gather, from, length, kit_error()) != RESPOOL_OK) return false;
  }
  if (length > 0) kit_sink_write(expected, from, length);
  return true;
}

static void random_puts(void) {
  int rounds = kit_slow() ? 20 : 200;
  kit_random random;
  kit_random_init(&random, kit_seed());
  uint8_t *source = random_bytes(&random, SOURCE);
  struct taker taker = {0};
  struct gather *gather = open_to(&taker);
  for (int round = 0; round < rounds && kit_failures() == 0; round++) {
    kit_sink expected = {0};
    taker = (struct taker){0};
    gather_reset(gather, take, &taker);
    if (kit_random_chance(&random, 0.5)) gather_align(gather, kit_random_below(&random, GATHER_BOUNDARY));
    int64_t puts = kit_random_below(&random, 600);
    for (int64_t i = 0; i < puts; i++) REQUIRE(put_something(&random, gather, source, &expected));
    CHECK_EQ(gather->total, expected.size);
    CHECK_OK(gather_flush(gather, kit_error()));
    CHECK_BYTES(taker.bytes.bytes, taker.bytes.size, expected.bytes, expected.size);
    kit_sink_free(&expected);
    kit_sink_free(&taker.bytes);
  }
  gather_close(gather);
  free(source);
}

/* Towards a file all drains but the last end at a boundary, whatever was put and wherever it begins. */
static void drains_end_at_boundaries(void) {
  int rounds = kit_slow() ? 4 : 20;
  kit_random random;
  kit_random_init(&random, kit_seed() + 2);
  uint8_t *source = random_bytes(&random, SOURCE);
  struct gather *gather = gather_open();
  REQUIRE(gather != NULL);
  for (int round = 0; round < rounds && kit_failures() == 0; round++) {
    kit_sink expected = {0};
    struct taker taker = {.start = kit_random_below(&random, 3 * GATHER_BOUNDARY)};
    gather_reset(gather, take, &taker);
    gather_align(gather, taker.start);
    int64_t longest = GATHER_COPY_BELOW * kit_random_between(&random, 1, 4);
    while (taker.drains < 3) {
      int64_t length = kit_random_below(&random, longest);
      const uint8_t *from = source + kit_random_below(&random, SOURCE - length);
      CHECK_OK(gather_put(gather, from, length, kit_error()));
      kit_sink_write(&expected, from, length);
    }
    CHECK_EQ(taker.uneven, 0);
    CHECK_OK(gather_flush(gather, kit_error()));
    CHECK_BYTES(taker.bytes.bytes, taker.bytes.size, expected.bytes, expected.size);
    kit_sink_free(&expected);
    kit_sink_free(&taker.bytes);
  }
  gather_close(gather);
  free(source);
}

/* No less room than without boundaries: what waits for one goes out where the room is needed. */
static void boundaries_leave_room(void) {
  struct taker taker = {0};
  struct gather *gather = open_to(&taker);
  gather_align(gather, GATHER_BOUNDARY - 1);
  uint8_t *room;
  CHECK_OK(gather_put(gather, "abc", 3, kit_error()));
  REQUIRE_OK(gather_room(gather, GATHER_STAGING, &room, kit_error()));
  memset(room, 'z', GATHER_STAGING);
  gather_commit(gather, GATHER_STAGING);
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_EQ(taker.bytes.size, 3 + GATHER_STAGING);
  CHECK_EQ(memcmp(taker.bytes.bytes, "abczz", 5), 0);
  kit_sink_free(&taker.bytes);
  gather_close(gather);
}

/*
 * A drain that fails passes its error on, whichever call caused it; what came before it is whole; and after a reset the
 * gather is as new.
 */
static void failing_drains(void) {
  kit_random random;
  kit_random_init(&random, kit_seed() + 1);
  uint8_t *source = random_bytes(&random, SOURCE);
  struct taker taker = {0};
  struct gather *gather = open_to(&taker);
  for (int64_t fail_at = 1; fail_at < 40 && kit_failures() == 0; fail_at++) {
    kit_sink expected = {0};
    taker = (struct taker){.fail_at = fail_at};
    gather_reset(gather, take, &taker);
    if (fail_at % 2 == 0) gather_align(gather, fail_at);
    while (put_something(&random, gather, source, &expected)) {
    }
    CHECK_EQ(taker.drains, fail_at);
    CHECK_EQ(kit_last_error()->status, RESPOOL_IO);
    CHECK_HAS(kit_last_error()->message, "fails");
    CHECK_LE(taker.bytes.size, expected.size);
    if (taker.bytes.size > 0) CHECK_EQ(memcmp(taker.bytes.bytes, expected.bytes, taker.bytes.size), 0);
    kit_sink_free(&taker.bytes);
    kit_sink_free(&expected);
    taker = (struct taker){0};
    gather_reset(gather, take, &taker);
    CHECK_OK(gather_put(gather, "new", 3, kit_error()));
    CHECK_OK(gather_flush(gather, kit_error()));
    CHECK_EQ(taker.bytes.size == 3 && memcmp(taker.bytes.bytes, "new", 3) == 0, 1);
    kit_sink_free(&taker.bytes);
  }
  gather_close(gather);
  free(source);
}

static const kit_test tests[] = {
    KIT_TEST(nothing_put_drains_nothing),
    KIT_TEST(small_pieces_are_copied),
    KIT_TEST(large_pieces_are_referenced),
    KIT_TEST(room_is_filled_in_place),
    KIT_TEST(zeros_of_any_length),
    KIT_TEST(many_references),
    KIT_TEST(random_puts),
    KIT_TEST(drains_end_at_boundaries),
    KIT_TEST(boundaries_leave_room),
    KIT_TEST(failing_drains),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
