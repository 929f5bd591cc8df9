/* SPDX-License-Identifier: Apache-2.0 */
/* The values of arrays without children as JSON. Values under nulls are printed too, whatever they are. */
#include "dump.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char *slot_at(const struct ArrowArray *array, int64_t slot, int64_t width) {
  return (const char *)array->buffers[1] + slot * width;
}

static int32_t read_int32(const char *at) {
  int32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static int64_t read_int64(const char *at) {
  int64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

/* An integer of 8 to 64 bits; the low bits of the result hold it if it is unsigned. */
static int64_t read_int(const char *at, int bits, bool is_signed) {
  uint64_t value = 0;
  memcpy(&value, at, (size_t)bits / 8);
  if (is_signed && bits < 64 && (value >> (bits - 1)) & 1) value |= UINT64_MAX << bits;
  return (int64_t)value;
}

static void print_int(FILE *out, const struct dump_type *type, const char *at) {
  int64_t value = read_int(at, type->bits, type->is_signed || type->kind != DUMP_INT);
  const char *quote = type->bits == 64 ? "\"" : "";
  if (type->kind == DUMP_INT && !type->is_signed) {
    fprintf(out, "%s%" PRIu64 "%s", quote, (uint64_t)value, quote);
  } else {
    fprintf(out, "%s%" PRId64 "%s", quote, value, quote);
  }
}

static double half_to_double(uint16_t half) {
  int exponent = (half >> 10) & 0x1f;
  double fraction = half & 0x3ff;
  double value = exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25);
  if (exponent == 0x1f) value = fraction != 0 ? (double)NAN : (double)INFINITY;
  return half & 0x8000 ? -value : value;
}

static double read_float(const char *at, int bits) {
  uint16_t half;
  float single;
  double value;
  if (bits == 16) {
    memcpy(&half, at, sizeof half);
    return half_to_double(half);
  }
  if (bits == 32) {
    memcpy(&single, at, sizeof single);
    return (double)single;
  }
  memcpy(&value, at, sizeof value);
  return value;
}

/* NaN and the infinities as Python's JSON reader takes them. 17 digits tell every double apart. */
static void print_float(FILE *out, const struct dump_type *type, const char *at) {
  double value = read_float(at, type->bits);
  if (isnan(value)) {
    fputs("NaN", out);
  } else if (isinf(value)) {
    fputs(value < 0 ? "-Infinity" : "Infinity", out);
  } else {
    fprintf(out, "%.17g", value);
  }
}

/* Divide the magnitude by a thousand million, giving the remainder. Limbs are little-endian. */
static uint32_t divide_limbs(uint32_t limbs[8]) {
  uint64_t rest = 0;
  for (int i = 7; i >= 0; i--) {
    uint64_t value = rest << 32 | limbs[i];
    limbs[i] = (uint32_t)(value / 1000000000u);
    rest = value % 1000000000u;
  }
  return (uint32_t)rest;
}

static void negate_limbs(uint32_t limbs[8]) {
  uint64_t carry = 1;
  for (int i = 0; i < 8; i++) {
    carry += (uint32_t)~limbs[i];
    limbs[i] = (uint32_t)carry;
    carry >>= 32;
  }
}

/* The unscaled integer as a string. */
static void print_decimal(FILE *out, const struct dump_type *type, const char *at) {
  uint32_t limbs[8], groups[9];
  bool negative = (unsigned char)at[type->bits / 8 - 1] & 0x80;
  memset(limbs, negative ? 0xff : 0, sizeof limbs);
  memcpy(limbs, at, (size_t)type->bits / 8);
  if (negative) negate_limbs(limbs);
  for (int i = 0; i < 9; i++) groups[i] = divide_limbs(limbs);
  int top = 8;
  while (top > 0 && groups[top] == 0) top--;
  fprintf(out, "\"%s%" PRIu32, negative ? "-" : "", groups[top]);
  while (top-- > 0) fprintf(out, "%09" PRIu32, groups[top]);
  putc('"', out);
}

static void print_interval(FILE *out, const struct dump_type *type, const char *at) {
  if (type->bits == 32) {
    fprintf(out, "%" PRId32, read_int32(at));
  } else if (type->bits == 64) {
    fprintf(out, "{\"days\": %" PRId32 ", \"milliseconds\": %" PRId32 "}", read_int32(at), read_int32(at + 4));
  } else {
    fprintf(out, "{\"months\": %" PRId32 ", \"days\": %" PRId32 ", \"nanoseconds\": %" PRId64 "}", read_int32(at),
            read_int32(at + 4), read_int64(at + 8));
  }
}

void dump_hex(FILE *out, const char *bytes, int64_t size) {
  putc('"', out);
  for (int64_t i = 0; i < size; i++) fprintf(out, "%02X", (unsigned)(unsigned char)bytes[i]);
  putc('"', out);
}

static void print_bytes(FILE *out, const struct dump_type *type, const struct ArrowArray *array, int64_t slot) {
  int64_t from = dump_offset(type, array, slot);
  int64_t size = dump_offset(type, array, slot + 1) - from;
  const char *bytes = size > 0 ? (const char *)array->buffers[2] + from : "";
  if (type->kind == DUMP_UTF8) {
    dump_text(out, bytes, (size_t)size);
  } else {
    dump_hex(out, bytes, size);
  }
}

static void print_value(FILE *out, const struct dump_type *type, const struct ArrowArray *array, int64_t slot) {
  switch (type->kind) {
  case DUMP_BOOL:
    fputs(dump_bit(array->buffers[1], slot) ? "true" : "false", out);
    break;
  case DUMP_FLOAT:
    print_float(out, type, slot_at(array, slot, type->bits / 8));
    break;
  case DUMP_DECIMAL:
    print_decimal(out, type, slot_at(array, slot, type->bits / 8));
    break;
  case DUMP_INTERVAL:
    print_interval(out, type, slot_at(array, slot, type->bits / 8));
    break;
  case DUMP_FIXED_BINARY:
    dump_hex(out, slot_at(array, slot, type->width), type->width);
    break;
  case DUMP_BINARY:
  case DUMP_UTF8:
    print_bytes(out, type, array, slot);
    break;
  default:
    print_int(out, type, slot_at(array, slot, type->bits / 8));
    break;
  }
}

void dump_values(FILE *out, const struct dump_type *type, const struct ArrowArray *array, int64_t first,
                 int64_t count) {
  fputs(", \"DATA\": [", out);
  for (int64_t i = 0; i < count; i++) {
    if (i > 0) fputs(", ", out);
    print_value(out, type, array, first + i);
  }
  putc(']', out);
}
