/* SPDX-License-Identifier: Apache-2.0 */
/* Dictionaries as readers get them: each batch with the values that it came with, shared while they are in use. */
#include "array_words.h"
#include "format.h"
#include "spool.h"
#include "system.h"

#include <string.h>
#include <unistd.h>

/* ---- Readers --------------------------------------------------------------------------------------- */

/* A batch without rows has its dictionary all the same, from memory and from the file. */
static void without_rows(void) {
  const char *directory = kit_scratch();
  for (int stored = 0; stored < 2; stored++) {
    kit_spool s;
    respool_options options = kit_options(stored ? 0 : RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, directory);
    kit_spool_open(&s, KIT_WORDS_FIELDS, &options);
    kit_words_append(s.writer, "a b", "");
    kit_words_append(s.writer, "c", "");
    kit_words_append(s.writer, "d e", "10");
    CHECK_OK(respool_writer_flush(s.writer, kit_error()));
    respool_reader *reader = kit_reader(s.spool);
    CHECK_WORDS(reader, "a b");
    CHECK_WORDS(reader, "c");
    CHECK_WORDS(reader, "d e: e d");
    respool_reader_close(reader);
    kit_spool_close(&s);
  }
  kit_scratch_remove(directory);
}

static const char alternating[] = "{a:dictionary(C)<:utf8>,b:list<i:dictionary(l)<:utf8_view>>,"
                                  "c:dictionary(s)<:list<i:dictionary(c)<:int64>>>,n:int32}";

/* Every mode, limit and way of reading, with dictionaries that stay, grow, change and come back. */
static void every_mode(void) {
  char path[KIT_PATH];
  const char *directory = kit_scratch();
  kit_join(path, directory, "file");
  for (int32_t mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ALL; mode++) {
    for (int32_t replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
      for (int64_t limit = 0; limit <= 40000; limit += 20000) {
        kit_spool s;
        respool_options options = kit_options(limit, mode, mode == RESPOOL_MODE_OVERFLOW ? directory : path);
        options.replay = replay;
        options.write_chunk = 4096;
        kit_spool_open(&s, alternating, &options);
        kit_series series = {
            .schema = &s.schema, .seed = kit_seed(), .rows_most = 30, .null_rate = 0.2, .sliced = true};
        kit_series_append(&series, s.writer, 0, 40);
        kit_series_replay(&series, s.spool, 40, RESPOOL_TIMED_OUT);
        CHECK_OK(respool_writer_finish(s.writer, kit_error()));
        kit_series_replay(&series, s.spool, 40, RESPOOL_END);
        kit_spool_close(&s);
        unlink(path);
      }
    }
  }
  kit_scratch_remove(directory);
  CHECK_NOTHING_LEFT();
}

enum { READERS = 8, BIG_WORD = 300000 };

/* One value of many bytes: what is decoded of it can be seen in the figures. */
static bool big_is(const struct ArrowArray *array, char letter) {
  const struct ArrowArray *values = array->children[0]->dictionary;
  const char *text = values->buffers[2];
  return kit_number_at(values->buffers[1], 4, 1) == BIG_WORD && text[0] == letter && text[BIG_WORD - 1] == letter;
}

/* Readers at the same version share its values, and the last to go on lets them go. */
static void readers_share_values(void) {
  const char *directory = kit_scratch();
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  options.replay = RESPOOL_REPLAY_READ;
  kit_spool_open(&s, KIT_WORDS_FIELDS, &options);
  for (int i = 0; i < 12; i++) {
    struct ArrowArray array;
    kit_words_big((char)('a' + i / 2), BIG_WORD, &array);
    kit_append(s.writer, &array);
  }
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  respool_reader *readers[READERS];
  struct ArrowArray held[READERS];
  for (int i = 0; i < READERS; i++) readers[i] = kit_reader(s.spool);
  int64_t most = 0;
  for (int batch = 0; batch < 12; batch++) {
    for (int i = 0; i < READERS; i++) {
      REQUIRE_OK(respool_reader_next(readers[i], &held[i], 0, kit_error()));
      CHECK(big_is(&held[i], (char)('a' + batch / 2)));
      if (i > 0) CHECK(held[i].children[0]->dictionary->buffers[2] == held[0].children[0]->dictionary->buffers[2]);
    }
    int64_t bytes = kit_stats(s.spool).bytes_read_buffers;
    if (bytes > most) most = bytes;
    for (int i = 0; i < READERS; i++) held[i].release(&held[i]);
  }
  /* Buffers come in sizes by powers of two; one version, one on its way, two kept for reuse. */
  CHECK_LE(most, 4 * 524288 + 1048576);
  for (int i = 0; i < READERS; i++) respool_reader_close(readers[i]);
  kit_spool_close(&s);
  kit_scratch_remove(directory);
}

/* What was handed out keeps its values, whatever its reader has gone on to and whatever was closed. */
static void handed_out_batches_keep_their_values(void) {
  const char *directory = kit_scratch();
  for (int32_t replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
    struct ArrowArray held[6];
    kit_spool s;
    respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
    options.replay = replay;
    kit_spool_open(&s, KIT_WORDS_FIELDS, &options);
    for (int i = 0; i < 6; i++) {
      kit_words_big((char)('a' + i), BIG_WORD, &held[i]);
      kit_append(s.writer, &held[i]);
    }
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    respool_reader *reader = kit_reader(s.spool);
    for (int i = 0; i < 6; i++) REQUIRE_OK(respool_reader_next(reader, &held[i], 0, kit_error()));
    respool_reader_close(reader);
    kit_spool_close(&s);
    for (int i = 0; i < 6; i++) {
      CHECK(big_is(&held[i], (char)('a' + i)));
      held[i].release(&held[i]);
    }
  }
  kit_scratch_remove(directory);
}

/* ---- Threads --------------------------------------------------------------------------------------- */

enum { THREAD_BATCHES = 120 };

typedef struct follower {
  const kit_series *series;
  respool *spool;
  int64_t skip; /* batches held back before they are released, so that versions overlap */
} follower;

static void *follow(void *argument) {
  const follower *f = argument;
  respool_reader *reader = NULL;
  struct ArrowArray held[4] = {{.release = NULL}};
  if (!CHECK_OK(respool_reader_open(f->spool, NULL, &reader, kit_error()))) return NULL;
  for (int64_t i = 0; i < THREAD_BATCHES && kit_failures() == 0; i++) {
    struct ArrowArray *slot = &held[i % (f->skip + 1)];
    if (slot->release != NULL) kit_series_check(f->series, i - f->skip - 1, slot);
    if (!CHECK_OK(respool_reader_next(reader, slot, RESPOOL_WAIT_FOREVER, kit_error()))) slot->release = NULL;
  }
  for (int i = 0; i < 4; i++)
    if (held[i].release != NULL) held[i].release(&held[i]);
  respool_reader_close(reader);
  return NULL;
}

/* Readers on threads, at their own pace, beside the producer. */
static void threads_at_different_versions(void) {
  const char *directory = kit_scratch();
  for (int32_t replay = RESPOOL_REPLAY_MAP; replay <= RESPOOL_REPLAY_READ; replay++) {
    kit_spool s;
    respool_options options = kit_options(3000, RESPOOL_MODE_OVERFLOW, directory);
    options.replay = replay;
    options.write_chunk = 4096;
    kit_spool_open(&s, alternating, &options);
    kit_series series = {.schema = &s.schema, .seed = kit_seed(), .rows_most = 20, .null_rate = 0.2};
    follower followers[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
      followers[i] = (follower){&series, s.spool, i};
      threads[i] = kit_thread_start(follow, &followers[i]);
    }
    kit_series_append(&series, s.writer, 0, THREAD_BATCHES);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    for (int i = 0; i < 4; i++) kit_thread_join(threads[i]);
    kit_spool_close(&s);
  }
  kit_scratch_remove(directory);
}

static const kit_test tests[] = {
    KIT_TEST(without_rows),
    KIT_TEST(every_mode),
    KIT_TEST(readers_share_values),
    KIT_TEST(handed_out_batches_keep_their_values),
    KIT_TEST(threads_at_different_versions),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
