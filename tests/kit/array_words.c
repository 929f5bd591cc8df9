/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of words: see array_words.h. */
#include "array_words.h"

#include "array_node.h"
#include "bits.h"
#include "check.h"
#include "format.h"
#include "spool.h"

#include <stdio.h>
#include <string.h>

static void fill(kit_place *place, const char *words, int64_t *count) {
  int32_t size = 0;
  *count = 0;
  for (const char *c = words; *c != '\0'; c++) {
    if (c == words || c[-1] == ' ') place->offsets[(*count)++] = size;
    if (*c != ' ') place->text[size++] = *c;
  }
  place->offsets[*count] = size;
}

static void leave_place(void *memory) {
  ((kit_place *)memory)->users--;
}

/* The struct, its column of indices, and the dictionary's node, the values still missing. */
static struct ArrowArray *open_values(const char *rows, struct ArrowArray *array) {
  int64_t length = (int64_t)strlen(rows);
  kit_node_init(array, 1, 1);
  array->length = length;
  struct ArrowArray *column = array->children[0];
  kit_node_init(column, 2, 0);
  column->length = length;
  unsigned char *bits = kit_node_buffer(column, 0, (size_t)(length + 7) / 8, false);
  int32_t *indices = kit_node_buffer(column, 1, (size_t)length * 4, false);
  for (int64_t i = 0; i < length; i++) {
    kit_bit_set(bits, i, rows[i] != '-');
    column->null_count += rows[i] == '-';
    indices[i] = rows[i] == '-' ? -7 : rows[i] - '0';
  }
  struct ArrowArray *values = kit_node_add_dictionary(column);
  kit_node_init(values, 3, 0);
  return values;
}

void kit_words_at(kit_place *place, const char *words, const char *rows, struct ArrowArray *array) {
  struct ArrowArray *values = open_values(rows, array);
  fill(place, words, &values->length);
  values->buffers[1] = place->offsets;
  place->users++;
  kit_node_borrow(values, 2, place->text, leave_place, place);
}

void kit_words_batch(const char *words, const char *rows, struct ArrowArray *array) {
  kit_place place;
  struct ArrowArray *values = open_values(rows, array);
  fill(&place, words, &values->length);
  size_t count = (size_t)values->length, size = (size_t)place.offsets[count];
  memcpy(kit_node_buffer(values, 1, (count + 1) * sizeof(int32_t), false), place.offsets,
         (count + 1) * sizeof(int32_t));
  memcpy(kit_node_buffer(values, 2, size, false), place.text, size);
}

void kit_words_big(char letter, int32_t size, struct ArrowArray *array) {
  struct ArrowArray *values = open_values("0", array);
  const int32_t offsets[] = {0, size};
  values->length = 1;
  memcpy(kit_node_buffer(values, 1, sizeof offsets, false), offsets, sizeof offsets);
  memset(kit_node_buffer(values, 2, (size_t)size, false), letter, (size_t)size);
}

void kit_words_render(const struct ArrowArray *array, char *out, size_t size) {
  const struct ArrowArray *column = array->children[0], *values = column->dictionary;
  size_t used = 0;
  out[0] = '\0';
  for (int64_t i = 0; i < values->length + column->length; i++) {
    bool is_row = i >= values->length;
    int64_t row = column->offset + i - values->length;
    bool null = is_row && column->null_count != 0 && column->buffers[0] != NULL && !kit_bit(column->buffers[0], row);
    int64_t word = null ? 0 : is_row ? kit_number_at(column->buffers[1], 4, row) : i;
    int64_t first = kit_number_at(values->buffers[1], 4, values->offset + word);
    int64_t length = kit_number_at(values->buffers[1], 4, values->offset + word + 1) - first;
    const char *text = null ? "-" : (const char *)values->buffers[2] + first;
    const char *gap = i == values->length ? ": " : i > 0 ? " " : "";
    used += (size_t)snprintf(out + used, size - used, "%s%.*s", gap, null ? 1 : (int)length, text);
  }
}

bool kit_words_append(respool_writer *writer, const char *words, const char *rows) {
  struct ArrowArray array;
  kit_words_batch(words, rows, &array);
  return kit_append(writer, &array);
}

bool kit_words_check(respool_reader *reader, const char *expected, const char *file, int line) {
  struct ArrowArray array;
  char text[1024];
  if (!CHECK_OK(respool_reader_next(reader, &array, RESPOOL_WAIT_FOREVER, kit_error()))) return false;
  kit_words_render(&array, text, sizeof text);
  array.release(&array);
  bool same = strcmp(text, expected) == 0;
  if (!same) kit_failed(file, line, "the batch is '%s', expected '%s'", text, expected);
  return same;
}
