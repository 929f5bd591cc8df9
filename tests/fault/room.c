/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Little room: a stream longer than the disk budget goes through, behind one reader, while calls fail. What is refused
 * is tried again after the reader has made room; at the end it has had everything, exactly.
 */
#include "batches.h"

#include "check.h"
#include "fault.h"
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <stdio.h>

enum { BATCHES = 40, CHUNK = 4096, BUDGET = 24 << 10, TRIES_MOST = 200, TRIES_WITH_FAULT = 50 };

struct place {
  const char *name;
  int32_t mode;
  int32_t replay;
  bool dictionaries;
  bool encrypted;
  bool holds; /* in memory, too */
  bool moves; /* to another directory */
};

static const struct place places[] = {
    {.name = "little room, mapped", .mode = RESPOOL_MODE_OVERFLOW, .replay = RESPOOL_REPLAY_MAP},
    {.name = "little room, read, in order", .mode = RESPOOL_MODE_ON_LIMIT, .replay = RESPOOL_REPLAY_READ},
    {.name = "little room, dictionaries",
     .mode = RESPOOL_MODE_OVERFLOW,
     .replay = RESPOOL_REPLAY_MAP,
     .dictionaries = true},
    {.name = "little room, encrypted", .mode = RESPOOL_MODE_OVERFLOW, .encrypted = true},
    {.name = "little room and some memory", .mode = RESPOOL_MODE_ON_LIMIT, .holds = true},
    {.name = "little room, two directories",
     .mode = RESPOOL_MODE_OVERFLOW,
     .replay = RESPOOL_REPLAY_MAP,
     .moves = true},
};

enum { PLACES = sizeof places / sizeof places[0] };

/* A stream on its way through. */
struct passage {
  kit_spool s;
  respool_reader *reader;
  int64_t had;
  struct ArrowArray held; /* the batch before, as long as the next has not come */
};

static void let_go(struct passage *passage) {
  if (passage->held.release == NULL) return;
  fault_pause();
  batch_check(passage->had - 1, &passage->held);
  passage->held.release(&passage->held);
  fault_resume();
}

/* Up to `most` of what there is. An error is this reader's alone, and passes. */
static void read_some(struct passage *passage, int64_t most) {
  for (int64_t i = 0; i < most; i++) {
    struct ArrowArray array;
    respool_status status = respool_reader_next(passage->reader, &array, 0, kit_error());
    if (status != RESPOOL_OK) {
      CHECK(status == RESPOOL_TIMED_OUT || status == RESPOOL_END || respool_status_retryable(status));
      break;
    }
    let_go(passage);
    passage->held = array;
    passage->had++;
  }
}

/* After a refusal. False: it does not end. */
static bool make_room(struct passage *passage, respool_status status, int tries) {
  CHECK(respool_status_retryable(status));
  if (tries == TRIES_WITH_FAULT) fault_disarm();
  read_some(passage, 1);
  if (tries % 8 == 7) let_go(passage);
  return CHECK(tries < TRIES_MOST);
}

static bool put(struct passage *passage, int64_t index) {
  struct ArrowArray array;
  fault_pause();
  batch_make(index, &array);
  fault_resume();
  respool_status status = respool_writer_append(passage->s.writer, &array, kit_error());
  for (int tries = 0; status != RESPOOL_OK && make_room(passage, status, tries); tries++) {
    CHECK(array.release != NULL);
    status = respool_writer_append(passage->s.writer, &array, kit_error());
  }
  if (status != RESPOOL_OK) array.release(&array);
  return status == RESPOOL_OK;
}

static bool finish(struct passage *passage) {
  respool_status status = respool_writer_finish(passage->s.writer, kit_error());
  for (int tries = 0; status != RESPOOL_OK && make_room(passage, status, tries); tries++) {
    status = respool_writer_finish(passage->s.writer, kit_error());
  }
  return status == RESPOOL_OK;
}

static void open_passage(struct passage *passage, const struct place *place, const char *directory) {
  const char *more[] = {directory, NULL};
  respool_options options = kit_options(0, place->mode, NULL);
  options.directory = directory;
  options.replay = place->replay;
  options.write_chunk = CHUNK;
  options.disk_budget = BUDGET;
  options.encryption = place->encrypted && respool_encryption_available();
  if (place->holds) options.memory_cap = 4 * CHUNK;
  if (place->moves) options.more_directories = more;
  REQUIRE_OK(respool_create(batch_schema(), &options, &passage->s.spool, &passage->s.writer, kit_error()));
  passage->reader = kit_reader(passage->s.spool);
  CHECK_OK(respool_drop_behind(passage->s.spool, kit_error()));
}

/* True: the fault was reached. */
static bool pass_through(const struct place *place, const struct fault *fault, int64_t at) {
  const char *directory = kit_scratch();
  int descriptors = kit_open_descriptors();
  struct passage passage = {0};
  fault_scenario(place->name);
  open_passage(&passage, place, directory);
  fault_arm(fault, at);
  for (int64_t i = 0; i < BATCHES && put(&passage, i); i++) {
    if (i % 4 == 3) read_some(&passage, 2);
    CHECK_LE(kit_stats(passage.s.spool).bytes_on_disk, BUDGET);
  }
  bool finished = finish(&passage);
  fault_disarm();
  if (CHECK(finished)) read_some(&passage, BATCHES);
  let_go(&passage);
  CHECK_EQ(passage.had, BATCHES);
  CHECK_ANSWER(passage.reader, RESPOOL_END);
  CHECK_EQ(kit_stats(passage.s.spool).batches_dropped, BATCHES);
  respool_reader_close(passage.reader);
  kit_spool_close(&passage.s);
  CHECK_EQ(kit_open_descriptors(), descriptors);
  CHECK_EQ(kit_mappings(directory), 0);
  CHECK_EQ(kit_entries(directory), 0);
  CHECK_EQ(batch_live_arrays(), 0);
  kit_scratch_remove(directory);
  return fault_hits() > 0;
}

/* Memory is asked for so often that in a short run not every call is tried. */
static int64_t stride(const struct fault *fault) {
  if (kit_slow()) return 7;
  return fault->targets == FAULT_MEMORY && kit_environment("RESPOOL_TEST_FAULTS", 0) == 0 ? 4 : 1;
}

/* `often`: something gets through when every second call fails. */
static void sweep(const char *what, struct fault fault, bool often) {
  int64_t points = 0;
  for (int i = 0; i < PLACES; i++) {
    batch_use(places[i].dictionaries);
    batch_prepare(BATCHES);
    for (int pattern = 0; pattern < (often ? 2 : 1); pattern++) {
      fault.pattern = pattern == 0 ? FAULT_ONCE : FAULT_EVERY_SECOND;
      for (int64_t at = 1; kit_failures() == 0 && pass_through(&places[i], &fault, at); at += stride(&fault)) points++;
    }
  }
  batch_use(false);
  kit_note("%s: %d fault points", what, (int)points);
  CHECK_LE(1, points);
}

static void holes_are_not_made(void) {
  sweep("punch", (struct fault){.targets = FAULT_PUNCH, .error = EINTR}, true);
}

static void the_disk_is_full(void) {
  sweep("pwritev", (struct fault){.targets = FAULT_PWRITEV, .error = ENOSPC}, true);
  sweep("pwritev in part", (struct fault){.targets = FAULT_PWRITEV, .error = EDQUOT, .partial = true}, false);
}

static void the_disk_fails(void) {
  sweep("pwritev and ftruncate", (struct fault){.targets = FAULT_PWRITEV | FAULT_FTRUNCATE, .error = EIO}, true);
}

static void reading_fails(void) {
  sweep("pread and mmap", (struct fault){.targets = FAULT_PREAD | FAULT_MMAP, .error = EIO}, true);
}

static void no_file_is_made(void) {
  sweep("open", (struct fault){.targets = FAULT_OPEN, .error = EMFILE}, true);
}

static void memory_runs_out(void) {
  sweep("memory", (struct fault){.targets = FAULT_MEMORY, .error = ENOMEM}, false);
}

/* A file system that cannot make holes gives nothing back. What the reader has had goes from memory all the same. */
static void nothing_comes_back_without_holes(void) {
  static const struct fault fault = {.targets = FAULT_PUNCH, .error = EOPNOTSUPP, .pattern = FAULT_FOR_EVER};
  int64_t reached = 0;
  for (int i = 0; i < PLACES; i++) {
    batch_use(places[i].dictionaries);
    batch_prepare(BATCHES);
    reached += pass_through(&places[i], &fault, 1);
  }
  batch_use(false);
  CHECK_LE(2, reached); /* where memory does, there is nothing to give back */
}

static const kit_test tests[] = {
    KIT_TEST(holes_are_not_made),
    KIT_TEST(the_disk_is_full),
    KIT_TEST(the_disk_fails),
    KIT_TEST(reading_fails),
    KIT_TEST(no_file_is_made),
    KIT_TEST(memory_runs_out),
    KIT_TEST(nothing_comes_back_without_holes),
};

int main(int argc, char **argv) {
  fault_install();
  return KIT_MAIN(argc, argv, tests);
}
