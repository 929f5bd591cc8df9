/* SPDX-License-Identifier: Apache-2.0 */
/* Many small batches, and many slices of one large array. */
#include "spool.h"
#include "system.h"

static void append_ones(kit_spool *s, int64_t from, int64_t to) {
  bool good = true;
  for (int64_t i = from; i < to && good; i++) {
    struct ArrowArray array;
    kit_batch_one((int32_t)i, &array);
    good = kit_append(s->writer, &array);
  }
}

static void check_ones(respool *spool, int64_t count) {
  respool_reader *reader = kit_reader(spool);
  bool good = true;
  for (int64_t i = 0; i < count && good; i++) good = CHECK_NEXT(reader, (int32_t)i);
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
}

/* What the spool keeps beside the batches, per batch, may not grow with their number. */
static void one_row_appends_cost_the_same_each(void) {
  int64_t counts[] = {1000, 10000, 100000};
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  int64_t before = 0;
  double first = 0;
  for (int i = 0; i < (kit_slow() ? 2 : 3); i++) {
    append_ones(&s, before, counts[i]);
    before = counts[i];
    respool_stats stats = kit_stats(s.spool);
    CHECK_EQ(stats.batches_resident, counts[i]);
    CHECK_EQ(stats.bytes_charged, stats.bytes_appended);
    double each = (double)stats.bytes_catalog / (double)counts[i];
    if (i == 0) first = each;
    CHECK_LE((int64_t)each, (int64_t)(2.5 * first) + 64); /* room for tables that grow by doubling */
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  check_ones(s.spool, before);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* Quadratic cost anywhere would take these for hours. */
static void a_million_one_row_appends(void) {
  int64_t count = kit_environment("RESPOOL_TEST_BATCHES", kit_slow() ? 20000 : 1000000);
  static const int64_t limits[] = {RESPOOL_NO_LIMIT, 0, 1 << 20};
  for (int i = 0; i < 3; i++) {
    respool_options options = kit_options(limits[i], RESPOOL_MODE_OVERFLOW, kit_scratch());
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    append_ones(&s, 0, count);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    CHECK_EQ(kit_stats(s.spool).batches, count);
    check_ones(s.spool, count);
    kit_spool_close(&s);
  }
  CHECK_NOTHING_LEFT();
}

/* Changing the limit to and fro over many batches goes over them once, not each time. */
static void spilling_in_many_small_steps(void) {
  int64_t count = kit_slow() ? 2000 : 50000;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  append_ones(&s, 0, count);
  int64_t each = kit_stats(s.spool).bytes_charged / count;
  for (int64_t left = count; left >= 0; left -= count / 500) CHECK_OK(respool_spill(s.spool, left * each, kit_error()));
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_resident, 0);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  check_ones(s.spool, count);
  kit_spool_close(&s);
}

/* 1,024 slices of one array count as about the one array. It is address space only: nobody looks at the zeros. */
static void many_slices_of_one_array(void) {
  enum { SLICES = 1024 };
  int64_t bytes = kit_slow() ? (int64_t)64 << 20 : (int64_t)1 << 30;
  int64_t rows = bytes / 4 / SLICES;
  respool_options options = kit_options(2 * bytes, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  kit_shared *shared = kit_shared_from_mapping((size_t)bytes);
  for (int64_t i = 0; i < SLICES; i++) {
    struct ArrowArray array;
    kit_batch_shared(shared, i * rows, rows, &array);
    kit_append(s.writer, &array);
  }
  respool_stats stats = kit_stats(s.spool);
  CHECK_LE(bytes, stats.bytes_charged);
  CHECK_LE(stats.bytes_charged, bytes + SLICES * 2048);
  CHECK_LE(stats.bytes_charged_peak, bytes + SLICES * 2048);
  CHECK_EQ(stats.file_exists, 0);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  for (int64_t i = 0; i < SLICES; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    const struct ArrowArray *column = array.children[0];
    CHECK_EQ(array.length, rows);
    CHECK((const int32_t *)column->buffers[1] + column->offset == kit_shared_values(shared) + i * rows);
    array.release(&array);
  }
  respool_reader_close(reader);
  kit_shared_release(shared);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* The same through the disk: spilled slices together take what the array takes. */
static void slices_on_disk_take_their_own_rows(void) {
  enum { SLICES = 256, ROWS = 4096 };
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  kit_shared *shared = kit_shared_from_memory((size_t)4 * SLICES * ROWS);
  for (int64_t i = 0; i < SLICES; i++) {
    struct ArrowArray array;
    kit_batch_shared(shared, i * ROWS, ROWS, &array);
    kit_append(s.writer, &array);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_LE(kit_stats(s.spool).bytes_stored, SLICES * (4 * ROWS + 1024));
  respool_reader *reader = kit_reader(s.spool);
  for (int64_t i = 0; i < SLICES; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    const int32_t *values = array.children[0]->buffers[1];
    CHECK_EQ(values[0], i * ROWS);
    CHECK_EQ(values[ROWS - 1], i * ROWS + ROWS - 1);
    array.release(&array);
  }
  respool_reader_close(reader);
  kit_shared_release(shared);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* One batch larger than a write chunk, a mapping window's page, and the limit. */
static void a_large_batch(void) {
  int64_t bytes = kit_slow() ? (int64_t)9 << 20 : (int64_t)300 << 20;
  for (int32_t replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
    respool_options options = kit_options(1 << 20, RESPOOL_MODE_OVERFLOW, kit_scratch());
    options.replay = replay;
    kit_spool s;
    struct ArrowArray array;
    kit_spool_open(&s, "{number:int32}", &options);
    KIT_APPEND(s.writer, 1);
    kit_batch_filled(bytes, 5, &array);
    kit_append(s.writer, &array);
    KIT_APPEND(s.writer, 2);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    respool_reader *reader = kit_reader(s.spool);
    CHECK_NEXT(reader, 1);
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    CHECK_EQ(array.length, bytes / 4);
    const int32_t *values = array.children[0]->buffers[1];
    int64_t wrong = 0;
    for (int64_t i = 0; i < bytes / 4; i++) wrong += values[i] != 5 + (int32_t)i;
    CHECK_EQ(wrong, 0);
    array.release(&array);
    CHECK_NEXT(reader, 2);
    CHECK_ANSWER(reader, RESPOOL_END);
    respool_reader_close(reader);
    kit_spool_close(&s);
  }
  CHECK_NOTHING_LEFT();
}

/* More than one mapping window, arrays of several held at once; with the last of them the mappings go. */
static void many_windows(void) {
  enum { HELD = 10 };
  int64_t bytes = 1 << 20, count = kit_slow() ? 70 : 300;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  options.replay = RESPOOL_REPLAY_MAP;
  kit_spool s;
  struct ArrowArray array, held[HELD];
  kit_spool_open(&s, "{number:int32}", &options);
  for (int64_t i = 0; i < count; i++) {
    kit_batch_filled(bytes - 4 * (i % 3), (int32_t)i, &array);
    kit_append(s.writer, &array);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  for (int64_t i = 0; i < count; i++) {
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    const int32_t *values = array.children[0]->buffers[1];
    CHECK_EQ(array.length, bytes / 4 - i % 3);
    for (int64_t k = 0; k < array.length; k += 1000) CHECK_EQ(values[k], i + k);
    CHECK_EQ(values[array.length - 1], i + array.length - 1);
    int64_t place = i * HELD / count;
    if (i == (place * count + HELD - 1) / HELD)
      held[place] = array;
    else
      array.release(&array);
  }
  CHECK_LE(1, kit_stats(s.spool).bytes_mapped);
  respool_reader_close(reader);
  for (int64_t place = 0; place < HELD; place++) {
    int64_t first = (place * count + HELD - 1) / HELD;
    CHECK_EQ(((const int32_t *)held[place].children[0]->buffers[1])[7], first + 7);
    held[place].release(&held[place]);
  }
  CHECK_EQ(kit_stats(s.spool).bytes_mapped, 0);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(one_row_appends_cost_the_same_each),
    KIT_TEST(a_million_one_row_appends),
    KIT_TEST(spilling_in_many_small_steps),
    KIT_TEST(many_slices_of_one_array),
    KIT_TEST(slices_on_disk_take_their_own_rows),
    KIT_TEST(a_large_batch),
    KIT_TEST(many_windows),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
