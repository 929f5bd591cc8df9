/* SPDX-License-Identifier: Apache-2.0 */
/* Files written and read as directly as the system allows. */
#include "files.h"

#include "bench.h"
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

int files_open(const char *directory) {
  char path[4096];
  snprintf(path, sizeof path, "%s/respool-bench-XXXXXX", directory);
  int fd = mkstemp(path);
  BENCH_NEED(fd >= 0, "no file in %s: %s", directory, strerror(errno));
  unlink(path);
  return fd;
}

static void write_piece(int fd, const uint8_t *bytes, int64_t offset) {
  struct iovec parts[BATCH_COLUMNS];
  for (int i = 0; i < BATCH_COLUMNS; i++)
    parts[i] = (struct iovec){(void *)(uintptr_t)(bytes + (size_t)i * COLUMN_BYTES), COLUMN_BYTES};
  ssize_t wrote = pwritev(fd, parts, BATCH_COLUMNS, (off_t)offset);
  BENCH_NEED(wrote == BATCH_BYTES, "a write of %d bytes wrote %zd: %s", BATCH_BYTES, wrote, strerror(errno));
}

int64_t files_write(int fd, int64_t bytes) {
  const uint8_t *source = source_bytes();
  int64_t start = bench_now();
  for (int64_t at = 0; at < bytes; at += BATCH_BYTES)
    write_piece(fd, source + (size_t)(at / BATCH_BYTES % SOURCE_BATCHES) * BATCH_BYTES, at);
  return bench_now() - start;
}

int64_t files_sum_mapped(int fd, int64_t bytes, uint64_t *sum) {
  int64_t start = bench_now();
  void *mapped = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, fd, 0);
  BENCH_NEED(mapped != MAP_FAILED, "cannot map: %s", strerror(errno));
  *sum += sum_words(mapped, bytes);
  munmap(mapped, (size_t)bytes);
  return bench_now() - start;
}

typedef struct mapper {
  int fd;
  int64_t bytes;
  uint64_t sum;
} mapper;

static void *map_in_thread(void *argument) {
  mapper *m = argument;
  files_sum_mapped(m->fd, m->bytes, &m->sum);
  return NULL;
}

int64_t files_sum_mapped_twice(int fd, int64_t bytes, uint64_t *sum) {
  mapper other = {fd, bytes, 0};
  pthread_t thread;
  int64_t start = bench_now();
  BENCH_NEED(pthread_create(&thread, NULL, map_in_thread, &other) == 0, "no thread");
  files_sum_mapped(fd, bytes, sum);
  pthread_join(thread, NULL);
  int64_t taken = bench_now() - start;
  *sum += other.sum;
  return taken;
}

int64_t files_sum_read(int fd, int64_t bytes, uint64_t *sum) {
  static uint64_t buffer[BATCH_BYTES / 8];
  memset(buffer, 1, sizeof buffer);
  int64_t start = bench_now();
  for (int64_t at = 0; at < bytes; at += BATCH_BYTES) {
    ssize_t got = pread(fd, buffer, BATCH_BYTES, (off_t)at);
    BENCH_NEED(got == BATCH_BYTES, "a read of %d bytes read %zd: %s", BATCH_BYTES, got, strerror(errno));
    *sum += sum_words(buffer, BATCH_BYTES);
  }
  return bench_now() - start;
}
