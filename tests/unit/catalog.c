/* SPDX-License-Identifier: Apache-2.0 */
/* spool/catalog: entries stay where they are while it grows, and growing may fail without harm. */
#include "spool/catalog.h"

#include "support/alloc.h"

#include "check.h"

enum { ENTRIES = CATALOG_PAGE * 40 + 3 };

static void growing_moves_nothing(void) {
  struct catalog catalog = {0};
  static struct entry *places[ENTRIES];
  for (int64_t i = 0; i < ENTRIES; i++) {
    REQUIRE(catalog_reserve(&catalog));
    struct entry *entry = places[i] = catalog_push(&catalog);
    CHECK(entry->resident == NULL && entry->offset == -1 && entry->body == 0 && entry->rows == 0 &&
          entry->metadata == 0);
    entry->rows = i;
  }
  CHECK_EQ(catalog.count, ENTRIES);
  for (int64_t i = 0; i < ENTRIES; i++) {
    CHECK(catalog_at(&catalog, i) == places[i]);
    CHECK_EQ(places[i]->rows, i);
  }
  CHECK_LE((int64_t)sizeof(struct entry) * ENTRIES, catalog_bytes(&catalog));
  CHECK_LE(catalog_bytes(&catalog), (int64_t)sizeof(struct entry) * (ENTRIES + CATALOG_PAGE) + 100 * 8);
  catalog_close(&catalog);
  CHECK(catalog.count == 0 && catalog_bytes(&catalog) == 0);
  catalog_close(&catalog);
}

static int64_t allocations;
static int64_t refused_one;

static bool refuse_one(void) {
  return ++allocations == refused_one;
}

/* Every allocation on the way fails once: said so, nothing lost, and room made at the next attempt. */
static void growing_without_memory(void) {
  struct catalog catalog = {0};
  int64_t refusals = 0;
  for (int64_t i = 0; i < ENTRIES; i++)
    for (refused_one = 1;; refused_one++) {
      allocations = 0;
      mem_fault = refuse_one;
      bool room = catalog_reserve(&catalog);
      mem_fault = NULL;
      CHECK_EQ(catalog.count, i);
      if (room) {
        catalog_push(&catalog)->rows = i;
        break;
      }
      refusals++;
    }
  CHECK_LE(40, refusals);
  for (int64_t i = 0; i < ENTRIES; i++) CHECK_EQ(catalog_at(&catalog, i)->rows, i);
  catalog_close(&catalog);
}

/* Asking twice takes nothing more. */
static void reserving_again(void) {
  struct catalog catalog = {0};
  REQUIRE(catalog_reserve(&catalog));
  int64_t bytes = catalog_bytes(&catalog);
  for (int i = 0; i < 10; i++) CHECK(catalog_reserve(&catalog));
  CHECK_EQ(catalog_bytes(&catalog), bytes);
  catalog_close(&catalog);
}

static const kit_test tests[] = {
    KIT_TEST(growing_moves_nothing),
    KIT_TEST(growing_without_memory),
    KIT_TEST(reserving_again),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
