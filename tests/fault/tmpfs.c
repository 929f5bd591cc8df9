/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real full disk: a small tmpfs, and a small ext4 in a file, mounted where nobody else sees it, in a child process
 * that the mount goes with. Skipped where mounting is not permitted.
 */
#include "batches.h"

#include "check.h"
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCHES = 40, CHUNK = 4096, NOT_PERMITTED = 77, DISK = 64 << 10 };

/* Whether the disk is memory. */
static bool in_memory;

/* ---- A small disk of one's own ----------------------------------------------------------------------- */

static bool write_text(const char *file, const char *text) {
  int fd = open(file, O_WRONLY | O_CLOEXEC);
  bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  if (fd >= 0) close(fd);
  return good;
}

/* Mounts of one's own: as root, or as what passes for root in a user namespace. */
static bool leave_the_others(void) {
  char user[40], group[40];
  snprintf(user, sizeof user, "0 %d 1", (int)getuid());
  snprintf(group, sizeof group, "0 %d 1", (int)getgid());
  if (unshare(CLONE_NEWNS) == 0) return true;
  return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_text("/proc/self/setgroups", "deny") &&
         write_text("/proc/self/uid_map", user) && write_text("/proc/self/gid_map", group);
}

static bool mount_tmpfs(const char *directory) {
  char options[40];
  snprintf(options, sizeof options, "size=%d,mode=0700", DISK);
  return mount("respool-test", directory, "tmpfs", 0, options) == 0;
}

/* A block device that shows the file, and goes when nothing is mounted from it any more. */
static bool open_loop(const char *image, char device[40]) {
  struct loop_info64 info = {.lo_flags = LO_FLAGS_AUTOCLEAR};
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
  if (control >= 0) close(control);
  if (number < 0) return false;
  snprintf(device, 40, "/dev/loop%d", number);
  int loop = open(device, O_RDWR | O_CLOEXEC), file = open(image, O_RDWR | O_CLOEXEC); /* both stay with the child */
  if (loop < 0 || file < 0 || ioctl(loop, LOOP_SET_FD, file) != 0) return false;
  if (ioctl(loop, LOOP_SET_STATUS64, &info) == 0) return true;
  ioctl(loop, LOOP_CLR_FD, 0);
  return false;
}

static bool mount_ext4(const char *directory) {
  char image[KIT_PATH], lost[KIT_PATH], command[2 * KIT_PATH], device[40];
  kit_join(image, directory, "image");
  snprintf(command, sizeof command,
           "PATH=$PATH:/sbin:/usr/sbin; mkfs.ext4 -q -b 1024 -O ^has_journal '%s' 400k >/dev/null 2>&1", image);
  if (system(command) != 0 || !open_loop(image, device)) return false;
  if (mount(device, directory, "ext4", 0, NULL) != 0) return false;
  return rmdir(kit_join(lost, directory, "lost+found")) == 0;
}

static bool mount_small_disk(const char *directory) {
  if (!leave_the_others() || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return false;
  return in_memory ? mount_tmpfs(directory) : mount_ext4(directory);
}

/* Run in a child on a disk of its own; the child's failed checks come back as its exit code. */
static void run_on_a_disk(void (*run)(const char *directory)) {
  const char *directory = kit_scratch();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    if (!mount_small_disk(directory)) _exit(NOT_PERMITTED);
    run(directory);
    fflush(stdout);
    _exit(kit_failures() > 0 ? 1 : 0);
  }
  int answer = 1;
  REQUIRE_EQ(waitpid(child, &answer, 0), child);
  REQUIRE(WIFEXITED(answer));
  if (WEXITSTATUS(answer) == NOT_PERMITTED) kit_skip("mounting a file system is not permitted here, or not possible");
  CHECK_EQ(WEXITSTATUS(answer), 0);
}

static void on_a_small_disk(void (*run)(const char *directory)) {
  in_memory = true;
  run_on_a_disk(run);
}

static void on_a_small_ext4(void (*run)(const char *directory)) {
  in_memory = false;
  run_on_a_disk(run);
}

/* A file that takes all the room that is left. */
static void fill_disk(const char *directory, char file[KIT_PATH]) {
  static const char block[4096];
  int fd = open(kit_join(file, directory, "ballast"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  while (write(fd, block, sizeof block) > 0) {
  }
  CHECK_EQ(errno, ENOSPC);
  close(fd);
}

/* ---- Spools on it ---------------------------------------------------------------------------------- */

static int64_t append_while_possible(respool_writer *writer, int64_t from) {
  int64_t i = from;
  for (; i < BATCHES; i++) {
    struct ArrowArray array;
    batch_make(i, &array);
    respool_status status = respool_writer_append(writer, &array, kit_error());
    if (status == RESPOOL_OK) continue;
    CHECK_EQ(status, RESPOOL_NO_SPACE);
    CHECK_EQ(kit_last_error()->os_error, ENOSPC);
    array.release(&array);
    break;
  }
  return i;
}

static void check_replay(respool *spool, int64_t count, respool_status end) {
  respool_reader *reader = kit_reader(spool);
  for (int64_t i = 0; i < count; i++) {
    struct ArrowArray array;
    if (!CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) break;
    batch_check(i, &array);
    array.release(&array);
  }
  CHECK_ANSWER(reader, end);
  respool_reader_close(reader);
}

/* The disk fills while the buffer goes to it; then the ballast is thrown out. */
static void spool_on_it(const char *directory, int32_t mode, bool named, int64_t limit) {
  char path[KIT_PATH], ballast[KIT_PATH];
  kit_join(path, directory, "file");
  kit_spool s = {0};
  respool_options options = kit_options(limit, mode, named ? path : NULL);
  if (!named) options.directory = directory;
  options.write_chunk = CHUNK;
  if (mode != RESPOOL_MODE_ALL) fill_disk(directory, ballast);
  REQUIRE_OK(respool_create(batch_schema(), &options, &s.spool, &s.writer, kit_error()));
  if (mode == RESPOOL_MODE_ALL) fill_disk(directory, ballast);
  int64_t accepted = append_while_possible(s.writer, 0);
  CHECK_LE(1, accepted);
  CHECK_LE(accepted, BATCHES - 1);
  check_replay(s.spool, accepted, RESPOOL_TIMED_OUT);
  CHECK_STATUS(respool_writer_finish(s.writer, kit_error()), RESPOOL_NO_SPACE);
  check_replay(s.spool, accepted, RESPOOL_TIMED_OUT);
  CHECK_EQ(kit_stats(s.spool).memory_backed, in_memory && kit_stats(s.spool).file_exists);
  REQUIRE_EQ(unlink(ballast), 0);
  int64_t more = append_while_possible(s.writer, accepted);
  CHECK_LE(accepted, more);
  respool_status status = respool_writer_finish(s.writer, kit_error());
  CHECK(status == RESPOOL_OK || status == RESPOOL_NO_SPACE); /* the whole stream is larger than the disk */
  check_replay(s.spool, more, status == RESPOOL_OK ? RESPOOL_END : RESPOOL_TIMED_OUT);
  if (named) CHECK_LE(batch_count_file(path, status == RESPOOL_OK), more);
  kit_spool_close(&s);
  unlink(path);
  CHECK_EQ(batch_live_arrays(), 0);
  CHECK_EQ(kit_entries(directory), 0);
}

static void overflow(const char *directory) {
  spool_on_it(directory, RESPOOL_MODE_OVERFLOW, false, 0);
  spool_on_it(directory, RESPOOL_MODE_OVERFLOW, false, 5000);
}

static void on_limit(const char *directory) {
  spool_on_it(directory, RESPOOL_MODE_ON_LIMIT, true, 20000);
  spool_on_it(directory, RESPOOL_MODE_ON_LIMIT, false, 0);
}

static void all(const char *directory) {
  spool_on_it(directory, RESPOOL_MODE_ALL, true, 0);
  spool_on_it(directory, RESPOOL_MODE_ALL, true, 10000);
}

/* The first disk fills; what comes then goes to another one, and both are read. */
static void next_directory(const char *directory, int32_t mode, int32_t replay) {
  char ballast[KIT_PATH];
  const char *roomy = kit_scratch();
  const char *more[] = {"/no/such/directory", roomy, NULL};
  kit_spool s = {0};
  respool_options options = kit_options(0, mode, NULL);
  options.directory = directory;
  options.more_directories = more;
  options.write_chunk = CHUNK;
  options.replay = replay;
  REQUIRE_OK(respool_create(batch_schema(), &options, &s.spool, &s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  CHECK_EQ(append_while_possible(s.writer, 0), BATCHES); /* more than the small disk takes */
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_LE(DISK / 2, kit_stats(s.spool).bytes_on_disk);
  check_replay(s.spool, BATCHES, RESPOOL_END);
  respool_reader_close(reader);
  kit_spool_close(&s);
  fill_disk(directory, ballast); /* where not even a file can be made, or nothing written to it */
  REQUIRE_OK(respool_create(batch_schema(), &options, &s.spool, &s.writer, kit_error()));
  CHECK_EQ(append_while_possible(s.writer, 0), BATCHES);
  check_replay(s.spool, BATCHES, RESPOOL_TIMED_OUT);
  kit_spool_close(&s);
  unlink(ballast);
  CHECK_EQ(batch_live_arrays(), 0);
  CHECK_EQ(kit_entries(directory), 0);
}

static void next_directories(const char *directory) {
  next_directory(directory, RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP);
  next_directory(directory, RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_READ);
  next_directory(directory, RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_AUTO);
}

/* Many times the disk goes through: one reader follows, and the writer waits for it where it must. */
static void stream_through_the_disk(const char *directory) {
  kit_spool s = {0};
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  options.write_chunk = CHUNK;
  options.replay = RESPOOL_REPLAY_READ;
  options.disk_budget = DISK * 3 / 4; /* for small slots; the tmpfs itself is the disk that is not to fill */
  REQUIRE_OK(respool_create(batch_schema(), &options, &s.spool, &s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  CHECK_OK(respool_drop_behind(s.spool, kit_error()));
  struct ArrowArray array;
  int64_t had = 0;
  for (int64_t i = 0; i < 20 * BATCHES; i++) {
    batch_make(i % BATCHES, &array);
    respool_status status = respool_writer_append(s.writer, &array, kit_error());
    while (respool_status_retryable(status) && had < i) { /* refused: the reader makes room */
      struct ArrowArray got;
      if (!CHECK_OK(respool_reader_next(reader, &got, 0, kit_error()))) break;
      batch_check(had++ % BATCHES, &got);
      got.release(&got);
      status = respool_writer_append(s.writer, &array, kit_error());
    }
    if (CHECK_OK(status)) continue;
    array.release(&array);
    break;
  }
  CHECK_LE(10 * DISK, kit_stats(s.spool).bytes_written);
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_EQ(batch_live_arrays(), 0);
}

static void on_to_the_next_directory(void) {
  on_a_small_disk(next_directories);
}

static void many_times_through_a_small_disk(void) {
  on_a_small_disk(stream_through_the_disk);
}

static void overflow_on_a_full_disk(void) {
  on_a_small_disk(overflow);
}

static void on_limit_on_a_full_disk(void) {
  on_a_small_disk(on_limit);
}

static void all_on_a_full_disk(void) {
  on_a_small_disk(all);
}

static void all_modes(const char *directory) {
  overflow(directory);
  on_limit(directory);
  all(directory);
}

static void all_modes_on_a_full_ext4(void) {
  on_a_small_ext4(all_modes);
}

static const kit_test tests[] = {
    KIT_TEST(overflow_on_a_full_disk),  KIT_TEST(on_limit_on_a_full_disk),         KIT_TEST(all_on_a_full_disk),
    KIT_TEST(on_to_the_next_directory), KIT_TEST(many_times_through_a_small_disk), KIT_TEST(all_modes_on_a_full_ext4),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
