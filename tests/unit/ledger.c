/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool/ledger against a naive model: buffers held in any order, sharing starts, with displaced and wrapped-around
 * slots.
 */
#include "spool/ledger.h"

#include "support/alloc.h"

#include "check.h"
#include "random.h"

#include <string.h>

/* ---- A naive ledger -------------------------------------------------------------------------------- */

enum { MOST = 4000 };

struct model {
  const void *starts[MOST];
  int64_t lengths[MOST]; /* the longest seen since the start was last free */
  int64_t counts[MOST];
  size_t used;
};

static int64_t model_bytes(const struct model *model) {
  int64_t bytes = 0;
  for (size_t i = 0; i < model->used; i++) bytes += model->lengths[i];
  return bytes;
}

static void model_add(struct model *model, const void *start, int64_t length) {
  size_t at = 0;
  while (at < model->used && model->starts[at] != start) at++;
  if (at == model->used) {
    REQUIRE(at < MOST);
    model->starts[model->used] = start;
    model->lengths[model->used] = model->counts[model->used] = 0;
    model->used++;
  }
  model->counts[at]++;
  if (length > model->lengths[at]) model->lengths[at] = length;
}

static void model_remove(struct model *model, size_t at) {
  if (--model->counts[at] > 0) return;
  model->used--;
  model->starts[at] = model->starts[model->used];
  model->lengths[at] = model->lengths[model->used];
  model->counts[at] = model->counts[model->used];
}

static void check_same(const struct ledger *ledger, const struct model *model) {
  CHECK_EQ(ledger->bytes, model_bytes(model));
  size_t regions = 0, filled = 0;
  int64_t memory = (int64_t)(ledger->capacity * sizeof *ledger->regions);
  for (size_t i = 0; i < ledger->capacity; i++) {
    const struct ledger_region *region = &ledger->regions[i];
    size_t used = 0;
    for (size_t k = 0; k < region->capacity; k++) used += region->slots[k].start != NULL;
    CHECK_EQ(used, region->used);
    regions += used > 0; /* none that is empty stays */
    filled += used;
    memory += (int64_t)(region->capacity * sizeof *region->slots);
  }
  CHECK_EQ(regions, ledger->used);
  CHECK_EQ(filled, model->used);
  CHECK_EQ(memory, ledger->memory);
}

static void add(struct ledger *ledger, struct model *model, const void *start, int64_t length) {
  REQUIRE(ledger_add(ledger, start, length));
  model_add(model, start, length);
}

static void remove_one(struct ledger *ledger, struct model *model, size_t at) {
  ledger_remove(ledger, model->starts[at]);
  model_remove(model, at);
}

/* ---- Small things ---------------------------------------------------------------------------------- */

static void counted_once(void) {
  struct ledger ledger = {0};
  static const char memory[100];
  REQUIRE(ledger_add(&ledger, memory, 40));
  REQUIRE(ledger_add(&ledger, memory, 100));
  REQUIRE(ledger_add(&ledger, memory, 60));
  CHECK_EQ(ledger.bytes, 100); /* the longest extent */
  ledger_remove(&ledger, memory);
  ledger_remove(&ledger, memory);
  CHECK_EQ(ledger.bytes, 100); /* as long as anybody holds it: that may have been over-counted, never under */
  ledger_remove(&ledger, memory);
  CHECK(ledger.bytes == 0 && ledger.used == 0);
  ledger_close(&ledger);
}

static void removing_what_is_not_there(void) {
  struct ledger ledger = {0};
  static const char memory[2];
  ledger_remove(&ledger, memory);
  REQUIRE(ledger_add(&ledger, memory, 1));
  ledger_remove(&ledger, memory + 1);
  CHECK(ledger.bytes == 1 && ledger.used == 1);
  ledger_close(&ledger);
  CHECK(ledger.regions == NULL && ledger.capacity == 0 && ledger.memory == 0);
  ledger_close(&ledger);
}

static bool refuse(void) {
  return true;
}

/* An add that finds no memory changes nothing; the next one succeeds. */
static void no_memory(void) {
  struct ledger ledger = {0};
  struct model model = {.used = 0};
  static const char memory[MOST * 64];
  int refused = 0;
  for (size_t i = 0; i < sizeof memory; i += 64) {
    mem_fault = refuse;
    bool added = ledger_add(&ledger, memory + i, 5);
    mem_fault = NULL;
    if (!added) {
      refused++;
      check_same(&ledger, &model);
      REQUIRE(ledger_add(&ledger, memory + i, 5));
    }
    model_add(&model, memory + i, 5);
  }
  CHECK_LE(10, refused);
  check_same(&ledger, &model);
  while (model.used > 0) remove_one(&ledger, &model, model.used - 1);
  check_same(&ledger, &model);
  ledger_close(&ledger);
}

/* ---- At random ------------------------------------------------------------------------------------- */

/* Addresses as allocators give them: aligned, in runs, some far apart; few enough to meet again. */
static const void *some_address(kit_random *random, int64_t spread) {
  uintptr_t pick = (uintptr_t)kit_random_below(random, spread);
  uintptr_t base = pick % 3 == 0 ? 0x7f0000000000 : pick % 3 == 1 ? 0x550000000000 : 0x1000;
  return (const void *)(base + pick * 64);
}

static void churn(uint64_t seed, int64_t spread, int64_t steps, double adding) {
  struct ledger ledger = {0};
  static struct model model;
  kit_random random;
  kit_random_init(&random, seed);
  model.used = 0;
  for (int64_t i = 0; i < steps && kit_failures() == 0; i++) {
    if (model.used == 0 || (model.used < MOST / 2 && kit_random_chance(&random, adding)))
      add(&ledger, &model, some_address(&random, spread), kit_random_between(&random, 1, 100000));
    else
      remove_one(&ledger, &model, (size_t)kit_random_below(&random, (int64_t)model.used));
    if (i % 50 == 0) check_same(&ledger, &model);
  }
  while (model.used > 0) remove_one(&ledger, &model, (size_t)kit_random_below(&random, (int64_t)model.used));
  check_same(&ledger, &model);
  CHECK_EQ(ledger.bytes, 0);
  if (kit_failures() > 0) kit_note("spread %d", (int)spread);
  ledger_close(&ledger);
}

/* A small table, always nearly full, is where slots are displaced, wrap around its end and are moved back. */
static void a_nearly_full_table(void) {
  int64_t rounds = kit_slow() ? 20 : 200;
  for (int64_t i = 0; i < rounds; i++) churn(kit_seed() + (uint64_t)i, 47, 600, 0.7);
}

static void many_buffers(void) {
  int64_t steps = kit_slow() ? 2000 : 20000;
  churn(kit_seed(), 1 << 20, steps, 0.6);
  churn(kit_seed() + 1, 3000, steps, 0.5);
}

/* Adding and removing without end does not make the table grow. */
static void no_growth_without_need(void) {
  struct ledger ledger = {0};
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int i = 0; i < 20000; i++) {
    const void *start = some_address(&random, 1 << 30);
    REQUIRE(ledger_add(&ledger, start, 10));
    ledger_remove(&ledger, start);
  }
  CHECK_LE(ledger.memory, 4096);
  CHECK_EQ(ledger.bytes, 0);
  ledger_close(&ledger);
}

static const kit_test tests[] = {
    KIT_TEST(counted_once), KIT_TEST(removing_what_is_not_there), KIT_TEST(no_memory), KIT_TEST(a_nearly_full_table),
    KIT_TEST(many_buffers), KIT_TEST(no_growth_without_need),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
