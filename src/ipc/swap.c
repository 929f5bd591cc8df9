/* SPDX-License-Identifier: Apache-2.0 */
/* Turning the byte order of buffers round. The usual widths have loops of their own, which compilers vectorise. */
#include "ipc/swap.h"

#include "arrow/layout.h"

#include <string.h>

enum { MONTHS_BYTES = 16 };

static void swap_2(uint8_t *at, int64_t count) {
  for (int64_t i = 0; i < count; i++, at += 2) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    value = __builtin_bswap16(value);
    memcpy(at, &value, sizeof value);
  }
}

static void swap_4(uint8_t *at, int64_t count) {
  for (int64_t i = 0; i < count; i++, at += 4) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof value);
  }
}

static void swap_8(uint8_t *at, int64_t count) {
  for (int64_t i = 0; i < count; i++, at += 8) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof value);
  }
}

/* Decimals: one number of 16 or 32 bytes. */
static void swap_wide(uint8_t *at, int64_t count, int32_t width) {
  for (int64_t i = 0; i < count; i++, at += width) {
    for (int32_t low = 0, high = width - 1; low < high; low++, high--) {
      uint8_t byte = at[low];
      at[low] = at[high];
      at[high] = byte;
    }
  }
}

static void swap_numbers(uint8_t *at, int64_t count, int32_t width) {
  if (width == 2)
    swap_2(at, count);
  else if (width == 4)
    swap_4(at, count);
  else if (width == 8)
    swap_8(at, count);
  else
    swap_wide(at, count, width);
}

static void swap_months(uint8_t *at, int64_t count) {
  for (int64_t i = 0; i < count; i++, at += MONTHS_BYTES) {
    swap_4(at, 2);
    swap_8(at + 8, 1);
  }
}

/* What a short value's bytes are behind its size is the value, which has no byte order; nor has a prefix. */
static void swap_views(uint8_t *at, int64_t count) {
  for (int64_t i = 0; i < count; i++, at += VIEW_BYTES) {
    swap_4(at, 1);
    int32_t size;
    memcpy(&size, at, sizeof size);
    if (size > VIEW_INLINE) swap_4(at + 8, 2);
  }
}

void swap_units(void *bytes, int64_t count, enum swap_unit unit, int32_t width) {
  if (unit == SWAP_NUMBERS)
    swap_numbers(bytes, count, width);
  else if (unit == SWAP_MONTHS)
    swap_months(bytes, count);
  else
    swap_views(bytes, count);
}
