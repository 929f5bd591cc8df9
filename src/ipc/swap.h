/* SPDX-License-Identifier: Apache-2.0 */
/* Turning the byte order of buffers round, in place. May call: arrow. */
#ifndef RESPOOL_IPC_SWAP_H
#define RESPOOL_IPC_SWAP_H

#include <stdint.h>

/* What a buffer is a sequence of. */
enum swap_unit {
  SWAP_NUMBERS, /* numbers of `width` bytes */
  SWAP_MONTHS,  /* intervals of months, days (4 bytes each) and nanoseconds (8) */
  SWAP_VIEWS    /* views: 4 bytes of size, then the value itself or its prefix, buffer and offset (4 each) */
};

/* Turn `count` units round that begin at `bytes`, aligned or not. `width` is of numbers only. */
void swap_units(void *bytes, int64_t count, enum swap_unit unit, int32_t width);

#endif
