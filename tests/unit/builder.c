/* SPDX-License-Identifier: Apache-2.0 */
/* ipc/builder against ipc/flatbuf: what is built at random is read back, laid out as the format wants it. */
#include "ipc/builder.h"

#include "ipc/flatbuf.h"
#include "support/alloc.h"

#include "check.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

/* A table to build, made from a seed, so that it can be made once more when it is read. */
struct plan {
  bool has[BUILDER_SLOTS]; /* u8, i16, i32, i64, text, sub-table, tables, numbers */
  uint64_t value;
  size_t text_size;
  size_t numbers;
  int tables;
  uint64_t seed; /* of what is below */
};

enum { U8, I16, I32, I64, TEXT, SUB, TABLES, NUMBERS };

static struct plan plan_of(uint64_t seed, int depth) {
  kit_random random;
  struct plan plan = {.seed = kit_mix(seed)};
  kit_random_init(&random, seed);
  for (int i = 0; i < BUILDER_SLOTS; i++) plan.has[i] = kit_random_chance(&random, 0.6);
  plan.value = kit_random_next(&random);
  plan.text_size = (size_t)kit_random_below(&random, kit_random_chance(&random, 0.1) ? 3000 : 12);
  plan.numbers = (size_t)kit_random_below(&random, 7);
  plan.tables = (int)kit_random_below(&random, 4);
  if (depth == 0) plan.has[SUB] = plan.has[TABLES] = false;
  return plan;
}

static char *text_of(const struct plan *plan) {
  char *text = malloc(plan->text_size + 1);
  kit_random random;
  kit_random_init(&random, plan->value);
  kit_random_fill(&random, text, plan->text_size);
  return text;
}

static uint64_t seed_below(const struct plan *plan, int i) {
  return kit_mix(plan->seed + (uint64_t)i);
}

/* ---- Building -------------------------------------------------------------------------------------- */

static builder_ref build(struct builder *builder, uint64_t seed, int depth);

static builder_ref build_tables(struct builder *builder, const struct plan *plan, int depth) {
  builder_ref items[4];
  for (int i = 0; i < plan->tables; i++) items[i] = build(builder, seed_below(plan, i + 1), depth - 1);
  return builder_refs(builder, items, (size_t)plan->tables);
}

static builder_ref build(struct builder *builder, uint64_t seed, int depth) {
  struct plan plan = plan_of(seed, depth);
  int32_t numbers[8];
  for (int i = 0; i < 8; i++) numbers[i] = (int32_t)(plan.value >> i);
  char *text = text_of(&plan);
  builder_ref refs[BUILDER_SLOTS] = {0};
  if (plan.has[TEXT]) refs[TEXT] = builder_bytes(builder, text, plan.text_size);
  if (plan.has[NUMBERS]) refs[NUMBERS] = builder_i32s(builder, numbers, plan.numbers);
  if (plan.has[SUB]) refs[SUB] = build(builder, seed_below(&plan, 0), depth - 1);
  if (plan.has[TABLES]) refs[TABLES] = build_tables(builder, &plan, depth);
  free(text);
  builder_begin(builder);
  if (plan.has[U8]) builder_put_u8(builder, U8, (uint8_t)plan.value);
  if (plan.has[I64]) builder_put_i64(builder, I64, (int64_t)plan.value);
  for (int i = TEXT; i <= NUMBERS; i++) builder_put_ref(builder, i, refs[i]);
  if (plan.has[I16]) builder_put_i16(builder, I16, (int16_t)plan.value);
  if (plan.has[I32]) builder_put_i32(builder, I32, (int32_t)plan.value);
  return builder_end(builder);
}

/* ---- Reading --------------------------------------------------------------------------------------- */

/* A position in the whole is aligned if the whole is: counted from its start. */
static void check_aligned(const struct flatbuf_table *table, const void *at, uintptr_t alignment) {
  CHECK_EQ(((uintptr_t)at - (uintptr_t)table->buffer->bytes) % alignment, 0);
}

static void check_text(const struct flatbuf_table *table, const struct plan *plan) {
  struct flatbuf_vector text = flatbuf_list(table, TEXT, 1);
  char *expected = text_of(plan);
  CHECK_EQ(text.present, plan->has[TEXT]);
  if (text.present && CHECK_EQ(text.count, plan->text_size)) {
    CHECK_EQ(memcmp(flatbuf_items(&text), expected, plan->text_size), 0);
    CHECK_EQ(flatbuf_items(&text)[text.count], 0); /* strings end with a NUL that is not counted */
    check_aligned(table, flatbuf_items(&text), 4);
  }
  free(expected);
}

static void check_numbers(const struct flatbuf_table *table, const struct plan *plan) {
  struct flatbuf_vector numbers = flatbuf_list(table, NUMBERS, 4);
  CHECK_EQ(numbers.present, plan->has[NUMBERS]);
  if (!numbers.present) return;
  CHECK_EQ(numbers.count, plan->numbers);
  check_aligned(table, flatbuf_items(&numbers), 4);
  for (uint32_t i = 0; i < numbers.count; i++) {
    int32_t value;
    memcpy(&value, flatbuf_items(&numbers) + 4 * (size_t)i, 4);
    CHECK_EQ(value, (int32_t)(plan->value >> i));
  }
}

static void check_table(const struct flatbuf_table *table, uint64_t seed, int depth) {
  struct plan plan = plan_of(seed, depth);
  if (!CHECK(table->present)) return;
  check_aligned(table, table->buffer->bytes + table->at, 4);
  CHECK_EQ(flatbuf_u8(table, U8, 200), plan.has[U8] ? (uint8_t)plan.value : 200);
  CHECK_EQ(flatbuf_i16(table, I16, -200), plan.has[I16] ? (int16_t)plan.value : -200);
  CHECK_EQ(flatbuf_i32(table, I32, -201), plan.has[I32] ? (int32_t)plan.value : -201);
  CHECK_EQ(flatbuf_i64(table, I64, -202), plan.has[I64] ? (int64_t)plan.value : -202);
  check_text(table, &plan);
  check_numbers(table, &plan);
  struct flatbuf_table sub = flatbuf_sub(table, SUB);
  CHECK_EQ(sub.present, plan.has[SUB]);
  if (sub.present) check_table(&sub, seed_below(&plan, 0), depth - 1);
  struct flatbuf_vector tables = flatbuf_list(table, TABLES, 4);
  CHECK_EQ(tables.present, plan.has[TABLES]);
  CHECK_EQ(tables.count, plan.has[TABLES] ? plan.tables : 0);
  for (uint32_t i = 0; i < tables.count; i++) {
    struct flatbuf_table item = flatbuf_item_table(&tables, i);
    check_table(&item, seed_below(&plan, (int)i + 1), depth - 1);
  }
}

static void build_and_check(uint64_t seed, int depth) {
  struct builder builder;
  struct flatbuf buffer;
  size_t size = 0;
  builder_open(&builder);
  builder_ref root = build(&builder, seed, depth);
  const uint8_t *bytes = builder_finish(&builder, root, &size);
  REQUIRE(bytes != NULL);
  CHECK_EQ(size % 8, 0);
  flatbuf_open(&buffer, bytes, (uint32_t)size);
  struct flatbuf_table table = flatbuf_root(&buffer);
  check_table(&table, seed, depth);
  if (!CHECK(!flatbuf_broken(&buffer))) kit_note("%s", buffer.broken);
  builder_close(&builder);
}

static void random_tables(void) {
  int rounds = kit_slow() ? 30 : 300;
  for (int i = 0; i < rounds && kit_failures() == 0; i++) build_and_check(kit_seed() + (uint64_t)i, i % 5);
}

/* Numbers of eight bytes lie at multiples of eight from the start, wherever the table began. */
static void wide_numbers_are_aligned(void) {
  for (size_t length = 0; length < 20; length++) {
    struct builder builder;
    size_t size;
    builder_open(&builder);
    char text[20] = {0};
    builder_ref ref = builder_bytes(&builder, text, length);
    builder_begin(&builder);
    builder_put_u8(&builder, 0, 1);
    builder_put_i64(&builder, 1, 0x0102030405060708);
    builder_put_ref(&builder, 2, ref);
    const uint8_t *bytes = builder_finish(&builder, builder_end(&builder), &size);
    REQUIRE(bytes != NULL);
    size_t at = 0;
    while (at + 8 <= size && memcmp(bytes + at, "\x08\x07\x06\x05\x04\x03\x02\x01", 8) != 0) at++;
    CHECK(at + 8 <= size && at % 8 == 0);
    builder_close(&builder);
  }
}

static void an_empty_table(void) {
  struct builder builder;
  struct flatbuf buffer;
  size_t size;
  builder_open(&builder);
  builder_begin(&builder);
  const uint8_t *bytes = builder_finish(&builder, builder_end(&builder), &size);
  REQUIRE(bytes != NULL);
  flatbuf_open(&buffer, bytes, (uint32_t)size);
  struct flatbuf_table root = flatbuf_root(&buffer);
  CHECK(root.present && !flatbuf_broken(&buffer));
  CHECK_EQ(flatbuf_i32(&root, 0, 5), 5);
  builder_close(&builder);
}

/* ---- Failing --------------------------------------------------------------------------------------- */

static int64_t allocations;
static int64_t refused_one;

static bool refuse_one(void) {
  return ++allocations == refused_one;
}

/* Whichever growth fails, the end is NULL and nothing is left; nothing in between needs asking. */
static void no_memory(void) {
  for (refused_one = 1;; refused_one++) {
    struct builder builder;
    size_t size = 77;
    builder_open(&builder);
    allocations = 0;
    mem_fault = refuse_one;
    builder_ref root = build(&builder, 12345, 4);
    for (int i = 0; i < 3000; i++) root = builder_string(&builder, "to make it grow more than once");
    const uint8_t *bytes = builder_finish(&builder, root, &size);
    mem_fault = NULL;
    bool reached = allocations >= refused_one;
    CHECK_EQ(bytes == NULL, reached);
    CHECK_EQ(size == 77, reached);
    builder_close(&builder);
    if (!reached) break;
  }
  CHECK_LE(5, refused_one);
}

/* More than a flatbuffer may have: refused, not wrapped around. */
static void too_large(void) {
  struct builder builder;
  size_t size;
  builder_open(&builder);
  builder_ref ref = builder_bytes(&builder, NULL, (size_t)1 << 31);
  CHECK(builder.failed);
  CHECK(builder_finish(&builder, ref, &size) == NULL);
  builder_close(&builder);
}

static const kit_test tests[] = {
    KIT_TEST(random_tables), KIT_TEST(wide_numbers_are_aligned), KIT_TEST(an_empty_table), KIT_TEST(no_memory),
    KIT_TEST(too_large),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
