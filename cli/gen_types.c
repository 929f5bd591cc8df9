/* SPDX-License-Identifier: Apache-2.0 */
/* respool gen: the types in a schema text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen_schema.h"

/* A limit of the stream format's readers; the batch itself has depth 0. */
#define MAX_DEPTH 64

/* What may or must follow a type's name. */
enum form {
  FORM_PLAIN,
  FORM_UNIT,
  FORM_ZONE,
  FORM_WIDTH,
  FORM_DECIMAL,
  FORM_LIST,
  FORM_FIXED_LIST,
  FORM_MAP,
  FORM_FIELDS
};

/* Times come in several units: `format` is then the start of it, `units` what is allowed, the default first. */
static const struct type {
  const char *name;
  enum gen_kind kind;
  const char *format;
  int32_t width; /* of FORM_DECIMAL also what bounds the precision */
  enum form form;
  const char *units;
} types[] = {
    {"null", GEN_NULL, "n", 0, FORM_PLAIN, NULL},
    {"bool", GEN_BITS, "b", 0, FORM_PLAIN, NULL},
    {"int8", GEN_RAW, "c", 1, FORM_PLAIN, NULL},
    {"int16", GEN_RAW, "s", 2, FORM_PLAIN, NULL},
    {"int32", GEN_RAW, "i", 4, FORM_PLAIN, NULL},
    {"int64", GEN_RAW, "l", 8, FORM_PLAIN, NULL},
    {"uint8", GEN_RAW, "C", 1, FORM_PLAIN, NULL},
    {"uint16", GEN_RAW, "S", 2, FORM_PLAIN, NULL},
    {"uint32", GEN_RAW, "I", 4, FORM_PLAIN, NULL},
    {"uint64", GEN_RAW, "L", 8, FORM_PLAIN, NULL},
    {"float16", GEN_FLOAT16, "e", 2, FORM_PLAIN, NULL},
    {"half", GEN_FLOAT16, "e", 2, FORM_PLAIN, NULL},
    {"float32", GEN_FLOAT32, "f", 4, FORM_PLAIN, NULL},
    {"float", GEN_FLOAT32, "f", 4, FORM_PLAIN, NULL},
    {"float64", GEN_FLOAT64, "g", 8, FORM_PLAIN, NULL},
    {"double", GEN_FLOAT64, "g", 8, FORM_PLAIN, NULL},
    {"decimal32", GEN_DECIMAL, "d:", 4, FORM_DECIMAL, NULL},
    {"decimal64", GEN_DECIMAL, "d:", 8, FORM_DECIMAL, NULL},
    {"decimal128", GEN_DECIMAL, "d:", 16, FORM_DECIMAL, NULL},
    {"decimal256", GEN_DECIMAL, "d:", 32, FORM_DECIMAL, NULL},
    {"date32", GEN_DATE32, "tdD", 4, FORM_PLAIN, NULL},
    {"date64", GEN_DATE64, "tdm", 8, FORM_PLAIN, NULL},
    {"time32", GEN_TIME, "tt", 4, FORM_UNIT, "ms s"},
    {"time64", GEN_TIME, "tt", 8, FORM_UNIT, "us ns"},
    {"timestamp", GEN_TIMESTAMP, "ts", 8, FORM_ZONE, "us s ms ns"},
    {"duration", GEN_DURATION, "tD", 8, FORM_UNIT, "us s ms ns"},
    {"interval", GEN_MONTHS, "ti", 0, FORM_UNIT, "month_day_nano year_month day_time"},
    {"binary", GEN_BYTES, "z", 0, FORM_PLAIN, NULL},
    {"utf8", GEN_TEXT, "u", 0, FORM_PLAIN, NULL},
    {"string", GEN_TEXT, "u", 0, FORM_PLAIN, NULL},
    {"large_binary", GEN_BYTES, "Z", 0, FORM_PLAIN, NULL},
    {"large_utf8", GEN_TEXT, "U", 0, FORM_PLAIN, NULL},
    {"large_string", GEN_TEXT, "U", 0, FORM_PLAIN, NULL},
    {"fixed_size_binary", GEN_RAW, "w:", 0, FORM_WIDTH, NULL},
    {"list", GEN_LIST, "+l", 0, FORM_LIST, NULL},
    {"large_list", GEN_LIST, "+L", 0, FORM_LIST, NULL},
    {"fixed_size_list", GEN_FIXED_LIST, "+w:", 0, FORM_FIXED_LIST, NULL},
    {"map", GEN_LIST, "+m", 0, FORM_MAP, NULL},
    {"struct", GEN_STRUCT, "+s", 0, FORM_FIELDS, NULL},
};

static bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t word_length(const char *at) {
  size_t length = 0;
  while (is_name(at[length])) length++;
  return length;
}

static const struct type *find_type(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strlen(types[i].name) == length && strncmp(types[i].name, name, length) == 0) return &types[i];
  }
  return NULL;
}

/* Replace the format text. False: no memory. */
static bool set_format(struct gen_node *node, const char *format) {
  char *copy = strdup(format);
  if (!copy) return false;
  free(node->format);
  node->format = copy;
  return true;
}

/* A whole number in the text, between `least` and `most`. */
static bool take_number(struct gen_parser *parser, int32_t least, int32_t most, int32_t *number) {
  gen_skip_space(parser);
  const char *begin = parser->at;
  bool negative = *parser->at == '-';
  if (negative) parser->at++;
  int64_t value = 0;
  bool digits = false;
  for (; *parser->at >= '0' && *parser->at <= '9'; parser->at++) {
    digits = true;
    if (value <= INT32_MAX) value = value * 10 + (*parser->at - '0');
  }
  if (negative) value = -value;
  if (digits && value >= least && value <= most) {
    *number = (int32_t)value;
    return true;
  }
  gen_complain(parser, begin, "a number from %d to %d expected", (int)least, (int)most);
  return false;
}

static int32_t parts_of_second(const char *unit) {
  switch (unit[0]) {
  case 's':
    return 1;
  case 'm':
    return 1000;
  case 'u':
    return 1000000;
  default:
    return 1000000000;
  }
}

/* Whether `units`, a list with spaces between, has the word. */
static bool has_unit(const char *units, const char *word, size_t length) {
  while (*units) {
    size_t here = strcspn(units, " ");
    if (here == length && length > 0 && strncmp(units, word, length) == 0) return true;
    units += here;
    units += strspn(units, " ");
  }
  return false;
}

static void set_interval(struct gen_node *node, char first_letter) {
  node->kind = first_letter == 'y' ? GEN_MONTHS : first_letter == 'd' ? GEN_DAY_TIME : GEN_MONTH_DAY_NANO;
  node->width = first_letter == 'y' ? 4 : first_letter == 'd' ? 8 : 16;
}

/* Format and unit of a time, from the unit's name; `zone` of `zone_length` bytes follows for timestamps. */
static bool set_unit(struct gen_node *node, const struct type *type, const char *unit, const char *zone,
                     size_t zone_length) {
  char letter = unit[0];
  if (node->kind == GEN_MONTHS) {
    set_interval(node, unit[0]);
    letter = unit[0] == 'y' ? 'M' : unit[0] == 'd' ? 'D' : 'n';
  } else {
    node->unit = parts_of_second(unit);
  }
  size_t size = strlen(type->format) + zone_length + 3;
  char *format = malloc(size);
  if (!format) return false;
  snprintf(format, size, "%s%c%s%.*s", type->format, letter, type->form == FORM_ZONE ? ":" : "", (int)zone_length,
           zone);
  free(node->format);
  node->format = format;
  return true;
}

/* [unit], [unit, zone] or nothing. */
static bool parse_unit(struct gen_parser *parser, struct gen_node *node, const struct type *type) {
  if (!gen_take_if(parser, '[')) return set_unit(node, type, type->units, "", 0);
  gen_skip_space(parser);
  const char *unit = parser->at;
  size_t length = word_length(unit);
  if (!has_unit(type->units, unit, length)) {
    gen_complain(parser, unit, "unit of %s expected, one of: %s", type->name, type->units);
    return false;
  }
  parser->at += length;
  const char *zone = "";
  size_t zone_length = 0;
  if (type->form == FORM_ZONE && gen_take_if(parser, ',')) {
    gen_skip_space(parser);
    zone = parser->at;
    zone_length = strcspn(zone, "]");
    parser->at += zone_length;
    while (zone_length > 0 && zone[zone_length - 1] == ' ') zone_length--;
  }
  return gen_take(parser, ']') && set_unit(node, type, unit, zone, zone_length);
}

/* (N) */
static bool parse_width(struct gen_parser *parser, struct gen_node *node, const struct type *type) {
  if (!gen_take(parser, '(') || !take_number(parser, 0, INT32_MAX, &node->width) || !gen_take(parser, ')')) {
    return false;
  }
  char format[32];
  snprintf(format, sizeof format, "%s%d", type->format, (int)node->width);
  return set_format(node, format);
}

static int32_t most_digits(int32_t width) {
  switch (width) {
  case 4:
    return 9;
  case 8:
    return 18;
  case 16:
    return 38;
  default:
    return 76;
  }
}

/* (precision, scale) */
static bool parse_decimal(struct gen_parser *parser, struct gen_node *node) {
  int32_t scale = 0;
  if (!gen_take(parser, '(') || !take_number(parser, 1, most_digits(node->width), &node->precision)) return false;
  if (gen_take_if(parser, ',') && !take_number(parser, -999, 999, &scale)) return false;
  if (!gen_take(parser, ')')) return false;
  char format[64];
  int used = snprintf(format, sizeof format, "d:%d,%d", (int)node->precision, (int)scale);
  if (node->width != 16) snprintf(format + used, sizeof format - (size_t)used, ",%d", 8 * (int)node->width);
  return set_format(node, format);
}

/* One child with a given name. */
static bool parse_child(struct gen_parser *parser, struct gen_node *node, const char *name) {
  struct gen_node *child = gen_parse_type(parser);
  if (!child) return false;
  node->children[node->child_count++] = child;
  return gen_node_name(child, name, strlen(name));
}

/* <type> */
static bool parse_item(struct gen_parser *parser, struct gen_node *node) {
  return gen_take(parser, '<') && parse_child(parser, node, "item") && gen_take(parser, '>');
}

/* <key, value>: a list of structs, which are never null, as keys are not. */
static bool parse_map(struct gen_parser *parser, struct gen_node *node) {
  struct gen_node *entries = gen_node_new(GEN_STRUCT, "+s", 2);
  if (!entries) return false;
  node->children[node->child_count++] = entries;
  entries->nullable = false;
  if (!gen_node_name(entries, "entries", 7) || !gen_take(parser, '<')) return false;
  parser->depth++;
  bool parsed = parse_child(parser, entries, "key") && gen_take(parser, ',') && parse_child(parser, entries, "value");
  parser->depth--;
  if (!parsed || !gen_take(parser, '>')) return false;
  entries->children[0]->nullable = false;
  return true;
}

/* <name:type, ...>. The fields arrive in a node of their own, whose children move over. */
static bool parse_struct(struct gen_parser *parser, struct gen_node *node) {
  if (!gen_take(parser, '<')) return false;
  struct gen_node *fields = gen_parse_fields(parser, '>');
  if (!fields) return false;
  free(node->children);
  node->children = fields->children;
  node->child_count = fields->child_count;
  fields->children = NULL;
  fields->child_count = 0;
  gen_free(fields);
  return gen_take(parser, '>');
}

static bool parse_parameters(struct gen_parser *parser, struct gen_node *node, const struct type *type) {
  switch (type->form) {
  case FORM_PLAIN:
    return true;
  case FORM_UNIT:
  case FORM_ZONE:
    return parse_unit(parser, node, type);
  case FORM_WIDTH:
    return parse_width(parser, node, type);
  case FORM_DECIMAL:
    return parse_decimal(parser, node);
  case FORM_LIST:
    return parse_item(parser, node);
  case FORM_FIXED_LIST:
    return parse_item(parser, node) && parse_width(parser, node, type);
  case FORM_MAP:
    return parse_map(parser, node);
  default:
    return parse_struct(parser, node);
  }
}

static struct gen_node *parse_known(struct gen_parser *parser, const struct type *type) {
  struct gen_node *node = gen_node_new(type->kind, type->format, 1);
  if (!node) return NULL;
  node->width = type->width;
  node->large = type->format[0] == 'Z' || type->format[0] == 'U' || strcmp(type->format, "+L") == 0;
  if (!parse_parameters(parser, node, type)) {
    gen_free(node);
    return NULL;
  }
  if (gen_take_if(parser, '!')) node->nullable = false;
  return node;
}

struct gen_node *gen_parse_type(struct gen_parser *parser) {
  gen_skip_space(parser);
  const char *name = parser->at;
  size_t length = word_length(name);
  if (length == 0) return gen_complain(parser, name, "a type expected");
  const struct type *type = find_type(name, length);
  if (!type) return gen_complain(parser, name, "unknown type '%.*s'", (int)length, name);
  if (parser->depth + 1 >= MAX_DEPTH) return gen_complain(parser, name, "types nested too deeply");
  parser->at += length;
  parser->depth++;
  struct gen_node *node = parse_known(parser, type);
  parser->depth--;
  return node;
}
