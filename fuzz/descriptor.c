/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes behind a descriptor. */
#include "descriptor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void write_all(int fd, const uint8_t *data, size_t size) {
  while (size > 0) {
    ssize_t wrote = write(fd, data, size);
    FUZZ_CHECK(wrote > 0, "cannot write: %s", strerror(errno));
    data += wrote;
    size -= (size_t)wrote;
  }
}

int descriptor_file(const uint8_t *data, size_t size, size_t before) {
  static int fd = -1;
  if (fd < 0) fd = memfd_create("fuzz", MFD_CLOEXEC);
  FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0, "no file in memory: %s", strerror(errno));
  FUZZ_CHECK(lseek(fd, (off_t)before, SEEK_SET) >= 0, "cannot seek: %s", strerror(errno));
  write_all(fd, data, size);
  FUZZ_CHECK(lseek(fd, (off_t)before, SEEK_SET) >= 0, "cannot seek: %s", strerror(errno));
  return fd;
}

int descriptor_pipe(const uint8_t *data, size_t size) {
  int ends[2];
  FUZZ_CHECK(size <= DESCRIPTOR_PIPE_MOST && pipe(ends) == 0, "no pipe: %s", strerror(errno));
  write_all(ends[1], data, size);
  close(ends[1]);
  return ends[0];
}
