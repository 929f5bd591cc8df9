/* SPDX-License-Identifier: Apache-2.0 */
/* arrow/schema: making, copying, matching, metadata. */
#include "arrow/schema.h"

#include "check.h"
#include "schema_build.h"
#include "support/alloc.h"

#include <stdlib.h>
#include <string.h>

static void put_int(char **at, int32_t value) {
  memcpy(*at, &value, sizeof value);
  *at += sizeof value;
}

static void put_text(char **at, const char *text, int32_t size) {
  put_int(at, size);
  if (size > 0) memcpy(*at, text, (size_t)size);
  *at += size > 0 ? size : 0;
}

/* ---- Metadata -------------------------------------------------------------------------------------- */

static void sizes_of_metadata(void) {
  char bytes[64], *at = bytes;
  CHECK_EQ(schema_metadata_size(NULL), 0);
  put_int(&at, 0);
  CHECK_EQ(schema_metadata_size(bytes), 4);
  at = bytes;
  put_int(&at, 2);
  put_text(&at, "key", 3);
  put_text(&at, "va\0ue", 5);
  put_text(&at, "", 0);
  put_text(&at, "", 0);
  CHECK_EQ(schema_metadata_size(bytes), at - bytes);
}

static void metadata_with_negative_lengths(void) {
  char bytes[64], *at = bytes;
  put_int(&at, -1);
  CHECK_EQ(schema_metadata_size(bytes), -1);
  at = bytes;
  put_int(&at, 1);
  put_int(&at, -5);
  CHECK_EQ(schema_metadata_size(bytes), -1);
  at = bytes;
  put_int(&at, 1);
  put_text(&at, "k", 1);
  put_int(&at, INT32_MIN);
  CHECK_EQ(schema_metadata_size(bytes), -1);
  struct ArrowSchema made = {.n_children = 99};
  CHECK_ERROR(schema_make(&made, "i", "x", bytes, 0, 0, kit_error()), RESPOOL_INVALID, "metadata");
  CHECK_EQ(made.n_children, 99);
}

/* ---- Making ---------------------------------------------------------------------------------------- */

static void making_a_tree_by_hand(void) {
  struct ArrowSchema root;
  char metadata[16], *at = metadata;
  put_int(&at, 1);
  put_text(&at, "a", 1);
  put_text(&at, "b", 1);
  REQUIRE_OK(schema_make(&root, "+s", NULL, metadata, 0, 2, kit_error()));
  CHECK_STR(root.name, "");
  CHECK(root.metadata != metadata);
  CHECK_EQ(memcmp(root.metadata, metadata, (size_t)(at - metadata)), 0);
  CHECK_EQ(root.n_children, 2);
  REQUIRE_OK(schema_make(root.children[0], "i", "first", NULL, ARROW_FLAG_NULLABLE, 0, kit_error()));
  CHECK(root.children[0]->children == NULL && root.children[0]->metadata == NULL);
  CHECK_EQ(root.children[0]->flags, ARROW_FLAG_NULLABLE);
  REQUIRE_OK(schema_make_dictionary(root.children[0], kit_error()));
  REQUIRE_OK(schema_make(root.children[0]->dictionary, "u", "", NULL, 0, 0, kit_error()));
  CHECK(root.children[1]->release == NULL); /* not made: released all the same with the root */
  schema_release(&root);
  CHECK(root.release == NULL);
  schema_release(&root); /* a second time does nothing */
}

/* A child may be moved out and outlives its parent, since each node owns its strings. */
static void children_moved_out(void) {
  struct ArrowSchema given, copy, child;
  kit_schema_parse("{a:list<item:int32>,b:utf8}", &given);
  REQUIRE_OK(schema_copy(&given, &copy, kit_error()));
  given.release(&given);
  child = *copy.children[0];
  copy.children[0]->release = NULL;
  schema_release(&copy);
  CHECK_STR(child.name, "a");
  CHECK_STR(child.children[0]->format, "i");
  schema_release(&child);
}

static bool refuse(void) {
  return true;
}

static int64_t allocations;
static int64_t refused_one;

static bool refuse_one(void) {
  return ++allocations == refused_one;
}

static void no_memory_for_a_node(void) {
  struct ArrowSchema made;
  mem_fault = refuse;
  CHECK_STATUS(schema_make(&made, "i", "x", NULL, 0, 0, kit_error()), RESPOOL_NO_MEMORY);
  mem_fault = NULL;
}

/* ---- Copying --------------------------------------------------------------------------------------- */

static const char rich[] = "{id:int64!,'odd \xc3\xa9 name':list<item:struct<a:decimal128(38,10),b:null,:utf8>>,"
                           "m:map_sorted<k:utf8,v:timestamp(us,Europe/Berlin)>,m:fixed_list(3)<x:float16>,"
                           "d:dictionary(c)<values:large_utf8>,v:raw(+vl)<item:binary>,r:raw(+r)<e:int16,v:bool>}";

static void parse_rich(struct ArrowSchema *schema) {
  static const kit_pair on_schema[] = {KIT_PAIR("k", "v\0w"), KIT_PAIR("", ""), KIT_PAIR("k", "again")};
  static const kit_pair on_field[] = {KIT_PAIR("ARROW:extension:name", "some.type")};
  kit_schema_parse(rich, schema);
  kit_schema_set_metadata(schema, on_schema, 3);
  kit_schema_set_metadata(schema->children[1], on_field, 1);
}

static void copies_are_equal_and_independent(void) {
  struct ArrowSchema given, copy;
  char where[200] = "";
  parse_rich(&given);
  REQUIRE_OK(schema_copy(&given, &copy, kit_error()));
  CHECK(kit_schema_equal(&given, &copy, where, sizeof where));
  CHECK_STR(where, "");
  struct ArrowSchema second;
  given.release(&given);
  REQUIRE_OK(schema_copy(&copy, &second, kit_error()));
  CHECK(kit_schema_equal(&second, &copy, where, sizeof where));
  schema_release(&copy);
  schema_release(&second);
  CHECK_EQ(kit_live_schemas(), 0);
}

static void random_schemas_are_copied(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int i = 0; i < 100; i++) {
    struct ArrowSchema given, copy;
    char *text = kit_schema_random_text(&random, 8, 4);
    kit_schema_parse(text, &given);
    REQUIRE_OK(schema_copy(&given, &copy, kit_error()));
    if (!CHECK(kit_schema_equal(&given, &copy, NULL, 0))) kit_note("%s", text);
    CHECK_OK(schema_match(&given, &copy, kit_error()));
    given.release(&given);
    schema_release(&copy);
    free(text);
  }
}

/* Whichever allocation fails, nothing is left and the output is untouched. */
static void copying_without_memory(void) {
  struct ArrowSchema given, copy = {.n_children = 99};
  parse_rich(&given);
  mem_fault = refuse_one;
  for (refused_one = 1;; refused_one++) {
    allocations = 0;
    respool_status status = schema_copy(&given, &copy, kit_error());
    if (allocations < refused_one) break;
    CHECK_EQ(status, RESPOOL_NO_MEMORY);
    CHECK_EQ(copy.n_children, 99);
  }
  mem_fault = NULL;
  CHECK_LE(40, refused_one);
  CHECK(kit_schema_equal(&given, &copy, NULL, 0));
  schema_release(&copy);
  given.release(&given);
}

/* ---- Matching -------------------------------------------------------------------------------------- */

static void check_match(const char *a_text, const char *b_text, const char *part) {
  struct ArrowSchema a, b;
  kit_schema_parse(a_text, &a);
  kit_schema_parse(b_text, &b);
  if (part == NULL)
    CHECK_OK(schema_match(&a, &b, kit_error()));
  else
    CHECK_ERROR(schema_match(&a, &b, kit_error()), RESPOOL_INVALID, part);
  a.release(&a);
  b.release(&b);
}

static void what_matches(void) {
  check_match("{}", "{}", NULL);
  check_match(rich, rich, NULL);
  check_match("{a:int32}", "{a:int32!}", NULL); /* flags may differ */
  check_match("{m:map<k:utf8,v:int8>}", "{m:map_sorted<k:utf8,v:int8>}", NULL);
}

static void metadata_may_differ(void) {
  struct ArrowSchema a, b;
  parse_rich(&a);
  kit_schema_parse(rich, &b);
  kit_schema_set_name(&b, "the root has another name");
  CHECK_OK(schema_match(&a, &b, kit_error()));
  a.release(&a);
  b.release(&b);
}

static void what_does_not_match(void) {
  check_match("{a:int32}", "{a:int64}", "'a'");
  check_match("{a:int32}", "{b:int32}", "'b'");
  check_match("{a:int32}", "{a:int32,b:int8}", "2 fields");
  check_match("{a:int32,b:int8}", "{a:int32}", "1 fields");
  check_match("{a:int32,b:int8}", "{b:int8,a:int32}", "format");
  check_match("{a:timestamp(us,UTC)}", "{a:timestamp(us)}", "tsu:");
  check_match("{a:struct<b:int8>}", "{a:struct<b:int8,c:int8>}", "'a'");
  check_match("{a:list<item:int8>}", "{a:list<element:int8>}", "element");
  check_match("{a:list<item:int8>}", "{a:large_list<item:int8>}", "+L");
  check_match("{a:dictionary(c)<v:utf8>}", "{a:int8}", "dictionary");
  check_match("{a:dictionary(c)<v:utf8>}", "{a:dictionary(c)<v:binary>}", "format");
}

static void names_that_are_missing(void) {
  struct ArrowSchema a, b;
  kit_schema_parse("{:int8}", &a);
  kit_schema_parse("{:int8}", &b);
  const char *name = b.children[0]->name;
  b.children[0]->name = NULL;
  CHECK_OK(schema_match(&a, &b, kit_error()));
  CHECK_OK(schema_match(&b, &a, kit_error()));
  struct ArrowSchema copy;
  REQUIRE_OK(schema_copy(&b, &copy, kit_error()));
  CHECK_STR(copy.children[0]->name, "");
  schema_release(&copy);
  b.children[0]->name = name;
  a.release(&a);
  b.release(&b);
}

/* A stream's schema comes from a producer: what is not there is refused, not followed. */
static void children_that_are_missing(void) {
  struct ArrowSchema a, b;
  kit_schema_parse("{s:struct<x:int8,y:utf8>}", &a);
  kit_schema_parse("{s:struct<x:int8,y:utf8>}", &b);
  struct ArrowSchema *s = b.children[0], *y = s->children[1], **children = s->children, was = *y;
  s->children[1] = NULL;
  CHECK_ERROR(schema_match(&a, &b, kit_error()), RESPOOL_INVALID, "below 's'");
  s->children[1] = y;
  y->release = NULL;
  CHECK_ERROR(schema_match(&a, &b, kit_error()), RESPOOL_INVALID, "below 's'");
  *y = was;
  s->children = NULL;
  CHECK_ERROR(schema_match(&a, &b, kit_error()), RESPOOL_INVALID, "below 's'");
  s->children = children;
  CHECK_OK(schema_match(&a, &b, kit_error()));
  a.release(&a);
  b.release(&b);
}

static void formats_that_are_missing(void) {
  struct ArrowSchema a, b;
  kit_schema_parse("{x:int8}", &a);
  kit_schema_parse("{x:int8}", &b);
  const char *format = b.children[0]->format;
  b.children[0]->format = NULL;
  CHECK_ERROR(schema_match(&a, &b, kit_error()), RESPOOL_INVALID, "'x'");
  b.children[0]->format = format;
  a.release(&a);
  b.release(&b);
}

static const kit_test tests[] = {
    KIT_TEST(sizes_of_metadata),
    KIT_TEST(metadata_with_negative_lengths),
    KIT_TEST(making_a_tree_by_hand),
    KIT_TEST(children_moved_out),
    KIT_TEST(no_memory_for_a_node),
    KIT_TEST(copies_are_equal_and_independent),
    KIT_TEST(random_schemas_are_copied),
    KIT_TEST(copying_without_memory),
    KIT_TEST(what_matches),
    KIT_TEST(metadata_may_differ),
    KIT_TEST(what_does_not_match),
    KIT_TEST(names_that_are_missing),
    KIT_TEST(children_that_are_missing),
    KIT_TEST(formats_that_are_missing),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
