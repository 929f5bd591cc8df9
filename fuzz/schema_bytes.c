/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas out of fuzz input: the input chooses the pieces of a text, which the tests' kit turns into a schema. */
#include "schema_bytes.h"

#include "schema_build.h"

#include <string.h>

enum { TEXT_MOST = 2048, NODES_MOST = 20, DEPTH_MOST = 4, FIELDS_MOST = 6 };

typedef struct writer {
  fuzz_input *input;
  char text[TEXT_MOST];
  size_t size;
  int nodes;
} writer;

static const char *const leaves[] = {
    "int32",
    "int64",
    "utf8",
    "bool",
    "null",
    "int8",
    "uint16",
    "float16",
    "float32",
    "float64",
    "date32",
    "date64",
    "decimal32(9,2)",
    "decimal64(18,3)",
    "decimal128(38,10)",
    "decimal256(76,38)",
    "time32(s)",
    "time64(ns)",
    "timestamp(us,UTC)",
    "timestamp(s)",
    "duration(ms)",
    "interval(ym)",
    "interval(dt)",
    "interval(mdn)",
    "fixed(0)",
    "fixed(3)",
    "fixed(16)",
    "binary",
    "large_binary",
    "large_utf8",
    "binary_view",
    "utf8_view",
};

/* Each with its number of children; struct takes its own from the input, and a dictionary's values are a leaf. */
static const struct {
  const char *word;
  int children;
} nested[] = {
    {"list", 1},          {"large_list", 1},      {"struct", -1},           {"map", 2},
    {"fixed_list(0)", 1}, {"fixed_list(1)", 1},   {"fixed_list(3)", 1},     {"map_sorted", 2},
    {"list_view", 1},     {"large_list_view", 1}, {"sparse_union(7,0)", 2}, {"dense_union(1,5,2)", 3},
    {"run_ends(s)", 1},   {"run_ends(l)", 1},     {"dictionary(C)", 0},     {"dictionary_ordered(l)", 0},
};

static const char *const names[] = {"", "a", "a", "b", "'\xC3\xA9t\xC3\xA9 x'", "a-rather-long-name", "item"};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void put(writer *w, const char *piece) {
  size_t size = strlen(piece);
  FUZZ_CHECK(w->size + size < TEXT_MOST, "the text of the schema is too long");
  memcpy(w->text + w->size, piece, size + 1);
  w->size += size;
}

static void put_field(writer *w, int depth);

static void put_fields(writer *w, int count, int depth) {
  for (int i = 0; i < count; i++) {
    if (i > 0) put(w, ",");
    put_field(w, depth);
  }
}

static void put_leaf(writer *w) {
  put(w, ":");
  put(w, leaves[fuzz_byte(w->input) % COUNT(leaves)]);
}

static void put_nested(writer *w, int choice, int depth) {
  int children = nested[choice].children;
  if (children < 0) children = fuzz_below(w->input, 4);
  put(w, nested[choice].word);
  put(w, "<");
  if (children > 0) put_fields(w, children, depth + 1);
  if (nested[choice].children == 0) put_leaf(w);
  put(w, ">");
}

/* One byte for the type, one for name and nullability. */
static void put_field(writer *w, int depth) {
  int type = fuzz_byte(w->input), rest = fuzz_byte(w->input);
  put(w, names[rest % COUNT(names)]);
  put(w, ":");
  w->nodes++;
  if (type >= 128 && depth < DEPTH_MOST && w->nodes < NODES_MOST)
    put_nested(w, type % COUNT(nested), depth);
  else
    put(w, leaves[type % COUNT(leaves)]);
  if (rest >= 128) put(w, "!");
}

void schema_from_bytes(fuzz_input *input, struct ArrowSchema *schema) {
  writer w = {.input = input};
  put(&w, "{");
  put_fields(&w, fuzz_below(input, FIELDS_MOST), 0);
  put(&w, "}");
  kit_schema_parse(w.text, schema);
}
