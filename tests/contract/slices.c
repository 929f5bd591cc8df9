/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices are written exactly. The bytes written for a slice equal those written for a copy of just its rows, so that
 * nothing of the neighbours, and no slack, can be in them.
 */
#include "bytes.h"
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 3 };

static void write_batches(const kit_series *series, kit_sink *sink) {
  struct ArrowArray batches[COUNT];
  struct ArrowArrayStream stream;
  for (int64_t i = 0; i < COUNT; i++) kit_series_batch(series, i, &batches[i]);
  kit_stream_options options = {.schema = series->schema, .batches = batches, .count = COUNT};
  kit_stream_from(&options, &stream);
  kit_write_stream(&stream, sink);
}

static void check_slices(const char *text, uint64_t seed) {
  struct ArrowSchema schema;
  kit_sink plain = {0}, sliced = {0};
  kit_schema_parse(text, &schema);
  kit_series series = {&schema, seed, 0, 50, 0.3, false, false};
  write_batches(&series, &plain);
  series.sliced = true;
  series.unaligned = seed % 4 == 0;
  write_batches(&series, &sliced);
  CHECK_BYTES(plain.bytes, plain.size, sliced.bytes, sliced.size);
  CHECK_EQ(kit_find(sliced.bytes, sliced.size, KIT_MARKER_TEXT, 9), -1);
  CHECK_EQ(kit_find(sliced.bytes, sliced.size, "\xa5\xa5\xa5\xa5\xa5", 5), -1);
  if (kit_failures() > 0) kit_note("schema %s, seed %" PRIu64, text, seed);
  kit_sink_free(&plain);
  kit_sink_free(&sliced);
  schema.release(&schema);
}

static void written_as_if_they_were_copies(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 150 : 2000;
  for (int i = 0; i < rounds && kit_failures() == 0; i++) {
    char *text = kit_schema_random_text(&random, 5, 3);
    check_slices(text, kit_random_next(&random));
    free(text);
  }
  CHECK_NOTHING_LEFT();
}

/* Lengths around those at which an encoder may split its work into blocks, through IPC and through the disk. */
static void long_slices(void) {
  static const int64_t lengths[] = {4095, 4096, 4097, 32767, 32768, 32769, 70001};
  struct ArrowSchema schema;
  kit_schema_parse("{b:bool,i:int8,t:utf8,l:large_list<item:bool>,f:fixed_list(3)<item:bool!>}", &schema);
  for (size_t i = 0; i < (kit_slow() ? 5 : sizeof lengths / sizeof lengths[0]); i++) {
    kit_sink plain = {0}, sliced = {0};
    kit_series series = {&schema, kit_seed() + i, lengths[i], lengths[i], 0.3, false, false};
    write_batches(&series, &plain);
    series.sliced = true;
    write_batches(&series, &sliced);
    CHECK_BYTES(plain.bytes, plain.size, sliced.bytes, sliced.size);
    kit_sink_free(&plain);
    kit_sink_free(&sliced);
    respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
    kit_spool s;
    kit_spool_open_schema(&s, &schema, &options);
    kit_series_append(&series, s.writer, 0, 2);
    kit_series_replay(&series, s.spool, 2, RESPOOL_TIMED_OUT);
    kit_spool_close(&s);
  }
  schema.release(&schema);
  CHECK_NOTHING_LEFT();
}

/* More buffers than the system takes in one vectored write, small and large ones mixed. */
static void slices_of_many_columns(void) {
  enum { GROUPS = 200 };
  struct ArrowSchema group, schema;
  struct ArrowSchema *children[GROUPS];
  kit_schema_parse("{g:struct<a:int64,b:utf8,c:bool,d:list<item:int16>>}", &group);
  for (int i = 0; i < GROUPS; i++) children[i] = group.children[0];
  schema = group;
  schema.n_children = GROUPS;
  schema.children = children;
  for (int64_t rows = 1; rows <= (kit_slow() ? 10 : 1000); rows *= 10) {
    kit_sink plain = {0}, sliced = {0};
    kit_series series = {&schema, kit_seed(), rows, rows, 0.2, false, false};
    write_batches(&series, &plain);
    series.sliced = true;
    write_batches(&series, &sliced);
    CHECK_BYTES(plain.bytes, plain.size, sliced.bytes, sliced.size);
    kit_sink_free(&plain);
    kit_sink_free(&sliced);
    respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
    kit_spool s;
    kit_spool_open_schema(&s, &schema, &options);
    kit_series_append(&series, s.writer, 0, 3);
    kit_series_replay(&series, s.spool, 3, RESPOOL_TIMED_OUT);
    kit_spool_close(&s);
  }
  group.release(&group);
  CHECK_NOTHING_LEFT();
}

/* Each offset within a byte of a bitmap, and each length around it. */
static void every_shift_of_a_bitmap(void) {
  enum { ROWS = 80 };
  struct ArrowSchema schema;
  kit_schema_parse("{flag:bool}", &schema);
  kit_array_options options = kit_array_defaults(kit_seed(), ROWS);
  for (int64_t offset = 0; offset < 18; offset++)
    for (int64_t length = 0; length <= 40; length++) {
      kit_sink cut = {0}, copied = {0};
      struct ArrowArray array[2];
      struct ArrowArrayStream stream;
      for (int i = 0; i < 2; i++) {
        kit_array_random(&schema, &options, &array[i]);
        array[i].children[0]->null_count = -1;
        array[i].length = length;
      }
      array[0].offset = offset;              /* of the batch */
      array[1].children[0]->offset = offset; /* of the column */
      array[1].children[0]->length = length;
      for (int i = 0; i < 2; i++) {
        kit_stream_options from = {.schema = &schema, .batches = &array[i], .count = 1};
        kit_stream_from(&from, &stream);
        kit_write_stream(&stream, i == 0 ? &cut : &copied);
      }
      CHECK_BYTES(cut.bytes, cut.size, copied.bytes, copied.size);
      kit_sink_free(&cut);
      kit_sink_free(&copied);
    }
  schema.release(&schema);
  CHECK_NOTHING_LEFT();
}

/* A batch with an offset of its own: readers get one without, from memory and from disk. */
static void an_offset_at_the_top(void) {
  for (int64_t limit = 0; limit <= 1 << 20; limit += 1 << 20) {
    respool_options options = kit_options(limit, RESPOOL_MODE_OVERFLOW, kit_scratch());
    kit_spool s;
    struct ArrowArray array, back;
    kit_spool_open(&s, "{number:int32}", &options);
    kit_batch_int32((const int32_t[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 10, &array);
    array.offset = 4;
    array.length = 5;
    kit_append(s.writer, &array);
    respool_reader *reader = kit_reader(s.spool);
    REQUIRE_OK(respool_reader_next(reader, &back, 0, kit_error()));
    CHECK_WELL_FORMED(&s.schema, &back, KIT_TOP, 1);
    CHECK_EQ(back.offset, 0);
    CHECK_EQ(back.length, 5);
    const struct ArrowArray *column = back.children[0];
    for (int32_t i = 0; i < 5; i++) CHECK_EQ(((const int32_t *)column->buffers[1])[column->offset + i], 4 + i);
    back.release(&back);
    respool_reader_close(reader);
    kit_spool_close(&s);
    CHECK_NOTHING_LEFT();
  }
}

/* A few rows of a large array take a few bytes of the file. */
static void small_slices_of_large_arrays(void) {
  struct ArrowSchema schema;
  kit_schema_parse("{id:int64,text:utf8,items:list<item:list<item:int32>>,f:fixed_list(4)<item:utf8>}", &schema);
  kit_array_options options = kit_array_defaults(kit_seed(), 20000);
  for (int64_t at = 0; at < 20000; at += 4999) {
    kit_sink sink = {0};
    struct ArrowArray array;
    struct ArrowArrayStream stream;
    kit_array_random(&schema, &options, &array);
    array.offset = at;
    array.length = 3;
    kit_stream_options from = {.schema = &schema, .batches = &array, .count = 1};
    kit_stream_from(&from, &stream);
    kit_write_stream(&stream, &sink);
    CHECK_LE(sink.size, 8192);
    kit_sink_free(&sink);
  }
  schema.release(&schema);
  CHECK_NOTHING_LEFT();
}

/* No stray byte of memory is in the file: the same batches give the same bytes whatever was in memory before. */
static void padding_is_zero(void) {
  struct ArrowSchema schema;
  kit_sink first = {0}, second = {0};
  kit_schema_parse("{a:int8!,b:utf8!,c:bool,d:list<item:int16>}", &schema);
  kit_series series = {&schema, kit_seed(), 1, 9, 0.3, false, false};
  write_batches(&series, &first);
  void *dirt = malloc(1 << 20);
  REQUIRE(dirt != NULL);
  memset(dirt, 0xdb, 1 << 20);
  free(dirt);
  write_batches(&series, &second);
  CHECK_BYTES(first.bytes, first.size, second.bytes, second.size);
  CHECK_EQ(kit_find(second.bytes, second.size, "\xdb\xdb\xdb\xdb", 4), -1);
  kit_sink_free(&first);
  kit_sink_free(&second);
  schema.release(&schema);
}

static const kit_test tests[] = {
    KIT_TEST(written_as_if_they_were_copies),
    KIT_TEST(long_slices),
    KIT_TEST(slices_of_many_columns),
    KIT_TEST(every_shift_of_a_bitmap),
    KIT_TEST(an_offset_at_the_top),
    KIT_TEST(small_slices_of_large_arrays),
    KIT_TEST(padding_is_zero),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
