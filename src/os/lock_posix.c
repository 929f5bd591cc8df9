/* SPDX-License-Identifier: Apache-2.0 */
/* Named files that others may want to write to as well: locking them, and opening those that are there. */
#define _GNU_SOURCE
#include "os/calls.h"
#include "os/file.h"
#include "support/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int lock_retry(int fd, bool wanted) {
  int answer;
  do {
    answer = os_calls.lock(fd, wanted);
  } while (answer != 0 && errno == EINTR);
  return answer;
}

/* Systems and file systems without locks say so in many ways. */
static bool means_unknown(int os_error) {
#if ENOTSUP != EOPNOTSUPP
  if (os_error == ENOTSUP) return true;
#endif
  return os_error == EINVAL || os_error == ENOSYS || os_error == EOPNOTSUPP || os_error == ENOLCK;
}

respool_status os_lock_file(int fd, const char *path, bool *locked, respool_error *error) {
  *locked = lock_retry(fd, true) == 0;
  if (*locked || means_unknown(errno)) return RESPOOL_OK;
  if (errno == EAGAIN || errno == EACCES) {
    return error_set_os(error, errno, "spool file '%s' is being written by another process or spool", path);
  }
  return error_set_os(error, errno, "cannot lock spool file '%s'", path);
}

void os_unlock_file(int fd) {
  lock_retry(fd, false); /* what fails here ends with the descriptor */
}

/* ---- Files that are there -------------------------------------------------------------------------- */

/* Not blocking, for what is no file. */
static int open_there(const char *path) {
  int fd;
  do {
    fd = os_calls.open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

/* Somebody else's file in a directory that all may write to would be a trap; so would one that has lost its name. */
static respool_status check_there(int fd, const char *path, int64_t *size, respool_error *error) {
  struct stat file;
  struct stat named;
  if (os_calls.fstat(fd, &file) != 0) return error_set_os(error, errno, "cannot look at spool file '%s'", path);
  if (!S_ISREG(file.st_mode)) return error_set(error, RESPOOL_IO, "'%s' is not a regular file", path);
  if (file.st_uid != geteuid()) return error_set_os(error, EPERM, "spool file '%s' belongs to another user", path);
  if (os_calls.stat(path, &named) != 0) return error_set_os(error, errno, "cannot look at spool file '%s'", path);
  if (named.st_dev != file.st_dev || named.st_ino != file.st_ino) {
    return error_set(error, RESPOOL_IO, "spool file '%s' was replaced while it was opened", path);
  }
  *size = file.st_size;
  return RESPOOL_OK;
}

/* Looked at once it is locked: nobody else changes it then. */
static respool_status take_there(int fd, const char *path, int64_t *size, bool *locked, respool_error *error) {
  respool_status status = os_lock_file(fd, path, locked, error);
  if (status != RESPOOL_OK) return status;
  status = check_there(fd, path, size, error);
  if (status != RESPOOL_OK || *locked) return status;
  return error_set_os(error, ENOLCK, "spool file '%s' cannot be locked, so somebody else may be writing it", path);
}

respool_status os_open_existing(const char *path, int *fd, int64_t *size, bool *locked, respool_error *error) {
  *fd = -1;
  int opened = open_there(path);
  if (opened < 0 && errno == ENOENT) return RESPOOL_OK;
  if (opened < 0) {
    const char *advice = errno == ELOOP ? " (links are not followed)" : "";
    return error_set_os(error, errno, "cannot open spool file '%s'%s", path, advice);
  }
  respool_status status = take_there(opened, path, size, locked, error);
  if (status == RESPOOL_OK) {
    fcntl(opened, F_SETFL, fcntl(opened, F_GETFL) & ~O_NONBLOCK); /* some file systems pass it on */
    *fd = opened;
    return status;
  }
  if (*locked) os_unlock_file(opened);
  *locked = false;
  os_close(opened);
  return status;
}
