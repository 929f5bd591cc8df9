/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured, as JSON for programs. Texts are this program's own and need no escapes. */
#include "bench.h"

#include <inttypes.h>
#include <respool/respool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

static void put_samples(const char *name, const samples *s) {
  printf("\"%s\": ", name);
  if (s->count == 0) {
    printf("null");
    return;
  }
  printf("{\"median\": %.6g, \"least\": %.6g, \"most\": %.6g, \"samples\": [", samples_median(s), samples_least(s),
         samples_most(s));
  for (int i = 0; i < s->count; i++) printf("%s%.6g", i > 0 ? ", " : "", s->values[i]);
  printf("]}");
}

static void put_goal(const row *r) {
  if (r->goal.kind == GOAL_NONE) return;
  printf(", \"goal\": {\"%s\": %g, \"reached\": %s}", r->goal.kind == GOAL_RATIO ? "ratio" : "figure", r->goal.value,
         bench_missed(r) ? "false" : "true");
}

static void put_point(const row *r) {
  if (r->axis != AXIS_NONE) printf(", \"axis\": \"%s\", \"at\": %.12g", bench_axis_name(r->axis), r->at);
}

static void put_row(const row *r) {
  printf("    {\"workload\": \"%s\", \"work\": \"%s\", \"unit\": \"%s\"", r->workload, r->name,
         bench_unit_name(r->unit));
  put_point(r);
  if (r->limit.count > 0) printf(", \"ratio\": %.4f, \"limit_is\": \"%s\"", bench_ratio(r), r->limit_name);
  put_goal(r);
  printf(", \"reported_kib\": %" PRId64 ",\n     ", r->reported_kib);
  put_samples("respool", &r->value);
  printf(",\n     ");
  put_samples("limit", &r->limit);
  printf(",\n     ");
  put_samples("cpu_s_per_gb", &r->cpu);
  printf(", ");
  put_samples("limit_cpu_s_per_gb", &r->limit_cpu);
  printf(",\n     ");
  put_samples("resident_kib", &r->resident);
  printf(", ");
  put_samples("anonymous_kib", &r->anonymous);
  printf("}");
}

static double seconds(const struct timeval *t) {
  return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

void bench_report_json(const bench *b) {
  struct rusage used;
  struct utsname system;
  getrusage(RUSAGE_SELF, &used);
  uname(&system);
  printf("{\n  \"version\": \"%s\",\n  \"system\": \"%s %s\",\n  \"processors\": %ld,\n", respool_version(),
         system.sysname, system.machine, sysconf(_SC_NPROCESSORS_ONLN));
  printf("  \"bytes\": %" PRId64 ",\n  \"repeats\": %d,\n  \"quick\": %s,\n", b->size, b->repeats,
         b->quick ? "true" : "false");
  printf("  \"warm_up\": {\"gb_per_s\": %.3f, \"tries\": %d},\n", b->warm_rate, b->warm_tries);
  printf("  \"reported_kib\": %" PRId64 ",\n", b->reported_kib);
  printf("  \"user_seconds\": %.3f,\n  \"system_seconds\": %.3f,\n  \"peak_resident_kib\": %ld,\n  \"rows\": [\n",
         seconds(&used.ru_utime), seconds(&used.ru_stime), used.ru_maxrss);
  for (int i = 0; i < b->rows_count; i++) {
    put_row(&b->rows[i]);
    printf(i + 1 < b->rows_count ? ",\n" : "\n");
  }
  printf("  ]\n}\n");
}
