/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas from the text form that schema_build.h describes. */
#include "check.h"
#include "schema_build.h"
#include "schema_node.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 128, FIELDS_MAX = 32 };

/* A type as it was read: its word, what stood in parentheses, and its children. */
typedef struct type_text {
  char word[NAME_MAX_BYTES];
  char argument[NAME_MAX_BYTES];
  struct ArrowSchema children[FIELDS_MAX];
  int64_t n_children;
} type_text;

typedef struct simple_type {
  const char *word;
  const char *format;
} simple_type;

static const simple_type simple_types[] = {
    {"null", "n"},         {"bool", "b"},       {"int8", "c"},        {"uint8", "C"},
    {"int16", "s"},        {"uint16", "S"},     {"int32", "i"},       {"uint32", "I"},
    {"int64", "l"},        {"uint64", "L"},     {"float16", "e"},     {"float32", "f"},
    {"float64", "g"},      {"date32", "tdD"},   {"date64", "tdm"},    {"binary", "z"},
    {"utf8", "u"},         {"list", "+l"},      {"struct", "+s"},     {"map", "+m"},
    {"large_binary", "Z"}, {"large_utf8", "U"}, {"large_list", "+L"}, {"map_sorted", "+m"},
    {"binary_view", "vz"}, {"utf8_view", "vu"}, {"list_view", "+vl"}, {"large_list_view", "+vL"},
};

static void parse_field(const char **at, struct ArrowSchema *out);

static void skip_space(const char **at) {
  while (isspace((unsigned char)**at)) ++*at;
}

static bool take(const char **at, char c) {
  skip_space(at);
  if (**at != c) return false;
  ++*at;
  return true;
}

static void expect(const char **at, char c) {
  if (!take(at, c)) kit_die("schema text: '%c' is missing at \"%s\"", c, *at);
}

static void take_until(const char **at, char end, char *out) {
  size_t size = strcspn(*at, (char[]){end, '\0'});
  if ((*at)[size] == '\0' || size >= NAME_MAX_BYTES) kit_die("schema text: '%c' is missing at \"%s\"", end, *at);
  memcpy(out, *at, size);
  out[size] = '\0';
  *at += size + 1;
}

static void take_word(const char **at, char *out) {
  skip_space(at);
  size_t size = 0;
  while (isalnum((unsigned char)(*at)[size]) || ((*at)[size] != '\0' && strchr("_-", (*at)[size]) != NULL)) size++;
  if (size >= NAME_MAX_BYTES) kit_die("schema text: a name is too long at \"%s\"", *at);
  memcpy(out, *at, size);
  out[size] = '\0';
  *at += size;
}

static void take_name(const char **at, char *out) {
  if (take(at, '\''))
    take_until(at, '\'', out);
  else
    take_word(at, out);
}

static int64_t parse_fields(const char **at, char end, struct ArrowSchema *fields) {
  int64_t count = 0;
  if (take(at, end)) return 0;
  do {
    if (count == FIELDS_MAX) kit_die("schema text: more than %d fields", FIELDS_MAX);
    parse_field(at, &fields[count++]);
  } while (take(at, ','));
  expect(at, end);
  return count;
}

static bool is(const type_text *type, const char *word) {
  return strcmp(type->word, word) == 0;
}

static bool is_dictionary(const type_text *type) {
  return is(type, "dictionary") || is(type, "dictionary_ordered");
}

static const char *interval_format(const char *unit) {
  return strcmp(unit, "ym") == 0 ? "tiM" : strcmp(unit, "dt") == 0 ? "tiD" : "tin";
}

static void format_with_unit(const type_text *type, const char *prefix, char *out, size_t size) {
  const char *comma = strchr(type->argument, ',');
  const char *zone = comma != NULL ? comma + 1 : "";
  bool zoned = is(type, "timestamp");
  snprintf(out, size, "%s%c%s%s", prefix, type->argument[0], zoned ? ":" : "", zoned ? zone : "");
}

static bool format_simple(const type_text *type, char *out, size_t size) {
  for (size_t i = 0; i < sizeof simple_types / sizeof simple_types[0]; i++)
    if (is(type, simple_types[i].word)) {
      snprintf(out, size, "%s", simple_types[i].format);
      return true;
    }
  return false;
}

static void format_of(const type_text *type, char *out, size_t size) {
  const char *argument = type->argument;
  if (format_simple(type, out, size)) return;
  if (is(type, "decimal128"))
    snprintf(out, size, "d:%s", argument);
  else if (strncmp(type->word, "decimal", 7) == 0)
    snprintf(out, size, "d:%s,%s", argument, type->word + 7);
  else if (is(type, "fixed"))
    snprintf(out, size, "w:%s", argument);
  else if (is(type, "fixed_list"))
    snprintf(out, size, "+w:%s", argument);
  else if (is(type, "interval"))
    snprintf(out, size, "%s", interval_format(argument));
  else if (is(type, "sparse_union"))
    snprintf(out, size, "+us:%s", argument);
  else if (is(type, "dense_union"))
    snprintf(out, size, "+ud:%s", argument);
  else if (is(type, "run_ends"))
    snprintf(out, size, "+r");
  else if (is(type, "raw") || is_dictionary(type))
    snprintf(out, size, "%s", argument);
  else if (is(type, "timestamp"))
    format_with_unit(type, "ts", out, size);
  else if (is(type, "duration"))
    format_with_unit(type, "tD", out, size);
  else if (strncmp(type->word, "time", 4) == 0)
    format_with_unit(type, "tt", out, size);
  else
    kit_die("schema text: no type \"%s\"", type->word);
}

static void move_children(type_text *type, struct ArrowSchema *to) {
  for (int64_t i = 0; i < type->n_children; i++) *to->children[i] = type->children[i];
}

static void build_map(type_text *type, const char *name, int64_t flags, struct ArrowSchema *out) {
  if (type->n_children != 2) kit_die("schema text: a map has a key and a value");
  if (is(type, "map_sorted")) flags |= ARROW_FLAG_MAP_KEYS_SORTED;
  type->children[0].flags &= ~(int64_t)ARROW_FLAG_NULLABLE;
  kit_schema_node(out, "+m", name, flags, 1);
  kit_schema_node(out->children[0], "+s", "entries", 0, 2);
  move_children(type, out->children[0]);
}

/* The field of the run ends is made from the argument. */
static void build_run_ends(type_text *type, const char *name, int64_t flags, struct ArrowSchema *out) {
  if (type->n_children != 1) kit_die("schema text: run ends have one field of values");
  kit_schema_node(out, "+r", name, flags, 2);
  kit_schema_node(out->children[0], type->argument, "run_ends", 0, 0);
  *out->children[1] = type->children[0];
}

static void build_type(type_text *type, const char *name, int64_t flags, struct ArrowSchema *out) {
  char format[2 * NAME_MAX_BYTES];
  format_of(type, format, sizeof format);
  if (is(type, "map") || is(type, "map_sorted")) {
    build_map(type, name, flags, out);
  } else if (is(type, "run_ends")) {
    build_run_ends(type, name, flags, out);
  } else if (is_dictionary(type)) {
    if (is(type, "dictionary_ordered")) flags |= ARROW_FLAG_DICTIONARY_ORDERED;
    kit_schema_node(out, format, name, flags, 0);
    *kit_schema_add_dictionary(out) = type->children[0];
  } else {
    kit_schema_node(out, format, name, flags, type->n_children);
    move_children(type, out);
  }
}

static void parse_type(const char **at, type_text *type) {
  take_word(at, type->word);
  if (take(at, '(')) take_until(at, ')', type->argument);
  if (take(at, '<')) type->n_children = parse_fields(at, '>', type->children);
}

static void parse_field(const char **at, struct ArrowSchema *out) {
  char name[NAME_MAX_BYTES];
  take_name(at, name);
  expect(at, ':');
  type_text *type = calloc(1, sizeof *type);
  if (type == NULL) kit_die("no memory");
  parse_type(at, type);
  build_type(type, name, take(at, '!') ? 0 : ARROW_FLAG_NULLABLE, out);
  free(type);
}

void kit_schema_parse(const char *text, struct ArrowSchema *schema) {
  type_text *top = calloc(1, sizeof *top);
  if (top == NULL) kit_die("no memory");
  const char *at = text;
  expect(&at, '{');
  top->n_children = parse_fields(&at, '}', top->children);
  kit_schema_node(schema, "+s", "", 0, top->n_children);
  move_children(top, schema);
  free(top);
}
