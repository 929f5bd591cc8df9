/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One writer and many readers at one spool, joining and leaving while it spills, under pressure from a thread that
 * spills and changes the limit, and another that cancels. Each round takes other options. Afterwards every count is
 * exact and nothing is left: no array, no descriptor, no mapping.
 */
#include "stress.h"

#include "system.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char fields[] =
    "{id:int64!,text:utf8,items:list<item:int32>,flag:bool,word:dictionary(c)<:struct<a:dictionary(s)<:utf8>>>,"
    "some:dense_union(0,1)<a:int8,b:utf8_view>}";

static void *write_all(void *argument) {
  stress_round *round = ((stress_thread *)argument)->round;
  kit_random random;
  kit_random_init(&random, kit_mix(round->seed));
  int64_t pace = kit_random_below(&random, 3) * 200;
  for (int64_t i = 0; i < round->batches; i++) {
    if (!kit_series_append(&round->series, round->s.writer, i, i + 1)) break;
    if (pace > 0 && kit_random_chance(&random, 0.1)) kit_pause(kit_random_below(&random, pace));
    if (kit_random_chance(&random, 0.02)) CHECK_OK(respool_writer_flush(round->s.writer, kit_error()));
  }
  if (round->ends == RESPOOL_END)
    CHECK_OK(respool_writer_finish(round->s.writer, kit_error()));
  else if (round->ends != RESPOOL_ABANDONED)
    CHECK_OK(respool_writer_fail(round->s.writer, round->ends, 0, "stressed", kit_error()));
  respool_writer_close(round->s.writer);
  round->s.writer = NULL;
  atomic_store(&round->writing, false);
  return NULL;
}

static void *press(void *argument) {
  stress_round *round = ((stress_thread *)argument)->round;
  kit_random random;
  kit_random_init(&random, kit_mix(round->seed + 1000));
  while (!atomic_load(&round->stop)) {
    if (kit_random_chance(&random, 0.3))
      CHECK_OK(respool_spill(round->s.spool, kit_random_below(&random, 20000), kit_error()));
    else
      CHECK_OK(respool_set_memory_limit(round->s.spool, kit_random_below(&random, 200000), kit_error()));
    respool_stats stats = kit_stats(round->s.spool);
    CHECK_LE(stats.batches, stats.batches_resident + stats.batches_stored);
    kit_pause(kit_random_below(&random, 500));
  }
  return NULL;
}

static void *cancel_some(void *argument) {
  stress_round *round = ((stress_thread *)argument)->round;
  kit_random random;
  kit_random_init(&random, kit_mix(round->seed + 2000));
  while (!atomic_load(&round->stop)) {
    slot *place = &round->slots[kit_random_below(&random, THREADS)];
    pthread_mutex_lock(&place->lock);
    respool_reader_cancel(place->reader);
    pthread_mutex_unlock(&place->lock);
    kit_pause(kit_random_below(&random, 2000));
  }
  return NULL;
}

static respool_options choose_options(kit_random *random, const char *directory, char path[KIT_PATH]) {
  static const int64_t limits[] = {0, 5000, 50000, 1 << 20};
  int32_t mode = (int32_t)kit_random_between(random, RESPOOL_MODE_OVERFLOW, RESPOOL_MODE_ALL);
  respool_options options = kit_options(limits[kit_random_below(random, 4)], mode, NULL);
  bool named = mode == RESPOOL_MODE_ALL || (mode == RESPOOL_MODE_ON_LIMIT && kit_random_chance(random, 0.5));
  if (named)
    options.path = kit_join(path, directory, "stressed");
  else
    options.directory = directory;
  options.replay = (int32_t)kit_random_below(random, 3);
  options.write_chunk = kit_random_chance(random, 0.5) ? 4096 : 1 << 20;
  options.defer_release = kit_random_chance(random, 0.3);
  return options;
}

static respool_status choose_end(kit_random *random) {
  int64_t dice = kit_random_below(random, 10);
  return dice < 7 ? RESPOOL_END : dice < 9 ? RESPOOL_RESOURCES_EXHAUSTED : RESPOOL_ABANDONED;
}

/* A pool with a file in it that an earlier spool has written other things to. */
static respool_pool *open_used_pool(const char *directory) {
  respool_pool *pool = NULL;
  kit_spool s;
  REQUIRE_OK(respool_pool_create(NULL, &pool, kit_error()));
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  options.pool = pool;
  kit_spool_open(&s, "{number:int32}", &options);
  for (int32_t i = 0; i < 20; i++) {
    struct ArrowArray array;
    kit_batch_filled(1 << 16, i, &array);
    kit_append(s.writer, &array);
  }
  kit_spool_close(&s);
  return pool;
}

static void open_round(stress_round *round, uint64_t seed, const char *directory) {
  char path[KIT_PATH];
  kit_random random;
  kit_random_init(&random, seed);
  memset(round, 0, sizeof *round);
  respool_options options = choose_options(&random, directory, path);
  if (kit_random_chance(&random, 0.5)) round->pool = options.pool = open_used_pool(directory);
  kit_spool_open(&round->s, fields, &options);
  round->seed = seed;
  round->batches = kit_environment("RESPOOL_STRESS_BATCHES", kit_slow() ? 60 : 400);
  round->ends = choose_end(&random);
  round->series = (kit_series){&round->s.schema, seed, 1, 60, 0.2, true, false};
  atomic_store(&round->writing, true);
  pthread_mutex_init(&round->leftover_lock, NULL);
  for (int i = 0; i < THREADS; i++) pthread_mutex_init(&round->slots[i].lock, NULL);
  kit_note("seed %" PRIu64 ": mode %d, limit %" PRId64 ", replay %d, ends with %s", seed, (int)options.mode,
           options.memory_limit, (int)options.replay, respool_status_name(round->ends));
}

static void run_threads(stress_round *round) {
  pthread_t readers[THREADS];
  stress_thread arguments[THREADS];
  stress_thread other = {round, THREADS};
  for (int i = 0; i < THREADS; i++) {
    arguments[i] = (stress_thread){round, i};
    readers[i] = kit_thread_start(stress_reader, &arguments[i]);
  }
  pthread_t loop = kit_thread_start(stress_event_loop, &other);
  pthread_t presser = kit_thread_start(press, &other);
  pthread_t canceller = kit_thread_start(cancel_some, &other);
  pthread_t writer = kit_thread_start(write_all, &other);
  kit_thread_join(writer);
  kit_thread_join(loop);
  for (int i = 0; i < THREADS; i++) kit_thread_join(readers[i]);
  atomic_store(&round->stop, true);
  kit_thread_join(presser);
  kit_thread_join(canceller);
}

static void check_counts(stress_round *round) {
  respool_stats stats = kit_stats(round->s.spool);
  CHECK_EQ(stats.batches, round->batches);
  CHECK_EQ(stats.readers, 0);
  CHECK_EQ(stats.readers_waiting, 0);
  CHECK_EQ(stats.write_failures, 0);
  CHECK_LE(THREADS + LOOP_READERS, atomic_load(&round->complete));
  kit_note("%lld batches delivered, %lld replays complete, %lld cancelled", atomic_load(&round->delivered),
           atomic_load(&round->complete), atomic_load(&round->cancelled));
}

static void close_round(stress_round *round) {
  respool_release(round->s.spool);
  round->s.spool = NULL;
  for (int i = 0; i < round->leftover_count; i++)
    kit_series_check(&round->series, round->leftover_index[i], &round->leftovers[i]);
  kit_spool_close(&round->s);
  respool_pool_release(round->pool);
  pthread_mutex_destroy(&round->leftover_lock);
  for (int i = 0; i < THREADS; i++) pthread_mutex_destroy(&round->slots[i].lock);
}

static void one_round(uint64_t seed) {
  stress_round *round = malloc(sizeof *round);
  REQUIRE(round != NULL);
  const char *directory = kit_scratch();
  int descriptors = kit_open_descriptors();
  open_round(round, seed, directory);
  run_threads(round);
  check_counts(round);
  close_round(round);
  CHECK_NOTHING_LEFT();
  CHECK_EQ(kit_open_descriptors(), descriptors);
  CHECK_EQ(kit_mappings(directory), 0);
  kit_scratch_remove(directory);
  free(round);
}

static void many_readers_during_the_spill(void) {
  int64_t rounds = kit_environment("RESPOOL_STRESS_ROUNDS", kit_slow() ? 4 : 8);
  for (int64_t i = 0; i < rounds && kit_failures() == 0; i++) one_round(kit_mix(kit_seed() + (uint64_t)i));
}

static const kit_test tests[] = {KIT_TEST(many_readers_during_the_spill)};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
