/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a spool leaves in the process, while it lives and when it is gone: descriptors, mappings, threads, files; who
 * may see them; and what becomes of links in its way.
 */
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCHES = 30 };

static const char fields[] = "{id:int64!,text:utf8,d:dictionary(i)<:utf8>}";

/* The ways a spool may have its file. */
struct way {
  const char *name;
  int32_t mode;
  int32_t replay;
  bool named;
  bool reopened;
  bool pooled;
};

static const struct way ways[] = {
    {"overflow, mapped", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP, false, false, false},
    {"overflow, read", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_READ, false, false, false},
    {"overflow, from a pool", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP, false, false, true},
    {"on limit, named", RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_READ, true, false, false},
    {"all", RESPOOL_MODE_ALL, RESPOOL_REPLAY_READ, true, false, false},
    {"all, mapped, reopened", RESPOOL_MODE_ALL, RESPOOL_REPLAY_MAP, true, true, false},
};

enum { WAYS = sizeof ways / sizeof ways[0] };

/* A spool with its file, what it was made of, and what there was before. */
struct scene {
  const struct way *way;
  const char *directory;
  char path[KIT_PATH];
  respool_pool *pool;
  respool_options options;
  kit_spool s;
  kit_series series;
  int descriptors;
  int threads;
};

static void fill(struct scene *scene) {
  kit_spool_open(&scene->s, fields, &scene->options);
  scene->series = (kit_series){.schema = &scene->s.schema, .seed = kit_seed(), .rows_least = 50, .rows_most = 90};
  kit_series_append(&scene->series, scene->s.writer, kit_stats(scene->s.spool).batches, BATCHES);
  CHECK_OK(respool_writer_flush(scene->s.writer, kit_error()));
  CHECK_EQ(kit_stats(scene->s.spool).file_exists, 1);
}

static void open_scene(struct scene *scene, const struct way *way) {
  *scene = (struct scene){.way = way, .directory = kit_scratch()};
  scene->descriptors = kit_open_descriptors();
  scene->threads = kit_entries("/proc/self/task");
  scene->options = kit_options(0, way->mode, way->named ? kit_join(scene->path, scene->directory, "named") : NULL);
  if (!way->named) scene->options.directory = scene->directory;
  scene->options.replay = way->replay;
  scene->options.reopen = way->reopened;
  if (way->pooled) REQUIRE_OK(respool_pool_create(NULL, &scene->pool, kit_error()));
  scene->options.pool = scene->pool;
  if (way->reopened || way->pooled) { /* the file is there already */
    fill(scene);
    kit_spool_close(&scene->s);
  }
  fill(scene);
}

static void close_scene(struct scene *scene) {
  kit_spool_close(&scene->s);
  respool_pool_release(scene->pool);
  CHECK_EQ(kit_open_descriptors(), scene->descriptors);
  CHECK_EQ(kit_mappings(scene->directory), 0);
  CHECK_EQ(kit_entries("/proc/self/task"), scene->threads);
  CHECK_EQ(kit_entries(scene->directory), scene->way->named ? 1 : 0);
  CHECK_NOTHING_LEFT();
  if (kit_failures() > 0) kit_note("%s", scene->way->name);
}

/* ---- While it lives -------------------------------------------------------------------------------- */

/* Whatever the umask lets through or takes away. */
static void only_the_owner_may_open_it(void) {
  static const mode_t masks[] = {0, 022, 0177};
  for (int w = 0; w < WAYS; w++)
    for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++) {
      struct scene scene;
      struct stat status;
      mode_t old = umask(masks[m]);
      open_scene(&scene, &ways[w]);
      umask(old);
      REQUIRE_EQ(fstat(kit_descriptor_in(scene.directory), &status), 0);
      CHECK_EQ(status.st_mode & 07777, 0600);
      CHECK_EQ(status.st_uid, geteuid());
      CHECK_EQ(status.st_nlink, ways[w].named ? 1 : 0);
      close_scene(&scene);
    }
}

/* Another program that is run lists what it has been left. */
static bool a_program_sees(const char *directory) {
  int status;
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "ls -l /proc/self/fd | grep -qF \"$1/\"", "sh", directory, (char *)NULL);
    _exit(9);
  }
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
  return WEXITSTATUS(status) == 0;
}

static void programs_that_are_run_do_not_get_it(void) {
  for (int w = 0; w < WAYS; w++) {
    struct scene scene;
    open_scene(&scene, &ways[w]);
    int fd = kit_descriptor_in(scene.directory);
    CHECK(!a_program_sees(scene.directory));
    REQUIRE_EQ(fcntl(fd, F_SETFD, 0), 0); /* which it would be seen by */
    CHECK(a_program_sees(scene.directory));
    close_scene(&scene);
  }
}

/* A link where the file is to be made leads nowhere, whatever it names. */
static void links_in_the_way_are_not_followed(void) {
  for (int reopen = 0; reopen <= 1; reopen++)
    for (int dangling = 0; dangling <= 1; dangling++) {
      char link[KIT_PATH], target[KIT_PATH];
      const char *directory = kit_scratch();
      respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(link, directory, "link"));
      struct ArrowSchema schema;
      respool *spool;
      respool_writer *writer;
      kit_join(target, directory, "target");
      if (!dangling) kit_file_write(target, "target", 6);
      REQUIRE_EQ(symlink(target, link), 0);
      kit_schema_parse(fields, &schema);
      options.reopen = reopen;
      CHECK_ERROR(respool_create(&schema, &options, &spool, &writer, kit_error()), RESPOOL_IO, link);
      CHECK_EQ(kit_file_size(target), dangling ? -1 : 6);
      schema.release(&schema);
    }
}

/* ---- When it is gone ------------------------------------------------------------------------------- */

static void take_all(struct scene *scene, struct ArrowArray *last) {
  respool_reader *reader = kit_reader(scene->s.spool);
  for (int64_t i = 0; i < BATCHES - 1; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    kit_series_check(&scene->series, i, &array);
  }
  REQUIRE_OK(respool_reader_next(reader, last, 0, kit_error()));
  respool_reader_close(reader);
}

/* Arrays that were handed out hold what they show, and it goes with the last of them. */
static void nothing_survives_the_last_handle_and_array(void) {
  for (int w = 0; w < WAYS; w++) {
    struct scene scene;
    struct ArrowArray last;
    open_scene(&scene, &ways[w]);
    take_all(&scene, &last);
    CHECK_OK(respool_writer_finish(scene.s.writer, kit_error()));
    respool_writer_close(scene.s.writer);
    respool_release(scene.s.spool);
    respool_pool_release(scene.pool);
    scene.pool = NULL;
    scene.s.spool = NULL;
    scene.s.writer = NULL;
    bool shows = kit_mappings(scene.directory) > 0;
    CHECK_EQ(shows, ways[w].replay == RESPOOL_REPLAY_MAP);
    kit_series_check(&scene.series, BATCHES - 1, &last);
    close_scene(&scene);
  }
}

static const kit_test tests[] = {
    KIT_TEST(only_the_owner_may_open_it),
    KIT_TEST(programs_that_are_run_do_not_get_it),
    KIT_TEST(links_in_the_way_are_not_followed),
    KIT_TEST(nothing_survives_the_last_handle_and_array),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
