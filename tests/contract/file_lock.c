/* SPDX-License-Identifier: Apache-2.0 */
/* A named file is locked against other writers for as long as the spool may write to it, and no longer. */
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether somebody else could write to it: by a lock of our own, given up again. */
static bool is_free(const char *path) {
#ifdef F_OFD_SETLK
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd = open(path, O_RDWR | O_CLOEXEC);
  REQUIRE_EQ(fd < 0, 0);
  bool locked = fcntl(fd, F_OFD_SETLK, &whole) == 0;
  if (!locked) CHECK_EQ(errno, EAGAIN);
  close(fd);
  return locked;
#else
  (void)path;
  kit_skip("this system has no locks of open file descriptions");
#endif
}

static void open_spool(kit_spool *s, int64_t limit, int32_t mode, char path[KIT_PATH]) {
  respool_options options = kit_options(limit, mode, kit_join(path, kit_scratch(), "named.arrows"));
  options.replay = RESPOOL_REPLAY_MAP;
  kit_spool_open(s, "{number:int32}", &options);
}

static void from_the_start_until_finish(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_spool(&s, 0, RESPOOL_MODE_ALL, path);
  CHECK(!is_free(path));
  KIT_APPEND(s.writer, 1, 2);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  CHECK(!is_free(path));
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK(is_free(path));
  kit_spool_close(&s);
  CHECK(is_free(path));
}

static void until_it_has_failed_or_is_abandoned(void) {
  for (int fails = 0; fails <= 1; fails++) {
    char path[KIT_PATH];
    kit_spool s;
    open_spool(&s, 0, RESPOOL_MODE_ALL, path);
    KIT_APPEND(s.writer, 1, 2);
    CHECK(!is_free(path));
    if (fails)
      CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER, 0, NULL, kit_error()));
    else
      respool_writer_close(s.writer), s.writer = NULL;
    CHECK(is_free(path));
    kit_spool_close(&s);
  }
}

/* Made when the limit is passed; or after finish, by somebody who wants the memory. */
static void on_limit(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_spool(&s, 10000, RESPOOL_MODE_ON_LIMIT, path);
  KIT_APPEND(s.writer, 1);
  CHECK(!kit_exists(path));
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK(!is_free(path));
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK(is_free(path));
  kit_spool_close(&s);
  open_spool(&s, 10000, RESPOOL_MODE_ON_LIMIT, path);
  KIT_APPEND(s.writer, 1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK(!kit_exists(path));
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK(is_free(path));
  kit_spool_close(&s);
}

/* An array that shows the file keeps it open, but not locked. */
static void arrays_do_not_hold_it(void) {
  char path[KIT_PATH];
  kit_spool s;
  struct ArrowArray array;
  open_spool(&s, 0, RESPOOL_MODE_ALL, path);
  KIT_APPEND(s.writer, 1, 2);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
  respool_reader_close(reader);
  CHECK(!is_free(path));
  kit_spool_close(&s);
  CHECK_EQ(kit_mappings("named.arrows"), 1);
  CHECK(is_free(path));
  array.release(&array);
}

/* What is due could not be written when it was given up, and may be later: until then the file is not for others. */
static void while_something_is_still_to_be_written(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_spool(&s, 0, RESPOOL_MODE_ALL, path);
  kit_limit_file_size(kit_file_size(path));
  KIT_APPEND(s.writer, 1, 2);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER, 0, NULL, kit_error()));
  CHECK(!is_free(path));
  CHECK_STATUS(respool_spill(s.spool, 0, kit_error()), RESPOOL_IO);
  CHECK(!is_free(path));
  kit_limit_file_size(-1);
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK(is_free(path));
  kit_spool_close(&s);
}

/* A child has the open file too: what frees it is the parent's word. */
static void a_child_does_not_keep_it(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_spool(&s, 0, RESPOOL_MODE_ALL, path);
  KIT_APPEND(s.writer, 1, 2);
  pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  CHECK(!is_free(path));
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK(is_free(path));
  kill(child, SIGKILL);
  CHECK_EQ(waitpid(child, NULL, 0), child);
  kit_spool_close(&s);
}

/* A process that is gone, however, has no lock. */
static void it_goes_with_its_process(void) {
  char path[KIT_PATH];
  int ready[2];
  kit_join(path, kit_scratch(), "named.arrows");
  REQUIRE_EQ(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    respool_options options = kit_options(0, RESPOOL_MODE_ALL, path);
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    if (write(ready[1], "", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char byte;
  REQUIRE_EQ(read(ready[0], &byte, 1), 1);
  CHECK(!is_free(path));
  kill(child, SIGKILL);
  CHECK_EQ(waitpid(child, NULL, 0), child);
  CHECK(is_free(path));
  close(ready[0]);
  close(ready[1]);
}

static const kit_test tests[] = {
    KIT_TEST(from_the_start_until_finish),
    KIT_TEST(until_it_has_failed_or_is_abandoned),
    KIT_TEST(on_limit),
    KIT_TEST(arrays_do_not_hold_it),
    KIT_TEST(while_something_is_still_to_be_written),
    KIT_TEST(a_child_does_not_keep_it),
    KIT_TEST(it_goes_with_its_process),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
