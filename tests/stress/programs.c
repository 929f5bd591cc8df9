/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random programs of one producer and many readers beside a naive reference (program.h), each from a seed of its own.
 * In one thread the seed determines each step; in many threads it determines what each thread does.
 * RESPOOL_STRESS_PROGRAMS says how many, or RESPOOL_STRESS_SECONDS for how long. A failure prints the command that runs
 * the one program again.
 */
#include "program.h"

#include "fault.h"
#include "watch.h"

#include <inttypes.h>
#include <string.h>

enum { PATIENCE = 300 }; /* seconds for one program, against hanging */

typedef void (*run_function)(const program_plan *plan, uint64_t seed, program_counts *counts);

/* The first program has the seed that was given, so that any of them can be run again alone. */
static uint64_t seed_of(int64_t number) {
  return number == 0 ? kit_seed() : kit_mix(kit_seed() + (uint64_t)number);
}

static program_plan draw_plan(uint64_t seed, const char *directory, bool threaded) {
  static const int64_t rows[] = {3, 30, 30, 300};
  kit_random random;
  kit_random_init(&random, kit_mix(seed));
  program_plan plan = {.directory = directory, .readers = threaded ? 8 : 2};
  plan.batches = kit_random_between(&random, 1, threaded ? (kit_slow() ? 100 : 300) : 60);
  plan.rows = rows[kit_random_below(&random, 4)];
  plan.faults = kit_random_chance(&random, 0.5);
  return plan;
}

static void note_failure(const char *test, uint64_t seed) {
  kit_note("seed %" PRIu64 "; once more: RESPOOL_TEST_SEED=%" PRIu64 " RESPOOL_STRESS_PROGRAMS=1 stress_programs %s",
           seed, seed, test);
}

static void run_one(run_function run, const char *test, uint64_t seed, program_counts *counts) {
  const char *directory = kit_scratch();
  int descriptors = kit_open_descriptors();
  watch_line(PATIENCE, "this was RESPOOL_TEST_SEED=%" PRIu64 " RESPOOL_STRESS_PROGRAMS=1 stress_programs %s\n", seed,
             test);
  program_plan plan = draw_plan(seed, directory, run != program_run_alone);
  run(&plan, seed, counts);
  CHECK_NOTHING_LEFT();
  CHECK_EQ(kit_open_descriptors(), descriptors);
  CHECK_EQ(kit_mappings(directory), 0);
  CHECK_EQ(kit_entries(directory), 0);
  kit_scratch_remove(directory);
  watch_line(0, "nothing runs\n");
  if (kit_failures() > 0) note_failure(test, seed);
}

static void run_programs(run_function run, const char *test, int64_t usual) {
  program_counts counts;
  memset(&counts, 0, sizeof counts);
  int64_t seconds = kit_environment("RESPOOL_STRESS_SECONDS", 0);
  int64_t most = kit_environment("RESPOOL_STRESS_PROGRAMS", seconds > 0 ? INT64_MAX : usual);
  int64_t end = watch_clock() + seconds * 1000;
  int64_t hits = trouble_hits();
  for (int64_t i = 0; i < most && kit_failures() == 0 && (seconds == 0 || watch_clock() < end); i++)
    run_one(run, test, seed_of(i), &counts);
  kit_note(
      "%lld programs: %lld batches with %lld rows in, %lld batches compared, %lld replays to their end; %lld faults, "
      "%lld calls refused, %lld batches read again",
      atomic_load(&counts.programs), atomic_load(&counts.batches), atomic_load(&counts.rows),
      atomic_load(&counts.delivered), atomic_load(&counts.replays), (long long)(trouble_hits() - hits),
      atomic_load(&counts.refused), atomic_load(&counts.unread));
}

static void one_thread(void) {
  run_programs(program_run_alone, "one_thread", kit_slow() ? 100 : 400);
}

/* Faults are switched by a thread beside the program's own. The pool is made before. */
static void run_threads(const program_plan *plan, uint64_t seed, program_counts *counts) {
  if (!plan->faults) {
    program_run_threads(plan, seed, counts);
    return;
  }
  program_plan with_pool = *plan;
  trouble_thread trouble = {.seed = kit_mix(seed + 1)};
  CHECK_OK(respool_pool_create(NULL, &with_pool.pool, kit_error()));
  pthread_t thread = kit_thread_start(trouble_run, &trouble);
  program_run_threads(&with_pool, seed, counts);
  atomic_store(&trouble.stop, true);
  kit_thread_join(thread);
  respool_pool_release(with_pool.pool);
}

static void many_threads(void) {
  run_programs(run_threads, "many_threads", kit_slow() ? 6 : 20);
}

static const kit_test tests[] = {KIT_TEST(one_thread), KIT_TEST(many_threads)};

int main(int argc, char **argv) {
  fault_install();
  return KIT_MAIN(argc, argv, tests);
}
