/* SPDX-License-Identifier: Apache-2.0 */
/* The four scenarios that the project's contract started from, under their names, in mode ON_LIMIT. */
#include "spool.h"
#include "system.h"

static const int64_t MIB = (int64_t)1 << 20;

static void open_at(kit_spool *s, int64_t limit, char path[KIT_PATH]) {
  respool_options options = kit_options(limit, RESPOOL_MODE_ON_LIMIT, kit_join(path, kit_scratch(), "spill.arrows"));
  kit_spool_open(s, "{number:int32}", &options);
}

static void spill(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  respool_reader *first = kit_reader(s.spool);
  CHECK_PENDING(first);
  KIT_APPEND(s.writer, 1, 2, 3);
  CHECK_NEXT(first, 1, 2, 3);
  CHECK_PENDING(first);
  respool_reader *second = kit_reader(s.spool);
  CHECK_NEXT(second, 1, 2, 3);
  CHECK_PENDING(second);
  KIT_APPEND(s.writer, 4, 5, 6);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *third = kit_reader(s.spool);
  CHECK_NEXT(first, 4, 5, 6);
  CHECK_ANSWER(first, RESPOOL_END);
  CHECK_NEXT(second, 4, 5, 6);
  CHECK_ANSWER(second, RESPOOL_END);
  CHECK_NEXT(third, 1, 2, 3);
  CHECK_NEXT(third, 4, 5, 6);
  CHECK_ANSWER(third, RESPOOL_END);
  respool_reader_close(first);
  respool_reader_close(second);
  respool_reader_close(third);
  kit_spool_close(&s);
  CHECK(kit_exists(path)); /* the file is the caller's to remove */
  CHECK_NOTHING_LEFT();
}

static const char text[] = "resources exhausted: Gr\xc3\xb6\xc3\x9f"
                           "e \xe2\x89\xa5 8 \xf0\x9f\x97\x84";

static void error(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, 0, path);
  KIT_APPEND(s.writer, 1, 2, 3);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_NEXT(reader, 1, 2, 3);
  CHECK_OK(respool_writer_fail(s.writer, RESPOOL_RESOURCES_EXHAUSTED, 0, text, kit_error()));
  CHECK_ANSWER(reader, RESPOOL_RESOURCES_EXHAUSTED);
  CHECK_STR(kit_last_error()->message, text);
  struct ArrowArray array;
  kit_batch_one(4, &array);
  CHECK_ERROR(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_HAS_FAILED, NULL);
  CHECK(array.release != NULL);
  array.release(&array);
  CHECK_ERROR(respool_writer_finish(s.writer, kit_error()), RESPOOL_HAS_FAILED, NULL);
  respool_reader *late = kit_reader(s.spool);
  CHECK_ANSWER(late, RESPOOL_RESOURCES_EXHAUSTED);
  CHECK_STR(kit_last_error()->message, text);
  respool_reader_close(reader);
  respool_reader_close(late);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static bool next_has_rows(respool_reader *reader, int64_t rows, int32_t first) {
  struct ArrowArray array;
  if (!CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()))) return false;
  const int32_t *values = array.children[0]->buffers[1];
  bool good = CHECK_EQ(array.length, rows) && CHECK_EQ(values[0], first) &&
              CHECK_EQ(values[rows - 1], first + (int32_t)rows - 1);
  array.release(&array);
  return good;
}

static void append_bytes(kit_spool *s, int64_t bytes, int32_t first) {
  struct ArrowArray array;
  kit_batch_filled(bytes, first, &array);
  kit_append(s->writer, &array);
}

static void buffered(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, MIB, path);
  append_bytes(&s, MIB / 2, 7);
  CHECK(!kit_exists(path));
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK(!kit_exists(path));
  respool_reader *reader = kit_reader(s.spool);
  next_has_rows(reader, MIB / 8, 7);
  CHECK_ANSWER(reader, RESPOOL_END);
  CHECK(!kit_exists(path));
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK(!kit_exists(path));
  CHECK_NOTHING_LEFT();
}

static void transition(void) {
  char path[KIT_PATH];
  kit_spool s;
  open_at(&s, MIB, path);
  append_bytes(&s, MIB / 4 * 3, 100);
  CHECK(!kit_exists(path));
  respool_reader *reader = kit_reader(s.spool);
  next_has_rows(reader, MIB / 16 * 3, 100);
  CHECK_PENDING(reader);
  append_bytes(&s, MIB / 2, 500);
  CHECK(kit_exists(path));
  CHECK_LE(MIB / 4 * 5, kit_file_size(path));
  next_has_rows(reader, MIB / 8, 500);
  CHECK_PENDING(reader);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {KIT_TEST(spill), KIT_TEST(error), KIT_TEST(buffered), KIT_TEST(transition)};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
