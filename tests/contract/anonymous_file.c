/* SPDX-License-Identifier: Apache-2.0 */
/* Anonymous files: no name in any directory at any time that can be seen, and nothing left whatever ends the process.
 */
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_in(kit_spool *s, const char *directory, int32_t mode) {
  respool_options options = kit_options(0, mode, NULL);
  options.directory = directory;
  kit_spool_open(s, "{number:int32}", &options);
}

static void no_name_in_its_directory(void) {
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ON_LIMIT; mode++) {
    const char *directory = kit_scratch();
    kit_spool s;
    open_in(&s, directory, mode);
    for (int32_t i = 0; i < 20; i++) {
      KIT_APPEND(s.writer, i);
      CHECK_EQ(kit_entries(directory), 0);
    }
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    CHECK_EQ(kit_stats(s.spool).file_exists, 1);
    kit_spool_close(&s);
    CHECK_EQ(kit_entries(directory), 0);
  }
}

static void tmpdir_is_the_default(void) {
  const char *directory = kit_scratch(), *old = getenv("TMPDIR");
  char *kept = old != NULL ? strdup(old) : NULL, missing[KIT_PATH];
  kit_spool s;
  setenv("TMPDIR", directory, 1);
  open_in(&s, NULL, RESPOOL_MODE_OVERFLOW);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(kit_stats(s.spool).batches_stored, 1);
  kit_spool_close(&s);
  setenv("TMPDIR", kit_join(missing, directory, "missing"), 1);
  open_in(&s, NULL, RESPOOL_MODE_OVERFLOW);
  KIT_APPEND(s.writer, 1);
  CHECK_ERROR(respool_writer_flush(s.writer, kit_error()), RESPOOL_IO,
              "missing"); /* it is used: not silently another */
  kit_spool_close(&s);
  unsetenv("TMPDIR");
  open_in(&s, NULL, RESPOOL_MODE_OVERFLOW);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(kit_stats(s.spool).batches_stored, 1);
  kit_spool_close(&s);
  if (kept != NULL) setenv("TMPDIR", kept, 1);
  free(kept);
}

static void the_file_goes_with_the_last_handle(void) {
  int descriptors = kit_open_descriptors();
  kit_spool s;
  open_in(&s, kit_scratch(), RESPOOL_MODE_OVERFLOW);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(kit_open_descriptors(), descriptors + 1);
  kit_spool_close(&s);
  CHECK_EQ(kit_open_descriptors(), descriptors);
}

/* The child spills, tells so, and works on until it is killed. */
static _Noreturn void spill_until_killed(const char *directory, int tell) {
  struct ArrowSchema schema;
  respool *spool;
  respool_writer *writer;
  respool_options options = kit_options(1 << 16, RESPOOL_MODE_OVERFLOW, directory);
  kit_schema_parse("{number:int32}", &schema);
  if (respool_create(&schema, &options, &spool, &writer, NULL) != RESPOOL_OK) _exit(3);
  bool told = false;
  for (int32_t i = 0;; i++) {
    struct ArrowArray array;
    respool_stats stats = {.struct_size = sizeof stats};
    kit_batch_filled(1 << 14, i, &array);
    if (respool_writer_append(writer, &array, NULL) != RESPOOL_OK) _exit(4);
    if (respool_get_stats(spool, &stats, NULL) != RESPOOL_OK) _exit(5);
    if (stats.batches_stored >= 50 && !told && write(tell, "!", 1) != 1) _exit(6);
    told = stats.batches_stored >= 50;
    if (stats.batches_stored >= 1000) pause(); /* the disk need not be filled */
  }
}

static void nothing_is_left_after_kill(void) {
  const char *directory = kit_scratch();
  int pipes[2], status;
  char told;
  REQUIRE_EQ(pipe(pipes), 0);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) spill_until_killed(directory, pipes[1]);
  close(pipes[1]);
  CHECK_EQ(read(pipes[0], &told, 1), 1);
  CHECK_EQ(kit_entries(directory), 0); /* nor while it lives */
  REQUIRE_EQ(kill(child, SIGKILL), 0);
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  CHECK_EQ(kit_entries(directory), 0);
  close(pipes[0]);
}

/* Whether the directory lies in memory is told; /dev/shm does where it exists. */
static void a_memory_backed_directory_is_noticed(void) {
  if (access("/dev/shm", W_OK) != 0) kit_skip("there is no writable /dev/shm");
  kit_spool s;
  open_in(&s, "/dev/shm", RESPOOL_MODE_OVERFLOW);
  CHECK_EQ(kit_stats(s.spool).memory_backed, 0);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(kit_stats(s.spool).memory_backed, 1);
  kit_spool_close(&s);
}

static void programs_that_are_started_do_not_inherit_it(void) {
  int before = kit_open_descriptors();
  kit_spool s;
  open_in(&s, kit_scratch(), RESPOOL_MODE_OVERFLOW);
  KIT_APPEND(s.writer, 1);
  REQUIRE_EQ(kit_open_descriptors(), before + 1);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "for fd in /proc/self/fd/*; do readlink $fd; done | grep -q deleted && exit 1; exit 0",
          (char *)NULL);
    _exit(9);
  }
  int status;
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 0);
  kit_spool_close(&s);
}

/* What comes, if anything does, leads nowhere outside: read replays check the structure of what they read. */
static void take_if_good(respool_reader *reader, const struct ArrowSchema *schema) {
  struct ArrowArray array;
  respool_status status = respool_reader_next(reader, &array, 0, kit_error());
  if (status == RESPOOL_OK) {
    CHECK_WELL_FORMED(schema, &array, KIT_TOP, 1);
    array.release(&array);
  } else {
    if (!CHECK(status == RESPOOL_CORRUPT || status == RESPOOL_TRUNCATED))
      kit_note("%s: %s", respool_status_name(status), kit_last_error()->message);
  }
}

static void damage_is_noticed_where_it_is_read(void) {
  const char *directory = kit_scratch();
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  options.replay = RESPOOL_REPLAY_READ;
  kit_spool s;
  kit_spool_open(&s, "{t:utf8,l:list<item:utf8>,b:bool}", &options);
  kit_series series = {.schema = &s.schema, .seed = 3, .rows_least = 6, .rows_most = 6, .null_rate = 0.3};
  kit_series_append(&series, s.writer, 0, 1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  int fd = kit_descriptor_in(directory);
  int64_t size = kit_stats(s.spool).bytes_written;
  for (int64_t at = 0; at < size && kit_failures() == 0; at++) {
    unsigned char kept, changed;
    REQUIRE_EQ(pread(fd, &kept, 1, at), 1);
    changed = kept ^ 0x41;
    REQUIRE_EQ(pwrite(fd, &changed, 1, at), 1);
    respool_reader *reader = kit_reader(s.spool);
    take_if_good(reader, &s.schema);
    respool_reader_close(reader);
    if (kit_failures() > 0) kit_note("byte %d", (int)at);
    REQUIRE_EQ(pwrite(fd, &kept, 1, at), 1);
  }
  kit_series_replay(&series, s.spool, 1, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(no_name_in_its_directory),
    KIT_TEST(tmpdir_is_the_default),
    KIT_TEST(the_file_goes_with_the_last_handle),
    KIT_TEST(nothing_is_left_after_kill),
    KIT_TEST(damage_is_noticed_where_it_is_read),
    KIT_TEST(a_memory_backed_directory_is_noticed),
    KIT_TEST(programs_that_are_started_do_not_inherit_it),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
