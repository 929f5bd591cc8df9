/* SPDX-License-Identifier: Apache-2.0 */
/* Rows, their samples, and what meters show as figures. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static row *new_row(bench *b, unit measured_in, const char *limit_name, goal to_reach) {
  BENCH_NEED(b->rows_count < BENCH_ROWS, "too many rows");
  row *r = &b->rows[b->rows_count++];
  *r = (row){.workload = b->workload, .limit_name = limit_name, .unit = measured_in, .goal = to_reach};
  return r;
}

row *bench_row(bench *b, unit measured_in, const char *limit_name, goal to_reach, const char *name, ...) {
  va_list arguments;
  row *r = new_row(b, measured_in, limit_name, to_reach);
  va_start(arguments, name);
  vsnprintf(r->name, sizeof r->name, name, arguments);
  va_end(arguments);
  return r;
}

row *bench_point(bench *b, unit measured_in, const char *limit_name, axis against, double at, const char *name) {
  row *r = new_row(b, measured_in, limit_name, NO_GOAL);
  snprintf(r->name, sizeof r->name, "%s", name);
  r->axis = against;
  r->at = at;
  return r;
}

/* ---- Samples ----------------------------------------------------------------------------------------- */

static void add(samples *s, double value) {
  BENCH_NEED(s->count < BENCH_SAMPLES, "too many samples");
  s->values[s->count++] = value;
}

static void add_measured(samples *s, double value) {
  if (value >= 0) add(s, value);
}

void bench_sample_alone(row *r, figure value) {
  int64_t reported = bench_reported_since();
  if (reported > r->reported_kib) r->reported_kib = reported;
  add(&r->value, value.value);
  add_measured(&r->cpu, value.cpu);
  add_measured(&r->resident, value.resident);
  add_measured(&r->anonymous, value.anonymous);
}

void bench_sample(row *r, figure value, figure limit) {
  bench_sample_alone(r, value);
  add(&r->limit, limit.value);
  add_measured(&r->limit_cpu, limit.cpu);
}

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int compare_numbers(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static samples sorted(const samples *s) {
  samples copy = *s;
  qsort(copy.values, (size_t)copy.count, sizeof copy.values[0], compare_doubles);
  return copy;
}

double samples_median(const samples *s) {
  if (s->count == 0) return 0;
  samples in_order = sorted(s);
  return (in_order.values[(s->count - 1) / 2] + in_order.values[s->count / 2]) / 2;
}

double samples_least(const samples *s) {
  return s->count == 0 ? 0 : sorted(s).values[0];
}

double samples_most(const samples *s) {
  return s->count == 0 ? 0 : sorted(s).values[s->count - 1];
}

int64_t bench_quantile(int64_t *numbers, int64_t count, double part) {
  qsort(numbers, (size_t)count, sizeof *numbers, compare_numbers);
  return numbers[(int64_t)((double)(count - 1) * part)];
}

/* ---- What they come to ------------------------------------------------------------------------------- */

bool bench_less_is_better(const row *r) {
  return r->unit == UNIT_NS || r->unit == UNIT_BYTES;
}

double bench_ratio(const row *r) {
  double value = samples_median(&r->value), limit = samples_median(&r->limit);
  if (value <= 0 || limit <= 0) return 0;
  return bench_less_is_better(r) ? limit / value : value / limit;
}

bool bench_missed(const row *r) {
  double value = samples_median(&r->value);
  switch (r->goal.kind) {
  case GOAL_RATIO:
    return bench_ratio(r) < r->goal.value;
  case GOAL_FIGURE:
    return bench_less_is_better(r) ? value > r->goal.value : value < r->goal.value;
  default:
    return false;
  }
}

const char *bench_unit_name(unit measured_in) {
  static const char *const names[] = {"GB/s", "batch/s", "ns", "bytes"};
  return names[measured_in];
}

const char *bench_axis_name(axis against) {
  static const char *const names[] = {"", "batches", "columns", "readers", "bytes"};
  return names[against];
}

static figure figure_of(const meter *m, double value, int64_t bytes) {
  return (figure){.value = value,
                  .cpu = bytes > 0 ? (double)m->cpu / (double)bytes : -1,
                  .resident = (double)m->resident,
                  .anonymous = (double)m->anonymous};
}

figure figure_rate(const meter *m, int64_t bytes) {
  return figure_of(m, (double)bytes / (double)m->taken, bytes);
}

figure figure_per_second(const meter *m, int64_t count, int64_t bytes) {
  return figure_of(m, (double)count * 1e9 / (double)m->taken, bytes);
}

figure figure_each(const meter *m, int64_t count, int64_t bytes) {
  return figure_of(m, (double)m->taken / (double)count, bytes);
}

figure figure_processor(const meter *m, int64_t count, int64_t bytes) {
  return figure_of(m, (double)m->cpu / (double)count, bytes);
}

figure figure_plain(double value) {
  return (figure){value, -1, -1, -1};
}
