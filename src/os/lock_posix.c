/* SPDX-License-Identifier: Apache-2.0 */
/* Named files that others may want to write to as well: locking them. */
#define _GNU_SOURCE
#include "os/calls.h"
#include "os/file.h"
#include "support/error.h"

#include <errno.h>

static int lock_retry(int fd, bool wanted) {
  int answer;
  do {
    answer = os_calls.lock(fd, wanted);
  } while (answer != 0 && errno == EINTR);
  return answer;
}

/* Systems and file systems without locks say so in many ways. */
static bool means_unknown(int os_error) {
  return os_error == EINVAL || os_error == ENOSYS || os_error == EOPNOTSUPP || os_error == ENOTSUP ||
         os_error == ENOLCK;
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
