/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process at its limits: no more descriptors, no more address space, files that may not grow, directories that are
 * gone. What fails says so, nothing accepted is lost or wrong, and when there is room again the same call succeeds.
 */
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char fields[] = "{id:int64!,text:utf8}";

static kit_series series_of(const kit_spool *s) {
  return (kit_series){.schema = &s->schema, .seed = kit_seed(), .rows_least = 20, .rows_most = 60, .null_rate = 0.2};
}

/* Answers EMFILE and the like, which say what the system said. */
static void check_no_descriptor(respool_status status) {
  CHECK_STATUS(status, RESPOOL_IO);
  CHECK_EQ(kit_last_error()->os_error, EMFILE);
}

/* ---- Descriptors ----------------------------------------------------------------------------------- */

static rlim_t descriptors_before;

/* No descriptor can be opened any more; or again as many as before. */
static void allow_descriptors(bool any) {
  struct rlimit limit;
  REQUIRE_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (!any) descriptors_before = limit.rlim_cur;
  int next = dup(0);
  REQUIRE(next >= 0 || any);
  if (next >= 0) close(next);
  limit.rlim_cur = any ? descriptors_before : (rlim_t)next;
  REQUIRE_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void no_descriptor_to_create_with(void) {
  char path[KIT_PATH];
  struct ArrowSchema schema;
  kit_spool s = {0};
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "named"));
  kit_schema_parse(fields, &schema);
  for (int reopen = 0; reopen <= 1; reopen++) {
    options.reopen = reopen;
    allow_descriptors(false);
    check_no_descriptor(respool_create(&schema, &options, &s.spool, &s.writer, kit_error()));
    allow_descriptors(true);
    CHECK_OK(respool_create(&schema, &options, &s.spool, &s.writer, kit_error()));
    kit_spool_close(&s);
  }
  schema.release(&schema);
}

/* The file is made when the limit is passed: that fails, and the batch stays in memory. */
static void no_descriptor_to_spill_with(void) {
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ON_LIMIT; mode++) {
    respool_options options = kit_options(0, mode, NULL);
    options.directory = kit_scratch();
    kit_spool s;
    kit_spool_open(&s, fields, &options);
    kit_series series = series_of(&s);
    allow_descriptors(false);
    kit_series_append(&series, s.writer, 0, 3);
    check_no_descriptor(respool_writer_flush(s.writer, kit_error()));
    CHECK_EQ(kit_stats(s.spool).batches_stored, 0);
    kit_series_replay(&series, s.spool, 3, RESPOOL_TIMED_OUT);
    allow_descriptors(true);
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    CHECK_EQ(kit_stats(s.spool).batches_stored, 3);
    allow_descriptors(false); /* reading takes none, nor does finishing */
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_series_replay(&series, s.spool, 3, RESPOOL_END);
    allow_descriptors(true);
    kit_spool_close(&s);
  }
}

/* A sync opens the directory. */
static void no_descriptor_to_sync_with(void) {
  char path[KIT_PATH];
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "named"));
  options.sync_on_finish = 1;
  kit_spool_open(&s, fields, &options);
  kit_series series = series_of(&s);
  kit_series_append(&series, s.writer, 0, 3);
  allow_descriptors(false);
  check_no_descriptor(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, 3, RESPOOL_TIMED_OUT);
  allow_descriptors(true);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, 3, RESPOOL_END);
  kit_spool_close(&s);
}

/* What a pool keeps is open already. */
static void a_file_of_a_pool_takes_none(void) {
  respool_pool *pool;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  REQUIRE_OK(respool_pool_create(NULL, &pool, kit_error()));
  options.pool = pool;
  for (int i = 0; i < 2; i++) {
    kit_spool s;
    if (i == 1) allow_descriptors(false);
    kit_spool_open(&s, fields, &options);
    kit_series series = series_of(&s);
    kit_series_append(&series, s.writer, 0, 3);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_series_replay(&series, s.spool, 3, RESPOOL_END);
    kit_spool_close(&s);
  }
  allow_descriptors(true);
  respool_pool_release(pool);
}

/* ---- Address space --------------------------------------------------------------------------------- */

enum {
  BATCH = 1 << 20,
  BATCHES = 24,
  CEILINGS = 24,
  CEILING_STEP = 256 << 10,
  SUCCEEDED = 0,
  FAILED = 1,
  REFUSED = 10
};

static int64_t address_space(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%ld", &pages) != 1) pages = 0;
  if (file != NULL) fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

static void limit_address_space(int64_t more) {
  struct rlimit limit;
  REQUIRE_EQ(getrlimit(RLIMIT_AS, &limit), 0);
  limit.rlim_cur = more < 0 ? limit.rlim_max : (rlim_t)(address_space() + more);
  REQUIRE_EQ(setrlimit(RLIMIT_AS, &limit), 0);
}

/* Batches that were made before: the kit ends a program that has no memory. */
static bool append_all(respool_writer *writer, struct ArrowArray *batches) {
  bool good = true;
  for (int i = 0; i < BATCHES && good; i++) {
    if (batches[i].release == NULL) continue;
    respool_status status = respool_writer_append(writer, &batches[i], kit_error());
    good = status == RESPOOL_OK;
    if (!good) CHECK_EQ(status, RESPOOL_NO_MEMORY);
  }
  return good;
}

static void check_values(const struct ArrowArray *array, int64_t index) {
  const int32_t *values = array->children[0]->buffers[1];
  CHECK_EQ(array->length, BATCH / 4);
  bool same = true;
  for (int32_t i = 0; i < BATCH / 4; i++) same = same && values[i] == (int32_t)index * 1000 + i;
  CHECK(same);
}

/* False: no memory came in between, and what was read before was right. */
static bool read_all(respool *spool, int64_t *position) {
  respool_reader *reader;
  respool_status status = respool_reader_open(spool, NULL, &reader, kit_error());
  if (status != RESPOOL_OK) return CHECK_EQ(status, RESPOOL_NO_MEMORY) && false;
  struct ArrowArray array;
  for (*position = 0; (status = respool_reader_next(reader, &array, 0, kit_error())) == RESPOOL_OK; ++*position) {
    check_values(&array, *position);
    array.release(&array);
  }
  respool_reader_close(reader);
  if (status != RESPOOL_END) CHECK_EQ(status, RESPOOL_NO_MEMORY);
  return status == RESPOOL_END;
}

static bool finish(respool_writer *writer) {
  respool_status status = respool_writer_finish(writer, kit_error());
  if (status != RESPOOL_OK && status != RESPOOL_ALREADY_FINISHED) CHECK_EQ(status, RESPOOL_NO_MEMORY);
  return status == RESPOOL_OK || status == RESPOOL_ALREADY_FINISHED;
}

static bool whole_run(kit_spool *s, const respool_options *options, struct ArrowArray *batches) {
  int64_t read = 0;
  if (s->spool == NULL) {
    respool_status status = respool_create(&s->schema, options, &s->spool, &s->writer, kit_error());
    if (status != RESPOOL_OK) return CHECK_EQ(status, RESPOOL_NO_MEMORY) && false;
  }
  return append_all(s->writer, batches) && finish(s->writer) && read_all(s->spool, &read) && CHECK_EQ(read, BATCHES);
}

/* In a child: so much address space is left, and then as much as is wanted. */
static int run_under_a_ceiling(const char *directory, int64_t more) {
  struct ArrowArray batches[BATCHES];
  kit_spool s = {0};
  respool_options options = kit_options(4 << 20, RESPOOL_MODE_OVERFLOW, directory);
  kit_schema_parse("{number:int32}", &s.schema);
  for (int32_t i = 0; i < BATCHES; i++) kit_batch_filled(BATCH, i * 1000, &batches[i]);
  limit_address_space(more);
  bool done = whole_run(&s, &options, batches);
  limit_address_space(-1);
  CHECK(whole_run(&s, &options, batches));
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
  return kit_failures() > 0 ? FAILED : done ? SUCCEEDED : REFUSED;
}

static int in_a_child(int64_t more) {
  int status = 0;
  const char *directory = kit_scratch();
  fflush(stdout);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int code = run_under_a_ceiling(directory, more);
    fflush(stdout);
    _exit(code);
  }
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

/* From nothing on, until it is enough; a window of 64 MiB is never to be had, and is not needed. */
static void little_address_space(void) {
  int succeeded = 0, refused = 0;
  if (kit_slow()) kit_skip("sanitizers take the address space themselves");
  for (int64_t i = 0; i < CEILINGS; i++) {
    int answer = in_a_child(i * CEILING_STEP);
    CHECK(answer == SUCCEEDED || answer == REFUSED);
    succeeded += answer == SUCCEEDED;
    refused += answer == REFUSED;
  }
  kit_note("%d ceilings were too low, %d were enough", refused, succeeded);
  CHECK_LE(1, refused);
  CHECK_LE(1, succeeded);
}

/* ---- Size of files --------------------------------------------------------------------------------- */

/* SIGXFSZ is ignored, as a program has to that wants an answer. */
static void files_that_may_not_grow(void) {
  char path[KIT_PATH];
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "named"));
  kit_limit_file_size(8000);
  options.reopen = 1;
  kit_spool_open(&s, fields, &options);
  kit_series series = series_of(&s);
  kit_series_append(&series, s.writer, 0, 30);
  CHECK_ERROR(respool_writer_flush(s.writer, kit_error()), RESPOOL_IO, "cannot write to the spool file");
  CHECK_EQ(kit_last_error()->os_error, EFBIG);
  kit_series_replay(&series, s.spool, 30, RESPOOL_TIMED_OUT);
  CHECK_LE(kit_file_size(path), 8000);
  kit_limit_file_size(-1);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  kit_spool_close(&s);
  kit_spool_open(&s, fields, &options);
  CHECK_EQ(kit_stats(s.spool).batches, 30);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, 30, RESPOOL_END);
  kit_spool_close(&s);
}

/* ---- Directories ----------------------------------------------------------------------------------- */

/* Gone before the file is made: that fails, and goes well once it is there again. */
static void the_directory_is_gone(void) {
  for (int named = 0; named <= 1; named++) {
    char directory[KIT_PATH], path[KIT_PATH];
    kit_join(directory, kit_scratch(), "below");
    REQUIRE_EQ(mkdir(directory, 0700), 0);
    respool_options options = kit_options(0, RESPOOL_MODE_ON_LIMIT, NULL);
    if (named)
      options.path = kit_join(path, directory, "named");
    else
      options.directory = directory;
    kit_spool s;
    kit_spool_open(&s, fields, &options);
    kit_series series = series_of(&s);
    REQUIRE_EQ(rmdir(directory), 0);
    kit_series_append(&series, s.writer, 0, 3);
    CHECK_ERROR(respool_writer_flush(s.writer, kit_error()), RESPOOL_IO, directory);
    CHECK_EQ(kit_last_error()->os_error, ENOENT);
    kit_series_replay(&series, s.spool, 3, RESPOOL_TIMED_OUT);
    REQUIRE_EQ(mkdir(directory, 0700), 0);
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    CHECK_EQ(kit_stats(s.spool).batches_stored, 3);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_series_replay(&series, s.spool, 3, RESPOOL_END);
    kit_spool_close(&s);
  }
}

/* Gone afterwards: the file is open, and that is all that is needed. */
static void the_directory_goes_later(void) {
  for (int named = 0; named <= 1; named++) {
    char directory[KIT_PATH], path[KIT_PATH];
    kit_join(directory, kit_scratch(), "below");
    REQUIRE_EQ(mkdir(directory, 0700), 0);
    respool_options options = kit_options(0, named ? RESPOOL_MODE_ALL : RESPOOL_MODE_OVERFLOW, directory);
    if (named) options.path = kit_join(path, directory, "named");
    options.replay = RESPOOL_REPLAY_MAP;
    kit_spool s;
    kit_spool_open(&s, fields, &options);
    kit_series series = series_of(&s);
    kit_series_append(&series, s.writer, 0, 3);
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    if (named) REQUIRE_EQ(unlink(path), 0);
    REQUIRE_EQ(rmdir(directory), 0);
    kit_series_append(&series, s.writer, 3, 6);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_series_replay(&series, s.spool, 6, RESPOOL_END);
    kit_spool_close(&s);
  }
}

static const kit_test tests[] = {
    KIT_TEST(no_descriptor_to_create_with), KIT_TEST(no_descriptor_to_spill_with), KIT_TEST(no_descriptor_to_sync_with),
    KIT_TEST(a_file_of_a_pool_takes_none),  KIT_TEST(little_address_space),        KIT_TEST(files_that_may_not_grow),
    KIT_TEST(the_directory_is_gone),        KIT_TEST(the_directory_goes_later),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
