/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/schema_decode on schemas as other writers make them, built by hand: the format's defaults, types that this
 * version only decodes, dictionaries, endianness and features, and what is impossible.
 */
#include "ipc/schema.h"

#include "arrow/type.h"
#include "ipc/format.h"

#include "check.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

/* ---- Building -------------------------------------------------------------------------------------- */

struct field {
  const char *name;
  uint8_t tag;
  builder_ref type;
  builder_ref children; /* 0: no vector at all */
  builder_ref dictionary;
  builder_ref metadata;
};

static builder_ref build_field(struct builder *builder, const struct field *field) {
  builder_ref name = field->name == NULL ? 0 : builder_string(builder, field->name);
  builder_begin(builder);
  builder_put_ref(builder, FIELD_NAME, name);
  builder_put_u8(builder, FIELD_NULLABLE, 1);
  if (field->tag != TYPE_NONE) builder_put_u8(builder, FIELD_TYPE_TYPE, field->tag);
  builder_put_ref(builder, FIELD_TYPE, field->type);
  builder_put_ref(builder, FIELD_DICTIONARY, field->dictionary);
  builder_put_ref(builder, FIELD_CHILDREN, field->children);
  builder_put_ref(builder, FIELD_CUSTOM_METADATA, field->metadata);
  return builder_end(builder);
}

/* A type's table with up to two fields of 16 or 32 bits. */
static builder_ref type_of(struct builder *builder, int slot, int width, int32_t value) {
  builder_begin(builder);
  if (width == 8) builder_put_u8(builder, slot, (uint8_t)value);
  if (width == 16) builder_put_i16(builder, slot, (int16_t)value);
  if (width == 32) builder_put_i32(builder, slot, value);
  return builder_end(builder);
}

static builder_ref empty_type(struct builder *builder) {
  return type_of(builder, 0, 0, 0);
}

static builder_ref int_type(struct builder *builder, int32_t bits, bool is_signed) {
  builder_begin(builder);
  builder_put_i32(builder, 0, bits);
  if (is_signed) builder_put_u8(builder, 1, 1);
  return builder_end(builder);
}

/* A child of type int8 or, if so asked, int32, under a name. */
static builder_ref leaf(struct builder *builder, const char *name, int32_t bits) {
  struct field field = {.name = name, .tag = TYPE_INT};
  field.type = int_type(builder, bits, true);
  return build_field(builder, &field);
}

static builder_ref schema_of(struct builder *builder, const builder_ref *fields, size_t count) {
  builder_ref vector = builder_refs(builder, fields, count);
  builder_begin(builder);
  builder_put_ref(builder, SCHEMA_FIELDS, vector);
  return builder_end(builder);
}

static respool_status decode_table(struct builder *builder, builder_ref table, struct ArrowSchema *schema,
                                   bool *big_endian) {
  kit_sink sink = {0};
  int64_t size;
  wire_put_built_schema(builder, table, IPC_VERSION_5, &sink);
  uint8_t *metadata = wire_metadata(sink.bytes, &size);
  struct ipc_message message;
  respool_status status = ipc_parse_message(metadata, size, &message, kit_error());
  if (status == RESPOOL_OK) status = wire_decode_schema(&message, 64, schema, big_endian);
  free(metadata);
  kit_sink_free(&sink);
  builder_close(builder);
  return status;
}

/* A schema with this one field. */
static respool_status decode_field(struct builder *builder, const struct field *field, struct ArrowSchema *schema) {
  bool big_endian;
  builder_ref one = build_field(builder, field);
  return decode_table(builder, schema_of(builder, &one, 1), schema, &big_endian);
}

/* It was refused so; one that came against expectation is released. */
static bool check_refusal(respool_status status, respool_status expected, struct ArrowSchema *schema) {
  if (status == RESPOOL_OK) schema->release(schema);
  return CHECK_EQ(status, expected);
}

/* ---- Defaults -------------------------------------------------------------------------------------- */

/* A table without its fields: each type has the defaults of the format, some of which are odd. */
static void absent_parameters(void) {
  static const struct {
    uint8_t tag;
    const char *format;
  } cases[] = {
      {TYPE_NULL, "n"},         {TYPE_FLOAT, "e"},      {TYPE_BINARY, "z"},         {TYPE_UTF8, "u"},
      {TYPE_BOOL, "b"},         {TYPE_DATE, "tdm"},     {TYPE_TIME, "ttm"},         {TYPE_TIMESTAMP, "tss:"},
      {TYPE_INTERVAL, "tiM"},   {TYPE_STRUCT, "+s"},    {TYPE_FIXED_BINARY, "w:0"}, {TYPE_DURATION, "tDm"},
      {TYPE_LARGE_BINARY, "Z"}, {TYPE_LARGE_UTF8, "U"}, {TYPE_BINARY_VIEW, "vz"},   {TYPE_UTF8_VIEW, "vu"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct builder builder;
    struct ArrowSchema schema;
    builder_open(&builder);
    struct field field = {.name = "x", .tag = cases[i].tag, .type = empty_type(&builder)};
    REQUIRE_OK(decode_field(&builder, &field, &schema));
    CHECK_STR(schema.children[0]->format, cases[i].format);
    schema.release(&schema);
  }
}

static void a_decimal_is_of_128_bits(void) {
  struct builder builder;
  struct ArrowSchema schema;
  builder_open(&builder);
  builder_begin(&builder);
  builder_put_i32(&builder, 0, 9);
  builder_put_i32(&builder, 1, -2);
  struct field field = {.name = "x", .tag = TYPE_DECIMAL, .type = builder_end(&builder)};
  REQUIRE_OK(decode_field(&builder, &field, &schema));
  CHECK_STR(schema.children[0]->format, "d:9,-2");
  schema.release(&schema);
}

/* Neither name, children nor metadata. */
static void a_field_of_nothing_but_a_type(void) {
  struct builder builder;
  struct ArrowSchema schema;
  builder_open(&builder);
  struct field field = {.tag = TYPE_INT, .type = int_type(&builder, 16, false)};
  REQUIRE_OK(decode_field(&builder, &field, &schema));
  CHECK_STR(schema.children[0]->format, "S");
  CHECK_STR(schema.children[0]->name, "");
  CHECK(schema.children[0]->metadata == NULL && schema.children[0]->n_children == 0);
  schema.release(&schema);
}

static void a_schema_without_fields(void) {
  struct builder builder;
  struct ArrowSchema schema;
  bool big_endian = true;
  builder_open(&builder);
  REQUIRE_OK(decode_table(&builder, empty_type(&builder), &schema, &big_endian));
  CHECK(schema.n_children == 0 && !big_endian);
  CHECK_STR(schema.format, "+s");
  schema.release(&schema);
}

/* ---- Types that are decoded only ------------------------------------------------------------------- */

static void list_views(void) {
  for (int large = 0; large < 2; large++) {
    struct builder builder;
    struct ArrowSchema schema;
    builder_open(&builder);
    builder_ref item = leaf(&builder, "item", 8);
    struct field field = {.name = "v", .tag = large ? TYPE_LARGE_LIST_VIEW : TYPE_LIST_VIEW};
    field.children = builder_refs(&builder, &item, 1);
    field.type = empty_type(&builder);
    REQUIRE_OK(decode_field(&builder, &field, &schema));
    CHECK_STR(schema.children[0]->format, large ? "+vL" : "+vl");
    CHECK_STR(schema.children[0]->children[0]->format, "c");
    schema.release(&schema);
  }
}

static void run_end_encoding(void) {
  struct builder builder;
  struct ArrowSchema schema;
  builder_open(&builder);
  builder_ref parts[] = {leaf(&builder, "run_ends", 32), leaf(&builder, "values", 8)};
  struct field field = {.name = "r", .tag = TYPE_RUN_END_ENCODED, .children = builder_refs(&builder, parts, 2)};
  field.type = empty_type(&builder);
  REQUIRE_OK(decode_field(&builder, &field, &schema));
  CHECK_STR(schema.children[0]->format, "+r");
  CHECK_STR(schema.children[0]->children[0]->name, "run_ends");
  CHECK_STR(schema.children[0]->children[1]->format, "c");
  schema.release(&schema);
}

/* Type ids as given, or 0 and up where they are not. */
static respool_status decode_union(bool dense, const int32_t *ids, size_t count, struct ArrowSchema *schema) {
  struct builder builder;
  builder_open(&builder);
  builder_ref parts[] = {leaf(&builder, "a", 8), leaf(&builder, "b", 32)};
  builder_ref vector = ids == NULL ? 0 : builder_i32s(&builder, ids, count);
  struct field field = {.name = "u", .tag = TYPE_UNION, .children = builder_refs(&builder, parts, 2)};
  builder_begin(&builder);
  if (dense) builder_put_i16(&builder, 0, 1);
  builder_put_ref(&builder, 1, vector);
  field.type = builder_end(&builder);
  return decode_field(&builder, &field, schema);
}

static void unions(void) {
  struct ArrowSchema schema;
  REQUIRE_OK(decode_union(false, NULL, 0, &schema));
  CHECK_STR(schema.children[0]->format, "+us:0,1");
  CHECK_STR(schema.children[0]->children[1]->name, "b");
  schema.release(&schema);
  REQUIRE_OK(decode_union(true, (const int32_t[]){127, 5}, 2, &schema));
  CHECK_STR(schema.children[0]->format, "+ud:127,5");
  schema.release(&schema);
  check_refusal(decode_union(true, (const int32_t[]){-1, 5}, 2, &schema), RESPOOL_CORRUPT, &schema);
  check_refusal(decode_union(true, (const int32_t[]){0, 128}, 2, &schema), RESPOOL_CORRUPT, &schema);
  int32_t many[129] = {0};
  check_refusal(decode_union(false, many, 129, &schema), RESPOOL_CORRUPT, &schema);
}

/* ---- Dictionaries ---------------------------------------------------------------------------------- */

/* A DictionaryEncoding; `index` 0 leaves its type out. */
static builder_ref encoding(struct builder *builder, int64_t id, builder_ref index, bool ordered) {
  builder_begin(builder);
  builder_put_i64(builder, DICTIONARY_ID, id);
  builder_put_ref(builder, DICTIONARY_INDEX_TYPE, index);
  if (ordered) builder_put_u8(builder, DICTIONARY_ORDERED, 1);
  return builder_end(builder);
}

/* The index is the field and keeps its name and metadata; the type on the wire is that of the values. */
static void a_dictionary_of_text(void) {
  for (int with_index = 0; with_index < 2; with_index++) {
    struct builder builder;
    struct ArrowSchema schema;
    builder_open(&builder);
    builder_ref index = with_index ? int_type(&builder, 8, false) : 0;
    struct field field = {.name = "d", .tag = TYPE_UTF8, .dictionary = encoding(&builder, 7, index, with_index)};
    builder_ref key = builder_string(&builder, "k"), value = builder_string(&builder, "v");
    builder_begin(&builder);
    builder_put_ref(&builder, KEY_VALUE_KEY, key);
    builder_put_ref(&builder, KEY_VALUE_VALUE, value);
    builder_ref pair = builder_end(&builder);
    field.metadata = builder_refs(&builder, &pair, 1);
    field.type = empty_type(&builder);
    REQUIRE_OK(decode_field(&builder, &field, &schema));
    const struct ArrowSchema *column = schema.children[0];
    CHECK_STR(column->format, with_index ? "C" : "i"); /* int32 is the default */
    CHECK_STR(column->name, "d");
    CHECK_EQ(column->flags, ARROW_FLAG_NULLABLE | (with_index ? ARROW_FLAG_DICTIONARY_ORDERED : 0));
    CHECK(column->metadata != NULL && column->n_children == 0);
    REQUIRE(column->dictionary != NULL);
    CHECK_STR(column->dictionary->format, "u");
    CHECK(column->dictionary->metadata == NULL);
    schema.release(&schema);
  }
}

/* Values of a nested type, with a dictionary inside in turn. */
static void nested_dictionaries(void) {
  struct builder builder;
  struct ArrowSchema schema;
  builder_open(&builder);
  builder_ref inner_index = int_type(&builder, 16, true), outer_index = int_type(&builder, 64, true);
  struct field inner = {.name = "item", .tag = TYPE_BINARY, .dictionary = encoding(&builder, 1, inner_index, false)};
  inner.type = empty_type(&builder);
  builder_ref item = build_field(&builder, &inner);
  struct field outer = {.name = "o", .tag = TYPE_LIST, .dictionary = encoding(&builder, 2, outer_index, false)};
  outer.children = builder_refs(&builder, &item, 1);
  outer.type = empty_type(&builder);
  REQUIRE_OK(decode_field(&builder, &outer, &schema));
  CHECK_STR(schema.children[0]->format, "l");
  CHECK_STR(schema.children[0]->dictionary->format, "+l");
  CHECK_STR(schema.children[0]->dictionary->children[0]->format, "s");
  CHECK_STR(schema.children[0]->dictionary->children[0]->dictionary->format, "z");
  schema.release(&schema);
}

static void impossible_indices(void) {
  static const int32_t widths[] = {0, 7, 128, -8};
  for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
    struct builder builder;
    struct ArrowSchema schema;
    builder_open(&builder);
    builder_ref index = int_type(&builder, widths[i], true);
    struct field field = {.name = "d", .tag = TYPE_UTF8, .dictionary = encoding(&builder, 0, index, false)};
    field.type = empty_type(&builder);
    check_refusal(decode_field(&builder, &field, &schema), RESPOOL_CORRUPT, &schema);
  }
}

/* ---- What is impossible ---------------------------------------------------------------------------- */

static void check_refused(uint8_t tag, int slot, int width, int32_t value, respool_status status) {
  struct builder builder;
  struct ArrowSchema schema = {.n_children = 77};
  builder_open(&builder);
  struct field field = {.name = "x", .tag = tag, .type = type_of(&builder, slot, width, value)};
  if (check_refusal(decode_field(&builder, &field, &schema), status, &schema))
    CHECK_EQ(schema.n_children, 77);
  else
    kit_note("type %d, value %d", tag, value);
}

static void parameters_out_of_range(void) {
  check_refused(TYPE_INT, 0, 32, 24, RESPOOL_CORRUPT);
  check_refused(TYPE_INT, 0, 32, 0, RESPOOL_CORRUPT);
  check_refused(TYPE_FLOAT, 0, 16, 3, RESPOOL_CORRUPT);
  check_refused(TYPE_FLOAT, 0, 16, -1, RESPOOL_CORRUPT);
  check_refused(TYPE_DECIMAL, 2, 32, 512, RESPOOL_CORRUPT);
  check_refused(TYPE_DECIMAL, 2, 32, 0, RESPOOL_CORRUPT);
  check_refused(TYPE_DECIMAL, 0, 32, -50, RESPOOL_CORRUPT);
  check_refused(TYPE_DATE, 0, 16, 2, RESPOOL_CORRUPT);
  check_refused(TYPE_TIME, 0, 16, 4, RESPOOL_CORRUPT);
  check_refused(TYPE_TIME, 0, 16, -1, RESPOOL_CORRUPT);
  check_refused(TYPE_TIME, 0, 16, 3, RESPOOL_CORRUPT);  /* nanoseconds in 32 bits, the default */
  check_refused(TYPE_TIME, 1, 32, 64, RESPOOL_CORRUPT); /* milliseconds in 64 */
  check_refused(TYPE_TIMESTAMP, 0, 16, 4, RESPOOL_CORRUPT);
  check_refused(TYPE_TIMESTAMP, 0, 16, -7, RESPOOL_CORRUPT);
  check_refused(TYPE_INTERVAL, 0, 16, 3, RESPOOL_CORRUPT);
  check_refused(TYPE_DURATION, 0, 16, 9, RESPOOL_CORRUPT);
  check_refused(TYPE_FIXED_BINARY, 0, 32, -1, RESPOOL_CORRUPT);
  check_refused(TYPE_FIXED_LIST, 0, 32, INT32_MIN, RESPOOL_CORRUPT);
  check_refused(TYPE_UNION, 0, 16, 2, RESPOOL_CORRUPT);
}

static void unknown_types(void) {
  check_refused(TYPE_LARGE_LIST_VIEW + 1, 0, 0, 0, RESPOOL_UNSUPPORTED);
  check_refused(255, 0, 0, 0, RESPOOL_UNSUPPORTED);
  check_refused(TYPE_NONE, 0, 0, 0, RESPOOL_UNSUPPORTED);
}

static void a_field_without_a_type(void) {
  struct builder builder;
  struct ArrowSchema schema;
  builder_open(&builder);
  struct field field = {.name = "x", .tag = TYPE_INT};
  check_refusal(decode_field(&builder, &field, &schema), RESPOOL_CORRUPT, &schema);
  CHECK_HAS(kit_last_error()->message, "type");
}

/* C has no place for what comes after a NUL. */
static void names_with_nul(void) {
  struct builder builder;
  struct ArrowSchema schema;
  bool big_endian;
  builder_open(&builder);
  builder_ref name = builder_bytes(&builder, "a\0b", 3), type = int_type(&builder, 8, true);
  builder_begin(&builder);
  builder_put_ref(&builder, FIELD_NAME, name);
  builder_put_u8(&builder, FIELD_TYPE_TYPE, TYPE_INT);
  builder_put_ref(&builder, FIELD_TYPE, type);
  builder_ref field = builder_end(&builder);
  builder_ref table = schema_of(&builder, &field, 1);
  check_refusal(decode_table(&builder, table, &schema, &big_endian), RESPOOL_CORRUPT, &schema);
  CHECK_HAS(kit_last_error()->message, "NUL");
}

/* ---- The schema itself ----------------------------------------------------------------------------- */

static void endianness(void) {
  for (int16_t big = 0; big < 2; big++) {
    struct builder builder;
    struct ArrowSchema schema;
    bool big_endian = big == 0;
    builder_open(&builder);
    REQUIRE_OK(decode_table(&builder, type_of(&builder, SCHEMA_ENDIANNESS, 16, big), &schema, &big_endian));
    CHECK_EQ(big_endian, big);
    schema.release(&schema);
  }
}

/* Dictionary replacement and compression may be announced; what else there will be is unknown. */
static void features(void) {
  for (int32_t feature = 0; feature < 6; feature++) {
    struct builder builder;
    struct ArrowSchema schema;
    bool big_endian;
    builder_open(&builder);
    /* Numbers of 64 bits, two of 32 each: built as twice as many, counted right afterwards. */
    int32_t halves[] = {feature, 0};
    builder_ref vector = builder_i32s(&builder, halves, 2);
    builder.memory[builder.capacity - builder.used] = 1;
    builder_begin(&builder);
    builder_put_ref(&builder, SCHEMA_FEATURES, vector);
    respool_status status = decode_table(&builder, builder_end(&builder), &schema, &big_endian);
    CHECK_EQ(status, feature <= 2 ? RESPOOL_OK : RESPOOL_UNSUPPORTED);
    if (status == RESPOOL_OK) schema.release(&schema);
  }
}

/* One field that stands in the list many times: what it decodes to stays within reason. */
static void check_shared(struct builder *builder, builder_ref field, int copies, const char *reason) {
  struct ArrowSchema schema;
  bool big_endian;
  builder_ref *refs = malloc((size_t)copies * sizeof *refs);
  for (int i = 0; i < copies; i++) refs[i] = field;
  builder_ref table = schema_of(builder, refs, (size_t)copies);
  check_refusal(decode_table(builder, table, &schema, &big_endian), RESPOOL_CORRUPT, &schema);
  CHECK_HAS(kit_last_error()->message, reason);
  free(refs);
}

static void shared_fields_with_long_names(void) {
  enum { COPIES = 3000, NAME = 16000 };
  struct builder builder;
  char *name = malloc(NAME + 1);
  memset(name, 'n', NAME);
  name[NAME] = '\0';
  builder_open(&builder);
  check_shared(&builder, leaf(&builder, name, 8), COPIES, "more text");
  free(name);
}

static void shared_fields(void) {
  struct builder builder;
  builder_open(&builder);
  check_shared(&builder, leaf(&builder, "x", 8), 20000, "too many tables");
}

/* The text of a union's type ids counts, as a name does. */
static void shared_unions(void) {
  enum { IDS = 128 };
  int32_t ids[IDS];
  for (int i = 0; i < IDS; i++) ids[i] = i;
  struct builder builder;
  builder_open(&builder);
  builder_ref vector = builder_i32s(&builder, ids, IDS);
  builder_begin(&builder);
  builder_put_ref(&builder, 1, vector);
  struct field field = {.name = "", .tag = TYPE_UNION, .type = builder_end(&builder)};
  check_shared(&builder, build_field(&builder, &field), 200, "more text");
}

static const kit_test tests[] = {
    KIT_TEST(absent_parameters),
    KIT_TEST(a_decimal_is_of_128_bits),
    KIT_TEST(a_field_of_nothing_but_a_type),
    KIT_TEST(a_schema_without_fields),
    KIT_TEST(list_views),
    KIT_TEST(run_end_encoding),
    KIT_TEST(unions),
    KIT_TEST(a_dictionary_of_text),
    KIT_TEST(nested_dictionaries),
    KIT_TEST(impossible_indices),
    KIT_TEST(parameters_out_of_range),
    KIT_TEST(unknown_types),
    KIT_TEST(a_field_without_a_type),
    KIT_TEST(names_with_nul),
    KIT_TEST(endianness),
    KIT_TEST(features),
    KIT_TEST(shared_fields_with_long_names),
    KIT_TEST(shared_fields),
    KIT_TEST(shared_unions),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
