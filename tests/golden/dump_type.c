/* SPDX-License-Identifier: Apache-2.0 */
/* Format strings of the C data interface, taken apart; JSON strings. */
#include "dump.h"

#include <stdlib.h>
#include <string.h>

struct simple_format {
  const char *format;
  struct dump_type type;
};

static const struct simple_format simple_formats[] = {
    {"n", {.kind = DUMP_NULL}},
    {"b", {.kind = DUMP_BOOL, .bits = 1}},
    {"c", {.kind = DUMP_INT, .bits = 8, .is_signed = true}},
    {"C", {.kind = DUMP_INT, .bits = 8}},
    {"s", {.kind = DUMP_INT, .bits = 16, .is_signed = true}},
    {"S", {.kind = DUMP_INT, .bits = 16}},
    {"i", {.kind = DUMP_INT, .bits = 32, .is_signed = true}},
    {"I", {.kind = DUMP_INT, .bits = 32}},
    {"l", {.kind = DUMP_INT, .bits = 64, .is_signed = true}},
    {"L", {.kind = DUMP_INT, .bits = 64}},
    {"e", {.kind = DUMP_FLOAT, .bits = 16, .unit = "HALF"}},
    {"f", {.kind = DUMP_FLOAT, .bits = 32, .unit = "SINGLE"}},
    {"g", {.kind = DUMP_FLOAT, .bits = 64, .unit = "DOUBLE"}},
    {"z", {.kind = DUMP_BINARY}},
    {"Z", {.kind = DUMP_BINARY, .large = true}},
    {"u", {.kind = DUMP_UTF8}},
    {"U", {.kind = DUMP_UTF8, .large = true}},
    {"tdD", {.kind = DUMP_DATE, .bits = 32, .unit = "DAY"}},
    {"tdm", {.kind = DUMP_DATE, .bits = 64, .unit = "MILLISECOND"}},
    {"tts", {.kind = DUMP_TIME, .bits = 32, .unit = "SECOND"}},
    {"ttm", {.kind = DUMP_TIME, .bits = 32, .unit = "MILLISECOND"}},
    {"ttu", {.kind = DUMP_TIME, .bits = 64, .unit = "MICROSECOND"}},
    {"ttn", {.kind = DUMP_TIME, .bits = 64, .unit = "NANOSECOND"}},
    {"tDs", {.kind = DUMP_DURATION, .bits = 64, .unit = "SECOND"}},
    {"tDm", {.kind = DUMP_DURATION, .bits = 64, .unit = "MILLISECOND"}},
    {"tDu", {.kind = DUMP_DURATION, .bits = 64, .unit = "MICROSECOND"}},
    {"tDn", {.kind = DUMP_DURATION, .bits = 64, .unit = "NANOSECOND"}},
    {"tiM", {.kind = DUMP_INTERVAL, .bits = 32, .unit = "YEAR_MONTH"}},
    {"tiD", {.kind = DUMP_INTERVAL, .bits = 64, .unit = "DAY_TIME"}},
    {"tin", {.kind = DUMP_INTERVAL, .bits = 128, .unit = "MONTH_DAY_NANO"}},
    {"+l", {.kind = DUMP_LIST}},
    {"+L", {.kind = DUMP_LIST, .large = true}},
    {"+m", {.kind = DUMP_MAP}},
    {"+s", {.kind = DUMP_STRUCT}},
    {"vz", {.kind = DUMP_BINARY_VIEW}},
    {"vu", {.kind = DUMP_UTF8_VIEW}},
    {"+vl", {.kind = DUMP_LIST_VIEW}},
    {"+vL", {.kind = DUMP_LIST_VIEW, .large = true}},
    {"+r", {.kind = DUMP_RUN_ENDS}},
};

static bool parse_simple(const char *format, struct dump_type *type) {
  for (size_t i = 0; i < sizeof simple_formats / sizeof *simple_formats; i++) {
    if (strcmp(format, simple_formats[i].format) == 0) {
      *type = simple_formats[i].type;
      return true;
    }
  }
  return false;
}

/* "ts?:ZONE" */
static bool parse_timestamp(const char *format, struct dump_type *type) {
  static const char letters[] = "smun";
  static const char *const units[] = {"SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND"};
  if (strncmp(format, "ts", 2) != 0 || format[2] == '\0' || format[3] != ':') return false;
  const char *letter = strchr(letters, format[2]);
  if (letter == NULL) return false;
  *type = (struct dump_type){.kind = DUMP_TIMESTAMP, .bits = 64, .unit = units[letter - letters]};
  type->timezone = format + 4;
  return true;
}

/* "d:PRECISION,SCALE[,BITS]" */
static bool parse_decimal(const char *format, struct dump_type *type) {
  if (strncmp(format, "d:", 2) != 0) return false;
  *type = (struct dump_type){.kind = DUMP_DECIMAL, .bits = 128};
  char *end;
  type->precision = (int)strtol(format + 2, &end, 10);
  if (*end != ',') return false;
  type->scale = (int)strtol(end + 1, &end, 10);
  if (*end == ',') type->bits = (int)strtol(end + 1, &end, 10);
  return *end == '\0';
}

/* "w:BYTES" and "+w:ELEMENTS" */
static bool parse_fixed(const char *format, struct dump_type *type) {
  bool list = format[0] == '+';
  if (strncmp(format + list, "w:", 2) != 0) return false;
  char *end;
  *type = (struct dump_type){.kind = list ? DUMP_FIXED_LIST : DUMP_FIXED_BINARY};
  type->width = strtoll(format + list + 2, &end, 10);
  return *end == '\0';
}

/* "+us:IDS" and "+ud:IDS" */
static bool parse_union(const char *format, struct dump_type *type) {
  bool dense = strncmp(format, "+ud:", 4) == 0;
  if (!dense && strncmp(format, "+us:", 4) != 0) return false;
  *type = (struct dump_type){.kind = DUMP_UNION, .dense = dense, .type_ids = format + 4};
  return true;
}

bool dump_type_parse(const char *format, struct dump_type *type) {
  return parse_simple(format, type) || parse_timestamp(format, type) || parse_decimal(format, type) ||
         parse_fixed(format, type) || parse_union(format, type);
}

void dump_text(FILE *out, const char *bytes, size_t size) {
  putc('"', out);
  for (size_t i = 0; i < size; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c < 0x20 || c == 0x7f) {
      fprintf(out, "\\u%04x", c);
    } else {
      if (c == '"' || c == '\\') putc('\\', out);
      putc(c, out);
    }
  }
  putc('"', out);
}
