/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression as users see it: what it saves, that the same rows give the same bytes by every way, options that cannot
 * be, limits on what input may expand to, and damage.
 */
#include "bytes.h"
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 5000 };

static void need_both(void) {
  for (int32_t c = RESPOOL_COMPRESSION_LZ4; c <= RESPOOL_COMPRESSION_ZSTD; c++)
    if (!respool_compression_available(c)) kit_skip("this build lacks a codec");
}

/* Values that repeat: the file is to become a tenth or less. */
static void repeating(int64_t index, struct ArrowArray *array) {
  int32_t values[ROWS];
  for (int32_t i = 0; i < ROWS; i++) values[i] = i % 5 + (int32_t)index;
  kit_batch_int32(values, ROWS, array);
}

static bool is_repeating(int64_t index, const struct ArrowArray *array) {
  const int32_t *values = array->children[0]->buffers[1];
  for (int32_t i = 0; i < ROWS; i++)
    if (values[i] != i % 5 + (int32_t)index) return CHECK_EQ(values[i], i % 5 + index);
  return CHECK_EQ(array->length, ROWS) && CHECK_EQ((uintptr_t)values % 64, 0);
}

static void fill(kit_spool *s, int64_t batches) {
  for (int64_t i = 0; i < batches; i++) {
    struct ArrowArray array;
    repeating(i, &array);
    kit_append(s->writer, &array);
  }
  CHECK_OK(respool_writer_finish(s->writer, kit_error()));
}

static void check_replay(respool *spool, int64_t batches) {
  respool_reader *reader = kit_reader(spool);
  struct ArrowArray arrays[2]; /* the one before stays valid, whatever is unpacked after it */
  for (int64_t i = 0; i < batches; i++) {
    REQUIRE_OK(respool_reader_next(reader, &arrays[i % 2], 0, kit_error()));
    is_repeating(i, &arrays[i % 2]);
    if (i == 0) continue;
    is_repeating(i - 1, &arrays[(i - 1) % 2]);
    arrays[(i - 1) % 2].release(&arrays[(i - 1) % 2]);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  is_repeating(batches - 1, &arrays[(batches - 1) % 2]);
  arrays[(batches - 1) % 2].release(&arrays[(batches - 1) % 2]);
}

/* Each mode and way of reading back: the rows come back, from a tenth of the bytes. */
static void less_on_disk(void) {
  enum { BATCHES = 30 };
  need_both();
  for (int32_t compression = RESPOOL_COMPRESSION_LZ4; compression <= RESPOOL_COMPRESSION_ZSTD; compression++)
    for (int32_t mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ALL; mode++)
      for (int32_t replay = RESPOOL_REPLAY_AUTO; replay <= RESPOOL_REPLAY_READ; replay++) {
        char path[KIT_PATH];
        const char *directory = kit_scratch();
        kit_spool s;
        kit_join(path, directory, "file");
        respool_options options = kit_options(0, mode, mode == RESPOOL_MODE_OVERFLOW ? directory : path);
        options.compression = compression;
        options.replay = replay;
        kit_spool_open(&s, "{x:int32}", &options);
        fill(&s, BATCHES);
        respool_stats stats = kit_stats(s.spool);
        CHECK_EQ(stats.batches_stored, BATCHES);
        CHECK_EQ(stats.batches_resident, 0);
        CHECK_LE(stats.bytes_stored, BATCHES * ROWS * 4 / 10);
        check_replay(s.spool, BATCHES);
        check_replay(s.spool, BATCHES);
        kit_spool_close(&s);
        kit_scratch_remove(directory);
      }
  CHECK_NOTHING_LEFT();
}

/* ---- The same bytes -------------------------------------------------------------------------------- */

static void write_with(struct ArrowArrayStream *stream, int32_t compression, int32_t level, kit_sink *sink) {
  respool_ipc_write_options options;
  respool_ipc_write_options_init(&options, sizeof options);
  options.compression = compression;
  options.compression_level = level;
  CHECK_OK(respool_ipc_write(stream, kit_sink_write, sink, &options, NULL, kit_error()));
  stream->release(stream);
}

static void rewrite(const kit_sink *from, int32_t compression, int32_t level, kit_sink *sink) {
  struct ArrowArrayStream stream;
  kit_source source = {.bytes = from->bytes, .size = from->size};
  REQUIRE_OK(respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error()));
  write_with(&stream, compression, level, sink);
}

static void read_file(const char *path, kit_sink *sink) {
  char block[4096];
  ssize_t got;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  while ((got = read(fd, block, sizeof block)) > 0) kit_sink_write(sink, block, got);
  close(fd);
}

/* Invariant 12, with each codec and some levels; a spool's file is the stream that is written of its replay. */
static void check_canonical(const char *text, uint64_t seed, int32_t compression, int32_t level) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_spool s;
  struct ArrowSchema schema;
  struct ArrowArrayStream replay;
  kit_sink file = {0}, written = {0}, again = {0}, plain = {0}, unpacked = {0};
  kit_join(path, directory, "file");
  kit_schema_parse(text, &schema);
  kit_series series = {&schema, seed, 0, 200, 0.2, seed % 2 == 0, false};
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, path);
  options.compression = compression;
  options.compression_level = level;
  kit_spool_open_schema(&s, &schema, &options);
  kit_series_append(&series, s.writer, 0, 4);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  REQUIRE_OK(respool_export(s.spool, NULL, &replay, kit_error()));
  write_with(&replay, compression, level, &written);
  read_file(path, &file);
  CHECK_BYTES(file.bytes, file.size, written.bytes, written.size);
  rewrite(&written, compression, level, &again);
  CHECK_BYTES(again.bytes, again.size, written.bytes, written.size);
  REQUIRE_OK(respool_export(s.spool, NULL, &replay, kit_error()));
  write_with(&replay, RESPOOL_COMPRESSION_NONE, 0, &plain);
  rewrite(&written, RESPOOL_COMPRESSION_NONE, 0, &unpacked);
  CHECK_BYTES(unpacked.bytes, unpacked.size, plain.bytes, plain.size);
  kit_spool_close(&s);
  schema.release(&schema);
  kit_sink_free(&file);
  kit_sink_free(&written);
  kit_sink_free(&again);
  kit_sink_free(&plain);
  kit_sink_free(&unpacked);
  kit_scratch_remove(directory);
}

static void the_same_bytes(void) {
  static const int32_t levels[] = {0, 1, 9, -2};
  need_both();
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int i = 0; i < (kit_slow() ? 12 : 120) && kit_failures() == 0; i++) {
    char *text = kit_schema_random_text(&random, 5, 3);
    check_canonical(text, kit_random_next(&random), 1 + i % 2, levels[i / 2 % 4]);
    if (kit_failures() > 0) kit_note("%s, round %d", text, i);
    free(text);
  }
  CHECK_NOTHING_LEFT();
}

/* ---- Options --------------------------------------------------------------------------------------- */

static void choices_that_cannot_be(void) {
  static const struct {
    int32_t compression, level;
    const char *part;
  } wrong[] = {{-1, 0, "compression -1"},
               {4, 0, "compression 4"},
               {0, 1, "without a compression"},
               {1, 13, "compression_level 13 of LZ4"},
               {2, 23, "compression_level 23 of ZSTD"}};
  need_both();
  struct ArrowSchema schema;
  kit_schema_parse("{x:int32}", &schema);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    respool *spool = NULL;
    respool_writer *writer = NULL;
    respool_options options;
    respool_options_init(&options, sizeof options);
    options.compression = wrong[i].compression;
    options.compression_level = wrong[i].level;
    CHECK_ERROR(respool_create(&schema, &options, &spool, &writer, kit_error()), RESPOOL_INVALID, wrong[i].part);
    kit_sink sink = {0};
    struct ArrowArrayStream stream;
    kit_stream_from(&(kit_stream_options){.schema = &schema}, &stream);
    respool_ipc_write_options writing;
    respool_ipc_write_options_init(&writing, sizeof writing);
    writing.compression = wrong[i].compression;
    writing.compression_level = wrong[i].level;
    CHECK_ERROR(respool_ipc_write(&stream, kit_sink_write, &sink, &writing, NULL, kit_error()), RESPOOL_INVALID,
                wrong[i].part);
    CHECK_EQ(sink.size, 0);
    CHECK_ERROR(respool_ipc_write_fd(&stream, 1, &writing, NULL, kit_error()), RESPOOL_INVALID, wrong[i].part);
    stream.release(&stream);
  }
  schema.release(&schema);
  CHECK_NOTHING_LEFT();
}

/* ---- Limits and damage ------------------------------------------------------------------------------ */

static void make_stream(int32_t compression, int64_t batches, kit_sink *sink) {
  struct ArrowSchema schema;
  struct ArrowArray arrays[8];
  struct ArrowArrayStream stream;
  kit_schema_parse("{x:int32}", &schema);
  for (int64_t i = 0; i < batches; i++) repeating(i, &arrays[i]);
  kit_stream_from(&(kit_stream_options){.schema = &schema, .batches = arrays, .count = batches}, &stream);
  write_with(&stream, compression, 0, sink);
  schema.release(&schema);
}

static int read_with(const kit_sink *sink, const respool_ipc_options *options, int64_t *batches, char *text,
                     size_t room) {
  struct ArrowArrayStream stream;
  kit_source source = {.bytes = sink->bytes, .size = sink->size};
  *batches = 0;
  REQUIRE_OK(respool_ipc_read(kit_source_read, &source, options, &stream, kit_error()));
  for (;; (*batches)++) {
    struct ArrowArray array = {0};
    int code = stream.get_next(&stream, &array);
    snprintf(text, room, "%s", code != 0 ? stream.get_last_error(&stream) : "");
    if (code != 0 || array.release == NULL) {
      stream.release(&stream);
      return code;
    }
    is_repeating(*batches, &array);
    array.release(&array);
  }
}

/* The limit names batch, field, buffer and option; one that suffices lets the stream pass. */
static void expansion_is_limited(void) {
  need_both();
  enum { BYTES = (ROWS * 4 + 63) / 64 * 64 };
  for (int32_t compression = RESPOOL_COMPRESSION_LZ4; compression <= RESPOOL_COMPRESSION_ZSTD; compression++) {
    kit_sink sink = {0};
    char text[RESPOOL_ERROR_TEXT];
    int64_t batches;
    respool_ipc_options options;
    make_stream(compression, 3, &sink);
    respool_ipc_options_init(&options, sizeof options);
    CHECK_EQ(read_with(&sink, &options, &batches, text, sizeof text), 0);
    CHECK_EQ(batches, 3);
    options.max_expansion = BYTES;
    CHECK_EQ(read_with(&sink, &options, &batches, text, sizeof text), 0);
    options.max_expansion = BYTES - 1;
    CHECK_EQ(read_with(&sink, &options, &batches, text, sizeof text), EINVAL);
    CHECK_EQ(batches, 0);
    CHECK_HAS(text, "batch 0: field 'x': value buffer: ");
    CHECK_HAS(text, "the option max_expansion allows more");
    options.max_expansion = -1;
    struct ArrowArrayStream stream;
    kit_source source = {.bytes = sink.bytes, .size = sink.size};
    CHECK_ERROR(respool_ipc_read(kit_source_read, &source, &options, &stream, kit_error()), RESPOOL_INVALID,
                "max_expansion");
    kit_sink_free(&sink);
  }
}

/* Whatever byte of a named file is changed, a reader that checks answers with an error, or with as many rows. */
static void damage_is_an_error(void) {
  need_both();
  for (int32_t compression = RESPOOL_COMPRESSION_LZ4; compression <= RESPOOL_COMPRESSION_ZSTD; compression++) {
    char path[KIT_PATH];
    const char *directory = kit_scratch();
    kit_spool s;
    kit_join(path, directory, "file");
    respool_options options = kit_options(0, RESPOOL_MODE_ALL, path);
    options.compression = compression;
    kit_spool_open(&s, "{x:int32}", &options);
    fill(&s, 1);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int64_t size = kit_file_size(path), errors = 0;
    for (int64_t at = 0; at < size; at++) {
      uint8_t byte, changed;
      REQUIRE_EQ(pread(fd, &byte, 1, at), 1);
      changed = byte ^ 0x40;
      REQUIRE_EQ(pwrite(fd, &changed, 1, at), 1);
      respool_reader *reader = kit_reader(s.spool);
      struct ArrowArray array;
      respool_status status = respool_reader_next(reader, &array, 0, kit_error());
      if (status == RESPOOL_OK) {
        CHECK_EQ(array.length, ROWS);
        array.release(&array);
      } else {
        CHECK_EQ(status, RESPOOL_CORRUPT);
        errors++;
      }
      respool_reader_close(reader);
      REQUIRE_EQ(pwrite(fd, &byte, 1, at), 1);
    }
    CHECK_LE(20, errors);
    check_replay(s.spool, 1);
    close(fd);
    kit_spool_close(&s);
    kit_scratch_remove(directory);
  }
}

static const kit_test tests[] = {
    KIT_TEST(less_on_disk),         KIT_TEST(the_same_bytes),     KIT_TEST(choices_that_cannot_be),
    KIT_TEST(expansion_is_limited), KIT_TEST(damage_is_an_error),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
