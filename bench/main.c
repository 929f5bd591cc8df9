/* SPDX-License-Identifier: Apache-2.0 */
/* respool_bench: options, the table of workloads, and a run over them. */
#include "bench.h"
#include "source.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const workload workloads[] = {
    {"big", "batches of 1 MiB written to disk, replayed from a mapping", bench_big, false},
    {"big-read", "the same, replayed by reading", bench_big_read, false},
    {"reused", "the same into the file of a spool before, from a pool", bench_reused, false},
    {"named", "the same to a named file", bench_named, false},
    {"strings", "batches of 65,536 rows of utf8 and int64, in both ways", bench_strings, false},
    {"nested", "batches of a struct of int64 and lists of float64", bench_nested, false},
    {"dictionary", "batches of words in a dictionary", bench_dictionary, false},
    {"compressed", "strings and integers, compressed", bench_compressed, false},
    {"sealed", "with checksums, and encrypted, beside the same without", bench_sealed, false},
    {"held", "batches of 16 rows kept in memory and replayed", bench_held, false},
    {"spilled", "100,000 batches of 16 rows written to disk and replayed", bench_spilled, false},
    {"slices", "1,024 slices of one array of 1 GiB", bench_slices, false},
    {"small", "small spools from end to end", bench_small, false},
    {"crossing", "the limit is crossed with 1 GiB buffered", bench_crossing, false},
    {"wide", "a reader that wants 2 of 200 columns", bench_wide, false},
    {"waiting", "appends while 64 readers wait", bench_waiting, false},
    {"follow", "the delay of a waiting reader", bench_follow, false},
    {"cold", "replay of what is not in the page cache", bench_cold, true},
    {"batches", "costs by the number of batches, 1,000 to 1,000,000", bench_scale_batches, true},
    {"columns", "costs by the number of columns, 1 to 1,000", bench_scale_columns, true},
    {"readers", "costs by the number of readers, 1 to 64", bench_scale_readers, true},
    {"bytes", "costs by the number of bytes, up to 20 GiB", bench_scale_bytes, true},
};

enum { WORKLOADS = sizeof workloads / sizeof workloads[0] };

typedef struct request {
  bool chosen[WORKLOADS]; /* none: all that are not extra */
  bool any;
  bool json;
} request;

static void list_workloads(FILE *to) {
  for (int i = 0; i < WORKLOADS; i++)
    fprintf(to, "  %-12s %s%s\n", workloads[i].name, workloads[i].about,
            workloads[i].extra ? " (only when named)" : "");
}

static void usage(FILE *to) {
  fprintf(to, "Usage: respool_bench [OPTION]... [WORKLOAD]...\n"
              "Measure respool beside the limits of this machine.\n"
              "\n"
              "  --quick          smaller and fewer: some seconds\n"
              "  --size MIB       of the files of the big workloads (default 2048)\n"
              "  --repeats N      samples of each figure (default 5)\n"
              "  --directory DIR  where the files go (default $TMPDIR, else /var/tmp)\n"
              "  --json           print JSON, not a table\n"
              "  --list           list the workloads\n"
              "  --help\n"
              "\n"
              "  --emit WORKLOAD FILE [BATCHES]  only write the batches of a workload as an Arrow IPC stream\n"
              "\n"
              "Workloads:\n");
  list_workloads(to);
}

_Noreturn static void wrong_usage(const char *what, const char *text) {
  fprintf(stderr, "respool_bench: %s: %s (--help tells more)\n", what, text);
  exit(2);
}

static int64_t number_of(const char *option, const char *text, int64_t most) {
  char *end;
  long long value = strtoll(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value < 1 || value > most) wrong_usage(option, text);
  return value;
}

static void choose(request *r, const char *name) {
  for (int i = 0; i < WORKLOADS; i++) {
    if (strcmp(workloads[i].name, name) != 0) continue;
    r->chosen[i] = r->any = true;
    return;
  }
  wrong_usage("no such workload", name);
}

static void set_defaults(bench *b) {
  if (b->size == 0) b->size = (int64_t)(b->quick ? 256 : 2048) << 20;
  if (b->repeats == 0) b->repeats = b->quick ? 3 : 5;
  b->most = b->quick ? 100000 : 1000000;
  if (b->directory == NULL) b->directory = getenv("TMPDIR");
  if (b->directory == NULL || *b->directory == '\0') b->directory = "/var/tmp";
}

/* One option; what is not known was reported by getopt_long(). */
static void apply(bench *b, request *r, int option, const char *value) {
  switch (option) {
  case 'q':
    b->quick = true;
    break;
  case 's':
    b->size = number_of("--size", value, 1 << 20) << 20;
    break;
  case 'r':
    b->repeats = (int)number_of("--repeats", value, BENCH_SAMPLES);
    break;
  case 'd':
    b->directory = value;
    break;
  case 'j':
    r->json = true;
    break;
  case 'l':
    list_workloads(stdout);
    exit(0);
  case 'h':
    usage(stdout);
    exit(0);
  default:
    exit(2);
  }
}

static void read_options(bench *b, request *r, int argc, char **argv) {
  static const struct option options[] = {
      {"quick", no_argument, NULL, 'q'},         {"size", required_argument, NULL, 's'},
      {"repeats", required_argument, NULL, 'r'}, {"directory", required_argument, NULL, 'd'},
      {"json", no_argument, NULL, 'j'},          {"list", no_argument, NULL, 'l'},
      {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
  };
  for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) apply(b, r, option, optarg);
  for (; optind < argc; optind++) choose(r, argv[optind]);
  set_defaults(b);
}

static void run(bench *b, const workload *w) {
  if (isatty(STDERR_FILENO)) fprintf(stderr, "%s ...\n", w->name);
  b->workload = w->name;
  bench_begin_sample();
  w->run(b);
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--emit") == 0) return bench_emit(argc - 2, argv + 2);
  static bench b;
  request r = {0};
  read_options(&b, &r, argc, argv);
  source_bytes();
  bench_warm_up(&b);
  int64_t reported = bench_reported_kib();
  for (int i = 0; i < WORKLOADS; i++)
    if (r.any ? r.chosen[i] : !workloads[i].extra) run(&b, &workloads[i]);
  b.reported_kib = reported < 0 ? -1 : bench_reported_kib() - reported;
  if (r.json)
    bench_report_json(&b);
  else
    bench_report_table(&b);
  return 0;
}
