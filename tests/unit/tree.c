/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arrow/tree: arrays in one allocation, whose nodes may be moved out and released in any order; mirrors; empty
 * batches.
 */
#include "arrow/tree.h"

#include "array_build.h"
#include "array_node.h"
#include "arrow/check.h"
#include "check.h"
#include "compare.h"
#include "schema_build.h"
#include "support/alloc.h"

#include <stdlib.h>
#include <string.h>

static int dropped;

static void count_drop(void *object) {
  dropped++;
  CHECK(object == &dropped);
}

static const struct tree_owner counting = {count_drop, &dropped};
static const struct tree_owner unowned;

static void open_owned(const struct layout *layout, struct ArrowArray *root) {
  struct tree_shape shape = {.layout = layout, .n_owners = 1};
  REQUIRE_OK(tree_open(&shape, root, kit_error()));
  tree_set_owner(root, 0, counting);
}

static struct layout *open_layout(const struct ArrowSchema *schema) {
  struct layout *layout = NULL;
  REQUIRE_OK(layout_open(schema, LAYOUT_MAX_DEPTH, &layout, kit_error()));
  return layout;
}

static struct layout *parse_layout(const char *text) {
  struct ArrowSchema schema;
  kit_schema_parse(text, &schema);
  struct layout *layout = open_layout(&schema);
  schema.release(&schema);
  return layout;
}

/* ---- Linking --------------------------------------------------------------------------------------- */

enum { NODES = 64 };

/* Every node of a tree, in pre-order. */
static int list_nodes(struct ArrowArray *array, struct ArrowArray **nodes, int count) {
  nodes[count++] = array;
  for (int64_t i = 0; i < array->n_children; i++) count = list_nodes(array->children[i], nodes, count);
  return count;
}

static const char nested[] = "{a:list<item:struct<x:int8,y:utf8>>,b:map<k:utf8,v:null>,c:fixed_list(2)<e:bool>}";

/* Each node has the lists its layout wants, none shared with another, zeroed. */
static void nodes_are_linked(void) {
  struct layout *layout = parse_layout(nested);
  struct ArrowArray root, *nodes[NODES];
  REQUIRE_OK(tree_open(&(struct tree_shape){.layout = layout}, &root, kit_error()));
  REQUIRE_EQ(list_nodes(&root, nodes, 0), layout->n_nodes);
  for (int32_t i = 0; i < layout->n_nodes; i++) {
    CHECK_EQ(nodes[i]->n_buffers, layout->nodes[i].n_buffers);
    CHECK_EQ(nodes[i]->n_children, layout->nodes[i].n_children);
    CHECK(nodes[i]->length == 0 && nodes[i]->offset == 0 && nodes[i]->null_count == 0 && nodes[i]->dictionary == NULL);
    for (int64_t k = 0; k < nodes[i]->n_buffers; k++) {
      CHECK(nodes[i]->buffers[k] == NULL);
      nodes[i]->buffers[k] = nodes[i]; /* a list shared with another node would be seen by that one */
    }
  }
  for (int32_t i = 0; i < layout->n_nodes; i++)
    for (int64_t k = 0; k < nodes[i]->n_buffers; k++) CHECK(nodes[i]->buffers[k] == nodes[i]);
  root.release(&root);
  CHECK(root.release == NULL);
  layout_close(layout);
}

static void no_columns(void) {
  struct layout *layout = parse_layout("{}");
  struct ArrowArray root;
  dropped = 0;
  open_owned(layout, &root);
  CHECK(root.n_children == 0 && root.n_buffers == 1);
  root.release(&root);
  CHECK_EQ(dropped, 1);
  layout_close(layout);
}

static bool refuse(void) {
  return true;
}

/* The owner is taken on success only. */
static void no_memory(void) {
  struct layout *layout = parse_layout(nested);
  struct ArrowArray root = {.length = 99};
  dropped = 0;
  mem_fault = refuse;
  CHECK_STATUS(tree_open(&(struct tree_shape){.layout = layout}, &root, kit_error()), RESPOOL_NO_MEMORY);
  CHECK_STATUS(tree_empty(layout, &root, kit_error()), RESPOOL_NO_MEMORY);
  CHECK_STATUS(tree_mirror(layout, &root, counting, &root, kit_error()), RESPOOL_NO_MEMORY);
  mem_fault = NULL;
  CHECK_EQ(dropped, 0);
  CHECK_EQ(root.length, 99);
  layout_close(layout);
}

/* ---- Releasing ------------------------------------------------------------------------------------- */

/* Move some nodes out, release everything in a random order; the owner goes with the last and not before. */
static void release_in_some_order(kit_random *random, const struct layout *layout) {
  struct ArrowArray root, *nodes[NODES], moved[NODES];
  int moves = 0;
  dropped = 0;
  open_owned(layout, &root);
  int count = list_nodes(&root, nodes, 0);
  moved[moves++] = root;
  for (int i = 1; i < count; i++)
    if (kit_random_chance(random, 0.5)) {
      moved[moves++] = *nodes[i];
      nodes[i]->release = NULL;
    }
  for (int left = moves; left > 0; left--) {
    int pick = (int)kit_random_below(random, left);
    CHECK_EQ(dropped, 0);
    moved[pick].release(&moved[pick]);
    CHECK(moved[pick].release == NULL);
    moved[pick] = moved[left - 1];
  }
  CHECK_EQ(dropped, 1);
}

static void children_moved_out_in_any_order(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  struct layout *layout = parse_layout(nested);
  for (int i = 0; i < 2000 && kit_failures() == 0; i++) release_in_some_order(&random, layout);
  layout_close(layout);
}

static void *release_thread(void *array) {
  struct ArrowArray *moved = array;
  moved->release(moved);
  return NULL;
}

/* From several threads at once: still once, and after all of them. */
static void released_from_threads(void) {
  struct layout *layout = parse_layout("{a:int8,b:int8,c:int8}");
  for (int round = 0; round < 50; round++) {
    struct ArrowArray root, moved[3];
    pthread_t threads[3];
    dropped = 0;
    open_owned(layout, &root);
    for (int i = 0; i < 3; i++) {
      moved[i] = *root.children[i];
      root.children[i]->release = NULL;
    }
    for (int i = 0; i < 3; i++) threads[i] = kit_thread_start(release_thread, &moved[i]);
    root.release(&root);
    for (int i = 0; i < 3; i++) kit_thread_join(threads[i]);
    CHECK_EQ(dropped, 1);
  }
  layout_close(layout);
}

/* ---- Mirrors --------------------------------------------------------------------------------------- */

static void mirror_once(kit_random *random, bool sliced) {
  struct ArrowSchema schema;
  struct ArrowArray source, mirror;
  char *text = kit_schema_random_text(random, 6, 3);
  kit_schema_parse(text, &schema);
  kit_array_options options = kit_array_defaults(kit_random_next(random), kit_random_below(random, 30));
  options.sliced = options.unknown_nulls = sliced;
  kit_array_random(&schema, &options, &source);
  struct layout *layout = open_layout(&schema);
  dropped = 0;
  REQUIRE_OK(tree_mirror(layout, &source, counting, &mirror, kit_error()));
  CHECK_WELL_FORMED(&schema, &mirror, KIT_TOP, 1);
  CHECK_SAME(&schema, &source, &mirror);
  CHECK_OK(check_array(layout, &mirror, CHECK_FULL, kit_error()));
  for (int64_t i = 0; i < mirror.n_children; i++) CHECK_EQ(mirror.children[i]->length, mirror.length);
  CHECK_EQ(dropped, 0);
  mirror.release(&mirror);
  CHECK_EQ(dropped, 1);
  if (kit_failures() > 0) kit_note("%s", text);
  source.release(&source);
  layout_close(layout);
  schema.release(&schema);
  free(text);
}

static void mirrors_are_equal(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 60 : 600;
  for (int i = 0; i < rounds && kit_failures() == 0; i++) mirror_once(&random, i % 2 == 0);
  CHECK_EQ(kit_live_arrays(), 0);
}

/* A batch that shows rows 3 to 7 of longer columns: each column shows them itself, counts of nulls are open then. */
static void an_offset_of_the_batch_is_pushed_down(void) {
  struct layout *layout = parse_layout("{a:int32,b:null,c:int8}");
  struct ArrowArray source, mirror;
  static const uint8_t bits[] = {0xff, 0xff};
  kit_node_init(&source, 1, 3);
  source.length = 5;
  source.offset = 3;
  source.null_count = -1;
  source.buffers[0] = bits;
  for (int i = 0; i < 3; i++) {
    kit_node_init(source.children[i], i == 1 ? 0 : 2, 0);
    source.children[i]->length = 10;
    source.children[i]->offset = i;
    if (i != 1) kit_node_buffer(source.children[i], 1, 12 * 4, false);
  }
  source.children[0]->null_count = 2;
  source.children[1]->null_count = 10;
  source.children[2]->null_count = 10;
  REQUIRE_OK(tree_mirror(layout, &source, unowned, &mirror, kit_error()));
  CHECK(mirror.length == 5 && mirror.offset == 0 && mirror.null_count == 0 && mirror.buffers[0] == NULL);
  for (int i = 0; i < 3; i++) CHECK(mirror.children[i]->length == 5 && mirror.children[i]->offset == i + 3);
  CHECK_EQ(mirror.children[0]->null_count, -1);
  CHECK_EQ(mirror.children[1]->null_count, 5);
  CHECK_EQ(mirror.children[2]->null_count, 5); /* all of them are null, so all of these */
  CHECK(mirror.children[0]->buffers[1] == source.children[0]->buffers[1]);
  mirror.release(&mirror);
  source.release(&source);
  layout_close(layout);
}

/* Importers refuse offsets that are NULL, though without rows that is legal. */
static void absent_offsets_are_made_up(void) {
  struct layout *layout = parse_layout("{s:struct<t:utf8,l:large_list<i:int8>>}");
  struct ArrowArray source, mirror;
  kit_node_init(&source, 1, 1);
  kit_node_init(source.children[0], 1, 2);
  kit_node_init(source.children[0]->children[0], 3, 0);
  kit_node_init(source.children[0]->children[1], 2, 1);
  kit_node_init(source.children[0]->children[1]->children[0], 2, 0);
  source.children[0]->children[0]->offset = 7;
  REQUIRE_OK(tree_mirror(layout, &source, unowned, &mirror, kit_error()));
  struct ArrowArray **columns = mirror.children[0]->children;
  CHECK(columns[0]->buffers[1] == tree_zeros && columns[1]->buffers[1] == tree_zeros);
  CHECK_EQ(columns[0]->offset, 0);
  mirror.release(&mirror);
  source.release(&source);
  layout_close(layout);
}

/* ---- Empty batches --------------------------------------------------------------------------------- */

static void empty_batches(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int i = 0; i < 100; i++) {
    struct ArrowSchema schema;
    struct ArrowArray empty;
    char *text = kit_schema_random_text(&random, 6, 3);
    kit_schema_parse(text, &schema);
    struct layout *layout = open_layout(&schema);
    REQUIRE_OK(tree_empty(layout, &empty, kit_error()));
    CHECK_EQ(empty.length, 0);
    if (!CHECK_WELL_FORMED(&schema, &empty, KIT_TOP | KIT_EXACT, 64)) kit_note("%s", text);
    CHECK_OK(check_array(layout, &empty, CHECK_FULL, kit_error()));
    empty.release(&empty);
    layout_close(layout);
    schema.release(&schema);
    free(text);
  }
}

static void the_static_zeros(void) {
  CHECK_EQ((uintptr_t)tree_zeros % 64, 0);
  for (size_t i = 0; i < sizeof tree_zeros; i++) CHECK_EQ(tree_zeros[i], 0);
}

static const kit_test tests[] = {
    KIT_TEST(nodes_are_linked),
    KIT_TEST(no_columns),
    KIT_TEST(no_memory),
    KIT_TEST(children_moved_out_in_any_order),
    KIT_TEST(released_from_threads),
    KIT_TEST(mirrors_are_equal),
    KIT_TEST(an_offset_of_the_batch_is_pushed_down),
    KIT_TEST(absent_offsets_are_made_up),
    KIT_TEST(empty_batches),
    KIT_TEST(the_static_zeros),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
