/* SPDX-License-Identifier: Apache-2.0 */
/* The table of system calls as it is outside tests. */
#define _GNU_SOURCE
#include "os/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/random.h>
#include <sys/sysmacros.h>
#endif

static int real_open(const char *path, int flags, mode_t mode) {
  return open(path, flags, mode);
}

static int real_stat(const char *path, struct stat *status) {
  return stat(path, status);
}

static int real_fstat(int fd, struct stat *status) {
  return fstat(fd, status);
}

/* A hole instead of these bytes of the file, which keeps its length. */
static int real_punch(int fd, off_t offset, off_t length) {
#ifdef __linux__
  return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
#else
  (void)fd;
  (void)offset;
  (void)length;
  errno = ENOTSUP;
  return -1;
#endif
}

/* Of the open file description: others of the same process are kept out as well. flock(2) has that too. */
static int real_lock(int fd, bool wanted) {
#ifdef F_OFD_SETLK
  struct flock whole = {.l_type = wanted ? F_WRLCK : F_UNLCK, .l_whence = SEEK_SET};
  return fcntl(fd, F_OFD_SETLK, &whole);
#else
  return flock(fd, wanted ? LOCK_EX | LOCK_NB : LOCK_UN);
#endif
}

/* Where the system does not tell, everything is in memory. */
static bool real_resident(void *page, size_t size) {
#ifdef __linux__
  unsigned char state = 1;
  return mincore(page, size, &state) != 0 || (state & 1) != 0;
#else
  (void)page;
  (void)size;
  return true;
#endif
}

static void real_will_need(int fd, off_t offset, off_t length) {
#ifdef POSIX_FADV_WILLNEED
  posix_fadvise(fd, offset, length, POSIX_FADV_WILLNEED);
#else
  (void)fd;
  (void)offset;
  (void)length;
#endif
}

static int64_t real_read_ahead(dev_t device) {
#ifdef __linux__
  char path[64], text[32];
  snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", major(device), minor(device));
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t got = read(fd, text, sizeof text - 1);
  close(fd);
  if (got <= 0) return -1;
  text[got] = '\0';
  return strtoll(text, NULL, 10) * 1024;
#else
  (void)device;
  return -1;
#endif
}

static ssize_t real_random(void *bytes, size_t size) {
#ifdef __linux__
  return getrandom(bytes, size, 0);
#else
  int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t got = read(fd, bytes, size);
  close(fd);
  return got;
#endif
}

#define REAL_CALLS                                                                                                     \
  {                                                                                                                    \
    .open = real_open, .close = close, .unlink = unlink, .stat = real_stat, .fstat = real_fstat, .read = read,         \
    .pread = pread, .writev = writev, .pwritev = pwritev, .ftruncate = ftruncate, .punch = real_punch, .fsync = fsync, \
    .lock = real_lock, .mmap = mmap, .munmap = munmap, .resident = real_resident, .will_need = real_will_need,         \
    .read_ahead = real_read_ahead, .lock_memory = mlock, .random = real_random                                         \
  }

struct os_calls os_calls = REAL_CALLS;
const struct os_calls os_calls_real = REAL_CALLS;
