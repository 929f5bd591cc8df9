/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adaptive compression. What it chooses depends on the clock, which no test here does: of the first two runs of a spool
 * one is compressed and the other is not, in any case.
 */
#include "array_words.h"
#include "bytes.h"
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 1100, BATCHES = 40, MESSAGES = 256, WORD_ROWS = 20000 };

static void need_one(void) {
  if (!respool_compression_available(RESPOOL_COMPRESSION_ADAPTIVE)) kit_skip("this build lacks both codecs");
}

/* One run for each batch: the chunk is smaller. */
static respool_options adaptive(int32_t mode, const char *place) {
  respool_options options = kit_options(0, mode, place);
  options.compression = RESPOOL_COMPRESSION_ADAPTIVE;
  options.write_chunk = 4096;
  return options;
}

static void repeating(int64_t index, struct ArrowArray *array) {
  int32_t values[ROWS];
  for (int32_t i = 0; i < ROWS; i++) values[i] = i % 5 + (int32_t)index;
  kit_batch_int32(values, ROWS, array);
}

static bool append_repeating(respool_writer *writer, int64_t index) {
  struct ArrowArray array;
  repeating(index, &array);
  return kit_append(writer, &array);
}

static void check_replay(respool *spool, int64_t batches) {
  struct ArrowSchema schema;
  respool_reader *reader = kit_reader(spool);
  kit_schema_parse("{x:int32}", &schema);
  for (int64_t i = 0; i < batches; i++) {
    struct ArrowArray array, expected;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    repeating(i, &expected);
    CHECK_SAME(&schema, &array, &expected);
    array.release(&array);
    expected.release(&expected);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  schema.release(&schema);
}

/* ---- What inspection finds in a file --------------------------------------------------------------- */

typedef struct found {
  int64_t batches, dictionaries;
  int64_t packed_batches, packed_dictionaries;
  bool packed[MESSAGES]; /* of the batches */
} found;

static int note(void *user_data, const respool_ipc_message *message) {
  found *f = user_data;
  if (message->kind == RESPOOL_IPC_DICTIONARY) {
    f->dictionaries++;
    f->packed_dictionaries += message->compressed;
  }
  if (message->kind != RESPOOL_IPC_BATCH || f->batches == MESSAGES) return 0;
  f->packed[f->batches++] = message->compressed != 0;
  f->packed_batches += message->compressed;
  return 0;
}

static found look_into(const char *path) {
  found f = {0};
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK_OK(respool_ipc_inspect_fd(fd, NULL, note, &f, NULL, &summary, kit_error()));
  CHECK_EQ(summary.has_end, 1);
  close(fd);
  return f;
}

/* ---- Tests ----------------------------------------------------------------------------------------- */

/* Each mode and way of reading back. */
static void replay_of_both_forms(void) {
  need_one();
  for (int32_t mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ALL; mode++)
    for (int32_t replay = RESPOOL_REPLAY_AUTO; replay <= RESPOOL_REPLAY_READ; replay++) {
      char path[KIT_PATH];
      const char *directory = kit_scratch();
      kit_spool s;
      kit_join(path, directory, "file");
      respool_options options = adaptive(mode, mode == RESPOOL_MODE_OVERFLOW ? directory : path);
      options.replay = replay;
      kit_spool_open(&s, "{x:int32}", &options);
      for (int64_t i = 0; i < BATCHES; i++) append_repeating(s.writer, i);
      CHECK_OK(respool_writer_finish(s.writer, kit_error()));
      respool_stats stats = kit_stats(s.spool);
      CHECK_EQ(stats.batches_stored, BATCHES);
      CHECK_LE(1, stats.batches_compressed);
      CHECK_LE(stats.batches_compressed, BATCHES - 1);
      check_replay(s.spool, BATCHES);
      if (!kit_slow()) check_replay(s.spool, BATCHES);
      kit_spool_close(&s);
      kit_scratch_remove(directory);
    }
  CHECK_NOTHING_LEFT();
}

/* The forms take turns at first, and one file holds both; statistics and inspection agree. */
static void one_file_of_both_forms(void) {
  need_one();
  char path[KIT_PATH];
  kit_spool s;
  kit_join(path, kit_scratch(), "file");
  respool_options options = adaptive(RESPOOL_MODE_ALL, path);
  kit_spool_open(&s, "{x:int32}", &options);
  for (int64_t i = 0; i < BATCHES; i++) append_repeating(s.writer, i);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  found f = look_into(path);
  CHECK_EQ(f.batches, BATCHES);
  for (int i = 0; i < BATCHES; i++) CHECK_EQ(f.packed[i], i % 2); /* less than would tell them apart */
  CHECK_EQ(f.packed_batches, kit_stats(s.spool).batches_compressed);
  kit_spool_close(&s);
}

/* The file is a stream that is read from outside as it is replayed. */
static void random_batches(void) {
  need_one();
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int i = 0; i < (kit_slow() ? 6 : 60) && kit_failures() == 0; i++) {
    char path[KIT_PATH];
    const char *directory = kit_scratch();
    struct ArrowSchema schema;
    struct ArrowArrayStream stream;
    kit_spool s;
    char *text = kit_schema_random_text(&random, 5, 3);
    kit_schema_parse(text, &schema);
    kit_series series = {&schema, kit_random_next(&random), 100, 400, 0.2, i % 2 == 0, false};
    kit_join(path, directory, "file");
    respool_options options = adaptive(RESPOOL_MODE_ALL, path);
    kit_spool_open_schema(&s, &schema, &options);
    kit_series_append(&series, s.writer, 0, 10);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_series_replay(&series, s.spool, 10, RESPOOL_END);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    REQUIRE_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error()));
    kit_series_check_stream(&series, &stream, 10);
    close(fd);
    kit_spool_close(&s);
    schema.release(&schema);
    kit_scratch_remove(directory);
    if (kit_failures() > 0) kit_note("%s, round %d", text, i);
    free(text);
  }
  CHECK_NOTHING_LEFT();
}

/* ---- Dictionaries ---------------------------------------------------------------------------------- */

static const char *words_of(int64_t index) {
  return index < BATCHES / 2 ? "red green blue red red red red red red red red red red red red red"
                             : "one two three one one one one one one one one one one one one one";
}

/*
 * The dictionary is in memory of its own each time, so that only a look at the file shows that it is the same. The rows
 * compress to so many bytes that these are not copied before they are written.
 */
static void words_batch(int64_t index, struct ArrowArray *array) {
  char rows[WORD_ROWS + 1];
  kit_random random;
  kit_random_init(&random, (uint64_t)index);
  for (int64_t i = 0; i < WORD_ROWS; i++) rows[i] = (char)('0' + kit_random_between(&random, 0, 2));
  rows[WORD_ROWS] = '\0';
  kit_words_batch(words_of(index), rows, array);
}

static void check_words(struct ArrowArrayStream *stream) {
  struct ArrowSchema schema;
  kit_schema_parse(KIT_WORDS_FIELDS, &schema);
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array, expected;
    REQUIRE_EQ(stream->get_next(stream, &array), 0);
    if (!kit_slow() || i % 10 == 9) {
      words_batch(i, &expected);
      CHECK_SAME(&schema, &array, &expected);
      expected.release(&expected);
    }
    array.release(&array);
  }
  stream->release(stream);
  schema.release(&schema);
}

/*
 * A dictionary is written when it has changed, not because the batches took another form; and one found the same
 * leaves the batches that were compressed before it, and are not written yet, alone.
 */
static void check_dictionaries(int64_t chunk) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_spool s;
  struct ArrowArrayStream stream;
  kit_join(path, directory, "file");
  respool_options options = adaptive(RESPOOL_MODE_ALL, path);
  options.write_chunk = chunk;
  kit_spool_open(&s, KIT_WORDS_FIELDS, &options);
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array;
    words_batch(i, &array);
    kit_append(s.writer, &array);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  found f = look_into(path);
  CHECK_EQ(f.batches, BATCHES);
  CHECK_LE(1, f.packed_batches);
  CHECK_LE(f.packed_batches, BATCHES - 1);
  CHECK_EQ(f.dictionaries, 2);
  CHECK_EQ(f.packed_dictionaries, 0);
  REQUIRE_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  check_words(&stream);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  REQUIRE_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error()));
  check_words(&stream);
  close(fd);
  kit_spool_close(&s);
  kit_scratch_remove(directory);
}

static void dictionaries_are_written_once(void) {
  need_one();
  check_dictionaries(4096);
  check_dictionaries(5 * WORD_ROWS * 4);
  CHECK_NOTHING_LEFT();
}

/* ---- Options --------------------------------------------------------------------------------------- */

static void the_codec_chooses_the_level(void) {
  need_one();
  struct ArrowSchema schema;
  respool *spool = NULL;
  respool_writer *writer = NULL;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_schema_parse("{x:int32}", &schema);
  options.compression = RESPOOL_COMPRESSION_ADAPTIVE;
  for (options.compression_level = -1; options.compression_level <= 1; options.compression_level += 2)
    CHECK_ERROR(respool_create(&schema, &options, &spool, &writer, kit_error()), RESPOOL_INVALID, "compression_level");
  schema.release(&schema);
}

/* Available where one codec is; else refused as a codec that is not there. */
static void a_build_needs_a_codec(void) {
  struct ArrowSchema schema;
  respool *spool = NULL;
  respool_writer *writer = NULL;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  int any =
      respool_compression_available(RESPOOL_COMPRESSION_LZ4) | respool_compression_available(RESPOOL_COMPRESSION_ZSTD);
  CHECK_EQ(respool_compression_available(RESPOOL_COMPRESSION_ADAPTIVE), any);
  if (any) return;
  kit_schema_parse("{x:int32}", &schema);
  options.compression = RESPOOL_COMPRESSION_ADAPTIVE;
  CHECK_ERROR(respool_create(&schema, &options, &spool, &writer, kit_error()), RESPOOL_UNSUPPORTED, "liblz4");
  schema.release(&schema);
}

static void streams_take_a_codec(void) {
  struct ArrowSchema schema;
  struct ArrowArrayStream stream;
  kit_sink sink = {0};
  respool_ipc_write_options options;
  respool_ipc_write_options_init(&options, sizeof options);
  options.compression = RESPOOL_COMPRESSION_ADAPTIVE;
  kit_schema_parse("{x:int32}", &schema);
  kit_stream_from(&(kit_stream_options){.schema = &schema}, &stream);
  CHECK_ERROR(respool_ipc_write(&stream, kit_sink_write, &sink, &options, NULL, kit_error()), RESPOOL_INVALID,
              "adaptive compression is for the file of a spool");
  CHECK_EQ(sink.size, 0);
  stream.release(&stream);
  schema.release(&schema);
}

static const kit_test tests[] = {
    KIT_TEST(replay_of_both_forms),          KIT_TEST(one_file_of_both_forms),      KIT_TEST(random_batches),
    KIT_TEST(dictionaries_are_written_once), KIT_TEST(the_codec_chooses_the_level), KIT_TEST(a_build_needs_a_codec),
    KIT_TEST(streams_take_a_codec),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
