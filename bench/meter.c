/* SPDX-License-Identifier: Apache-2.0 */
/* What a piece of work takes: time, time of all processors, and memory. */
#include "meter.h"

#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t cpu_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t meter_memory(const char *what) {
  char line[128];
  int64_t found = -1;
  size_t length = strlen(what);
  FILE *file = fopen("/proc/self/status", "r");
  if (file == NULL) return -1;
  while (found < 0 && fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, what, length) == 0 && line[length] == ':') found = strtoll(line + length + 1, NULL, 10);
  fclose(file);
  return found;
}

/* The high-water mark becomes what is resident now; false where that is not allowed. */
static bool reset_peak(void) {
  int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool done = write(fd, "5", 1) == 1;
  close(fd);
  return done;
}

void meter_open(meter *m) {
  *m = (meter){.resident = -1, .anonymous = -1};
  m->resident_before = reset_peak() ? meter_memory("VmRSS") : -1;
  m->anonymous_before = meter_memory("RssAnon");
}

void meter_start(meter *m) {
  m->cpu_began = cpu_now();
  m->began = bench_now();
}

void meter_pause(meter *m) {
  m->taken += bench_now() - m->began;
  m->cpu += cpu_now() - m->cpu_began;
}

static int64_t growth(const char *what, int64_t before) {
  int64_t now = before < 0 ? -1 : meter_memory(what);
  if (now < 0) return -1;
  return now > before ? now - before : 0;
}

void meter_close(meter *m) {
  m->resident = growth("VmHWM", m->resident_before);
  m->anonymous = growth("RssAnon", m->anonymous_before);
}

void meter_begin(meter *m) {
  meter_open(m);
  meter_start(m);
}

void meter_end(meter *m) {
  meter_pause(m);
  meter_close(m);
}
