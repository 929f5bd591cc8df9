/* SPDX-License-Identifier: Apache-2.0 */
/* Small extents that are read several at a time: how often the file is asked, what views see, and what they outlive. */
#include "store/block.h"

#include "os/calls.h"
#include "support/alloc.h"

#include "check.h"
#include "random.h"
#include "system.h"

#include <string.h>
#include <unistd.h>

enum { SMALL = 320, COUNT = 1000 };

static int64_t reads;

static ssize_t count_reads(int fd, void *buffer, size_t size, off_t offset) {
  reads++;
  return pread(fd, buffer, size, offset);
}

static struct store *open_store(const char *path) {
  struct store_options options = {
      .budget = INT64_MAX, .path = path, .directory = kit_scratch(), .replay = RESPOOL_REPLAY_READ};
  struct store *store = NULL;
  REQUIRE_OK(store_open(&options, &store, kit_error()));
  return store;
}

/* Extent `i` of `size` bytes, all of them `i + mark`. */
static void put(struct store *store, int64_t i, int64_t size, int mark) {
  uint8_t bytes[BLOCK_BYTES];
  memset(bytes, (int)(i + mark), (size_t)size);
  struct gather_piece piece = {bytes, (size_t)size};
  REQUIRE_OK(store_write(store, &piece, 1, i * size, kit_error()));
  REQUIRE_OK(store_commit(store, i * size, size, kit_error()));
}

static bool shows(const struct store_view *view, int64_t i, int64_t size, int mark) {
  for (int64_t k = 0; k < size; k++)
    if (!CHECK_EQ(view->bytes[k], (uint8_t)(i + mark))) return false;
  return true;
}

static struct store_view view_of(struct store *store, struct store_cursor *cursor, int64_t i, int64_t size) {
  struct store_view view = {0};
  REQUIRE_OK(store_view(store, cursor, i * size, size, &view, kit_error()));
  CHECK_EQ((uintptr_t)view.bytes % 64, 0);
  return view;
}

static void look(struct store *store, struct store_cursor *cursor, int64_t i, int64_t size, int mark) {
  struct store_view view = view_of(store, cursor, i, size);
  shows(&view, i, size, mark);
  view.drop(view.object);
}

static void several_at_a_time(void) {
  struct store *store = open_store(NULL);
  struct store_cursor cursor = {0};
  for (int64_t i = 0; i < COUNT; i++) put(store, i, SMALL, 0);
  reads = 0;
  os_calls.pread = count_reads;
  for (int64_t i = 0; i < COUNT; i++) look(store, &cursor, i, SMALL, 0);
  os_calls = os_calls_real;
  CHECK_EQ(reads, (int64_t)COUNT * SMALL / (BLOCK_BYTES / SMALL * SMALL) + 1); /* as many as go into each whole */
  store_cursor_close(&cursor);
  store_close(store);
}

/* Large ones are read alone, and don't drive a block out. */
static void large_ones_alone(void) {
  enum { LARGE = BLOCK_EXTENT_MOST + 64 };
  struct store *store = open_store(NULL);
  struct store_cursor cursor = {0};
  for (int64_t i = 0; i < 4; i++) put(store, i, LARGE, 0);
  reads = 0;
  os_calls.pread = count_reads;
  for (int64_t i = 0; i < 4; i++) look(store, &cursor, i, LARGE, 0);
  os_calls = os_calls_real;
  CHECK_EQ(reads, 4);
  store_cursor_close(&cursor);
  store_close(store);
}

/* Whatever views are kept of it: in any order, after the cursor has moved on, and after the store was closed. */
static void views_outlive_everything(void) {
  struct store *store = open_store(NULL);
  struct store_cursor cursor = {0};
  static struct store_view views[COUNT];
  static int64_t numbers[COUNT];
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int64_t i = 0; i < COUNT; i++) put(store, i, SMALL, 0);
  for (int64_t i = 0; i < COUNT; i++) {
    views[i] = view_of(store, &cursor, i, SMALL);
    numbers[i] = i;
  }
  store_cursor_close(&cursor);
  store_close(store);
  for (int64_t left = COUNT; left > 0; left--) {
    int64_t at = kit_random_below(&random, left);
    shows(&views[at], numbers[at], SMALL, 0);
    views[at].drop(views[at].object);
    views[at] = views[left - 1];
    numbers[at] = numbers[left - 1];
  }
}

/* What was committed is taken back and written anew: a block that was read ahead into it shows the new bytes. */
static void cut_and_written_anew(void) {
  struct store *store = open_store(NULL);
  struct store_cursor cursor = {0};
  for (int64_t i = 0; i < 10; i++) put(store, i, SMALL, 0);
  look(store, &cursor, 0, SMALL, 0);
  struct store_view old = view_of(store, &cursor, 1, SMALL);
  store_cut(store, 5 * SMALL);
  for (int64_t i = 5; i < 12; i++) put(store, i, SMALL, 100);
  for (int64_t i = 0; i < 12; i++) look(store, &cursor, i, SMALL, i < 5 ? 0 : 100);
  shows(&old, 1, SMALL, 0);
  old.drop(old.object);
  store_cursor_close(&cursor);
  store_close(store);
}

/* A follower's block ends where the file did: what comes later is read when it is there. */
static void follows_the_end(void) {
  struct store *store = open_store(NULL);
  struct store_cursor cursor = {0};
  for (int64_t i = 0; i < 50; i++) {
    put(store, i, SMALL, 0);
    look(store, &cursor, i, SMALL, 0);
  }
  store_cursor_close(&cursor);
  store_close(store);
}

/*
 * Somebody cuts a named file: what is still there can be read, the rest is an error, and the cursor goes on from
 * both.
 */
static void a_file_cut_by_others(void) {
  char path[KIT_PATH];
  struct store *store = open_store(kit_join(path, kit_scratch(), "file"));
  struct store_cursor cursor = {0};
  struct store_view view;
  for (int64_t i = 0; i < 10; i++) put(store, i, SMALL, 0);
  REQUIRE_EQ(truncate(path, 6 * SMALL), 0);
  for (int64_t i = 0; i < 6; i++) look(store, &cursor, i, SMALL, 0);
  CHECK_STATUS(store_view(store, &cursor, 6 * SMALL, SMALL, &view, kit_error()), RESPOOL_TRUNCATED);
  look(store, &cursor, 3, SMALL, 0);
  store_cursor_close(&cursor);
  store_close(store);
}

static int64_t allocations;
static int64_t refused_one;

static bool refuse_one(void) {
  return ++allocations == refused_one;
}

/*
 * A whole block may be too much; then the extent alone will do. Neither: an error, and the next attempt is as good as
 * new.
 */
static void no_memory(void) {
  for (refused_one = 1;; refused_one++) {
    struct store *store = open_store(NULL);
    struct store_cursor cursor = {0};
    struct store_view view = {0};
    for (int64_t i = 0; i < 300; i++) put(store, i, SMALL, 0);
    allocations = 0;
    mem_fault = refuse_one;
    respool_status status = store_view(store, &cursor, SMALL, SMALL, &view, kit_error());
    mem_fault = NULL;
    CHECK_OK(status); /* one refusal is got over */
    if (status == RESPOOL_OK) view.drop(view.object);
    look(store, &cursor, 200, SMALL, 0);
    store_cursor_close(&cursor);
    store_close(store);
    if (allocations < refused_one) break;
  }
  CHECK_LE(4, refused_one);
}

static const kit_test tests[] = {
    KIT_TEST(several_at_a_time),
    KIT_TEST(large_ones_alone),
    KIT_TEST(views_outlive_everything),
    KIT_TEST(cut_and_written_anew),
    KIT_TEST(follows_the_end),
    KIT_TEST(a_file_cut_by_others),
    KIT_TEST(no_memory),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
