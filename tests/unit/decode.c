/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/decode: what was encoded comes back, each wrong number in the metadata is refused under its field's name, and
 * from damaged messages comes either an error or an array that can be read whole. Metadata and bodies lie in blocks
 * of exactly their size.
 */
#include "ipc/decode.h"

#include "ipc/format.h"
#include "support/alloc.h"
#include "support/arith.h"

#include "array_build.h"
#include "check.h"
#include "compare.h"
#include "schema_build.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

static int dropped;

static void count_drop(void *object) {
  (void)object;
  dropped++;
}

static const struct tree_owner counting = {count_drop, &dropped};

/* Parse and decode what the sample's bytes are now. */
static respool_status decode(const struct wire_sample *sample, enum decode_trust trust, struct ArrowArray *array) {
  struct ipc_message message;
  respool_status status = ipc_parse_message(sample->metadata, sample->metadata_size, &message, kit_error());
  if (status != RESPOOL_OK) return status;
  if (message.kind != HEADER_BATCH || message.body_size > sample->body_size) return RESPOOL_CORRUPT;
  return ipc_decode_batch(sample->layout, &message, sample->body, trust, &wire_expander, counting, sample->values,
                          array, kit_error());
}

/* ---- There and back -------------------------------------------------------------------------------- */

static void check_round_trip(const char *text, const kit_array_options *options) {
  struct wire_sample sample;
  wire_sample_open(&sample, text, options);
  for (int trust = DECODE_OWN; trust <= DECODE_FULL; trust++) {
    struct ArrowArray array;
    dropped = 0;
    if (!CHECK_OK(decode(&sample, (enum decode_trust)trust, &array))) continue;
    CHECK_SAME(&sample.schema, &sample.array, &array);
    CHECK_WELL_FORMED(&sample.schema, &array, KIT_TOP | KIT_EXACT, 8);
    CHECK_EQ(dropped, 0);
    array.release(&array);
    CHECK_EQ(dropped, 1);
  }
  if (kit_failures() > 0) kit_note("%s", text);
  wire_sample_close(&sample);
}

static void random_batches(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 50 : 500;
  for (int round = 0; round < rounds && kit_failures() == 0; round++) {
    char *text = kit_schema_random_text(&random, 6, 4);
    kit_array_options options = kit_array_defaults(kit_random_next(&random), kit_random_below(&random, 40));
    options.sliced = options.unknown_nulls = round % 2 == 0;
    check_round_trip(text, &options);
    free(text);
  }
}

static void no_rows_and_no_columns(void) {
  kit_array_options options = kit_array_defaults(1, 0);
  check_round_trip("{a:int32,t:utf8,l:list<i:bool>,n:null,f:fixed_list(2)<e:int8>}", &options);
  check_round_trip("{}", &options);
  options.length = 1000;
  check_round_trip("{}", &options);
}

/* ---- One wrong number at a time -------------------------------------------------------------------- */

/*
 * Nodes and buffers of these fields: i 0/0-1, t 1/2-4, l 2/5-6, l.item 3/7-8, s 4/9, s.b 5/10-11, n 6, f 7/12, f.e
 * 8/13-14.
 */
static const char fields[] = "{i:int32,t:utf8,l:list<item:int16>,s:struct<b:bool>,n:null,f:fixed_list(2)<e:int8>}";

static uint8_t *number_at(struct wire_sample *sample, int slot, int index, int member) {
  struct ipc_message message;
  REQUIRE_OK(ipc_parse_message(sample->metadata, sample->metadata_size, &message, kit_error()));
  struct flatbuf_vector vector = flatbuf_list(&message.header, slot, 16);
  REQUIRE(index < (int)vector.count);
  return sample->metadata + vector.at + 16 * index + 8 * member;
}

enum { NODE_LENGTH = 0, NODE_NULLS = 1, BUFFER_OFFSET = 0, BUFFER_LENGTH = 1 };

struct damage {
  int slot; /* BATCH_NODES or BATCH_BUFFERS */
  int index;
  int member;
  int64_t value;
  bool relative; /* added to what is there */
  const char *field;
  const char *reason;
};

static const struct damage damages[] = {
    {BATCH_NODES, 0, NODE_LENGTH, -1, false, "'i'", "-1 rows"},
    {BATCH_NODES, 1, NODE_LENGTH, INT64_MAX, false, "'t'", "rows"},
    {BATCH_NODES, 0, NODE_LENGTH, 9, false, "'i'", "9 rows"},
    {BATCH_NODES, 4, NODE_LENGTH, 11, false, "'s'", "nulls"},
    {BATCH_NODES, 6, NODE_LENGTH, 1000, false, "'n'", "1000 rows"},
    {BATCH_NODES, 5, NODE_LENGTH, 9, false, "'s.b'", "9 rows"},
    {BATCH_NODES, 8, NODE_LENGTH, 19, false, "'f.e'", "19 rows"},
    {BATCH_NODES, 3, NODE_LENGTH, 0, false, "'l.item'", "0 rows"},
    {BATCH_NODES, 0, NODE_NULLS, -2, false, "'i'", "-2 nulls"},
    {BATCH_NODES, 0, NODE_NULLS, 11, false, "'i'", "11 nulls"},
    {BATCH_NODES, 0, NODE_NULLS, 1, true, "'i'", "nulls"},
    {BATCH_NODES, 5, NODE_NULLS, -1, true, "'s.b'", "nulls"},
    {BATCH_BUFFERS, 0, BUFFER_LENGTH, 0, false, "'i'", "validity"},
    {BATCH_BUFFERS, 0, BUFFER_LENGTH, 1, false, "'i'", "validity buffer of 1 bytes"},
    {BATCH_BUFFERS, 1, BUFFER_LENGTH, 39, false, "'i'", "value buffer of 39 bytes"},
    {BATCH_BUFFERS, 1, BUFFER_LENGTH, -1, false, "'i'", "-1 bytes"},
    {BATCH_BUFFERS, 1, BUFFER_LENGTH, INT64_MAX, false, "'i'", "body"},
    {BATCH_BUFFERS, 1, BUFFER_OFFSET, -64, false, "'i'", "-64"},
    {BATCH_BUFFERS, 1, BUFFER_OFFSET, 1 << 20, false, "'i'", "body"},
    {BATCH_BUFFERS, 1, BUFFER_OFFSET, INT64_MAX - 3, false, "'i'", "body"},
    {BATCH_BUFFERS, 1, BUFFER_OFFSET, 4, true, "'i'", "multiple of 8"},
    {BATCH_BUFFERS, 3, BUFFER_LENGTH, 40, false, "'t'", "offset buffer of 40 bytes"},
    {BATCH_BUFFERS, 3, BUFFER_LENGTH, 0, false, "'t'", "offset buffer"},
    {BATCH_BUFFERS, 4, BUFFER_LENGTH, 0, false, "'t'", "data buffer of 0 bytes"},
    {BATCH_BUFFERS, 4, BUFFER_LENGTH, -1, true, "'t'", "data buffer"},
    {BATCH_BUFFERS, 6, BUFFER_LENGTH, 43, false, "'l'", "offset buffer of 43 bytes"},
    {BATCH_BUFFERS, 8, BUFFER_LENGTH, 0, false, "'l.item'", "value buffer of 0 bytes"},
    {BATCH_BUFFERS, 11, BUFFER_LENGTH, 1, false, "'s.b'", "value buffer of 1 bytes"},
    {BATCH_BUFFERS, 14, BUFFER_LENGTH, 19, false, "'f.e'", "value buffer of 19 bytes"},
};

static void open_ten_rows(struct wire_sample *sample) {
  kit_array_options options = kit_array_defaults(42, 10);
  options.null_rate = 0.4;
  wire_sample_open(sample, fields, &options);
}

static void each_wrong_number(void) {
  struct wire_sample sample;
  struct ArrowArray array = {.length = 77};
  open_ten_rows(&sample);
  dropped = 0;
  for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
    const struct damage *damage = &damages[i];
    uint8_t *at = number_at(&sample, damage->slot, damage->index, damage->member);
    int64_t before = load_i64(at);
    store_u64(at, (uint64_t)(damage->relative ? before + damage->value : damage->value));
    bool good = CHECK_ERROR(decode(&sample, DECODE_FULL, &array), RESPOOL_CORRUPT, damage->field);
    good = CHECK_HAS(kit_last_error()->message, damage->reason) && good;
    if (!good) kit_note("case %d", (int)i);
    store_u64(at, (uint64_t)before);
  }
  CHECK_EQ(dropped, 0); /* the owner is taken on success only */
  CHECK_EQ(array.length, 77);
  REQUIRE_OK(decode(&sample, DECODE_FULL, &array));
  array.release(&array);
  wire_sample_close(&sample);
}

/* A few bytes of metadata may not name the whole body again and again. */
static void buffers_that_overlap(void) {
  struct wire_sample sample;
  struct ArrowArray array;
  open_ten_rows(&sample);
  store_u64(number_at(&sample, BATCH_BUFFERS, 1, BUFFER_LENGTH), (uint64_t)sample.body_size);
  store_u64(number_at(&sample, BATCH_BUFFERS, 1, BUFFER_OFFSET), 0);
  for (int trust = DECODE_OWN; trust <= DECODE_FULL; trust++) {
    CHECK_ERROR(decode(&sample, (enum decode_trust)trust, &array), RESPOOL_CORRUPT, "overlap");
  }
  wire_sample_close(&sample);
}

/* Offsets in the body: the ends are always checked, those between in full checks. */
static void wrong_offsets(void) {
  struct wire_sample sample;
  struct ArrowArray array;
  open_ten_rows(&sample);
  static const int buffers[] = {3, 6};
  for (int b = 0; b < 2; b++) {
    uint8_t *offsets = sample.body + load_i64(number_at(&sample, BATCH_BUFFERS, buffers[b], BUFFER_OFFSET));
    const char *field = b == 0 ? "'t'" : "'l'";
    for (int i = 0; i <= 10; i++) {
      uint32_t before = load_u32(offsets + 4 * i);
      static const uint32_t values[] = {0xffffffff, 0x7fffffff, 0x80000000, 100000};
      for (int v = 0; v < 4; v++) {
        store_u32(offsets + 4 * i, values[v]);
        CHECK_ERROR(decode(&sample, DECODE_FULL, &array), RESPOOL_CORRUPT, field);
        bool at_an_end = i == 0 || i == 10;
        respool_status status = decode(&sample, DECODE_STRUCTURE, &array);
        CHECK_EQ(status, at_an_end ? RESPOOL_CORRUPT : RESPOOL_OK);
        if (status == RESPOOL_OK) array.release(&array);
      }
      store_u32(offsets + 4 * i, before);
    }
  }
  wire_sample_close(&sample);
}

static void numbers_of_the_batch(void) {
  struct wire_sample sample;
  struct ArrowArray array;
  open_ten_rows(&sample);
  struct ipc_message message;
  REQUIRE_OK(ipc_parse_message(sample.metadata, sample.metadata_size, &message, kit_error()));
  static const int64_t rows[] = {-1, 9, 11, INT64_MAX, INT64_MIN};
  size_t at = 0; /* where the ten stands in the table */
  while (load_i64(sample.metadata + at) != 10) at += 8;
  for (int i = 0; i < 5; i++) {
    store_u64(sample.metadata + at, (uint64_t)rows[i]);
    CHECK_ERROR(decode(&sample, DECODE_FULL, &array), RESPOOL_CORRUPT, "rows");
  }
  wire_sample_close(&sample);
}

/* A schema with another number of nodes or buffers. */
static void another_schema(void) {
  static const char *const others[] = {"{i:int32}", "{i:int32,t:utf8,l:list<item:int16>,s:struct<b:bool>,n:null}",
                                       "{}"};
  for (int i = 0; i < 3; i++) {
    struct wire_sample sample;
    struct ArrowArray array;
    open_ten_rows(&sample);
    layout_close(sample.layout);
    sample.layout = wire_layout_of(others[i]);
    CHECK_ERROR(decode(&sample, DECODE_FULL, &array), RESPOOL_CORRUPT, "nodes");
    wire_sample_close(&sample);
  }
}

/* ---- What is unusual but right --------------------------------------------------------------------- */

/* Null counts that were left open are made from the bits. */
static void open_null_counts(void) {
  struct wire_sample sample;
  struct ArrowArray array;
  open_ten_rows(&sample);
  for (int i = 0; i < 9; i++) store_u64(number_at(&sample, BATCH_NODES, i, NODE_NULLS), (uint64_t)-1);
  for (int trust = DECODE_STRUCTURE; trust <= DECODE_FULL; trust++) {
    REQUIRE_OK(decode(&sample, (enum decode_trust)trust, &array));
    CHECK_WELL_FORMED(&sample.schema, &array, KIT_TOP | KIT_EXACT, 8);
    CHECK_SAME(&sample.schema, &sample.array, &array);
    array.release(&array);
  }
  wire_sample_close(&sample);
}

/* Without rows a writer may leave the one offset out. */
static void offsets_left_out(void) {
  struct wire_sample sample;
  struct ArrowArray array;
  kit_array_options options = kit_array_defaults(1, 0);
  wire_sample_open(&sample, "{t:utf8,L:large_list<i:int8>}", &options);
  store_u64(number_at(&sample, BATCH_BUFFERS, 1, BUFFER_LENGTH), 0);
  store_u64(number_at(&sample, BATCH_BUFFERS, 4, BUFFER_LENGTH), 0);
  REQUIRE_OK(decode(&sample, DECODE_FULL, &array));
  CHECK_WELL_FORMED(&sample.schema, &array, KIT_TOP | KIT_EXACT, 8);
  array.release(&array);
  wire_sample_close(&sample);
}

/* ---- Damage anywhere ------------------------------------------------------------------------------- */

/* Decode; whatever comes out of a full check can be read whole: every value of it is compared with itself. */
static bool survives(struct wire_sample *sample) {
  struct ArrowArray array;
  char where[700];
  for (int trust = DECODE_STRUCTURE; trust <= DECODE_FULL; trust++) {
    respool_status status = decode(sample, (enum decode_trust)trust, &array);
    CHECK(status == RESPOOL_OK || status == RESPOOL_CORRUPT || status == RESPOOL_UNSUPPORTED);
    if (status != RESPOOL_OK) continue;
    bool whole =
        trust != DECODE_FULL || array.length > 100000 || kit_equal(&sample->schema, &array, &array, where, 700);
    CHECK(whole);
    array.release(&array);
    if (trust == DECODE_FULL) return true;
  }
  return false;
}

static void every_byte_of_the_metadata(void) {
  static const uint8_t masks[] = {0x01, 0x04, 0x10, 0x40, 0x80, 0xff, 0x7f};
  struct wire_sample sample;
  int64_t refused = 0;
  open_ten_rows(&sample);
  for (int64_t i = 0; i < sample.metadata_size; i++)
    for (size_t m = 0; m < sizeof masks; m++) {
      sample.metadata[i] ^= masks[m];
      refused += !survives(&sample);
      sample.metadata[i] ^= masks[m];
    }
  CHECK_LE(sample.metadata_size * 2, refused);
  CHECK(survives(&sample));
  wire_sample_close(&sample);
}

static void every_byte_of_the_body(void) {
  static const uint8_t masks[] = {0x01, 0x10, 0x80, 0xff};
  struct wire_sample sample;
  int64_t refused = 0;
  open_ten_rows(&sample);
  for (int64_t i = 0; i < sample.body_size; i++)
    for (size_t m = 0; m < sizeof masks; m++) {
      sample.body[i] ^= masks[m];
      refused += !survives(&sample);
      sample.body[i] ^= masks[m];
    }
  CHECK_LE(50, refused);
  CHECK(survives(&sample));
  wire_sample_close(&sample);
}

static void random_damage(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int64_t rounds = kit_slow() ? 3000 : 30000, refused = 0;
  struct wire_sample sample;
  open_ten_rows(&sample);
  uint8_t *metadata = wire_exact(sample.metadata, (size_t)sample.metadata_size);
  for (int64_t i = 0; i < rounds; i++) {
    for (int64_t changes = kit_random_between(&random, 1, 4); changes > 0; changes--) {
      int64_t at = kit_random_below(&random, sample.metadata_size / 8) * 8;
      store_u64(sample.metadata + at, (uint64_t)kit_random_between(&random, -80, 400));
    }
    refused += !survives(&sample);
    memcpy(sample.metadata, metadata, (size_t)sample.metadata_size);
  }
  CHECK_LE(rounds / 4, refused);
  free(metadata);
  wire_sample_close(&sample);
}

static bool refuse(void) {
  return true;
}

static void no_memory(void) {
  struct wire_sample sample;
  struct ArrowArray array = {.length = 77};
  open_ten_rows(&sample);
  dropped = 0;
  mem_fault = refuse;
  CHECK_STATUS(decode(&sample, DECODE_FULL, &array), RESPOOL_NO_MEMORY);
  mem_fault = NULL;
  CHECK(dropped == 0 && array.length == 77);
  wire_sample_close(&sample);
}

static const kit_test tests[] = {
    KIT_TEST(random_batches),
    KIT_TEST(no_rows_and_no_columns),
    KIT_TEST(each_wrong_number),
    KIT_TEST(buffers_that_overlap),
    KIT_TEST(wrong_offsets),
    KIT_TEST(numbers_of_the_batch),
    KIT_TEST(another_schema),
    KIT_TEST(open_null_counts),
    KIT_TEST(offsets_left_out),
    KIT_TEST(every_byte_of_the_metadata),
    KIT_TEST(every_byte_of_the_body),
    KIT_TEST(random_damage),
    KIT_TEST(no_memory),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
