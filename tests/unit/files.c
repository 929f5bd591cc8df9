/* SPDX-License-Identifier: Apache-2.0 */
/* os/file, files: named and nameless ones, the way without O_TMPFILE, sizes, cutting, syncing, mappings. */
#include "os/calls.h"
#include "os/file.h"
#include "support/alloc.h"

#include "check.h"
#include "random.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void use_system(void) {
  os_calls = os_calls_real;
}

static mode_t mode_of(int fd) {
  struct stat status;
  REQUIRE_EQ(fstat(fd, &status), 0);
  return status.st_mode;
}

static nlink_t links_of(int fd) {
  struct stat status;
  REQUIRE_EQ(fstat(fd, &status), 0);
  return status.st_nlink;
}

/* Bytes go in and come back. */
static void check_usable(int fd) {
  struct gather_piece piece = {"hello", 5};
  int64_t written = 0;
  char back[5];
  CHECK_OK(os_write_at(fd, &piece, 1, 1000, &written, kit_error()));
  CHECK_OK(os_read_at(fd, back, 5, 1000, kit_error()));
  CHECK_EQ(memcmp(back, "hello", 5), 0);
}

/* ---- Named ----------------------------------------------------------------------------------------- */

static void a_named_file(void) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  int fd = -1;
  mode_t mask = umask(0);
  REQUIRE_OK(os_open_named(kit_join(path, directory, "file"), &fd, kit_error()));
  umask(mask);
  CHECK_EQ(mode_of(fd) & 07777, 0600);
  CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  check_usable(fd);
  int second = -7;
  CHECK_ERROR(os_open_named(path, &second, kit_error()), RESPOOL_IO, path);
  CHECK_EQ(kit_last_error()->os_error, EEXIST);
  CHECK_HAS(kit_last_error()->message, "remove it");
  CHECK_EQ(second, -7);
  CHECK_EQ(kit_file_size(path), 1005); /* what was there is untouched */
  os_unlink(path);
  CHECK(!kit_exists(path));
  os_close(fd);
}

/* A link in the last component is not followed, wherever it leads. */
static void links_are_not_followed(void) {
  char path[KIT_PATH], target[KIT_PATH];
  const char *directory = kit_scratch();
  kit_join(path, directory, "link");
  kit_join(target, directory, "target");
  REQUIRE_EQ(symlink(target, path), 0);
  int fd = -7;
  CHECK_ERROR(os_open_named(path, &fd, kit_error()), RESPOOL_IO, path);
  CHECK(!kit_exists(target));
  CHECK_EQ(fd, -7);
}

static void paths_that_cannot_be(void) {
  char path[KIT_PATH];
  int fd = -7;
  CHECK_STATUS(os_open_named(kit_join(path, kit_scratch(), "no/such/folder"), &fd, kit_error()), RESPOOL_IO);
  CHECK_EQ(kit_last_error()->os_error, ENOENT);
  CHECK_STATUS(os_open_named("/dev/null/file", &fd, kit_error()), RESPOOL_IO);
  CHECK_EQ(kit_last_error()->os_error, ENOTDIR);
  CHECK_EQ(fd, -7);
}

/* A relative path is taken from where the process stands now. */
static void absolute_paths(void) {
  char *absolute = NULL, here[PATH_MAX], directory[PATH_MAX];
  REQUIRE_OK(os_absolute("/a/b", &absolute, kit_error()));
  CHECK_STR(absolute, "/a/b");
  mem_free(absolute);
  REQUIRE(realpath(kit_scratch(), directory) != NULL && getcwd(here, sizeof here) != NULL);
  REQUIRE_EQ(chdir(directory), 0);
  respool_status status = os_absolute("a/../b", &absolute, kit_error());
  REQUIRE_EQ(chdir(here), 0);
  REQUIRE_OK(status);
  CHECK_EQ(strncmp(absolute, directory, strlen(directory)), 0);
  CHECK_STR(absolute + strlen(directory), "/a/../b");
  mem_free(absolute);
}

/* ---- Nameless -------------------------------------------------------------------------------------- */

static void check_nameless(const char *directory) {
  int fd = -1;
  REQUIRE_OK(os_open_anonymous(directory, &fd, kit_error()));
  CHECK_EQ(kit_entries(directory), 0);
  CHECK_EQ(links_of(fd), 0);
  CHECK_EQ(mode_of(fd) & 077, 0);
  CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  check_usable(fd);
  os_close(fd);
}

static void a_nameless_file(void) {
  check_nameless(kit_scratch());
}

static int refused_code;
static int interruptions;

/* A system whose file systems don't know O_TMPFILE. */
static int open_without_tmpfile(const char *path, int flags, mode_t mode) {
  if ((flags & O_TMPFILE) == O_TMPFILE) {
    errno = refused_code;
    return -1;
  }
  if (interruptions-- > 0) {
    errno = EINTR;
    return -1;
  }
  return open(path, flags, mode);
}

/* How the three ways of not knowing look: EOPNOTSUPP, and EISDIR or EINVAL of old kernels. */
static void without_o_tmpfile(void) {
  static const int codes[] = {EOPNOTSUPP, EISDIR, EINVAL};
  os_calls.open = open_without_tmpfile;
  for (int i = 0; i < 3; i++) {
    refused_code = codes[i];
    interruptions = i;
    check_nameless(kit_scratch());
  }
  use_system();
}

/* Where it is known and fails for another reason, no second way is tried. */
static void a_directory_that_refuses(void) {
  int fd = -7;
  CHECK_ERROR(os_open_anonymous("/no/such/directory", &fd, kit_error()), RESPOOL_IO, "/no/such/directory");
  CHECK_EQ(kit_last_error()->os_error, ENOENT);
  os_calls.open = open_without_tmpfile;
  static const int codes[] = {EACCES, EMFILE, ENOSPC, EDQUOT};
  static const respool_status statuses[] = {RESPOOL_IO, RESPOOL_IO, RESPOOL_NO_SPACE, RESPOOL_NO_SPACE};
  const char *directory = kit_scratch();
  for (int i = 0; i < 4; i++) {
    refused_code = codes[i];
    CHECK_STATUS(os_open_anonymous(directory, &fd, kit_error()), statuses[i]);
    CHECK_EQ(kit_last_error()->os_error, codes[i]);
  }
  refused_code = EOPNOTSUPP;
  CHECK_STATUS(os_open_anonymous("/no/such/directory", &fd, kit_error()), RESPOOL_IO);
  CHECK_EQ(kit_last_error()->os_error, ENOENT);
  use_system();
  CHECK_EQ(kit_entries(directory), 0);
  CHECK_EQ(fd, -7);
}

static int open_never(const char *path, int flags, mode_t mode) {
  (void)path, (void)mode;
  errno = (flags & O_TMPFILE) == O_TMPFILE ? EOPNOTSUPP : EMFILE;
  return -1;
}

/* The second way fails halfway: its private directory goes again, and the error is the one that mattered. */
static void the_second_way_cleans_up(void) {
  const char *directory = kit_scratch();
  int fd = -7;
  os_calls.open = open_never;
  CHECK_STATUS(os_open_anonymous(directory, &fd, kit_error()), RESPOOL_IO);
  use_system();
  CHECK_EQ(kit_last_error()->os_error, EMFILE);
  CHECK_EQ(kit_entries(directory), 0);
}

static void a_directory_with_a_long_name(void) {
  char path[PATH_MAX + 10];
  memset(path, 'x', sizeof path - 1);
  path[0] = '/';
  path[sizeof path - 1] = '\0';
  int fd = -7;
  refused_code = EOPNOTSUPP;
  interruptions = 0;
  os_calls.open = open_without_tmpfile;
  CHECK_STATUS(os_open_anonymous(path, &fd, kit_error()), RESPOOL_IO);
  use_system();
  CHECK_EQ(kit_last_error()->os_error, ENAMETOOLONG);
}

static void the_default_directory(void) {
  const char *set = getenv("TMPDIR");
  char *before = set != NULL ? strdup(set) : NULL;
  setenv("TMPDIR", "/some/where", 1);
  CHECK_STR(os_default_directory(), "/some/where");
  setenv("TMPDIR", "", 1);
  const char *without = os_default_directory();
  unsetenv("TMPDIR");
  CHECK_STR(os_default_directory(), without);
  struct stat status;
  bool has_var_tmp = stat("/var/tmp", &status) == 0 && S_ISDIR(status.st_mode);
  CHECK_STR(without, has_var_tmp ? "/var/tmp" : "/tmp");
  if (before != NULL) setenv("TMPDIR", before, 1);
  free(before);
}

static void kinds_of_file_systems(void) {
  struct stat status;
  if (stat("/dev/shm", &status) != 0) kit_skip("there is no /dev/shm here");
  int fd = -1;
  if (os_open_anonymous("/dev/shm", &fd, NULL) != RESPOOL_OK) kit_skip("/dev/shm takes no files");
  CHECK_EQ(os_file_system(fd), OS_FS_MEMORY);
  os_close(fd);
  CHECK_EQ(os_file_system(-1), OS_FS_LOCAL); /* unknown is taken for ordinary */
}

/* ---- Sizes, cutting, syncing ----------------------------------------------------------------------- */

static void seeking(void) {
  char path[KIT_PATH];
  kit_file_write(kit_join(path, kit_scratch(), "file"), "0123456789", 10);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int64_t position = -1, size = -1;
  CHECK(os_seekable(fd, &position, &size));
  CHECK(position == 0 && size == 10);
  CHECK(os_seek(fd, 4));
  CHECK(os_seekable(fd, &position, &size));
  CHECK(position == 4 && size == 10);
  CHECK(!os_seek(fd, -1));
  close(fd);
  int ends[2];
  REQUIRE_EQ(pipe(ends), 0);
  CHECK(!os_seekable(ends[0], &position, &size));
  CHECK(!os_seekable(-1, &position, &size));
  CHECK(position == 4 && size == 10);
  close(ends[0]);
  close(ends[1]);
}

static int calls_left;
static int call_code;

static int interrupted_ftruncate(int fd, off_t length) {
  if (calls_left-- > 0) {
    errno = call_code;
    return -1;
  }
  return ftruncate(fd, length);
}

static int interrupted_fsync(int fd) {
  if (calls_left-- > 0) {
    errno = call_code;
    return -1;
  }
  return fsync(fd);
}

static void cutting(void) {
  char path[KIT_PATH];
  int fd = -1;
  REQUIRE_OK(os_open_named(kit_join(path, kit_scratch(), "file"), &fd, kit_error()));
  check_usable(fd);
  os_calls.ftruncate = interrupted_ftruncate;
  calls_left = 3;
  call_code = EINTR;
  CHECK_OK(os_truncate(fd, 17, kit_error()));
  CHECK_EQ(kit_file_size(path), 17);
  calls_left = 1;
  call_code = EIO;
  CHECK_ERROR(os_truncate(fd, 5, kit_error()), RESPOOL_IO, NULL);
  CHECK_EQ(kit_file_size(path), 17);
  use_system();
  os_close(fd);
}

/* The file, and apart from it the directory that holds its name. */
static void syncing(void) {
  char path[KIT_PATH];
  int fd = -1;
  REQUIRE_OK(os_open_named(kit_join(path, kit_scratch(), "file"), &fd, kit_error()));
  os_calls.fsync = interrupted_fsync;
  calls_left = 2;
  call_code = EINTR;
  CHECK_OK(os_sync(fd, kit_error()));
  CHECK_OK(os_sync_parent(path, kit_error()));
  calls_left = 1;
  call_code = ENOSPC;
  CHECK_ERROR(os_sync_parent(path, kit_error()), RESPOOL_NO_SPACE, NULL);
  call_code = EIO;
  calls_left = 1;
  CHECK_ERROR(os_sync(fd, kit_error()), RESPOOL_IO, NULL);
  use_system();
  CHECK_ERROR(os_sync_parent("/no/such/folder/file", kit_error()), RESPOOL_IO, "/no/such/folder");
  CHECK_OK(os_sync_parent("name in the working directory", kit_error()));
  CHECK_OK(os_sync_parent("/name-in-the-root", kit_error()));
  os_close(fd);
}

/* ---- Mappings -------------------------------------------------------------------------------------- */

static void mapping_at_any_offset(void) {
  enum { SIZE = 20000 };
  char path[KIT_PATH];
  unsigned char bytes[SIZE];
  kit_random random;
  kit_random_init(&random, kit_seed());
  kit_random_fill(&random, bytes, sizeof bytes);
  kit_file_write(kit_join(path, kit_scratch(), "file"), bytes, sizeof bytes);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  for (int64_t offset = 0; offset < SIZE; offset += 1 + kit_random_below(&random, 300)) {
    int64_t length = kit_random_between(&random, 1, SIZE - offset);
    struct os_mapping mapping;
    REQUIRE_OK(os_map(fd, offset, length, &mapping, kit_error()));
    CHECK_EQ(memcmp(mapping.bytes, bytes + offset, (size_t)length), 0);
    os_unmap(&mapping);
    os_unmap(&mapping); /* a second time does nothing */
  }
  close(fd);
  CHECK_EQ(kit_mappings(path), 0);
}

static void *mmap_refused(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
  (void)at, (void)length, (void)protection, (void)flags, (void)fd, (void)offset;
  errno = ENOMEM;
  return MAP_FAILED;
}

static void mappings_that_are_refused(void) {
  struct os_mapping mapping = {.size = 99};
  os_calls.mmap = mmap_refused;
  CHECK_ERROR(os_map(0, 0, 4096, &mapping, kit_error()), RESPOOL_NO_MEMORY, "cannot map");
  use_system();
  CHECK_ERROR(os_map(-1, 0, 4096, &mapping, kit_error()), RESPOOL_IO, "cannot map");
  CHECK_EQ(mapping.size, 99);
}

static const kit_test tests[] = {
    KIT_TEST(a_named_file),
    KIT_TEST(links_are_not_followed),
    KIT_TEST(paths_that_cannot_be),
    KIT_TEST(absolute_paths),
    KIT_TEST(a_nameless_file),
    KIT_TEST(without_o_tmpfile),
    KIT_TEST(a_directory_that_refuses),
    KIT_TEST(the_second_way_cleans_up),
    KIT_TEST(a_directory_with_a_long_name),
    KIT_TEST(the_default_directory),
    KIT_TEST(kinds_of_file_systems),
    KIT_TEST(seeking),
    KIT_TEST(cutting),
    KIT_TEST(syncing),
    KIT_TEST(mapping_at_any_offset),
    KIT_TEST(mappings_that_are_refused),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
