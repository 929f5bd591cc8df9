/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow types in words. */
#include "types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Formats that stand for themselves. */
static const struct {
  const char *format;
  const char *words;
} plain[] = {
    {"n", "null"},
    {"b", "bool"},
    {"c", "int8"},
    {"C", "uint8"},
    {"s", "int16"},
    {"S", "uint16"},
    {"i", "int32"},
    {"I", "uint32"},
    {"l", "int64"},
    {"L", "uint64"},
    {"e", "float16"},
    {"f", "float32"},
    {"g", "float64"},
    {"z", "binary"},
    {"Z", "large_binary"},
    {"vz", "binary_view"},
    {"u", "utf8"},
    {"U", "large_utf8"},
    {"vu", "utf8_view"},
    {"tdD", "date32"},
    {"tdm", "date64"},
    {"tts", "time32[s]"},
    {"ttm", "time32[ms]"},
    {"ttu", "time64[us]"},
    {"ttn", "time64[ns]"},
    {"tDs", "duration[s]"},
    {"tDm", "duration[ms]"},
    {"tDu", "duration[us]"},
    {"tDn", "duration[ns]"},
    {"tiM", "interval[year_month]"},
    {"tiD", "interval[day_time]"},
    {"tin", "interval[month_day_nano]"},
    {"+l", "list"},
    {"+L", "large_list"},
    {"+vl", "list_view"},
    {"+vL", "large_list_view"},
    {"+s", "struct"},
    {"+r", "run_end_encoded"},
};

/* Formats with a parameter after a colon. */
static const struct {
  const char *prefix;
  const char *words; /* then the parameter and a bracket */
} with_parameter[] = {
    {"w:", "fixed_size_binary("},
    {"+w:", "fixed_size_list("},
    {"+ud:", "dense_union("},
    {"+us:", "sparse_union("},
};

/* "P,S" or "P,S,BITS". */
static void decimal_words(char *out, size_t size, const char *parameters) {
  char *at;
  long precision = strtol(parameters, &at, 10);
  long scale = *at == ',' ? strtol(at + 1, &at, 10) : 0;
  long bits = *at == ',' ? strtol(at + 1, &at, 10) : 128;
  if (at == parameters || *at != '\0') {
    snprintf(out, size, "decimal of unknown form \"%s\"", parameters);
  } else {
    snprintf(out, size, "decimal%ld(%ld,%ld)", bits, precision, scale);
  }
}

static const char *unit_words(char letter) {
  switch (letter) {
  case 's':
    return "s";
  case 'm':
    return "ms";
  case 'u':
    return "us";
  default:
    return "ns";
  }
}

static void timestamp_words(char *out, size_t size, const char *format) {
  const char *zone = strchr(format, ':');
  zone = zone ? zone + 1 : "";
  snprintf(out, size, "timestamp[%s%s%s]", unit_words(format[2]), *zone ? ", " : "", zone);
}

static void format_words(char *out, size_t size, const char *format, int64_t flags) {
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    if (strcmp(plain[i].format, format) != 0) continue;
    snprintf(out, size, "%s", plain[i].words);
    return;
  }
  for (size_t i = 0; i < sizeof with_parameter / sizeof *with_parameter; i++) {
    size_t length = strlen(with_parameter[i].prefix);
    if (strncmp(with_parameter[i].prefix, format, length) != 0) continue;
    snprintf(out, size, "%s%s)", with_parameter[i].words, format + length);
    return;
  }
  if (strncmp(format, "d:", 2) == 0) {
    decimal_words(out, size, format + 2);
  } else if (strncmp(format, "ts", 2) == 0 && format[2]) {
    timestamp_words(out, size, format);
  } else if (strcmp(format, "+m") == 0) {
    snprintf(out, size, "map%s", flags & ARROW_FLAG_MAP_KEYS_SORTED ? "[keys sorted]" : "");
  } else {
    snprintf(out, size, "unknown type \"%s\"", format);
  }
}

void type_words(char *out, size_t size, const struct ArrowSchema *field) {
  if (!field->dictionary) {
    format_words(out, size, field->format, field->flags);
    return;
  }
  char indices[64];
  format_words(indices, sizeof indices, field->format, 0);
  const char *ordered = field->flags & ARROW_FLAG_DICTIONARY_ORDERED ? ", ordered" : "";
  snprintf(out, size, "dictionary<%s%s>", indices, ordered);
}
