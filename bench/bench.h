/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of the benchmarks: what a run is asked to do, and the rows it fills. A row is one figure of respool's
 * with the machine's own limit for the same work, measured in the same run; each has several samples, of which the
 * median counts.
 */
#ifndef RESPOOL_BENCH_BENCH_H
#define RESPOOL_BENCH_BENCH_H

#include "meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_SAMPLES = 32, BENCH_ROWS = 256 };

typedef struct samples {
  double values[BENCH_SAMPLES];
  int count;
} samples;

typedef enum unit {
  UNIT_GB_PER_S,      /* 10^9 bytes a second */
  UNIT_BATCHES_PER_S, /* the more the better, as above */
  UNIT_NS,            /* the fewer the better, as below */
  UNIT_BYTES
} unit;

/* What a row is to reach: a ratio to its limit, or a figure of its own. */
typedef struct goal {
  enum { GOAL_NONE, GOAL_RATIO, GOAL_FIGURE } kind;
  double value;
} goal;

#define NO_GOAL        ((goal){GOAL_NONE, 0})
#define RATIO_GOAL(x)  ((goal){GOAL_RATIO, x})
#define FIGURE_GOAL(x) ((goal){GOAL_FIGURE, x})

/* What a row's figure is plotted against, where it is one point of a curve. */
typedef enum axis { AXIS_NONE, AXIS_BATCHES, AXIS_COLUMNS, AXIS_READERS, AXIS_BYTES } axis;

typedef struct row {
  char name[64];
  const char *workload;
  const char *limit_name; /* what the limit is; NULL: there is none */
  unit unit;
  goal goal;
  axis axis;
  double at; /* where on the axis */
  samples value;
  samples limit;
  samples cpu;          /* seconds of processor time for 10^9 bytes */
  samples limit_cpu;    /* as well */
  samples resident;     /* KiB that resident memory grew by at most, mapped files included */
  samples anonymous;    /* KiB that anonymous memory had grown by at the end */
  int64_t reported_kib; /* handed back to the host during a sample, at most */
} row;

typedef struct bench {
  /* Asked for. */
  const char *directory;
  int64_t size; /* bytes of the big workload */
  int64_t most; /* batches of the largest small workload */
  int repeats;
  bool quick;

  /* Found. */
  const char *workload; /* that runs now */
  int rows_count;
  row rows[BENCH_ROWS];
  double warm_rate; /* GB/s of the last file written to warm up */
  int warm_tries;
  int64_t reported_kib; /* memory handed back to the host during the run, -1: not known */
} bench;

typedef struct workload {
  const char *name;
  const char *about;
  void (*run)(bench *);
  bool extra; /* runs only when it is named */
} workload;

/* One sample, with what it took beside the time; what is negative was not measured. */
typedef struct figure {
  double value;
  double cpu; /* seconds for 10^9 bytes */
  double resident;
  double anonymous;
} figure;

/* A new row, filled by bench_sample(). `limit_name` must outlive the run. */
row *bench_row(bench *b, unit measured_in, const char *limit_name, goal to_reach, const char *name, ...)
    __attribute__((format(printf, 5, 6)));

/* A row that is a point of a curve, too. */
row *bench_point(bench *b, unit measured_in, const char *limit_name, axis against, double at, const char *name);

/* One sample of both. */
void bench_sample(row *r, figure value, figure limit);

/* One sample where there is no limit. */
void bench_sample_alone(row *r, figure value);

/* What a meter shows: GB/s, batches a second, ns for each of `count`. `bytes` went through. */
figure figure_rate(const meter *m, int64_t bytes);
figure figure_per_second(const meter *m, int64_t count, int64_t bytes);
figure figure_each(const meter *m, int64_t count, int64_t bytes);

/* As the last, in processor time. */
figure figure_processor(const meter *m, int64_t count, int64_t bytes);

/* A number that has no costs of its own. */
figure figure_plain(double value);

double samples_median(const samples *s);
double samples_least(const samples *s);
double samples_most(const samples *s);

/* The value at `part` (0 to 1) of `count` numbers, which are sorted by this. */
int64_t bench_quantile(int64_t *numbers, int64_t count, double part);

/* How near the limit is: 1 is there, less is short of it; 0 where there is none. */
double bench_ratio(const row *r);

/* Of the row's unit. */
bool bench_less_is_better(const row *r);

/* Whether the row has a goal and does not reach it. */
bool bench_missed(const row *r);

const char *bench_unit_name(unit measured_in);
const char *bench_axis_name(axis against);

/* Write and delete a file of the run's size until that is as fast as it gets, so that pages which the host took back
 * are there again. */
void bench_warm_up(bench *b);

/* Before each sample. */
void bench_begin_sample(void);

/* The same as warming up, but not as often, where memory may be handed back at all: before each side of a sample that
 * writes much, so that both write into pages alike. */
void bench_warm_pages(bench *b);

/* Memory handed back to the host since the sample began, in KiB, but for what it took to warm up. */
int64_t bench_reported_since(void);

/* Memory handed back to the host since the system started, -1 where that is not told. */
int64_t bench_reported_kib(void);

void bench_report_table(const bench *b);
void bench_report_json(const bench *b);

int64_t bench_now(void); /* ns */

/* Print why and end the run. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the run where `holds` is false. */
#define BENCH_NEED(holds, ...) ((holds) ? (void)0 : bench_die(__VA_ARGS__))

/* respool_bench --emit WORKLOAD FILE [BATCHES]: write a workload's batches for other programs. Returns the exit
 * status. */
int bench_emit(int argc, char **argv);

/* What was read must be what was written, or nothing was measured. */
void bench_need_sum(uint64_t sum, uint64_t expected);

/* Memory, or the end of the run. */
void *bench_allocate(size_t size);

/* Run `work` on each of `count` arguments of `size` bytes, in as many threads, the first in this one. */
void bench_in_threads(int count, void *arguments, size_t size, void *(*work)(void *));

/* The median of what an append takes while so many readers wait. */
figure waiting_append(const bench *b, int readers);

/* The workloads. */
void bench_big(bench *b);
void bench_big_read(bench *b);
void bench_reused(bench *b);
void bench_named(bench *b);
void bench_strings(bench *b);
void bench_nested(bench *b);
void bench_dictionary(bench *b);
void bench_compressed(bench *b);
void bench_sealed(bench *b);
void bench_held(bench *b);
void bench_spilled(bench *b);
void bench_small(bench *b);
void bench_crossing(bench *b);
void bench_wide(bench *b);
void bench_waiting(bench *b);
void bench_slices(bench *b);
void bench_follow(bench *b);
void bench_cold(bench *b);
void bench_scale_batches(bench *b);
void bench_scale_columns(bench *b);
void bench_scale_readers(bench *b);
void bench_scale_bytes(bench *b);

#endif
