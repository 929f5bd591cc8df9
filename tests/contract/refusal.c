/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays and schemas that are refused, what is said of them, and that nothing has happened to them. */
#include "spool.h"
#include "system.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char fields[] = "{id:int64!,'the text':utf8,items:list<item:int32>,pair:struct<x:float64,y:bool>,"
                             "three:fixed_list(3)<item:int16>,nothing:null}";

static void open_spool(kit_spool *s) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool_open(s, fields, &options);
}

static kit_series series_of(kit_spool *s) {
  return (kit_series){.schema = &s->schema, .seed = 4, .rows_least = 10, .rows_most = 10, .null_rate = 0.5};
}

/* A way to spoil an array. What it changes must be in the structs themselves, so that it can be undone. */
typedef struct spoiling {
  const char *what;
  const char *field; /* to be named in the message, NULL: none in particular */
  void (*spoil)(struct ArrowArray *array);
} spoiling;

/* clang-format off */
static void top_children(struct ArrowArray *a) { a->n_children--; }
static void top_no_children(struct ArrowArray *a) { a->n_children = 0; }
static void top_negative_length(struct ArrowArray *a) { a->length = -1; }
static void top_negative_offset(struct ArrowArray *a) { a->offset = -1; }
static void top_too_long(struct ArrowArray *a) { a->length++; }
static void top_offset_too_far(struct ArrowArray *a) { a->offset = 1; }
static void top_huge_offset(struct ArrowArray *a) { a->offset = INT64_MAX; }
static void top_huge_length(struct ArrowArray *a) { a->length = INT64_MAX; }
static void top_buffers(struct ArrowArray *a) { a->n_buffers = 2; }
static void top_no_child_array(struct ArrowArray *a) { a->children = NULL; }
static void child_short(struct ArrowArray *a) { a->children[0]->length--; }
static void child_negative(struct ArrowArray *a) { a->children[0]->length = -5; }
static void child_offset(struct ArrowArray *a) { a->children[0]->offset = -3; }
static void child_overflow(struct ArrowArray *a) { a->children[0]->offset = INT64_MAX - 3; }
static void child_buffers(struct ArrowArray *a) { a->children[0]->n_buffers = 3; }
static void child_no_buffers(struct ArrowArray *a) { a->children[0]->buffers = NULL; }
static void child_dictionary(struct ArrowArray *a) { a->children[0]->dictionary = a->children[1]; }
static void child_null_count(struct ArrowArray *a) { a->children[0]->null_count = 11; }
static void child_null_count_low(struct ArrowArray *a) { a->children[0]->null_count = -2; }
static void text_two_buffers(struct ArrowArray *a) { a->children[1]->n_buffers = 2; }
static void list_childless(struct ArrowArray *a) { a->children[2]->n_children = 0; }
static void list_child_short(struct ArrowArray *a) { a->children[2]->children[0]->length = 0; }
static void pair_child_short(struct ArrowArray *a) { a->children[3]->children[1]->length = 9; }
static void three_child_short(struct ArrowArray *a) { a->children[4]->children[0]->length = 29; }
static void null_with_nulls_missing(struct ArrowArray *a) { a->children[5]->length = 3; }
/* clang-format on */

static const spoiling spoilings[] = {
    {"one child too few", NULL, top_children},
    {"no children", NULL, top_no_children},
    {"a negative length", NULL, top_negative_length},
    {"a negative offset", NULL, top_negative_offset},
    {"longer than its children", NULL, top_too_long},
    {"an offset beyond its children", NULL, top_offset_too_far},
    {"an offset that overflows", NULL, top_huge_offset},
    {"a length that overflows", NULL, top_huge_length},
    {"a struct with two buffers", NULL, top_buffers},
    {"no array of children", NULL, top_no_child_array},
    {"a child too short", "id", child_short},
    {"a child of negative length", "id", child_negative},
    {"a child of negative offset", "id", child_offset},
    {"a child whose end overflows", "id", child_overflow},
    {"an integer of three buffers", "id", child_buffers},
    {"no array of buffers", "id", child_no_buffers},
    {"a dictionary that the schema has not", "id", child_dictionary},
    {"more nulls than slots", "id", child_null_count},
    {"a null count below -1", "id", child_null_count_low},
    {"a text of two buffers", "the text", text_two_buffers},
    {"a list without a child", "items", list_childless},
    {"a list child shorter than the offsets", "item", list_child_short},
    {"a struct child too short", "y", pair_child_short},
    {"a fixed list's child too short", "three", three_child_short},
    {"nulls fewer than rows", "nothing", null_with_nulls_missing},
};

enum { NODES_MOST = 16 };

/* All structs of a tree, in pre-order. */
static int collect(struct ArrowArray *array, struct ArrowArray **nodes, int count) {
  nodes[count++] = array;
  for (int64_t i = 0; i < array->n_children; i++) count = collect(array->children[i], nodes, count);
  return count;
}

static void check_spoiling(kit_spool *s, const kit_series *series, const spoiling *with) {
  struct ArrowArray array, *nodes[NODES_MOST], kept[NODES_MOST], spoiled;
  kit_series_batch(series, 0, &array);
  int count = collect(&array, nodes, 0), failures = kit_failures();
  for (int i = 0; i < count; i++) kept[i] = *nodes[i];
  with->spoil(&array);
  spoiled = array;
  CHECK_ERROR(respool_writer_append(s->writer, &array, kit_error()), RESPOOL_INVALID, with->field);
  CHECK(memcmp(&spoiled, &array, sizeof array) == 0);
  for (int i = 0; i < count; i++) *nodes[i] = kept[i];
  if (kit_failures() > failures) kit_note("with %s", with->what);
  CHECK_EQ(kit_stats(s->spool).batches, 0);
  if (array.release != NULL) kit_series_check(series, 0, &array); /* all of it is still there */
}

static void malformed_arrays(void) {
  kit_spool s;
  open_spool(&s);
  kit_series series = series_of(&s);
  for (size_t i = 0; i < sizeof spoilings / sizeof spoilings[0]; i++) check_spoiling(&s, &series, &spoilings[i]);
  kit_series_append(&series, s.writer, 0, 3); /* the spool has taken no harm */
  kit_series_replay(&series, s.spool, 3, RESPOOL_TIMED_OUT);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* Buffers that are needed and absent. */
static void missing_buffers(void) {
  static const struct {
    int64_t column, buffer;
    const char *field;
  } missing[] = {{0, 1, "id"}, {1, 1, "the text"}, {1, 2, "the text"}, {2, 1, "items"}};
  kit_spool s;
  open_spool(&s);
  kit_series series = series_of(&s);
  for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
    struct ArrowArray array;
    kit_series_batch(&series, 1, &array);
    const void **place = &array.children[missing[i].column]->buffers[missing[i].buffer];
    const void *kept = *place;
    *place = NULL;
    CHECK_ERROR(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_INVALID, missing[i].field);
    *place = kept;
    kit_append(s.writer, &array); /* repaired, it is as good as ever */
  }
  CHECK_EQ(kit_stats(s.spool).batches, 4);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void nulls_without_a_bitmap(void) {
  kit_spool s;
  struct ArrowArray array;
  open_spool(&s);
  kit_series series = series_of(&s);
  kit_series_batch(&series, 1, &array);
  array.children[0]->null_count = 2; /* "id" has no bitmap */
  CHECK_ERROR(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_INVALID, "id");
  array.children[0]->null_count = -1; /* which means that there are none */
  kit_append(s.writer, &array);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void offsets_that_lead_outside(void) {
  kit_spool s;
  struct ArrowArray array;
  open_spool(&s);
  kit_series series = series_of(&s);
  kit_series_batch(&series, 1, &array);
  int32_t *offsets = (int32_t *)(uintptr_t)array.children[2]->buffers[1];
  int32_t first = offsets[0], last = offsets[10];
  offsets[10] = last + 1000;
  CHECK_ERROR(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_INVALID, "items");
  offsets[10] = last;
  offsets[0] = -1;
  CHECK_ERROR(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_INVALID, "items");
  offsets[0] = last + 1; /* the end before the start */
  CHECK_ERROR(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_INVALID, "items");
  offsets[0] = first;
  kit_append(s.writer, &array);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void nulls_at_the_top(void) {
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  static const unsigned char one_null = 0xfb, none = 0xff;
  kit_spool_open(&s, "{number:int32}", &options);
  for (int64_t counted = -1; counted <= 1; counted += 2) {
    struct ArrowArray array;
    kit_batch_int32((const int32_t[]){1, 2, 3, 4}, 4, &array);
    array.buffers[0] = &one_null;
    array.null_count = counted;
    CHECK_ERROR(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_INVALID, NULL);
    array.buffers[0] = &none;
    array.null_count = counted == -1 ? -1 : 0;
    kit_append(s.writer, &array);
  }
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void released_arrays(void) {
  kit_spool s;
  struct ArrowArray array = {.release = NULL};
  open_spool(&s);
  CHECK_ERROR(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_writer_append(s.writer, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_writer_append(NULL, &array, kit_error()), RESPOOL_INVALID, NULL);
  kit_spool_close(&s);
}

static void an_array_of_another_type(void) {
  kit_spool s, other;
  struct ArrowArray array;
  open_spool(&s);
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, NULL);
  kit_spool_open(&other, "{id:int64!,'the text':utf8}", &options);
  kit_series series = series_of(&other);
  kit_series_batch(&series, 0, &array);
  CHECK_ERROR(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_INVALID, NULL);
  kit_append(other.writer, &array); /* not the worse for it */
  kit_series_replay(&series, other.spool, 1, RESPOOL_TIMED_OUT);
  kit_spool_close(&other);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* ---- Schemas --------------------------------------------------------------------------------------- */

static void check_create(const struct ArrowSchema *schema, respool_status expected, const char *field,
                         const char *what) {
  respool *spool = NULL;
  respool_writer *writer = NULL;
  int failures = kit_failures();
  CHECK_ERROR(respool_create(schema, NULL, &spool, &writer, kit_error()), expected, field);
  CHECK(spool == NULL && writer == NULL); /* outputs only on success */
  if (kit_failures() > failures) kit_note("with %s", what);
  respool_writer_close(writer);
  respool_release(spool);
}

static void check_refused(const char *text, respool_status expected, const char *field) {
  struct ArrowSchema schema;
  kit_schema_parse(text, &schema);
  check_create(&schema, expected, field, text);
  CHECK(schema.release != NULL); /* borrowed */
  schema.release(&schema);
}

static bool mentions(const char *text, const char *word) {
  size_t size = strlen(word);
  for (; *text != '\0'; text++) {
    size_t i = 0;
    while (i < size && tolower((unsigned char)text[i]) == tolower((unsigned char)word[i])) i++;
    if (i == size) return true;
  }
  return false;
}

static void unsupported_types_are_named(void) {
  static const struct {
    const char *schema, *field, *type;
  } cases[] = {
      {"{code:dictionary(i)<:dictionary(c)<:utf8>>}", "code", "indices"},
      {"{m:map<key:utf8,code:dictionary(c)<:dictionary(c)<:utf8>>>}", "code", "indices"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    check_refused(cases[i].schema, RESPOOL_UNSUPPORTED, cases[i].field);
    if (!CHECK(mentions(kit_last_error()->message, cases[i].type))) kit_note("%s", kit_last_error()->message);
  }
  CHECK_NOTHING_LEFT();
}

static void malformed_schemas(void) {
  static const char *const texts[] = {
      "{bad:raw()}",
      "{bad:raw(q)}",
      "{bad:raw(ii)}",
      "{bad:raw(w:)}",
      "{bad:raw(w:-1)}",
      "{bad:raw(w:x)}",
      "{bad:raw(+w:2)}",
      "{bad:raw(+w:-2)<item:int8>}",
      "{bad:raw(d:)}",
      "{bad:raw(d:5)}",
      "{bad:raw(d:5,2,77)}",
      "{bad:raw(tsx:)}",
      "{bad:raw(ts)}",
      "{bad:raw(tss)}",
      "{bad:raw(tdx)}",
      "{bad:raw(tt)}",
      "{bad:raw(+l)}",
      "{bad:raw(+l)<a:int8,b:int8>}",
      "{bad:raw(+m)}",
      "{bad:raw(+m)<e:int8>}",
      "{bad:raw(+m)<e:struct<k:utf8!>>}",
      "{bad:raw(i)<a:int8>}",
      "{bad:raw(+x)}",
      "{bad:raw(w:99999999999999999999)}",
      "{bad:raw(d:x,y)}",
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) check_refused(texts[i], RESPOOL_INVALID, "bad");
  CHECK_NOTHING_LEFT();
}

static void schemas_broken_as_structs(void) {
  struct ArrowSchema schema, copy, released = {.release = NULL};
  kit_schema_parse("{bad:list<item:int8>,other:int8}", &schema);
  check_create(NULL, RESPOOL_INVALID, NULL, "no schema");
  check_create(&released, RESPOOL_INVALID, NULL, "a released schema");
  check_create(schema.children[1], RESPOOL_INVALID, NULL, "an int8 at the top");
  copy = schema;
  copy.n_children = -1;
  check_create(&copy, RESPOOL_INVALID, NULL, "a negative number of children");
  copy = schema;
  copy.children = NULL;
  check_create(&copy, RESPOOL_INVALID, NULL, "no array of children");
  copy = schema;
  copy.format = NULL;
  check_create(&copy, RESPOOL_INVALID, NULL, "no format");
  copy = schema;
  struct ArrowSchema *children[] = {schema.children[0], NULL};
  copy.children = children;
  check_create(&copy, RESPOOL_INVALID, NULL, "a child that is not there");
  children[1] = &released;
  check_create(&copy, RESPOOL_INVALID, NULL, "a released child");
  schema.release(&schema);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(malformed_arrays),         KIT_TEST(missing_buffers),
    KIT_TEST(nulls_without_a_bitmap),   KIT_TEST(offsets_that_lead_outside),
    KIT_TEST(nulls_at_the_top),         KIT_TEST(released_arrays),
    KIT_TEST(an_array_of_another_type), KIT_TEST(unsupported_types_are_named),
    KIT_TEST(malformed_schemas),        KIT_TEST(schemas_broken_as_structs),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
