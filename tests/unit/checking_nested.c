/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arrow/check: views, list views, unions, run ends and dictionaries. Each way of being bad is refused at every level,
 * as encoding follows what is in them; legal but odd arrays pass.
 */
#include "arrow/check.h"

#include "array_build.h"
#include "array_node.h"
#include "check.h"
#include "schema_build.h"

#include <string.h>

/* A batch of one column, built by hand. */
struct sample {
  struct ArrowSchema schema;
  struct layout *layout;
  struct ArrowArray array;
  struct ArrowArray *x;
};

static void open_sample(const char *text, int64_t n_buffers, int64_t length, struct sample *s) {
  kit_schema_parse(text, &s->schema);
  REQUIRE_OK(layout_open(&s->schema, LAYOUT_MAX_DEPTH, &s->layout, kit_error()));
  kit_node_init(&s->array, 1, 1);
  s->array.length = length;
  s->x = s->array.children[0];
  kit_node_init(s->x, n_buffers, s->schema.children[0]->n_children);
  s->x->length = length;
}

static void close_sample(struct sample *s) {
  s->array.release(&s->array);
  layout_close(s->layout);
  s->schema.release(&s->schema);
}

static void fill(struct ArrowArray *array, int64_t index, const void *bytes, size_t size) {
  memcpy(kit_node_buffer(array, index, size, true), bytes, size);
}

#define FILL(array, index, type, ...)                                                                                  \
  fill((array), (index), (const type[]){__VA_ARGS__}, sizeof(const type[]){__VA_ARGS__})

/* int8 values, or int16, int32, int64 by the width. */
static void make_numbers(struct ArrowArray *array, int64_t length, size_t width) {
  kit_node_init(array, 2, 0);
  array->length = length;
  kit_node_buffer(array, 1, (size_t)length * width, false);
}

static void passes(const struct sample *s) {
  for (int level = CHECK_SHAPE; level <= CHECK_FULL; level++)
    CHECK_OK(check_array(s->layout, &s->array, (enum check_level)level, kit_error()));
}

static void refused(const struct sample *s, const char *reason) {
  for (int level = CHECK_SHAPE; level <= CHECK_FULL; level++) {
    CHECK_ERROR(check_array(s->layout, &s->array, (enum check_level)level, kit_error()), RESPOOL_INVALID, reason);
    CHECK_HAS(kit_last_error()->message, "'x");
  }
}

static void refused_in_full(const struct sample *s, const char *reason) {
  CHECK_OK(check_array(s->layout, &s->array, CHECK_SHAPE, kit_error()));
  CHECK_OK(check_array(s->layout, &s->array, CHECK_STRUCTURE, kit_error()));
  CHECK_ERROR(check_array(s->layout, &s->array, CHECK_FULL, kit_error()), RESPOOL_INVALID, reason);
}

/* ---- Views ------------------------------------------------------------------------------------------- */

static const char data[] = "0123456789abcdefghij"; /* 20 bytes */

/* One view into one data buffer. */
static void view_case(int32_t size, const char *prefix, int32_t buffer, int32_t offset, struct sample *s) {
  int32_t view[4] = {size, 0, buffer, offset};
  memcpy(&view[1], prefix, 4);
  open_sample("{x:utf8_view}", 4, 1, s);
  fill(s->x, 1, view, sizeof view);
  fill(s->x, 2, data, 20);
  FILL(s->x, 3, int64_t, 20);
}

static void views(void) {
  static const struct {
    int32_t size;
    const char *prefix;
    int32_t buffer, offset;
    const char *reason;
    bool in_full;
  } cases[] = {
      {20, "0123", 0, 0, NULL, false},
      {13, "789a", 0, 7, NULL, false},
      {13, "89ab", 0, 8, "outside", false},
      {21, "0123", 0, 0, "outside", false},
      {INT32_MAX, "0123", 0, 1, "outside", false},
      {13, "0123", 0, -1, "outside", false},
      {13, "0123", 0, INT32_MAX, "outside", false},
      {13, "0123", 1, 0, "outside", false},
      {13, "0123", -1, 0, "outside", false},
      {13, "0123", INT32_MIN, 0, "outside", false},
      {-1, "0123", 0, 0, "-1 bytes", false},
      {INT32_MIN, "0123", 0, 0, "bytes", false},
      {13, "0124", 0, 0, "prefix", true},
      {3, "012\0", 0, 0, NULL, false},
      {3, "0123", 0, 0, "behind", true},
      {4, "0123", 0, 1, "behind", true},
      {12, "0123", 7, -9, NULL, false},
      {0, "\0\0\0\0", 0, 0, NULL, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sample s;
    view_case(cases[i].size, cases[i].prefix, cases[i].buffer, cases[i].offset, &s);
    if (cases[i].reason == NULL)
      passes(&s);
    else if (cases[i].in_full)
      refused_in_full(&s, cases[i].reason);
    else
      refused(&s, cases[i].reason);
    FILL(s.x, 0, uint8_t, 0xfe); /* under a null anything is right */
    s.x->null_count = -1;
    passes(&s);
    if (kit_failures() > 0) kit_note("case %d", (int)i);
    close_sample(&s);
  }
}

static void buffers_of_views(void) {
  struct sample s;
  view_case(13, "0123", 0, 0, &s);
  const void *sizes = s.x->buffers[3], *bytes = s.x->buffers[2], *views = s.x->buffers[1];
  s.x->buffers[3] = NULL;
  refused(&s, "sizes");
  s.x->buffers[3] = sizes;
  s.x->buffers[2] = NULL;
  refused(&s, "not there");
  s.x->buffers[2] = bytes;
  s.x->buffers[1] = NULL;
  refused(&s, "no views");
  s.x->buffers[1] = views;
  s.x->n_buffers = 2;
  refused(&s, "2 buffers");
  s.x->n_buffers = 4;
  int64_t negative = -20;
  memcpy((void *)(uintptr_t)sizes, &negative, sizeof negative);
  refused(&s, "-20 bytes");
  s.array.length = s.x->length = 0;
  int64_t none = 0;
  memcpy((void *)(uintptr_t)sizes, &none, sizeof none);
  s.x->buffers[1] = s.x->buffers[2] = NULL;
  passes(&s);
  close_sample(&s);
}

/* ---- List views -------------------------------------------------------------------------------------- */

static void list_views(void) {
  static const struct {
    int64_t offset, size;
    bool good;
  } cases[] = {{0, 5, true},          {5, 0, true},          {4, 1, true},          {5, 1, false},
               {6, 0, false},         {0, 6, false},         {-1, 1, false},        {1, -1, false},
               {INT64_MAX, 1, false}, {1, INT64_MAX, false}, {INT64_MIN, 0, false}, {0, INT64_MIN, false}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sample s;
    open_sample("{x:large_list_view<item:int8>}", 3, 3, &s);
    FILL(s.x, 1, int64_t, 3, 0, cases[i].offset);
    FILL(s.x, 2, int64_t, 2, 3, cases[i].size);
    make_numbers(s.x->children[0], 5, 1);
    if (cases[i].good)
      passes(&s);
    else
      refused(&s, "row 2");
    s.array.length = s.x->length = 2;
    passes(&s);
    s.x->buffers[1] = NULL;
    refused(&s, "offset or size");
    s.array.length = s.x->length = 0;
    passes(&s);
    if (kit_failures() > 0) kit_note("case %d", (int)i);
    close_sample(&s);
  }
}

/* ---- Unions ------------------------------------------------------------------------------------------ */

static void open_dense(int8_t id, int32_t offset, struct sample *s) {
  open_sample("{x:dense_union(5,127)<a:int8,b:int8>}", 2, 3, s);
  FILL(s->x, 0, int8_t, 5, 127, id);
  FILL(s->x, 1, int32_t, 1, 3, offset);
  make_numbers(s->x->children[0], 2, 1);
  make_numbers(s->x->children[1], 4, 1);
}

/* Offsets that fall, or are shared, are as good as others. */
static void dense_unions(void) {
  static const struct {
    int8_t id;
    int32_t offset;
    const char *reason;
  } cases[] = {{127, 3, NULL},     {127, 0, NULL},       {5, 0, NULL},         {5, 1, NULL},
               {5, 2, "offset 2"}, {5, -1, "offset -1"}, {127, 4, "offset 4"}, {127, INT32_MIN, "offset"},
               {0, 0, "type id"},  {-1, 0, "type id"},   {-128, 0, "type id"}, {126, 0, "type id"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sample s;
    open_dense(cases[i].id, cases[i].offset, &s);
    if (cases[i].reason == NULL)
      passes(&s);
    else
      refused(&s, cases[i].reason);
    s.array.length = s.x->length = 2;
    passes(&s);
    s.x->buffers[1] = NULL;
    refused(&s, "offset buffer");
    s.array.length = s.x->length = 0;
    s.x->buffers[0] = NULL;
    passes(&s);
    close_sample(&s);
  }
}

static void sparse_unions(void) {
  struct sample s;
  open_sample("{x:sparse_union(5,127)<a:int8,b:int8>}", 1, 3, &s);
  FILL(s.x, 0, int8_t, 5, 127, 6);
  make_numbers(s.x->children[0], 3, 1);
  make_numbers(s.x->children[1], 5, 1);
  refused(&s, "type id 6");
  s.array.length = s.x->length = 2;
  passes(&s);
  s.x->children[0]->length = 1;
  refused(&s, "'x.a'");
  close_sample(&s);
}

/* The validity slot of early versions may be there; nulls in it have nowhere to go, and are not dropped in silence. */
static void unions_with_nulls_of_their_own(void) {
  struct sample s;
  open_sample("{x:sparse_union(0)<a:int8>}", 2, 3, &s);
  FILL(s.x, 1, int8_t, 0, 0, 0);
  make_numbers(s.x->children[0], 3, 1);
  passes(&s);
  FILL(s.x, 0, uint8_t, 0xff);
  s.x->null_count = -1;
  passes(&s);
  *(uint8_t *)(uintptr_t)s.x->buffers[0] = 0xfb;
  refused(&s, "null");
  s.x->null_count = 1;
  refused(&s, "null");
  s.array.length = s.x->length = 2; /* without the null row */
  passes(&s);
  close_sample(&s);
}

/* ---- Run ends ---------------------------------------------------------------------------------------- */

static void open_runs(const int16_t *ends, int64_t count, struct sample *s) {
  open_sample("{x:run_ends(s)<values:int8>}", 0, 6, s);
  make_numbers(s->x->children[0], count, 2);
  if (count > 0) memcpy((void *)(uintptr_t)s->x->children[0]->buffers[1], ends, (size_t)count * 2);
  make_numbers(s->x->children[1], count, 1);
}

static void run_ends(void) {
  static const struct {
    int16_t ends[3];
    const char *reason;
  } cases[] = {{{1, 2, 6}, NULL},     {{2, 4, 6}, NULL},           {{6, 7, 8}, NULL},     {{1, 2, INT16_MAX}, NULL},
               {{1, 2, 5}, "6 rows"}, {{0, 2, 6}, "run 0"},        {{-1, 2, 6}, "run 0"}, {{2, 2, 6}, "run 1"},
               {{3, 2, 6}, "run 1"},  {{1, 6, INT16_MIN}, "run 2"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sample s;
    open_runs(cases[i].ends, 3, &s);
    if (cases[i].reason == NULL)
      passes(&s);
    else
      refused(&s, cases[i].reason);
    close_sample(&s);
  }
}

static void parts_of_runs(void) {
  struct sample s;
  open_runs((const int16_t[]){2, 4, 6}, 3, &s);
  s.x->offset = 1; /* of rows, not of runs */
  refused(&s, "7 rows");
  s.array.length = s.x->length = 5;
  passes(&s);
  s.x->children[1]->length = 2;
  refused(&s, "2 values");
  s.x->children[1]->length = 3;
  FILL(s.x->children[0], 0, uint8_t, 0xfd);
  s.x->children[0]->null_count = -1;
  refused(&s, "null");
  s.x->children[0]->null_count = 1;
  refused(&s, "null");
  s.x->children[0]->null_count = 0; /* the producer's word */
  passes(&s);
  close_sample(&s);
  open_runs(NULL, 0, &s);
  refused(&s, "6 rows");
  s.array.length = s.x->length = 0;
  s.x->children[0]->buffers[1] = s.x->children[1]->buffers[1] = NULL;
  s.x->offset = 100;
  passes(&s);
  close_sample(&s);
}

/* ---- Dictionaries ------------------------------------------------------------------------------------ */

/* Two rows of one byte; the dictionary has 200 values. */
static void open_indices(const char *text, uint8_t index, struct sample *s) {
  open_sample(text, 2, 2, s);
  FILL(s->x, 1, uint8_t, 0, index);
  make_numbers(kit_node_add_dictionary(s->x), 200, 1);
}

/* Indices are followed by consumers alone: full checks look at them. */
static void indices(void) {
  static const struct {
    const char *text;
    uint8_t index;
    bool good;
  } cases[] = {{"{x:dictionary(C)<:int8>}", 199, true},  {"{x:dictionary(C)<:int8>}", 200, false},
               {"{x:dictionary(C)<:int8>}", 255, false}, {"{x:dictionary(c)<:int8>}", 127, true},
               {"{x:dictionary(c)<:int8>}", 128, false}, {"{x:dictionary(c)<:int8>}", 255, false}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sample s;
    open_indices(cases[i].text, cases[i].index, &s);
    if (cases[i].good)
      passes(&s);
    else
      refused_in_full(&s, "index");
    FILL(s.x, 0, uint8_t, 0xfd);
    s.x->null_count = 1;
    passes(&s);
    close_sample(&s);
  }
}

static void widest_indices(void) {
  static const uint64_t bad[] = {200, UINT64_MAX, (uint64_t)INT64_MAX, (uint64_t)1 << 63};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    for (int is_signed = 0; is_signed < 2; is_signed++) {
      struct sample s;
      open_sample(is_signed ? "{x:dictionary(l)<:int8>}" : "{x:dictionary(L)<:int8>}", 2, 1, &s);
      fill(s.x, 1, &bad[i], 8);
      make_numbers(kit_node_add_dictionary(s.x), 200, 1);
      refused_in_full(&s, "index");
      close_sample(&s);
    }
}

/* What is wrong with the values is the dictionary's field. */
static void values_are_checked(void) {
  struct sample s;
  open_indices("{x:dictionary(C)<:int8>}", 1, &s);
  s.x->dictionary->buffers[1] = NULL;
  refused(&s, "value buffer");
  s.x->dictionary->length = 0;
  refused_in_full(&s, "index");
  close_sample(&s);
}

static const kit_test tests[] = {
    KIT_TEST(views),          KIT_TEST(buffers_of_views),   KIT_TEST(list_views),
    KIT_TEST(dense_unions),   KIT_TEST(sparse_unions),      KIT_TEST(unions_with_nulls_of_their_own),
    KIT_TEST(run_ends),       KIT_TEST(parts_of_runs),      KIT_TEST(indices),
    KIT_TEST(widest_indices), KIT_TEST(values_are_checked),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
