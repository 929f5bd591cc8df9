/* SPDX-License-Identifier: Apache-2.0 */
/* arrow/concat: two arrays of every type, one behind the other, compared slot by slot with what they were made of. */
#include "arrow/concat.h"

#include "array_build.h"
#include "array_node.h"
#include "arrow/check.h"
#include "check.h"
#include "compare.h"
#include "schema_build.h"
#include "support/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct layout *open_layout(const struct ArrowSchema *schema) {
  struct layout *layout = NULL;
  REQUIRE_OK(layout_open(schema, LAYOUT_MAX_DEPTH, &layout, kit_error()));
  return layout;
}

/* ---- Against the naive comparison ------------------------------------------------------------------ */

/* Joining does not look at dictionaries, so the comparison must not either: the indices stand for themselves. */
static void forget_dictionaries(struct ArrowSchema *schema, struct ArrowArray *array) {
  for (int64_t i = 0; i < schema->n_children; i++) forget_dictionaries(schema->children[i], array->children[i]);
  if (schema->dictionary == NULL) return;
  array->dictionary->release(array->dictionary);
  array->dictionary = NULL;
}

enum { DICTIONARIES = 64 };

/* Schemas whose dictionary was taken off, to be put back. */
struct taken {
  int count;
  struct ArrowSchema *from[DICTIONARIES];
  struct ArrowSchema *dictionary[DICTIONARIES];
};

static void take_off(struct ArrowSchema *schema, struct taken *taken) {
  for (int64_t i = 0; i < schema->n_children; i++) take_off(schema->children[i], taken);
  if (schema->dictionary == NULL) return;
  REQUIRE(taken->count < DICTIONARIES);
  taken->from[taken->count] = schema;
  taken->dictionary[taken->count++] = schema->dictionary;
  schema->dictionary = NULL;
}

static void put_back(const struct taken *taken) {
  for (int i = 0; i < taken->count; i++) taken->from[i]->dictionary = taken->dictionary[i];
}

/* Slots [start, start + length) of the array are those of `part`. */
static void check_part_of(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t start,
                          const struct ArrowArray *part) {
  struct ArrowArray range = *array; /* not released */
  range.offset = start;
  range.length = part->length;
  CHECK_SAME(schema, &range, part);
}

static void check_joined(const struct layout *layout, struct ArrowSchema *schema, const struct ArrowArray *first,
                         const struct ArrowArray *second) {
  struct ArrowArray joined;
  REQUIRE_OK(concat_arrays(layout, 0, first, second, &joined, kit_error()));
  CHECK_EQ(joined.length, first->length + second->length);
  CHECK_OK(check_part(layout, 0, &joined, CHECK_FULL, kit_error()));
  forget_dictionaries(schema, &joined);
  struct taken taken = {.count = 0};
  take_off(schema, &taken);
  CHECK_WELL_FORMED(schema, &joined, KIT_EXACT, 64);
  check_part_of(schema, &joined, 0, first);
  check_part_of(schema, &joined, first->length, second);
  put_back(&taken);
  joined.release(&joined);
}

static void random_batch(const struct ArrowSchema *schema, kit_random *random, struct ArrowArray *array) {
  kit_array_options options = kit_array_defaults(kit_random_next(random), kit_random_below(random, 30));
  options.sliced = kit_random_chance(random, 0.5);
  options.unknown_nulls = kit_random_chance(random, 0.5);
  options.unaligned = kit_random_chance(random, 0.3);
  if (kit_random_chance(random, 0.3)) options.null_rate = 0;
  kit_array_random(schema, &options, array);
}

static void join_random(const char *text, kit_random *random) {
  struct ArrowSchema schema;
  struct ArrowArray first, second;
  kit_schema_parse(text, &schema);
  random_batch(&schema, random, &first);
  random_batch(&schema, random, &second);
  struct layout *layout = open_layout(&schema);
  check_joined(layout, &schema, &first, &second);
  if (kit_failures() > 0) kit_note("%s", text);
  layout_close(layout);
  first.release(&first);
  second.release(&second);
  schema.release(&schema);
}

/* Every kind, and every kind of parent that cuts it to a part. */
static const char *const leaves[] = {"null",
                                     "bool",
                                     "int8",
                                     "int64",
                                     "decimal256(40,3)",
                                     "fixed(0)",
                                     "fixed(3)",
                                     "utf8",
                                     "large_binary",
                                     "utf8_view",
                                     "binary_view",
                                     "run_ends(s)<:utf8>",
                                     "run_ends(l)<:bool>",
                                     "struct<>",
                                     "list<i:bool>",
                                     "large_list<i:utf8>",
                                     "map<k:utf8,v:null>",
                                     "fixed_list(0)<i:int8>",
                                     "fixed_list(3)<i:bool>",
                                     "list_view<i:int16>",
                                     "large_list_view<i:utf8>",
                                     "struct<a:bool,b:utf8>",
                                     "sparse_union(3,5)<a:int8,b:utf8>",
                                     "dense_union(1,0)<a:utf8,b:bool>",
                                     "dictionary(C)<:utf8>",
                                     "dictionary(l)<:list<i:utf8>>"};
static const char *const parents[] = {"%s",
                                      "list<i:%s>",
                                      "large_list<i:%s>",
                                      "fixed_list(2)<i:%s>",
                                      "struct<i:%s>",
                                      "list_view<i:%s>",
                                      "large_list_view<i:%s>",
                                      "sparse_union(7,2)<i:%s,n:int8>",
                                      "run_ends(i)<:%s>",
                                      "dense_union(0,9)<i:%s,n:int8>"};

static void every_type_in_every_parent(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 1 : 6;
  for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
    for (size_t k = 0; k < sizeof parents / sizeof parents[0]; k++) {
      char inner[256], text[300];
      snprintf(inner, sizeof inner, parents[k], leaves[i]);
      snprintf(text, sizeof text, "{a:%s}", inner);
      for (int round = 0; round < rounds && kit_failures() == 0; round++) join_random(text, &random);
    }
  }
}

static void random_schemas(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 60 : 800;
  for (int round = 0; round < rounds && kit_failures() == 0; round++) {
    char *text = kit_schema_random_text(&random, 4, 5);
    join_random(text, &random);
    free(text);
  }
}

/* What was joined is joined again, as a dictionary that grows many times is. */
static void joined_again_and_again(void) {
  struct ArrowSchema schema;
  struct ArrowArray sum, parts[8];
  kit_random random;
  kit_random_init(&random, kit_seed());
  kit_schema_parse("{v:utf8_view,b:bool,r:run_ends(i)<:utf8>,d:dense_union(1,2)<a:int8,b:list<i:bool>>}", &schema);
  struct layout *layout = open_layout(&schema);
  random_batch(&schema, &random, &parts[0]);
  sum = parts[0];
  for (int i = 1; i < 8; i++) {
    struct ArrowArray joined;
    random_batch(&schema, &random, &parts[i]);
    REQUIRE_OK(concat_arrays(layout, 0, &sum, &parts[i], &joined, kit_error()));
    if (i > 1) sum.release(&sum);
    sum = joined;
  }
  int64_t at = 0;
  for (int i = 0; i < 8; i++) {
    check_part_of(&schema, &sum, at, &parts[i]);
    at += parts[i].length;
    parts[i].release(&parts[i]);
  }
  CHECK_EQ(sum.length, at);
  sum.release(&sum);
  layout_close(layout);
  schema.release(&schema);
}

/* ---- What one buffer becomes ----------------------------------------------------------------------- */

struct pair {
  struct ArrowSchema schema;
  struct layout *layout;
  struct ArrowArray first;
  struct ArrowArray second;
};

/* Two columns of the one field of `text`, of this length, to be spoiled by the test. */
static void pair_open(struct pair *pair, const char *text, int64_t first, int64_t second) {
  kit_schema_parse(text, &pair->schema);
  pair->layout = open_layout(&pair->schema);
  kit_array_options options = kit_array_defaults(1, first);
  options.null_rate = 0;
  kit_array_random(&pair->schema, &options, &pair->first);
  options.length = second;
  kit_array_random(&pair->schema, &options, &pair->second);
}

static respool_status pair_join(struct pair *pair, struct ArrowArray *joined) {
  return concat_arrays(pair->layout, 1, pair->first.children[0], pair->second.children[0], joined, kit_error());
}

static void pair_close(struct pair *pair) {
  pair->first.release(&pair->first);
  pair->second.release(&pair->second);
  layout_close(pair->layout);
  pair->schema.release(&pair->schema);
}

/* The last run of the first array reaches beyond its rows; so does the second's, which begins in a run. */
static void runs_are_clipped(void) {
  struct pair pair;
  struct ArrowArray joined;
  static const int32_t first_ends[] = {2, 9}, second_ends[] = {3, 5, 8};
  static const int32_t expected[] = {2, 4, 5, 7, 8};
  pair_open(&pair, "{r:run_ends(i)<:int8>}", 0, 0);
  struct ArrowArray *first = pair.first.children[0], *second = pair.second.children[0];
  static const int8_t values[] = {1, 2, 3};
  first->children[0]->buffers[1] = first_ends;
  second->children[0]->buffers[1] = second_ends;
  first->children[1]->buffers[1] = second->children[1]->buffers[1] = values;
  first->children[0]->length = first->children[1]->length = 2;
  second->children[0]->length = second->children[1]->length = 3;
  first->length = 4;
  second->offset = 2;
  second->length = 4;
  REQUIRE_OK(pair_join(&pair, &joined));
  CHECK_EQ(joined.length, 8);
  REQUIRE_EQ(joined.children[0]->length, 5);
  CHECK(memcmp(joined.children[0]->buffers[1], expected, sizeof expected) == 0);
  CHECK(memcmp(joined.children[1]->buffers[1], "\1\2\1\2\3", 5) == 0);
  joined.release(&joined);
  pair_close(&pair);
}

/* A view under a null refers to nothing; whatever stands there is not followed and not kept. */
static void views_under_nulls_are_cleared(void) {
  struct pair pair;
  struct ArrowArray joined;
  static const uint8_t none = 0;
  static const int32_t views[4] = {1000, 7, 99, 99}, zeros[8];
  pair_open(&pair, "{v:utf8_view}", 1, 1);
  struct ArrowArray *columns[] = {pair.first.children[0], pair.second.children[0]};
  for (int i = 0; i < 2; i++) {
    columns[i]->buffers[0] = &none;
    columns[i]->buffers[1] = views;
    columns[i]->null_count = 1;
  }
  REQUIRE_OK(pair_join(&pair, &joined));
  CHECK_EQ(joined.null_count, 2);
  CHECK(memcmp(joined.buffers[1], zeros, sizeof zeros) == 0);
  joined.release(&joined);
  pair_close(&pair);
}

/* ---- What does not fit ----------------------------------------------------------------------------- */

static void check_too_long(struct pair *pair, const char *field) {
  struct ArrowArray joined;
  CHECK_ERROR(pair_join(pair, &joined), RESPOOL_UNSUPPORTED, field);
  CHECK_HAS(kit_last_error()->message, "longer than its type can say");
}

/* Bytes up to the last offset of 32 bits, and one more. */
static void offsets_that_overflow(void) {
  struct pair pair;
  static const int32_t most[] = {0, INT32_MAX}, one[] = {4, 5};
  static const char *const texts[] = {"{f:utf8}", "{f:list<i:null>}"};
  for (int i = 0; i < 2; i++) {
    pair_open(&pair, texts[i], 1, 1);
    struct ArrowArray *first = pair.first.children[0], *second = pair.second.children[0];
    first->buffers[1] = most;
    second->buffers[1] = one;
    if (i == 1) first->children[0]->length = INT32_MAX;
    check_too_long(&pair, "field 'f'");
    pair_close(&pair);
  }
}

/* Null slots take no memory. */
static void children_that_overflow(void) {
  struct pair pair;
  static const char *const texts[] = {"{f:list_view<i:null>}", "{f:dense_union(0)<i:null>}"};
  for (int i = 0; i < 2; i++) {
    pair_open(&pair, texts[i], 1, 1);
    pair.first.children[0]->children[0]->length = INT32_MAX;
    pair.second.children[0]->children[0]->length = 1;
    check_too_long(&pair, "field 'f'");
    pair_close(&pair);
  }
}

static void run_ends_that_overflow(void) {
  struct pair pair;
  static const int16_t most = INT16_MAX, one = 1;
  pair_open(&pair, "{f:run_ends(s)<:int8>}", 1, 1);
  struct ArrowArray *columns[] = {pair.first.children[0], pair.second.children[0]};
  for (int i = 0; i < 2; i++) {
    columns[i]->children[0]->buffers[1] = i == 0 ? &most : &one;
    columns[i]->length = i == 0 ? most : one;
  }
  check_too_long(&pair, "field 'f'");
  columns[0]->length = most - 1;
  struct ArrowArray joined;
  REQUIRE_OK(pair_join(&pair, &joined));
  CHECK_EQ(joined.length, most);
  joined.release(&joined);
  pair_close(&pair);
}

/* Empty structs and the like take no memory, however many: neither do they as a sum, unless some are null. */
static void slots_that_nothing_backs(void) {
  struct pair pair;
  struct ArrowArray joined;
  static const uint8_t none = 0;
  static const char *const texts[] = {"{f:struct<>}", "{f:struct<n:null>}", "{f:fixed_list(0)<i:int8>}",
                                      "{f:fixed_list(2)<n:null>}", "{f:fixed(0)}"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    pair_open(&pair, texts[i], 0, 1);
    struct ArrowArray *first = pair.first.children[0], *second = pair.second.children[0];
    first->length = (int64_t)1 << 40;
    if (first->n_children > 0) first->children[0]->length = (int64_t)1 << 42;
    REQUIRE_OK(pair_join(&pair, &joined));
    CHECK_EQ(joined.length, first->length + 1);
    joined.release(&joined);
    second->null_count = 1;
    second->buffers[0] = &none;
    check_too_long(&pair, "field 'f'");
    pair_close(&pair);
  }
}

/* ---- No memory ------------------------------------------------------------------------------------- */

static int until_refused;

static bool refuse_one(void) {
  return until_refused-- == 0;
}

/* Each allocation fails once; a sanitizer or valgrind would see what is left of the others. */
static void no_memory_at_any_place(void) {
  struct ArrowSchema schema;
  struct ArrowArray first, second, joined;
  kit_schema_parse("{v:utf8_view,b:bool,r:run_ends(i)<:utf8>,d:dense_union(1,2)<a:int8,b:list_view<i:bool>>}", &schema);
  struct layout *layout = open_layout(&schema);
  kit_array_options options = kit_array_defaults(3, 20);
  kit_array_random(&schema, &options, &first);
  options.seed++;
  kit_array_random(&schema, &options, &second);
  respool_status status = RESPOOL_NO_MEMORY;
  int nth = 0;
  for (; status == RESPOOL_NO_MEMORY; nth++) {
    until_refused = nth;
    mem_fault = refuse_one;
    status = concat_arrays(layout, 0, &first, &second, &joined, kit_error());
    mem_fault = NULL;
  }
  REQUIRE_OK(status);
  CHECK(nth > 15);
  joined.release(&joined);
  first.release(&first);
  second.release(&second);
  layout_close(layout);
  schema.release(&schema);
}

static const kit_test tests[] = {
    KIT_TEST(every_type_in_every_parent),    KIT_TEST(random_schemas),
    KIT_TEST(joined_again_and_again),        KIT_TEST(runs_are_clipped),
    KIT_TEST(views_under_nulls_are_cleared), KIT_TEST(offsets_that_overflow),
    KIT_TEST(children_that_overflow),        KIT_TEST(run_ends_that_overflow),
    KIT_TEST(slots_that_nothing_backs),      KIT_TEST(no_memory_at_any_place),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
