/* SPDX-License-Identifier: Apache-2.0 */
/* arrow/measure: the extents of every type, of slices, of absent and shared buffers. */
#include "arrow/measure.h"

#include "array_build.h"
#include "array_node.h"
#include "check.h"
#include "format.h"
#include "schema_build.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 2048 };

struct extents {
  const void *starts[MOST];
  int64_t lengths[MOST];
  int count;
  int stop_at; /* answer false at this visit; 0 never */
};

static bool note_extent(void *context, const void *start, int64_t length) {
  struct extents *extents = context;
  REQUIRE(extents->count < MOST);
  extents->starts[extents->count] = start;
  extents->lengths[extents->count++] = length;
  return extents->count != extents->stop_at;
}

static struct layout *open_layout(const struct ArrowSchema *schema) {
  struct layout *layout = NULL;
  REQUIRE_OK(layout_open(schema, LAYOUT_MAX_DEPTH, &layout, kit_error()));
  return layout;
}

/* ---- One type at a time ---------------------------------------------------------------------------- */

/* A batch of one column made by hand: `length` rows from `offset`, its buffers of the sizes given (-1: absent). */
static void one_column(struct ArrowArray *array, int64_t n_buffers, int64_t n_children, int64_t offset, int64_t length,
                       const int64_t *sizes) {
  kit_node_init(array, 1, 1);
  array->length = length;
  struct ArrowArray *column = array->children[0];
  kit_node_init(column, n_buffers, n_children);
  column->length = length;
  column->offset = offset;
  for (int i = 0; i < n_buffers; i++)
    if (sizes[i] >= 0) kit_node_buffer(column, i, (size_t)sizes[i], false);
}

/* The batch, which is released, has exactly these extents, in order. */
static void check_extents(const char *text, struct ArrowArray *array, int count, const int64_t *lengths) {
  struct ArrowSchema schema;
  struct extents extents = {.count = 0};
  kit_schema_parse(text, &schema);
  struct layout *layout = open_layout(&schema);
  CHECK(measure_extents(layout, array, note_extent, &extents));
  if (!CHECK_EQ(extents.count, count)) kit_note("%s", text);
  for (int i = 0; i < count && i < extents.count; i++)
    if (!CHECK_EQ(extents.lengths[i], lengths[i])) kit_note("%s, extent %d", text, i);
  layout_close(layout);
  schema.release(&schema);
  array->release(array);
}

static void fixed_widths(void) {
  struct ArrowArray array;
  one_column(&array, 2, 0, 3, 10, (const int64_t[]){2, 52});
  check_extents("{x:int32}", &array, 2, (const int64_t[]){2, 52});
  one_column(&array, 2, 0, 0, 10, (const int64_t[]){-1, 160});
  check_extents("{x:decimal128(38,2)}", &array, 1, (const int64_t[]){160});
  one_column(&array, 2, 0, 7, 10, (const int64_t[]){-1, 3});
  check_extents("{x:bool}", &array, 1, (const int64_t[]){3});
  one_column(&array, 2, 0, 0, 10, (const int64_t[]){2, 0});
  check_extents("{x:fixed(0)}", &array, 1, (const int64_t[]){2});
  one_column(&array, 2, 0, 0, 0, (const int64_t[]){-1, -1});
  check_extents("{x:int64}", &array, 0, NULL);
  kit_node_init(&array, 1, 1);
  array.length = 5;
  kit_node_init(array.children[0], 0, 0);
  array.children[0]->length = 5;
  check_extents("{x:null}", &array, 0, NULL);
}

/* All text up to the last offset counts, also what lies before the first. */
static void texts(void) {
  struct ArrowArray array;
  one_column(&array, 3, 0, 2, 3, (const int64_t[]){-1, 24, 40});
  memcpy((void *)(uintptr_t)array.children[0]->buffers[1], (const int32_t[]){0, 5, 10, 20, 30, 40}, 24);
  check_extents("{x:utf8}", &array, 2, (const int64_t[]){24, 40});
  one_column(&array, 3, 0, 0, 1, (const int64_t[]){1, 16, 7});
  memcpy((void *)(uintptr_t)array.children[0]->buffers[1], (const int64_t[]){3, 7}, 16);
  check_extents("{x:large_binary}", &array, 3, (const int64_t[]){1, 16, 7});
  one_column(&array, 3, 0, 0, 0, (const int64_t[]){-1, -1, -1});
  check_extents("{x:utf8}", &array, 0, NULL);
  one_column(&array, 3, 0, 0, 2, (const int64_t[]){-1, 12, -1}); /* only empty texts */
  check_extents("{x:utf8}", &array, 1, (const int64_t[]){12});
}

/* A list's child counts by its own length, however much of it the lists show. */
static void lists(void) {
  struct ArrowArray array;
  one_column(&array, 2, 1, 1, 2, (const int64_t[]){-1, 16});
  memcpy((void *)(uintptr_t)array.children[0]->buffers[1], (const int32_t[]){0, 1, 2, 3}, 16);
  struct ArrowArray *items = array.children[0]->children[0];
  kit_node_init(items, 2, 0);
  items->length = 100;
  items->offset = 5;
  kit_node_buffer(items, 1, 105 * 2, false);
  check_extents("{x:list<item:int16>}", &array, 2, (const int64_t[]){16, 210});
  one_column(&array, 1, 1, 0, 4, (const int64_t[]){1});
  items = array.children[0]->children[0];
  kit_node_init(items, 2, 0);
  items->length = 12;
  kit_node_buffer(items, 1, 96, false);
  check_extents("{x:fixed_list(3)<item:int64>}", &array, 2, (const int64_t[]){1, 96});
}

/* ---- Shared buffers -------------------------------------------------------------------------------- */

/* The same start, seen as often as it is reached: counting it once is the ledger's business. */
static void shared_buffers_are_visited_each_time(void) {
  struct ArrowSchema schema;
  kit_schema_parse("{x:int32}", &schema);
  struct layout *layout = open_layout(&schema);
  kit_shared *shared = kit_shared_from_memory(4000);
  for (int64_t i = 0; i < 10; i++) {
    struct ArrowArray array;
    struct extents extents = {.count = 0};
    kit_batch_shared(shared, i * 100, 100, &array);
    CHECK(measure_extents(layout, &array, note_extent, &extents));
    CHECK_EQ(extents.count, 1);
    CHECK(extents.starts[0] == kit_shared_values(shared));
    CHECK_EQ(extents.lengths[0], (i + 1) * 400);
    array.release(&array);
  }
  kit_shared_release(shared);
  layout_close(layout);
  schema.release(&schema);
}

static void a_visitor_may_stop(void) {
  struct ArrowSchema schema;
  struct ArrowArray array;
  kit_schema_parse("{a:utf8,b:list<item:int32>,c:bool}", &schema);
  kit_array_options options = kit_array_defaults(kit_seed(), 20);
  options.null_rate = 1;
  kit_array_random(&schema, &options, &array);
  struct layout *layout = open_layout(&schema);
  struct extents all = {.count = 0};
  CHECK(measure_extents(layout, &array, note_extent, &all));
  CHECK_LE(5, all.count);
  for (int stop = 1; stop <= all.count; stop++) {
    struct extents extents = {.stop_at = stop};
    CHECK(!measure_extents(layout, &array, note_extent, &extents));
    CHECK_EQ(extents.count, stop);
  }
  layout_close(layout);
  array.release(&array);
  schema.release(&schema);
}

/* ---- Against the naive way, at random -------------------------------------------------------------- */

static int64_t last_offset(const struct ArrowArray *array, int64_t width) {
  int64_t end = array->offset + array->length;
  return array->buffers[1] == NULL || array->length == 0 ? 0 : kit_number_at(array->buffers[1], width, end);
}

static void expect(struct extents *extents, const struct ArrowArray *array, int buffer, int64_t length) {
  if (length > 0 && array->buffers[buffer] != NULL) note_extent(extents, array->buffers[buffer], length);
}

static void expect_views(struct extents *extents, const struct ArrowArray *array, int64_t end) {
  int last = (int)array->n_buffers - 1;
  const void *sizes = array->buffers[last];
  expect(extents, array, 1, end * 16);
  for (int i = 2; i < last; i++) expect(extents, array, i, kit_number_at(sizes, 8, i - 2));
  expect(extents, array, last, 8 * (last - 2));
}

static void expect_union(struct extents *extents, kit_layout layout, const struct ArrowArray *array, int64_t end) {
  int first = (int)(array->n_buffers - layout.buffers);
  expect(extents, array, first, end);
  if (layout.kind == KIT_DENSE) expect(extents, array, first + 1, end * 4);
}

/* Arrow's own words on what each buffer holds, read off the format. */
static void expect_tree(struct extents *extents, const struct ArrowSchema *schema, const struct ArrowArray *array) {
  kit_layout layout = kit_layout_of(schema->format);
  int64_t end = array->offset + array->length;
  if (kit_has_validity(layout.kind)) expect(extents, array, 0, (end + 7) / 8);
  if (layout.kind == KIT_BOOL) expect(extents, array, 1, (end + 7) / 8);
  if (layout.kind == KIT_FIXED) expect(extents, array, 1, end * layout.width);
  if ((layout.kind == KIT_BINARY || layout.kind == KIT_LIST) && end > 0)
    expect(extents, array, 1, (end + 1) * layout.width);
  if (layout.kind == KIT_BINARY) expect(extents, array, 2, last_offset(array, layout.width));
  if (layout.kind == KIT_VIEW) expect_views(extents, array, end);
  if (layout.kind == KIT_SPARSE || layout.kind == KIT_DENSE) expect_union(extents, layout, array, end);
  for (int i = 1; i <= 2 && layout.kind == KIT_LIST_VIEW; i++) expect(extents, array, i, end * layout.width);
  for (int64_t i = 0; i < schema->n_children; i++) expect_tree(extents, schema->children[i], array->children[i]);
  if (schema->dictionary != NULL) expect_tree(extents, schema->dictionary, array->dictionary);
}

static void random_arrays(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 60 : 600;
  for (int round = 0; round < rounds && kit_failures() == 0; round++) {
    struct ArrowSchema schema;
    struct ArrowArray array;
    char *text = kit_schema_random_text(&random, 6, 3);
    kit_schema_parse(text, &schema);
    kit_array_options options = kit_array_defaults(kit_random_next(&random), kit_random_below(&random, 30));
    options.sliced = options.unknown_nulls = true;
    kit_array_random(&schema, &options, &array);
    struct layout *layout = open_layout(&schema);
    struct extents seen = {.count = 0}, expected = {.count = 0};
    CHECK(measure_extents(layout, &array, note_extent, &seen));
    expect_tree(&expected, &schema, &array);
    CHECK_EQ(seen.count, expected.count);
    CHECK_EQ(memcmp(&seen, &expected, sizeof seen), 0);
    if (kit_failures() > 0) kit_note("%s", text);
    layout_close(layout);
    array.release(&array);
    schema.release(&schema);
    free(text);
  }
}

/* ---- What is shown --------------------------------------------------------------------------------- */

static void check_shown(const char *text, struct ArrowArray *array, int64_t expected) {
  struct ArrowSchema schema;
  kit_schema_parse(text, &schema);
  struct layout *layout = open_layout(&schema);
  if (!CHECK_EQ(measure_shown(layout, array), expected)) kit_note("%s", text);
  layout_close(layout);
  schema.release(&schema);
  array->release(array);
}

/* The rows of a slice, not what lies around them. */
static void what_is_shown(void) {
  struct ArrowArray array;
  one_column(&array, 2, 0, 30, 10, (const int64_t[]){5, 160});
  check_shown("{x:int32}", &array, 2 + 40);
  one_column(&array, 2, 0, 5, 10, (const int64_t[]){-1, 2});
  check_shown("{x:bool}", &array, 2);
  one_column(&array, 3, 0, 2, 2, (const int64_t[]){-1, 24, 40});
  memcpy((void *)(uintptr_t)array.children[0]->buffers[1], (const int32_t[]){0, 5, 10, 20, 30, 40}, 24);
  check_shown("{x:utf8}", &array, 12 + 20);
  one_column(&array, 2, 1, 1, 2, (const int64_t[]){-1, 16});
  memcpy((void *)(uintptr_t)array.children[0]->buffers[1], (const int32_t[]){0, 4, 5, 9}, 16);
  struct ArrowArray *items = array.children[0]->children[0];
  kit_node_init(items, 2, 0);
  items->length = 100;
  kit_node_buffer(items, 1, 200, false);
  check_shown("{x:list<item:int16>}", &array, 12 + 10);
  one_column(&array, 1, 1, 3, 4, (const int64_t[]){1});
  items = array.children[0]->children[0];
  kit_node_init(items, 2, 0);
  items->length = 21;
  kit_node_buffer(items, 1, 168, false);
  check_shown("{x:fixed_list(3)<item:int64>}", &array, 1 + 96);
  one_column(&array, 3, 0, 0, 0, (const int64_t[]){-1, -1, -1});
  check_shown("{x:utf8}", &array, 4);
  kit_batch_empty(1000, &array);
  check_shown("{}", &array, 0);
}

/* Many small slices of one large array: each reaches all of it, and shows a little. */
static void slices_show_little(void) {
  kit_shared *shared = kit_shared_from_memory(1 << 20);
  for (int64_t i = 0; i < 20; i++) {
    struct ArrowArray array;
    kit_batch_shared(shared, i * 1000, 7, &array);
    check_shown("{x:int32}", &array, 28);
  }
  kit_shared_release(shared);
}

/* The fixed cost: positive, the same for every batch, and growing with the schema alone. */
static void the_fixed_cost(void) {
  static const char *const texts[] = {"{}", "{a:int32}", "{a:int32,b:utf8}", "{a:int32,b:utf8,c:list<item:int8>}"};
  int64_t before = 0;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    struct ArrowSchema schema;
    kit_schema_parse(texts[i], &schema);
    struct layout *layout = open_layout(&schema);
    CHECK_LE(before + (int64_t)sizeof(struct ArrowArray), measure_fixed(layout));
    before = measure_fixed(layout);
    CHECK_LE(before, 1000);
    layout_close(layout);
    schema.release(&schema);
  }
}

static const kit_test tests[] = {
    KIT_TEST(fixed_widths),
    KIT_TEST(texts),
    KIT_TEST(lists),
    KIT_TEST(shared_buffers_are_visited_each_time),
    KIT_TEST(a_visitor_may_stop),
    KIT_TEST(random_arrays),
    KIT_TEST(what_is_shown),
    KIT_TEST(slices_show_little),
    KIT_TEST(the_fixed_cost),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
