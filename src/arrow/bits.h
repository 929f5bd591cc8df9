/* SPDX-License-Identifier: Apache-2.0 */
/* Bitmaps, least significant bit first (Columnar.rst, "Validity bitmaps"). May call: support. */
#ifndef RESPOOL_ARROW_BITS_H
#define RESPOOL_ARROW_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool bit_at(const uint8_t *bits, int64_t i) {
  return (bits[i / 8] >> (i % 8) & 1) != 0;
}

/* Whether slot `i` is null by validity bits; NULL: none is. */
static inline bool bit_null(const uint8_t *bits, int64_t i) {
  return bits != NULL && !bit_at(bits, i);
}

/* How many of `length` bits from bit `start` are set. Reads no byte that holds none of them. */
int64_t bits_count(const uint8_t *bits, int64_t start, int64_t length);

/*
 * Copy `length` bits from bit `start` to the start of `out`; bits past the last one in its last byte are cleared.
 * Reads no byte that holds none of them.
 */
void bits_copy(const uint8_t *bits, int64_t start, int64_t length, uint8_t *out);

#endif
