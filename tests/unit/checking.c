/* SPDX-License-Identifier: Apache-2.0 */
/* arrow/check: good arrays pass, and each way of being bad is refused, naming the field. */
#include "arrow/check.h"

#include "array_build.h"
#include "array_node.h"
#include "check.h"
#include "schema_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct layout *open_layout(const struct ArrowSchema *schema) {
  struct layout *layout = NULL;
  REQUIRE_OK(layout_open(schema, LAYOUT_MAX_DEPTH, &layout, kit_error()));
  return layout;
}

/* ---- Good ones ------------------------------------------------------------------------------------- */

static void random_arrays_pass(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 60 : 600;
  for (int round = 0; round < rounds && kit_failures() == 0; round++) {
    struct ArrowSchema schema;
    struct ArrowArray array;
    char *text = kit_schema_random_text(&random, 6, 4);
    kit_schema_parse(text, &schema);
    kit_array_options options = kit_array_defaults(kit_random_next(&random), kit_random_below(&random, 40));
    options.sliced = options.unknown_nulls = round % 2 == 0;
    options.unaligned = round % 3 == 0;
    kit_array_random(&schema, &options, &array);
    struct layout *layout = open_layout(&schema);
    CHECK_OK(check_array(layout, &array, CHECK_SHAPE, kit_error()));
    CHECK_OK(check_array(layout, &array, CHECK_FULL, kit_error()));
    if (kit_failures() > 0) kit_note("%s", text);
    layout_close(layout);
    array.release(&array);
    schema.release(&schema);
    free(text);
  }
}

/* ---- One wrong thing at a time --------------------------------------------------------------------- */

/* Ten rows of this; each case spoils one thing in it. */
static const char fields[] = "{i:int32,t:utf8,l:list<item:int16>,s:struct<b:bool,n:null>,f:fixed_list(2)<e:int8>}";

struct batch {
  struct ArrowSchema schema;
  struct layout *layout;
  struct ArrowArray array;
  struct ArrowArray *i, *t, *l, *item, *s, *b, *n, *f, *e;
};

static void batch_open(struct batch *batch) {
  kit_schema_parse(fields, &batch->schema);
  batch->layout = open_layout(&batch->schema);
  kit_array_options options = kit_array_defaults(42, 10);
  options.null_rate = 0.4;
  kit_array_random(&batch->schema, &options, &batch->array);
  struct ArrowArray **columns = batch->array.children;
  batch->i = columns[0];
  batch->t = columns[1];
  batch->l = columns[2];
  batch->item = batch->l->children[0];
  batch->s = columns[3];
  batch->b = batch->s->children[0];
  batch->n = batch->s->children[1];
  batch->f = columns[4];
  batch->e = batch->f->children[0];
}

static void batch_close(struct batch *batch) {
  batch->array.release(&batch->array);
  layout_close(batch->layout);
  batch->schema.release(&batch->schema);
}

/* A case: spoil something, and give back what was there when called again. */
typedef void spoil(struct batch *batch, bool undo);

/* Set a member for the time of a case. */
#define SWAP(type, place, value)                                                                                       \
  do {                                                                                                                 \
    static type saved;                                                                                                 \
    if (!undo) saved = (place);                                                                                        \
    (place) = undo ? saved : (value);                                                                                  \
  } while (0)

typedef void release_function(struct ArrowArray *);

static void released(struct batch *b, bool undo) {
  SWAP(release_function *, b->item->release, NULL);
}
static void negative_length(struct batch *b, bool undo) {
  SWAP(int64_t, b->t->length, -1);
}
static void negative_offset(struct batch *b, bool undo) {
  SWAP(int64_t, b->t->offset, -1);
}
static void huge_offset(struct batch *b, bool undo) {
  SWAP(int64_t, b->i->offset, INT64_MAX - 5);
}
static void huge_length(struct batch *b, bool undo) {
  SWAP(int64_t, b->n->length, INT64_MAX);
}
static void too_few_nulls(struct batch *b, bool undo) {
  SWAP(int64_t, b->i->null_count, -2);
}
static void too_many_nulls(struct batch *b, bool undo) {
  SWAP(int64_t, b->i->null_count, 11);
}
static void nulls_without_bits(struct batch *b, bool undo) {
  SWAP(const void *, b->s->buffers[0], NULL);
}
static void too_few_buffers(struct batch *b, bool undo) {
  SWAP(int64_t, b->t->n_buffers, 2);
}
static void too_many_buffers(struct batch *b, bool undo) {
  SWAP(int64_t, b->l->n_buffers, 3);
}
static void buffers_of_a_null(struct batch *b, bool undo) {
  SWAP(int64_t, b->n->n_buffers, 2);
}
static void too_few_children(struct batch *b, bool undo) {
  SWAP(int64_t, b->s->n_children, 1);
}
static void too_many_children(struct batch *b, bool undo) {
  SWAP(int64_t, b->i->n_children, 1);
}
static void a_dictionary(struct batch *b, bool undo) {
  SWAP(struct ArrowArray *, b->i->dictionary, b->t);
}
static void no_list_of_buffers(struct batch *b, bool undo) {
  SWAP(const void **, b->b->buffers, NULL);
}
static void no_list_of_children(struct batch *b, bool undo) {
  SWAP(struct ArrowArray **, b->f->children, NULL);
}
static void no_child(struct batch *b, bool undo) {
  SWAP(struct ArrowArray *, b->l->children[0], NULL);
}
static void no_values(struct batch *b, bool undo) {
  SWAP(const void *, b->i->buffers[1], NULL);
}
static void no_bits(struct batch *b, bool undo) {
  SWAP(const void *, b->b->buffers[1], NULL);
}
static void no_text_offsets(struct batch *b, bool undo) {
  SWAP(const void *, b->t->buffers[1], NULL);
}
static void no_text(struct batch *b, bool undo) {
  SWAP(const void *, b->t->buffers[2], NULL);
}
static void no_list_offsets(struct batch *b, bool undo) {
  SWAP(const void *, b->l->buffers[1], NULL);
}
static void short_column(struct batch *b, bool undo) {
  SWAP(int64_t, b->i->length, 9);
}
static void short_field(struct batch *b, bool undo) {
  SWAP(int64_t, b->n->length, 9);
}
static void short_items(struct batch *b, bool undo) {
  SWAP(int64_t, b->e->length, 19);
}
static void too_many_items(struct batch *b, bool undo) {
  SWAP(int64_t, b->f->length, INT64_MAX / 2);
}

static int32_t *offsets_of(struct ArrowArray *array) {
  return (int32_t *)(uintptr_t)array->buffers[1];
}
static void negative_first_offset(struct batch *b, bool undo) {
  SWAP(int32_t, offsets_of(b->t)[0], -1);
}
static void last_below_first(struct batch *b, bool undo) {
  SWAP(int32_t, offsets_of(b->t)[10], -3);
}
static void offsets_beyond_the_items(struct batch *b, bool undo) {
  SWAP(int32_t, offsets_of(b->l)[10], (int32_t)b->item->length + 1);
}

static const struct {
  spoil *run;
  const char *field;
  const char *reason;
} cases[] = {
    {released, "'l.item'", "released"},
    {negative_length, "'t'", "length -1"},
    {negative_offset, "'t'", "offset -1"},
    {huge_offset, "'i'", "offset"},
    {huge_length, "'s.n'", "length"},
    {too_few_nulls, "'i'", "-2 nulls"},
    {too_many_nulls, "'i'", "11 nulls"},
    {nulls_without_bits, "'s'", "validity"},
    {too_few_buffers, "'t'", "2 buffers"},
    {too_many_buffers, "'l'", "3 buffers"},
    {buffers_of_a_null, "'s.n'", "2 buffers"},
    {too_few_children, "'s'", "1 children"},
    {too_many_children, "'i'", "1 children"},
    {a_dictionary, "'i'", "dictionary"},
    {no_list_of_buffers, "'s.b'", "list of buffers"},
    {no_list_of_children, "'f'", "children"},
    {no_child, "'l.item'", "missing"},
    {no_values, "'i'", "value buffer"},
    {no_bits, "'s.b'", "value buffer"},
    {no_text_offsets, "'t'", "offset buffer"},
    {no_text, "'t'", "data buffer"},
    {no_list_offsets, "'l'", "offset buffer"},
    {short_column, "'i'", "9 rows"},
    {short_field, "'s.n'", "9 rows"},
    {short_items, "'f.e'", "19 rows"},
    {too_many_items, "'f'", "length"},
    {negative_first_offset, "'t'", "offsets from -1"},
    {last_below_first, "'t'", "to -3"},
    {offsets_beyond_the_items, "'l'", "values"},
};

static void each_refusal(void) {
  struct batch batch;
  batch_open(&batch);
  REQUIRE(batch.i->null_count > 0 && batch.s->null_count > 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    cases[i].run(&batch, false);
    bool good =
        CHECK_ERROR(check_array(batch.layout, &batch.array, CHECK_SHAPE, kit_error()), RESPOOL_INVALID, cases[i].field);
    good = CHECK_HAS(kit_last_error()->message, cases[i].reason) && good;
    CHECK_EQ(check_array(batch.layout, &batch.array, CHECK_FULL, NULL), RESPOOL_INVALID);
    cases[i].run(&batch, true);
    good = CHECK_OK(check_array(batch.layout, &batch.array, CHECK_FULL, kit_error())) && good;
    if (!good) kit_note("case %d", (int)i);
  }
  batch_close(&batch);
}

/* What lies between the ends is looked at in full checks alone. */
static void falling_offsets(void) {
  struct batch batch;
  batch_open(&batch);
  struct ArrowArray *spoiled[] = {batch.t, batch.l};
  for (int i = 0; i < 2; i++) {
    int32_t *offsets = offsets_of(spoiled[i]);
    for (int row = 1; row < 10; row++) {
      int32_t saved = offsets[row];
      offsets[row] = offsets[10] + 1;
      CHECK_OK(check_array(batch.layout, &batch.array, CHECK_SHAPE, kit_error()));
      CHECK_ERROR(check_array(batch.layout, &batch.array, CHECK_FULL, kit_error()), RESPOOL_INVALID, "falling");
      CHECK_HAS(kit_last_error()->message, i == 0 ? "'t'" : "'l'");
      offsets[row] = -1;
      CHECK_STATUS(check_array(batch.layout, &batch.array, CHECK_FULL, kit_error()), RESPOOL_INVALID);
      offsets[row] = saved;
    }
  }
  CHECK_OK(check_array(batch.layout, &batch.array, CHECK_FULL, kit_error()));
  batch_close(&batch);
}

/* The batch may show some rows of its columns only: there, too, the first and last offset are looked at. */
static void falling_offsets_at_the_ends_of_a_slice(void) {
  struct batch batch;
  batch_open(&batch);
  struct ArrowArray *spoiled[] = {batch.t, batch.l};
  batch.array.offset = 3;
  batch.array.length = 4;
  CHECK_OK(check_array(batch.layout, &batch.array, CHECK_SHAPE, kit_error()));
  for (int i = 0; i < 2; i++) {
    int32_t *offsets = offsets_of(spoiled[i]);
    for (int row = 1; row < 10; row++) {
      int32_t saved = offsets[row];
      offsets[row] = i == 0 ? offsets[10] + 1 : row < 5 ? INT32_MAX : -1; /* the data is not said to end there */
      respool_status status = check_array(batch.layout, &batch.array, CHECK_SHAPE, kit_error());
      CHECK_STATUS(status, row == 3 || row == 7 ? RESPOOL_INVALID : RESPOOL_OK);
      offsets[row] = saved;
    }
  }
  batch_close(&batch);
}

/* ---- The batch itself ------------------------------------------------------------------------------ */

static void check_top(int64_t null_count, const uint8_t *bits, int64_t offset, respool_status status,
                      const char *part) {
  struct ArrowSchema schema;
  struct ArrowArray array;
  kit_schema_parse("{x:int32}", &schema);
  struct layout *layout = open_layout(&schema);
  kit_batch_int32((const int32_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 10, &array);
  array.length = 5;
  array.offset = offset;
  array.null_count = null_count;
  array.buffers[0] = bits;
  if (status == RESPOOL_OK)
    CHECK_OK(check_array(layout, &array, CHECK_SHAPE, kit_error()));
  else
    CHECK_ERROR(check_array(layout, &array, CHECK_SHAPE, kit_error()), status, part);
  array.release(&array);
  layout_close(layout);
  schema.release(&schema);
}

/* A bitmap at the top is legal where it shows no null among the rows of the batch. */
static void nulls_of_the_batch_itself(void) {
  static const uint8_t all[] = {0xff, 0xff}, third_missing[] = {0xfb, 0xff}, last_missing[] = {0xff, 0xfd};
  check_top(0, NULL, 0, RESPOOL_OK, NULL);
  check_top(-1, NULL, 0, RESPOOL_OK, NULL);
  check_top(-1, all, 5, RESPOOL_OK, NULL);
  check_top(0, third_missing, 0, RESPOOL_OK, NULL); /* the producer's word */
  check_top(-1, third_missing, 0, RESPOOL_INVALID, "row 2");
  check_top(1, third_missing, 0, RESPOOL_INVALID, "row 2");
  check_top(-1, third_missing, 2, RESPOOL_INVALID, "row 0");
  check_top(-1, third_missing, 3, RESPOOL_OK, NULL);
  check_top(-1, last_missing, 4, RESPOOL_OK, NULL);
  check_top(-1, last_missing, 5, RESPOOL_INVALID, "row 4");
  check_top(1, NULL, 0, RESPOOL_INVALID, "validity");
}

static void what_is_no_batch_at_all(void) {
  struct ArrowSchema schema;
  kit_schema_parse("{x:int32}", &schema);
  struct layout *layout = open_layout(&schema);
  struct ArrowArray array = {0};
  CHECK_ERROR(check_array(layout, &array, CHECK_SHAPE, kit_error()), RESPOOL_INVALID, "released");
  CHECK_ERROR(check_array(layout, NULL, CHECK_SHAPE, kit_error()), RESPOOL_INVALID, "missing");
  kit_batch_empty(7, &array);
  CHECK_ERROR(check_array(layout, &array, CHECK_SHAPE, kit_error()), RESPOOL_INVALID, "0 children");
  array.release(&array);
  layout_close(layout);
  schema.release(&schema);
}

/* ---- What is unusual but right --------------------------------------------------------------------- */

/* Old producers give a null array the validity slot it once had. */
static void a_null_array_with_a_slot(void) {
  struct ArrowSchema schema;
  struct ArrowArray array;
  kit_schema_parse("{x:null}", &schema);
  struct layout *layout = open_layout(&schema);
  kit_node_init(&array, 1, 1);
  array.length = 3;
  kit_node_init(array.children[0], 1, 0);
  array.children[0]->length = array.children[0]->null_count = 3;
  CHECK_OK(check_array(layout, &array, CHECK_FULL, kit_error()));
  array.release(&array);
  layout_close(layout);
  schema.release(&schema);
}

/* Without rows nothing needs a buffer, and none is looked into. */
static void no_rows_and_no_buffers(void) {
  struct batch batch;
  batch_open(&batch);
  struct ArrowArray *nodes[] = {&batch.array, batch.i, batch.t, batch.l, batch.item,
                                batch.s,      batch.b, batch.n, batch.f, batch.e};
  for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
    nodes[i]->length = nodes[i]->null_count = 0;
    for (int64_t k = 0; k < nodes[i]->n_buffers; k++) nodes[i]->buffers[k] = NULL;
  }
  CHECK_OK(check_array(batch.layout, &batch.array, CHECK_FULL, kit_error()));
  batch_close(&batch);
}

static void longer_children_are_allowed(void) {
  struct batch batch;
  batch_open(&batch);
  batch.array.length = 4;
  batch.array.offset = 3;
  batch.s->length = 8;
  CHECK_OK(check_array(batch.layout, &batch.array, CHECK_FULL, kit_error()));
  batch.array.offset = 5;
  CHECK_ERROR(check_array(batch.layout, &batch.array, CHECK_FULL, kit_error()), RESPOOL_INVALID, "'s'");
  batch_close(&batch);
}

/* ---- Indices --------------------------------------------------------------------------------------- */

/* How many values the indices 1, `index`, 2 need; the one in the middle null or not, all of them at an offset. */
static int64_t values_needed(char format, uint64_t index, bool null) {
  char text[64];
  struct ArrowSchema schema;
  uint8_t buffer[8 * 5];
  int width = strchr("cC", format) ? 1 : strchr("sS", format) ? 2 : strchr("iI", format) ? 4 : 8;
  const uint64_t indices[] = {UINT64_MAX, 1, index, 2, UINT64_MAX};
  for (int i = 0; i < 5; i++) memcpy(buffer + i * width, &indices[i], (size_t)width);
  snprintf(text, sizeof text, "{d:dictionary(%c)<:utf8>}", format);
  kit_schema_parse(text, &schema);
  struct layout *layout = open_layout(&schema);
  const uint8_t bits = 0x0a;
  const void *buffers[] = {null ? &bits : NULL, buffer};
  struct ArrowArray array = {.length = 3, .offset = 1, .null_count = null ? -1 : 0, .n_buffers = 2, .buffers = buffers};
  int64_t needed = check_values_needed(layout, 1, &array);
  layout_close(layout);
  schema.release(&schema);
  return needed;
}

static void indices_of_every_type(void) {
  static const char formats[] = "csilCSIL";
  for (int i = 0; i < 8; i++) {
    int bits = 8 << (i % 4);
    bool is_signed = i < 4;
    uint64_t highest = (uint64_t)1 << (bits - 1);
    CHECK_EQ(values_needed(formats[i], 0, false), 3);
    CHECK_EQ(values_needed(formats[i], 100, false), 101);
    CHECK_EQ(values_needed(formats[i], highest - 1, false), bits == 64 ? INT64_MAX : (int64_t)highest);
    CHECK_EQ(values_needed(formats[i], highest, false), is_signed || bits == 64 ? INT64_MAX : (int64_t)highest + 1);
    CHECK_EQ(values_needed(formats[i], UINT64_MAX, false), is_signed || bits == 64 ? INT64_MAX : (int64_t)1 << bits);
    CHECK_EQ(values_needed(formats[i], UINT64_MAX, true), 3);
  }
}

static const kit_test tests[] = {
    KIT_TEST(random_arrays_pass),
    KIT_TEST(each_refusal),
    KIT_TEST(falling_offsets),
    KIT_TEST(falling_offsets_at_the_ends_of_a_slice),
    KIT_TEST(nulls_of_the_batch_itself),
    KIT_TEST(what_is_no_batch_at_all),
    KIT_TEST(a_null_array_with_a_slot),
    KIT_TEST(no_rows_and_no_buffers),
    KIT_TEST(longer_children_are_allowed),
    KIT_TEST(indices_of_every_type),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
