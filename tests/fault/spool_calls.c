/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every scenario with every system call failing in turn, in each of the ways a system call can: the n-th one, for n =
 * 1, 2, ... until the scenario passes without having met the fault.
 */
#include "play.h"

#include "check.h"

#include <errno.h>
#include <stdio.h>

struct kind {
  const char *name;
  struct fault fault; /* once; the same lasting is tried too */
};

static const struct kind kinds[] = {
    {"the disk is full", {.targets = FAULT_PWRITEV, .error = ENOSPC}},
    {"the disk is full in the middle of a write", {.targets = FAULT_PWRITEV, .error = ENOSPC, .partial = true}},
    {"the quota is used up", {.targets = FAULT_PWRITEV, .error = EDQUOT, .partial = true}},
    {"the disk fails", {.targets = FAULT_PWRITEV, .error = EIO}},
    {"the disk fails, and the file can't be cut",
     {.targets = FAULT_PWRITEV | FAULT_FTRUNCATE, .error = EIO, .partial = true}},
    {"no more descriptors", {.targets = FAULT_OPEN, .error = EMFILE}},
    {"no permission", {.targets = FAULT_OPEN, .error = EACCES}},
    {"no room for a file", {.targets = FAULT_OPEN, .error = ENOSPC}},
    {"reading fails", {.targets = FAULT_PREAD, .error = EIO}},
    {"reading fails in the middle", {.targets = FAULT_PREAD, .error = EIO, .partial = true}},
    {"neither mapped nor read", {.targets = FAULT_MMAP | FAULT_PREAD, .error = EIO}},
    {"no random bytes for a key", {.targets = FAULT_RANDOM, .error = EIO}},
    {"locking fails", {.targets = FAULT_LOCK, .error = EIO}},
    {"syncing fails", {.targets = FAULT_FSYNC, .error = EIO}},
    {"the disk is full at the sync", {.targets = FAULT_FSYNC, .error = ENOSPC}},
    {"the quota is used up before a write", {.targets = FAULT_PWRITEV, .error = EDQUOT}},
    {"no room for a file within the quota", {.targets = FAULT_OPEN, .error = EDQUOT}},
    {"no more descriptors in the system", {.targets = FAULT_OPEN, .error = ENFILE}},
    {"the system has no memory",
     {.targets = FAULT_OPEN | FAULT_PREAD | FAULT_PWRITEV | FAULT_FTRUNCATE | FAULT_FSYNC | FAULT_MMAP,
      .error = ENOMEM}},
    {"the disk fails, and cannot be read either", {.targets = FAULT_PWRITEV | FAULT_PREAD | FAULT_MMAP, .error = EIO}},
    {"everything fails",
     {.targets = FAULT_OPEN | FAULT_PREAD | FAULT_PWRITEV | FAULT_FTRUNCATE | FAULT_FSYNC | FAULT_MMAP | FAULT_LOCK |
                 FAULT_RANDOM,
      .error = EIO}},
};

/* Those that no caller may notice (but that a key needs a page). */
static const struct kind unnoticed[] = {
    {"short writes", {.targets = FAULT_PWRITEV}},
    {"short reads", {.targets = FAULT_PREAD}},
    {"few random bytes", {.targets = FAULT_RANDOM}},
    {"memory can't be locked", {.targets = FAULT_MLOCK, .error = EPERM}},
    {"short reads and writes", {.targets = FAULT_PWRITEV | FAULT_PREAD}},
    {"mappings are refused", {.targets = FAULT_MMAP, .error = ENOMEM}},
    {"mappings are not permitted", {.targets = FAULT_MMAP, .error = EPERM}},
    {"mappings are refused, and reads are short", {.targets = FAULT_MMAP | FAULT_PREAD}},
    {"closing fails", {.targets = FAULT_CLOSE, .error = EIO}},
};

static const struct kind interruption = {
    "interrupted",
    {.targets = FAULT_OPEN | FAULT_PREAD | FAULT_PWRITEV | FAULT_FTRUNCATE | FAULT_FSYNC | FAULT_LOCK | FAULT_RANDOM,
     .error = EINTR}};

static int64_t sweep_patterns(const struct scenario *scenario, const struct kind *kind, bool endings) {
  struct fault fault = kind->fault;
  fault.pattern = FAULT_ONCE;
  int64_t points = play_points(scenario, &fault, END_HEALED);
  if (kind != &interruption) { /* for ever it would be no interruption */
    fault.pattern = FAULT_FOR_EVER;
    for (int ending = END_HEALED; ending < (endings ? ENDINGS : 1); ending++)
      points += play_points(scenario, &fault, (enum ending)ending);
  }
  fault.pattern = FAULT_EVERY_SECOND;
  return points + play_points(scenario, &fault, END_HEALED);
}

static void sweep_kinds(const struct kind *from, int count, bool endings) {
  for (int k = 0; k < count && kit_failures() == 0; k++) {
    int64_t points = 0;
    for (int s = 0; s < scenario_count && kit_failures() == 0; s++)
      points += sweep_patterns(&scenarios[s], &from[k], endings);
    kit_note("%s: %d fault points in %d scenarios", from[k].name, (int)points, scenario_count);
    CHECK_LE(1, points);
  }
}

static void without_a_fault(void) {
  static const struct fault none = {.targets = 0};
  for (int s = 0; s < scenario_count; s++) CHECK(!play(&scenarios[s], &none, 1, END_HEALED));
}

static void calls_that_fail(void) {
  sweep_kinds(kinds, sizeof kinds / sizeof kinds[0], !kit_slow());
}

static void what_nobody_may_notice(void) {
  sweep_kinds(unnoticed, sizeof unnoticed / sizeof unnoticed[0], false);
  sweep_kinds(&interruption, 1, false);
}

static const kit_test tests[] = {
    KIT_TEST(without_a_fault),
    KIT_TEST(calls_that_fail),
    KIT_TEST(what_nobody_may_notice),
};

int main(int argc, char **argv) {
  fault_install();
  return KIT_MAIN(argc, argv, tests);
}
