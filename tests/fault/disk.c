/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk with room for so many bytes, at every possible size: it fills while the buffer is drained to it, stays full
 * for a while, and gets room again, at once or bit by bit. Nothing that was accepted is lost, no reader sees an end
 * that is none or a wrong value, and in the end all of it is there.
 */
#include "batches.h"
#include "fault.h"

#include "os/calls.h"

#include "check.h"
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <stdatomic.h>

enum { BATCHES = 26, CHUNK = 4096 };

/* ---- The disk -------------------------------------------------------------------------------------- */

static atomic_llong room; /* no byte at or behind this place of a file is taken */
static int full_code;

static ssize_t pwritev_while_there_is_room(int fd, const struct iovec *vector, int count, off_t offset) {
  struct iovec cut[1024];
  int64_t left = atomic_load(&room) - (int64_t)offset, taken = 0;
  int parts = 0;
  if (left <= 0) {
    errno = full_code;
    return -1;
  }
  for (; parts < count && taken < left; parts++) {
    cut[parts] = vector[parts];
    if ((int64_t)cut[parts].iov_len > left - taken) cut[parts].iov_len = (size_t)(left - taken);
    taken += (int64_t)cut[parts].iov_len;
  }
  return os_calls_real.pwritev(fd, cut, parts, offset);
}

static void set_room(int64_t bytes) {
  atomic_store(&room, bytes);
}

enum { ENOUGH = 1 << 30 };

/* ---- One spool on it ------------------------------------------------------------------------------- */

struct spooling {
  kit_spool s;
  const char *directory;
  char path[KIT_PATH];
  int64_t accepted;
  respool_reader *follower; /* opened before the first batch */
  int64_t followed;
};

static void spool_open(struct spooling *spooling, int32_t mode, bool named, int64_t limit) {
  *spooling = (struct spooling){.directory = kit_scratch()};
  kit_join(spooling->path, spooling->directory, "file");
  respool_options options = kit_options(limit, mode, named ? spooling->path : NULL);
  if (!named) options.directory = spooling->directory;
  options.write_chunk = CHUNK;
  REQUIRE_OK(respool_create(batch_schema(), &options, &spooling->s.spool, &spooling->s.writer, kit_error()));
  spooling->follower = kit_reader(spooling->s.spool);
}

/* Append as long as that is accepted. A refusal is for want of space, and leaves the batch alone. True: all are in. */
static bool append_all(struct spooling *spooling) {
  while (spooling->accepted < BATCHES) {
    struct ArrowArray array;
    batch_make(spooling->accepted, &array);
    respool_status status = respool_writer_append(spooling->s.writer, &array, kit_error());
    if (status != RESPOOL_OK) {
      CHECK_EQ(status, RESPOOL_NO_SPACE);
      CHECK_EQ(kit_last_error()->os_error, full_code);
      if (CHECK(array.release != NULL)) array.release(&array);
      return false;
    }
    spooling->accepted++;
  }
  return true;
}

/* The reader's next batches from `from` on are those that were accepted; then it answers `end`. */
static void check_reader(const struct spooling *spooling, respool_reader *reader, int64_t from, respool_status end) {
  for (int64_t i = from; i < spooling->accepted; i++) {
    struct ArrowArray array;
    if (!CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) return;
    batch_check(i, &array);
    array.release(&array);
  }
  CHECK_ANSWER(reader, end);
}

/* One that follows since the start, and one that has just come. */
static void check_replay(struct spooling *spooling, respool_status end) {
  respool_reader *reader = kit_reader(spooling->s.spool);
  check_reader(spooling, reader, 0, end);
  respool_reader_close(reader);
  check_reader(spooling, spooling->follower, spooling->followed, end);
  spooling->followed = spooling->accepted;
}

static void check_file(const struct spooling *spooling, bool whole) {
  if (!kit_exists(spooling->path) || kit_file_size(spooling->path) == 0) return;
  int64_t count = batch_count_file(spooling->path, whole);
  CHECK_LE(count, spooling->accepted);
  if (whole) CHECK_EQ(count, BATCHES);
}

static void spool_close(struct spooling *spooling) {
  respool_writer_close(spooling->s.writer);
  respool_reader_close(spooling->follower);
  respool_release(spooling->s.spool);
  kit_scratch_remove(spooling->directory);
  CHECK_EQ(batch_live_arrays(), 0);
}

/* ---- Filling at every byte ------------------------------------------------------------------------- */

struct setting {
  int32_t mode;
  bool named;
  int64_t limit;
};

/* All in, and finished. False: not yet. */
static bool try_to_finish(struct spooling *spooling) {
  if (!append_all(spooling)) return false;
  respool_status status = respool_writer_finish(spooling->s.writer, kit_error());
  if (status != RESPOOL_OK) CHECK_EQ(status, RESPOOL_NO_SPACE);
  return status == RESPOOL_OK;
}

/* Full at `bytes`, and looked at; then there is more room, a portion at a time, and looked at each time. */
static void fill_and_free(const struct setting *setting, int64_t bytes, int64_t portion) {
  struct spooling spooling;
  set_room(bytes);
  spool_open(&spooling, setting->mode, setting->named, setting->limit);
  while (!try_to_finish(&spooling) && kit_failures() == 0 && CHECK(bytes < 400000)) {
    int64_t stuck = spooling.accepted;
    check_replay(&spooling, RESPOOL_TIMED_OUT);
    check_file(&spooling, false);
    append_all(&spooling); /* refused again, if it was */
    CHECK_EQ(spooling.accepted, stuck);
    bytes += portion;
    set_room(bytes);
  }
  check_replay(&spooling, RESPOOL_END);
  check_file(&spooling, true);
  spool_close(&spooling);
}

/*
 * The first has the whole stream in its buffer when it passes the limit. Mode all needs room for its schema at
 * create.
 */
static const struct setting settings[] = {
    {RESPOOL_MODE_ON_LIMIT, true, 60000}, {RESPOOL_MODE_ON_LIMIT, false, 60000}, {RESPOOL_MODE_ON_LIMIT, true, 0},
    {RESPOOL_MODE_OVERFLOW, false, 3000}, {RESPOOL_MODE_OVERFLOW, false, 0},     {RESPOOL_MODE_ALL, true, 20000},
};

static void sweep(int64_t step, int64_t portion) {
  int64_t points = 0;
  full_code = portion > 4096 ? ENOSPC : EDQUOT;
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
    for (int64_t bytes = settings[i].mode == RESPOOL_MODE_ALL ? 1024 : 0; bytes < 90000 && kit_failures() == 0;
         bytes += step, points++) {
      fill_and_free(&settings[i], bytes, portion);
      if (kit_failures() > 0) kit_note("setting %d, full at %d, more by %d", (int)i, (int)bytes, (int)portion);
    }
  fault_figures_add(0, 2, points); /* once, and bit by bit */
  kit_note("%d settings, %d places where the disk fills", (int)(sizeof settings / sizeof settings[0]), (int)points);
}

static void full_and_free_again(void) {
  sweep(kit_slow() ? 2111 : 251, ENOUGH);
}

static void full_and_free_bit_by_bit(void) {
  sweep(kit_slow() ? 20011 : 2503, 1777);
}

/* ---- Readers that wait meanwhile --------------------------------------------------------------------- */

struct waiting {
  respool *spool;
  int64_t read;
};

static atomic_bool finishing;

/* Reads to the end, blocking; the end comes after finish was called, and after everything. */
static void *read_to_the_end(void *argument) {
  struct waiting *waiting = argument;
  respool_reader *reader = NULL;
  CHECK_OK(respool_reader_open(waiting->spool, NULL, &reader, kit_error()));
  for (;;) {
    struct ArrowArray array;
    respool_status status = respool_reader_next(reader, &array, RESPOOL_WAIT_FOREVER, kit_error());
    if (status == RESPOOL_END) break;
    if (!CHECK_EQ(status, RESPOOL_OK)) break;
    batch_check(waiting->read++, &array);
    array.release(&array);
  }
  CHECK(atomic_load(&finishing));
  CHECK_EQ(waiting->read, BATCHES);
  respool_reader_close(reader);
  return NULL;
}

static void readers_wait_it_out(void) {
  enum { READERS = 4 };
  full_code = ENOSPC;
  batch_prepare(BATCHES);
  for (size_t i = 0; i < sizeof settings / sizeof settings[0] && kit_failures() == 0; i++) {
    struct spooling spooling;
    struct waiting waiting[READERS];
    pthread_t threads[READERS];
    int64_t bytes = 1024;
    set_room(bytes);
    atomic_store(&finishing, false);
    spool_open(&spooling, settings[i].mode, settings[i].named, settings[i].limit);
    for (int r = 0; r < READERS; r++) {
      waiting[r] = (struct waiting){.spool = spooling.s.spool};
      threads[r] = kit_thread_start(read_to_the_end, &waiting[r]);
    }
    while (!append_all(&spooling)) {
      set_room(bytes += 3001);
      kit_pause(200);
    }
    atomic_store(&finishing, true);
    while (respool_writer_finish(spooling.s.writer, kit_error()) != RESPOOL_OK) set_room(bytes += 3001);
    for (int r = 0; r < READERS; r++) kit_thread_join(threads[r]);
    check_replay(&spooling, RESPOOL_END);
    check_file(&spooling, true);
    spool_close(&spooling);
  }
}

static const kit_test tests[] = {
    KIT_TEST(full_and_free_again),
    KIT_TEST(full_and_free_bit_by_bit),
    KIT_TEST(readers_wait_it_out),
};

int main(int argc, char **argv) {
  fault_install();
  fault_figures_add(sizeof settings / sizeof settings[0], 0, 0);
  os_calls.pwritev = pwritev_while_there_is_room;
  return KIT_MAIN(argc, argv, tests);
}
