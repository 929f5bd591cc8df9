/* SPDX-License-Identifier: Apache-2.0 */
/* What all workloads need: time, giving up, memory, threads. */
#include "bench.h"

#include <pthread.h>
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

void bench_need_sum(uint64_t sum, uint64_t expected) {
  BENCH_NEED(sum == expected, "what was read is not what was written");
}

void *bench_allocate(size_t size) {
  void *made = malloc(size);
  BENCH_NEED(made != NULL, "no memory");
  return made;
}

void bench_in_threads(int count, void *arguments, size_t size, void *(*work)(void *)) {
  pthread_t *threads = bench_allocate((size_t)count * sizeof *threads);
  for (int i = 1; i < count; i++)
    BENCH_NEED(pthread_create(&threads[i], NULL, work, (char *)arguments + (size_t)i * size) == 0, "no thread");
  work(arguments);
  for (int i = 1; i < count; i++) pthread_join(threads[i], NULL);
  free(threads);
}
