/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers on the command line, read without regard to the locale. */
#include "numbers.h"

#include <stddef.h>
#include <string.h>

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Digits at `*text`, which moves past them. False if there are none or they exceed INT64_MAX. */
static bool take_digits(const char **text, int64_t *value) {
  const char *at = *text;
  int64_t sum = 0;
  if (!is_digit(*at)) return false;
  for (; is_digit(*at); at++) {
    int digit = *at - '0';
    if (sum > (INT64_MAX - digit) / 10) return false;
    sum = sum * 10 + digit;
  }
  *text = at;
  *value = sum;
  return true;
}

static int64_t power(int64_t base, size_t exponent) {
  int64_t result = 1;
  for (size_t i = 0; i < exponent; i++) result *= base;
  return result;
}

/* The exponent of a letter: k 1, m 2, ... 0 for none of them. */
static size_t letter_exponent(char letter) {
  static const char letters[] = "kmgtpe";
  const char *found = letter ? strchr(letters, letter) : NULL;
  return found ? (size_t)(found - letters) + 1 : 0;
}

/* What a suffix of bytes multiplies with, 0 if it is none. */
static int64_t size_suffix(const char *suffix) {
  char text[4] = {0};
  size_t length = strlen(suffix);
  if (length >= sizeof text) return 0;
  for (size_t i = 0; i < length; i++) text[i] = lower(suffix[i]);
  if (length == 0 || strcmp(text, "b") == 0) return 1;
  size_t exponent = letter_exponent(text[0]);
  if (exponent == 0) return 0;
  if (strcmp(text + 1, "b") == 0) return power(1000, exponent);
  if (length == 1 || strcmp(text + 1, "i") == 0 || strcmp(text + 1, "ib") == 0) return power(1024, exponent);
  return 0;
}

static int64_t count_suffix(const char *suffix) {
  if (suffix[0] == '\0') return 1;
  size_t exponent = letter_exponent(lower(suffix[0]));
  return exponent > 0 && suffix[1] == '\0' ? power(1000, exponent) : 0;
}

/*
 * `unit` times the decimal fraction of the digits from `begin` to `end`, rounded down. Going from the last digit to the
 * first keeps every step an integer division, exact and within 64 bits.
 */
static int64_t fraction_of(int64_t unit, const char *begin, const char *end) {
  uint64_t sum = 0;
  while (end > begin) sum = ((uint64_t)(*--end - '0') * (uint64_t)unit + sum) / 10;
  return (int64_t)sum;
}

/* "12.5k": whole digits, perhaps a fraction, and a suffix that `suffix_unit` knows. */
static bool scaled(const char *text, int64_t (*suffix_unit)(const char *), int64_t *value) {
  int64_t whole;
  if (!take_digits(&text, &whole)) return false;
  const char *fraction = text;
  const char *fraction_end = text;
  if (*text == '.') {
    fraction = ++text;
    while (is_digit(*text)) text++;
    fraction_end = text;
    if (fraction == fraction_end) return false;
  }
  int64_t unit = suffix_unit(text);
  if (unit == 0 || whole > INT64_MAX / unit) return false;
  if (unit == 1 && fraction != fraction_end) return false;
  int64_t rest = fraction_of(unit, fraction, fraction_end);
  if (whole * unit > INT64_MAX - rest) return false;
  *value = whole * unit + rest;
  return true;
}

bool number_size(const char *text, int64_t *value) {
  return scaled(text, size_suffix, value);
}

bool number_count(const char *text, int64_t *value) {
  return scaled(text, count_suffix, value);
}

static int digit_value(char c, int base) {
  int value = base;
  if (is_digit(c)) {
    value = c - '0';
  } else if (lower(c) >= 'a' && lower(c) <= 'f') {
    value = lower(c) - 'a' + 10;
  }
  return value < base ? value : -1;
}

bool number_word(const char *text, uint64_t *value) {
  int base = text[0] == '0' && lower(text[1]) == 'x' ? 16 : 10;
  if (base == 16) text += 2;
  if (*text == '\0') return false;
  uint64_t sum = 0;
  for (; *text; text++) {
    int digit = digit_value(*text, base);
    if (digit < 0 || sum > (UINT64_MAX - (uint64_t)digit) / (uint64_t)base) return false;
    sum = sum * (uint64_t)base + (uint64_t)digit;
  }
  *value = sum;
  return true;
}

bool number_fraction(const char *text, double *value) {
  const int64_t unit = 1000000000000;
  int64_t whole = 0;
  int64_t rest = 0;
  if (*text != '.' && !take_digits(&text, &whole)) return false;
  if (*text == '.') {
    const char *begin = ++text;
    while (is_digit(*text)) text++;
    if (text == begin) return false;
    rest = fraction_of(unit, begin, text);
  }
  int64_t scale = *text == '%' ? 100 : 1;
  if (*text == '%') text++;
  if (*text != '\0' || whole > scale || (whole == scale && rest > 0)) return false;
  *value = ((double)whole + (double)rest / (double)unit) / (double)scale;
  return true;
}
