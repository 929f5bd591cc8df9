/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of the benchmarks: what a run is asked to do, and the rows it fills. A row is one figure of respool's with the
 * machine's own limit for the same work, measured in the same run; each has several samples, of which the median counts.
 */
#ifndef RESPOOL_BENCH_BENCH_H
#define RESPOOL_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_SAMPLES = 32, BENCH_ROWS = 48 };

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

typedef struct row {
  const char *name;
  const char *limit_name; /* what the limit is */
  unit unit;
  samples value;
  samples limit;
} row;

typedef struct bench {
  /* Asked for. */
  const char *directory;
  int64_t size; /* bytes of the big workload */
  int64_t most; /* batches of the largest small workload */
  int repeats;
  bool quick;

  /* Found. */
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
} workload;

/* A new row, filled by bench_sample(). Texts must outlive the run. */
row *bench_row(bench *b, const char *name, unit measured_in, const char *limit_name);

/* One sample of both. */
void bench_sample(row *r, double value, double limit);

double samples_median(const samples *s);
double samples_least(const samples *s);
double samples_most(const samples *s);

/* The value at `part` (0 to 1) of `count` numbers, which are sorted by this. */
int64_t bench_quantile(int64_t *numbers, int64_t count, double part);

/* How near the limit is: 1 is there, less is short of it. */
double bench_ratio(const row *r);

/* Write and delete a file of the run's size until that is as fast as it gets, so that pages which the host took back are
 * there again. */
void bench_warm_up(bench *b);

/* Memory handed back to the host since the system started, -1 where that is not told. */
int64_t bench_reported_kib(void);

void bench_report_table(const bench *b);
void bench_report_json(const bench *b);

int64_t bench_now(void); /* ns */

/* Print why and end the run. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the run where `holds` is false. */
#define BENCH_NEED(holds, ...) ((holds) ? (void)0 : bench_die(__VA_ARGS__))

/* respool_bench --emit WORKLOAD FILE [BATCHES]: write a workload's batches for other programs. Returns the exit status. */
int bench_emit(int argc, char **argv);

/* The workloads. */
void bench_big(bench *b);
void bench_named(bench *b);
void bench_held(bench *b);
void bench_spilled(bench *b);
void bench_slices(bench *b);
void bench_follow(bench *b);

#endif
