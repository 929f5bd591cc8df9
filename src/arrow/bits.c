/* SPDX-License-Identifier: Apache-2.0 */
/* Counting and copying bits that start anywhere. */
#include "arrow/bits.h"

#include "support/arith.h"

/* Up to 8 bits from bit `start`, without touching a byte behind the last of them. */
static unsigned few_bits(const uint8_t *bits, int64_t start, int count) {
  const uint8_t *at = bits + start / 8;
  int shift = (int)(start % 8);
  unsigned value = (unsigned)at[0] >> shift;
  if (shift + count > 8) value |= (unsigned)at[1] << (8 - shift);
  return value & ((1U << count) - 1U);
}

int64_t bits_count(const uint8_t *bits, int64_t start, int64_t length) {
  int64_t count = 0;
  while (length > 0 && start % 8 != 0) {
    count += bits[start / 8] >> (start % 8) & 1;
    start++;
    length--;
  }
  const uint8_t *at = bits + start / 8;
  for (; length >= 64; length -= 64, at += 8) count += __builtin_popcountll(load_u64(at));
  for (; length >= 8; length -= 8, at++) count += __builtin_popcount(*at);
  if (length > 0) count += __builtin_popcount(few_bits(at, 0, (int)length));
  return count;
}

void bits_copy(const uint8_t *bits, int64_t start, int64_t length, uint8_t *out) {
  const uint8_t *at = bits + start / 8;
  int shift = (int)(start % 8);
  /* Words while the ninth byte that a shifted one needs surely holds wanted bits. */
  for (; length >= 72; length -= 64, at += 8, out += 8) {
    uint64_t word = load_u64(at);
    if (shift > 0) word = word >> shift | (uint64_t)at[8] << (64 - shift);
    store_u64(out, word);
  }
  for (int64_t done = 0; done < length; done += 8, out++) {
    int count = length - done < 8 ? (int)(length - done) : 8;
    *out = (uint8_t)few_bits(at, done + shift, count);
  }
}
