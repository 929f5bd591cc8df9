/* SPDX-License-Identifier: Apache-2.0 */
/* Watching the process: see watch.h. The line is written by one thread and read when everything is over. */
#include "watch.h"

#include "check.h"
#include "system.h"

#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char line[512];

static void print_line(void) {
  ssize_t ignored = write(STDERR_FILENO, line, strlen(line));
  (void)ignored;
}

static void on_signal(int number) {
  static const char hang[] = "no progress for too long\n";
  if (number == SIGALRM && write(STDERR_FILENO, hang, sizeof hang - 1) < 0) _exit(2);
  print_line();
  signal(number, SIG_DFL);
  raise(number == SIGALRM ? SIGABRT : number);
}

/* There where a sanitizer is linked in. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void catch_ends(void) {
  static const int signals[] = {SIGABRT, SIGALRM};
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) signal(signals[i], on_signal);
  if (__sanitizer_set_death_callback != NULL) {
    __sanitizer_set_death_callback(print_line);
  } else {
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
  }
}

void watch_line(unsigned seconds, const char *format, ...) {
  static bool caught;
  if (!caught) catch_ends();
  caught = true;
  alarm(0);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  alarm(seconds);
}

/* A number of /proc/self/status. */
static int64_t status_number(const char *name) {
  FILE *file = fopen("/proc/self/status", "r");
  char text[256];
  long long number = 0;
  if (file == NULL) kit_die("cannot read /proc/self/status");
  while (fgets(text, sizeof text, file) != NULL)
    if (strncmp(text, name, strlen(name)) == 0) sscanf(text + strlen(name), " %lld", &number);
  fclose(file);
  return number;
}

static int64_t heap_in_use(int settle) {
#ifdef __GLIBC__
  if (settle) malloc_trim(0);
  struct mallinfo2 info = mallinfo2();
  return (int64_t)(info.uordblks + info.hblkhd);
#else
  (void)settle;
  return 0;
#endif
}

watch_numbers watch_look(int settle) {
  watch_numbers numbers;
  numbers.heap = heap_in_use(settle);
  numbers.resident = status_number("VmRSS:") * 1024;
  numbers.threads = status_number("Threads:");
  numbers.descriptors = kit_open_descriptors();
  numbers.mappings = kit_mappings("");
  return numbers;
}

int64_t watch_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
