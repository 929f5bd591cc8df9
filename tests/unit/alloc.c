/* SPDX-License-Identifier: Apache-2.0 */
/* support/alloc and support/arith: memory with a fault hook, growing arrays, checked sums, unaligned access. */
#include "support/alloc.h"

#include "support/arith.h"

#include "check.h"

#include <string.h>

/* ---- Memory ---------------------------------------------------------------------------------------- */

static void memory_of_every_kind(void) {
  for (size_t size = 0; size < 300; size++) {
    char *plain = mem_alloc(size), *zeroed = mem_zalloc(size), *aligned = mem_alloc_aligned(size);
    REQUIRE(plain != NULL && zeroed != NULL && aligned != NULL);
    CHECK_EQ((uintptr_t)aligned % MEM_ALIGNMENT, 0);
    memset(plain, 1, size);
    memset(aligned, 2, size);
    for (size_t i = 0; i < size; i++) CHECK_EQ(zeroed[i], 0);
    plain = mem_resize(plain, size + 10);
    REQUIRE(plain != NULL);
    for (size_t i = 0; i < size; i++) CHECK_EQ(plain[i], 1);
    mem_free(plain);
    mem_free(zeroed);
    mem_free(aligned);
  }
  mem_free(NULL);
}

static void impossible_sizes(void) {
  CHECK(mem_alloc_aligned(SIZE_MAX) == NULL);
  CHECK(mem_alloc_aligned(SIZE_MAX - MEM_ALIGNMENT + 1) == NULL);
}

static void copies(void) {
  CHECK(mem_copy_string(NULL) == NULL);
  char *text = mem_copy_string("text");
  CHECK_STR(text, "text");
  char *bytes = mem_copy("a\0b", 3);
  CHECK_EQ(memcmp(bytes, "a\0b", 3), 0);
  void *nothing = mem_copy(NULL, 0);
  CHECK(nothing != NULL);
  mem_free(text);
  mem_free(bytes);
  mem_free(nothing);
}

static int asked;
static int granted;

static bool after_some(void) {
  return asked++ >= granted;
}

/* Each way to get memory asks the hook once, and answers NULL when told to. */
static void faults_reach_every_way(void) {
  char *kept = mem_alloc(4);
  memcpy(kept, "abc", 4);
  mem_fault = after_some;
  granted = asked = 0;
  CHECK(mem_alloc(1) == NULL && mem_zalloc(1) == NULL && mem_resize(kept, 100) == NULL);
  CHECK(mem_alloc_aligned(1) == NULL && mem_copy("x", 1) == NULL && mem_copy_string("x") == NULL);
  CHECK(mem_refused()); /* what other libraries take */
  CHECK_EQ(asked, 7);
  mem_fault = NULL;
  CHECK(!mem_refused());
  CHECK_STR(kept, "abc"); /* a resize that failed leaves it alone */
  mem_free(kept);
}

static void arrays_grow_by_doubling(void) {
  void *array = NULL;
  size_t capacity = 0;
  int growths = 0;
  for (size_t count = 1; count <= 10000; count++) {
    size_t before = capacity;
    REQUIRE(mem_reserve(&array, &capacity, count, sizeof(int64_t)));
    growths += capacity != before;
    CHECK_LE(count, capacity);
    ((int64_t *)array)[count - 1] = (int64_t)count;
  }
  CHECK_LE(growths, 12);
  for (size_t i = 0; i < 10000; i++) CHECK_EQ(((int64_t *)array)[i], i + 1);
  mem_free(array);
}

static void a_growth_that_fails_changes_nothing(void) {
  void *array = NULL;
  size_t capacity = 0;
  REQUIRE(mem_reserve(&array, &capacity, 5, 1));
  void *before_array = array;
  size_t before = capacity;
  CHECK(!mem_reserve(&array, &capacity, SIZE_MAX / 2, 4));
  mem_fault = after_some;
  granted = asked = 0;
  CHECK(!mem_reserve(&array, &capacity, before + 1, 1));
  CHECK(mem_reserve(&array, &capacity, before, 1)); /* enough: nobody is asked */
  mem_fault = NULL;
  CHECK(array == before_array);
  CHECK_EQ(capacity, before);
  mem_free(array);
}

/* ---- Arithmetic ------------------------------------------------------------------------------------ */

static void sums_and_products_that_do_not_fit(void) {
  int64_t out;
  CHECK(add_fits(INT64_MAX - 1, 1, &out) && out == INT64_MAX);
  CHECK(!add_fits(INT64_MAX, 1, &out));
  CHECK(!add_fits(INT64_MIN, -1, &out));
  CHECK(mul_fits(INT64_MAX / 7, 7, &out) && out == INT64_MAX / 7 * 7);
  CHECK(!mul_fits(INT64_MAX / 7 + 1, 7, &out));
  CHECK(mul_fits(INT64_MIN, 1, &out) && !mul_fits(INT64_MIN, -1, &out));
}

static void rounding(void) {
  for (int64_t to = 1; to <= 4096; to *= 2)
    for (int64_t value = 0; value < 9000; value++) {
      int64_t up = round_up(value, to);
      CHECK(up >= value && up - value < to && up % to == 0);
    }
  for (int64_t bits = 0; bits < 1000; bits++) CHECK_EQ(bits_to_bytes(bits), (bits + 7) / 8);
  CHECK_EQ(bits_to_bytes(INT64_MAX), INT64_MAX / 8 + 1);
}

/* What is stored comes back, byte by byte in little-endian order, at any address. */
static void unaligned_access(void) {
  uint8_t bytes[24];
  for (int at = 0; at < 8; at++) {
    memset(bytes, 0xee, sizeof bytes);
    store_u64(bytes + at, 0x1122334455667788);
    for (int i = 0; i < 8; i++) CHECK_EQ(bytes[at + i], 0x88 - 0x11 * i);
    CHECK_EQ(load_u64(bytes + at), 0x1122334455667788);
    CHECK_EQ(load_u32(bytes + at), 0x55667788);
    CHECK_EQ(load_u16(bytes + at), 0x7788);
    CHECK_EQ(bytes[at + 8], 0xee);
    store_u32(bytes + at, UINT32_MAX - 1);
    CHECK_EQ(load_i32(bytes + at), -2);
    store_u64(bytes + at, UINT64_MAX - 2);
    CHECK_EQ(load_i64(bytes + at), -3);
    store_u16(bytes + at, 0xabcd);
    CHECK_EQ(bytes[at] == 0xcd && bytes[at + 1] == 0xab && bytes[at + 2] == 0xff, 1);
  }
}

static void offsets_at_odd_addresses(void) {
  char memory[8 * 8 + 1];
  for (int odd = 0; odd < 2; odd++) {
    for (int i = 0; i < 8; i++) {
      int64_t wide = (int64_t)-5000000000 + i;
      memcpy(memory + odd + 8 * i, &wide, 8);
    }
    for (int i = 0; i < 8; i++) CHECK_EQ(offset_at(memory + odd, 8, i), (int64_t)-5000000000 + i);
    for (int i = 0; i < 16; i++) {
      int32_t narrow = -7 * i;
      memcpy(memory + odd + 4 * i, &narrow, 4);
    }
    for (int i = 0; i < 16; i++) CHECK_EQ(offset_at(memory + odd, 4, i), -7 * i);
  }
}

static const kit_test tests[] = {
    KIT_TEST(memory_of_every_kind),
    KIT_TEST(impossible_sizes),
    KIT_TEST(copies),
    KIT_TEST(faults_reach_every_way),
    KIT_TEST(arrays_grow_by_doubling),
    KIT_TEST(a_growth_that_fails_changes_nothing),
    KIT_TEST(sums_and_products_that_do_not_fit),
    KIT_TEST(rounding),
    KIT_TEST(unaligned_access),
    KIT_TEST(offsets_at_odd_addresses),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
