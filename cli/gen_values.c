/* SPDX-License-Identifier: Apache-2.0 */
/* respool gen: the values. Numbers come from a counter run through the finalizer of splitmix64. */
#include <string.h>

#include "gen.h"

/* Sequences of one node that must not repeat each other. */
#define SEQUENCE_VALIDITY 0x6a09e667f3bcc908U
#define SEQUENCE_CONTENT  0xbb67ae8584caa73bU

uint64_t gen_word(uint64_t seed, uint64_t index) {
  uint64_t x = seed + (index + 1) * 0x9e3779b97f4a7c15U;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
  x = (x ^ x >> 27) * 0x94d049bb133111ebU;
  return x ^ x >> 31;
}

/* A number from 0 to below `limit` from 32 random bits. */
static uint64_t below(uint64_t bits, uint64_t limit) {
  return (bits * limit) >> 32;
}

/* `length` bytes of the node's endless sequence of bytes, from byte `from` on. */
static void fill_raw(uint64_t seed, uint64_t from, uint64_t length, uint8_t *out) {
  uint64_t index = from / 8;
  uint64_t skip = from % 8;
  if (skip > 0 && length > 0) {
    uint64_t word = gen_word(seed, index++) >> 8 * skip;
    uint64_t have = 8 - skip < length ? 8 - skip : length;
    memcpy(out, &word, have);
    out += have;
    length -= have;
  }
  for (; length >= 8; length -= 8, out += 8) {
    uint64_t word = gen_word(seed, index++);
    memcpy(out, &word, 8);
  }
  if (length > 0) {
    uint64_t word = gen_word(seed, index);
    memcpy(out, &word, length);
  }
}

/* Seconds since 1970, up to the year 2106, in parts of a second. */
static int64_t timestamp(uint64_t word, int32_t unit) {
  return (int64_t)((word >> 32) * (uint64_t)unit + below(word & 0xffffffffU, (uint64_t)unit));
}

static int64_t time_of_day(uint64_t word, int32_t unit) {
  return (int64_t)(below(word >> 32, 86400) * (uint64_t)unit + below(word & 0xffffffffU, (uint64_t)unit));
}

/* Up to 68 years either way. */
static int64_t duration(uint64_t word, int32_t unit) {
  return timestamp(word, unit) - ((int64_t)1 << 31) * unit;
}

/* Finite, of either sign, from 2^-10 to 2^6: by its bits. */
static uint16_t half_float(uint64_t word) {
  uint64_t exponent = 5 + (word >> 16) % 16;
  return (uint16_t)((word & 0x83ff) | exponent << 10);
}

/* Multiples of a power of two with few enough bits: every step is exact, whatever the machine. */
static float single_float(uint64_t word) {
  return (float)((int32_t)(word >> 40) - (1 << 23)) / 8192.0F;
}

static double double_float(uint64_t word) {
  return (double)((int64_t)(word >> 11) - ((int64_t)1 << 52)) / 4398046511104.0;
}

/* Number `index` of a decimal node: a random magnitude below 10^precision, of either sign, in two's complement. */
static void decimal(const struct gen_node *node, uint64_t index, uint8_t *out) {
  uint64_t limbs[4];
  uint64_t words = ((uint64_t)node->width + 7) / 8;
  /* 2^bits <= 10^precision */
  int bits = (int)((int64_t)node->precision * 332192 / 100000);
  uint64_t sign = gen_word(node->seed ^ SEQUENCE_CONTENT, index) & 1 ? UINT64_MAX : 0;
  uint64_t carry = sign & 1;
  for (uint64_t i = 0; i < words; i++) {
    int in_limb = bits - 64 * (int)i;
    uint64_t limb = gen_word(node->seed, index * words + i);
    if (in_limb <= 0) {
      limb = 0;
    } else if (in_limb < 64) {
      limb &= ((uint64_t)1 << in_limb) - 1;
    }
    limbs[i] = (limb ^ sign) + carry;
    carry = carry && limbs[i] == 0;
  }
  memcpy(out, limbs, (size_t)node->width);
}

static int64_t day_time(uint64_t word) {
  uint64_t days = (uint64_t)(uint32_t)((int32_t)below(word >> 32, 20000) - 10000);
  return (int64_t)(days | below(word & 0xffffffffU, 86400000) << 32);
}

static void month_day_nano(uint64_t seed, uint64_t index, uint8_t *out) {
  uint64_t a = gen_word(seed, 2 * index);
  int32_t months = (int32_t)below(a >> 32, 2400) - 1200;
  int32_t days = (int32_t)below(a & 0xffffffffU, 20000) - 10000;
  int64_t nanoseconds = time_of_day(gen_word(seed, 2 * index + 1), 1000000000);
  memcpy(out, &months, 4);
  memcpy(out + 4, &days, 4);
  memcpy(out + 8, &nanoseconds, 8);
}

/* The value of kinds that fit 64 bits; the lowest bytes of the answer are it. */
static uint64_t word_value(const struct gen_node *node, uint64_t word) {
  union {
    float single;
    double whole;
    uint64_t bits;
  } as = {.bits = 0};
  switch (node->kind) {
  case GEN_FLOAT16:
    return half_float(word);
  case GEN_FLOAT32:
    as.single = single_float(word);
    return as.bits;
  case GEN_FLOAT64:
    as.whole = double_float(word);
    return as.bits;
  case GEN_DATE32:
    return below(word >> 32, 40000);
  case GEN_DATE64:
    return below(word >> 32, 40000) * 86400000;
  case GEN_TIME:
    return (uint64_t)time_of_day(word, node->unit);
  case GEN_TIMESTAMP:
    return (uint64_t)timestamp(word, node->unit);
  case GEN_DURATION:
    return (uint64_t)duration(word, node->unit);
  case GEN_MONTHS:
    return (uint64_t)((int64_t)below(word >> 32, 2400) - 1200);
  default:
    return (uint64_t)day_time(word);
  }
}

void gen_fill(const struct gen_node *node, int64_t start, int64_t count, void *out) {
  uint64_t first = (uint64_t)start;
  uint64_t number = (uint64_t)count;
  uint64_t width = (uint64_t)node->width;
  uint8_t *to = out;
  if (node->kind == GEN_RAW) {
    fill_raw(node->seed, first * width, number * width, to);
    return;
  }
  for (uint64_t i = 0; i < number; i++, to += width) {
    if (node->kind == GEN_DECIMAL) {
      decimal(node, first + i, to);
    } else if (node->kind == GEN_MONTH_DAY_NANO) {
      month_day_nano(node->seed, first + i, to);
    } else {
      uint64_t value = word_value(node, gen_word(node->seed, first + i));
      memcpy(to, &value, width);
    }
  }
}

void gen_fill_bits(const struct gen_node *node, int64_t start, int64_t count, uint8_t *out) {
  uint64_t index = (uint64_t)start / 64;
  unsigned shift = (unsigned)((uint64_t)start % 64);
  uint64_t word = gen_word(node->seed, index);
  for (int64_t done = 0; done < count; done += 64, out += 8) {
    uint64_t next = gen_word(node->seed, ++index);
    uint64_t bits = shift == 0 ? word : word >> shift | next << (64 - shift);
    if (count - done < 64) bits &= ((uint64_t)1 << (count - done)) - 1;
    memcpy(out, &bits, 8);
    word = next;
  }
}

/* Whether value number `index` is not null. Two values share a word, half of it each. */
static uint64_t is_valid(uint64_t seed, uint64_t index, uint64_t rate) {
  uint64_t half = gen_word(seed, index / 2) >> (index % 2 ? 32 : 0) & 0xffffffffU;
  return half >= rate;
}

int64_t gen_fill_validity(const struct gen_node *node, int64_t start, int64_t count, uint64_t rate, uint8_t *out) {
  uint64_t seed = node->seed ^ SEQUENCE_VALIDITY;
  int64_t valid = 0;
  for (int64_t done = 0; done < count; done += 64, out += 8) {
    uint64_t word = 0;
    int64_t here = count - done < 64 ? count - done : 64;
    for (int64_t i = 0; i < here; i++) {
      uint64_t bit = is_valid(seed, (uint64_t)(start + done + i), rate);
      word |= bit << i;
      valid += (int64_t)bit;
    }
    memcpy(out, &word, 8);
  }
  return count - valid;
}

int32_t gen_length(const struct gen_node *node, int64_t index) {
  uint64_t limit = node->kind == GEN_LIST ? 5 : 21;
  return (int32_t)below(gen_word(node->seed, (uint64_t)index) >> 32, limit);
}

/* Four bytes each, of characters outside ASCII. */
static const char openings[8][5] = {"äé", "ßø", "жд", "αβ", "漢-", "€ ", "😀", "🌍"};
static const char alphabet[65] = "etaoinshrdlucmfwypvbgkjqxz ETAOINSHRDLUCMFWYPVBGKJQXZ0123456789_";

static uint64_t letters(uint64_t word) {
  char text[8];
  for (int i = 0; i < 8; i++) text[i] = alphabet[word >> 6 * i & 63];
  uint64_t packed;
  memcpy(&packed, text, 8);
  return packed;
}

void gen_bytes(const struct gen_node *node, int64_t index, int32_t length, uint8_t *out) {
  uint64_t seed = node->seed ^ SEQUENCE_CONTENT;
  /* 20 bytes at most: three words. Writing whole words beats copying exactly; the next value overwrites the excess. */
  uint64_t at = 3 * (uint64_t)index;
  for (int32_t done = 0; done < length; done += 8) {
    uint64_t word = gen_word(seed, at++);
    if (node->kind == GEN_TEXT) word = letters(word);
    memcpy(out + done, &word, 8);
  }
  uint64_t choice = gen_word(node->seed, (uint64_t)index) & 0x3f;
  if (node->kind == GEN_TEXT && length >= 4 && choice < 8) memcpy(out, openings[choice], 4);
}
