/* SPDX-License-Identifier: Apache-2.0 */
/* Bitmaps, least significant bit first (Columnar.rst, "Validity bitmaps"). May call: support. */
#ifndef RESPOOL_ARROW_BITS_H
#define RESPOOL_ARROW_BITS_H

#include <stdint.h>

/* How many of `length` bits from bit `start` are set. Reads no byte that holds none of them. */
int64_t bits_count(const uint8_t *bits, int64_t start, int64_t length);

/*
 * Copy `length` bits from bit `start` to the start of `out`; bits past the last one in its last byte are cleared.
 * Reads no byte that holds none of them.
 */
void bits_copy(const uint8_t *bits, int64_t start, int64_t length, uint8_t *out);

#endif
