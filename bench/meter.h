/* SPDX-License-Identifier: Apache-2.0 */
/* What a piece of work takes: time, time of all processors, and memory. */
#ifndef RESPOOL_BENCH_METER_H
#define RESPOOL_BENCH_METER_H

#include <stdint.h>

typedef struct meter {
  int64_t taken; /* ns */
  int64_t cpu;   /* ns of all threads, user and system */

  /* KiB that memory grew by; -1: the system does not tell. */
  int64_t resident;  /* at most, mapped files included */
  int64_t anonymous; /* in the end */

  /* When it was started, and what memory there was when it was opened. */
  int64_t began;
  int64_t cpu_began;
  int64_t resident_before;
  int64_t anonymous_before;
} meter;

/* Of one stream. */
typedef struct passes {
  meter write;
  meter replay;
} passes;

/* Nothing taken yet; the system's high-water mark of memory starts again from here. */
void meter_open(meter *m);

/* From here to there counts; as often as wanted. */
void meter_start(meter *m);
void meter_pause(meter *m);

/* Take down the memory. Nothing that counts may have been freed. */
void meter_close(meter *m);

/* Open and start; pause and close. */
void meter_begin(meter *m);
void meter_end(meter *m);

/* A value such as "VmRSS" of the process, in KiB; -1: not told. */
int64_t meter_memory(const char *what);

#endif
