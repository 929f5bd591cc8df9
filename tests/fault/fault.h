/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults: the so-manieth of the library's system calls or allocations fails, once, for ever, or every second time.
 * Everything else goes to the system as it is. May be used from any threads.
 */
#ifndef RESPOOL_TESTS_FAULT_FAULT_H
#define RESPOOL_TESTS_FAULT_FAULT_H

#include <respool/respool.h>
#include <stdbool.h>
#include <stdint.h>

/* What can fail; combined as bits. */
enum {
  FAULT_OPEN = 1 << 0,
  FAULT_CLOSE = 1 << 1, /* closes all the same */
  FAULT_FSTAT = 1 << 2,
  FAULT_READ = 1 << 3,
  FAULT_PREAD = 1 << 4,
  FAULT_WRITEV = 1 << 5,
  FAULT_PWRITEV = 1 << 6,
  FAULT_FTRUNCATE = 1 << 7,
  FAULT_FSYNC = 1 << 8,
  FAULT_MMAP = 1 << 9,
  FAULT_MEMORY = 1 << 10, /* allocations */
  FAULT_STAT = 1 << 11,
  FAULT_LOCK = 1 << 12, /* of a file; giving it up as well */
  FAULT_RANDOM = 1 << 13,
  FAULT_MLOCK = 1 << 14, /* of memory */
  FAULT_PUNCH = 1 << 15,
};

/* Which calls fail, counted from the first that one of the targets makes after arming. */
enum fault_pattern {
  FAULT_ONCE,
  FAULT_FOR_EVER,
  FAULT_EVERY_SECOND,
  FAULT_BY_CHANCE /* the first, then one in four */
};

struct fault {
  unsigned targets;
  int error;    /* errno; 0: a transfer does half of what was asked, and succeeds */
  bool partial; /* a transfer does half of it first, and fails at the next call */
  enum fault_pattern pattern;
};

/* Put the faulty calls in place of the system's, for good; nothing fails yet. Before there are threads. */
void fault_install(void);

/* From call number `at` (1 is the next) on, `fault` applies. */
void fault_arm(const struct fault *fault, int64_t at);
void fault_disarm(void);

/* Nothing fails, and nothing is counted, between these: for looking at what a fault has done. */
void fault_pause(void);
void fault_resume(void);

/* Since it was armed: how many calls failed, and which targets were among them. Stays after disarming. */
int64_t fault_hits(void);
unsigned fault_hit_targets(void);

/*
 * The figures that a program prints when it ends: how many scenarios met faults (those whose names differ: the one
 * named last counts, from the next arming on), how many kinds of faults (calls, error, in part or not, pattern), how
 * many fault points (runs in which the fault was reached), and how many calls failed in all of them.
 */
void fault_scenario(const char *name);

/* Fault points of a program that has faults of its own making. */
void fault_figures_add(int scenarios, int kinds, int64_t points);

/* The status that the library makes of a fault's error. */
respool_status fault_status(const struct fault *fault);

#endif
