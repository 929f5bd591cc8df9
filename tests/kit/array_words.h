/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of one dictionary-encoded column of words, "{d:dictionary(i)<:utf8>}", from texts and as texts. */
#ifndef RESPOOL_TESTS_KIT_ARRAY_WORDS_H
#define RESPOOL_TESTS_KIT_ARRAY_WORDS_H

#include <respool/respool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIT_WORDS_FIELDS "{d:dictionary(i)<:utf8>}"

enum { KIT_WORDS = 16, KIT_WORDS_TEXT = 256 };

/* Memory that a test gives a dictionary, so that another one can come to lie there. */
typedef struct kit_place {
  int32_t offsets[KIT_WORDS + 1];
  char text[KIT_WORDS_TEXT];
  int users; /* batches not released yet */
} kit_place;

/* Words apart by blanks, and a digit for each row, '-' for a null: "red blue", "01-0". The words are put at `place`. */
void kit_words_at(kit_place *place, const char *words, const char *rows, struct ArrowArray *array);

/* In memory of its own. */
void kit_words_batch(const char *words, const char *rows, struct ArrowArray *array);

/* With one word of `size` bytes, all `letter`, in one row. */
void kit_words_big(char letter, int32_t size, struct ArrowArray *array);

/* The dictionary's words, a colon, and those of the rows: "red blue: red blue -". */
void kit_words_render(const struct ArrowArray *array, char *out, size_t size);

/* Append a batch of words. */
bool kit_words_append(respool_writer *writer, const char *words, const char *rows);

/* The reader's next batch is this one, as kit_words_render() writes it. */
#define CHECK_WORDS(reader, text) kit_words_check((reader), (text), __FILE__, __LINE__)
bool kit_words_check(respool_reader *reader, const char *expected, const char *file, int line);

#endif
