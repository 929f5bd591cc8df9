/* SPDX-License-Identifier: Apache-2.0 */
/* os/file, locks: what the system may answer, and what comes of it. */
#include "os/calls.h"
#include "os/file.h"

#include "check.h"
#include "system.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int calls;
static int answer;    /* errno, 0: locked */
static int interrupt; /* so many calls first */

static int scripted_lock(int fd, bool wanted) {
  (void)fd;
  (void)wanted;
  calls++;
  errno = interrupt > 0 ? EINTR : answer;
  return interrupt-- > 0 || answer != 0 ? -1 : 0;
}

static respool_status lock_with(int error, bool *locked) {
  os_calls.lock = scripted_lock;
  calls = 0;
  answer = error;
  respool_status status = os_lock_file(3, "some/path", locked, kit_error());
  os_calls = os_calls_real;
  return status;
}

static void what_the_system_answers(void) {
  bool locked = false;
  CHECK_OK(lock_with(0, &locked));
  CHECK(locked);
  interrupt = 3;
  CHECK_OK(lock_with(0, &locked));
  CHECK(locked);
  CHECK_EQ(calls, 4);
  CHECK_ERROR(lock_with(EAGAIN, &locked), RESPOOL_IO, "some/path' is being written by another process");
  CHECK_EQ(kit_last_error()->os_error, EAGAIN);
  CHECK_ERROR(lock_with(EACCES, &locked), RESPOOL_IO, "is being written by another process");
  CHECK_ERROR(lock_with(EIO, &locked), RESPOOL_IO, "cannot lock spool file 'some/path'");
}

/* Not all file systems have locks. */
static void where_there_are_none(void) {
  static const int errors[] = {EINVAL, ENOSYS, EOPNOTSUPP, ENOLCK};
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    bool locked = true;
    CHECK_OK(lock_with(errors[i], &locked));
    CHECK(!locked);
  }
}

static void the_real_one(void) {
  char path[KIT_PATH];
  int first = -1, second = -1;
  bool locked = false;
  REQUIRE_OK(os_open_named(kit_join(path, kit_scratch(), "file"), &first, kit_error()));
  REQUIRE_OK(os_lock_file(first, path, &locked, kit_error()));
  if (!locked) kit_skip("the file system has no locks");
  char other[KIT_PATH];
  REQUIRE_EQ(rename(path, kit_join(other, kit_scratch(), "file")), 0);
  REQUIRE_OK(os_open_named(path, &second, kit_error()));
  CHECK_OK(os_lock_file(second, path, &locked, kit_error())); /* of the file, not of the name */
  CHECK(locked);
  os_close(second);
  second = dup(first);
  CHECK_OK(os_lock_file(second, path, &locked, kit_error())); /* the same open file */
  os_unlock_file(second);
  os_close(second);
  os_close(first);
}

static const kit_test tests[] = {
    KIT_TEST(what_the_system_answers),
    KIT_TEST(where_there_are_none),
    KIT_TEST(the_real_one),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
