/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spools one after another that share a pool, with every system call and every allocation failing in turn. Each call is
 * tried again until it succeeds; every reader gets exactly what was appended, whoever used the file before; no
 * descriptor is lost, and the pool works on afterwards.
 */
#include "batches.h"
#include "fault.h"

#include "check.h"
#include "spool.h"
#include "system.h"

#include <errno.h>

enum { BATCHES = 12, CHUNK = 4096, SPOOLS = 3, PATIENCE = 1000, KEEP_BYTES = 10000 };

static const struct fault *current;

/* What a call may answer while there are faults: OK, or the fault's error. */
static bool succeeded(respool_status status) {
  static int attempts;
  if (status == RESPOOL_OK) {
    attempts = 0;
    return true;
  }
  CHECK_EQ(status, fault_status(current));
  REQUIRE(++attempts < PATIENCE);
  return false;
}

/* Batch numbers go on from spool to spool, so that what one leaves in the file is wrong for the next. */
static void write_and_read(respool *spool, respool_writer *writer, int64_t first) {
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array;
    batch_make(first + i, &array);
    while (!succeeded(respool_writer_append(writer, &array, kit_error()))) {
    }
  }
  while (!succeeded(respool_writer_finish(writer, kit_error()))) {
  }
  respool_reader *reader = NULL;
  while (!succeeded(respool_reader_open(spool, NULL, &reader, kit_error()))) {
  }
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array;
    while (!succeeded(respool_reader_next(reader, &array, 0, kit_error()))) {
    }
    batch_check(first + i, &array);
    array.release(&array);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
}

static void pass_through(const respool_options *options, int64_t first) {
  respool *spool = NULL;
  respool_writer *writer = NULL;
  while (!succeeded(respool_create(batch_schema(), options, &spool, &writer, kit_error()))) {
  }
  write_and_read(spool, writer, first);
  respool_writer_close(writer);
  respool_release(spool);
}

static respool_pool *make_pool(void) {
  respool_pool_options options;
  respool_pool *pool = NULL;
  respool_pool_options_init(&options, sizeof options);
  options.keep_bytes = KEEP_BYTES; /* less than a spool writes: each file is cut when it comes */
  while (!succeeded(respool_pool_create(&options, &pool, kit_error()))) {
  }
  return pool;
}

static respool_pool_stats stats_of(respool_pool *pool) {
  respool_pool_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(respool_pool_get_stats(pool, &stats, kit_error()));
  return stats;
}

/* True: the fault was reached. */
static bool spools_in_a_row(const struct fault *fault, int64_t at, int32_t replay) {
  const char *directory = kit_scratch();
  int descriptors = kit_open_descriptors();
  current = fault;
  fault_scenario(replay == RESPOOL_REPLAY_MAP ? "spools in a row, mapped" : "spools in a row, read");
  fault_arm(fault, at);
  respool_pool *pool = make_pool();
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  options.pool = pool;
  options.write_chunk = CHUNK;
  options.replay = replay;
  for (int i = 0; i < SPOOLS; i++) {
    pass_through(&options, i * 5);
    if (i == 1) CHECK_OK(respool_pool_trim(pool, 0, kit_error()));
  }
  fault_disarm();
  CHECK_LE(stats_of(pool).bytes, KEEP_BYTES);
  pass_through(&options, 20);
  pass_through(&options, 1);
  CHECK_EQ(stats_of(pool).files, 1);
  CHECK_LE(1, stats_of(pool).files_reused);
  respool_pool_release(pool);
  CHECK_EQ(kit_open_descriptors(), descriptors);
  CHECK_EQ(kit_mappings(directory), 0);
  CHECK_EQ(kit_entries(directory), 0);
  CHECK_EQ(batch_live_arrays(), 0);
  kit_scratch_remove(directory);
  return fault_hits() > 0;
}

static int64_t sweep_points(const struct fault *fault, int32_t replay) {
  int64_t at = 1, points = 0;
  for (; kit_failures() == 0 && spools_in_a_row(fault, at, replay); at += kit_slow() ? 3 : 1) points++;
  return points;
}

/* Once; and every second time, where something gets through then. */
static void sweep(const char *what, struct fault fault, bool often) {
  int64_t points = 0;
  batch_prepare(40);
  for (int pattern = 0; pattern < (often ? 2 : 1); pattern++) {
    fault.pattern = pattern == 0 ? FAULT_ONCE : FAULT_EVERY_SECOND;
    points += sweep_points(&fault, RESPOOL_REPLAY_MAP);
    points += sweep_points(&fault, RESPOOL_REPLAY_READ);
  }
  kit_note("%s: %d fault points", what, (int)points);
  CHECK_LE(1, points);
}

static void the_directory_is_not_told(void) {
  sweep("stat", (struct fault){.targets = FAULT_STAT, .error = EACCES}, true);
}

static void no_file_is_made(void) {
  sweep("open", (struct fault){.targets = FAULT_OPEN, .error = EMFILE}, true);
}

static void the_disk_is_full(void) {
  sweep("pwritev", (struct fault){.targets = FAULT_PWRITEV, .error = ENOSPC}, true);
  sweep("pwritev in part", (struct fault){.targets = FAULT_PWRITEV, .error = ENOSPC, .partial = true}, false);
}

static void files_are_not_cut(void) {
  sweep("ftruncate", (struct fault){.targets = FAULT_FTRUNCATE, .error = EIO}, true);
}

static void closing_fails(void) {
  sweep("close", (struct fault){.targets = FAULT_CLOSE, .error = EIO}, true);
}

static void mappings_are_refused(void) {
  sweep("mmap", (struct fault){.targets = FAULT_MMAP, .error = ENOMEM}, true);
}

static void memory_runs_out(void) {
  sweep("memory", (struct fault){.targets = FAULT_MEMORY, .error = ENOMEM}, false);
}

static const kit_test tests[] = {
    KIT_TEST(the_directory_is_not_told), KIT_TEST(no_file_is_made), KIT_TEST(the_disk_is_full),
    KIT_TEST(files_are_not_cut),         KIT_TEST(closing_fails),   KIT_TEST(mappings_are_refused),
    KIT_TEST(memory_runs_out),
};

int main(int argc, char **argv) {
  fault_install();
  return KIT_MAIN(argc, argv, tests);
}
