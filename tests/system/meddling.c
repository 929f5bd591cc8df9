/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Others at a named file while readers read it: cut, overwritten, replaced, removed. With the default replay that is an
 * error of the batch concerned and no signal, what is handed out is right, and batches whose bytes are there again can
 * be read again.
 */
#include "random.h"
#include "spool.h"
#include "system.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCHES = 12, READERS = 3 };

static const char fields[] = "{id:int64!,text:utf8,d:dictionary(i)<:utf8>,items:list<item:int16>}";

/* A finished spool with a copy of its file, and readers that stand in different places. */
struct scene {
  char path[KIT_PATH];
  kit_spool s;
  kit_series series;
  unsigned char *bytes;
  size_t size;
  respool_reader *readers[READERS];
};

static void step_to(struct scene *scene, int r, int64_t position) {
  for (int64_t i = respool_reader_position(scene->readers[r]); i < position; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(scene->readers[r], &array, 0, kit_error()));
    kit_series_check(&scene->series, i, &array);
  }
}

static void open_scene(struct scene *scene) {
  *scene = (struct scene){.size = 0};
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(scene->path, kit_scratch(), "named"));
  kit_spool_open(&scene->s, fields, &options);
  scene->series = (kit_series){.schema = &scene->s.schema, .seed = kit_seed(), .rows_least = 100, .rows_most = 900};
  kit_series_append(&scene->series, scene->s.writer, 0, BATCHES);
  CHECK_OK(respool_writer_finish(scene->s.writer, kit_error()));
  scene->bytes = kit_file_read(scene->path, &scene->size);
  for (int r = 0; r < READERS; r++) {
    scene->readers[r] = kit_reader(scene->s.spool);
    step_to(scene, r, r * 3);
  }
}

static void close_scene(struct scene *scene) {
  for (int r = 0; r < READERS; r++) respool_reader_close(scene->readers[r]);
  kit_spool_close(&scene->s);
  free(scene->bytes);
  CHECK_NOTHING_LEFT();
}

/* On as far as it goes. True: to the end. What comes is right, and what does not is an error that names the batch. */
static bool read_on(struct scene *scene, respool_reader *reader) {
  for (;;) {
    struct ArrowArray array;
    char name[40];
    int64_t position = respool_reader_position(reader);
    respool_status status = respool_reader_next(reader, &array, 0, kit_error());
    if (status == RESPOOL_END) return CHECK_EQ(position, BATCHES);
    if (status == RESPOOL_OK) {
      kit_series_check(&scene->series, position, &array);
      continue;
    }
    snprintf(name, sizeof name, "batch %d", (int)position);
    CHECK(status == RESPOOL_CORRUPT || status == RESPOOL_TRUNCATED);
    CHECK_HAS(kit_last_error()->message, name);
    CHECK_EQ(respool_reader_position(reader), position);
    return false;
  }
}

/* All go on, and a new one begins. How many came to the end. */
static int all_read_on(struct scene *scene) {
  int ended = 0;
  for (int r = 0; r < READERS; r++) ended += read_on(scene, scene->readers[r]);
  respool_reader *late = kit_reader(scene->s.spool);
  ended += read_on(scene, late);
  respool_reader_close(late);
  return ended;
}

static void put_back(const struct scene *scene) {
  int fd = open(scene->path, O_WRONLY | O_CLOEXEC);
  REQUIRE_EQ(pwrite(fd, scene->bytes, scene->size, 0), (ssize_t)scene->size);
  close(fd);
}

/* Wherever it is cut; and made as long as it was, which shows zeros. */
static void cut_short(void) {
  for (int grown = 0; grown <= 1; grown++)
    for (int part = 0; part < 16 && kit_failures() == 0; part++) {
      struct scene scene;
      open_scene(&scene);
      REQUIRE_EQ(truncate(scene.path, (off_t)(scene.size * (size_t)part / 16)), 0);
      if (grown) REQUIRE_EQ(truncate(scene.path, (off_t)scene.size), 0);
      CHECK_EQ(all_read_on(&scene), 0);
      put_back(&scene);
      CHECK_EQ(all_read_on(&scene), READERS + 1);
      close_scene(&scene);
    }
}

/* The first bytes of every message, so that no message is where one was written. */
static void overwritten(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  struct scene scene;
  open_scene(&scene);
  int fd = open(scene.path, O_WRONLY | O_CLOEXEC);
  for (size_t at = 0; at < scene.size; at += 64) {
    unsigned char other[16];
    kit_random_fill(&random, other, sizeof other);
    REQUIRE_EQ(pwrite(fd, other, sizeof other, (off_t)at), (ssize_t)sizeof other);
  }
  close(fd);
  CHECK_EQ(all_read_on(&scene), 0);
  put_back(&scene);
  CHECK_EQ(all_read_on(&scene), READERS + 1);
  close_scene(&scene);
}

/* By another file of the same name, or by none: readers have the file that they know. */
static void replaced_and_removed(void) {
  for (int removed = 0; removed <= 1; removed++) {
    struct scene scene;
    char other[KIT_PATH];
    open_scene(&scene);
    kit_file_write(kit_join(other, kit_scratch(), "other"), "other", 5);
    REQUIRE_EQ(removed ? unlink(scene.path) : rename(other, scene.path), 0);
    CHECK_EQ(all_read_on(&scene), READERS + 1);
    if (!removed) CHECK_EQ(kit_file_size(scene.path), 5);
    close_scene(&scene);
  }
}

/* While it is still being written: what is written later lies behind a hole, and is there. */
static void cut_while_it_is_written(void) {
  struct scene scene = {.size = 0};
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(scene.path, kit_scratch(), "named"));
  kit_spool_open(&scene.s, fields, &options);
  scene.series = (kit_series){.schema = &scene.s.schema, .seed = kit_seed(), .rows_least = 100, .rows_most = 900};
  kit_series_append(&scene.series, scene.s.writer, 0, 4);
  CHECK_OK(respool_writer_flush(scene.s.writer, kit_error()));
  scene.readers[0] = kit_reader(scene.s.spool);
  step_to(&scene, 0, 4);
  REQUIRE_EQ(truncate(scene.path, 10), 0);
  kit_series_append(&scene.series, scene.s.writer, 4, BATCHES);
  CHECK_OK(respool_writer_finish(scene.s.writer, kit_error()));
  read_on(&scene, scene.readers[0]); /* to the end, unless a dictionary it needs was before the cut */
  respool_reader *late = kit_reader(scene.s.spool);
  CHECK(!read_on(&scene, late));
  CHECK_EQ(respool_reader_position(late), 0);
  respool_reader_close(late);
  respool_reader_close(scene.readers[0]);
  kit_spool_close(&scene.s);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(cut_short),
    KIT_TEST(overwritten),
    KIT_TEST(replaced_and_removed),
    KIT_TEST(cut_while_it_is_written),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
