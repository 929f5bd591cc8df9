/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas of every type out of fuzz input, with odd names, metadata and flags; and such as are wrong. */
#include "odd.h"

#include "schema_build.h"
#include "schema_node.h"

#include <stdio.h>
#include <string.h>

enum { NODES_MOST = 24, DEPTH_MOST = 4, FIELDS_MOST = 5, WIDE_MOST = 400 };

typedef struct maker {
  fuzz_input *input;
  int depth; /* of the deepest field so far */
  int nodes;
} maker;

static const char *const leaves[] = {
    "i",   "l",   "u",   "b",    "n",        "c",         "C",       "s",           "S",       "I",
    "L",   "e",   "f",   "g",    "z",        "Z",         "U",       "vu",          "vz",      "tdD",
    "tdm", "tts", "ttm", "ttu",  "ttn",      "tDs",       "tDn",     "tiM",         "tiD",     "tin",
    "w:0", "w:1", "w:5", "w:16", "d:9,2,32", "d:18,3,64", "d:38,10", "d:76,38,256", "tsu:UTC", "tsn:",
};

/* Types with children; negative: a number of the input's choice. */
static const struct {
  const char *format;
  int children;
} nested[] = {
    {"+l", 1},   {"+L", 1},  {"+s", -1}, {"+m", 1},    {"+w:0", 1},  {"+w:1", 1},
    {"+w:2", 1}, {"+vl", 1}, {"+vL", 1}, {"+us:", -1}, {"+ud:", -1}, {"+r", 2},
};

static const char *const indices[] = {"c", "C", "s", "S", "i", "I", "l", "L"};
static const char *const run_ends[] = {"s", "i", "l"};

#define COUNT(array)        ((int)(sizeof(array) / sizeof((array)[0])))
#define CHOOSE(input, from) ((from)[fuzz_below((input), COUNT(from))])

static const char *name_of(maker *m) {
  static const char long_name[] =
      "a name that is so long that nobody would give it to a field, and that does not fit where "
      "names of fields are put together into a path; a name that goes on and on and on, and "
      "then some more, until in the end it is longer than two hundred and fifty-six bytes are";
  static const char *const names[] = {"a",          "",       NULL, "a", "b", "\xC3\xA9t\xC3\xA9", "\xFF\xFE half \xC3",
                                      "two\nlines", long_name};
  return CHOOSE(m->input, names);
}

/* Keys and values with anything in them; none, an empty list, one or two. */
static void set_metadata(maker *m, struct ArrowSchema *schema) {
  static const kit_pair pairs[] = {KIT_PAIR("ARROW:extension:name", "odd\0one"), KIT_PAIR("", ""),
                                   KIT_PAIR("\0", "\xFF"), KIT_PAIR("k", "v")};
  static const int32_t no_pairs = 0;
  int choice = fuzz_below(m->input, 16);
  if (choice < COUNT(pairs)) kit_schema_set_metadata(schema, pairs, choice);
  if (choice == COUNT(pairs)) schema->metadata = (const char *)&no_pairs;
}

static void make_field(maker *m, int depth, struct ArrowSchema *out);

static void make_children(maker *m, int depth, struct ArrowSchema *out) {
  for (int64_t i = 0; i < out->n_children; i++) make_field(m, depth + 1, out->children[i]);
}

static void note_depth(maker *m, int depth) {
  if (depth > m->depth) m->depth = depth;
}

static void leaf(maker *m, const char *format, const char *name, int64_t flags, int depth, struct ArrowSchema *out) {
  note_depth(m, depth);
  m->nodes++;
  kit_schema_node(out, format, name, flags, 0);
}

static void make_map(maker *m, int depth, const char *name, int64_t flags, struct ArrowSchema *out) {
  if (fuzz_below(m->input, 2) == 1) flags |= ARROW_FLAG_MAP_KEYS_SORTED;
  kit_schema_node(out, "+m", name, flags, 1);
  kit_schema_node(out->children[0], "+s", "entries", 0, 2);
  make_children(m, depth + 1, out->children[0]);
  out->children[0]->children[0]->flags &= ~(int64_t)ARROW_FLAG_NULLABLE;
}

/* Type ids in any order and with gaps, no two alike. */
static void make_union(maker *m, int depth, const char *prefix, int children, const char *name,
                       struct ArrowSchema *out) {
  char format[64];
  int first = fuzz_below(m->input, 120), step = 1 + fuzz_below(m->input, 2);
  size_t used = (size_t)snprintf(format, sizeof format, "%s", prefix);
  for (int i = 0; i < children; i++)
    used +=
        (size_t)snprintf(format + used, sizeof format - used, "%s%d", i > 0 ? "," : "", (first + i * step * 3) % 128);
  kit_schema_node(out, format, name, ARROW_FLAG_NULLABLE, children);
  make_children(m, depth, out);
}

static void make_runs(maker *m, int depth, const char *name, int64_t flags, struct ArrowSchema *out) {
  kit_schema_node(out, "+r", name, flags, 2);
  leaf(m, CHOOSE(m->input, run_ends), "run_ends", 0, depth + 1, out->children[0]);
  make_field(m, depth + 1, out->children[1]);
}

static void make_nested(maker *m, int depth, int choice, const char *name, int64_t flags, struct ArrowSchema *out) {
  const char *format = nested[choice].format;
  int children = nested[choice].children;
  bool is_union = format[1] == 'u'; /* without children it could have no slot */
  if (children < 0) children = is_union ? 1 + fuzz_below(m->input, 3) : fuzz_below(m->input, 4);
  if (strcmp(format, "+m") == 0)
    make_map(m, depth, name, flags, out);
  else if (strcmp(format, "+r") == 0)
    make_runs(m, depth, name, flags, out);
  else if (is_union)
    make_union(m, depth, format, children, name, out);
  else {
    kit_schema_node(out, format, name, flags, children);
    make_children(m, depth, out);
  }
}

/* The values of a dictionary are of any type but a dictionary. */
static void make_dictionary(maker *m, int depth, const char *name, int64_t flags, struct ArrowSchema *out) {
  if (fuzz_below(m->input, 2) == 1) flags |= ARROW_FLAG_DICTIONARY_ORDERED;
  leaf(m, CHOOSE(m->input, indices), name, flags, depth, out);
  struct ArrowSchema *values = kit_schema_add_dictionary(out);
  int choice = fuzz_byte(m->input);
  if (choice >= 192 && depth < DEPTH_MOST && m->nodes < NODES_MOST)
    make_nested(m, depth, choice % COUNT(nested), "", ARROW_FLAG_NULLABLE, values);
  else
    leaf(m, leaves[choice % COUNT(leaves)], "", ARROW_FLAG_NULLABLE, depth, values);
}

static void make_field(maker *m, int depth, struct ArrowSchema *out) {
  int type = fuzz_byte(m->input), rest = fuzz_byte(m->input);
  const char *name = name_of(m);
  int64_t flags = rest < 192 ? ARROW_FLAG_NULLABLE : 0;
  bool more = depth < DEPTH_MOST && m->nodes < NODES_MOST;
  note_depth(m, depth);
  m->nodes++;
  if (type >= 240)
    make_dictionary(m, depth, name, flags, out);
  else if (type >= 112 && more)
    make_nested(m, depth, type % COUNT(nested), name, flags, out);
  else
    leaf(m, leaves[type % COUNT(leaves)], name, flags, depth, out);
  if (rest % 8 == 7) set_metadata(m, out);
}

/* One chain of fields, each in the other. */
static void make_deep(maker *m, struct ArrowSchema *out) {
  static const char *const links[] = {"+s", "+l", "+vl", "+w:1", "+us:3", "+ud:5", "+L"};
  int depth = 1 + fuzz_below(m->input, 70), phase = fuzz_byte(m->input);
  kit_schema_node(out, "+s", "", 0, 1);
  for (int i = 1; i < depth; i++) {
    struct ArrowSchema *child = out->children[0];
    kit_schema_node(child, links[(phase + i * (1 + phase / 16)) % COUNT(links)], "d", ARROW_FLAG_NULLABLE, 1);
    out = child;
  }
  leaf(m, CHOOSE(m->input, leaves), "leaf", ARROW_FLAG_NULLABLE, depth, out->children[0]);
}

static void make_wide(maker *m, struct ArrowSchema *out) {
  static const char *const formats[] = {"n", "c", "u", "vu", "w:0"};
  int fields = WIDE_MOST / 256 + fuzz_byte(m->input) * WIDE_MOST / 256;
  const char *format = CHOOSE(m->input, formats);
  kit_schema_node(out, "+s", "", 0, fields);
  for (int i = 0; i < fields; i++) leaf(m, format, i % 2 == 0 ? "x" : NULL, ARROW_FLAG_NULLABLE, 1, out->children[i]);
}

int odd_schema(fuzz_input *input, struct ArrowSchema *schema) {
  maker m = {.input = input};
  int kind = fuzz_below(input, 16);
  if (kind == ODD_DEEP) {
    make_deep(&m, schema);
  } else if (kind == ODD_WIDE) {
    make_wide(&m, schema);
  } else {
    kit_schema_node(schema, "+s", NULL, 0, fuzz_below(input, FIELDS_MOST));
    make_children(&m, 0, schema);
  }
  set_metadata(&m, schema);
  return m.depth;
}

/* ---- Wrong ones ------------------------------------------------------------------------------------ */

static struct ArrowSchema *choose_field(fuzz_input *input, struct ArrowSchema *schema) {
  while (schema->n_children > 0) {
    int choice = fuzz_below(input, 8);
    if (choice == 7) break;
    schema = schema->children[choice % schema->n_children];
  }
  return schema->dictionary != NULL && fuzz_below(input, 2) == 1 ? schema->dictionary : schema;
}

/* Formats that are none. */
static const char *const unknown[] = {
    "",       "x",       "ii",      "w:",       "w:-1", "+w:x", "+w:99999999999", "d:1", "ts",  "tsu", "tdX", "+us:0,",
    "+us:-1", "+us:0,0", "+ud:128", "+ud:1,,2", "+v",   "+vs",  "d:38,10,65",     "ttx", "tix", "+r ", "vx",  "+l:"};

const char *odd_spoil_schema(fuzz_input *input, struct ArrowSchema *schema, odd_undo *undo) {
  struct ArrowSchema *at = choose_field(input, schema);
  *undo = (odd_undo){.at = at, .was = *at};
  switch (fuzz_below(input, 6)) {
  case 0:
    at->format = NULL;
    return "no format";
  case 1:
    at->format = CHOOSE(input, unknown);
    return at->format;
  case 2:
    at->n_children = -1 - fuzz_below(input, 3);
    return "a negative number of children";
  case 3:
    at->release = NULL;
    return "a released field";
  case 4:
    if (at->n_children == 0) return NULL;
    at->children = NULL;
    return "no list of children";
  default:
    if (at->n_children == 0) return NULL;
    undo->slot = &at->children[fuzz_below(input, 8) % at->n_children];
    undo->child = *undo->slot;
    *undo->slot = NULL;
    return "a missing child";
  }
}

void odd_restore_schema(const odd_undo *undo) {
  *undo->at = undo->was;
  if (undo->slot != NULL) *undo->slot = undo->child;
}
