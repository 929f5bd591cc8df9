/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arrow/bits against a loop over single bits, at every start and length in blocks of exactly the bytes that hold
 * them, so that a sanitizer or valgrind sees a byte too many being read or written.
 */
#include "arrow/bits.h"

#include "bits.h"

#include "check.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

enum { STARTS = 80, LENGTHS = 300 };

/* Random bits on the heap, in as many bytes as it takes and not one more. */
static uint8_t *exact_block(kit_random *random, int64_t bits) {
  size_t bytes = (size_t)(bits + 7) / 8;
  uint8_t *block = malloc(bytes);
  if (block == NULL && bytes > 0) kit_die("no memory");
  kit_random_fill(random, block, bytes);
  return block;
}

static void check_count(const uint8_t *bits, int64_t start, int64_t length) {
  int64_t expected = length - kit_bits_count_zeros(bits, start, length);
  if (bits_count(bits, start, length) != expected) CHECK_EQ(bits_count(bits, start, length), expected);
}

static void check_copy(const uint8_t *bits, int64_t start, int64_t length) {
  size_t bytes = (size_t)(length + 7) / 8;
  uint8_t *out = malloc(bytes);
  if (out == NULL && bytes > 0) kit_die("no memory");
  if (bytes > 0) memset(out, 0xff, bytes);
  bits_copy(bits, start, length, out);
  bool same = true;
  for (int64_t i = 0; i < length; i++) same = same && kit_bit(out, i) == kit_bit(bits, start + i);
  for (int64_t i = length; i < (int64_t)bytes * 8; i++) same = same && !kit_bit(out, i);
  if (!same) kit_failed(__FILE__, __LINE__, "bits from %d, %d of them", (int)start, (int)length);
  free(out);
}

/* Under valgrind each length is tried with a few starts only; which ones depends on the seed. */
static int64_t step(void) {
  return kit_environment("RESPOOL_TEST_VALGRIND", 0) != 0 ? 9 : 1;
}

static void every_start_and_length(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int64_t length = 0; length <= LENGTHS; length++)
    for (int64_t start = (int64_t)(kit_seed() % 9) % step(); start <= STARTS; start += step()) {
      uint8_t *bits = exact_block(&random, start + length);
      check_count(bits, start, length);
      check_copy(bits, start, length);
      free(bits);
    }
}

/* The bytes before the first wanted one are not there at all: a range in the middle of a bitmap. */
static void bytes_before_are_not_read(void) {
  kit_random random;
  kit_random_init(&random, kit_seed() + 1);
  for (int64_t length = 1; length <= LENGTHS; length++)
    for (int64_t start = 8; start <= 24; start++) {
      int64_t skipped = start / 8;
      uint8_t *bits = exact_block(&random, start % 8 + length);
      const uint8_t *base = (const uint8_t *)((uintptr_t)bits - (uintptr_t)skipped);
      int64_t expected = length - kit_bits_count_zeros(bits, start % 8, length);
      CHECK_EQ(bits_count(base, start, length), expected);
      uint8_t out[LENGTHS / 8 + 2];
      bits_copy(base, start, length, out);
      CHECK_EQ(length - kit_bits_count_zeros(out, 0, length), expected);
      free(bits);
    }
}

static void all_and_none(void) {
  uint8_t ones[64], zeros[64], out[64];
  memset(ones, 0xff, sizeof ones);
  memset(zeros, 0, sizeof zeros);
  for (int64_t start = 0; start < 70; start++)
    for (int64_t length = 0; length <= 440; length += 7) {
      CHECK_EQ(bits_count(ones, start, length), length);
      CHECK_EQ(bits_count(zeros, start, length), 0);
      bits_copy(ones, start, length, out);
      CHECK_EQ(bits_count(out, 0, (length + 7) / 8 * 8), length);
    }
}

/* Far beyond 32 bits: the position is one in bits, not in bytes. */
static void large_positions(void) {
  int64_t far = (int64_t)1 << 33;
  kit_random random;
  kit_random_init(&random, kit_seed() + 2);
  uint8_t *bits = exact_block(&random, 200);
  const uint8_t *base = (const uint8_t *)((uintptr_t)bits - (uintptr_t)(far / 8));
  CHECK_EQ(bits_count(base, far + 3, 190), bits_count(bits, 3, 190));
  uint8_t a[32], b[32];
  bits_copy(base, far + 3, 190, a);
  bits_copy(bits, 3, 190, b);
  CHECK_EQ(memcmp(a, b, 24), 0);
  free(bits);
}

static const kit_test tests[] = {
    KIT_TEST(every_start_and_length),
    KIT_TEST(bytes_before_are_not_read),
    KIT_TEST(all_and_none),
    KIT_TEST(large_positions),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
