/* SPDX-License-Identifier: Apache-2.0 */
/* Format strings to types and back. */
#include "arrow/type.h"

#include "support/error.h"

#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  int children;
} type_table[] = {
    [ARROW_NULL] = {"null", 0},
    [ARROW_BOOL] = {"bool", 0},
    [ARROW_INT] = {"integer", 0},
    [ARROW_FLOAT] = {"float", 0},
    [ARROW_DECIMAL] = {"decimal", 0},
    [ARROW_DATE] = {"date", 0},
    [ARROW_TIME] = {"time", 0},
    [ARROW_TIMESTAMP] = {"timestamp", 0},
    [ARROW_DURATION] = {"duration", 0},
    [ARROW_INTERVAL] = {"interval", 0},
    [ARROW_FIXED_BINARY] = {"fixed size binary", 0},
    [ARROW_BINARY] = {"binary", 0},
    [ARROW_UTF8] = {"utf8", 0},
    [ARROW_BINARY_VIEW] = {"binary view", 0},
    [ARROW_UTF8_VIEW] = {"utf8 view", 0},
    [ARROW_LIST] = {"list", 1},
    [ARROW_LIST_VIEW] = {"list view", 1},
    [ARROW_FIXED_LIST] = {"fixed size list", 1},
    [ARROW_STRUCT] = {"struct", -1},
    [ARROW_MAP] = {"map", 1},
    [ARROW_UNION] = {"union", -1},
    [ARROW_RUN_END_ENCODED] = {"run-end encoded", 2},
};

const char *arrow_type_name(enum arrow_type_id id) {
  return type_table[id].name;
}

int arrow_type_children(enum arrow_type_id id) {
  return type_table[id].children;
}

/* The formats without parameters. */
static const struct {
  const char *format;
  struct arrow_type type;
} plain_formats[] = {
    {"n", {.id = ARROW_NULL}},
    {"b", {.id = ARROW_BOOL}},
    {"c", {.id = ARROW_INT, .bit_width = 8, .is_signed = true}},
    {"C", {.id = ARROW_INT, .bit_width = 8}},
    {"s", {.id = ARROW_INT, .bit_width = 16, .is_signed = true}},
    {"S", {.id = ARROW_INT, .bit_width = 16}},
    {"i", {.id = ARROW_INT, .bit_width = 32, .is_signed = true}},
    {"I", {.id = ARROW_INT, .bit_width = 32}},
    {"l", {.id = ARROW_INT, .bit_width = 64, .is_signed = true}},
    {"L", {.id = ARROW_INT, .bit_width = 64}},
    {"e", {.id = ARROW_FLOAT, .bit_width = 16}},
    {"f", {.id = ARROW_FLOAT, .bit_width = 32}},
    {"g", {.id = ARROW_FLOAT, .bit_width = 64}},
    {"z", {.id = ARROW_BINARY}},
    {"Z", {.id = ARROW_BINARY, .is_large = true}},
    {"u", {.id = ARROW_UTF8}},
    {"U", {.id = ARROW_UTF8, .is_large = true}},
    {"vz", {.id = ARROW_BINARY_VIEW}},
    {"vu", {.id = ARROW_UTF8_VIEW}},
    {"tdD", {.id = ARROW_DATE, .unit = ARROW_DAY, .bit_width = 32}},
    {"tdm", {.id = ARROW_DATE, .unit = ARROW_MILLI, .bit_width = 64}},
    {"tts", {.id = ARROW_TIME, .unit = ARROW_SECOND, .bit_width = 32}},
    {"ttm", {.id = ARROW_TIME, .unit = ARROW_MILLI, .bit_width = 32}},
    {"ttu", {.id = ARROW_TIME, .unit = ARROW_MICRO, .bit_width = 64}},
    {"ttn", {.id = ARROW_TIME, .unit = ARROW_NANO, .bit_width = 64}},
    {"tDs", {.id = ARROW_DURATION, .unit = ARROW_SECOND}},
    {"tDm", {.id = ARROW_DURATION, .unit = ARROW_MILLI}},
    {"tDu", {.id = ARROW_DURATION, .unit = ARROW_MICRO}},
    {"tDn", {.id = ARROW_DURATION, .unit = ARROW_NANO}},
    {"tiM", {.id = ARROW_INTERVAL, .interval = ARROW_YEAR_MONTH}},
    {"tiD", {.id = ARROW_INTERVAL, .interval = ARROW_DAY_TIME}},
    {"tin", {.id = ARROW_INTERVAL, .interval = ARROW_MONTH_DAY_NANO}},
    {"+l", {.id = ARROW_LIST}},
    {"+L", {.id = ARROW_LIST, .is_large = true}},
    {"+vl", {.id = ARROW_LIST_VIEW}},
    {"+vL", {.id = ARROW_LIST_VIEW, .is_large = true}},
    {"+s", {.id = ARROW_STRUCT}},
    {"+m", {.id = ARROW_MAP}},
    {"+r", {.id = ARROW_RUN_END_ENCODED}},
};

enum { PLAIN_FORMATS = sizeof plain_formats / sizeof plain_formats[0] };

static bool parse_plain(const char *format, struct arrow_type *type) {
  for (int i = 0; i < PLAIN_FORMATS; i++) {
    if (strcmp(format, plain_formats[i].format) == 0) {
      *type = plain_formats[i].type;
      type->text = "";
      return true;
    }
  }
  return false;
}

static bool same_plain(const struct arrow_type *a, const struct arrow_type *b) {
  return a->id == b->id && a->bit_width == b->bit_width && a->is_signed == b->is_signed && a->is_large == b->is_large &&
         a->unit == b->unit && a->interval == b->interval;
}

/* A decimal number at `*at`, which is moved behind it. Only digits, and a minus where there may be one. */
static bool parse_number(const char **at, bool may_be_negative, int32_t *out) {
  bool negative = may_be_negative && **at == '-';
  const char *digit = *at + (negative ? 1 : 0);
  int64_t value = 0;
  if (*digit < '0' || *digit > '9') return false;
  for (; *digit >= '0' && *digit <= '9'; digit++) {
    value = value * 10 + (*digit - '0');
    if (value > INT32_MAX) return false;
  }
  *at = digit;
  *out = (int32_t)(negative ? -value : value);
  return true;
}

/* "P,S" or "P,S,BITS". */
static bool parse_decimal(const char *at, struct arrow_type *type) {
  int32_t bits = 128;
  if (!parse_number(&at, false, &type->precision) || *at++ != ',') return false;
  if (!parse_number(&at, true, &type->scale)) return false;
  if (*at == ',') {
    at++;
    if (!parse_number(&at, false, &bits)) return false;
  }
  if (*at != '\0' || (bits != 32 && bits != 64 && bits != 128 && bits != 256)) return false;
  type->id = ARROW_DECIMAL;
  type->bit_width = bits;
  return true;
}

static bool parse_sized(const char *at, enum arrow_type_id id, struct arrow_type *type) {
  type->id = id;
  return parse_number(&at, false, &type->size) && *at == '\0';
}

static bool parse_timestamp(const char *at, struct arrow_type *type) {
  static const char units[] = "smun";
  const char *unit = *at != '\0' ? strchr(units, *at) : NULL;
  if (unit == NULL || at[1] != ':') return false;
  type->id = ARROW_TIMESTAMP;
  type->unit = (enum arrow_unit)(unit - units);
  type->text = at + 2;
  return true;
}

static bool parse_union(const char *at, bool is_dense, struct arrow_type *type) {
  type->id = ARROW_UNION;
  type->is_dense = is_dense;
  type->text = at;
  while (*at != '\0') {
    int32_t id;
    if (!parse_number(&at, false, &id) || id > 127) return false;
    if (*at == ',')
      at++;
    else if (*at != '\0')
      return false;
    if (*at == '\0' && at[-1] == ',') return false;
  }
  return true;
}

static bool starts_with(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool parse_with_parameters(const char *format, struct arrow_type *type) {
  if (starts_with(format, "d:")) return parse_decimal(format + 2, type);
  if (starts_with(format, "w:")) return parse_sized(format + 2, ARROW_FIXED_BINARY, type);
  if (starts_with(format, "+w:")) return parse_sized(format + 3, ARROW_FIXED_LIST, type);
  if (starts_with(format, "ts")) return parse_timestamp(format + 2, type);
  if (starts_with(format, "+us:")) return parse_union(format + 4, false, type);
  if (starts_with(format, "+ud:")) return parse_union(format + 4, true, type);
  return false;
}

respool_status arrow_type_parse(const char *format, struct arrow_type *type, respool_error *error) {
  if (format == NULL) return error_set(error, RESPOOL_INVALID, "format string is NULL");
  if (parse_plain(format, type)) return RESPOOL_OK;
  *type = (struct arrow_type){.text = ""};
  if (parse_with_parameters(format, type)) return RESPOOL_OK;
  return error_set(error, RESPOOL_INVALID, "unknown format string '%.64s'", format);
}

static bool fits(int length, size_t size) {
  return length >= 0 && (size_t)length < size;
}

int arrow_type_ids(const char *text, int32_t ids[ARROW_TYPE_IDS]) {
  int count = 0;
  while (*text != '\0' && count < ARROW_TYPE_IDS) {
    parse_number(&text, false, &ids[count++]);
    if (*text == ',') text++;
  }
  return count;
}

bool arrow_type_format(const struct arrow_type *type, char *out, size_t size) {
  static const char units[] = "smun";
  switch (type->id) {
  case ARROW_DECIMAL:
    if (type->bit_width == 128) return fits(snprintf(out, size, "d:%d,%d", type->precision, type->scale), size);
    return fits(snprintf(out, size, "d:%d,%d,%d", type->precision, type->scale, type->bit_width), size);
  case ARROW_FIXED_BINARY:
    return fits(snprintf(out, size, "w:%d", type->size), size);
  case ARROW_FIXED_LIST:
    return fits(snprintf(out, size, "+w:%d", type->size), size);
  case ARROW_TIMESTAMP:
    return fits(snprintf(out, size, "ts%c:%s", units[type->unit], type->text), size);
  case ARROW_UNION:
    return fits(snprintf(out, size, "+u%c:%s", type->is_dense ? 'd' : 's', type->text), size);
  default:
    break;
  }
  for (int i = 0; i < PLAIN_FORMATS; i++) {
    if (same_plain(&plain_formats[i].type, type)) return fits(snprintf(out, size, "%s", plain_formats[i].format), size);
  }
  return false;
}
