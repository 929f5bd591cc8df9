/* SPDX-License-Identifier: Apache-2.0 */
/* Handles are closed in any order: every permutation of writer, spool, reader, array and exported stream. */
#include "spool.h"
#include "system.h"

#include <stdio.h>
#include <string.h>

enum { BATCHES = 6, WRITER = 0, SPOOL, READER, ARRAY, STREAM, HANDLES };

typedef struct handles {
  kit_spool s;
  kit_series series;
  respool_reader *reader;
  struct ArrowArray array;
  struct ArrowArrayStream stream;
} handles;

typedef struct setting {
  const char *name;
  int64_t limit;
  int32_t mode;
  int32_t replay;
  bool finished;
} setting;

static const char *directory;
static struct ArrowSchema schema;
static int files_made;

static void open_handles(handles *h, const setting *with) {
  char path[KIT_PATH], name[32];
  snprintf(name, sizeof name, "closing-%d", files_made++);
  kit_join(path, directory, name);
  respool_options options = kit_options(with->limit, with->mode, NULL);
  options.replay = with->replay;
  options.directory = with->mode == RESPOOL_MODE_ALL ? NULL : directory;
  options.path = with->mode == RESPOOL_MODE_ALL ? path : NULL;
  memset(h, 0, sizeof *h);
  kit_spool_open_schema(&h->s, &schema, &options);
  h->series = (kit_series){&schema, 99, 5, 20, 0.2, true, false};
  kit_series_append(&h->series, h->s.writer, 0, BATCHES);
  if (with->finished) CHECK_OK(respool_writer_finish(h->s.writer, kit_error()));
  h->reader = kit_reader(h->s.spool);
  CHECK_OK(respool_export(h->s.spool, NULL, &h->stream, kit_error()));
  for (int64_t i = 0; i < BATCHES - 1; i++) {
    REQUIRE_OK(respool_reader_next(h->reader, &h->array, 0, kit_error()));
    if (i < BATCHES - 2) kit_series_check(&h->series, i, &h->array);
  }
}

static void close_one(handles *h, int which) {
  switch (which) {
  case WRITER:
    respool_writer_close(h->s.writer);
    h->s.writer = NULL;
    break;
  case SPOOL:
    respool_release(h->s.spool);
    h->s.spool = NULL;
    break;
  case READER:
    respool_reader_close(h->reader);
    break;
  case ARRAY:
    kit_series_check(&h->series, BATCHES - 2, &h->array);
    break;
  default:
    h->stream.release(&h->stream);
  }
}

static void run_order(const int *order, const setting *with) {
  handles h;
  int failures = kit_failures();
  open_handles(&h, with);
  for (int i = 0; i < HANDLES; i++) close_one(&h, order[i]);
  kit_spool_close(&h.s);
  if (kit_failures() > failures)
    kit_note("%s, order %d %d %d %d %d", with->name, order[0], order[1], order[2], order[3], order[4]);
}

/* Every order of the handles from place `from` on. */
static void permute(int *order, int from, const setting *with) {
  if (from == HANDLES) run_order(order, with);
  for (int i = from; i < HANDLES; i++) {
    int kept = order[from];
    order[from] = order[i], order[i] = kept;
    permute(order, from + 1, with);
    order[i] = order[from], order[from] = kept;
  }
}

static const setting settings[] = {
    {"memory, finished", RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_AUTO, true},
    {"memory, open", RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_AUTO, false},
    {"mapped, finished", 0, RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP, true},
    {"mapped, open", 0, RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP, false},
    {"read, finished", 0, RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_READ, true},
    {"read, open", 0, RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_READ, false},
    {"partly stored", 3000, RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_AUTO, false},
    {"on limit", 3000, RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_AUTO, true},
    {"named", 3000, RESPOOL_MODE_ALL, RESPOOL_REPLAY_AUTO, false},
};

static void in_any_order(void) {
  directory = kit_scratch();
  kit_schema_parse("{id:int64!,text:utf8,items:list<item:int32>}", &schema);
  int descriptors = kit_open_descriptors();
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    int order[HANDLES] = {WRITER, SPOOL, READER, ARRAY, STREAM};
    permute(order, 0, &settings[i]);
    CHECK_EQ(kit_live_arrays(), 0);
    CHECK_EQ(kit_open_descriptors(), descriptors);
    CHECK_EQ(kit_mappings(directory), 0);
  }
  schema.release(&schema);
  CHECK_NOTHING_LEFT();
}

static void nothing_is_closed_by_null(void) {
  respool_writer_close(NULL);
  respool_reader_close(NULL);
  respool_reader_cancel(NULL);
  respool_release(NULL);
  CHECK(respool_retain(NULL) == NULL);
}

static void a_spool_is_counted(void) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  for (int i = 0; i < 10; i++) CHECK(respool_retain(s.spool) == s.spool);
  KIT_APPEND(s.writer, 1);
  for (int i = 0; i < 10; i++) respool_release(s.spool);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_NEXT(reader, 1);
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* A reader alone keeps the rest of the stream, and its waiting ends when the writer has gone. */
static void a_reader_keeps_what_it_needs(void) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  respool_reader *reader = kit_reader(s.spool);
  respool_release(s.spool);
  s.spool = NULL;
  KIT_APPEND(s.writer, 1);
  CHECK_NEXT(reader, 1);
  KIT_APPEND(s.writer, 2);
  kit_spool_close(&s);
  CHECK_NEXT(reader, 2);
  CHECK_ANSWER(reader, RESPOOL_ABANDONED);
  respool_reader_close(reader);
  CHECK_NOTHING_LEFT();
}

/* Arrays of one reader, released in a mixed order, some by another thread, after all else is closed. */
enum { HELD = 40 };

static void *release_odd(void *argument) {
  struct ArrowArray *arrays = argument;
  for (int i = 1; i < HELD; i += 2) arrays[i].release(&arrays[i]);
  return NULL;
}

static void arrays_outlive_everything(void) {
  for (int32_t replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
    const char *where = kit_scratch();
    respool_options options = kit_options(2000, RESPOOL_MODE_OVERFLOW, where);
    options.replay = replay;
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    for (int32_t i = 0; i < HELD; i++) KIT_APPEND(s.writer, i, 2 * i);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    struct ArrowArray arrays[HELD];
    respool_reader *reader = kit_reader(s.spool);
    for (int i = 0; i < HELD; i++) REQUIRE_OK(respool_reader_next(reader, &arrays[i], 0, kit_error()));
    kit_spool_close(&s);
    respool_reader_close(reader);
    pthread_t thread = kit_thread_start(release_odd, arrays);
    for (int i = 0; i < HELD; i += 2) {
      const int32_t *values = arrays[i].children[0]->buffers[1];
      CHECK_EQ(values[arrays[i].children[0]->offset + 1], 2 * i);
      arrays[i].release(&arrays[i]);
    }
    kit_thread_join(thread);
    CHECK_NOTHING_LEFT();
    CHECK_EQ(kit_mappings(where), 0);
  }
}

static const kit_test tests[] = {
    KIT_TEST(in_any_order),
    KIT_TEST(nothing_is_closed_by_null),
    KIT_TEST(a_spool_is_counted),
    KIT_TEST(a_reader_keeps_what_it_needs),
    KIT_TEST(arrays_outlive_everything),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
