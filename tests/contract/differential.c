/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random schemas and batches through every way a batch can take (memory, mapping, reading, named file, IPC bytes),
 * compared slot by slot with what was appended.
 */
#include "bytes.h"
#include "spool.h"
#include "system.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct trial {
  const char *text; /* of the schema */
  struct ArrowSchema schema;
  kit_series series;
  int64_t count;
} trial;

/* Reads with full checks of shape: what comes from a file is aligned to 64, and exact. */
static void check_stored(const trial *t, respool *spool) {
  respool_reader *reader = kit_reader(spool);
  for (int64_t i = 0; i < t->count && kit_failures() == 0; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    CHECK_WELL_FORMED(&t->schema, &array, KIT_TOP | KIT_EXACT, 64);
    kit_series_check(&t->series, i, &array);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
}

/* All batches stored. A batch without rows may stay in memory where nothing else has made a file. */
static bool all_stored(respool *spool) {
  respool_stats stats = kit_stats(spool);
  return stats.batches_stored == stats.batches && stats.batches_resident == 0;
}

static void through_a_spool(const trial *t, const respool_options *options) {
  kit_spool s;
  kit_spool_open_schema(&s, &t->schema, options);
  kit_series_append(&t->series, s.writer, 0, t->count);
  kit_series_replay(&t->series, s.spool, t->count, RESPOOL_TIMED_OUT);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  if (all_stored(s.spool))
    check_stored(t, s.spool);
  else
    kit_series_replay(&t->series, s.spool, t->count, RESPOOL_END);
  kit_spool_close(&s);
}

static void through_the_file(const trial *t, const char *path) {
  struct ArrowArrayStream stream;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (CHECK_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error())))
    kit_series_check_stream(&t->series, &stream, t->count);
  close(fd);
}

/* LZ4, ZSTD and the adaptive one in turn, or none where this build does not have it. */
static int32_t compression_of(const trial *t, uint64_t more) {
  int32_t chosen = RESPOOL_COMPRESSION_LZ4 + (int32_t)((t->series.seed + more) % 3);
  return respool_compression_available(chosen) ? chosen : RESPOOL_COMPRESSION_NONE;
}

static void every_way(const trial *t) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_join(path, directory, "file");
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, directory);
  through_a_spool(t, &options);
  options.memory_limit = 0;
  for (options.replay = RESPOOL_REPLAY_MAP; options.replay <= RESPOOL_REPLAY_READ; options.replay++)
    through_a_spool(t, &options);
  options = kit_options(3000, RESPOOL_MODE_OVERFLOW, directory);
  options.write_chunk = 4096;
  through_a_spool(t, &options);
  options.memory_limit = 0;
  options.compression = compression_of(t, 0);
  for (options.replay = RESPOOL_REPLAY_MAP; options.replay <= RESPOOL_REPLAY_READ; options.replay++)
    through_a_spool(t, &options);
  options = kit_options(0, RESPOOL_MODE_ALL, path);
  options.compression = compression_of(t, 1);
  through_a_spool(t, &options);
  through_the_file(t, path);
  kit_scratch_remove(directory);
}

static void run_trial(const char *text, uint64_t seed, int variant) {
  trial t = {.text = text};
  kit_schema_parse(text, &t.schema);
  t.series = (kit_series){&t.schema, seed, 0, 60, variant % 3 == 0 ? 0 : 0.25, variant % 2 == 1, variant % 5 == 4};
  t.count = 1 + (int64_t)(seed % 5);
  every_way(&t);
  if (kit_failures() > 0) kit_note("schema %s, seed %" PRIu64 ", variant %d", text, seed, variant);
  t.schema.release(&t.schema);
}

static void random_schemas(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int64_t trials = kit_environment("RESPOOL_TEST_TRIALS", kit_slow() ? 60 : 500);
  for (int i = 0; i < trials && kit_failures() == 0; i++) {
    char *text = kit_schema_random_text(&random, 5, 3);
    run_trial(text, kit_random_next(&random), i);
    free(text);
  }
  CHECK_NOTHING_LEFT();
}

static void each_type_by_itself(void) {
  for (int i = 0; kit_types[i] != NULL && kit_failures() == 0; i++)
    for (int variant = 0; variant < (kit_slow() ? 2 : 4); variant++) {
      char text[700];
      snprintf(text, sizeof text, "{a:%s,b:%s!}", kit_types[i], kit_types[i]);
      run_trial(text, kit_mix(kit_seed() + (uint64_t)i), variant);
    }
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {KIT_TEST(each_type_by_itself), KIT_TEST(random_schemas)};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
