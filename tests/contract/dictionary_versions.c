/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dictionaries from batch to batch: each version goes to the file once, in front of the first batch that uses it.
 * Content decides what is another version, whatever address it has; and a write that fails changes nothing.
 */
#include "array_node.h"
#include "array_words.h"
#include "spool.h"
#include "system.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- The messages of a file ------------------------------------------------------------------------ */

typedef struct sequence {
  char letters[512]; /* S, D, B: schema, dictionary, batch */
  size_t count;
} sequence;

static int note_message(void *user_data, const respool_ipc_message *message) {
  sequence *s = user_data;
  if (s->count + 1 < sizeof s->letters) s->letters[s->count++] = " SDB"[message->kind];
  return 0;
}

static void check_sequence(const char *path, const char *expected) {
  sequence seen = {.count = 0};
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK_OK(respool_ipc_inspect_fd(fd, NULL, note_message, &seen, NULL, &summary, kit_error()));
  close(fd);
  CHECK_STR(seen.letters, expected);
}

/* ---- What is written ------------------------------------------------------------------------------- */

typedef struct step {
  const char *words;
  const char *rows;
} step;

/* Appended one by one (each in a run of its own) or together, the file has these messages. */
static void check_steps(const step *steps, int count, const char *expected) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_join(path, directory, "file");
  for (int together = 0; together < 2; together++) {
    kit_spool s;
    respool_options options = kit_options(0, RESPOOL_MODE_ALL, path);
    kit_spool_open(&s, KIT_WORDS_FIELDS, &options);
    for (int i = 0; i < count; i++) {
      kit_words_append(s.writer, steps[i].words, steps[i].rows);
      if (together == 0) CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    }
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    check_sequence(path, expected);
    kit_spool_close(&s);
    unlink(path);
  }
  kit_scratch_remove(directory);
}

static void written_once_for_equal_content(void) {
  static const step steps[] = {{"red blue", "01"}, {"red blue", "-0"}, {"red blue", ""}, {"red blue", "1110"}};
  check_steps(steps, 4, "SDBBBB");
}

static void written_again_when_it_changes(void) {
  static const step steps[] = {{"red blue", "01"}, {"red blue", "1"}, {"red green", "1"}, {"red green", "0"},
                               {"red blue", "0"},  {"red", "0"},      {"red b lue", "0"}, {"re db lue", "012"},
                               {"re db lue", "-"}, {"red blue", "1-"}};
  check_steps(steps, 10, "SDBBDBBDBDBDBDBBDB");
}

/* Nothing is written for a stream without batches, and all dictionaries before the first batch, though it is empty. */
static void none_without_batches(void) {
  check_steps(NULL, 0, "S");
  check_steps((const step[]){{"", ""}}, 1, "SDB");
  check_steps((const step[]){{"", "--"}, {"a", "0"}}, 2, "SDBDB");
}

/* An outer dictionary goes out again when one inside it has changed, and only then. */
static void outer_again_with_inner(void) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, directory, "file"));
  kit_spool_open(&s, "{o:dictionary(i)<:struct<d:dictionary(i)<:utf8>>>}", &options);
  static const char *const inner[] = {"a b", "a b", "a c", "a c"};
  for (int i = 0; i < 4; i++) {
    struct ArrowArray batch, outer_values;
    kit_words_batch(inner[i], "01", &outer_values); /* a struct of the indices */
    kit_node_init(&batch, 1, 1);
    batch.length = 3;
    struct ArrowArray *column = batch.children[0];
    kit_node_init(column, 2, 0);
    column->length = 3;
    memcpy(kit_node_buffer(column, 1, 12, false), (const int32_t[]){1, 0, 1}, 12);
    *kit_node_add_dictionary(column) = outer_values;
    kit_append(s.writer, &batch);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  check_sequence(path, "SDDBBDDBB");
  kit_spool_close(&s);
  kit_scratch_remove(directory);
}

/* ---- Addresses that are used again ----------------------------------------------------------------- */

/* Each batch is written and released before the next one takes its memory over. */
static void reused_memory(int32_t mode, int32_t replay, const char *directory) {
  char path[KIT_PATH], expected[64];
  kit_join(path, directory, "file");
  static kit_place at;
  kit_spool s;
  respool_options options = kit_options(0, mode, mode == RESPOOL_MODE_OVERFLOW ? directory : path);
  options.replay = replay;
  kit_spool_open(&s, KIT_WORDS_FIELDS, &options);
  for (int i = 0; i < 20; i++) {
    char words[] = "xa xb";
    struct ArrowArray array;
    words[0] = words[3] = (char)('a' + i);
    kit_words_at(&at, words, "01", &array);
    kit_append(s.writer, &array);
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    REQUIRE_EQ(at.users, 0);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *reader = kit_reader(s.spool);
  for (int i = 0; i < 20; i++) {
    int x = 'a' + i;
    snprintf(expected, sizeof expected, "%ca %cb: %ca %cb", x, x, x, x);
    CHECK_WORDS(reader, expected);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
  kit_spool_close(&s);
  unlink(path);
}

static void not_fooled_by_an_address(void) {
  const char *directory = kit_scratch();
  for (int32_t mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ALL; mode++) {
    reused_memory(mode, RESPOOL_REPLAY_MAP, directory);
    reused_memory(mode, RESPOOL_REPLAY_READ, directory);
  }
  kit_scratch_remove(directory);
}

/* A source that fills the same memory for every batch: only the one before is held when the next one comes. */
typedef struct reusing {
  kit_place places[2];
  int given;
} reusing;

static int reusing_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  (void)stream;
  kit_schema_parse(KIT_WORDS_FIELDS, out);
  return 0;
}

static int reusing_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  reusing *source = stream->private_data;
  int i = source->given++;
  out->release = NULL;
  if (i == 12) return 0;
  char words[] = "xa xb";
  words[0] = words[3] = (char)('a' + i);
  kit_place *at = source->places[0].users == 0 ? &source->places[0] : &source->places[1];
  if (at->users > 0) kit_die("more than one batch before is held");
  kit_words_at(at, words, "10", out);
  return 0;
}

static void reusing_release(struct ArrowArrayStream *stream) {
  stream->release = NULL;
}

/* The same for writing IPC bytes. */
static void writing_is_not_fooled(void) {
  static reusing source;
  char path[KIT_PATH], expected[64];
  const char *directory = kit_scratch();
  struct ArrowArrayStream stream = {
      .get_schema = reusing_schema, .get_next = reusing_next, .release = reusing_release, .private_data = &source};
  int fd = open(kit_join(path, directory, "out"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  CHECK_OK(respool_ipc_write_fd(&stream, fd, NULL, NULL, kit_error()));
  lseek(fd, 0, SEEK_SET);
  REQUIRE_OK(respool_ipc_read_fd(fd, NULL, &stream, kit_error()));
  for (int i = 0; i < 12; i++) {
    struct ArrowArray array;
    char text[64];
    int x = 'a' + i;
    REQUIRE_EQ(stream.get_next(&stream, &array), 0);
    kit_words_render(&array, text, sizeof text);
    array.release(&array);
    snprintf(expected, sizeof expected, "%ca %cb: %cb %ca", x, x, x, x);
    CHECK_STR(text, expected);
  }
  stream.release(&stream);
  close(fd);
  kit_scratch_remove(directory);
}

/* ---- Writes that fail ------------------------------------------------------------------------------ */

/* The run with new dictionaries fails somewhere inside; the next one writes them, each once and none left out. */
static void failing_in_a_run(void) {
  static const step steps[] = {{"a b", "01"}, {"a b", "1"}, {"c d", "1"}, {"c d", "0"}, {"a b", "0"}, {"e", "0"}};
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_join(path, directory, "file");
  int failures = 0;
  for (int64_t room = 600; room < 6000; room += 64) {
    kit_spool s;
    respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_ALL, path);
    kit_spool_open(&s, KIT_WORDS_FIELDS, &options);
    kit_words_append(s.writer, "a b", "0");
    kit_limit_file_size(room);
    CHECK(respool_writer_flush(s.writer, NULL) == RESPOOL_OK || room < 2000);
    for (int i = 0; i < 6; i++) kit_words_append(s.writer, steps[i].words, steps[i].rows);
    failures += respool_writer_flush(s.writer, NULL) != RESPOOL_OK;
    kit_limit_file_size(-1);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    CHECK_OK(respool_spill(s.spool, 0, kit_error()));
    respool_reader *reader = kit_reader(s.spool);
    CHECK_WORDS(reader, "a b: a");
    CHECK_WORDS(reader, "a b: a b");
    CHECK_WORDS(reader, "a b: b");
    CHECK_WORDS(reader, "c d: d");
    CHECK_WORDS(reader, "c d: c");
    CHECK_WORDS(reader, "a b: a");
    CHECK_WORDS(reader, "e: e");
    respool_reader_close(reader);
    check_sequence(path, "SDBBBDBBDBDB");
    kit_spool_close(&s);
    unlink(path);
  }
  CHECK(failures > 10);
  kit_scratch_remove(directory);
}

static const kit_test tests[] = {
    KIT_TEST(written_once_for_equal_content),
    KIT_TEST(written_again_when_it_changes),
    KIT_TEST(none_without_batches),
    KIT_TEST(outer_again_with_inner),
    KIT_TEST(not_fooled_by_an_address),
    KIT_TEST(writing_is_not_fooled),
    KIT_TEST(failing_in_a_run),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
