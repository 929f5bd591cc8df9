/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dictionaries from batch to batch: in the file once as long as their contents stay, wherever they lie, and again when
 * those change, though they lie at the same address. A reader gets the one in force at each batch.
 */
#include "array_node.h"
#include "spool.h"
#include "system.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALUES = 3, ROWS = 4 };

/* One column of int8 indices 0, 1, 2, 0 into three int32 that the caller keeps, or that are copied. */
static void make_batch(const int32_t *values, bool copied, struct ArrowArray *array) {
  kit_node_init(array, 1, 1);
  array->length = ROWS;
  struct ArrowArray *column = array->children[0];
  kit_node_init(column, 2, 0);
  column->length = ROWS;
  memcpy(kit_node_buffer(column, 1, ROWS, false), (const int8_t[]){0, 1, 2, 0}, ROWS);
  struct ArrowArray *dictionary = kit_node_add_dictionary(column);
  kit_node_init(dictionary, 2, 0);
  dictionary->length = VALUES;
  if (copied)
    memcpy(kit_node_buffer(dictionary, 1, VALUES * sizeof *values, false), values, VALUES * sizeof *values);
  else
    dictionary->buffers[1] = values;
}

static int64_t dictionaries_in(const char *path) {
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK_OK(respool_ipc_inspect_fd(fd, NULL, NULL, NULL, NULL, &summary, kit_error()));
  close(fd);
  return summary.dictionaries;
}

static void check_next_values(respool_reader *reader, const int32_t *values) {
  struct ArrowArray array;
  REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
  const struct ArrowArray *column = array.children[0], *dictionary = column->dictionary;
  CHECK_EQ(array.length, ROWS);
  REQUIRE_EQ(dictionary->length, VALUES);
  const int32_t *got = (const int32_t *)dictionary->buffers[1] + dictionary->offset;
  const int8_t *indices = (const int8_t *)column->buffers[1] + column->offset;
  for (int i = 0; i < ROWS; i++) CHECK_EQ(got[indices[i]], values[i % VALUES]);
  array.release(&array);
}

static const int32_t first[VALUES] = {10, 20, 30}, second[VALUES] = {11, 22, 33};

/* Spilled at once, so that the memory is the producer's again after each append; it puts other values there. */
static void a_reused_address(void) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, directory, "reused"));
  options.write_chunk = 4096;
  kit_spool s;
  int32_t values[VALUES];
  kit_spool_open(&s, "{d:dictionary(c)<:int32>}", &options);
  for (int i = 0; i < 6; i++) {
    struct ArrowArray array;
    memcpy(values, i % 2 == 0 ? first : second, sizeof values);
    make_batch(values, false, &array);
    REQUIRE(kit_append(s.writer, &array));
    REQUIRE_OK(respool_writer_flush(s.writer, kit_error()));
    REQUIRE_EQ(kit_live_arrays(), 0);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(dictionaries_in(path), 6);
  respool_reader *reader = kit_reader(s.spool);
  for (int i = 0; i < 6; i++) check_next_values(reader, i % 2 == 0 ? first : second);
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  kit_spool_close(&s);
  kit_scratch_remove(directory);
  CHECK_NOTHING_LEFT();
}

/* The same contents somewhere else are no other dictionary. */
static void the_same_in_other_places(void) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, directory, "same"));
  kit_spool s;
  kit_spool_open(&s, "{d:dictionary(c)<:int32>}", &options);
  for (int i = 0; i < 6; i++) {
    struct ArrowArray array;
    make_batch(first, i % 2 == 0, &array);
    REQUIRE(kit_append(s.writer, &array));
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(dictionaries_in(path), 1);
  respool_reader *reader = kit_reader(s.spool);
  for (int i = 0; i < 6; i++) check_next_values(reader, first);
  respool_reader_close(reader);
  kit_spool_close(&s);
  kit_scratch_remove(directory);
  CHECK_NOTHING_LEFT();
}

/* Batches outlive reader and spool with the dictionary that was in force, and share it as long as it stayed. */
static void kept_beyond_the_spool(void) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  struct ArrowArray kept[6], array;
  kit_spool s;
  kit_spool_open(&s, "{d:dictionary(c)<:int32>}", &options);
  for (int i = 0; i < 6; i++) {
    make_batch(i < 3 ? first : second, true, &array);
    REQUIRE(kit_append(s.writer, &array));
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  for (int i = 0; i < 6; i++) REQUIRE_OK(respool_reader_next(reader, &kept[i], 0, kit_error()));
  respool_reader_close(reader);
  kit_spool_close(&s);
  for (int i = 5; i >= 0; i--) {
    const struct ArrowArray *dictionary = kept[i].children[0]->dictionary;
    CHECK(memcmp(dictionary->buffers[1], i < 3 ? first : second, sizeof first) == 0);
    if (i % 3 > 0) CHECK(dictionary->buffers[1] == kept[i - 1].children[0]->dictionary->buffers[1]);
    kept[i].release(&kept[i]);
  }
  CHECK_NOTHING_LEFT();
}

/* A column of nulls needs no values; one that has some refuses an array without dictionary. */
static void without_values_or_without_dictionary(void) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  struct ArrowArray array;
  kit_spool s;
  kit_spool_open(&s, "{d:dictionary(c)<:int32>}", &options);
  make_batch(first, true, &array);
  struct ArrowArray *dictionary = array.children[0]->dictionary;
  array.children[0]->dictionary = NULL;
  CHECK_ERROR(respool_writer_append(s.writer, &array, kit_error()), RESPOOL_INVALID, "'d'");
  array.children[0]->dictionary = dictionary;
  dictionary->length = 0;
  array.children[0]->null_count = ROWS;
  kit_node_buffer(array.children[0], 0, 1, false);
  REQUIRE(kit_append(s.writer, &array));
  respool_reader *reader = kit_reader(s.spool);
  REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
  CHECK_WELL_FORMED(&s.schema, &array, KIT_TOP, 1);
  CHECK_EQ(array.children[0]->null_count, ROWS);
  array.release(&array);
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {KIT_TEST(a_reused_address), KIT_TEST(the_same_in_other_places),
                                 KIT_TEST(kept_beyond_the_spool), KIT_TEST(without_values_or_without_dictionary)};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
