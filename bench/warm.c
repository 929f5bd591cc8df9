/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warming up. The host of a virtual machine may take free pages back, and the first writes into such pages are slow:
 * so a file of the run's size is written and deleted until that is fast.
 */
#include "bench.h"
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TRIES = 5 };

#define FAST_ENOUGH 4.0 /* GB/s */

int64_t bench_reported_kib(void) {
  char line[64];
  FILE *file = fopen("/sys/module/page_reporting/parameters/reported_kib", "r");
  if (file == NULL) return -1;
  bool read = fgets(line, sizeof line, file) != NULL;
  fclose(file);
  return read ? strtoll(line, NULL, 10) : -1;
}

void bench_warm_up(bench *b) {
  for (b->warm_tries = 1; b->warm_tries <= TRIES; b->warm_tries++) {
    int fd = files_open(b->directory);
    int64_t taken = files_write(fd, b->size);
    close(fd);
    b->warm_rate = (double)b->size / (double)taken;
    if (b->warm_rate >= FAST_ENOUGH) return;
  }
  b->warm_tries = TRIES;
}

void bench_keep_warm(bench *b) {
  int64_t now = bench_reported_kib();
  if (now == b->reported_seen) return;
  b->reported_seen = now;
  bench_warm_up(b);
}
