/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured, as a table for people and as JSON for programs. */
#include "bench.h"

#include <inttypes.h>
#include <respool/respool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *const unit_names[] = {"GB/s", "batches/s", "ns", "bytes"};

static void put_number(double value) {
  if (value < 100)
    printf("  %12.2f", value);
  else
    printf("  %12.0f", value);
}

/* How far the samples lie apart, in hundredths of their median. */
static double spread(const samples *s) {
  double median = samples_median(s);
  return median > 0 ? 100 * (samples_most(s) - samples_least(s)) / median : 0;
}

static void put_row(const row *r) {
  printf("%6.2f  %-38s", bench_ratio(r), r->name);
  put_number(samples_median(&r->value));
  put_number(samples_median(&r->limit));
  printf("  %-9s  %5.0f%% %5.0f%%  %s\n", unit_names[r->unit], spread(&r->value), spread(&r->limit), r->limit_name);
}

static double cpu_seconds(const struct rusage *used) {
  return (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
         (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e6;
}

/* Memory handed back during a run makes the next writes slow, and the run void. */
static void put_reported(const bench *b) {
  if (b->reported_kib < 0) return;
  printf("memory handed back to the host during the run: %" PRId64 " KiB%s\n", b->reported_kib,
         b->reported_kib > 0 ? ": figures that involve files may be too low on both sides" : "");
}

void bench_report_table(const bench *b) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("\nrespool %s, %ld processors, files of %" PRId64 " MiB in %s, medians of %d\n", respool_version(),
         sysconf(_SC_NPROCESSORS_ONLN), b->size >> 20, b->directory, b->repeats);
  printf("ratio: how near the machine's limit, measured beside it; 1 is there\n");
  printf("apart: from the least to the most sample, of both\n\n");
  printf("%6s  %-38s  %12s  %12s  %-9s  %13s  %s\n", "ratio", "work", "respool", "limit", "unit", "apart",
         "the limit is");
  for (int i = 0; i < b->rows_count; i++) put_row(&b->rows[i]);
  printf("\nwarm-up: %.1f GB/s at try %d\n", b->warm_rate, b->warm_tries);
  put_reported(b);
  printf("whole run: %.1f s of processor time, at most %ld MiB resident, mapped files included\n", cpu_seconds(&used),
         used.ru_maxrss / 1024);
}

static void json_samples(const char *name, const samples *s) {
  printf("\"%s\": {\"median\": %.9g, \"least\": %.9g, \"most\": %.9g}", name, samples_median(s), samples_least(s),
         samples_most(s));
}

static void json_row(const row *r) {
  printf("    {\"work\": \"%s\", \"ratio\": %.4f, \"unit\": \"%s\", ", r->name, bench_ratio(r), unit_names[r->unit]);
  json_samples("respool", &r->value);
  printf(", ");
  json_samples("limit", &r->limit);
  printf(", \"limit_is\": \"%s\"}", r->limit_name);
}

void bench_report_json(const bench *b) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("{\n  \"version\": \"%s\",\n  \"processors\": %ld,\n  \"bytes\": %" PRId64 ",\n", respool_version(),
         sysconf(_SC_NPROCESSORS_ONLN), b->size);
  printf("  \"repeats\": %d,\n  \"quick\": %s,\n", b->repeats, b->quick ? "true" : "false");
  printf("  \"warm_up\": {\"gb_per_s\": %.3f, \"tries\": %d},\n", b->warm_rate, b->warm_tries);
  if (b->reported_kib >= 0) printf("  \"reported_kib\": %" PRId64 ",\n", b->reported_kib);
  printf("  \"cpu_seconds\": %.3f,\n  \"peak_resident_kib\": %ld,\n", cpu_seconds(&used), used.ru_maxrss);
  printf("  \"rows\": [\n");
  for (int i = 0; i < b->rows_count; i++) {
    json_row(&b->rows[i]);
    printf(i + 1 < b->rows_count ? ",\n" : "\n");
  }
  printf("  ]\n}\n");
}
