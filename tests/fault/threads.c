/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults while several threads are at work: one appends, some follow, one wants memory back all the time. Each tries
 * again what failed; everybody gets everything in the end.
 */
#include "batches.h"
#include "fault.h"

#include "check.h"
#include "random.h"
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

enum { BATCHES = 40, READERS = 3, CHUNK = 4096, PATIENCE = 1000000 };

static struct {
  kit_spool s;
  const struct fault *fault;
  atomic_bool done;
  uint64_t seed;
} shared;

/* What a call may answer while there are faults: OK, or the fault's error, at a time when it can be tried again. */
static bool succeeded(respool_status status) {
  if (status == RESPOOL_OK) return true;
  CHECK_EQ(status, fault_status(shared.fault));
  CHECK_EQ(respool_status_retryable(status), 1);
  return false;
}

static void append_with_patience(struct ArrowArray *array) {
  int attempts = 0;
  while (!succeeded(respool_writer_append(shared.s.writer, array, NULL))) {
    CHECK(array->release != NULL);
    if (!CHECK(++attempts < PATIENCE)) return;
  }
  CHECK(array->release == NULL);
}

static void *append_everything(void *argument) {
  (void)argument;
  kit_random random;
  kit_random_init(&random, shared.seed);
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array;
    batch_make(i, &array);
    append_with_patience(&array);
    if (kit_random_chance(&random, 0.2)) succeeded(respool_writer_flush(shared.s.writer, NULL));
    if (kit_random_chance(&random, 0.2)) kit_pause(200);
  }
  int attempts = 0;
  while (!succeeded(respool_writer_finish(shared.s.writer, NULL)))
    if (!CHECK(++attempts < PATIENCE)) break;
  return NULL;
}

/* Errors are the reader's own, and over at the next attempt or the one after; the end comes after everything. */
static void *follow(void *argument) {
  (void)argument;
  respool_reader *reader = NULL;
  while (!succeeded(respool_reader_open(shared.s.spool, NULL, &reader, NULL))) {
  }
  int attempts = 0;
  for (int64_t i = 0;;) {
    struct ArrowArray array;
    respool_status status = respool_reader_next(reader, &array, RESPOOL_WAIT_FOREVER, NULL);
    if (status == RESPOOL_END) {
      CHECK_EQ(i, BATCHES);
      break;
    }
    if (!succeeded(status)) {
      if (!CHECK(++attempts < PATIENCE)) break;
      continue;
    }
    bool good = batch_check(i++, &array);
    array.release(&array);
    if (!good) break;
  }
  respool_reader_close(reader);
  return NULL;
}

static void *press(void *argument) {
  (void)argument;
  kit_random random;
  kit_random_init(&random, shared.seed + 1);
  while (!atomic_load(&shared.done)) {
    int64_t bytes = kit_random_below(&random, 30000);
    if (kit_random_chance(&random, 0.5))
      succeeded(respool_spill(shared.s.spool, bytes, NULL));
    else
      succeeded(respool_set_memory_limit(shared.s.spool, bytes, NULL));
    kit_stats(shared.s.spool);
    kit_pause(100);
  }
  return NULL;
}

static void check_afterwards(const char *path) {
  respool_reader *reader = kit_reader(shared.s.spool);
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array;
    if (!CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) break;
    batch_check(i, &array);
    array.release(&array);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  if (kit_exists(path)) CHECK_EQ(batch_count_file(path, true), BATCHES);
}

static void work_together(int32_t mode, int32_t replay, bool named, const struct fault *fault, uint64_t seed) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_join(path, directory, "file");
  respool_options options = kit_options(6000, mode, named ? path : NULL);
  if (!named) options.directory = directory;
  options.write_chunk = CHUNK;
  options.replay = replay;
  shared.s = (kit_spool){0};
  shared.fault = fault;
  shared.seed = seed;
  atomic_store(&shared.done, false);
  REQUIRE_OK(respool_create(batch_schema(), &options, &shared.s.spool, &shared.s.writer, kit_error()));
  fault_scenario(named                          ? "five threads, named"
                 : replay == RESPOOL_REPLAY_MAP ? "five threads, mapped"
                                                : "five threads, read");
  fault_arm(fault, 1);
  pthread_t writer = kit_thread_start(append_everything, NULL), pressure = kit_thread_start(press, NULL);
  pthread_t readers[READERS];
  for (int i = 0; i < READERS; i++) readers[i] = kit_thread_start(follow, NULL);
  kit_thread_join(writer);
  for (int i = 0; i < READERS; i++) kit_thread_join(readers[i]);
  atomic_store(&shared.done, true);
  kit_thread_join(pressure);
  fault_disarm();
  CHECK_LE(1, fault_hits());
  check_afterwards(path);
  respool_writer_close(shared.s.writer);
  respool_release(shared.s.spool);
  kit_scratch_remove(directory);
  CHECK_EQ(batch_live_arrays(), 0);
}

static void everybody_tries_again(void) {
  static const struct fault faults[] = {
      {.targets = FAULT_PWRITEV, .error = ENOSPC, .partial = true, .pattern = FAULT_BY_CHANCE},
      {.targets = FAULT_PWRITEV | FAULT_PREAD | FAULT_OPEN | FAULT_MMAP, .error = EIO, .pattern = FAULT_BY_CHANCE},
      {.targets = FAULT_MEMORY | FAULT_MMAP, .error = ENOMEM, .pattern = FAULT_BY_CHANCE},
  };
  static const struct {
    int32_t mode, replay;
    bool named;
  } settings[] = {
      {RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP, false}, {RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_READ, false},
      {RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_MAP, true},  {RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_READ, true},
      {RESPOOL_MODE_ALL, RESPOOL_REPLAY_READ, true},
  };
  int rounds = kit_slow() ? 1 : 4, plays = 0;
  batch_prepare(BATCHES);
  for (int round = 0; round < rounds; round++)
    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++)
      for (size_t i = 0; i < sizeof settings / sizeof settings[0] && kit_failures() == 0; i++, plays++) {
        uint64_t seed = kit_seed() + (uint64_t)(round * 100) + f * 10 + i;
        work_together(settings[i].mode, settings[i].replay, settings[i].named, &faults[f], seed);
        if (kit_failures() > 0) kit_note("fault %d, setting %d, round %d", (int)f, (int)i, round);
      }
  kit_note("%d times %d threads at work", plays, READERS + 2);
}

static const kit_test tests[] = {KIT_TEST(everybody_tries_again)};

int main(int argc, char **argv) {
  fault_install();
  return KIT_MAIN(argc, argv, tests);
}
