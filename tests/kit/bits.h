/* SPDX-License-Identifier: Apache-2.0 */
/* Bitmaps, least significant bit first, one bit at a time. */
#ifndef RESPOOL_TESTS_KIT_BITS_H
#define RESPOOL_TESTS_KIT_BITS_H

#include <stdbool.h>
#include <stdint.h>

static inline bool kit_bit(const void *bitmap, int64_t index) {
  return ((((const unsigned char *)bitmap)[index >> 3] >> (index & 7)) & 1) != 0;
}

static inline void kit_bit_set(void *bitmap, int64_t index, bool value) {
  unsigned char *byte = (unsigned char *)bitmap + (index >> 3);
  unsigned mask = 1U << (index & 7);
  *byte = (unsigned char)(value ? *byte | mask : *byte & ~mask);
}

static inline int64_t kit_bits_count_zeros(const void *bitmap, int64_t from, int64_t count) {
  int64_t zeros = 0;
  for (int64_t i = 0; i < count; i++) zeros += !kit_bit(bitmap, from + i);
  return zeros;
}

#endif
