/* SPDX-License-Identifier: Apache-2.0 */
/* The memory limit: its boundary, its extremes, changing it, and spilling on demand, also from other threads. */
#include "spool.h"
#include "system.h"

#include <stdatomic.h>

static void open_limited(kit_spool *s, int64_t limit, int32_t mode) {
  respool_options options = kit_options(limit, mode, NULL);
  options.directory = kit_scratch();
  kit_spool_open(s, "{number:int32}", &options);
}

static void append_numbers(kit_spool *s, int32_t from, int32_t to) {
  for (int32_t i = from; i < to; i++) KIT_APPEND(s->writer, i, i);
}

static bool check_numbers(respool *spool, int32_t count) {
  respool_reader *reader = NULL;
  bool good = CHECK_OK(respool_reader_open(spool, NULL, &reader, kit_error()));
  for (int32_t i = 0; i < count && good; i++) good = CHECK_NEXT(reader, i, i);
  respool_reader_close(reader);
  return good;
}

static int64_t charge_of_one(void) {
  kit_spool s;
  open_limited(&s, RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW);
  append_numbers(&s, 0, 1);
  int64_t charged = kit_stats(s.spool).bytes_charged;
  kit_spool_close(&s);
  return charged;
}

static int64_t stored_with_limit(int64_t limit, int32_t mode, int32_t batches) {
  kit_spool s;
  open_limited(&s, limit, mode);
  append_numbers(&s, 0, batches);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  int64_t stored = kit_stats(s.spool).batches_stored;
  check_numbers(s.spool, batches);
  kit_spool_close(&s);
  return stored;
}

static void exact_boundary(void) {
  int64_t one = charge_of_one();
  CHECK_EQ(stored_with_limit(5 * one, RESPOOL_MODE_OVERFLOW, 5), 0);
  CHECK_EQ(stored_with_limit(5 * one - 1, RESPOOL_MODE_OVERFLOW, 5), 1);
  CHECK_EQ(stored_with_limit(5 * one, RESPOOL_MODE_ON_LIMIT, 5), 0);
  CHECK_EQ(stored_with_limit(5 * one - 1, RESPOOL_MODE_ON_LIMIT, 5), 5);
}

static void the_extremes(void) {
  CHECK_EQ(stored_with_limit(0, RESPOOL_MODE_OVERFLOW, 5), 5);
  CHECK_EQ(stored_with_limit(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, 5), 0);
  CHECK_EQ(stored_with_limit(0, RESPOOL_MODE_ON_LIMIT, 5), 5);
  CHECK_EQ(stored_with_limit(RESPOOL_NO_LIMIT, RESPOOL_MODE_ON_LIMIT, 5), 0);
  CHECK_EQ(stored_with_limit(RESPOOL_NO_LIMIT - 1, RESPOOL_MODE_OVERFLOW, 5), 0);
}

static void lowering_spills_at_once(void) {
  int64_t one = charge_of_one();
  kit_spool s;
  open_limited(&s, RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW);
  append_numbers(&s, 0, 10);
  CHECK_OK(respool_set_memory_limit(s.spool, 4 * one, kit_error()));
  respool_stats stats = kit_stats(s.spool);
  CHECK_EQ(stats.memory_limit, 4 * one);
  CHECK_EQ(stats.bytes_charged, 4 * one);
  CHECK_EQ(stats.batches_resident, 4);
  CHECK_EQ(stats.batches_stored, 6);
  check_numbers(s.spool, 10);
  kit_spool_close(&s);
}

static void raising_brings_nothing_back(void) {
  int64_t one = charge_of_one();
  kit_spool s;
  open_limited(&s, 2 * one, RESPOOL_MODE_OVERFLOW);
  append_numbers(&s, 0, 6);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  CHECK_OK(respool_set_memory_limit(s.spool, 100 * one, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_resident, 2);
  append_numbers(&s, 6, 9); /* there is room for these again */
  CHECK_EQ(kit_stats(s.spool).batches_resident, 5);
  CHECK_EQ(kit_stats(s.spool).batches_stored, 4);
  check_numbers(s.spool, 9);
  kit_spool_close(&s);
}

static void lowering_in_on_limit_stores_everything(void) {
  kit_spool s;
  open_limited(&s, RESPOOL_NO_LIMIT, RESPOOL_MODE_ON_LIMIT);
  append_numbers(&s, 0, 10);
  CHECK_OK(respool_set_memory_limit(s.spool, 9 * charge_of_one(), kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_stored, 10);
  append_numbers(&s, 10, 12);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_stored, 12);
  check_numbers(s.spool, 12);
  kit_spool_close(&s);
}

static void spill_leaves_the_limit(void) {
  int64_t one = charge_of_one();
  kit_spool s;
  open_limited(&s, RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW);
  append_numbers(&s, 0, 10);
  CHECK_OK(respool_spill(s.spool, 7 * one, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_stored, 3);
  CHECK_EQ(kit_stats(s.spool).memory_limit, RESPOOL_NO_LIMIT);
  CHECK_OK(respool_spill(s.spool, 100 * one, kit_error())); /* is so already */
  CHECK_EQ(kit_stats(s.spool).batches_stored, 3);
  append_numbers(&s, 10, 11);
  CHECK_EQ(kit_stats(s.spool).batches_resident, 8);
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK_EQ(kit_stats(s.spool).bytes_charged, 0);
  CHECK_EQ(kit_stats(s.spool).batches_stored, 11);
  check_numbers(s.spool, 11);
  kit_spool_close(&s);
}

static void spill_works_after_finish(void) {
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ON_LIMIT; mode++) {
    kit_spool s;
    open_limited(&s, RESPOOL_NO_LIMIT, mode);
    append_numbers(&s, 0, 10);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    respool_writer_close(s.writer);
    s.writer = NULL;
    CHECK_OK(respool_spill(s.spool, 0, kit_error()));
    CHECK_EQ(kit_stats(s.spool).batches_resident, 0);
    check_numbers(s.spool, 10);
    kit_spool_close(&s);
  }
}

/* In mode ALL everything is in the file already: nothing is written, only dropped. */
static void spill_in_all_writes_nothing_more(void) {
  char path[KIT_PATH];
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "all"));
  kit_spool s;
  kit_spool_open(&s, "{number:int32}", &options);
  append_numbers(&s, 0, 10);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  int64_t written = kit_stats(s.spool).bytes_written;
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK_EQ(kit_stats(s.spool).bytes_written, written);
  CHECK_EQ(kit_stats(s.spool).batches_resident, 0);
  check_numbers(s.spool, 10);
  kit_spool_close(&s);
}

static void wrong_amounts_are_refused(void) {
  kit_spool s;
  open_limited(&s, 1000, RESPOOL_MODE_OVERFLOW);
  CHECK_ERROR(respool_set_memory_limit(s.spool, -1, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_EQ(kit_stats(s.spool).memory_limit, 1000);
  CHECK_ERROR(respool_spill(s.spool, -1, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_spill(NULL, 0, kit_error()), RESPOOL_INVALID, NULL);
  CHECK_ERROR(respool_set_memory_limit(NULL, 0, kit_error()), RESPOOL_INVALID, NULL);
  kit_spool_close(&s);
}

/* The new limit holds though spilling down to it failed; the next call that writes makes up for it. */
static void a_failed_spill_keeps_the_new_limit(void) {
  kit_spool s;
  open_limited(&s, RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW);
  append_numbers(&s, 0, 10);
  kit_limit_file_size(0);
  CHECK_ERROR(respool_set_memory_limit(s.spool, 0, kit_error()), RESPOOL_IO, NULL);
  CHECK_EQ(kit_stats(s.spool).memory_limit, 0);
  CHECK_EQ(kit_stats(s.spool).batches_resident, 10);
  CHECK_ERROR(respool_spill(s.spool, 0, kit_error()), RESPOOL_IO, NULL);
  check_numbers(s.spool, 10);
  kit_limit_file_size(-1);
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_resident, 0);
  check_numbers(s.spool, 10);
  kit_spool_close(&s);
}

/* ---- From other threads ---------------------------------------------------------------------------- */

typedef struct pressure {
  respool *spool;
  atomic_bool stop;
} pressure;

static void *press(void *argument) {
  pressure *p = argument;
  for (int64_t i = 0; !atomic_load(&p->stop); i++) {
    CHECK_OK(respool_set_memory_limit(p->spool, i % 3 * 5000, kit_error()));
    CHECK_OK(respool_spill(p->spool, i % 5 * 1000, kit_error()));
    kit_pause(50);
  }
  return NULL;
}

static void another_thread_presses(void) {
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ON_LIMIT; mode++) {
    kit_spool s;
    open_limited(&s, RESPOOL_NO_LIMIT, mode);
    pressure p = {.spool = s.spool};
    pthread_t thread = kit_thread_start(press, &p);
    int32_t count = kit_slow() ? 500 : 5000;
    append_numbers(&s, 0, count);
    atomic_store(&p.stop, true);
    kit_thread_join(thread);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    check_numbers(s.spool, count);
    kit_spool_close(&s);
    CHECK_NOTHING_LEFT();
  }
}

static const kit_test tests[] = {
    KIT_TEST(exact_boundary),
    KIT_TEST(the_extremes),
    KIT_TEST(lowering_spills_at_once),
    KIT_TEST(raising_brings_nothing_back),
    KIT_TEST(lowering_in_on_limit_stores_everything),
    KIT_TEST(spill_leaves_the_limit),
    KIT_TEST(spill_works_after_finish),
    KIT_TEST(spill_in_all_writes_nothing_more),
    KIT_TEST(wrong_amounts_are_refused),
    KIT_TEST(a_failed_spill_keeps_the_new_limit),
    KIT_TEST(another_thread_presses),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
