/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers that are killed (SIGKILL) at any moment. Of an anonymous file nothing is left; a named one is a prefix of
 * whole batches that holds all that was flushed, and the next writer goes on from there.
 */
#include "random.h"
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIVES = 24, ROUNDS = 24, CHUNK = 4096 };

static const char fields[] = "{id:int64!,text:utf8,d:dictionary(i)<:utf8>,items:list<item:int16>}";

static kit_series series_of(const struct ArrowSchema *schema) {
  return (kit_series){.schema = schema, .seed = kit_seed(), .rows_least = 1, .rows_most = 60, .null_rate = 0.2};
}

/* ---- The one that is killed ------------------------------------------------------------------------ */

/* Tells through the pipe how many batches were flushed, again and again, until it is killed. */
static _Noreturn void write_until_killed(const respool_options *options, int told, int64_t every) {
  kit_spool s = {0};
  struct ArrowSchema schema;
  kit_schema_parse(fields, &schema);
  if (respool_create(&schema, options, &s.spool, &s.writer, kit_error()) != RESPOOL_OK) {
    fprintf(stderr, "%s\n", kit_last_error()->message);
    _exit(1);
  }
  kit_series series = series_of(&schema);
  for (int64_t i = kit_stats(s.spool).batches;; i++) {
    struct ArrowArray array;
    kit_series_batch(&series, i, &array);
    if (respool_writer_append(s.writer, &array, NULL) != RESPOOL_OK) _exit(2);
    if (i % every != 0) continue;
    if (respool_writer_flush(s.writer, NULL) != RESPOOL_OK) _exit(3);
    int64_t flushed = i + 1;
    if (write(told, &flushed, sizeof flushed) != sizeof flushed) _exit(4);
  }
}

/* The last number that came through the pipe, which the writer has closed. */
static int64_t last_told(int pipe_end, int64_t flushed) {
  int64_t told;
  while (read(pipe_end, &told, sizeof told) == sizeof told) flushed = told;
  return flushed;
}

/* One writer's life, ended after some batches were flushed. Answers with how many it said there were at least. */
static int64_t live_and_be_killed(const respool_options *options, kit_random *random) {
  int pipes[2], status;
  int64_t flushed = 0, every = kit_random_between(random, 1, 9);
  REQUIRE_EQ(pipe(pipes), 0);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(pipes[0]);
    write_until_killed(options, pipes[1], every);
  }
  close(pipes[1]);
  for (int64_t more = kit_random_below(random, 12); more >= 0; more--)
    REQUIRE_EQ(read(pipes[0], &flushed, sizeof flushed), sizeof flushed);
  kit_pause(kit_random_below(random, 2000));
  REQUIRE_EQ(kill(child, SIGKILL), 0);
  flushed = last_told(pipes[0], flushed);
  close(pipes[0]);
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  REQUIRE(WIFSIGNALED(status));
  return flushed;
}

/* ---- What is left of it ---------------------------------------------------------------------------- */

/* Descriptors of any process that show a file in `directory`, as far as they may be seen. */
static int64_t held_anywhere(const char *directory) {
  char command[KIT_PATH + 100], answer[32] = "";
  snprintf(command, sizeof command, "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -cF '%s/'", directory);
  FILE *pipe = popen(command, "r");
  REQUIRE(pipe != NULL);
  REQUIRE(fgets(answer, sizeof answer, pipe) != NULL);
  pclose(pipe);
  return strtoll(answer, NULL, 10);
}

static void of_an_anonymous_file_nothing(void) {
  static const int32_t modes[] = {RESPOOL_MODE_OVERFLOW, RESPOOL_MODE_ON_LIMIT};
  kit_random random;
  kit_random_init(&random, kit_seed());
  const char *directory = kit_scratch();
  for (int i = 0; i < ROUNDS && kit_failures() == 0; i++) {
    respool_options options = kit_options(kit_random_below(&random, 20000), modes[i % 2], NULL);
    options.directory = directory;
    options.write_chunk = CHUNK;
    live_and_be_killed(&options, &random);
    CHECK_EQ(kit_entries(directory), 0);
  }
  CHECK_EQ(held_anywhere(directory), 0);
}

/* How many whole batches come, each of which must be as it was appended; then the file may end anywhere. */
static int64_t count_prefix(const kit_series *series, const char *path) {
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  int64_t count = 0;
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.allow_missing_end = 1;
  options.close_descriptor = 1;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (!CHECK_OK(respool_ipc_read_fd(fd, &options, &stream, kit_error()))) return -1;
  int code = stream.get_next(&stream, &array);
  for (; code == 0 && array.release != NULL; code = stream.get_next(&stream, &array))
    if (!kit_series_check(series, count++, &array)) break;
  if (code != 0) CHECK_HAS(stream.get_last_error(&stream), "input ends"); /* cut short, and nothing else */
  stream.release(&stream);
  return count;
}

static void finish_it(const kit_series *series, const respool_options *options, int64_t count) {
  struct ArrowArrayStream stream;
  kit_spool s;
  kit_spool_open_schema(&s, series->schema, options);
  CHECK_EQ(kit_stats(s.spool).batches, count);
  kit_series_append(series, s.writer, count, count + 3);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(series, s.spool, count + 3, RESPOOL_END);
  kit_spool_close(&s);
  int fd = open(options->path, O_RDONLY | O_CLOEXEC);
  if (CHECK_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error())))
    kit_series_check_stream(series, &stream, count + 3);
  close(fd);
}

/* One file, and many writers after one another, none of which dies in peace. */
static void live_many_lives(int32_t mode, int32_t compression) {
  char path[KIT_PATH];
  struct ArrowSchema schema;
  kit_random random;
  int64_t count = 0;
  kit_random_init(&random, kit_seed());
  kit_schema_parse(fields, &schema);
  kit_series series = series_of(&schema);
  respool_options options = kit_options(0, mode, kit_join(path, kit_scratch(), "named.arrows"));
  options.write_chunk = CHUNK;
  options.reopen = 1;
  if (respool_compression_available(compression)) options.compression = compression;
  for (int life = 0; life < LIVES && kit_failures() == 0; life++) {
    int64_t flushed = live_and_be_killed(&options, &random);
    int64_t found = count_prefix(&series, path);
    CHECK_LE(flushed, found);
    CHECK_LE(count, found);
    count = found;
    if (kit_failures() > 0) kit_note("life %d: %d flushed, %d found", life, (int)flushed, (int)found);
  }
  if (kit_failures() == 0) finish_it(&series, &options, count);
  kit_note("%d batches in %d lives", (int)count, LIVES);
  schema.release(&schema);
}

static void of_a_named_file_all_that_was_flushed(void) {
  live_many_lives(RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_NONE);
}

static void the_same_on_limit_compressed(void) {
  live_many_lives(RESPOOL_MODE_ON_LIMIT, RESPOOL_COMPRESSION_LZ4);
}

static const kit_test tests[] = {
    KIT_TEST(of_an_anonymous_file_nothing),
    KIT_TEST(of_a_named_file_all_that_was_flushed),
    KIT_TEST(the_same_on_limit_compressed),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
