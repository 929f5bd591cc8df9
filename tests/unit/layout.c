/* SPDX-License-Identifier: Apache-2.0 */
/* arrow/layout: flattening, paths, the depth limit, and what is refused under which name. */
#include "arrow/layout.h"

#include "arrow/schema.h"
#include "check.h"
#include "schema_build.h"
#include "support/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct layout *open_layout(const char *text) {
  struct ArrowSchema schema;
  struct layout *layout = NULL;
  kit_schema_parse(text, &schema);
  REQUIRE_OK(layout_open(&schema, LAYOUT_MAX_DEPTH, &layout, kit_error()));
  schema.release(&schema);
  return layout;
}

static void check_refused(const char *text, int max_depth, respool_status status, const char *part) {
  struct ArrowSchema schema;
  struct layout *layout = NULL;
  kit_schema_parse(text, &schema);
  CHECK_ERROR(layout_open(&schema, max_depth, &layout, kit_error()), status, part);
  CHECK(layout == NULL);
  schema.release(&schema);
}

/* ---- Flattening ------------------------------------------------------------------------------------ */

static const struct {
  const char *type;
  uint8_t kind;
  uint8_t n_buffers;
  int32_t width;
} leaves[] = {
    {"null", LAYOUT_NULL, 0, 0},
    {"bool", LAYOUT_BITS, 2, 0},
    {"int8", LAYOUT_FIXED, 2, 1},
    {"uint8", LAYOUT_FIXED, 2, 1},
    {"int16", LAYOUT_FIXED, 2, 2},
    {"uint16", LAYOUT_FIXED, 2, 2},
    {"int32", LAYOUT_FIXED, 2, 4},
    {"uint32", LAYOUT_FIXED, 2, 4},
    {"int64", LAYOUT_FIXED, 2, 8},
    {"uint64", LAYOUT_FIXED, 2, 8},
    {"float16", LAYOUT_FIXED, 2, 2},
    {"float32", LAYOUT_FIXED, 2, 4},
    {"float64", LAYOUT_FIXED, 2, 8},
    {"decimal32(9,2)", LAYOUT_FIXED, 2, 4},
    {"decimal64(18,2)", LAYOUT_FIXED, 2, 8},
    {"decimal128(38,2)", LAYOUT_FIXED, 2, 16},
    {"decimal256(76,2)", LAYOUT_FIXED, 2, 32},
    {"date32", LAYOUT_FIXED, 2, 4},
    {"date64", LAYOUT_FIXED, 2, 8},
    {"time32(s)", LAYOUT_FIXED, 2, 4},
    {"time32(ms)", LAYOUT_FIXED, 2, 4},
    {"time64(us)", LAYOUT_FIXED, 2, 8},
    {"time64(ns)", LAYOUT_FIXED, 2, 8},
    {"timestamp(s)", LAYOUT_FIXED, 2, 8},
    {"timestamp(ns,UTC)", LAYOUT_FIXED, 2, 8},
    {"duration(s)", LAYOUT_FIXED, 2, 8},
    {"duration(us)", LAYOUT_FIXED, 2, 8},
    {"interval(ym)", LAYOUT_FIXED, 2, 4},
    {"interval(dt)", LAYOUT_FIXED, 2, 8},
    {"interval(mdn)", LAYOUT_FIXED, 2, 16},
    {"fixed(0)", LAYOUT_FIXED, 2, 0},
    {"fixed(33)", LAYOUT_FIXED, 2, 33},
    {"binary", LAYOUT_BINARY, 3, 4},
    {"utf8", LAYOUT_BINARY, 3, 4},
    {"large_binary", LAYOUT_BINARY, 3, 8},
    {"large_utf8", LAYOUT_BINARY, 3, 8},
};

enum { LEAVES = sizeof leaves / sizeof leaves[0] };

static void leaves_of_every_type(void) {
  for (int i = 0; i < LEAVES; i++) {
    char text[64];
    snprintf(text, sizeof text, "{x:%s}", leaves[i].type);
    struct layout *layout = open_layout(text);
    const struct layout_node *node = &layout->nodes[1];
    CHECK_EQ(layout->n_nodes, 2);
    CHECK_EQ(layout->n_buffers, leaves[i].n_buffers);
    CHECK(node->kind == leaves[i].kind && node->n_buffers == leaves[i].n_buffers && node->width == leaves[i].width);
    CHECK(node->depth == 1 && node->n_children == 0 && node->end == 2);
    layout_close(layout);
  }
}

static void check_node(const struct layout *layout, int32_t at, int kind, int width, int depth, int children, int end) {
  const struct layout_node *node = &layout->nodes[at];
  CHECK_EQ(node->kind, kind);
  CHECK_EQ(node->width, width);
  CHECK_EQ(node->depth, depth);
  CHECK_EQ(node->n_children, children);
  CHECK_EQ(node->end, end);
}

static void nested_types(void) {
  struct layout *layout =
      open_layout("{a:list<item:struct<x:int8,y:utf8>>,m:map<k:utf8,v:large_list<i:bool>>,f:fixed_list(3)<n:null>}");
  REQUIRE_EQ(layout->n_nodes, 12);
  CHECK_EQ(layout->n_buffers, 2 + 1 + 2 + 3 + 2 + 1 + 3 + 2 + 2 + 1 + 0);
  check_node(layout, 0, LAYOUT_STRUCT, 0, 0, 3, 12);
  check_node(layout, 1, LAYOUT_LIST, 4, 1, 1, 5);
  check_node(layout, 2, LAYOUT_STRUCT, 0, 2, 2, 5);
  check_node(layout, 3, LAYOUT_FIXED, 1, 3, 0, 4);
  check_node(layout, 4, LAYOUT_BINARY, 4, 3, 0, 5);
  check_node(layout, 5, LAYOUT_LIST, 4, 1, 1, 10);
  check_node(layout, 6, LAYOUT_STRUCT, 0, 2, 2, 10);
  check_node(layout, 7, LAYOUT_BINARY, 4, 3, 0, 8);
  check_node(layout, 8, LAYOUT_LIST, 8, 3, 1, 10);
  check_node(layout, 9, LAYOUT_BITS, 0, 4, 0, 10);
  check_node(layout, 10, LAYOUT_FIXED_LIST, 3, 1, 1, 12);
  check_node(layout, 11, LAYOUT_NULL, 0, 2, 0, 12);
  layout_close(layout);
}

static void no_columns(void) {
  struct layout *layout = open_layout("{}");
  CHECK_EQ(layout->n_nodes, 1);
  CHECK_EQ(layout->n_buffers, 0);
  check_node(layout, 0, LAYOUT_STRUCT, 0, 0, 0, 1);
  layout_close(layout);
  layout_close(NULL);
}

/* The copy in it has all of the schema and depends on nothing of it. */
static void the_schema_is_copied(void) {
  struct ArrowSchema schema;
  struct layout *layout = NULL;
  static const kit_pair pair[] = {KIT_PAIR("key", "value")};
  kit_schema_parse("{a:list<item:int32!>,'':utf8}", &schema);
  kit_schema_set_metadata(&schema, pair, 1);
  REQUIRE_OK(layout_open(&schema, LAYOUT_MAX_DEPTH, &layout, kit_error()));
  CHECK(kit_schema_equal(&schema, &layout->schema, NULL, 0));
  CHECK(schema.children[0] != layout->schema.children[0]);
  schema.release(&schema);
  CHECK_STR(layout->schema.children[0]->children[0]->name, "item");
  layout_close(layout);
}

/* ---- Paths ----------------------------------------------------------------------------------------- */

static void paths(void) {
  static const char *const expected[] = {"",  "order",     "order.lines", "order.lines.item",    "order.no",
                                         "m", "m.entries", "m.entries.k", "m.entries.(unnamed)", "(unnamed)"};
  struct layout *layout = open_layout("{order:struct<lines:list<item:int8>,no:int8>,m:map<k:utf8,'':int8>,'':null}");
  REQUIRE_EQ(layout->n_nodes, 10);
  for (int32_t i = 0; i < 10; i++) {
    char path[64];
    layout_path(layout, i, path, sizeof path);
    CHECK_STR(path, expected[i]);
  }
  layout_close(layout);
}

/* Into every size: cut, ended, and nothing written behind it. */
static void paths_are_cut(void) {
  struct layout *layout = open_layout("{order:struct<lines:list<item:int8>>}");
  static const char whole[] = "order.lines.item";
  for (size_t size = 1; size < 25; size++) {
    char *path = malloc(size);
    layout_path(layout, 3, path, size);
    CHECK_EQ(strlen(path), size - 1 < strlen(whole) ? size - 1 : strlen(whole));
    CHECK_EQ(strncmp(path, whole, size - 1), 0);
    free(path);
  }
  layout_close(layout);
}

/* ---- Depth ----------------------------------------------------------------------------------------- */

/* A struct schema with one column of lists, `depth` levels below the top in all. */
static void nested_schema(int depth, struct ArrowSchema *schema) {
  REQUIRE_OK(schema_make(schema, "+s", "", NULL, 0, 1, kit_error()));
  struct ArrowSchema *at = schema->children[0];
  for (int i = 1; i < depth; i++, at = at->children[0])
    REQUIRE_OK(schema_make(at, "+l", "level", NULL, ARROW_FLAG_NULLABLE, 1, kit_error()));
  REQUIRE_OK(schema_make(at, "i", "deepest", NULL, ARROW_FLAG_NULLABLE, 0, kit_error()));
}

static void the_depth_limit(void) {
  for (int limit = 1; limit <= LAYOUT_MAX_DEPTH; limit += 9) {
    struct ArrowSchema schema;
    struct layout *layout = NULL;
    nested_schema(limit, &schema);
    CHECK_OK(layout_open(&schema, limit, &layout, kit_error()));
    CHECK_EQ(layout->nodes[layout->n_nodes - 1].depth, limit);
    layout_close(layout);
    layout = NULL;
    schema.release(&schema);
    nested_schema(limit + 1, &schema);
    CHECK_ERROR(layout_open(&schema, limit, &layout, kit_error()), RESPOOL_UNSUPPORTED, "deepest");
    CHECK(layout == NULL);
    schema.release(&schema);
  }
}

/* ---- What is refused ------------------------------------------------------------------------------- */

static void types_without_a_layout(void) {
  static const struct {
    const char *type;
    const char *name;
  } unsupported[] = {
      {"dictionary(i)<v:dictionary(c)<:utf8>>", "indices themselves"},
  };
  for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++) {
    char text[120];
    snprintf(text, sizeof text, "{ok:int8,odd_one:%s}", unsupported[i].type);
    check_refused(text, 64, RESPOOL_UNSUPPORTED, "odd_one");
    CHECK_HAS(kit_last_error()->message, unsupported[i].name);
    snprintf(text, sizeof text, "{l:list<deeper:%s>}", unsupported[i].type);
    check_refused(text, 64, RESPOOL_UNSUPPORTED, "deeper");
  }
}

static void schemas_that_are_malformed(void) {
  check_refused("{a:raw(nonsense)}", 64, RESPOOL_INVALID, "nonsense");
  CHECK_HAS(kit_last_error()->message, "'a'");
  check_refused("{a:raw(+l)}", 64, RESPOOL_INVALID, "'a'");
  check_refused("{a:raw(+l)<x:int8,y:int8>}", 64, RESPOOL_INVALID, "'a'");
  check_refused("{a:raw(i)<x:int8>}", 64, RESPOOL_INVALID, "'a'");
  check_refused("{a:raw(u)<x:int8>}", 64, RESPOOL_INVALID, "'a'");
  check_refused("{a:raw(+w:3)}", 64, RESPOOL_INVALID, "'a'");
  check_refused("{a:raw(+m)<x:int8>}", 64, RESPOOL_INVALID, "map");
  check_refused("{a:raw(+m)<x:struct<k:int8>>}", 64, RESPOOL_INVALID, "map");
  check_refused("{a:raw(+m)<x:struct<k:int8,v:int8,w:int8>>}", 64, RESPOOL_INVALID, "map");
  check_refused("{a:raw(+m)<x:list<k:int8>>}", 64, RESPOOL_INVALID, "map");
}

static void what_is_no_struct(void) {
  struct ArrowSchema schema, *child;
  struct layout *layout = NULL;
  kit_schema_parse("{a:int8}", &schema);
  child = schema.children[0];
  CHECK_ERROR(layout_open(NULL, 64, &layout, kit_error()), RESPOOL_INVALID, "NULL");
  CHECK_ERROR(layout_open(child, 64, &layout, kit_error()), RESPOOL_INVALID, "struct");
  const char *format = schema.format;
  schema.format = NULL;
  CHECK_ERROR(layout_open(&schema, 64, &layout, kit_error()), RESPOOL_INVALID, "struct");
  schema.format = format;
  schema.release(&schema);
  CHECK_ERROR(layout_open(&schema, 64, &layout, kit_error()), RESPOOL_INVALID, "released");
  CHECK(layout == NULL);
}

/* Children that are not there, in each of the ways. */
static void children_that_are_missing(void) {
  struct ArrowSchema schema, **children, *second;
  struct layout *layout = NULL;
  kit_schema_parse("{a:int8,b:int8}", &schema);
  children = schema.children;
  second = children[1];
  schema.children = NULL;
  CHECK_ERROR(layout_open(&schema, 64, &layout, kit_error()), RESPOOL_INVALID, "child 0");
  schema.children = children;
  children[1] = NULL;
  CHECK_ERROR(layout_open(&schema, 64, &layout, kit_error()), RESPOOL_INVALID, "child 1");
  children[1] = second;
  second->release(second);
  CHECK_ERROR(layout_open(&schema, 64, &layout, kit_error()), RESPOOL_INVALID, "child 1");
  int64_t count = schema.n_children;
  schema.n_children = -1;
  CHECK_STATUS(layout_open(&schema, 64, &layout, kit_error()), RESPOOL_INVALID);
  schema.n_children = (int64_t)INT32_MAX + 1;
  CHECK_STATUS(layout_open(&schema, 64, &layout, kit_error()), RESPOOL_INVALID);
  schema.n_children = count;
  CHECK(layout == NULL);
  *second = (struct ArrowSchema){0};
  schema.n_children = 1; /* the kit releases what it finds */
  free(second);
  schema.release(&schema);
}

static int64_t allocations;
static int64_t refused_one;

static bool refuse_one(void) {
  return ++allocations == refused_one;
}

static void no_memory(void) {
  struct ArrowSchema schema;
  struct layout *layout = NULL;
  kit_schema_parse("{a:list<item:struct<x:int8,y:utf8>>,b:int8,c:int8,d:int8,e:int8,f:int8}", &schema);
  mem_fault = refuse_one;
  for (refused_one = 1;; refused_one++) {
    allocations = 0;
    respool_status status = layout_open(&schema, 64, &layout, kit_error());
    if (allocations < refused_one) break;
    CHECK_EQ(status, RESPOOL_NO_MEMORY);
    CHECK(layout == NULL);
  }
  mem_fault = NULL;
  REQUIRE(layout != NULL);
  CHECK_EQ(layout->n_nodes, 10);
  layout_close(layout);
  schema.release(&schema);
}

/* A reason with the path of its field before it; the batch itself has none. */
static void errors_name_their_field(void) {
  struct layout *layout = open_layout("{order:struct<lines:list<item:int8>>}");
  respool_error error;
  CHECK_EQ(layout_error(layout, 2, RESPOOL_CORRUPT, &error, "%d rows", 7), RESPOOL_CORRUPT);
  CHECK_STR(error.message, "field 'order.lines': 7 rows");
  CHECK_EQ(layout_error(layout, 0, RESPOOL_INVALID, &error, "%d rows", 7), RESPOOL_INVALID);
  CHECK_STR(error.message, "7 rows");
  CHECK_EQ(layout_error(layout, 1, RESPOOL_INVALID, NULL, "x"), RESPOOL_INVALID);
  layout_close(layout);
}

static const kit_test tests[] = {
    KIT_TEST(leaves_of_every_type),
    KIT_TEST(nested_types),
    KIT_TEST(no_columns),
    KIT_TEST(the_schema_is_copied),
    KIT_TEST(paths),
    KIT_TEST(paths_are_cut),
    KIT_TEST(the_depth_limit),
    KIT_TEST(types_without_a_layout),
    KIT_TEST(schemas_that_are_malformed),
    KIT_TEST(what_is_no_struct),
    KIT_TEST(children_that_are_missing),
    KIT_TEST(no_memory),
    KIT_TEST(errors_name_their_field),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
