/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/flatbuf on bytes that nobody vouches for: cut anywhere, every byte changed, and each check by hand. The bytes
 * lie in blocks of exactly their size, so that a sanitizer sees every step outside.
 */
#include "ipc/flatbuf.h"

#include "ipc/builder.h"
#include "support/arith.h"

#include "check.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>

/* The tables of this test: scalars in 0 to 3, a string, a sub-table, tables, numbers. */
enum { SLOT_U8, SLOT_I16, SLOT_I32, SLOT_I64, SLOT_TEXT, SLOT_SUB, SLOT_TABLES, SLOT_NUMBERS };

static uint8_t *exact(const uint8_t *bytes, size_t size) {
  uint8_t *copy = malloc(size);
  if (copy == NULL && size > 0) kit_die("no memory");
  if (size > 0) memcpy(copy, bytes, size);
  return copy;
}

/* ---- A buffer to damage ---------------------------------------------------------------------------- */

static builder_ref build_table(struct builder *builder, int depth) {
  builder_ref text = builder_string(builder, depth % 2 == 0 ? "some text" : "");
  builder_ref numbers = builder_i32s(builder, (const int32_t[]){depth, -1, 7}, 3);
  builder_ref sub = 0, tables = 0;
  if (depth > 0) {
    sub = build_table(builder, depth - 1);
    builder_ref items[] = {build_table(builder, depth - 1), sub, build_table(builder, 0)};
    tables = builder_refs(builder, items, 3);
  }
  builder_begin(builder);
  builder_put_u8(builder, SLOT_U8, (uint8_t)(depth + 1));
  builder_put_i64(builder, SLOT_I64, -depth - 1);
  builder_put_i16(builder, SLOT_I16, (int16_t)(100 + depth));
  if (depth != 1) builder_put_i32(builder, SLOT_I32, 1000 + depth);
  builder_put_ref(builder, SLOT_TEXT, text);
  builder_put_ref(builder, SLOT_SUB, sub);
  builder_put_ref(builder, SLOT_TABLES, tables);
  builder_put_ref(builder, SLOT_NUMBERS, numbers);
  return builder_end(builder);
}

static uint8_t *build_bytes(int depth, size_t *size) {
  struct builder builder;
  builder_open(&builder);
  builder_ref root = build_table(&builder, depth);
  const uint8_t *bytes = builder_finish(&builder, root, size);
  REQUIRE(bytes != NULL);
  uint8_t *copy = exact(bytes, *size);
  builder_close(&builder);
  return copy;
}

/* What a walk over everything saw: a sum that depends on each value, and how often it looked. */
struct walk {
  uint64_t sum;
  int64_t looks;
};

static void add(struct walk *walk, uint64_t value) {
  walk->sum = kit_mix(walk->sum ^ value);
  walk->looks++;
}

static void walk_bytes(struct walk *walk, const struct flatbuf_vector *vector, uint32_t size) {
  const uint8_t *items = flatbuf_items(vector);
  add(walk, vector->count);
  for (uint64_t i = 0; vector->present && i < (uint64_t)vector->count * size; i++) add(walk, items[i]);
}

static void walk_table(struct walk *walk, const struct flatbuf_table *table, int depth) {
  add(walk, table->present);
  if (!table->present || depth > 20) return;
  add(walk, flatbuf_u8(table, SLOT_U8, 1));
  add(walk, (uint64_t)flatbuf_i16(table, SLOT_I16, 2));
  add(walk, (uint64_t)flatbuf_i32(table, SLOT_I32, 3));
  add(walk, (uint64_t)flatbuf_i64(table, SLOT_I64, 4));
  struct flatbuf_vector text = flatbuf_list(table, SLOT_TEXT, 1), numbers = flatbuf_list(table, SLOT_NUMBERS, 4);
  walk_bytes(walk, &text, 1);
  walk_bytes(walk, &numbers, 4);
  struct flatbuf_table sub = flatbuf_sub(table, SLOT_SUB);
  walk_table(walk, &sub, depth + 1);
  struct flatbuf_vector tables = flatbuf_list(table, SLOT_TABLES, 4);
  add(walk, tables.count);
  for (uint32_t i = 0; i < tables.count && !flatbuf_broken(table->buffer); i++) {
    struct flatbuf_table item = flatbuf_item_table(&tables, i);
    walk_table(walk, &item, depth + 1);
  }
}

/* Everything there is, and whether it was found whole. */
static bool walk_all(const uint8_t *bytes, size_t size, struct walk *walk) {
  struct flatbuf buffer;
  *walk = (struct walk){0};
  flatbuf_open(&buffer, bytes, (uint32_t)size);
  struct flatbuf_table root = flatbuf_root(&buffer);
  walk_table(walk, &root, 0);
  return !flatbuf_broken(&buffer);
}

/* ---- Damage ---------------------------------------------------------------------------------------- */

static void what_was_built_is_read(void) {
  for (int depth = 0; depth < 5; depth++) {
    size_t size;
    struct walk walk, again;
    uint8_t *bytes = build_bytes(depth, &size);
    CHECK(walk_all(bytes, size, &walk));
    CHECK_LE(depth * 20, walk.looks);
    CHECK(walk_all(bytes, size, &again) && again.sum == walk.sum);
    free(bytes);
  }
}

static void cut_anywhere(void) {
  size_t size;
  uint8_t *bytes = build_bytes(3, &size);
  for (size_t cut = 0; cut < size; cut++) {
    struct walk walk;
    uint8_t *part = exact(bytes, cut);
    bool whole = walk_all(part, cut, &walk);
    if (cut + 4 < size) CHECK(!whole); /* the last bytes may be padding */
    free(part);
  }
  free(bytes);
}

/* Each byte set to what is likely to hurt: the walk ends, inside the bytes, broken or with other values. */
static void every_byte_changed(void) {
  size_t size;
  uint8_t *bytes = build_bytes(2, &size);
  int64_t noticed = 0;
  static const uint8_t masks[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff, 0x7f, 0xfe};
  struct walk original, walk;
  CHECK(walk_all(bytes, size, &original));
  for (size_t i = 0; i < size; i++)
    for (size_t m = 0; m < sizeof masks; m++) {
      bytes[i] ^= masks[m];
      noticed += !walk_all(bytes, size, &walk) || walk.sum != original.sum;
      bytes[i] ^= masks[m];
    }
  CHECK_LE((int64_t)(size * sizeof masks) / 2, noticed);
  CHECK(walk_all(bytes, size, &walk) && walk.sum == original.sum);
  free(bytes);
}

static void several_bytes_changed(void) {
  int64_t broken = 0;
  int64_t rounds = kit_slow() ? 5000 : 50000;
  kit_random random;
  kit_random_init(&random, kit_seed());
  size_t size;
  uint8_t *bytes = build_bytes(2, &size), *damaged = exact(bytes, size);
  for (int64_t i = 0; i < rounds; i++) {
    int64_t changes = kit_random_between(&random, 1, 6);
    memcpy(damaged, bytes, size);
    for (int64_t c = 0; c < changes; c++) {
      int64_t at = kit_random_below(&random, (int64_t)size - 4);
      if (kit_random_chance(&random, 0.5))
        damaged[at] = (uint8_t)kit_random_next(&random);
      else
        store_u32(damaged + at, (uint32_t)kit_random_between(&random, -40, 40));
    }
    struct walk walk;
    broken += !walk_all(damaged, size, &walk);
  }
  CHECK_LE(rounds / 4, broken);
  free(damaged);
  free(bytes);
}

static void noise(void) {
  kit_random random;
  kit_random_init(&random, kit_seed() + 1);
  for (size_t size = 0; size < 2000; size++) {
    struct walk walk;
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    kit_random_fill(&random, bytes, size);
    for (size_t i = 0; i + 4 <= size; i += 4) /* small numbers lead somewhere */
      if (kit_random_chance(&random, 0.7)) store_u32(bytes + i, (uint32_t)kit_random_below(&random, 64));
    walk_all(bytes, size, &walk);
    if (size < 8) CHECK_LE(walk.looks, 1);
    free(bytes);
  }
}

/* Tables that share their sub-tables: a tree of 3^40 nodes in a few hundred bytes, which the budget ends. */
static void shared_tables_end(void) {
  struct builder builder;
  builder_open(&builder);
  builder_ref table = build_table(&builder, 0);
  for (int level = 0; level < 40; level++) {
    builder_ref tables = builder_refs(&builder, (const builder_ref[]){table, table, table}, 3);
    builder_begin(&builder);
    builder_put_ref(&builder, SLOT_TABLES, tables);
    table = builder_end(&builder);
  }
  size_t size;
  const uint8_t *bytes = builder_finish(&builder, table, &size);
  struct flatbuf buffer;
  struct walk walk = {0};
  flatbuf_open(&buffer, bytes, (uint32_t)size);
  struct flatbuf_table root = flatbuf_root(&buffer);
  walk_table(&walk, &root, -30);
  CHECK(flatbuf_broken(&buffer));
  CHECK_LE(walk.looks, (int64_t)size * 100);
  builder_close(&builder);
}

static void spending_the_budget(void) {
  uint8_t bytes[64] = {0};
  struct flatbuf buffer;
  flatbuf_open(&buffer, bytes, sizeof bytes);
  CHECK(flatbuf_spend(&buffer, 10));
  CHECK(!flatbuf_broken(&buffer));
  CHECK(!flatbuf_spend(&buffer, UINT32_MAX));
  CHECK(flatbuf_broken(&buffer));
}

/* ---- Each check by hand ---------------------------------------------------------------------------- */

/* A small buffer, to be changed in one place at a time. */
struct hand {
  uint8_t bytes[48];
  struct flatbuf buffer;
};

static void hand_open(struct hand *hand) {
  memset(hand->bytes, 0, sizeof hand->bytes);
  store_u32(hand->bytes, 16);      /* root at 16 */
  store_u16(hand->bytes + 4, 10);  /* vtable at 4: its size, */
  store_u16(hand->bytes + 6, 12);  /* its table's size, */
  store_u16(hand->bytes + 8, 4);   /* slot 0: the number at 20, */
  store_u16(hand->bytes + 10, 0);  /* slot 1: absent, */
  store_u16(hand->bytes + 12, 8);  /* slot 2: the reference at 24 */
  store_u32(hand->bytes + 16, 12); /* table at 16: back to the vtable */
  store_u32(hand->bytes + 20, 77);
  store_u32(hand->bytes + 24, 8); /* to the vector at 32: three bytes */
  store_u32(hand->bytes + 32, 3);
  memcpy(hand->bytes + 36, "abc", 3);
  flatbuf_open(&hand->buffer, hand->bytes, sizeof hand->bytes);
}

static void absent_fields_have_their_default(void) {
  struct hand hand;
  hand_open(&hand);
  struct flatbuf_table root = flatbuf_root(&hand.buffer);
  REQUIRE(root.present);
  CHECK_EQ(flatbuf_i32(&root, 0, -1), 77);
  CHECK_EQ(flatbuf_i32(&root, 1, -5), -5);
  CHECK_EQ(flatbuf_u8(&root, 3, 9), 9); /* beyond the vtable */
  CHECK_EQ(flatbuf_i16(&root, 7, -9), -9);
  CHECK_EQ(flatbuf_i64(&root, 1, INT64_MIN), INT64_MIN);
  struct flatbuf_vector text = flatbuf_list(&root, 2, 1);
  CHECK(text.present && text.count == 3 && memcmp(flatbuf_items(&text), "abc", 3) == 0);
  struct flatbuf_vector none = flatbuf_list(&root, 1, 1);
  CHECK(!none.present && none.count == 0);
  struct flatbuf_table sub = flatbuf_sub(&root, 1);
  CHECK(!sub.present);
  CHECK_EQ(flatbuf_i32(&sub, 0, 4), 4); /* of an absent table everything is absent */
  CHECK(!flatbuf_sub(&sub, 2).present && !flatbuf_list(&sub, 2, 8).present);
  CHECK(!flatbuf_broken(&hand.buffer));
}

/* One number changed: what is then found broken, and where. */
static void check_broken(int at, uint32_t value, int width, const char *part) {
  struct hand hand;
  hand_open(&hand);
  if (width == 2)
    store_u16(hand.bytes + at, (uint16_t)value);
  else
    store_u32(hand.bytes + at, value);
  struct flatbuf_table root = flatbuf_root(&hand.buffer);
  flatbuf_i32(&root, 0, 0);
  flatbuf_list(&root, 2, 1);
  if (CHECK(flatbuf_broken(&hand.buffer)))
    CHECK_HAS(hand.buffer.broken, part);
  else
    kit_note("%d put at %d", (int)value, at);
  flatbuf_i32(&root, 0, 0);
  CHECK(flatbuf_broken(&hand.buffer)); /* for good */
}

static void what_is_broken(void) {
  check_broken(0, 46, 4, "outside");          /* the root beyond the end, */
  check_broken(0, 0xffffffff, 4, "outside");  /* far beyond it */
  check_broken(16, 0xffffff00, 4, "outside"); /* the vtable behind the end, */
  check_broken(16, 17, 4, "vtable");          /* before the start, */
  check_broken(16, 0x80000000, 4, "outside"); /* as far off as can be */
  check_broken(4, 3, 2, "size");              /* its size too small, */
  check_broken(4, 11, 2, "size");             /* odd, */
  check_broken(4, 60, 2, "outside");          /* beyond the end */
  check_broken(6, 3, 2, "size");              /* the table too small, */
  check_broken(6, 60, 2, "outside");          /* beyond the end */
  check_broken(8, 1, 2, "outside its table"); /* a field in the table's head, */
  check_broken(8, 9, 2, "outside its table"); /* half behind the table, */
  check_broken(8, 0xffff, 2, "outside its table");
  check_broken(24, 21, 4, "outside");         /* the vector beyond the end, */
  check_broken(32, 13, 4, "outside");         /* longer than the rest, */
  check_broken(32, 0xffffffff, 4, "outside"); /* as long as can be */
}

/* A count that fits in bytes but not times the size of an element. */
static void vectors_of_wide_elements(void) {
  static const uint32_t widths[] = {4, 8, 16, 24, 0x10000000};
  for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
    struct hand hand;
    hand_open(&hand);
    store_u32(hand.bytes + 32, 12 / widths[i] + 1);
    struct flatbuf_table root = flatbuf_root(&hand.buffer);
    CHECK(!flatbuf_list(&root, 2, widths[i]).present);
    CHECK(flatbuf_broken(&hand.buffer));
    hand_open(&hand);
    store_u32(hand.bytes + 32, 12 / widths[i]);
    root = flatbuf_root(&hand.buffer);
    CHECK(flatbuf_list(&root, 2, widths[i]).present);
    CHECK(!flatbuf_broken(&hand.buffer));
  }
}

static void too_small_for_anything(void) {
  for (uint32_t size = 0; size < 8; size++) {
    uint8_t *bytes = calloc(size > 0 ? size : 1, 1);
    struct flatbuf buffer;
    flatbuf_open(&buffer, bytes, size);
    CHECK(!flatbuf_root(&buffer).present);
    free(bytes);
  }
}

static const kit_test tests[] = {
    KIT_TEST(what_was_built_is_read),
    KIT_TEST(cut_anywhere),
    KIT_TEST(every_byte_changed),
    KIT_TEST(several_bytes_changed),
    KIT_TEST(noise),
    KIT_TEST(shared_tables_end),
    KIT_TEST(spending_the_budget),
    KIT_TEST(absent_fields_have_their_default),
    KIT_TEST(what_is_broken),
    KIT_TEST(vectors_of_wide_elements),
    KIT_TEST(too_small_for_anything),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
