/* SPDX-License-Identifier: Apache-2.0 */
/* Checked and rounding arithmetic on int64, and unaligned little-endian access. May call: nothing. */
#ifndef RESPOOL_SUPPORT_ARITH_H
#define RESPOOL_SUPPORT_ARITH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What is written is the machine's own order, under a schema that says little-endian. */
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "respool runs on little-endian machines only"
#endif

/* False where the result does not fit; `*out` is then unspecified. */
static inline bool add_fits(int64_t a, int64_t b, int64_t *out) {
  return !__builtin_add_overflow(a, b, out);
}

static inline bool mul_fits(int64_t a, int64_t b, int64_t *out) {
  return !__builtin_mul_overflow(a, b, out);
}

/* The sum, or the largest number where that does not fit: for totals of what input declares. Neither is negative. */
static inline int64_t add_saturating(int64_t a, int64_t b) {
  return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* Up to the next multiple of a power of two. `value` is small enough by the caller's word. */
static inline int64_t round_up(int64_t value, int64_t to) {
  return (value + to - 1) & ~(to - 1);
}

/* Bytes that hold `bits` bits. Written so that no input overflows. */
static inline int64_t bits_to_bytes(int64_t bits) {
  return bits / 8 + (bits % 8 != 0);
}

/* To or from little-endian: what the wire has. */
static inline uint16_t little_u16(uint16_t value) {
  return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(value) : value;
}

static inline uint32_t little_u32(uint32_t value) {
  return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(value) : value;
}

static inline uint64_t little_u64(uint64_t value) {
  return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(value) : value;
}

static inline uint16_t load_u16(const uint8_t *at) {
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return little_u16(value);
}

static inline uint32_t load_u32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return little_u32(value);
}

static inline uint64_t load_u64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return little_u64(value);
}

static inline int32_t load_i32(const uint8_t *at) {
  return (int32_t)load_u32(at);
}

static inline int64_t load_i64(const uint8_t *at) {
  return (int64_t)load_u64(at);
}

static inline void store_u16(uint8_t *at, uint16_t value) {
  value = little_u16(value);
  memcpy(at, &value, sizeof value);
}

static inline void store_u32(uint8_t *at, uint32_t value) {
  value = little_u32(value);
  memcpy(at, &value, sizeof value);
}

static inline void store_u64(uint8_t *at, uint64_t value) {
  value = little_u64(value);
  memcpy(at, &value, sizeof value);
}

/*
 * Offsets, sizes and run ends of the C data interface: signed numbers of 2, 4 or 8 bytes in the machine's order,
 * which may be unaligned.
 */
static inline int64_t offset_at(const void *offsets, int width, int64_t i) {
  const uint8_t *at = (const uint8_t *)offsets + i * width;
  if (width == 4) {
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
  }
  if (width == 2) {
    int16_t value;
    memcpy(&value, at, sizeof value);
    return value;
  }
  int64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline void offset_store(void *offsets, int width, int64_t i, int64_t value) {
  uint8_t *at = (uint8_t *)offsets + i * width;
  int32_t narrow = (int32_t)value;
  int16_t short_one = (int16_t)value;
  if (width == 4)
    memcpy(at, &narrow, sizeof narrow);
  else if (width == 2)
    memcpy(at, &short_one, sizeof short_one);
  else
    memcpy(at, &value, sizeof value);
}

#endif
