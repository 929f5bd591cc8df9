/* SPDX-License-Identifier: Apache-2.0 */
/* Files written and read as directly as the system allows. */
#include "files.h"

#include "bench.h"
#include "feed.h"
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

int files_open(const char *directory) {
  int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return fd;
  char path[4096];
  snprintf(path, sizeof path, "%s/respool-bench-XXXXXX", directory);
  fd = mkstemp(path);
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

/* ---- Reading ----------------------------------------------------------------------------------------- */

typedef struct looker {
  int fd;
  int64_t bytes;
  files_way way;
  take how;
  uint64_t found;
} looker;

static void look_mapped(looker *l) {
  void *mapped = mmap(NULL, (size_t)l->bytes, PROT_READ, MAP_SHARED, l->fd, 0);
  BENCH_NEED(mapped != MAP_FAILED, "cannot map: %s", strerror(errno));
  l->found = l->how(mapped, l->bytes);
  munmap(mapped, (size_t)l->bytes);
}

/* Filled once before the meter runs would be fairer by a few µs; the buffer is 1 MiB of files of hundreds. */
static void look_read(looker *l) {
  void *buffer = aligned_alloc(4096, PIECE);
  BENCH_NEED(buffer != NULL, "no memory");
  for (int64_t at = 0, piece; at < l->bytes; at += piece) {
    piece = l->bytes - at < PIECE ? l->bytes - at : PIECE;
    ssize_t got = pread(l->fd, buffer, (size_t)piece, (off_t)at);
    BENCH_NEED(got == piece, "a read of %lld bytes read %zd: %s", (long long)piece, got, strerror(errno));
    l->found += l->how(buffer, piece);
  }
  free(buffer);
}

static void *look(void *argument) {
  looker *l = argument;
  if (l->way == FILES_MAPPED)
    look_mapped(l);
  else
    look_read(l);
  return NULL;
}

uint64_t files_take(int fd, int64_t bytes, files_way way, take how, int threads) {
  looker lookers[64];
  uint64_t found = 0;
  BENCH_NEED(threads <= 64, "too many threads");
  for (int i = 0; i < threads; i++) lookers[i] = (looker){fd, bytes, way, how, 0};
  bench_in_threads(threads, lookers, sizeof lookers[0], look);
  for (int i = 0; i < threads; i++) found += lookers[i].found;
  return found;
}

void files_drop(int fd) {
  BENCH_NEED(fdatasync(fd) == 0, "cannot sync: %s", strerror(errno));
  BENCH_NEED(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "cannot drop the file's pages");
}

int64_t files_cached(int fd) {
  int64_t page = sysconf(_SC_PAGESIZE), bytes = lseek(fd, 0, SEEK_END), pages = (bytes + page - 1) / page, found = 0;
  if (pages <= 0) return 0;
  unsigned char *present = bench_allocate((size_t)pages);
  void *mapped = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, fd, 0);
  BENCH_NEED(mapped != MAP_FAILED && mincore(mapped, (size_t)bytes, present) == 0, "cannot ask: %s", strerror(errno));
  for (int64_t i = 0; i < pages; i++) found += present[i] & 1;
  munmap(mapped, (size_t)bytes);
  free(present);
  return found * 100 / pages;
}

passes files_pass(const char *directory, int64_t bytes, files_way way) {
  passes p;
  int fd = files_open(directory);
  meter_begin(&p.write);
  files_write(fd, bytes);
  meter_end(&p.write);
  meter_begin(&p.replay);
  uint64_t sum = files_take(fd, bytes, way, take_all, 1);
  meter_end(&p.replay);
  bench_need_sum(sum, feed_sum(feed_integers(), bytes / BATCH_BYTES, take_all));
  close(fd);
  return p;
}
