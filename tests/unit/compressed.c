/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed bodies, through ipc/press and ipc/expand as encoding and decoding use them: what was encoded comes back,
 * in aligned memory of its own, and encodes to the same bytes; what a body claims to expand to is bounded before
 * memory is taken; every wrong number is refused under its field's name.
 */
#include "ipc/decode.h"

#include "ipc/format.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include "array_build.h"
#include "check.h"
#include "compare.h"
#include "schema_build.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

enum { DICTIONARIES = 64 };

struct sample {
  struct ArrowSchema schema;
  struct ArrowArray array;
  struct layout *layout;
  int32_t compression;
  int32_t level;
  uint8_t *metadata;
  int64_t metadata_size;
  uint8_t *body;
  int64_t body_size;
  struct dictionary_values *values[DICTIONARIES];
};

static void need_both(void) {
  for (int32_t c = RESPOOL_COMPRESSION_LZ4; c <= RESPOOL_COMPRESSION_ZSTD; c++)
    if (!respool_compression_available(c)) kit_skip("this build lacks a codec");
}

/* A dictionary's values, compressed and unpacked again; its body is gone then. */
static struct dictionary_values *recode_values(const struct sample *sample, int32_t dictionary,
                                               const struct ArrowArray *array) {
  kit_sink sink = {0};
  struct dictionary_values *values = NULL;
  struct ipc_message message;
  int64_t metadata_size;
  struct ipc_size size =
      wire_put_compressed(sample->layout, dictionary, array, sample->compression, sample->level, &sink);
  uint8_t *metadata = wire_metadata(sink.bytes, &metadata_size);
  uint8_t *body = wire_exact(sink.bytes + size.metadata, (size_t)size.body);
  REQUIRE_OK(ipc_parse_message(metadata, metadata_size, &message, kit_error()));
  struct tree_owner owner = {free, body};
  REQUIRE_OK(ipc_decode_values(sample->layout, dictionary, &message, body, DECODE_FULL, &wire_expander, owner, &values,
                               kit_error()));
  free(metadata);
  kit_sink_free(&sink);
  return values;
}

static void recode_dictionaries(struct sample *sample) {
  const struct ArrowArray *found[DICTIONARIES] = {NULL};
  memset(sample->values, 0, sizeof sample->values);
  REQUIRE(sample->layout->n_dictionaries <= DICTIONARIES);
  layout_find_values(sample->layout, &sample->array, found);
  for (int32_t i = 0; i < sample->layout->n_dictionaries; i++) sample->values[i] = recode_values(sample, i, found[i]);
}

/* Takes the array. */
static void sample_from(struct sample *sample, const char *text, struct ArrowArray *array, int32_t compression,
                        int32_t level) {
  kit_sink sink = {0};
  kit_schema_parse(text, &sample->schema);
  sample->array = *array;
  sample->layout = wire_layout(&sample->schema);
  sample->compression = compression;
  sample->level = level;
  struct ipc_size size = wire_put_compressed(sample->layout, LAYOUT_BATCH, array, compression, level, &sink);
  CHECK_EQ(size.metadata % 64, 0);
  CHECK_EQ(size.body % 64, 0);
  sample->metadata = wire_metadata(sink.bytes, &sample->metadata_size);
  sample->body = wire_exact(sink.bytes + size.metadata, (size_t)size.body);
  sample->body_size = size.body;
  kit_sink_free(&sink);
  recode_dictionaries(sample);
}

static void sample_close(struct sample *sample) {
  free(sample->metadata);
  free(sample->body);
  for (int32_t i = 0; i < sample->layout->n_dictionaries; i++) dictionary_values_release(sample->values[i]);
  layout_close(sample->layout);
  sample->array.release(&sample->array);
  sample->schema.release(&sample->schema);
}

/* ---- Decoding with memory that is counted ------------------------------------------------------------- */

static int64_t taken; /* bytes asked for last */
static int held;      /* blocks taken and not dropped */
static int dropped;   /* of the body */
static bool refuses;

static void give_back(void *memory) {
  held--;
  mem_free(memory);
}

static respool_status take(void *context, int64_t size, uint8_t **bytes, struct tree_owner *owner,
                           respool_error *error) {
  (void)context;
  taken = size;
  if (refuses) return error_no_memory(error);
  *bytes = mem_alloc_aligned((size_t)size);
  if (*bytes == NULL) return error_no_memory(error);
  *owner = (struct tree_owner){give_back, *bytes};
  held++;
  return RESPOOL_OK;
}

static void count_drop(void *object) {
  (void)object;
  dropped++;
}

static respool_status decode_with(const struct sample *sample, enum decode_trust trust, int64_t most, int64_t ratio,
                                  struct ArrowArray *array) {
  struct ipc_message message;
  struct expander expander = {.take = take, .most_bytes = most, .most_ratio = ratio};
  struct tree_owner owner = {count_drop, &dropped};
  dropped = 0;
  taken = 0;
  REQUIRE_OK(ipc_parse_message(sample->metadata, sample->metadata_size, &message, kit_error()));
  respool_status status = ipc_decode_batch(sample->layout, &message, sample->body, trust, &expander, owner,
                                           sample->values, array, kit_error());
  expander_close(&expander);
  if (status != RESPOOL_OK) {
    CHECK_EQ(dropped, 0); /* the body is still the caller's */
    CHECK_EQ(held, 0);
  }
  return status;
}

static respool_status decode(const struct sample *sample, struct ArrowArray *array) {
  return decode_with(sample, DECODE_FULL, INT64_MAX, INT64_MAX, array);
}

/* Expected to fail. */
static respool_status attempt(const struct sample *sample) {
  struct ArrowArray array;
  respool_status status = decode(sample, &array);
  if (status == RESPOOL_OK) array.release(&array);
  return status;
}

/* ---- There and back -------------------------------------------------------------------------------- */

/* Invariant 12. */
static void check_again(const struct sample *sample, const struct ArrowArray *array) {
  kit_sink sink = {0};
  struct ipc_size size =
      wire_put_compressed(sample->layout, LAYOUT_BATCH, array, sample->compression, sample->level, &sink);
  CHECK_BYTES(sink.bytes + size.metadata, sink.size - (size_t)size.metadata, sample->body, (size_t)sample->body_size);
  CHECK_EQ(memcmp(sink.bytes + IPC_PREFIX, sample->metadata, (size_t)sample->metadata_size), 0);
  kit_sink_free(&sink);
}

static void check_round_trip(const char *text, const kit_array_options *options, int32_t compression, int32_t level) {
  struct sample sample;
  struct ArrowArray array;
  kit_schema_parse(text, &sample.schema);
  kit_array_random(&sample.schema, options, &array);
  sample.schema.release(&sample.schema);
  sample_from(&sample, text, &array, compression, level);
  for (int trust = DECODE_OWN; trust <= DECODE_FULL; trust++) {
    if (!CHECK_OK(decode_with(&sample, (enum decode_trust)trust, INT64_MAX, INT64_MAX, &array))) continue;
    CHECK_SAME(&sample.schema, &sample.array, &array);
    CHECK_WELL_FORMED(&sample.schema, &array, KIT_TOP | KIT_EXACT, 64);
    CHECK_EQ(dropped, 1); /* nothing of the body is needed any more */
    CHECK_EQ(held, taken > 0);
    if (trust == DECODE_FULL) check_again(&sample, &array);
    array.release(&array);
    CHECK_EQ(held, 0);
  }
  if (kit_failures() > 0) kit_note("%s, compression %d, level %d", text, compression, level);
  sample_close(&sample);
}

static void random_batches(void) {
  need_both();
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 40 : 400;
  for (int round = 0; round < rounds && kit_failures() == 0; round++) {
    char *text = kit_schema_random_text(&random, 6, 4);
    kit_array_options options = kit_array_defaults(kit_random_next(&random), kit_random_below(&random, 200));
    options.sliced = options.unknown_nulls = round % 2 == 0;
    options.null_rate = round % 3 == 0 ? 0.3 : 0;
    check_round_trip(text, &options, 1 + round % 2, round % 5 == 0 ? 5 : 0);
    free(text);
  }
}

static void no_rows_and_no_columns(void) {
  need_both();
  for (int32_t compression = 1; compression <= 2; compression++) {
    kit_array_options options = kit_array_defaults(1, 0);
    check_round_trip("{a:int32,t:utf8,l:list<i:bool>,n:null,f:fixed_list(2)<e:int8>}", &options, compression, 0);
    check_round_trip("{}", &options, compression, 0);
    options.length = 1000;
    check_round_trip("{}", &options, compression, 0);
  }
}

/* What shrinks is there in a frame, what does not as it is; both aligned once they are decoded. */
static void what_does_not_shrink_goes_as_it_is(void) {
  need_both();
  for (int32_t compression = 1; compression <= 2; compression++) {
    struct sample sample;
    struct ArrowArray array;
    kit_batch_filled(4000, 7, &array);
    sample_from(&sample, "{x:int32}", &array, compression, 0);
    CHECK_LE(sample.body_size, 4200);
    CHECK_EQ(load_i64(sample.body), compression == 2 ? 4000 : -1); /* a series: LZ4 finds no repetition in it */
    sample_close(&sample);
    static int32_t zeros[1000];
    kit_batch_int32(zeros, 1000, &array);
    sample_from(&sample, "{x:int32}", &array, compression, 0);
    CHECK_EQ(load_i64(sample.body), 4000);
    CHECK_EQ(sample.body_size, 64);
    sample_close(&sample);
  }
}

/* ---- One encoder for many batches ------------------------------------------------------------------ */

/* Frames of several batches wait in the gather: none is overwritten before it is drained. */
static void one_after_the_other(void) {
  enum { BATCHES = 40 };
  need_both();
  for (int32_t compression = 1; compression <= 2; compression++) {
    struct ArrowSchema schema;
    struct ArrowArray arrays[BATCHES];
    kit_sink together = {0}, alone = {0};
    struct gather *gather = gather_open();
    struct ipc_encoder *encoder = NULL;
    kit_schema_parse("{a:int64,b:utf8,c:bool,d:list<i:int16>}", &schema);
    struct layout *layout = wire_layout(&schema);
    REQUIRE_OK(ipc_encoder_open(layout, &encoder, kit_error()));
    ipc_encoder_compress(encoder, compression, 0);
    gather_reset(gather, wire_take, &together);
    for (int i = 0; i < BATCHES; i++) {
      kit_array_options options = kit_array_defaults(kit_seed() + (uint64_t)i, i % 9 == 8 ? 30000 : i * 397);
      struct ipc_size size;
      options.list_max = 20;
      options.sliced = true;
      kit_array_random(&schema, &options, &arrays[i]);
      wire_put_compressed(layout, LAYOUT_BATCH, &arrays[i], compression, 0, &alone);
      CHECK_OK(ipc_encode_batch(encoder, &arrays[i], gather, &size, kit_error()));
      CHECK_EQ(gather->total, alone.size);
      if (i % 11 == 10) CHECK_OK(gather_flush(gather, kit_error()));
    }
    CHECK_OK(gather_flush(gather, kit_error()));
    CHECK_BYTES(together.bytes, together.size, alone.bytes, alone.size);
    for (int i = 0; i < BATCHES; i++) arrays[i].release(&arrays[i]);
    ipc_encoder_close(encoder);
    gather_close(gather);
    layout_close(layout);
    schema.release(&schema);
    kit_sink_free(&together);
    kit_sink_free(&alone);
  }
}

/* Memory fails at each place in turn; the batch goes in whole afterwards. */
static int asked, granted;

static bool after_some(void) {
  return asked++ >= granted;
}

static void encoding_without_memory(void) {
  need_both();
  struct ArrowSchema schema;
  struct ArrowArray array;
  kit_sink sink = {0}, expected = {0};
  kit_schema_parse("{a:int64,b:utf8,c:bool}", &schema);
  kit_array_options options = kit_array_defaults(kit_seed(), 3000);
  options.sliced = true;
  kit_array_random(&schema, &options, &array);
  struct layout *layout = wire_layout(&schema);
  for (int32_t compression = 1; compression <= 2; compression++) {
    int points = 0;
    expected.size = 0;
    wire_put_compressed(layout, LAYOUT_BATCH, &array, compression, 9, &expected);
    for (granted = 0;; granted++) {
      struct ipc_encoder *encoder = NULL;
      struct gather *gather = gather_open();
      struct ipc_size size;
      REQUIRE_OK(ipc_encoder_open(layout, &encoder, kit_error()));
      ipc_encoder_compress(encoder, compression, 9);
      sink.size = 0;
      gather_reset(gather, wire_take, &sink);
      asked = 0;
      mem_fault = after_some;
      respool_status status = ipc_encode_batch(encoder, &array, gather, &size, kit_error());
      mem_fault = NULL;
      if (status != RESPOOL_OK) {
        points++;
        CHECK_EQ(status, RESPOOL_NO_MEMORY);
        sink.size = 0;
        gather_reset(gather, wire_take, &sink);
        CHECK_OK(ipc_encode_batch(encoder, &array, gather, &size, kit_error()));
      }
      CHECK_OK(gather_flush(gather, kit_error()));
      CHECK_BYTES(sink.bytes, sink.size, expected.bytes, expected.size);
      ipc_encoder_close(encoder);
      gather_close(gather);
      if (status == RESPOOL_OK || kit_failures() > 0) break;
    }
    CHECK_LE(5, points);
  }
  array.release(&array);
  layout_close(layout);
  schema.release(&schema);
  kit_sink_free(&sink);
  kit_sink_free(&expected);
}

/* ---- Hostile bodies -------------------------------------------------------------------------------- */

enum { ROWS = 2000, BYTES = ROWS * 4, PADDED = BYTES }; /* PADDED: up to 64; BYTES is a multiple of it */

/*
 * A column of `distinct` values again and again: validity is empty, the values are one frame at the start of the
 * body.
 */
static void repeated(struct sample *sample, int32_t compression) {
  int32_t values[ROWS];
  struct ArrowArray array;
  for (int i = 0; i < ROWS; i++) values[i] = i % 7;
  kit_batch_int32(values, ROWS, &array);
  sample_from(sample, "{x:int32}", &array, compression, 0);
  REQUIRE_EQ(load_i64(sample->body), BYTES);
}

static void wrong_lengths(void) {
  static const int64_t lengths[] = {
      -2, -3, INT64_MIN, 0, 1, BYTES - 1, BYTES + 1, BYTES + 8, BYTES * 2, (int64_t)1 << 40, INT64_MAX, INT64_MAX / 2};
  need_both();
  for (int32_t compression = 1; compression <= 2; compression++) {
    struct sample sample;
    repeated(&sample, compression);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
      store_u64(sample.body, (uint64_t)lengths[i]);
      CHECK_ERROR(attempt(&sample), RESPOOL_CORRUPT, "field 'x': value buffer: ");
      CHECK_LE(taken, (int64_t)64 << 20);
    }
    store_u64(sample.body, UINT64_MAX); /* as it is: then there are too few of them */
    CHECK_ERROR(attempt(&sample), RESPOOL_CORRUPT, "too small for 2000 values");
    store_u64(sample.body, BYTES);
    CHECK_OK(attempt(&sample));
    sample_close(&sample);
  }
}

/* What the metadata says of a buffer: where the entry of the only column's values lies. */
static uint8_t *value_entry(const struct sample *sample) {
  struct ipc_message message;
  REQUIRE_OK(ipc_parse_message(sample->metadata, sample->metadata_size, &message, kit_error()));
  struct flatbuf_vector buffers = flatbuf_list(&message.header, BATCH_BUFFERS, BUFFER_BYTES);
  REQUIRE_EQ(buffers.count, 2);
  return sample->metadata + buffers.at + BUFFER_BYTES;
}

static void wrong_extents(void) {
  need_both();
  for (int32_t compression = 1; compression <= 2; compression++) {
    struct sample sample;
    repeated(&sample, compression);
    uint8_t *entry = value_entry(&sample);
    int64_t size = load_i64(entry + 8);
    for (int64_t cut = 1; cut < size; cut++) {
      store_u64(entry + 8, (uint64_t)cut);
      CHECK_ERROR(attempt(&sample), RESPOOL_CORRUPT, cut < 8 ? "too small for a length" : "value buffer: ");
    }
    for (int64_t more = size + 1; more <= sample.body_size; more++) { /* its padding belongs to it then */
      store_u64(entry + 8, (uint64_t)more);
      CHECK_ERROR(attempt(&sample), RESPOOL_CORRUPT, "behind the");
    }
    store_u64(entry + 8, (uint64_t)sample.body_size + 8);
    CHECK_ERROR(attempt(&sample), RESPOOL_CORRUPT, "in a body of");
    store_u64(entry + 8, (uint64_t)size);
    store_u64(entry, 8);
    CHECK_EQ(attempt(&sample), RESPOOL_CORRUPT);
    store_u64(entry, 0);
    CHECK_OK(attempt(&sample));
    sample_close(&sample);
  }
}

/* The smallest limits that let it pass, and one less. */
static void limits(void) {
  need_both();
  for (int32_t compression = 1; compression <= 2; compression++) {
    struct sample sample;
    struct ArrowArray array;
    repeated(&sample, compression);
    CHECK_OK(decode_with(&sample, DECODE_FULL, PADDED, 0, &array));
    CHECK_EQ(taken, PADDED);
    array.release(&array);
    for (int64_t most = 0; most < PADDED; most += 999) {
      CHECK_ERROR(decode_with(&sample, DECODE_OWN, most, INT64_MAX, &array), RESPOOL_CORRUPT, "max_expansion allows");
      CHECK_HAS(kit_last_error()->message, "field 'x': value buffer: 8000 bytes");
      CHECK_LE(taken, most);
    }
    sample_close(&sample);
  }
}

/* Many buffers that are all the same few bytes of the body. */
static void overlapping_buffers(void) {
  enum { COLUMNS = 30 };
  need_both();
  struct ArrowArray array;
  struct sample sample;
  struct ipc_message message;
  char text[COLUMNS * 12] = "{";
  for (int i = 0; i < COLUMNS; i++) strcat(text, i == 0 ? "c:int32!" : ",c:int32!");
  strcat(text, "}");
  kit_schema_parse(text, &sample.schema);
  kit_array_options options = kit_array_defaults(1, ROWS);
  kit_array_random(&sample.schema, &options, &array);
  for (int64_t c = 0; c < COLUMNS; c++) /* writing to it is allowed here: the array is ours */
    memset((void *)(uintptr_t)array.children[c]->buffers[1], 0, ROWS * 4);
  sample.schema.release(&sample.schema);
  sample_from(&sample, text, &array, RESPOOL_COMPRESSION_ZSTD, 0);
  REQUIRE_OK(ipc_parse_message(sample.metadata, sample.metadata_size, &message, kit_error()));
  struct flatbuf_vector buffers = flatbuf_list(&message.header, BATCH_BUFFERS, BUFFER_BYTES);
  for (uint32_t i = 3; i < buffers.count; i += 2) {
    memcpy(sample.metadata + buffers.at + i * BUFFER_BYTES, sample.metadata + buffers.at + BUFFER_BYTES, BUFFER_BYTES);
  }
  CHECK_OK(decode_with(&sample, DECODE_FULL, COLUMNS * PADDED, INT64_MAX, &array));
  array.release(&array);
  CHECK_ERROR(decode_with(&sample, DECODE_FULL, COLUMNS * PADDED - 1, INT64_MAX, &array), RESPOOL_CORRUPT,
              "max_expansion allows");
  sample_close(&sample);
}

/* The ratio asks nothing of what is small. */
static void bombs(void) {
  need_both();
  int64_t rows = 18 << 20; /* 72 MiB */
  kit_shared *shared = kit_shared_from_mapping((size_t)rows * 4);
  struct sample sample;
  struct ArrowArray array;
  kit_batch_shared(shared, 0, rows, &array);
  sample_from(&sample, "{x:int32}", &array, RESPOOL_COMPRESSION_ZSTD, 0);
  CHECK_LE(sample.body_size, rows * 4 / 10000);
  CHECK_ERROR(decode_with(&sample, DECODE_FULL, INT64_MAX, 1024, &array), RESPOOL_CORRUPT,
              "max_expansion_ratio allows");
  CHECK_LE(taken, EXPAND_FREELY);
  CHECK_OK(decode_with(&sample, DECODE_FULL, INT64_MAX, rows * 4 / sample.body_size + 1, &array));
  array.release(&array);
  sample_close(&sample);
  kit_shared_release(shared);
}

static void no_memory_for_it(void) {
  need_both();
  struct sample sample;
  repeated(&sample, RESPOOL_COMPRESSION_LZ4);
  refuses = true;
  CHECK_EQ(attempt(&sample), RESPOOL_NO_MEMORY);
  refuses = false;
  for (granted = 0; granted < 20; granted++) {
    asked = 0;
    mem_fault = after_some;
    respool_status status = attempt(&sample);
    mem_fault = NULL;
    if (status == RESPOOL_OK) break;
    CHECK_EQ(status, RESPOOL_NO_MEMORY);
  }
  CHECK_LE(3, granted); /* the memory, the context, the array */
  CHECK_LE(granted, 19);
  sample_close(&sample);
}

/* Codecs and methods that nobody knows. */
static void unknown_codecs(void) {
  need_both();
  struct sample sample;
  struct ipc_message message;
  repeated(&sample, RESPOOL_COMPRESSION_ZSTD);
  REQUIRE_OK(ipc_parse_message(sample.metadata, sample.metadata_size, &message, kit_error()));
  uint8_t *table = sample.metadata + flatbuf_sub(&message.header, BATCH_COMPRESSION).at;
  REQUIRE_EQ(table[4], CODEC_ZSTD);
  for (int codec = 2; codec < 256; codec++) {
    table[4] = (uint8_t)codec;
    CHECK_ERROR(attempt(&sample), RESPOOL_UNSUPPORTED, "which is unknown");
  }
  table[4] = CODEC_LZ4_FRAME;
  CHECK_EQ(attempt(&sample), RESPOOL_CORRUPT);
  table[4] = CODEC_ZSTD;
  table[5] = 1;
  CHECK_ERROR(attempt(&sample), RESPOOL_UNSUPPORTED, "method 1");
  table[5] = 0;
  CHECK_OK(attempt(&sample));
  sample_close(&sample);
}

/* Whatever byte of the body is changed: an error, or an array that can be read whole. */
static void every_byte_of_the_body_changed(void) {
  need_both();
  for (int32_t compression = 1; compression <= 2; compression++) {
    struct sample sample;
    struct ArrowArray array;
    kit_schema_parse("{a:int64,b:utf8,l:list<i:bool>}", &sample.schema);
    kit_array_options options = kit_array_defaults(kit_seed(), 60);
    kit_array_random(&sample.schema, &options, &array);
    sample.schema.release(&sample.schema);
    sample_from(&sample, "{a:int64,b:utf8,l:list<i:bool>}", &array, compression, 0);
    for (int64_t at = 0; at < sample.body_size; at += kit_slow() ? 7 : 1) {
      for (int bit = 0; bit < 8; bit++) {
        sample.body[at] ^= (uint8_t)(1 << bit);
        respool_status status = decode(&sample, &array);
        CHECK(status == RESPOOL_OK || status == RESPOOL_CORRUPT);
        if (status == RESPOOL_OK) {
          CHECK_WELL_FORMED(&sample.schema, &array, KIT_TOP, 64);
          array.release(&array);
        }
        sample.body[at] ^= (uint8_t)(1 << bit);
      }
    }
    sample_close(&sample);
  }
}

static const kit_test tests[] = {
    KIT_TEST(random_batches),
    KIT_TEST(no_rows_and_no_columns),
    KIT_TEST(what_does_not_shrink_goes_as_it_is),
    KIT_TEST(one_after_the_other),
    KIT_TEST(encoding_without_memory),
    KIT_TEST(wrong_lengths),
    KIT_TEST(wrong_extents),
    KIT_TEST(limits),
    KIT_TEST(overlapping_buffers),
    KIT_TEST(bombs),
    KIT_TEST(no_memory_for_it),
    KIT_TEST(unknown_codecs),
    KIT_TEST(every_byte_of_the_body_changed),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
