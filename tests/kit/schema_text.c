/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas from the text form that schema_build.h describes, and random texts of that form. */
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
    {"null", "n"},         {"bool", "b"},       {"int8", "c"},        {"uint8", "C"},       {"int16", "s"},
    {"uint16", "S"},       {"int32", "i"},      {"uint32", "I"},      {"int64", "l"},       {"uint64", "L"},
    {"float16", "e"},      {"float32", "f"},    {"float64", "g"},     {"date32", "tdD"},    {"date64", "tdm"},
    {"binary", "z"},       {"utf8", "u"},       {"list", "+l"},       {"struct", "+s"},     {"map", "+m"},
    {"large_binary", "Z"}, {"large_utf8", "U"}, {"large_list", "+L"}, {"map_sorted", "+m"},
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
  else if (is(type, "raw") || is(type, "dictionary"))
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

static void build_type(type_text *type, const char *name, int64_t flags, struct ArrowSchema *out) {
  char format[2 * NAME_MAX_BYTES];
  format_of(type, format, sizeof format);
  if (is(type, "map") || is(type, "map_sorted")) {
    build_map(type, name, flags, out);
  } else if (is(type, "dictionary")) {
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

/* ---- Random texts --------------------------------------------------------------------------------- */

typedef struct writer {
  kit_random *random;
  char *text;
  size_t size;
} writer;

static void write_text(writer *w, const char *piece) {
  size_t more = strlen(piece);
  char *grown = realloc(w->text, w->size + more + 1);
  if (grown == NULL) kit_die("no memory");
  memcpy(grown + w->size, piece, more + 1);
  w->text = grown;
  w->size += more;
}

static const char *const leaf_texts[] = {
    "null",
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
    "date32",
    "date64",
    "decimal32(9,2)",
    "decimal64(18,-3)",
    "decimal128(38,10)",
    "decimal256(76,38)",
    "time32(s)",
    "time32(ms)",
    "time64(us)",
    "time64(ns)",
    "timestamp(s)",
    "timestamp(ms,UTC)",
    "timestamp(us,Europe/Berlin)",
    "timestamp(ns,+02:30)",
    "duration(s)",
    "duration(ms)",
    "duration(us)",
    "duration(ns)",
    "interval(ym)",
    "interval(dt)",
    "interval(mdn)",
    "fixed(1)",
    "fixed(7)",
    "fixed(0)",
    "fixed(33)",
    "binary",
    "utf8",
    "large_binary",
    "large_utf8",
};

static void write_field(writer *w, int max_depth, int number);

static void write_children(writer *w, int count, int max_depth) {
  write_text(w, "<");
  for (int i = 0; i < count; i++) {
    if (i > 0) write_text(w, ",");
    write_field(w, max_depth - 1, i);
  }
  write_text(w, ">");
}

static void write_nested(writer *w, int max_depth) {
  static const char *const words[] = {"list",          "large_list", "fixed_list(3)", "fixed_list(1)",
                                      "fixed_list(0)", "struct",     "map_sorted",    "map"};
  int64_t pick = kit_random_below(w->random, 8);
  write_text(w, words[pick]);
  int count = pick < 5 ? 1 : pick == 5 ? (int)kit_random_below(w->random, 4) : 2;
  write_children(w, count, max_depth);
}

static void write_field(writer *w, int max_depth, int number) {
  static const char *const names[] = {"", "a", "a", "b", "'\xc3\xa9t\xc3\xa9 x'"};
  char name[16];
  snprintf(name, sizeof name, "f%d", number);
  int64_t odd = kit_random_below(w->random, 15);
  write_text(w, odd < 5 ? names[odd] : name);
  write_text(w, ":");
  if (max_depth > 0 && kit_random_chance(w->random, 0.4))
    write_nested(w, max_depth);
  else
    write_text(w, leaf_texts[kit_random_below(w->random, (int64_t)(sizeof leaf_texts / sizeof leaf_texts[0]))]);
  if (kit_random_chance(w->random, 0.2)) write_text(w, "!");
}

char *kit_schema_random_text(kit_random *random, int max_fields, int max_depth) {
  writer w = {random, NULL, 0};
  int count = (int)kit_random_below(random, max_fields + 1);
  write_text(&w, "{");
  for (int i = 0; i < count; i++) {
    if (i > 0) write_text(&w, ",");
    write_field(&w, max_depth, i);
  }
  write_text(&w, "}");
  return w.text;
}
