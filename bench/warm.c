/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warming up. The host of a virtual machine may take free pages back, and the first writes into such pages are slow:
 * so a file of the run's size is written and deleted until that is fast.
 */
#include "bench.h"
#include "files.h"
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_TRIES = 5, LATER_TRIES = 2, LARGE = 8 << 20 };

#define FAST_ENOUGH 4.0 /* GB/s */

int64_t bench_reported_kib(void) {
  char line[64];
  FILE *file = fopen("/sys/module/page_reporting/parameters/reported_kib", "r");
  if (file == NULL) return -1;
  bool read = fgets(line, sizeof line, file) != NULL;
  fclose(file);
  return read ? strtoll(line, NULL, 10) : -1;
}

/* In calls so large that the page cache takes its largest units of memory: smaller ones come out of what is free then,
 * while large ones asked for after small ones were found to come from elsewhere, at 0.3 GB/s. */
static int64_t write_large(int fd, int64_t bytes) {
  int64_t start = bench_now();
  for (int64_t at = 0; at < bytes; at += LARGE) {
    int64_t size = bytes - at < LARGE ? bytes - at : LARGE;
    ssize_t wrote = pwrite(fd, source_bytes(), (size_t)size, (off_t)at);
    BENCH_NEED(wrote == size, "a write of %lld bytes wrote %zd: %s", (long long)size, wrote, strerror(errno));
  }
  return bench_now() - start;
}

/* The first try may find memory that was taken back, the later ones what there is. */
static void warm_up(bench *b, int tries) {
  for (b->warm_tries = 1;; b->warm_tries++) {
    int fd = files_open(b->directory);
    int64_t taken = write_large(fd, b->size);
    close(fd);
    b->warm_rate = (double)b->size / (double)taken;
    if (b->warm_rate >= FAST_ENOUGH || b->warm_tries == tries) return;
  }
}

/* KiB handed back in all when it was last looked at, and in the parts of this sample before that. */
static int64_t reported_seen, reported_before;

int64_t bench_reported_since(void) {
  return reported_before + bench_reported_kib() - reported_seen;
}

void bench_warm_up(bench *b) {
  warm_up(b, FIRST_TRIES);
  reported_seen = bench_reported_kib();
}

void bench_begin_sample(void) {
  reported_before = 0;
  reported_seen = bench_reported_kib();
}

void bench_warm_pages(bench *b) {
  if (bench_reported_kib() < 0) return;
  reported_before = bench_reported_since();
  warm_up(b, LATER_TRIES);
  reported_seen = bench_reported_kib();
}
