/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: what was written is viewed, mapped or read, across the borders of windows, by several cursors, and after the
 * store was closed. Files are sparse where they are large.
 */
#include "store/store.h"

#include "os/calls.h"
#include "support/alloc.h"

#include "check.h"
#include "random.h"
#include "system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static struct store *open_store(const char *path, const char *directory, int32_t replay) {
  struct store_options options = {.budget = INT64_MAX, .path = path, .directory = directory, .replay = replay};
  struct store *store = NULL;
  REQUIRE_OK(store_open(&options, &store, kit_error()));
  return store;
}

static void write_at(struct store *store, const void *bytes, size_t size, int64_t offset) {
  struct gather_piece piece = {bytes, size};
  REQUIRE_OK(store_write(store, &piece, 1, offset, kit_error()));
}

/* An extent: its ends are marked with its own number, the middle is a hole. */
struct extent {
  int64_t offset;
  int64_t length;
};

static void put_extent(struct store *store, struct extent extent, int64_t mark) {
  write_at(store, &mark, 8, extent.offset);
  write_at(store, &mark, 8, extent.offset + extent.length - 8);
  REQUIRE_OK(store_commit(store, extent.offset, extent.length, kit_error()));
}

static void check_marks(const struct store_view *view, struct extent extent, int64_t mark) {
  int64_t seen;
  memcpy(&seen, view->bytes, 8);
  CHECK_EQ(seen, mark);
  memcpy(&seen, view->bytes + extent.length - 8, 8);
  CHECK_EQ(seen, mark);
}

static struct store_view view_extent(struct store *store, struct store_cursor *cursor, struct extent extent,
                                     int64_t mark) {
  struct store_view view = {0};
  REQUIRE_OK(store_view(store, cursor, extent.offset, extent.length, &view, kit_error()));
  check_marks(&view, extent, mark);
  return view;
}

static void look_at(struct store *store, struct store_cursor *cursor, struct extent extent, int64_t mark) {
  struct store_view view = view_extent(store, cursor, extent, mark);
  view.drop(view.object);
}

/* ---- Mapped and read ------------------------------------------------------------------------------- */

/* Which of the two it is: by the option, or in doubt by whether others can reach the file. */
static void how_views_are_made(void) {
  static const struct {
    bool named;
    int32_t replay;
    bool maps;
  } cases[] = {{false, RESPOOL_REPLAY_AUTO, true},  {false, RESPOOL_REPLAY_MAP, true},
               {false, RESPOOL_REPLAY_READ, false}, {true, RESPOOL_REPLAY_AUTO, false},
               {true, RESPOOL_REPLAY_MAP, true},    {true, RESPOOL_REPLAY_READ, false}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char path[KIT_PATH];
    const char *directory = kit_scratch();
    kit_join(path, directory, "file");
    struct store *store = open_store(cases[i].named ? path : NULL, cases[i].named ? NULL : directory, cases[i].replay);
    struct store_cursor cursor = {0};
    put_extent(store, (struct extent){64, 1000}, 5);
    struct store_view view = view_extent(store, &cursor, (struct extent){64, 1000}, 5);
    CHECK_EQ(view.is_private, !cases[i].named && cases[i].replay != RESPOOL_REPLAY_READ);
    CHECK_EQ((uintptr_t)view.bytes % 64, 0);
    CHECK_EQ(store_info(store).mapped > 0, cases[i].maps);
    CHECK_EQ(store_info(store).read_buffers > 0, !cases[i].maps);
    CHECK_EQ(kit_mappings(directory) > 0, cases[i].maps);
    view.drop(view.object);
    store_cursor_close(&cursor);
    CHECK_EQ(store_info(store).mapped, 0);
    store_close(store);
    CHECK_EQ(kit_mappings(directory), 0);
  }
}

static void bytes_come_back(void) {
  enum { SIZE = 200000 };
  uint8_t *bytes = malloc(SIZE);
  kit_random random;
  kit_random_init(&random, kit_seed());
  kit_random_fill(&random, bytes, SIZE);
  for (int32_t replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
    struct store *store = open_store(NULL, kit_scratch(), replay);
    struct store_cursor cursor = {0};
    write_at(store, bytes, SIZE, 0);
    REQUIRE_OK(store_commit(store, 0, SIZE, kit_error()));
    for (int i = 0; i < 300; i++) {
      int64_t offset = kit_random_below(&random, SIZE), length = kit_random_between(&random, 1, SIZE - offset);
      struct store_view view;
      REQUIRE_OK(store_view(store, &cursor, offset, length, &view, kit_error()));
      CHECK_EQ(memcmp(view.bytes, bytes + offset, (size_t)length), 0);
      view.drop(view.object);
    }
    CHECK_EQ(store_info(store).written, SIZE);
    store_cursor_close(&cursor);
    store_close(store);
  }
  free(bytes);
}

/* ---- Windows --------------------------------------------------------------------------------------- */

enum { EXTENTS = 40 };

/* Extents that follow each other, some of them larger than a window; 0 to about 900 MiB, all but the marks holes. */
static int64_t put_extents(struct store *store, kit_random *random, struct extent *extents) {
  int64_t at = 0;
  for (int i = 0; i < EXTENTS; i++) {
    bool large = kit_random_chance(random, 0.3);
    int64_t length = large ? kit_random_between(random, 20 * MIB, 90 * MIB) : kit_random_between(random, 64, 3 * MIB);
    extents[i] = (struct extent){at, (length + 63) / 64 * 64};
    put_extent(store, extents[i], i);
    at += extents[i].length;
  }
  return at;
}

static void across_windows(void) {
  const char *directory = kit_scratch();
  kit_random random;
  kit_random_init(&random, kit_seed());
  struct extent extents[EXTENTS];
  struct store *store = open_store(NULL, directory, RESPOOL_REPLAY_MAP);
  int64_t size = put_extents(store, &random, extents);
  struct store_cursor forward = {0}, anywhere = {0};
  for (int i = 0; i < EXTENTS; i++) look_at(store, &forward, extents[i], i);
  CHECK_LE(store_info(store).mapped, 130 * MIB); /* one window, and not the whole file */
  for (int i = 0; i < 500; i++) {
    int pick = (int)kit_random_below(&random, EXTENTS);
    look_at(store, &anywhere, extents[pick], pick);
  }
  CHECK_LE(store_info(store).mapped, 260 * MIB);
  CHECK_LE(64 * MIB, size);
  store_cursor_close(&forward);
  store_cursor_close(&anywhere);
  CHECK_EQ(store_info(store).mapped, 0);
  store_close(store);
  CHECK_EQ(kit_mappings(directory), 0);
}

/* A window is mapped when it is asked for, before all of it was written: what comes later appears in it. */
static void a_window_fills_up(void) {
  struct store *store = open_store(NULL, kit_scratch(), RESPOOL_REPLAY_MAP);
  struct store_cursor cursor = {0};
  for (int64_t i = 0; i < 200; i++) {
    struct extent extent = {i * 9984, 9984}; /* pages are shared between neighbours */
    put_extent(store, extent, i);
    look_at(store, &cursor, extent, i);
    if (i > 0) look_at(store, &cursor, (struct extent){(i - 1) * 9984, 9984}, i - 1);
  }
  CHECK_LE(store_info(store).mapped, 65 * MIB);
  store_cursor_close(&cursor);
  store_close(store);
}

/* Readers at the same place share one mapping. */
static void windows_are_shared(void) {
  const char *directory = kit_scratch();
  struct store *store = open_store(NULL, directory, RESPOOL_REPLAY_MAP);
  struct extent extent = {0, 4096};
  struct store_cursor cursors[10] = {{0}};
  put_extent(store, extent, 3);
  for (int i = 0; i < 10; i++) look_at(store, &cursors[i], extent, 3);
  CHECK_EQ(kit_mappings(directory), 1);
  for (int i = 0; i < 9; i++) store_cursor_close(&cursors[i]);
  CHECK_EQ(kit_mappings(directory), 1);
  store_cursor_close(&cursors[9]);
  CHECK_EQ(kit_mappings(directory), 0);
  look_at(store, &cursors[0], extent, 3); /* and once more */
  CHECK_EQ(kit_mappings(directory), 1);
  store_cursor_close(&cursors[0]);
  store_close(store);
}

/* Views outlive cursor and store, mapped or read, and the last of them takes everything with it. */
static void views_outlive_the_store(void) {
  for (int32_t replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
    const char *directory = kit_scratch();
    int descriptors = kit_open_descriptors();
    struct store *store = open_store(NULL, directory, replay);
    struct extent extents[] = {{0, 4096}, {4096, 70 * MIB}, {4096 + 70 * MIB, 640}};
    struct store_view views[3];
    struct store_cursor cursor = {0};
    for (int i = 0; i < 3; i++) put_extent(store, extents[i], 100 + i);
    for (int i = 0; i < 3; i++) views[i] = view_extent(store, &cursor, extents[i], 100 + i);
    store_cursor_close(&cursor);
    store_close(store);
    CHECK_EQ(kit_open_descriptors(), descriptors);
    for (int i = 0; i < 3; i++) {
      for (int k = i; k < 3; k++) check_marks(&views[k], extents[k], 100 + k);
      views[i].drop(views[i].object);
    }
    CHECK_EQ(kit_mappings(directory), 0);
  }
  store_close(NULL);
}

/* ---- Refused mappings ------------------------------------------------------------------------------ */

static int mmaps_left;

static void *mmap_a_few(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
  if (mmaps_left-- > 0) return mmap(at, length, protection, flags, fd, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}

/* Where the system refuses, the bytes are read, this time; the next time it is asked again. */
static void refused_mappings_are_read(void) {
  struct store *store = open_store(NULL, kit_scratch(), RESPOOL_REPLAY_MAP);
  struct extent near = {0, 4096}, far = {100 * MIB, 4096};
  struct store_cursor cursor = {0};
  put_extent(store, near, 1);
  put_extent(store, far, 2);
  os_calls.mmap = mmap_a_few;
  mmaps_left = 0;
  look_at(store, &cursor, near, 1);
  CHECK(store_info(store).mapped == 0 && store_info(store).read_buffers > 0);
  mmaps_left = 1;
  look_at(store, &cursor, near, 1); /* mapped now, and kept by the cursor */
  CHECK(store_info(store).mapped > 0);
  look_at(store, &cursor, far, 2);
  look_at(store, &cursor, near, 1);
  os_calls = os_calls_real;
  store_cursor_close(&cursor);
  CHECK_EQ(store_info(store).mapped, 0);
  store_close(store);
}

/* ---- Failing --------------------------------------------------------------------------------------- */

static int64_t allocations;
static int64_t refused_one;

static bool refuse_one(void) {
  return ++allocations == refused_one;
}

static void no_memory_for_opening(void) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  int descriptors = kit_open_descriptors();
  struct store_options options = {.budget = INT64_MAX, .path = kit_join(path, directory, "file")};
  struct store *store = NULL;
  for (refused_one = 1;; refused_one++) {
    allocations = 0;
    mem_fault = refuse_one;
    respool_status status = store_open(&options, &store, kit_error());
    mem_fault = NULL;
    if (allocations < refused_one) break;
    CHECK_EQ(status, RESPOOL_NO_MEMORY);
    CHECK(store == NULL && kit_entries(directory) == 0);
    CHECK_EQ(kit_open_descriptors(), descriptors);
  }
  CHECK_EQ(kit_entries(directory), 1);
  store_close(store);
  CHECK_EQ(kit_open_descriptors(), descriptors);
}

static void files_that_cannot_be_made(void) {
  char path[KIT_PATH];
  int descriptors = kit_open_descriptors();
  kit_file_write(kit_join(path, kit_scratch(), "file"), "old", 3);
  struct store_options options = {.budget = INT64_MAX, .path = path};
  struct store *store = NULL;
  CHECK_ERROR(store_open(&options, &store, kit_error()), RESPOOL_IO, path);
  options = (struct store_options){.budget = INT64_MAX, .directory = "/no/such/directory"};
  CHECK_ERROR(store_open(&options, &store, kit_error()), RESPOOL_IO, "/no/such/directory");
  CHECK(store == NULL);
  CHECK_EQ(kit_open_descriptors(), descriptors);
}

/* No room to note an extent: said so, and the same extent can be committed again. */
static void no_memory_for_committing(void) {
  struct store *store = open_store(NULL, kit_scratch(), RESPOOL_REPLAY_MAP);
  struct store_cursor cursor = {0};
  struct extent extent = {0, 4096};
  int64_t mark = 9;
  write_at(store, &mark, 8, 0);
  write_at(store, &mark, 8, 4088);
  refused_one = 1;
  allocations = 0;
  mem_fault = refuse_one;
  CHECK_STATUS(store_commit(store, 0, 4096, kit_error()), RESPOOL_NO_MEMORY);
  mem_fault = NULL;
  REQUIRE_OK(store_commit(store, 0, 4096, kit_error()));
  look_at(store, &cursor, extent, 9);
  store_cursor_close(&cursor);
  store_close(store);
}

/*
 * A run of extents of which the last could not be noted is cut off, and written again from its start in other portions:
 * what was noted of the first attempt must not decide where windows lie.
 */
static void commits_that_start_over(void) {
  struct store *store = open_store(NULL, kit_scratch(), RESPOOL_REPLAY_MAP);
  struct store_cursor cursor = {0};
  int64_t at = 0;
  for (int i = 0; i < 6; i++, at += 64 * MIB) put_extent(store, (struct extent){at, 64 * MIB}, i);
  REQUIRE_OK(store_commit(store, at, 10 * MIB, kit_error()));
  REQUIRE_OK(store_commit(store, at + 10 * MIB, 60 * MIB, kit_error()));
  refused_one = 1;
  allocations = 0;
  mem_fault = refuse_one;
  CHECK_STATUS(store_commit(store, at + 70 * MIB, 64 * MIB, kit_error()), RESPOOL_NO_MEMORY);
  mem_fault = NULL;
  store_cut(store, at);
  put_extent(store, (struct extent){at, 72 * MIB}, 6);
  put_extent(store, (struct extent){at + 72 * MIB, 640}, 7);
  look_at(store, &cursor, (struct extent){at, 72 * MIB}, 6);
  look_at(store, &cursor, (struct extent){at + 72 * MIB, 640}, 7);
  CHECK_EQ(store_info(store).read_buffers, 0); /* by mapping */
  store_cursor_close(&cursor);
  store_close(store);
}

/* Reading beyond what there is: an error, and nothing kept. */
static void a_file_cut_short(void) {
  char path[KIT_PATH];
  struct store *store = open_store(kit_join(path, kit_scratch(), "file"), NULL, RESPOOL_REPLAY_READ);
  struct store_cursor cursor = {0};
  put_extent(store, (struct extent){0, 4096}, 1);
  put_extent(store, (struct extent){4096, 4096}, 2);
  store_cut(store, 5000);
  CHECK_EQ(kit_file_size(path), 5000);
  struct store_view view;
  look_at(store, &cursor, (struct extent){0, 4096}, 1);
  CHECK_ERROR(store_view(store, &cursor, 4096, 4096, &view, kit_error()), RESPOOL_TRUNCATED, "5000");
  CHECK_OK(store_sync(store, kit_error()));
  store_cursor_close(&cursor);
  store_close(store);
}

static int fsync_refused(int fd) {
  (void)fd;
  errno = EIO;
  return -1;
}

/* The system tells once only, so the store remembers. */
static void a_sync_that_failed(void) {
  struct store *store = open_store(NULL, kit_scratch(), RESPOOL_REPLAY_AUTO);
  CHECK_OK(store_sync(store, kit_error()));
  os_calls.fsync = fsync_refused;
  CHECK_STATUS(store_sync(store, kit_error()), RESPOOL_IO);
  os_calls = os_calls_real;
  CHECK_ERROR(store_sync(store, kit_error()), RESPOOL_IO, "before");
  store_close(store);
}

/* ---- Threads --------------------------------------------------------------------------------------- */

struct crowd {
  struct store *store;
  struct extent extents[EXTENTS];
  uint64_t seed;
};

static void *view_and_drop(void *argument) {
  struct crowd *crowd = argument;
  struct store_cursor cursor = {0};
  struct store_view held = {0};
  kit_random random;
  kit_random_init(&random, kit_mix(crowd->seed + (uint64_t)(uintptr_t)&cursor));
  for (int i = 0; i < 400; i++) {
    int pick = (int)kit_random_below(&random, EXTENTS);
    struct store_view view;
    if (!CHECK_OK(
            store_view(crowd->store, &cursor, crowd->extents[pick].offset, crowd->extents[pick].length, &view, NULL)))
      break;
    check_marks(&view, crowd->extents[pick], pick);
    if (held.drop != NULL) held.drop(held.object);
    held = view;
    if (kit_random_chance(&random, 0.3)) store_cursor_close(&cursor);
  }
  if (held.drop != NULL) held.drop(held.object);
  store_cursor_close(&cursor);
  return NULL;
}

static void from_many_threads(void) {
  const char *directory = kit_scratch();
  struct crowd crowd = {.seed = kit_seed(), .store = open_store(NULL, directory, RESPOOL_REPLAY_MAP)};
  kit_random random;
  kit_random_init(&random, kit_seed());
  put_extents(crowd.store, &random, crowd.extents);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) threads[i] = kit_thread_start(view_and_drop, &crowd);
  for (int i = 0; i < 4; i++) kit_thread_join(threads[i]);
  CHECK_EQ(store_info(crowd.store).mapped, 0);
  store_close(crowd.store);
  CHECK_EQ(kit_mappings(directory), 0);
}

static const kit_test tests[] = {
    KIT_TEST(how_views_are_made),        KIT_TEST(bytes_come_back),         KIT_TEST(across_windows),
    KIT_TEST(a_window_fills_up),         KIT_TEST(windows_are_shared),      KIT_TEST(views_outlive_the_store),
    KIT_TEST(refused_mappings_are_read), KIT_TEST(no_memory_for_opening),   KIT_TEST(files_that_cannot_be_made),
    KIT_TEST(no_memory_for_committing),  KIT_TEST(commits_that_start_over), KIT_TEST(a_file_cut_short),
    KIT_TEST(a_sync_that_failed),        KIT_TEST(from_many_threads),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
