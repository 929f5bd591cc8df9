/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of system calls that can fail in interesting ways. The library calls them through here only, so that a test
 * can put another one in place of any of them before it starts threads. May call: support.
 */
#ifndef RESPOOL_OS_CALLS_H
#define RESPOOL_OS_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

struct os_calls {
  int (*open)(const char *path, int flags, mode_t mode);
  int (*close)(int fd);
  int (*unlink)(const char *path);
  int (*stat)(const char *path, struct stat *status);
  int (*fstat)(int fd, struct stat *status);
  ssize_t (*read)(int fd, void *buffer, size_t size);
  ssize_t (*pread)(int fd, void *buffer, size_t size, off_t offset);
  ssize_t (*writev)(int fd, const struct iovec *vector, int count);
  ssize_t (*pwritev)(int fd, const struct iovec *vector, int count, off_t offset);
  int (*ftruncate)(int fd, off_t length);
  int (*punch)(int fd, off_t offset, off_t length);
  int (*fsync)(int fd);
  int (*lock)(int fd, bool wanted); /* the whole file, exclusively and without waiting; or no longer */
  void *(*mmap)(void *at, size_t length, int protection, int flags, int fd, off_t offset);
  int (*munmap)(void *at, size_t length);
  bool (*resident)(void *page, size_t size);
  void (*will_need)(int fd, off_t offset, off_t length);
  int64_t (*read_ahead)(dev_t device);
  int (*lock_memory)(const void *at, size_t length);
  ssize_t (*random)(void *bytes, size_t size);
};

extern struct os_calls os_calls;

/* The real ones, to return to. */
extern const struct os_calls os_calls_real;

#endif
