/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured, as a table for people. */
#include "bench.h"

#include <inttypes.h>
#include <respool/respool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef char text[16];

/* Three digits and the prefix of a thousand. */
static const char *number(double value, text to) {
  static const char prefixes[] = " kMGTP";
  int k = 0;
  if (value < 1000 && value == (int)value) {
    snprintf(to, sizeof(text), "%d", (int)value);
    return to;
  }
  for (; value >= 999.5 && k < 5; k++) value /= 1000;
  int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  snprintf(to, sizeof(text), "%.*f%.*s", decimals, value, k > 0, prefixes + k);
  return to;
}

static void put_samples(const samples *s) {
  text median, least, most;
  char span[40];
  if (s->count == 0) {
    printf(" %6s %11s", "-", "-");
    return;
  }
  snprintf(span, sizeof span, "%s-%s", number(samples_least(s), least), number(samples_most(s), most));
  printf(" %6s %11s", number(samples_median(s), median), span);
}

static void put_cost(const samples *s, double scale) {
  text cost;
  printf(" %5s", s->count == 0 ? "-" : number(samples_median(s) * scale, cost));
}

static void put_ratio(const row *r) {
  char ratio[16] = "-", to_reach[16] = "-";
  text wanted;
  if (r->limit.count > 0) snprintf(ratio, sizeof ratio, "%.2f", bench_ratio(r));
  if (r->goal.kind == GOAL_RATIO) snprintf(to_reach, sizeof to_reach, "%.2f", r->goal.value);
  if (r->goal.kind == GOAL_FIGURE)
    snprintf(to_reach, sizeof to_reach, "%s%s", bench_less_is_better(r) ? "<" : ">", number(r->goal.value, wanted));
  printf("%5s%c %5s", ratio, bench_missed(r) ? '!' : ' ', to_reach);
}

/* Which of the limits it is, counted in the order in which they come up. */
static int limit_index(const bench *b, const row *r) {
  int index = 0;
  for (int i = 0; i < b->rows_count; i++) {
    const char *name = b->rows[i].limit_name;
    bool seen = name == NULL;
    if (name != NULL && strcmp(name, r->limit_name) == 0) return index;
    for (int k = 0; k < i && !seen; k++)
      seen = b->rows[k].limit_name != NULL && strcmp(name, b->rows[k].limit_name) == 0;
    if (!seen) index++;
  }
  return index;
}

static void put_row(const bench *b, const row *r) {
  char name[96];
  text at;
  if (r->axis == AXIS_NONE)
    snprintf(name, sizeof name, "%s", r->name);
  else
    snprintf(name, sizeof name, "%s, %s %s", r->name, number(r->at, at), bench_axis_name(r->axis));
  put_ratio(r);
  printf("  %-36s", name);
  put_samples(&r->value);
  put_samples(&r->limit);
  printf(" %-7s", bench_unit_name(r->unit));
  put_cost(&r->cpu, 1);
  put_cost(&r->resident, 1 / 1024.0);
  put_cost(&r->anonymous, 1 / 1024.0);
  if (r->limit_name != NULL) printf(" %2d", limit_index(b, r) + 1);
  printf("%s\n", r->reported_kib > 0 ? " ~" : "");
}

static void put_limits(const bench *b) {
  int next = 0;
  printf("\nlimits:\n");
  for (int i = 0; i < b->rows_count; i++) {
    const row *r = &b->rows[i];
    if (r->limit_name == NULL || limit_index(b, r) != next) continue;
    printf("%4d  %s\n", ++next, r->limit_name);
  }
}

/* Memory handed back during a run makes the next writes slow, and the rows concerned void. */
static void put_reported(const bench *b) {
  if (b->reported_kib < 0) return;
  printf("memory handed back to the host during the run: %" PRId64 " KiB\n", b->reported_kib);
  if (b->reported_kib == 0) return;
  printf("~: some of it during a sample of these rows. Where they write files the figures may be too low, of both\n");
}

static void put_missed(const bench *b) {
  int goals = 0, missed = 0;
  for (int i = 0; i < b->rows_count; i++) {
    goals += b->rows[i].goal.kind != GOAL_NONE;
    missed += bench_missed(&b->rows[i]);
  }
  if (goals > 0) printf("%d of %d rows with a goal reach it\n", goals - missed, goals);
}

void bench_report_table(const bench *b) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("\nrespool %s, %ld processors, files of %" PRId64 " MiB in %s, medians of %d\n\n", respool_version(),
         sysconf(_SC_NPROCESSORS_ONLN), b->size >> 20, b->directory, b->repeats);
  printf("%5s  %5s  %-36s %6s %11s %6s %11s %-7s %5s %5s %5s %2s\n", "ratio", "goal", "work", "spool", "min-max",
         "limit", "min-max", "unit", "s/GB", "MiB", "anon", "of");
  for (int i = 0; i < b->rows_count; i++) put_row(b, &b->rows[i]);
  put_limits(b);
  printf(
      "\nratio: how near the limit; 1 is there, ! misses the goal. s/GB: processor seconds for 10^9 bytes of values.\n"
      "MiB: resident memory grew by at most so much, mapped files included; anon: and without, at the end\n");
  put_missed(b);
  printf("warm-up: %.1f GB/s at try %d\n", b->warm_rate, b->warm_tries);
  put_reported(b);
  printf("whole run: %.1f s of processor time\n", (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                                                      (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}
