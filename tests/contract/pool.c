/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool: the files of spools that are done are used again by the next ones in the same directory, whatever was in
 * them, never while anything of the spool before can be seen, and within what the pool may keep.
 */
#include "spool.h"
#include "system.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static respool_pool *open_pool(int64_t bytes, int32_t files) {
  respool_pool_options options;
  respool_pool *pool = NULL;
  respool_pool_options_init(&options, sizeof options);
  options.keep_bytes = bytes;
  options.keep_files = files;
  REQUIRE_OK(respool_pool_create(&options, &pool, kit_error()));
  return pool;
}

static respool_pool_stats stats_of(respool_pool *pool) {
  respool_pool_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(respool_pool_get_stats(pool, &stats, kit_error()));
  return stats;
}

/* What the pool keeps now, and how often it has given something. */
static void check_pool(respool_pool *pool, int64_t files, int64_t reused) {
  respool_pool_stats stats = stats_of(pool);
  CHECK_EQ(stats.files, files);
  CHECK_EQ(stats.files_reused, reused);
  CHECK_EQ(stats.bytes > 0, files > 0);
}

static respool_options options_in(const char *directory, respool_pool *pool) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  options.pool = pool;
  return options;
}

static void open_with(kit_spool *s, const respool_options *options) {
  kit_spool_open(s, "{number:int32}", options);
}

static void append_filled(respool_writer *writer, int64_t bytes, int32_t value) {
  struct ArrowArray array;
  kit_batch_filled(bytes, value, &array);
  kit_append(writer, &array);
}

/* A spool of `batches` batches of `bytes` bytes, all of `value`, written and read back. */
static void pass_through(const respool_options *options, int64_t batches, int64_t bytes, int32_t value) {
  kit_spool s;
  open_with(&s, options);
  for (int64_t i = 0; i < batches; i++) append_filled(s.writer, bytes, value);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_stored, batches);
  respool_reader *reader = kit_reader(s.spool);
  for (int64_t i = 0; i < batches; i++) {
    struct ArrowArray array, expected;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    kit_batch_filled(bytes, value, &expected);
    CHECK_SAME(&s.schema, &expected, &array);
    array.release(&array);
    expected.release(&expected);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* ---- Used again ------------------------------------------------------------------------------------ */

static void a_file_is_used_again(void) {
  const char *directory = kit_scratch();
  int descriptors = kit_open_descriptors();
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(directory, pool);
  check_pool(pool, 0, 0);
  for (int i = 0; i < 4; i++) {
    pass_through(&options, 3, 1000, i);
    check_pool(pool, 1, i);
    CHECK_EQ(kit_open_descriptors(), descriptors + 1);
    CHECK_EQ(kit_entries(directory), 0);
  }
  CHECK_EQ(kit_mappings(directory), 0);
  respool_pool_release(pool);
  CHECK_EQ(kit_open_descriptors(), descriptors);
}

/* Longer and shorter ones over each other, in each mode and way of reading: nobody sees what was there before. */
static void nothing_of_the_spool_before_is_seen(void) {
  static const int32_t replays[] = {RESPOOL_REPLAY_AUTO, RESPOOL_REPLAY_MAP, RESPOOL_REPLAY_READ};
  static const int64_t batches[] = {20, 3, 40, 1, 7, 90, 2};
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(kit_scratch(), pool);
  int32_t turn = 0;
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ON_LIMIT; mode++) {
    for (size_t r = 0; r < sizeof replays / sizeof replays[0]; r++) {
      for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        options.mode = mode;
        options.replay = replays[r];
        options.write_chunk = i % 2 == 0 ? 4096 : RESPOOL_DEFAULT_WRITE_CHUNK;
        pass_through(&options, batches[i], 4 + turn % 5 * 2800, turn);
        check_pool(pool, 1, turn++);
      }
    }
  }
  respool_pool_release(pool);
}

/* A follower in a file that is longer than what was written so far waits like any other. */
static void a_follower_waits_at_the_written_end(void) {
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(kit_scratch(), pool);
  options.write_chunk = 4096;
  pass_through(&options, 50, 1000, 7);
  kit_spool s;
  open_with(&s, &options);
  respool_reader *reader = kit_reader(s.spool);
  for (int32_t i = 0; i < 20; i++) {
    CHECK_PENDING(reader);
    KIT_APPEND(s.writer, i);
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    CHECK_NEXT(reader, i);
  }
  CHECK_PENDING(reader);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  kit_spool_close(&s);
  check_pool(pool, 1, 1);
  respool_pool_release(pool);
}

/* The directory is what counts, not what it is called. */
static void only_in_the_same_directory(void) {
  const char *here = kit_scratch(), *there = kit_scratch();
  char link[KIT_PATH];
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(here, pool);
  pass_through(&options, 1, 1000, 1);
  options.directory = there;
  pass_through(&options, 1, 1000, 2);
  check_pool(pool, 2, 0);
  pass_through(&options, 1, 1000, 3);
  check_pool(pool, 2, 1);
  REQUIRE_EQ(symlink(here, kit_join(link, there, "link")), 0);
  options.directory = link;
  pass_through(&options, 1, 1000, 4);
  check_pool(pool, 2, 2);
  options.directory = "/nonexistent/directory";
  kit_spool s;
  open_with(&s, &options);
  KIT_APPEND(s.writer, 1);
  CHECK_ERROR(respool_writer_flush(s.writer, kit_error()), RESPOOL_IO, "nonexistent");
  kit_spool_close(&s);
  respool_pool_release(pool);
}

static void spools_without_a_file_or_with_a_name(void) {
  char path[KIT_PATH];
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(NULL, pool);
  options.mode = RESPOOL_MODE_ALL;
  options.path = kit_join(path, kit_scratch(), "file");
  pass_through(&options, 3, 1000, 1);
  CHECK_LE(1000, kit_file_size(path));
  check_pool(pool, 0, 0);
  options = options_in(kit_scratch(), pool);
  options.memory_limit = RESPOOL_NO_LIMIT;
  kit_spool s;
  open_with(&s, &options);
  KIT_APPEND(s.writer, 1);
  kit_spool_close(&s);
  check_pool(pool, 0, 0);
  respool_pool_release(pool);
}

/* ---- Lifetimes ------------------------------------------------------------------------------------- */

/* Invariant 7: while an array shows the file, nobody writes over it. */
static void not_while_an_array_shows_it(void) {
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(kit_scratch(), pool);
  kit_spool s;
  struct ArrowArray array, expected;
  open_with(&s, &options);
  append_filled(s.writer, 5000, 11);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
  respool_reader_close(reader);
  kit_spool_close(&s);
  check_pool(pool, 0, 0);
  pass_through(&options, 4, 5000, 22);
  check_pool(pool, 1, 0);
  kit_schema_parse("{number:int32}", &s.schema);
  kit_batch_filled(5000, 11, &expected);
  CHECK_SAME(&s.schema, &expected, &array);
  expected.release(&expected);
  s.schema.release(&s.schema);
  array.release(&array);
  check_pool(pool, 2, 0);
  respool_pool_release(pool);
}

/* Without a handle on the pool nothing is kept, but what was made with it works on. */
static void the_pool_goes_first(void) {
  int descriptors = kit_open_descriptors();
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(kit_scratch(), pool);
  pass_through(&options, 1, 1000, 1);
  kit_spool s, late;
  open_with(&s, &options);
  open_with(&late, &options);
  KIT_APPEND(s.writer, 1, 2, 3);
  CHECK(respool_pool_retain(pool) == pool);
  respool_pool_release(pool);
  CHECK_EQ(stats_of(pool).files_reused, 1);
  respool_pool_release(pool);
  KIT_APPEND(late.writer, 4);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  CHECK_NEXT(reader, 1, 2, 3);
  respool_reader_close(reader);
  kit_spool_close(&s);
  kit_spool_close(&late);
  CHECK_EQ(kit_open_descriptors(), descriptors);
  CHECK_NOTHING_LEFT();
}

static void the_last_handle_closes_what_is_kept(void) {
  int descriptors = kit_open_descriptors();
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(kit_scratch(), pool);
  kit_spool s[3];
  for (int i = 0; i < 3; i++) {
    open_with(&s[i], &options);
    append_filled(s[i].writer, 1000, i);
  }
  for (int i = 0; i < 3; i++) kit_spool_close(&s[i]);
  check_pool(pool, 3, 0);
  CHECK_EQ(kit_open_descriptors(), descriptors + 3);
  respool_pool_release(pool);
  CHECK_EQ(kit_open_descriptors(), descriptors);
  CHECK(respool_pool_retain(NULL) == NULL);
  respool_pool_release(NULL);
}

/* ---- Limits ---------------------------------------------------------------------------------------- */

/* Leave `count` files of about `bytes` bytes at once. */
static void leave_files(const respool_options *options, int count, int64_t bytes) {
  kit_spool s[8];
  for (int i = 0; i < count; i++) {
    open_with(&s[i], options);
    append_filled(s[i].writer, bytes, i);
    CHECK_OK(respool_writer_finish(s[i].writer, kit_error()));
  }
  for (int i = 0; i < count; i++) kit_spool_close(&s[i]);
}

static void no_more_files_than_allowed(void) {
  int descriptors = kit_open_descriptors();
  for (int32_t most = 0; most <= 3; most++) {
    respool_pool *pool = open_pool(1 << 30, most);
    respool_options options = options_in(kit_scratch(), pool);
    leave_files(&options, 5, 1000);
    CHECK_EQ(stats_of(pool).files, most);
    CHECK_EQ(kit_open_descriptors(), descriptors + most);
    respool_pool_release(pool);
  }
}

/* The ones that came last are kept; one that is too long alone is cut. */
static void no_more_bytes_than_allowed(void) {
  enum { BYTES = 100000 };
  respool_pool *pool = open_pool(BYTES * 2 + BYTES / 2, 8);
  respool_options options = options_in(kit_scratch(), pool);
  leave_files(&options, 5, BYTES);
  CHECK_EQ(stats_of(pool).files, 2);
  CHECK_LE(stats_of(pool).bytes, BYTES * 2 + BYTES / 2);
  CHECK_LE(BYTES * 2, stats_of(pool).bytes);
  leave_files(&options, 1, 10 * BYTES);
  CHECK_EQ(stats_of(pool).files, 1);
  CHECK_EQ(stats_of(pool).bytes, BYTES * 2 + BYTES / 2);
  pass_through(&options, 20, BYTES, 9); /* over a file that was cut */
  pass_through(&options, 20, BYTES, 10);
  CHECK_EQ(stats_of(pool).files, 1);
  respool_pool_release(pool);
  pool = open_pool(0, 8);
  options.pool = pool;
  leave_files(&options, 2, BYTES);
  check_pool(pool, 0, 0);
  respool_pool_release(pool);
}

static void trimming(void) {
  enum { BYTES = 100000 };
  respool_pool *pool = open_pool(1 << 30, 8);
  respool_options options = options_in(kit_scratch(), pool);
  leave_files(&options, 4, BYTES);
  int64_t bytes = stats_of(pool).bytes;
  CHECK_OK(respool_pool_trim(pool, bytes, kit_error()));
  CHECK_EQ(stats_of(pool).files, 4);
  CHECK_OK(respool_pool_trim(pool, bytes - 1, kit_error()));
  CHECK_EQ(stats_of(pool).files, 3);
  CHECK_EQ(stats_of(pool).bytes, bytes / 4 * 3);
  CHECK_OK(respool_pool_trim(pool, 0, kit_error()));
  check_pool(pool, 0, 0);
  pass_through(&options, 1, BYTES, 1); /* it works on */
  check_pool(pool, 1, 0);
  respool_pool_release(pool);
}

/* A file that the system did not take all bytes of is left to nobody. */
static void not_after_a_failed_write(void) {
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(kit_scratch(), pool);
  pass_through(&options, 1, 1000, 1);
  kit_spool s;
  open_with(&s, &options);
  kit_limit_file_size(50000);
  append_filled(s.writer, 400000, 2);
  CHECK_ERROR(respool_writer_flush(s.writer, kit_error()), RESPOOL_IO, NULL);
  kit_limit_file_size(-1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_spool_close(&s);
  check_pool(pool, 0, 1);
  respool_pool_release(pool);
}

/* ---- Arguments ------------------------------------------------------------------------------------- */

static void options_and_arguments(void) {
  respool_pool_options options;
  respool_pool *pool = NULL;
  memset(&options, 0x77, sizeof options);
  respool_pool_options_init(&options, sizeof options);
  CHECK_EQ(options.struct_size, sizeof options);
  CHECK_EQ(options.keep_bytes, RESPOOL_DEFAULT_KEEP_BYTES);
  CHECK_EQ(options.keep_files, RESPOOL_DEFAULT_KEEP_FILES);
  options.keep_bytes = -1;
  CHECK_ERROR(respool_pool_create(&options, &pool, kit_error()), RESPOOL_INVALID, "keep_bytes");
  options.keep_bytes = 0;
  options.keep_files = -1;
  CHECK_ERROR(respool_pool_create(&options, &pool, kit_error()), RESPOOL_INVALID, "keep_files");
  options.keep_files = 1025;
  CHECK_ERROR(respool_pool_create(&options, &pool, kit_error()), RESPOOL_INVALID, "keep_files");
  options.keep_files = 1024;
  options.struct_size = 1;
  CHECK_ERROR(respool_pool_create(&options, &pool, kit_error()), RESPOOL_INVALID, NULL);
  CHECK(pool == NULL);
  CHECK_ERROR(respool_pool_create(NULL, NULL, kit_error()), RESPOOL_INVALID, NULL);
  respool_pool_options_init(NULL, 8);
  REQUIRE_OK(respool_pool_create(NULL, &pool, kit_error()));
  respool_pool_stats stats = {.struct_size = 0};
  CHECK_ERROR(respool_pool_get_stats(pool, &stats, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_pool_get_stats(pool, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_pool_get_stats(NULL, &stats, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_pool_trim(NULL, 0, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_pool_trim(pool, -1, kit_error()), RESPOOL_INVALID, NULL);
  respool_pool_release(pool);
}

/* ---- Forked children ------------------------------------------------------------------------------- */

static int calls_in_child(respool_pool *pool, const struct ArrowSchema *schema, const respool_options *options) {
  respool_pool_stats stats = {.struct_size = sizeof stats};
  respool *spool = NULL;
  respool_writer *writer = NULL;
  if (respool_pool_trim(pool, 0, NULL) != RESPOOL_MISUSE) return 1;
  if (respool_pool_get_stats(pool, &stats, NULL) != RESPOOL_MISUSE) return 2;
  respool_error error;
  if (respool_create(schema, options, &spool, &writer, &error) != RESPOOL_MISUSE) return 3;
  if (strstr(error.message, "pool") == NULL) return 5; /* what is to be made anew */
  if (respool_pool_retain(pool) != pool) return 4;
  respool_pool_release(pool);
  respool_pool_release(pool);
  return 0;
}

/* The child leaves by way of another program: a leak checker would blame it for what it may not touch. */
static _Noreturn void leave_child(int code) {
  char command[32];
  snprintf(command, sizeof command, "exit %d", code);
  execl("/bin/sh", "sh", "-c", command, (char *)NULL);
  _exit(127);
}

/* Where the pool is the first thing of the library that the process has. */
static void the_child_of_a_pool_alone(void) {
  respool_pool *pool = open_pool(1 << 30, 4);
  fflush(stdout);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) leave_child(respool_pool_trim(pool, 0, NULL) == RESPOOL_MISUSE ? 0 : 1);
  int status;
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 0);
  respool_pool_release(pool);
}

static void the_child_may_not_use_it(void) {
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(kit_scratch(), pool);
  struct ArrowSchema schema;
  kit_schema_parse("{number:int32}", &schema);
  pass_through(&options, 1, 1000, 1);
  fflush(stdout);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) leave_child(calls_in_child(pool, &schema, &options));
  int status;
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 0);
  check_pool(pool, 1, 0);
  pass_through(&options, 1, 1000, 2);
  check_pool(pool, 1, 1);
  respool_pool_release(pool);
  schema.release(&schema);
}

/* What a child has of an array stays what it was: the file of a spool that lived through a fork is not used again. */
static void what_the_child_sees(void) {
  enum { BYTES = 4000 };
  respool_pool *pool = open_pool(1 << 30, 4);
  respool_options options = options_in(kit_scratch(), pool);
  kit_spool s;
  struct ArrowArray array;
  int ends[2];
  open_with(&s, &options);
  append_filled(s.writer, BYTES, 1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
  REQUIRE_EQ(pipe(ends), 0);
  fflush(stdout);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    char byte;
    const int32_t *values = array.children[0]->buffers[1];
    _exit(read(ends[0], &byte, 1) == 1 && values[0] == 1 ? 0 : 1);
  }
  array.release(&array);
  respool_reader_close(reader);
  kit_spool_close(&s);
  check_pool(pool, 0, 0);
  pass_through(&options, 1, BYTES, 2);
  check_pool(pool, 1, 0); /* of one made after the fork */
  REQUIRE_EQ(write(ends[1], "x", 1), 1);
  int status;
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 0);
  close(ends[0]);
  close(ends[1]);
  respool_pool_release(pool);
}

/* ---- Threads --------------------------------------------------------------------------------------- */

static const respool_options *shared_options;
static atomic_int next_value;

static void *pass_many_through(void *argument) {
  (void)argument;
  for (int i = 0; i < (kit_slow() ? 5 : 40); i++) {
    int32_t value = atomic_fetch_add(&next_value, 1);
    pass_through(shared_options, 1 + value % 7, 300 + value % 11 * 100, value);
    if (value % 16 == 0) CHECK_OK(respool_pool_trim(shared_options->pool, 4096, NULL));
  }
  return NULL;
}

static void several_threads(void) {
  enum { THREADS = 4 };
  int descriptors = kit_open_descriptors();
  respool_pool *pool = open_pool(60000, 3);
  respool_options options = options_in(kit_scratch(), pool);
  pthread_t threads[THREADS];
  shared_options = &options;
  for (int i = 0; i < THREADS; i++) threads[i] = kit_thread_start(pass_many_through, NULL);
  for (int i = 0; i < THREADS; i++) kit_thread_join(threads[i]);
  CHECK_LE(stats_of(pool).files, 3);
  CHECK_LE(stats_of(pool).bytes, 60000);
  respool_pool_release(pool);
  CHECK_EQ(kit_open_descriptors(), descriptors);
}

static const kit_test tests[] = {
    KIT_TEST(the_child_of_a_pool_alone), /* first */
    KIT_TEST(a_file_is_used_again),
    KIT_TEST(nothing_of_the_spool_before_is_seen),
    KIT_TEST(a_follower_waits_at_the_written_end),
    KIT_TEST(only_in_the_same_directory),
    KIT_TEST(spools_without_a_file_or_with_a_name),
    KIT_TEST(not_while_an_array_shows_it),
    KIT_TEST(the_pool_goes_first),
    KIT_TEST(the_last_handle_closes_what_is_kept),
    KIT_TEST(no_more_files_than_allowed),
    KIT_TEST(no_more_bytes_than_allowed),
    KIT_TEST(trimming),
    KIT_TEST(not_after_a_failed_write),
    KIT_TEST(options_and_arguments),
    KIT_TEST(the_child_may_not_use_it),
    KIT_TEST(what_the_child_sees),
    KIT_TEST(several_threads),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
