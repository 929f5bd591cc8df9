/* SPDX-License-Identifier: Apache-2.0 */
/* The table of system calls as it is outside tests. */
#define _GNU_SOURCE
#include "os/calls.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static int real_open(const char *path, int flags, mode_t mode) {
  return open(path, flags, mode);
}

static int real_stat(const char *path, struct stat *status) {
  return stat(path, status);
}

static int real_fstat(int fd, struct stat *status) {
  return fstat(fd, status);
}

#define REAL_CALLS                                                                                                     \
  {                                                                                                                    \
    .open = real_open, .close = close, .unlink = unlink, .stat = real_stat, .fstat = real_fstat, .read = read,         \
    .pread = pread, .writev = writev, .pwritev = pwritev, .ftruncate = ftruncate, .fsync = fsync, .mmap = mmap,        \
    .munmap = munmap                                                                                                   \
  }

struct os_calls os_calls = REAL_CALLS;
const struct os_calls os_calls_real = REAL_CALLS;
