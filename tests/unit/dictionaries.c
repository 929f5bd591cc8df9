/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipc/dictionaries and ipc/emitter: which values are in force after a row of dictionary messages, and which messages a
 * row of batches is given.
 */
#include "ipc/dictionaries.h"

#include "ipc/emitter.h"
#include "ipc/schema.h"
#include "os/calls.h"

#include "array_build.h"
#include "array_words.h"
#include "check.h"
#include "compare.h"
#include "schema_build.h"
#include "spool.h"
#include "system.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

/* ---- Messages into values -------------------------------------------------------------------------- */

enum { AT_VTABLE = 44, AT_ID = 56 }; /* in the flatbuffer of a dictionary message: see ipc/batch_metadata.c */

static int dropped;

static void drop(void *body) {
  dropped++;
  free(body);
}

/* Take the values as a message with this id. As a delta: the flag is read from the id's lowest byte, which is not 0. */
static respool_status take(struct dictionaries *dictionaries, int32_t number, int64_t id, bool is_delta,
                           const struct ArrowArray *values) {
  kit_sink sink = {0};
  struct ipc_message message;
  int64_t metadata_size;
  struct ipc_size size = wire_put_values(dictionaries->layout, number, values, &sink);
  uint8_t *metadata = wire_metadata(sink.bytes, &metadata_size);
  uint8_t *body = wire_exact(sink.bytes + size.metadata, (size_t)size.body);
  memcpy(metadata + AT_ID, &id, sizeof id);
  uint8_t delta_vtable[] = {10, 0, 16, 0, 4, 0, 12, 0, 4, 0};
  if (is_delta) { /* it has one entry more: put in the metadata's padding */
    int64_t at = metadata_size - (int64_t)sizeof delta_vtable;
    for (int64_t i = at; i < metadata_size; i++) REQUIRE_EQ(metadata[i], 0);
    memcpy(metadata + at, delta_vtable, sizeof delta_vtable);
    int32_t back = (int32_t)(AT_VTABLE + 8 - at);
    memcpy(metadata + AT_VTABLE + 8, &back, sizeof back);
  }
  REQUIRE_OK(ipc_parse_message(metadata, metadata_size, &message, kit_error()));
  bool seen;
  CHECK_EQ(ipc_message_dictionary(&message, &seen), id);
  REQUIRE_EQ(seen, is_delta);
  respool_status status = dictionaries_take(dictionaries, &message, body, DECODE_FULL, &wire_expander,
                                            (struct tree_owner){drop, body}, kit_error());
  free(metadata);
  kit_sink_free(&sink);
  return status;
}

struct stream {
  struct layout *layout;
  struct dictionaries dictionaries;
};

static respool_status stream_open(struct stream *stream, const char *fields, int64_t *ids, int32_t count) {
  struct ipc_schema_info info = {.ids = ids, .n_dictionaries = count};
  *stream = (struct stream){.layout = wire_layout_of(fields)};
  return dictionaries_open(&stream->dictionaries, stream->layout, &info, kit_error());
}

static void stream_close(struct stream *stream) {
  dictionaries_close(&stream->dictionaries);
  layout_close(stream->layout);
}

/* The values in force are these words. */
static void check_words(struct stream *stream, int32_t number, const char *expected) {
  const struct dictionary_values *values = dictionaries_current(&stream->dictionaries)[number];
  REQUIRE(values != NULL);
  struct ArrowArray column = {.dictionary = (struct ArrowArray *)(uintptr_t)&values->array}, *columns[] = {&column};
  char text[256];
  kit_words_render(&(struct ArrowArray){.n_children = 1, .children = columns}, text, sizeof text);
  CHECK_STR(text, expected);
}

static respool_status take_words(struct stream *stream, int32_t number, int64_t id, bool is_delta, const char *words) {
  struct ArrowArray array;
  kit_words_batch(words, "", &array);
  respool_status status = take(&stream->dictionaries, number, id, is_delta, array.children[0]->dictionary);
  array.release(&array);
  return status;
}

/* An error record is for errors. */
static void no_error_where_there_is_none(void) {
  respool_error error, untouched;
  memset(&error, 0x5a, sizeof error);
  untouched = error;
  struct dictionaries dictionaries = {0};
  struct layout *layout = wire_layout_of(KIT_WORDS_FIELDS);
  struct ipc_schema_info info = {.ids = (int64_t[]){5}, .n_dictionaries = 1};
  CHECK_OK(dictionaries_open(&dictionaries, layout, &info, &error));
  CHECK(memcmp(&error, &untouched, sizeof error) == 0);
  dictionaries_close(&dictionaries);
  layout_close(layout);
}

/* What was in force stays whole for who holds it; bodies are dropped with the last one. */
static void values_replaced_and_grown(void) {
  struct stream stream;
  dropped = 0;
  REQUIRE_OK(stream_open(&stream, KIT_WORDS_FIELDS, (int64_t[]){5}, 1));
  CHECK(dictionaries_current(&stream.dictionaries)[0] == NULL);
  CHECK_OK(take_words(&stream, 0, 5, true, "a b")); /* a delta to nothing is all */
  check_words(&stream, 0, "a b");
  CHECK_OK(take_words(&stream, 0, 5, true, "c"));
  check_words(&stream, 0, "a b c");
  CHECK_OK(take_words(&stream, 0, 5, true, ""));
  check_words(&stream, 0, "a b c");
  CHECK_EQ(dropped, 3); /* what was joined is in memory of its own */
  struct dictionary_values *held = dictionaries_current(&stream.dictionaries)[0];
  dictionary_values_retain(held);
  CHECK_OK(take_words(&stream, 0, 5, false, "d"));
  check_words(&stream, 0, "d");
  CHECK_EQ(held->array.length, 3);
  dictionary_values_release(held);
  CHECK_EQ(dropped, 3);
  stream_close(&stream);
  CHECK_EQ(dropped, 4);
}

static void fields_that_share_one(void) {
  static const char two[] = "{a:dictionary(i)<:utf8>,b:dictionary(C)<:utf8>,c:dictionary(i)<:utf8>}";
  struct stream stream;
  REQUIRE_OK(stream_open(&stream, two, (int64_t[]){7, -1, 7}, 3));
  CHECK_OK(take_words(&stream, 0, 7, false, "a b"));
  check_words(&stream, 0, "a b");
  check_words(&stream, 2, "a b");
  CHECK(dictionaries_current(&stream.dictionaries)[0] == dictionaries_current(&stream.dictionaries)[2]);
  CHECK(dictionaries_current(&stream.dictionaries)[1] == NULL);
  CHECK_OK(take_words(&stream, 0, 7, true, "c"));
  check_words(&stream, 2, "a b c");
  CHECK_OK(take_words(&stream, 1, -1, false, "x"));
  check_words(&stream, 1, "x");
  stream_close(&stream);
}

static void ids_of_different_types(void) {
  static const char *const texts[] = {
      "{a:dictionary(i)<:utf8>,b:dictionary(i)<:large_utf8>}",
      "{a:dictionary(i)<:list<x:int8>>,b:dictionary(i)<:list<x:int16>>}",
      "{a:dictionary(i)<:sparse_union(1)<x:int8>>,b:dictionary(i)<:sparse_union(2)<x:int8>>}",
  };
  for (int i = 0; i < 3; i++) {
    struct stream stream;
    CHECK_ERROR(stream_open(&stream, texts[i], (int64_t[]){3, 3}, 2), RESPOOL_CORRUPT, "id 3");
    stream_close(&stream);
  }
}

/* The body is dropped on failure too. */
static void an_unknown_id(void) {
  struct stream stream;
  REQUIRE_OK(stream_open(&stream, KIT_WORDS_FIELDS, (int64_t[]){5}, 1));
  dropped = 0;
  CHECK_ERROR(take_words(&stream, 0, 6, false, "a"), RESPOOL_CORRUPT, "id 6");
  CHECK_ERROR(take_words(&stream, 0, INT64_MIN, false, "a"), RESPOOL_CORRUPT, "which no field of the schema has");
  CHECK_EQ(dropped, 2);
  stream_close(&stream);
}

/* ---- Batches into messages ------------------------------------------------------------------------- */

/* A stream that keeps the last message of each dictionary, and the order in letters. */
enum { MOST = 8, LETTERS = 256 };

struct output {
  struct ipc_encoder *encoder;
  struct emitter *emitter;
  kit_sink last[MOST];
  char letters[LETTERS];
  int compared;
};

static respool_status has(void *context, int32_t dictionary, const struct ipc_size *size, bool *same,
                          respool_error *error) {
  (void)error;
  struct output *output = context;
  const kit_sink *last = &output->last[dictionary];
  output->compared++;
  *same = last->size == (size_t)(size->metadata + size->body) && emitter_equals(output->emitter, last->bytes);
  return RESPOOL_OK;
}

static respool_status emit(void *context, int32_t dictionary, const struct ipc_size *size, int64_t rows,
                           respool_error *error) {
  (void)rows;
  struct output *output = context;
  kit_sink *last = &output->last[dictionary];
  kit_sink_free(last);
  *last = (kit_sink){0};
  struct gather *gather = gather_open();
  gather_reset(gather, wire_take, last);
  respool_status status = ipc_encoder_put(output->encoder, gather, error);
  if (status == RESPOOL_OK) status = gather_flush(gather, error);
  gather_close(gather);
  CHECK_EQ(last->size, size->metadata + size->body);
  output->letters[strlen(output->letters)] = (char)('0' + dictionary);
  return status;
}

static void prepare(struct output *output, const struct ArrowArray *batch) {
  struct emitter_stream stream = {.context = output, .has = has, .emit = emit};
  size_t before = strlen(output->letters);
  bool any;
  CHECK_OK(emitter_prepare(output->emitter, batch, &stream, &any, kit_error()));
  CHECK_EQ(any, strlen(output->letters) > before);
  strcat(output->letters, "B");
}

static void output_open(struct output *output, const struct layout *layout) {
  *output = (struct output){.compared = 0};
  REQUIRE_OK(ipc_encoder_open(layout, &output->encoder, kit_error()));
  REQUIRE_OK(emitter_open(layout, output->encoder, &output->emitter, kit_error()));
}

static void output_close(struct output *output) {
  emitter_close(output->emitter);
  ipc_encoder_close(output->encoder);
  for (int i = 0; i < MOST; i++) kit_sink_free(&output->last[i]);
}

/* Inner ones first; the same memory is not compared while the batch before is held. */
static void inner_ones_first(void) {
  struct ArrowSchema schema;
  struct ArrowArray batch;
  struct output output;
  kit_schema_parse("{a:dictionary(i)<:list<x:dictionary(c)<:struct<y:dictionary(c)<:utf8>>>>>,b:dictionary(c)<:int8>}",
                   &schema);
  struct layout *layout = wire_layout(&schema);
  kit_array_options options = kit_array_defaults(5, 6);
  kit_array_random(&schema, &options, &batch);
  output_open(&output, layout);
  prepare(&output, &batch);
  CHECK_STR(output.letters, "3210B");
  int compared = output.compared;
  prepare(&output, &batch);
  CHECK_EQ(output.compared, compared);
  emitter_forget(output.emitter);
  prepare(&output, &batch);
  CHECK_EQ(output.compared, compared + 4);
  CHECK_STR(output.letters, "3210BBB");
  output_close(&output);
  batch.release(&batch);
  layout_close(layout);
  schema.release(&schema);
}

/* Content decides, and the batch before need not be the one that had it. */
static void content_decides(void) {
  static const char *const words[] = {"a b", "a b", "a c", "a b", "a b", "ab ", "a"};
  struct layout *layout = wire_layout_of(KIT_WORDS_FIELDS);
  struct output output;
  output_open(&output, layout);
  for (int i = 0; i < 7; i++) {
    struct ArrowArray batch;
    kit_words_batch(words[i], "0", &batch);
    prepare(&output, &batch);
    emitter_forget(output.emitter);
    batch.release(&batch);
  }
  CHECK_STR(output.letters, "0BB0B0BB0B0B");
  output_close(&output);
  layout_close(layout);
}

static int writes;

static ssize_t counted_write(int fd, const struct iovec *vector, int count, off_t offset) {
  writes++;
  return os_calls_real.pwritev(fd, vector, count, offset);
}

/*
 * A run whose batches bring copies of one dictionary is not cut up by comparing them with what it has written itself.
 */
static void copies_are_written_together(void) {
  kit_spool s;
  const char *directory = kit_scratch();
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, directory);
  kit_spool_open(&s, KIT_WORDS_FIELDS, &options);
  for (int i = 0; i < 50; i++) {
    struct ArrowArray array;
    kit_words_batch("a b", "01", &array);
    kit_append(s.writer, &array);
  }
  writes = 0;
  os_calls.pwritev = counted_write;
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  os_calls = os_calls_real;
  CHECK_EQ(kit_stats(s.spool).batches_stored, 50);
  CHECK_LE(1, writes);
  CHECK_LE(writes, 4);
  kit_spool_close(&s);
  kit_scratch_remove(directory);
}

/* The parts of a layout: nodes and buffers of each message, and which dictionary lies in which. */
static void parts_of_a_layout(void) {
  struct layout *layout = wire_layout_of("{n:int8,a:dictionary(i)<:list<x:dictionary(C)<:utf8_view>>>,"
                                         "b:struct<c:dictionary(l)<:bool>,d:utf8_view>}");
  REQUIRE_EQ(layout->n_dictionaries, 3);
  static const struct layout_part expected[] = {
      {.root = 0, .outer = LAYOUT_BATCH, .n_nodes = 5, .n_buffers = 9, .n_views = 1},
      {.root = 3, .outer = LAYOUT_BATCH, .n_nodes = 2, .n_buffers = 4},
      {.root = 5, .outer = 0, .n_nodes = 1, .n_buffers = 2, .n_views = 1},
      {.root = 8, .outer = LAYOUT_BATCH, .n_nodes = 1, .n_buffers = 2},
  };
  for (int32_t i = LAYOUT_BATCH; i < 3; i++) {
    const struct layout_part *part = layout_part(layout, i), *wanted = &expected[i + 1];
    CHECK_EQ(part->root, wanted->root);
    CHECK_EQ(part->outer, wanted->outer);
    CHECK_EQ(part->n_nodes, wanted->n_nodes);
    CHECK_EQ(part->n_buffers, wanted->n_buffers);
    CHECK_EQ(part->n_views, wanted->n_views);
  }
  CHECK(layout_is_inside(layout, 1, 0) && !layout_is_inside(layout, 2, 0) && !layout_is_inside(layout, 2, 1));
  CHECK_EQ(layout_next(layout, 2), 6); /* from the indices of a to b */
  CHECK_EQ(layout->nodes[2].dictionary, 0);
  CHECK(layout->nodes[2].is_signed && !layout->nodes[4].is_signed);
  layout_close(layout);
}

static const kit_test tests[] = {
    KIT_TEST(no_error_where_there_is_none),
    KIT_TEST(values_replaced_and_grown),
    KIT_TEST(fields_that_share_one),
    KIT_TEST(ids_of_different_types),
    KIT_TEST(an_unknown_id),
    KIT_TEST(inner_ones_first),
    KIT_TEST(content_decides),
    KIT_TEST(copies_are_written_together),
    KIT_TEST(parts_of_a_layout),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
