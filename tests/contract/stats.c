/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics: that they add up, follow the state, and take structs of several sizes. */
#include "spool.h"
#include "system.h"

#include <string.h>

static void open_spool(kit_spool *s, int64_t limit) {
  respool_options options = kit_options(limit, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool_open(s, "{number:int32}", &options);
}

static void of_a_new_spool(void) {
  kit_spool s;
  open_spool(&s, 12345);
  respool_stats stats = kit_stats(s.spool);
  CHECK_EQ(stats.struct_size, sizeof stats);
  CHECK_EQ(stats.state, RESPOOL_OPEN);
  CHECK_EQ(stats.mode, RESPOOL_MODE_OVERFLOW);
  CHECK_EQ(stats.memory_limit, 12345);
  CHECK_EQ(stats.batches + stats.rows + stats.batches_resident + stats.batches_stored, 0);
  CHECK_EQ(stats.bytes_appended + stats.bytes_charged + stats.bytes_charged_peak + stats.bytes_pinned, 0);
  CHECK_EQ(stats.bytes_stored + stats.bytes_written + stats.bytes_mapped, 0);
  CHECK_EQ(stats.readers + stats.readers_waiting + stats.write_failures + stats.file_exists, 0);
  kit_spool_close(&s);
}

static void count_batches_and_rows(void) {
  kit_spool s;
  open_spool(&s, RESPOOL_NO_LIMIT);
  KIT_APPEND(s.writer, 1, 2, 3);
  KIT_APPEND(s.writer, 4);
  kit_append_int32(s.writer, NULL, 0);
  respool_stats stats = kit_stats(s.spool);
  CHECK_EQ(stats.batches, 3);
  CHECK_EQ(stats.rows, 4);
  CHECK_EQ(stats.batches_resident, 2); /* one without rows needs no place */
  kit_spool_close(&s);
}

static void follow_the_state(void) {
  kit_spool s;
  open_spool(&s, 0);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_FINISHED);
  respool_writer_close(s.writer);
  s.writer = NULL;
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_FINISHED);
  kit_spool_close(&s);
  open_spool(&s, 0);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_USER, 0, NULL, kit_error()));
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_FAILED);
  kit_spool_close(&s);
  open_spool(&s, 0);
  respool_writer_close(s.writer);
  s.writer = NULL;
  CHECK_EQ(kit_stats(s.spool).state, RESPOOL_STATE_ABANDONED);
  kit_spool_close(&s);
}

static void count_readers(void) {
  kit_spool s;
  struct ArrowArrayStream stream;
  open_spool(&s, 0);
  respool_reader *a = kit_reader(s.spool), *b = kit_reader(s.spool);
  CHECK_EQ(kit_stats(s.spool).readers, 2);
  CHECK_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  CHECK_EQ(kit_stats(s.spool).readers, 3);
  CHECK_EQ(kit_stats(s.spool).readers_waiting, 0);
  respool_reader_close(a);
  stream.release(&stream);
  CHECK_EQ(kit_stats(s.spool).readers, 1);
  respool_reader_close(b);
  CHECK_EQ(kit_stats(s.spool).readers, 0);
  kit_spool_close(&s);
}

static void follow_bytes_to_disk_and_back(void) {
  kit_spool s;
  open_spool(&s, 0);
  for (int32_t i = 0; i < 100; i++) {
    struct ArrowArray array;
    kit_batch_filled(4096, i, &array);
    kit_append(s.writer, &array);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_stats stats = kit_stats(s.spool);
  CHECK_EQ(stats.bytes_charged, 0);
  CHECK_LE(4096, stats.bytes_charged_peak);
  CHECK_LE(100 * 4096, stats.bytes_stored);
  CHECK_LE(stats.bytes_stored, 100 * (4096 + 1024));
  CHECK_LE(stats.bytes_stored, stats.bytes_written);
  CHECK_LE(1, stats.bytes_catalog);
  CHECK_EQ(stats.write_failures, 0);
  CHECK_EQ(stats.file_exists, 1);
  kit_spool_close(&s);
}

/* While a stored batch is held, the memory it lies in is counted on one of the two accounts. */
static void count_mappings_and_read_buffers(void) {
  for (int32_t replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
    respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
    options.replay = replay;
    kit_spool s;
    struct ArrowArray array;
    kit_spool_open(&s, "{number:int32}", &options);
    kit_batch_filled(1 << 20, 0, &array);
    kit_append(s.writer, &array);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    respool_reader *reader = kit_reader(s.spool);
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    respool_stats stats = kit_stats(s.spool);
    if (replay == RESPOOL_REPLAY_MAP)
      CHECK_LE(1 << 20, stats.bytes_mapped);
    else
      CHECK_LE(1 << 20, stats.bytes_read_buffers);
    CHECK_EQ(replay == RESPOOL_REPLAY_MAP ? stats.bytes_read_buffers : stats.bytes_mapped, 0);
    array.release(&array);
    respool_reader_close(reader);
    kit_spool_close(&s);
  }
}

static void take_structs_of_other_sizes(void) {
  struct {
    respool_stats stats;
    unsigned char more[64];
  } wide;
  kit_spool s;
  open_spool(&s, 777);
  memset(&wide, 0x5a, sizeof wide);
  wide.stats.struct_size = offsetof(respool_stats, batches);
  CHECK_OK(respool_get_stats(s.spool, &wide.stats, kit_error()));
  CHECK_EQ(wide.stats.memory_limit, 777);
  CHECK_EQ(wide.stats.batches, INT64_C(0x5a5a5a5a5a5a5a5a)); /* beyond what the caller knows */
  wide.stats.struct_size = 0;
  CHECK_ERROR(respool_get_stats(s.spool, &wide.stats, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_get_stats(s.spool, NULL, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_get_stats(NULL, &wide.stats, kit_error()), RESPOOL_INVALID, NULL);
  kit_spool_close(&s);
}

static const kit_test tests[] = {
    KIT_TEST(of_a_new_spool),
    KIT_TEST(count_batches_and_rows),
    KIT_TEST(follow_the_state),
    KIT_TEST(count_readers),
    KIT_TEST(follow_bytes_to_disk_and_back),
    KIT_TEST(count_mappings_and_read_buffers),
    KIT_TEST(take_structs_of_other_sizes),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
