/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The soak: one process in which spool follows spool beside some that live long, with 32 threads that read and compare
 * all they get, while faults of every kind come and go. After each leg, when everything is closed, the process is
 * looked at: what must be gone is gone, and at the end it takes no more than it did after it had warmed up.
 * RESPOOL_SOAK_SECONDS says for how long. An interrupt ends it early, with the summary.
 */
#include "program.h"

#include "fault.h"
#include "watch.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 4, LEGS_MOST = 4096, PATIENCE = 600, SAMPLE = 500 /* milliseconds */, SECONDS_TO_JUDGE = 30 };

/* How flat is flat: what the process takes at rest at the end, compared with after warming up. */
enum { RESIDENT_PERCENT = 10, RESIDENT_SLACK = 8 << 20, HEAP_SLACK = 1 << 20, MAPPINGS_SLACK = 32 };

/* What runs side by side in a leg: spool after spool, or one that lives as long as the leg. */
typedef struct lane {
  int readers;
  bool lives_long;
  int64_t batches, rows;
} lane;

static const lane lanes[LANES] = {{8, false, 200, 60}, {8, false, 40, 2000}, {4, false, 12, 20}, {12, true, 6000, 60}};

typedef struct soak {
  const char *directory;
  respool_pool *pool;
  program_counts counts;
  uint64_t seed;
  int64_t start;   /* milliseconds */
  int64_t seconds; /* to run */
  int64_t leg;     /* milliseconds of one */
  watch_numbers before;
  atomic_bool leg_over;
  int64_t legs;
  watch_numbers rest[LEGS_MOST]; /* after each leg, everything closed */
  watch_numbers peak;            /* of all legs, while everything ran */
} soak;

typedef struct lane_thread {
  soak *s;
  int number;
} lane_thread;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
  (void)number;
  interrupted = 1;
}

/* ---- A leg ----------------------------------------------------------------------------------------- */

static void *run_lane(void *argument) {
  const lane_thread *thread = argument;
  soak *s = thread->s;
  const lane *way = &lanes[thread->number];
  program_plan plan = {.directory = s->directory, .pool = s->pool, .readers = way->readers, .faults = true};
  plan.batches = way->batches;
  plan.rows = way->rows;
  plan.until = way->lives_long ? &s->leg_over : NULL;
  for (uint64_t i = 0; !atomic_load(&s->leg_over) && kit_failures() == 0; i++) {
    uint64_t number = ((uint64_t)s->legs * LANES + (uint64_t)thread->number) << 32 | i;
    program_run_threads(&plan, kit_mix(s->seed + number), &s->counts);
  }
  return NULL;
}

static void raise_to(int64_t *peak, int64_t now) {
  if (now > *peak) *peak = now;
}

static void sample(soak *s) {
  watch_numbers now = watch_look(0);
  raise_to(&s->peak.resident, now.resident);
  raise_to(&s->peak.heap, now.heap);
  raise_to(&s->peak.descriptors, now.descriptors);
  raise_to(&s->peak.mappings, now.mappings);
  raise_to(&s->peak.threads, now.threads);
}

static bool time_is_up(const soak *s) {
  return interrupted || kit_failures() > 0 || watch_clock() >= s->start + s->seconds * 1000;
}

static void run_leg(soak *s) {
  pthread_t threads[LANES];
  lane_thread arguments[LANES];
  trouble_thread trouble = {.seed = kit_mix(s->seed + (uint64_t)s->legs)};
  int64_t end = watch_clock() + s->leg;
  atomic_store(&s->leg_over, false);
  pthread_t troubling = kit_thread_start(trouble_run, &trouble);
  for (int i = 0; i < LANES; i++) {
    arguments[i] = (lane_thread){s, i};
    threads[i] = kit_thread_start(run_lane, &arguments[i]);
  }
  while (watch_clock() < end && !time_is_up(s)) {
    sample(s);
    kit_pause(SAMPLE * 1000);
  }
  atomic_store(&s->leg_over, true);
  for (int i = 0; i < LANES; i++) kit_thread_join(threads[i]);
  atomic_store(&trouble.stop, true);
  kit_thread_join(troubling);
}

/* ---- Rest ------------------------------------------------------------------------------------------ */

static int64_t pooled_files(soak *s) {
  respool_pool_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(respool_pool_get_stats(s->pool, &stats, kit_error()));
  return stats.files;
}

/* Everything is closed: nothing is left but what the pool keeps. */
static void check_rest(soak *s, const watch_numbers *now) {
  CHECK_NOTHING_LEFT();
  CHECK_EQ(kit_entries(s->directory), 0);
  CHECK_EQ(kit_mappings(s->directory), 0);
  CHECK_EQ(now->descriptors - pooled_files(s), s->before.descriptors);
  CHECK_EQ(now->threads, s->before.threads);
}

static void print_rest(const soak *s, const watch_numbers *now) {
  printf("%6lld s  %7lld rounds  %9lld batches  %10lld compared  %9lld faults  |  at rest: %5.1f MiB resident, "
         "%5.2f MiB heap, %lld descriptors, %lld maps, %lld threads\n",
         (long long)(watch_clock() - s->start) / 1000, atomic_load(&s->counts.programs),
         atomic_load(&s->counts.batches), atomic_load(&s->counts.delivered), (long long)trouble_hits(),
         (double)now->resident / (1 << 20), (double)now->heap / (1 << 20), (long long)now->descriptors,
         (long long)now->mappings, (long long)now->threads);
  fflush(stdout);
}

/* ---- Judgement ------------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The median over legs [from, to) of the number at `offset` in what was seen at rest. */
static int64_t median(const soak *s, int64_t from, int64_t to, size_t offset) {
  static int64_t numbers[LEGS_MOST];
  int64_t count = 0;
  for (int64_t i = from; i < to; i++) memcpy(&numbers[count++], (const char *)&s->rest[i] + offset, sizeof numbers[0]);
  qsort(numbers, (size_t)count, sizeof numbers[0], compare_numbers);
  return numbers[count / 2];
}

/* The first tenth of the legs is warming up; the tenths after it, two of them, are compared with the last two. */
static void judge(const soak *s, const char *what, size_t offset, int64_t percent, int64_t slack) {
  int64_t tenth = (s->legs + 9) / 10;
  int64_t early = median(s, tenth, 3 * tenth < s->legs ? 3 * tenth : s->legs, offset);
  int64_t late = median(s, s->legs - 2 * tenth > tenth ? s->legs - 2 * tenth : tenth, s->legs, offset);
  bool flat = late <= early + early * percent / 100 + slack;
  printf("  %-22s %12lld after warming up, %12lld at the end: %s (allowed: %lld %% and %lld more)\n", what,
         (long long)early, (long long)late, flat ? "flat" : "NOT FLAT", (long long)percent, (long long)slack);
  CHECK(flat);
}

static void judge_all(const soak *s) {
  printf("At rest, everything closed, medians of a fifth of the legs each:\n");
  judge(s, "resident bytes", offsetof(watch_numbers, resident), RESIDENT_PERCENT, RESIDENT_SLACK);
  judge(s, "bytes of heap in use", offsetof(watch_numbers, heap), 0, HEAP_SLACK);
  judge(s, "mappings", offsetof(watch_numbers, mappings), 0, MAPPINGS_SLACK);
  judge(s, "threads", offsetof(watch_numbers, threads), 0, 0);
}

static void print_faults(void) {
  printf("Faults that struck: %lld\n", (long long)trouble_hits());
  for (int i = 0; i < trouble_kinds(); i++) {
    int64_t hits;
    const char *name = trouble_kind(i, &hits);
    printf("  %-28s %10lld\n", name, (long long)hits);
  }
}

static void print_summary(soak *s) {
  const program_counts *c = &s->counts;
  printf("\nSoak: %lld s%s, %lld legs, 32 reading threads, seed %llu\n", (long long)(watch_clock() - s->start) / 1000,
         interrupted ? " (interrupted)" : "", (long long)s->legs, (unsigned long long)s->seed);
  printf("%lld rounds and %lld spools that went on with the file of one before; %lld batches with %lld rows in, %.1f "
         "MiB written\n",
         atomic_load(&c->programs), atomic_load(&c->reopened), atomic_load(&c->batches), atomic_load(&c->rows),
         (double)atomic_load(&c->written) / (1 << 20));
  printf("%lld batches read and compared, %lld replays to their end\n", atomic_load(&c->delivered),
         atomic_load(&c->replays));
  printf("%lld calls refused and made again, %lld batches that could not be read at first\n", atomic_load(&c->refused),
         atomic_load(&c->unread));
  print_faults();
  printf("While it ran at most: %.1f MiB resident, %lld descriptors, %lld maps, %lld threads\n",
         (double)s->peak.resident / (1 << 20), (long long)s->peak.descriptors, (long long)s->peak.mappings,
         (long long)s->peak.threads);
}

/* ---- The whole ------------------------------------------------------------------------------------- */

static void *do_nothing(void *argument) {
  return argument;
}

static void prepare(soak *s) {
  memset(s, 0, sizeof *s);
  s->directory = kit_scratch();
  s->seed = kit_seed();
  s->seconds = kit_environment("RESPOOL_SOAK_SECONDS", 60);
  s->leg = s->seconds * 1000 / 20 < 60000 ? s->seconds * 1000 / 20 : 60000;
  if (s->seconds / 60 > LEGS_MOST - 16) s->leg = s->seconds * 1000 / (LEGS_MOST - 16);
  respool_pool_options options;
  respool_pool_options_init(&options, sizeof options);
  options.keep_bytes = 64 << 20;
  CHECK_OK(respool_pool_create(&options, &s->pool, kit_error()));
  kit_thread_join(kit_thread_start(do_nothing, NULL)); /* a sanitizer starts one of its own with the first */
  s->before = watch_look(1);
  s->start = watch_clock();
  signal(SIGINT, on_interrupt);
  signal(SIGTERM, on_interrupt);
}

static void soak_with_faults(void) {
  static soak s;
  prepare(&s);
  while (!time_is_up(&s) && s.legs < LEGS_MOST) {
    watch_line(PATIENCE + (unsigned)s.leg / 1000, "this was leg %lld of the soak with seed %llu\n", (long long)s.legs,
               (unsigned long long)s.seed);
    run_leg(&s);
    watch_numbers now = watch_look(1);
    check_rest(&s, &now);
    print_rest(&s, &now);
    s.rest[s.legs++] = now;
  }
  watch_line(0, "the soak is over\n");
  print_summary(&s);
  if (s.legs >= 10 && s.seconds >= SECONDS_TO_JUDGE)
    judge_all(&s);
  else
    printf("Too short to say whether it is flat.\n");
  respool_pool_release(s.pool);
  CHECK_EQ(kit_open_descriptors(), s.before.descriptors);
}

static const kit_test tests[] = {KIT_TEST(soak_with_faults)};

int main(int argc, char **argv) {
  fault_install();
  return KIT_MAIN(argc, argv, tests);
}
