/* SPDX-License-Identifier: Apache-2.0 */
/* Random schemas, as texts of the form that schema_build.h describes. */
#include "check.h"
#include "schema_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
  kit_random *random;
  char *text;
  size_t size;
  int max_depth;
  bool in_dictionary; /* the next type is that of a dictionary's values */
} writer;

static void write_text(writer *w, const char *piece) {
  size_t more = strlen(piece);
  char *grown = realloc(w->text, w->size + more + 1);
  if (grown == NULL) kit_die("no memory");
  memcpy(grown + w->size, piece, more + 1);
  w->text = grown;
  w->size += more;
}

static void write_field(writer *w, int max_depth, int number);

static void write_children(writer *w, int count, int max_depth) {
  write_text(w, "<");
  for (int i = 0; i < count; i++) {
    if (i > 0) write_text(w, ",");
    write_field(w, max_depth - 1, i);
  }
  write_text(w, ">");
}

/* As many distinct ids as there are children, in no order. */
static int write_type_ids(writer *w) {
  int count = 1 + (int)kit_random_below(w->random, 4);
  int64_t first = kit_random_below(w->random, 128), step = 1 + 2 * kit_random_below(w->random, 64);
  for (int i = 0; i < count; i++) {
    char id[8];
    snprintf(id, sizeof id, "%s%d", i > 0 ? "," : "", (int)((first + i * step) % 128));
    write_text(w, id);
  }
  write_text(w, ")");
  return count;
}

/* Run ends of 16 bits for columns only: deeper down there can be more slots than they reach. */
static void write_run_ends(writer *w, int max_depth) {
  static const char *const ends[] = {"i", "l", "s"};
  write_text(w, "run_ends(");
  write_text(w, ends[kit_random_below(w->random, max_depth == w->max_depth ? 3 : 2)]);
  write_text(w, ")");
}

static void write_type(writer *w, int max_depth);

/* Its values' own name, nullability and metadata have no place on the wire; dictionaries are no values themselves. */
static void write_dictionary(writer *w, int max_depth) {
  static const char *const indices[] = {"c", "C", "s", "S", "i", "I", "l", "L"};
  write_text(w, kit_random_chance(w->random, 0.3) ? "dictionary_ordered(" : "dictionary(");
  write_text(w, indices[kit_random_below(w->random, 8)]);
  write_text(w, ")<:");
  w->in_dictionary = true;
  write_type(w, max_depth - 1);
  write_text(w, ">");
}

static void write_nested(writer *w, int max_depth) {
  static const char *const words[] = {"list",          "large_list", "fixed_list(3)",   "fixed_list(1)",
                                      "fixed_list(0)", "list_view",  "large_list_view", "struct",
                                      "map_sorted",    "map",        "sparse_union(",   "dense_union("};
  enum { ONE_CHILD = 7, STRUCT = 7, MAP = 9, UNION = 11, WORDS = 12, RUN_ENDS = 12, DICTIONARY = 13 };
  int pick = (int)kit_random_below(w->random, RUN_ENDS + 1 + (w->in_dictionary ? 0 : 1));
  int count = 1;
  w->in_dictionary = false;
  if (pick < WORDS) write_text(w, words[pick]);
  if (pick == STRUCT) count = (int)kit_random_below(w->random, 4);
  if (pick > STRUCT && pick <= MAP) count = 2;
  if (pick > MAP && pick <= UNION) count = write_type_ids(w);
  if (pick == RUN_ENDS) write_run_ends(w, max_depth);
  if (pick == DICTIONARY) {
    write_dictionary(w, max_depth);
    return;
  }
  write_children(w, count, max_depth);
}

static void write_type(writer *w, int max_depth) {
  if (max_depth > 0 && kit_random_chance(w->random, 0.4))
    write_nested(w, max_depth);
  else
    write_text(w, kit_leaf_types[kit_random_below(w->random, KIT_LEAF_TYPES)]);
  w->in_dictionary = false;
}

static void write_field(writer *w, int max_depth, int number) {
  static const char *const names[] = {"", "a", "a", "b", "'\xc3\xa9t\xc3\xa9 x'"};
  char name[16];
  snprintf(name, sizeof name, "f%d", number);
  int64_t odd = kit_random_below(w->random, 15);
  write_text(w, odd < 5 ? names[odd] : name);
  write_text(w, ":");
  write_type(w, max_depth);
  if (kit_random_chance(w->random, 0.2)) write_text(w, "!");
}

char *kit_schema_random_text(kit_random *random, int max_fields, int max_depth) {
  writer w = {.random = random, .max_depth = max_depth};
  int count = (int)kit_random_below(random, max_fields + 1);
  write_text(&w, "{");
  for (int i = 0; i < count; i++) {
    if (i > 0) write_text(&w, ",");
    write_field(&w, max_depth, i);
  }
  write_text(&w, "}");
  return w.text;
}
