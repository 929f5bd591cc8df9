/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted files: nothing of the data can be found in them, nothing in them can be changed unnoticed, and everything
 * else is as without. */
#include "array_words.h"
#include "bytes.h"
#include "messages.h"
#include "spool.h"
#include "system.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCHES = 4 };

static const char fields[] = "{id:int64,text:utf8,word:dictionary(i)<item:utf8>}";

static void need_encryption(void) {
  if (!respool_encryption_available()) kit_skip("this build has no encryption");
}

static respool_options encrypted(int64_t limit, int32_t mode, const char *directory) {
  respool_options options = kit_options(limit, mode, NULL);
  options.directory = directory;
  options.encryption = 1;
  return options;
}

/* The bytes of the file that is open in a directory; free() them. */
static unsigned char *file_bytes(const char *directory, size_t *size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", kit_descriptor_in(directory));
  return kit_file_read(path, size);
}

/* ---- Damage ---------------------------------------------------------------------------------------- */

/* A finished spool whose file can be changed. */
typedef struct sample {
  kit_spool s;
  kit_series series;
  kit_messages messages; /* where they would be in the clear, and so are */
  const char *directory;
} sample;

static void write_all(sample *p, const char *text, const respool_options *options, int64_t rows) {
  kit_spool_open(&p->s, text, options);
  p->series = (kit_series){.schema = &p->s.schema, .seed = 7, .rows_least = rows, .rows_most = rows, .null_rate = 0.2};
  kit_series_append(&p->series, p->s.writer, 0, BATCHES);
  REQUIRE_OK(respool_writer_finish(p->s.writer, kit_error()));
}

/* The same batches without encryption tell where messages lie. */
static void sample_open(sample *p, const char *text, int64_t rows) {
  sample clear = {.directory = kit_scratch()};
  *p = (sample){.directory = kit_scratch()};
  respool_options options = encrypted(0, RESPOOL_MODE_ON_LIMIT, clear.directory);
  options.encryption = 0;
  write_all(&clear, text, &options, rows);
  kit_messages_find(kit_descriptor_in(clear.directory), &p->messages);
  kit_spool_close(&clear.s);
  options = encrypted(0, RESPOOL_MODE_ON_LIMIT, p->directory);
  write_all(p, text, &options, rows);
  p->messages.fd = kit_descriptor_in(p->directory);
}

static void sample_close(sample *p) {
  kit_spool_close(&p->s);
  CHECK_NOTHING_LEFT();
}

static void check_good(const sample *p, respool_reader *reader, int64_t i) {
  struct ArrowArray array;
  REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
  kit_series_check(&p->series, i, &array);
}

static void check_refused(respool_reader *reader, int64_t i) {
  struct ArrowArray array;
  char named[40];
  snprintf(named, sizeof named, "batch %" PRId64 ": ", i);
  for (int k = 0; k < 2; k++) {
    CHECK_ERROR(respool_reader_next(reader, &array, 0, kit_error()), RESPOOL_CORRUPT, named);
    CHECK_HAS(kit_last_error()->message, "the file was changed");
    CHECK_EQ(respool_reader_position(reader), i);
  }
}

static void check_flip(const sample *p, int64_t offset, unsigned char mask) {
  int victim = kit_messages_victim(&p->messages, offset);
  respool_reader *reader = kit_reader(p->s.spool);
  kit_file_flip(p->messages.fd, offset, mask);
  for (int64_t i = 0; i < BATCHES; i++) {
    if (i == victim) {
      check_refused(reader, i);
      kit_file_flip(p->messages.fd, offset, mask);
    }
    check_good(p, reader, i);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  if (victim < 0) kit_file_flip(p->messages.fd, offset, mask);
  if (kit_failures() > 0) kit_note("byte %" PRId64 ", mask %02x", offset, mask);
}

static void every_byte(void) {
  need_encryption();
  sample p;
  sample_open(&p, fields, 3);
  int64_t step = kit_slow() ? 31 : 1;
  int64_t end = kit_stats(p.s.spool).bytes_written;
  for (int64_t at = 0; at < end && kit_failures() == 0; at += step)
    check_flip(&p, at, (unsigned char)(1 << at / step % 8));
  sample_close(&p);
}

/* Batches that are read alone, and decrypted where they lie. */
static void bytes_of_large_batches(void) {
  need_encryption();
  sample p;
  sample_open(&p, "{id:int64,text:utf8}", 3000);
  for (int i = 0; i < BATCHES; i++) {
    const struct kit_message *message = kit_messages_at(&p.messages, RESPOOL_IPC_BATCH, i);
    CHECK_LE(1 << 15, message->length);
    check_flip(&p, message->offset, 0x01);
    check_flip(&p, message->offset + message->length / 2, 0x10);
    check_flip(&p, message->offset + message->length - 1, 0x40);
  }
  sample_close(&p);
}

static void batches_that_changed_places(void) {
  need_encryption();
  sample p;
  sample_open(&p, "{id:int64!}", 9);
  const struct kit_message *first = kit_messages_at(&p.messages, RESPOOL_IPC_BATCH, 1);
  const struct kit_message *second = kit_messages_at(&p.messages, RESPOOL_IPC_BATCH, 2);
  REQUIRE_EQ(first->length, second->length);
  kit_file_swap(p.messages.fd, first->offset, second->offset, first->length);
  respool_reader *reader = kit_reader(p.s.spool);
  check_good(&p, reader, 0);
  check_refused(reader, 1);
  kit_file_swap(p.messages.fd, first->offset, second->offset, first->length);
  for (int64_t i = 1; i < BATCHES; i++) check_good(&p, reader, i);
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  sample_close(&p);
}

/* ---- Secrecy ----------------------------------------------------------------------------------------- */

enum { SECRETS = 40000 };

/* Whether the file shows the values, a field's name, or the zeros that padding has. */
static bool shows(const char *directory) {
  size_t size;
  unsigned char *bytes = file_bytes(directory, &size);
  CHECK_LE(SECRETS, size);
  bool found = kit_find(bytes, size, "SSSSSSSS", 8) >= 0 || kit_find(bytes, size, "whereabouts", 11) >= 0 ||
               kit_find(bytes, size, "\0\0\0\0\0\0\0\0", 8) >= 0;
  free(bytes);
  return found;
}

static void nothing_can_be_read_in_the_file(void) {
  need_encryption();
  for (int encryption = 0; encryption < 2; encryption++) {
    const char *directory = kit_scratch();
    respool_options options = encrypted(0, RESPOOL_MODE_ON_LIMIT, directory);
    options.encryption = encryption;
    kit_spool s;
    kit_spool_open(&s, "{whereabouts:dictionary(i)<:utf8>}", &options);
    struct ArrowArray array;
    kit_words_big('S', SECRETS, &array);
    kit_append(s.writer, &array);
    kit_words_append(s.writer, "SSSSSSSSSS other", "00101");
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    CHECK_EQ(shows(directory), encryption == 0); /* and so the test would see it */
    kit_spool_close(&s);
  }
}

/* Equal batches, and the same batches in another spool, have nothing in common in the file. */
static void equal_batches_differ(void) {
  need_encryption();
  enum { LENGTH = 4096, PARTS = 8 };
  unsigned char *files[2];
  size_t size;
  for (int i = 0; i < 2; i++) {
    const char *directory = kit_scratch();
    respool_options options = encrypted(0, RESPOOL_MODE_OVERFLOW, directory);
    kit_spool s;
    kit_spool_open(&s, "{number:int32}", &options);
    for (int k = 0; k < PARTS; k++) {
      struct ArrowArray array;
      kit_batch_filled(LENGTH, 5, &array);
      kit_append(s.writer, &array);
    }
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    files[i] = file_bytes(directory, &size);
    CHECK_LE(PARTS * LENGTH, size);
    kit_spool_close(&s);
  }
  for (size_t at = 0; at + 16 <= size && kit_failures() == 0; at += kit_slow() ? 272 : 16) {
    CHECK(memcmp(files[0] + at, files[1] + at, 16) != 0);
    CHECK_EQ(kit_find(files[0] + at + 16, size - at - 16, files[0] + at, 16), -1);
  }
  free(files[0]);
  free(files[1]);
}

/* A write that failed is repeated, in the same place of the file. */
static void after_a_failed_write(void) {
  need_encryption();
  respool_options options = encrypted(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  options.write_chunk = 1 << 20;
  kit_spool s;
  kit_spool_open(&s, "{id:int64,text:utf8}", &options);
  kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 900, .rows_most = 1000};
  kit_series_append(&series, s.writer, 0, 1);
  int64_t room = kit_stats(s.spool).bytes_written + 10000;
  kit_limit_file_size(room);
  kit_series_append(&series, s.writer, 1, 4);
  for (int i = 0; i < 3; i++) CHECK_STATUS(respool_writer_flush(s.writer, kit_error()), RESPOOL_IO);
  kit_series_replay(&series, s.spool, 4, RESPOOL_TIMED_OUT);
  kit_limit_file_size(-1);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_EQ(kit_stats(s.spool).batches_stored, 4);
  kit_series_replay(&series, s.spool, 4, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* ---- As without -------------------------------------------------------------------------------------- */

static void check_replay(const respool_options *options, const char *text, int64_t batches) {
  kit_spool s;
  kit_spool_open(&s, text, options);
  kit_series series = {
      .schema = &s.schema, .seed = kit_seed(), .rows_most = 400, .null_rate = 0.2, .sliced = true, .unaligned = true};
  kit_series_append(&series, s.writer, 0, batches / 2);
  kit_series_replay(&series, s.spool, batches / 2, RESPOOL_TIMED_OUT);
  kit_series_append(&series, s.writer, batches / 2, batches);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  kit_series_replay(&series, s.spool, batches, RESPOOL_END);
  CHECK_EQ(kit_stats(s.spool).bytes_mapped, 0);
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  kit_series_replay(&series, s.spool, batches, RESPOOL_END);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

static void every_batch_comes_back(void) {
  need_encryption();
  static const int32_t modes[] = {RESPOOL_MODE_OVERFLOW, RESPOOL_MODE_ON_LIMIT};
  static const int32_t compressions[] = {RESPOOL_COMPRESSION_NONE, RESPOOL_COMPRESSION_LZ4,
                                         RESPOOL_COMPRESSION_ADAPTIVE};
  for (int m = 0; m < 2; m++) {
    for (int c = 0; c < 3; c++) {
      if (!respool_compression_available(compressions[c])) continue;
      respool_options options = encrypted(m * 20000, modes[m], kit_scratch());
      options.compression = compressions[c];
      options.write_chunk = 16384;
      check_replay(&options, fields, 40);
      options.replay = RESPOOL_REPLAY_READ;
      check_replay(&options, "{a:list<item:utf8>,b:struct<c:bool,d:utf8_view>,e:dictionary(c)<item:int32>}", 40);
    }
  }
}

/* A dictionary that stays the same is found in the file, though nobody can read that. */
static void dictionaries_are_stored_once(void) {
  need_encryption();
  int64_t stored[2];
  for (int encryption = 0; encryption < 2; encryption++) {
    respool_options options = encrypted(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
    options.encryption = encryption;
    kit_spool s;
    kit_spool_open(&s, "{word:dictionary(i)<item:utf8>}", &options);
    kit_series series = {.schema = &s.schema, .seed = 5, .rows_least = 20, .rows_most = 20};
    for (int i = 0; i < 10; i++) {
      kit_series_append(&series, s.writer, 3, 4);
      CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    }
    stored[encryption] = kit_stats(s.spool).bytes_stored;
    kit_spool_close(&s);
  }
  CHECK_EQ(stored[0], stored[1]);
}

/* A file that an encrypted spool leaves to a pool serves one that does not encrypt, and the other way round. */
static void with_a_pool(void) {
  need_encryption();
  const char *directory = kit_scratch();
  respool_pool *pool = NULL;
  REQUIRE_OK(respool_pool_create(NULL, &pool, kit_error()));
  for (int i = 0; i < 6; i++) {
    respool_options options = encrypted(0, RESPOOL_MODE_ON_LIMIT, directory);
    options.pool = pool;
    options.encryption = i % 3 != 0;
    check_replay(&options, fields, 30 - 2 * i);
  }
  respool_pool_stats stats = {.struct_size = sizeof stats};
  CHECK_OK(respool_pool_get_stats(pool, &stats, kit_error()));
  CHECK_EQ(stats.files_reused, 5);
  respool_pool_release(pool);
}

/* In a child the handles are dead, and closing them leaves the parent's key alone. */
static void in_a_forked_child(void) {
  need_encryption();
  respool_options options = encrypted(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool s;
  int status;
  kit_spool_open(&s, "{number:int32}", &options);
  KIT_APPEND(s.writer, 1);
  respool_reader *reader = kit_reader(s.spool);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    struct ArrowArray array;
    bool dead = respool_reader_next(reader, &array, 0, NULL) == RESPOOL_MISUSE;
    respool_reader_close(reader);
    respool_writer_close(s.writer);
    respool_release(s.spool);
    execl("/bin/sh", "sh", "-c", dead ? "exit 0" : "exit 1", (char *)NULL);
    _exit(9);
  }
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  KIT_APPEND(s.writer, 2);
  CHECK_NEXT(reader, 1);
  CHECK_NEXT(reader, 2);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

static respool_status try_options(const respool_options *options) {
  struct ArrowSchema schema;
  respool *spool = NULL;
  respool_writer *writer = NULL;
  kit_schema_parse("{id:int32}", &schema);
  respool_status status = respool_create(&schema, options, &spool, &writer, kit_error());
  schema.release(&schema);
  respool_writer_close(writer);
  respool_release(spool);
  return status;
}

static void options_that_contradict(void) {
  char path[KIT_PATH];
  respool_options options = encrypted(0, RESPOOL_MODE_OVERFLOW, NULL);
  options.replay = RESPOOL_REPLAY_MAP;
  CHECK_ERROR(try_options(&options), RESPOOL_INVALID, "mapped");
  options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, kit_scratch(), "file"));
  options.encryption = 1;
  CHECK_ERROR(try_options(&options), RESPOOL_INVALID, "anonymous");
  CHECK(!kit_exists(path));
  options = encrypted(0, RESPOOL_MODE_OVERFLOW, NULL);
  options.encryption = 2;
  CHECK_ERROR(try_options(&options), RESPOOL_INVALID, "encryption");
}

/* A build without says so when the spool is made. */
static void where_there_is_none(void) {
  respool_options options = encrypted(0, RESPOOL_MODE_OVERFLOW, NULL);
  if (respool_encryption_available()) {
    CHECK_OK(try_options(&options));
  } else {
    CHECK_ERROR(try_options(&options), RESPOOL_UNSUPPORTED, "libcrypto");
  }
}

static const kit_test tests[] = {
    KIT_TEST(every_byte),
    KIT_TEST(bytes_of_large_batches),
    KIT_TEST(batches_that_changed_places),
    KIT_TEST(nothing_can_be_read_in_the_file),
    KIT_TEST(equal_batches_differ),
    KIT_TEST(after_a_failed_write),
    KIT_TEST(every_batch_comes_back),
    KIT_TEST(dictionaries_are_stored_once),
    KIT_TEST(with_a_pool),
    KIT_TEST(in_a_forked_child),
    KIT_TEST(options_that_contradict),
    KIT_TEST(where_there_is_none),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
