/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the implementation that respool started from got wrong when it was tried or read, each as a test that shows the
 * opposite here. d11 is the cut file. docs/reliability.md has the list.
 */
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char fields[] = "{id:int64!,text:utf8,items:list<item:int16>}";

enum { CHUNK = 4096, BATCHES = 24, LIMIT = 6000 };

typedef struct place {
  const char *directory;
  char path[KIT_PATH];
} place;

static place make_place(void) {
  place p = {.directory = kit_scratch()};
  kit_join(p.path, p.directory, "file");
  return p;
}

/* A spool that gathers up to its limit and then drains everything to one file, as that implementation did. */
static kit_series open_draining(kit_spool *s, int64_t limit, const char *path) {
  respool_options options = kit_options(limit, RESPOOL_MODE_ON_LIMIT, path);
  options.write_chunk = CHUNK;
  kit_spool_open(s, fields, &options);
  return (kit_series){.schema = &s->schema, .seed = kit_seed(), .rows_least = 5, .rows_most = 60, .null_rate = 0.2};
}

/* Appends from `from` on until one is refused, which stays the caller's. Answers how many the spool has then. */
static int64_t append_until_refused(const kit_series *series, respool_writer *writer, int64_t from) {
  for (int64_t i = from; i < BATCHES; i++) {
    struct ArrowArray array;
    kit_series_batch(series, i, &array);
    if (respool_writer_append(writer, &array, kit_error()) == RESPOOL_OK) continue;
    if (CHECK(array.release != NULL)) array.release(&array);
    return i;
  }
  return BATCHES;
}

/* ---- The four that open the account ------------------------------------------------------------------ */

enum { ROOM_MOST = 20000 };

static int64_t room_step(void) {
  return kit_slow() ? 2711 : 307;
}

static void a_disk_that_fills_while_the_buffer_drains_loses_no_batch(void) {
  int filled = 0;
  for (int64_t room = 0; room < ROOM_MOST && kit_failures() == 0; room += room_step()) {
    place p = make_place();
    kit_spool s;
    kit_series series = open_draining(&s, LIMIT, p.path);
    respool_reader *early = kit_reader(s.spool);
    kit_limit_file_size(room);
    int64_t accepted = append_until_refused(&series, s.writer, 0);
    filled += accepted < BATCHES;
    CHECK_EQ(kit_stats(s.spool).batches, accepted);
    kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT); /* all of them, and no end */
    for (int64_t i = 0; i < accepted; i++) {
      struct ArrowArray array;
      REQUIRE_OK(respool_reader_next(early, &array, 0, kit_error()));
      kit_series_check(&series, i, &array);
    }
    CHECK_PENDING(early);
    kit_limit_file_size(-1);
    respool_reader_close(early);
    kit_spool_close(&s);
    kit_scratch_remove(p.directory);
  }
  CHECK_LE(3, filled);
  CHECK_NOTHING_LEFT();
}

static void check_whole_file(const kit_series *series, const char *path) {
  struct ArrowArrayStream stream;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (CHECK_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error()))) kit_series_check_stream(series, &stream, BATCHES);
  close(fd);
}

static void after_space_returns_the_replay_has_the_right_bytes(void) {
  for (int64_t room = 0; room < ROOM_MOST && kit_failures() == 0; room += room_step()) {
    place p = make_place();
    kit_spool s;
    kit_series series = open_draining(&s, LIMIT, p.path);
    kit_limit_file_size(room);
    int64_t accepted = append_until_refused(&series, s.writer, 0);
    kit_limit_file_size(-1);
    kit_series_append(&series, s.writer, accepted, BATCHES);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_series_replay(&series, s.spool, BATCHES, RESPOOL_END);
    check_whole_file(&series, p.path);
    kit_spool_close(&s);
    kit_scratch_remove(p.directory);
  }
  CHECK_NOTHING_LEFT();
}

/* For the spool's reader and the IPC reader; inspection says that there is no end (`respool verify` refuses it). */
static void a_file_cut_at_a_message_boundary_is_an_error(void) {
  place p = make_place();
  kit_spool s;
  int64_t boundaries[BATCHES];
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, p.path);
  kit_spool_open(&s, fields, &options);
  kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 5, .rows_most = 60, .null_rate = 0.2};
  for (int64_t i = 0; i < BATCHES; i++) {
    kit_series_append(&series, s.writer, i, i + 1);
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    boundaries[i] = kit_file_size(p.path);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  for (int64_t kept = BATCHES - 1; kept > 0; kept--) { /* the file ends behind so many batches */
    REQUIRE_EQ(truncate(p.path, boundaries[kept - 1]), 0);
    struct ArrowArray array;
    struct ArrowArrayStream stream;
    respool_ipc_summary summary = {.struct_size = sizeof summary};
    respool_reader *reader = kit_reader(s.spool);
    for (int64_t i = 0; i < kept; i++) {
      REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
      kit_series_check(&series, i, &array);
    }
    CHECK_ANSWER(reader, RESPOOL_TRUNCATED);
    respool_reader_close(reader);
    int fd = open(p.path, O_RDONLY | O_CLOEXEC);
    REQUIRE_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error()));
    for (int64_t i = 0; i < kept; i++) {
      REQUIRE_EQ(stream.get_next(&stream, &array), 0);
      kit_series_check(&series, i, &array);
    }
    CHECK(stream.get_next(&stream, &array) != 0);
    CHECK_HAS(stream.get_last_error(&stream), "end");
    stream.release(&stream);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_STATUS(respool_ipc_inspect_fd(fd, NULL, NULL, NULL, NULL, &summary, kit_error()), RESPOOL_OK);
    CHECK_EQ(summary.has_end, 0);
    close(fd);
  }
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void check_mode(const struct stat *status) {
  CHECK_EQ((int)(status->st_mode & 07777), 0600);
  CHECK(status->st_uid == geteuid());
}

static void the_file_is_readable_for_its_owner_only_whatever_the_umask(void) {
  static const mode_t masks[] = {0, 022, 077, 0777};
  for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
    for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ALL; mode++) {
      place p = make_place();
      struct stat status;
      respool_options options = kit_options(0, mode, mode == RESPOOL_MODE_OVERFLOW ? p.directory : p.path);
      kit_spool s;
      mode_t old = umask(masks[i]);
      kit_spool_open(&s, "{number:int32}", &options);
      KIT_APPEND(s.writer, 1);
      CHECK_OK(respool_writer_flush(s.writer, kit_error()));
      umask(old);
      int fd = kit_descriptor_in(p.directory);
      if (masks[i] != 0777 && CHECK(fd >= 0) && CHECK_EQ(fstat(fd, &status), 0)) check_mode(&status);
      if (CHECK(fd >= 0) && CHECK_EQ(fstat(fd, &status), 0)) CHECK_EQ((int)(status.st_mode & 0077), 0);
      CHECK_EQ(kit_exists(p.path), mode != RESPOOL_MODE_OVERFLOW);
      kit_spool_close(&s);
      kit_scratch_remove(p.directory);
    }
  }
}

/* ---- What reading it showed --------------------------------------------------------------------------- */

static atomic_llong asked; /* bytes that the library has asked for */

static void *count_allocate(void *context, size_t size, size_t alignment) {
  atomic_fetch_add((atomic_llong *)context, (long long)size);
  return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void *count_resize(void *context, void *memory, size_t size) {
  atomic_fetch_add((atomic_llong *)context, (long long)size);
  return realloc(memory, size);
}

static void count_free(void *context, void *memory) {
  (void)context;
  free(memory);
}

static long long memory_for_appends(int count, bool read) {
  kit_spool s;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  kit_spool_open(&s, "{number:int32}", &options);
  respool_reader *reader = read ? kit_reader(s.spool) : NULL;
  long long before = atomic_load(&asked);
  for (int i = 0; i < count; i++) {
    KIT_APPEND(s.writer, i);
    if (read) CHECK_NEXT(reader, i);
  }
  long long taken = atomic_load(&asked) - before;
  respool_reader_close(reader);
  kit_spool_close(&s);
  return taken;
}

/* Its buffer was copied with every write: eight times the batches took sixty-four times the work. */
static void d1_an_append_costs_the_same_however_many_came_before(void) {
  for (int read = 0; read < 2; read++) {
    long long few = memory_for_appends(1600, read != 0), many = memory_for_appends(12800, read != 0);
    CHECK_LE(1, few);
    CHECK_LE(many, 12 * few);
  }
}

/* A drain that failed in the middle threw the rest away, and the next write began the file anew. */
static void d2_a_drain_that_fails_in_the_middle_goes_on_where_it_was(void) {
  place p = make_place();
  kit_spool s;
  kit_series series = open_draining(&s, RESPOOL_NO_LIMIT, p.path);
  kit_series_append(&series, s.writer, 0, BATCHES);
  kit_limit_file_size(16000); /* one run fits, of two chunks and what came with the last batch, not all of them */
  CHECK_STATUS(respool_set_memory_limit(s.spool, 0, kit_error()), RESPOOL_IO);
  respool_stats stats = kit_stats(s.spool);
  CHECK_LE(1, stats.batches_stored);
  CHECK_EQ(stats.batches_stored + stats.batches_resident, BATCHES);
  kit_series_replay(&series, s.spool, BATCHES, RESPOOL_TIMED_OUT);
  kit_limit_file_size(-1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_LE(stats.batches_stored, kit_stats(s.spool).batches_stored);
  kit_series_replay(&series, s.spool, BATCHES, RESPOOL_END);
  check_whole_file(&series, p.path);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* A batch whose write failed was gone, and later ones went in: a gap that nobody was told of. */
static void d3_a_failed_write_leaves_no_gap(void) {
  char missing[KIT_PATH];
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_join(missing, kit_scratch(), "missing"));
  options.write_chunk = CHUNK;
  kit_spool_open(&s, fields, &options);
  kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 5, .rows_most = 60, .null_rate = 0.2};
  int64_t accepted = append_until_refused(&series, s.writer, 0);
  CHECK_LE(accepted, BATCHES - 1);
  CHECK_EQ(append_until_refused(&series, s.writer, accepted), accepted); /* nothing overtakes it */
  kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT);
  REQUIRE_EQ(mkdir(missing, 0700), 0);
  kit_series_append(&series, s.writer, accepted, BATCHES);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, BATCHES, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* A finish that failed called itself finished the next time, and readers that had everything hung. */
static void d4_a_finish_that_failed_can_be_repeated(void) {
  place p = make_place();
  kit_spool s;
  kit_series series = open_draining(&s, LIMIT, p.path);
  kit_series_append(&series, s.writer, 0, BATCHES);
  kit_limit_file_size(kit_file_size(p.path)); /* not even the end marker fits */
  for (int i = 0; i < 3; i++) {
    CHECK_STATUS(respool_writer_finish(s.writer, kit_error()), RESPOOL_IO);
    CHECK_EQ(kit_stats(s.spool).state, RESPOOL_OPEN);
    kit_series_replay(&series, s.spool, BATCHES, RESPOOL_TIMED_OUT);
  }
  kit_limit_file_size(-1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_STATUS(respool_writer_finish(s.writer, kit_error()), RESPOOL_ALREADY_FINISHED);
  kit_series_replay(&series, s.spool, BATCHES, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* Finishing after an error put another in its place. */
static void d5_the_first_error_stays(void) {
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool_open(&s, "{number:int32}", &options);
  KIT_APPEND(s.writer, 1);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER + 1, ENOSPC, "the first", kit_error()));
  CHECK_STATUS(respool_writer_finish(s.writer, kit_error()), RESPOOL_HAS_FAILED);
  CHECK_STATUS(respool_writer_fail(s.writer, RESPOOL_USER + 2, 0, "the second", kit_error()), RESPOOL_HAS_FAILED);
  respool_reader *reader = kit_reader(s.spool);
  for (int i = 0; i < 2; i++) {
    struct ArrowArray array;
    CHECK_STATUS(respool_reader_next(reader, &array, 0, kit_error()), RESPOOL_USER + 1);
    CHECK_EQ(strcmp(kit_last_error()->message, "the first"), 0);
    CHECK_EQ(kit_last_error()->os_error, ENOSPC);
  }
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* Whether the caller or the sender removes the file, and who must outlive whom, its documentation said both ways. */
static void d6_who_removes_the_file_and_who_outlives_whom(void) {
  place p = make_place();
  for (int named = 0; named < 2; named++) {
    kit_spool s;
    int descriptors = kit_open_descriptors();
    respool_options options =
        kit_options(0, named ? RESPOOL_MODE_ALL : RESPOOL_MODE_OVERFLOW, named ? p.path : p.directory);
    kit_spool_open(&s, "{number:int32}", &options);
    respool_reader *reader = kit_reader(s.spool);
    KIT_APPEND(s.writer, 7);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_spool_close(&s); /* writer and spool are gone, the reader is not */
    CHECK_NEXT(reader, 7);
    CHECK_ANSWER(reader, RESPOOL_END);
    respool_reader_close(reader);
    CHECK_EQ(kit_open_descriptors(), descriptors);
    CHECK_EQ(kit_entries(p.directory), named); /* an anonymous file goes by itself, a named one is the caller's */
  }
}

/* Dropping the iterator deleted the directory under readers that had not opened their file yet. */
static void d7_readers_that_have_not_begun_keep_what_they_need(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool_open(&s, fields, &options);
  struct ArrowSchema schema;
  REQUIRE_OK(respool_get_schema(s.spool, &schema, kit_error()));
  kit_series series = {.schema = &schema, .seed = kit_seed(), .rows_least = 5, .rows_most = 60, .null_rate = 0.2};
  kit_series_append(&series, s.writer, 0, BATCHES);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  kit_spool_close(&s);
  kit_series_check_stream(&series, &stream, BATCHES);
  schema.release(&schema);
  CHECK_NOTHING_LEFT();
}

/* Each of two disjoint slices counted the whole allocation. */
static void d8_slices_of_one_buffer_count_it_once(void) {
  enum { ROWS = 64 * 1024, SLICES = 8 };
  kit_spool s;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  kit_spool_open(&s, "{number:int32}", &options);
  kit_shared *shared = kit_shared_from_memory(4 * ROWS);
  for (int i = 0; i < SLICES; i++) {
    struct ArrowArray array;
    kit_batch_shared(shared, (int64_t)i * (ROWS / SLICES), ROWS / SLICES, &array);
    kit_append(s.writer, &array);
  }
  CHECK_LE(4 * ROWS, kit_stats(s.spool).bytes_charged);
  CHECK_LE(kit_stats(s.spool).bytes_charged, 4 * ROWS + SLICES * 1024);
  kit_spool_close(&s);
  kit_shared_release(shared);
}

/* While it drained, every batch was held until the last was written; afterwards none was. */
static void d9_memory_has_a_ceiling_and_what_fits_stays(void) {
  enum { BATCH = 3000 }; /* no batch weighs more */
  kit_spool s;
  respool_options options = kit_options(LIMIT, RESPOOL_MODE_OVERFLOW, kit_scratch());
  options.write_chunk = CHUNK;
  kit_spool_open(&s, fields, &options);
  kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 5, .rows_most = 60, .null_rate = 0.2};
  for (int64_t i = 0; i < 10 * BATCHES; i++) {
    kit_series_append(&series, s.writer, i, i + 1);
    CHECK_LE(kit_stats(s.spool).bytes_charged, LIMIT + CHUNK + BATCH);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_stats stats = kit_stats(s.spool);
  CHECK_LE(stats.bytes_charged_peak, LIMIT + CHUNK + BATCH);
  CHECK_LE(1, stats.batches_resident);
  CHECK_LE(LIMIT / 2, stats.bytes_charged);
  kit_spool_close(&s);
}

/* Bytes that this process has read from files; -1: the system does not say. */
static long long bytes_read(void) {
  char text[256] = {0};
  long long count = -1;
  int fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && read(fd, text, sizeof text - 1) > 0 && strncmp(text, "rchar: ", 7) == 0) count = atoll(text + 7);
  if (fd >= 0) close(fd);
  return count;
}

/* A reader that went over from memory to disk read, and decoded, everything it had had before. */
static void d10_a_reader_that_goes_over_to_disk_reads_only_what_is_next(void) {
  enum { ROWS = 64 * 1024, COUNT = 16, HAD = 12 };
  kit_spool s;
  struct ArrowArray array;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, kit_scratch());
  options.replay = RESPOOL_REPLAY_READ;
  kit_spool_open(&s, "{number:int32}", &options);
  for (int32_t i = 0; i < COUNT; i++) {
    kit_batch_filled(4 * ROWS, i, &array);
    kit_append(s.writer, &array);
  }
  respool_reader *reader = kit_reader(s.spool);
  for (int i = 0; i < HAD; i++) {
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    array.release(&array);
  }
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  long long before = bytes_read();
  for (int32_t i = HAD; i < COUNT; i++) {
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    CHECK_EQ(((const int32_t *)array.children[0]->buffers[1])[ROWS - 1], i + ROWS - 1);
    array.release(&array);
  }
  long long taken = bytes_read() - before;
  if (before < 0)
    kit_note("the system does not tell what was read");
  else
    CHECK_LE(taken, (long long)(COUNT - HAD + 1) * 4 * ROWS);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* A thread was started for each batch that was read, and its end was taken for granted. */
static void d12_there_are_no_threads_but_the_callers(void) {
  kit_spool s;
  int threads = kit_entries("/proc/self/task");
  kit_series series = open_draining(&s, LIMIT, NULL);
  for (int64_t i = 0; i < BATCHES; i++) {
    kit_series_append(&series, s.writer, i, i + 1);
    CHECK_EQ(kit_entries("/proc/self/task"), threads);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, BATCHES, RESPOOL_END);
  CHECK_EQ(kit_entries("/proc/self/task"), threads);
  kit_spool_close(&s);
}

/* Only the first reader got the error itself, the others a text; and good batches before it could not be had. */
static void d13_every_reader_gets_the_same_error_and_good_batches_before_it(void) {
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool_open(&s, "{number:int32}", &options);
  respool_reader *readers[] = {kit_reader(s.spool), kit_reader_in_order(s.spool), kit_reader(s.spool),
                               kit_reader_in_order(s.spool)};
  KIT_APPEND(s.writer, 1);
  KIT_APPEND(s.writer, 2);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_RESOURCES_EXHAUSTED, ENOMEM, "no more", kit_error()));
  for (int i = 0; i < 4; i++) {
    struct ArrowArray array;
    if (i % 2 == 1) {
      CHECK_NEXT(readers[i], 1);
      CHECK_NEXT(readers[i], 2);
    }
    CHECK_STATUS(respool_reader_next(readers[i], &array, 0, kit_error()), RESPOOL_RESOURCES_EXHAUSTED);
    CHECK_EQ(strcmp(kit_last_error()->message, "no more"), 0);
    CHECK_EQ(kit_last_error()->os_error, ENOMEM);
    respool_reader_close(readers[i]);
  }
  kit_spool_close(&s);
}

/* Its file was made through links, and over what was there. */
static void d14_no_link_is_followed_and_nothing_is_overwritten(void) {
  place p = make_place();
  char target[KIT_PATH];
  struct ArrowSchema schema;
  kit_join(target, p.directory, "target");
  kit_file_write(target, "kept", 4);
  kit_schema_parse("{number:int32}", &schema);
  for (int linked = 0; linked < 2; linked++) {
    respool *spool = NULL;
    respool_writer *writer = NULL;
    const char *path = linked ? p.path : target;
    if (linked) REQUIRE_EQ(symlink(target, p.path), 0);
    respool_options options = kit_options(0, RESPOOL_MODE_ALL, path);
    CHECK_STATUS(respool_create(&schema, &options, &spool, &writer, kit_error()), RESPOOL_IO);
    CHECK_EQ(kit_last_error()->os_error, EEXIST);
    CHECK_EQ(kit_file_size(target), 4);
  }
  schema.release(&schema);
}

/* As long as it wrote to memory it did not look at the schema. */
static void d15_a_batch_of_another_schema_is_refused_in_memory_too(void) {
  kit_spool s;
  struct ArrowArray array;
  struct ArrowArrayStream stream;
  struct ArrowSchema other;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  kit_spool_open(&s, "{number:int32}", &options);
  kit_schema_parse(fields, &other);
  kit_series series = {.schema = &other, .seed = kit_seed(), .rows_least = 5, .rows_most = 60};
  kit_series_batch(&series, 0, &array);
  CHECK_STATUS(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_INVALID);
  kit_stream_options from = {.schema = &other, .batches = &array, .count = 1};
  kit_stream_from(&from, &stream);
  CHECK_STATUS(respool_writer_append_stream(s.writer, &stream, kit_error()), RESPOOL_INVALID);
  stream.release(&stream);
  CHECK_EQ(kit_stats(s.spool).batches, 0);
  KIT_APPEND(s.writer, 1);
  CHECK_EQ(kit_stats(s.spool).batches, 1);
  other.release(&other);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(a_disk_that_fills_while_the_buffer_drains_loses_no_batch),
    KIT_TEST(after_space_returns_the_replay_has_the_right_bytes),
    KIT_TEST(a_file_cut_at_a_message_boundary_is_an_error),
    KIT_TEST(the_file_is_readable_for_its_owner_only_whatever_the_umask),
    KIT_TEST(d1_an_append_costs_the_same_however_many_came_before),
    KIT_TEST(d2_a_drain_that_fails_in_the_middle_goes_on_where_it_was),
    KIT_TEST(d3_a_failed_write_leaves_no_gap),
    KIT_TEST(d4_a_finish_that_failed_can_be_repeated),
    KIT_TEST(d5_the_first_error_stays),
    KIT_TEST(d6_who_removes_the_file_and_who_outlives_whom),
    KIT_TEST(d7_readers_that_have_not_begun_keep_what_they_need),
    KIT_TEST(d8_slices_of_one_buffer_count_it_once),
    KIT_TEST(d9_memory_has_a_ceiling_and_what_fits_stays),
    KIT_TEST(d10_a_reader_that_goes_over_to_disk_reads_only_what_is_next),
    KIT_TEST(d12_there_are_no_threads_but_the_callers),
    KIT_TEST(d13_every_reader_gets_the_same_error_and_good_batches_before_it),
    KIT_TEST(d14_no_link_is_followed_and_nothing_is_overwritten),
    KIT_TEST(d15_a_batch_of_another_schema_is_refused_in_memory_too),
};

int main(int argc, char **argv) {
  respool_allocator counting = {.struct_size = sizeof counting,
                                .allocate = count_allocate,
                                .resize = count_resize,
                                .free = count_free,
                                .context = &asked};
  if (respool_set_allocator(&counting, NULL) != RESPOOL_OK) kit_die("the allocator was not taken");
  return KIT_MAIN(argc, argv, tests);
}
