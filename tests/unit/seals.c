/* SPDX-License-Identifier: Apache-2.0 */
/* The seals of stored batches: kept where batches are stored, found again, and nothing taken where there are none. */
#include "spool/seals.h"

#include "support/alloc.h"

#include "check.h"
#include "random.h"

enum { COUNT = 1000 };

static void fill(struct seal *seal, int64_t index) {
  for (int k = 0; k < SEAL_WORDS_MOST; k++) seal->words[k] = kit_mix((uint64_t)index * SEAL_WORDS_MOST + (uint64_t)k);
}

static void check(const struct seals *seals, int64_t index, bool good) {
  struct seal seal = {{0}}, expected;
  fill(&expected, index);
  CHECK_EQ(seals_get(seals, index, &seal), good);
  for (int k = 0; k < seal_words(&seals->sealing); k++) CHECK(seal.words[k] == expected.words[k]);
}

/* Batches are stored in any order, and only some of them. */
static void keep_and_find(int32_t kind) {
  struct seals seals = {.sealing = {.kind = kind}};
  for (int64_t i = COUNT - 1; i >= 0; i -= 3) {
    struct seal seal;
    fill(&seal, i);
    REQUIRE(seals_reserve(&seals, i));
    seals_put(&seals, i, &seal);
    if (i % 2 == 0) seals_note_good(&seals, i);
  }
  for (int64_t i = COUNT - 1; i >= 0; i -= 3) check(&seals, i, i % 2 == 0);
  CHECK_LE((int64_t)COUNT * seal_words(&seals.sealing) * 8, seals_bytes(&seals));
  seals_close(&seals);
}

static void kept_and_found(void) {
  keep_and_find(SEAL_CHECKSUM);
  keep_and_find(SEAL_ENCRYPTED);
}

/* A checksum takes 8 bytes and a bit. */
static void what_they_take(void) {
  struct seals seals = {.sealing = {.kind = SEAL_CHECKSUM}};
  for (int64_t i = 0; i < COUNT; i++) REQUIRE(seals_reserve(&seals, i));
  CHECK_LE(seals_bytes(&seals), COUNT * 9);
  seals_close(&seals);
}

/* Pages are there where batches are stored. */
static void only_where_they_are_needed(void) {
  struct seals seals = {.sealing = {.kind = SEAL_CHECKSUM}};
  CHECK_EQ(seals_bytes(&seals), 0);
  REQUIRE(seals_reserve(&seals, 100000));
  CHECK_LE(seals_bytes(&seals), 100000 / 64 * (int64_t)sizeof(void *) + 4096);
  seals_close(&seals);
  struct seals none = {.sealing = {.kind = SEAL_NONE}};
  struct seal seal;
  CHECK(seals_reserve(&none, 5));
  seals_put(&none, 5, &seal);
  CHECK(seals_get(&none, 5, &seal));
  CHECK_EQ(seals_bytes(&none), 0);
  seals_close(&none);
}

static int granted;

static bool refuse_after_some(void) {
  return granted-- <= 0;
}

/* Without memory nothing changes, and the next attempt goes on from there. */
static void no_memory(void) {
  struct seals seals = {.sealing = {.kind = SEAL_CHECKSUM}};
  struct seal seal;
  fill(&seal, 3);
  REQUIRE(seals_reserve(&seals, 3));
  seals_put(&seals, 3, &seal);
  for (int i = 0; i < 2; i++) {
    granted = i;
    mem_fault = refuse_after_some;
    CHECK(!seals_reserve(&seals, 5000 + i * 5000));
    mem_fault = NULL;
    check(&seals, 3, false);
  }
  CHECK(seals_reserve(&seals, 5000));
  check(&seals, 3, false);
  seals_close(&seals);
}

static const kit_test tests[] = {KIT_TEST(kept_and_found), KIT_TEST(what_they_take),
                                 KIT_TEST(only_where_they_are_needed), KIT_TEST(no_memory)};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
