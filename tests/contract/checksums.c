/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums of what is stored: whatever is changed in the file, the batch that needs it is refused and no other. */
#include "messages.h"
#include "spool.h"
#include "system.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BATCHES = 4 };

static const char plain_fields[] = "{id:int64,text:utf8,items:list<item:int16>}";
static const char dictionary_fields[] = "{id:int32,word:dictionary(i)<item:utf8>}";

/* A finished spool whose file can be changed. */
typedef struct sample {
  kit_spool s;
  kit_series series;
  kit_messages messages;
  int fd; /* of the file, our own where it has a name */
  bool named;
  const char *directory;
} sample;

typedef struct form {
  const char *fields;
  bool named;
  int32_t replay;
  int32_t compression;
  int64_t rows; /* of each batch */
} form;

static void sample_open(sample *p, const form *f) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_join(path, directory, "file");
  respool_options options =
      kit_options(0, f->named ? RESPOOL_MODE_ALL : RESPOOL_MODE_OVERFLOW, f->named ? path : directory);
  options.replay = f->replay;
  options.compression = f->compression;
  options.checksums = f->named ? 0 : 1;
  *p = (sample){.named = f->named, .directory = directory};
  kit_spool_open(&p->s, f->fields, &options);
  p->series =
      (kit_series){.schema = &p->s.schema, .seed = 7, .rows_least = f->rows, .rows_most = f->rows, .null_rate = 0.2};
  kit_series_append(&p->series, p->s.writer, 0, BATCHES);
  REQUIRE_OK(respool_writer_finish(p->s.writer, kit_error()));
  REQUIRE_OK(respool_spill(p->s.spool, 0, kit_error()));
  p->fd = f->named ? open(path, O_RDWR | O_CLOEXEC) : kit_descriptor_in(directory);
  REQUIRE(p->fd >= 0);
  kit_messages_find(p->fd, &p->messages);
}

static void sample_close(sample *p) {
  if (p->named) close(p->fd);
  kit_spool_close(&p->s);
  kit_scratch_remove(p->directory);
  CHECK_NOTHING_LEFT();
}

static void check_good(const sample *p, respool_reader *reader, int64_t i) {
  struct ArrowArray array;
  REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
  kit_series_check(&p->series, i, &array);
}

/* Refused as often as it is asked for, with the batch's name and what is wrong. */
static void check_refused(respool_reader *reader, int64_t i) {
  struct ArrowArray array;
  char named[40];
  snprintf(named, sizeof named, "batch %" PRId64 ": ", i);
  for (int k = 0; k < 2; k++) {
    CHECK_ERROR(respool_reader_next(reader, &array, 0, kit_error()), RESPOOL_CORRUPT, named);
    CHECK_HAS(kit_last_error()->message, "checksum");
    CHECK_HAS(kit_last_error()->message, "expected");
    CHECK_EQ(respool_reader_position(reader), i);
  }
}

/* A reader meets the damage where it is, and goes on when it has been mended. */
static void check_flip(const sample *p, int64_t offset, unsigned char mask) {
  int victim = kit_messages_victim(&p->messages, offset);
  respool_reader *reader = kit_reader(p->s.spool);
  kit_file_flip(p->fd, offset, mask);
  for (int64_t i = 0; i < BATCHES; i++) {
    if (i == victim) {
      check_refused(reader, i);
      kit_file_flip(p->fd, offset, mask);
    }
    check_good(p, reader, i);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  if (victim < 0) kit_file_flip(p->fd, offset, mask);
  if (kit_failures() > 0) kit_note("byte %" PRId64 ", mask %02x", offset, mask);
}

static int64_t file_end(const sample *p) {
  return (int64_t)lseek(p->fd, 0, SEEK_END);
}

static void check_every_byte(const form *f) {
  sample p;
  sample_open(&p, f);
  int64_t step = kit_slow() ? 13 : 1, end = file_end(&p);
  for (int64_t at = 0; at < end && kit_failures() == 0; at += step)
    check_flip(&p, at, (unsigned char)(1 << at / step % 8));
  sample_close(&p);
}

static void every_byte_of_a_named_file(void) {
  check_every_byte(&(form){plain_fields, .named = true, .rows = 3});
}

static void every_byte_of_its_dictionaries(void) {
  check_every_byte(&(form){dictionary_fields, .named = true, .rows = 3});
}

static void every_byte_of_compressed_batches(void) {
  if (!respool_compression_available(RESPOOL_COMPRESSION_LZ4)) kit_skip("this build has no LZ4");
  check_every_byte(&(form){plain_fields, .named = true, .compression = RESPOOL_COMPRESSION_LZ4, .rows = 40});
}

static void every_byte_of_an_anonymous_file_that_is_read(void) {
  check_every_byte(&(form){plain_fields, .replay = RESPOOL_REPLAY_READ, .rows = 3});
}

/* Batches that are read alone, not several at a time. */
static void bytes_of_large_batches(void) {
  sample p;
  sample_open(&p, &(form){plain_fields, .named = true, .rows = 2000});
  for (int i = 0; i < BATCHES; i++) {
    const struct kit_message *message = kit_messages_at(&p.messages, RESPOOL_IPC_BATCH, i);
    CHECK_LE(1 << 15, message->length);
    check_flip(&p, message->offset, 0x01);
    check_flip(&p, message->offset + 9, 0x80);
    check_flip(&p, message->offset + message->length / 2, 0x10);
    check_flip(&p, message->offset + message->length - 1, 0x40);
  }
  sample_close(&p);
}

/* Mapped bytes are looked at once, so each change needs a spool of its own. */
static void check_mapped(const form *f) {
  int64_t step = kit_slow() ? 997 : 61;
  for (int64_t at = 3; kit_failures() == 0; at += step) {
    sample p;
    sample_open(&p, f);
    bool inside = at < file_end(&p);
    if (inside) check_flip(&p, at, 0x20);
    sample_close(&p);
    if (!inside) break;
  }
}

static void bytes_of_a_mapped_anonymous_file(void) {
  check_mapped(&(form){plain_fields, .replay = RESPOOL_REPLAY_MAP, .rows = 9});
  check_mapped(&(form){dictionary_fields, .replay = RESPOOL_REPLAY_MAP, .rows = 9});
}

static void bytes_of_a_mapped_named_file(void) {
  check_mapped(&(form){plain_fields, .named = true, .replay = RESPOOL_REPLAY_MAP, .rows = 9});
}

/* Found damaged, a mapped batch is looked at again; found good, it is not. */
static void mapped_batches_are_checked_until_they_are_good(void) {
  sample p;
  sample_open(&p, &(form){"{id:int64!}", .replay = RESPOOL_REPLAY_MAP, .rows = 9});
  const struct kit_message *message = kit_messages_at(&p.messages, RESPOOL_IPC_BATCH, 1);
  int64_t value = message->offset + message->length - 72; /* the first of nine; they are padded to 128 bytes */
  kit_file_flip(p.fd, value, 0x01);
  for (int k = 0; k < 2; k++) {
    respool_reader *reader = kit_reader(p.s.spool);
    check_good(&p, reader, 0);
    check_refused(reader, 1);
    respool_reader_close(reader);
  }
  kit_file_flip(p.fd, value, 0x01);
  kit_series_replay(&p.series, p.s.spool, BATCHES, RESPOOL_END);
  kit_file_flip(p.fd, value, 0x01);
  struct ArrowArray array;
  respool_reader *reader = kit_reader(p.s.spool);
  check_good(&p, reader, 0);
  CHECK_OK(respool_reader_next(reader, &array, 0, kit_error()));
  array.release(&array);
  respool_reader_close(reader);
  sample_close(&p);
}

/* Two batches of the same form in each other's place: each by itself is a whole message. */
static void batches_that_changed_places(void) {
  sample p;
  sample_open(&p, &(form){"{id:int64!}", .named = true, .rows = 9});
  const struct kit_message *first = kit_messages_at(&p.messages, RESPOOL_IPC_BATCH, 1);
  const struct kit_message *second = kit_messages_at(&p.messages, RESPOOL_IPC_BATCH, 2);
  REQUIRE_EQ(first->length, second->length);
  respool_reader *reader = kit_reader(p.s.spool);
  check_good(&p, reader, 0);
  respool_reader_close(reader);
  kit_file_swap(p.fd, first->offset, second->offset, first->length);
  reader = kit_reader(p.s.spool);
  check_good(&p, reader, 0);
  check_refused(reader, 1);
  kit_file_swap(p.fd, first->offset, second->offset, first->length);
  for (int64_t i = 1; i < BATCHES; i++) check_good(&p, reader, i);
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  sample_close(&p);
}

/* Several small batches are read together. What a reader has read so is its own; the next one sees the damage. */
static void damage_behind_a_reader(void) {
  sample p;
  sample_open(&p, &(form){plain_fields, .named = true, .rows = 3});
  respool_reader *before = kit_reader(p.s.spool);
  check_good(&p, before, 0);
  int64_t at = kit_messages_at(&p.messages, RESPOOL_IPC_BATCH, 2)->offset + 100;
  kit_file_flip(p.fd, at, 0x08);
  respool_reader *after = kit_reader(p.s.spool);
  for (int64_t i = 0; i < 2; i++) check_good(&p, after, i);
  check_refused(after, 2);
  for (int64_t i = 1; i < BATCHES; i++) check_good(&p, before, i);
  kit_file_flip(p.fd, at, 0x08);
  for (int64_t i = 2; i < BATCHES; i++) check_good(&p, after, i);
  respool_reader_close(before);
  respool_reader_close(after);
  sample_close(&p);
}

/* The message tells what somebody needs to look at the file. */
static void the_message_says_where(void) {
  sample p;
  char offset[40];
  struct ArrowArray array;
  sample_open(&p, &(form){plain_fields, .named = true, .rows = 3});
  const struct kit_message *message = kit_messages_at(&p.messages, RESPOOL_IPC_BATCH, 0);
  kit_file_flip(p.fd, message->offset + message->length - 1, 0xff);
  respool_reader *reader = kit_reader(p.s.spool);
  snprintf(offset, sizeof offset, "%" PRId64 " bytes at offset %" PRId64, message->length, message->offset);
  CHECK_ERROR(respool_reader_next(reader, &array, 0, kit_error()), RESPOOL_CORRUPT, offset);
  CHECK_HAS(kit_last_error()->message, "/file'");
  respool_reader_close(reader);
  sample_close(&p);
}

/* Without the option an anonymous file has none: a value that was changed comes as it is. */
static void anonymous_files_have_none_unless_asked(void) {
  const char *directory = kit_scratch();
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  kit_spool s;
  CHECK_EQ(options.checksums, 0);
  kit_spool_open(&s, "{id:int32}", &options);
  KIT_APPEND(s.writer, 1, 2, 3);
  kit_messages messages;
  kit_messages_find(kit_descriptor_in(directory), &messages);
  const struct kit_message *message = kit_messages_at(&messages, RESPOOL_IPC_BATCH, 0);
  kit_file_flip(messages.fd, message->offset + message->length - 64, 0x04);
  respool_reader *reader = kit_reader(s.spool);
  CHECK_NEXT(reader, 5, 2, 3);
  respool_reader_close(reader);
  kit_spool_close(&s);
}

/* What is written again after a failure has the checksums of what is there in the end. */
static void after_failed_writes(void) {
  int64_t step = kit_slow() ? 997 : 131;
  for (int64_t room = 1500; room < 9000 && kit_failures() == 0; room += step) {
    char path[KIT_PATH];
    const char *directory = kit_scratch();
    respool_options options = kit_options(4000, RESPOOL_MODE_ALL, kit_join(path, directory, "file"));
    options.write_chunk = 4096;
    kit_spool s;
    kit_spool_open(&s, room % 2 == 0 ? plain_fields : dictionary_fields, &options);
    kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_least = 5, .rows_most = 60, .null_rate = 0.1};
    kit_limit_file_size(room);
    int64_t accepted = 0;
    struct ArrowArray array;
    kit_series_batch(&series, 0, &array);
    while (accepted < 12 && respool_writer_append(s.writer, &array, NULL) == RESPOOL_OK)
      kit_series_batch(&series, ++accepted, &array);
    array.release(&array);
    kit_series_replay(&series, s.spool, accepted, RESPOOL_TIMED_OUT);
    kit_limit_file_size(-1);
    kit_series_append(&series, s.writer, accepted, 12);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    CHECK_OK(respool_spill(s.spool, 0, kit_error()));
    kit_series_replay(&series, s.spool, 12, RESPOOL_END);
    kit_spool_close(&s);
    kit_scratch_remove(directory);
  }
  CHECK_NOTHING_LEFT();
}

static void bad_options(void) {
  struct ArrowSchema schema;
  respool *spool;
  respool_writer *writer;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, NULL);
  options.checksums = 2;
  kit_schema_parse("{id:int32}", &schema);
  CHECK_ERROR(respool_create(&schema, &options, &spool, &writer, kit_error()), RESPOOL_INVALID, "checksums");
  schema.release(&schema);
}

static const kit_test tests[] = {
    KIT_TEST(every_byte_of_a_named_file),
    KIT_TEST(every_byte_of_its_dictionaries),
    KIT_TEST(every_byte_of_compressed_batches),
    KIT_TEST(every_byte_of_an_anonymous_file_that_is_read),
    KIT_TEST(bytes_of_large_batches),
    KIT_TEST(bytes_of_a_mapped_anonymous_file),
    KIT_TEST(bytes_of_a_mapped_named_file),
    KIT_TEST(mapped_batches_are_checked_until_they_are_good),
    KIT_TEST(batches_that_changed_places),
    KIT_TEST(damage_behind_a_reader),
    KIT_TEST(the_message_says_where),
    KIT_TEST(anonymous_files_have_none_unless_asked),
    KIT_TEST(after_failed_writes),
    KIT_TEST(bad_options),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
