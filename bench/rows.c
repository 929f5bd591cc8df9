/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and their samples, time, and giving up. */
#include "bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t bench_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bench_die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("respool_bench: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

row *bench_row(bench *b, const char *name, unit measured_in, const char *limit_name) {
  BENCH_NEED(b->rows_count < BENCH_ROWS, "too many rows");
  row *r = &b->rows[b->rows_count++];
  *r = (row){.name = name, .limit_name = limit_name, .unit = measured_in};
  return r;
}

static void add(samples *s, double value) {
  BENCH_NEED(s->count < BENCH_SAMPLES, "too many samples");
  s->values[s->count++] = value;
}

void bench_sample(row *r, double value, double limit) {
  add(&r->value, value);
  add(&r->limit, limit);
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

double bench_ratio(const row *r) {
  double value = samples_median(&r->value), limit = samples_median(&r->limit);
  bool less_is_better = r->unit == UNIT_NS || r->unit == UNIT_BYTES;
  if (value <= 0 || limit <= 0) return 0;
  return less_is_better ? limit / value : value / limit;
}
