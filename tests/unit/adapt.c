/* SPDX-License-Identifier: Apache-2.0 */
/* spool/adapt: plain or packed, with costs that are made up. */
#include "spool/adapt.h"

#include "check.h"
#include "random.h"

enum { MIB = 1 << 20, CHUNK = 8 * MIB };

/* Nanoseconds that a MiB takes in either form, and what became of it. */
struct world {
  struct adapt adapt;
  int64_t cost[2];
  int64_t chunk;
  double noise; /* each run takes up to so much more or less, in parts of it */
  kit_random random;
  int64_t bytes[2];
  int64_t runs[2];
  int64_t nanoseconds;
  int64_t switches; /* of what is chosen */
};

static struct world new_world(int64_t plain, int64_t packed) {
  struct world world = {.cost = {plain, packed}, .chunk = CHUNK};
  kit_random_init(&world.random, kit_seed());
  return world;
}

static void one_run(struct world *world) {
  bool packed = adapt_packs(&world->adapt);
  int64_t bytes = adapt_most(&world->adapt, world->chunk);
  double factor = 1 + world->noise * ((double)kit_random_between(&world->random, -1000, 1000) / 1000);
  int64_t nanoseconds = (int64_t)((double)world->cost[packed] * (double)bytes / MIB * factor);
  CHECK_LE(bytes, world->chunk);
  bool chosen = world->adapt.chosen;
  world->bytes[packed] += bytes;
  world->runs[packed]++;
  world->nanoseconds += nanoseconds;
  adapt_note(&world->adapt, bytes, nanoseconds);
  world->switches += chosen != world->adapt.chosen;
}

static void forget(struct world *world) {
  world->bytes[0] = world->bytes[1] = world->runs[0] = world->runs[1] = world->nanoseconds = world->switches = 0;
}

static void write_bytes(struct world *world, int64_t bytes) {
  int64_t until = world->bytes[0] + world->bytes[1] + bytes;
  while (world->bytes[0] + world->bytes[1] < until) one_run(world);
}

/* What it took, in thousandths of what the cheaper form alone would have taken. */
static int64_t share(const struct world *world) {
  int64_t cheaper = world->cost[0] < world->cost[1] ? world->cost[0] : world->cost[1];
  return world->nanoseconds * 1000 / (cheaper * ((world->bytes[0] + world->bytes[1]) / MIB));
}

/* The promise that other tests build on: plain, packed, plain, packed, in short runs. */
static void both_forms_come_first(void) {
  struct world world = new_world(300, 2000);
  for (int i = 0; i < 2 * ADAPT_OPENING; i++) {
    CHECK_EQ(adapt_packs(&world.adapt), i % 2);
    CHECK_EQ(adapt_most(&world.adapt, CHUNK), MIB);
    CHECK_EQ(adapt_most(&world.adapt, 5000), 5000);
    one_run(&world);
  }
  CHECK(!adapt_packs(&world.adapt));
  CHECK_EQ(adapt_most(&world.adapt, CHUNK), CHUNK);
}

/* The first run of each form meets cold memory. */
static void a_cold_start_is_passed_over(void) {
  struct world world = new_world(50000, 2000);
  one_run(&world);
  world.cost[0] = 300;
  for (int i = 1; i < 2 * ADAPT_OPENING; i++) one_run(&world);
  CHECK(!adapt_packs(&world.adapt));
}

/* A gigabyte on disks from fast to slow: the cheaper form, for little more than it alone would have cost. */
static void the_cheaper_form_wins(void) {
  static const int64_t plain[] = {50, 100, 300, 1000, 1900, 2600, 4000, 20000, 1000000};
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
    struct world world = new_world(plain[i] * 1000, 2000 * 1000 + plain[i] * 1000 / 3);
    bool packed = world.cost[1] < world.cost[0];
    write_bytes(&world, (int64_t)64 * MIB); /* the start */
    forget(&world);
    write_bytes(&world, (int64_t)4096 * MIB);
    CHECK_EQ(world.switches, 0);
    CHECK_LE(world.bytes[!packed] * 16, world.bytes[packed]);
    CHECK_LE(share(&world), 1000 + 1000 / ADAPT_SHARE + 5);
  }
}

/* Data that does not shrink: packing costs a little more than plain writing, on any disk. */
static void what_does_not_shrink_is_plain(void) {
  for (int64_t plain = 1000; plain < 1000000000; plain *= 10) {
    struct world world = new_world(plain, plain + 500000);
    write_bytes(&world, (int64_t)2048 * MIB);
    forget(&world);
    write_bytes(&world, (int64_t)2048 * MIB);
    CHECK_LE(world.bytes[1] * 32, world.bytes[0]);
  }
}

/* Packing that saves nearly nothing is not worth it to the readers. */
static void a_tie_is_plain(void) {
  struct world world = new_world(1000000, 950000);
  write_bytes(&world, (int64_t)1024 * MIB);
  CHECK_LE(world.bytes[1] * 16, world.bytes[0]);
}

/* The disk gets slow, as when the page cache is full, and fast again: a few runs later the form is the right one. */
static void changes_are_followed(void) {
  struct world world = new_world(300000, 2100000);
  write_bytes(&world, (int64_t)2048 * MIB);
  for (int i = 0; i < 4; i++) {
    world.cost[0] = 10000000;
    world.cost[1] = 5300000;
    forget(&world);
    for (int run = 0; run < 32; run++) one_run(&world);
    CHECK_LE(world.runs[0], 8);
    CHECK(adapt_packs(&world.adapt));
    write_bytes(&world, (int64_t)2048 * MIB);
    world.cost[0] = 300000;
    world.cost[1] = 2100000;
    forget(&world);
    for (int run = 0; run < 32; run++) one_run(&world);
    CHECK_LE(world.runs[1], 10);
    write_bytes(&world, (int64_t)64 * MIB);
    CHECK(!adapt_packs(&world.adapt) || world.adapt.trying);
  }
}

/* Little by little, so that no run is a surprise. */
static void slow_changes_are_followed(void) {
  struct world world = new_world(300000, 2100000);
  for (int i = 0; i < 200; i++) {
    world.cost[0] += 50000;
    world.cost[1] = 2000000 + world.cost[0] / 3;
    write_bytes(&world, (int64_t)128 * MIB);
  }
  forget(&world);
  write_bytes(&world, (int64_t)1024 * MIB);
  CHECK_LE(world.bytes[0] * 8, world.bytes[1]);
}

/* A pause of the system now and then, however long, costs about as much again and not more. */
static void a_pause_is_got_over(void) {
  struct world world = new_world(300000, 2000000);
  write_bytes(&world, (int64_t)1024 * MIB);
  world.cost[0] = 300000000;
  one_run(&world);
  world.cost[0] = 300000;
  forget(&world);
  write_bytes(&world, (int64_t)1024 * MIB);
  CHECK_LE(world.bytes[1], (int64_t)24 * MIB);
}

/* With noise: no coming and going where one form is clearly cheaper, and where they are alike little harm. */
static void noise_changes_little(void) {
  static const int64_t packed[] = {300, 600, 1000, 2000, 4000};
  for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
    struct world world = new_world(1000000, packed[i] * 1000);
    world.noise = 0.3;
    write_bytes(&world, (int64_t)128 * MIB);
    forget(&world);
    write_bytes(&world, (int64_t)8192 * MIB);
    bool is_clear = packed[i] != 1000;
    CHECK_LE(world.switches, is_clear ? 4 : 200);
    if (is_clear) CHECK_LE(share(&world), 1080);
  }
}

/* Whatever the costs are: of five samples after the start at most one is a trial. */
static void trials_are_bounded(void) {
  struct world world = new_world(1, 1);
  int64_t trials = 0;
  for (int i = 0; i < 20000; i++) {
    world.cost[0] = (int64_t)1 << kit_random_between(&world.random, 0, 30);
    world.cost[1] = (int64_t)1 << kit_random_between(&world.random, 0, 30);
    trials += world.adapt.trying;
    one_run(&world);
    CHECK_LE(trials * (ADAPT_LEAST_REST + 1), i + ADAPT_LEAST_REST + 1);
  }
  CHECK_LE(100, trials);
}

/* They come less and less often. */
static void trials_get_rare(void) {
  struct world world = new_world(1000000, 1100000);
  int64_t gap = 0, last = -1, trials = 0;
  for (int64_t i = 0; trials < 8; i++) {
    if (world.adapt.trying) {
      if (last >= 0) CHECK_LE(gap, i - last);
      if (last >= 0) gap = i - last;
      last = i;
      trials++;
    }
    one_run(&world);
  }
  CHECK_EQ(gap, ADAPT_MOST_STEP / 8 + 1); /* of a MiB each, in chunks of 8 */
  world = new_world(1000, 1000000);       /* and ever after, where packing costs that much */
  write_bytes(&world, (int64_t)16384 * MIB);
  CHECK_LE(world.bytes[1], 8 * MIB);
}

/* Runs of a few bytes count together; ones of none not at all. */
static void small_runs_count_together(void) {
  struct adapt adapt = {0};
  for (int i = 0; i < 255; i++) {
    CHECK(!adapt_packs(&adapt));
    adapt_note(&adapt, 1024, 1000);
    adapt_note(&adapt, 0, INT64_MAX);
    adapt_note(&adapt, -1, 1000);
    CHECK(adapt_packs(&adapt));
    adapt_note(&adapt, 1024, 3000);
  }
  CHECK_EQ(adapt.cost[0] + adapt.cost[1], 0);
  adapt_note(&adapt, 1024, 1000);
  adapt_note(&adapt, 1024, 3000);
  CHECK_EQ(adapt.cost[0], 1024000);
  CHECK_EQ(adapt.cost[1], 3072000);
  for (int i = 0; i < 512; i++) adapt_note(&adapt, 1024, 1000 + i % 2 * 2000);
  for (int i = 0; i < 1024; i++) {
    CHECK(!adapt_packs(&adapt)); /* four samples of the form that is chosen */
    adapt_note(&adapt, 1024, 1000);
  }
}

/* Times of zero, backwards or for ever, and bytes without end: some form is chosen, nothing overflows. */
static void odd_numbers(void) {
  static const int64_t bytes[] = {1, ADAPT_SAMPLE_BYTES, CHUNK, INT64_MAX};
  static const int64_t times[] = {INT64_MIN, -1, 0, 1, 1000000, INT64_MAX};
  kit_random random;
  kit_random_init(&random, kit_seed());
  struct adapt adapt = {0};
  for (int i = 0; i < 100000; i++) {
    adapt_note(&adapt, bytes[kit_random_between(&random, 0, 3)], times[kit_random_between(&random, 0, 5)]);
    CHECK_LE(0, adapt.rest_bytes);
    CHECK_LE(adapt.samples[0] > 0, adapt.cost[0]);
    CHECK_LE(adapt.samples[1] > 0, adapt.cost[1]);
    CHECK_LE(1, adapt_most(&adapt, CHUNK));
    if (kit_failures() > 0) return;
  }
  struct world world = new_world(0, 0); /* a clock that stands still */
  write_bytes(&world, (int64_t)1024 * MIB);
  CHECK_LE(world.bytes[1] * 8, world.bytes[0]);
}

static const kit_test tests[] = {
    KIT_TEST(both_forms_come_first),
    KIT_TEST(a_cold_start_is_passed_over),
    KIT_TEST(the_cheaper_form_wins),
    KIT_TEST(what_does_not_shrink_is_plain),
    KIT_TEST(a_tie_is_plain),
    KIT_TEST(changes_are_followed),
    KIT_TEST(slow_changes_are_followed),
    KIT_TEST(a_pause_is_got_over),
    KIT_TEST(noise_changes_little),
    KIT_TEST(trials_are_bounded),
    KIT_TEST(trials_get_rare),
    KIT_TEST(small_runs_count_together),
    KIT_TEST(odd_numbers),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
