/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of strings, nested and dictionary data: a template of each, made once, and shells over its buffers. */
#include "bench.h"
#include "source.h"
#include "sums.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 65536, STRING_BYTES = 60, LIST_LENGTH = 7, DICTIONARY_VALUES = 1000 };

/* ---- Memory, nodes of a template ------------------------------------------------------------------- */

static void *allocate(size_t size) {
  size_t whole = (size / 64 + 1) * 64;
  void *made = aligned_alloc(64, whole);
  BENCH_NEED(made != NULL, "no memory");
  memset(made, 0, whole);
  return made;
}

static uint64_t draw(uint64_t *state) {
  *state = *state * 6364136223846793005U + 1442695040888963407U;
  return *state >> 33;
}

/* Templates live for ever. */
static struct ArrowArray *node(int64_t length, int64_t buffers, int64_t children) {
  struct ArrowArray *made = allocate(sizeof *made);
  made->length = length;
  made->n_buffers = buffers;
  made->n_children = children;
  made->buffers = allocate((size_t)buffers * sizeof *made->buffers);
  made->children = allocate((size_t)children * sizeof *made->children);
  return made;
}

static struct ArrowArray *fixed(int64_t length, const void *values) {
  struct ArrowArray *made = node(length, 2, 0);
  made->buffers[1] = values;
  return made;
}

static struct ArrowArray *integers(uint64_t *state) {
  int64_t *values = allocate(TYPED_ROWS * sizeof *values);
  for (int i = 0; i < TYPED_ROWS; i++) values[i] = (int64_t)(draw(state) << 13);
  return fixed(TYPED_ROWS, values);
}

/* ---- Strings --------------------------------------------------------------------------------------- */

/* Some words after one another, so that compressors find in it what they find in texts. */
static const char *text(void) {
  static const char syllables[16][4] = {"an", "ber", "co", "dun", "el",  "fir", "ga",  "hol",
                                        "in", "ker", "lo", "man", "nor", "os",  "pel", "ra"};
  static char *made;
  if (made != NULL) return made;
  uint64_t state = 7;
  made = allocate(TEXT_BYTES + 8);
  for (size_t at = 0; at < TEXT_BYTES;) {
    const char *syllable = syllables[draw(&state) % 16];
    memcpy(made + at, syllable, strlen(syllable));
    at += strlen(syllable);
    if (draw(&state) % 3 == 0) made[at++] = ' ';
  }
  return made;
}

static struct ArrowArray *strings(int64_t length, uint64_t *state) {
  int32_t *offsets = allocate(((size_t)length + 1) * sizeof *offsets);
  char *bytes = allocate((size_t)length * STRING_BYTES);
  for (int64_t i = 0; i < length; i++) {
    int32_t size = (int32_t)(draw(state) % (STRING_BYTES + 1));
    memcpy(bytes + offsets[i], text() + draw(state) % (TEXT_BYTES - STRING_BYTES), (size_t)size);
    offsets[i + 1] = offsets[i] + size;
  }
  struct ArrowArray *made = node(length, 3, 0);
  made->buffers[1] = offsets;
  made->buffers[2] = bytes;
  return made;
}

/* ---- The kinds ------------------------------------------------------------------------------------- */

static struct ArrowArray *strings_template(uint64_t *state) {
  struct ArrowArray *made = node(TYPED_ROWS, 1, 2);
  made->children[0] = integers(state);
  made->children[1] = strings(TYPED_ROWS, state);
  return made;
}

static struct ArrowArray *lists(uint64_t *state) {
  int32_t *offsets = allocate((TYPED_ROWS + 1) * sizeof *offsets);
  double *values = allocate(TYPED_ROWS * LIST_LENGTH * sizeof *values);
  for (int i = 0; i < TYPED_ROWS; i++) {
    offsets[i + 1] = offsets[i] + (int32_t)(draw(state) % (LIST_LENGTH + 1));
    for (int32_t k = offsets[i]; k < offsets[i + 1]; k++) values[k] = (double)draw(state) / 1024;
  }
  struct ArrowArray *made = node(TYPED_ROWS, 2, 1);
  made->buffers[1] = offsets;
  made->children[0] = fixed(offsets[TYPED_ROWS], values);
  return made;
}

static struct ArrowArray *nested_template(uint64_t *state) {
  struct ArrowArray *pair = node(TYPED_ROWS, 1, 2);
  pair->children[0] = integers(state);
  pair->children[1] = lists(state);
  struct ArrowArray *made = node(TYPED_ROWS, 1, 1);
  made->children[0] = pair;
  return made;
}

static struct ArrowArray *dictionary_template(uint64_t *state) {
  static struct ArrowArray *values; /* the same ones for all batches */
  uint64_t of_values = 11;
  if (values == NULL) values = strings(DICTIONARY_VALUES, &of_values);
  int32_t *indices = allocate(TYPED_ROWS * sizeof *indices);
  for (int i = 0; i < TYPED_ROWS; i++) indices[i] = (int32_t)(draw(state) % DICTIONARY_VALUES);
  struct ArrowArray *made = node(TYPED_ROWS, 1, 1);
  made->children[0] = fixed(TYPED_ROWS, indices);
  made->children[0]->dictionary = values;
  return made;
}

typedef struct ArrowArray *(*maker)(uint64_t *state);

static const struct ArrowArray *template_of(source_kind kind, int64_t index) {
  static const maker makers[SOURCE_KINDS] = {strings_template, nested_template, dictionary_template};
  static struct ArrowArray *made[SOURCE_KINDS][TYPED_BATCHES];
  uint64_t state = (uint64_t)kind + 1;
  if (made[kind][0] == NULL)
    for (int i = 0; i < TYPED_BATCHES; i++) made[kind][i] = makers[kind](&state);
  return made[kind][index % TYPED_BATCHES];
}

/* ---- Batches --------------------------------------------------------------------------------------- */

/* Children and dictionary may have been moved out; the shells are this node's all the same. */
static void release_shell(struct ArrowArray *array) {
  for (int64_t i = 0; i < array->n_children; i++) {
    if (array->children[i]->release != NULL) array->children[i]->release(array->children[i]);
    free(array->children[i]);
  }
  free(array->children);
  if (array->dictionary != NULL && array->dictionary->release != NULL) array->dictionary->release(array->dictionary);
  free(array->dictionary);
  array->release = NULL;
}

static void shell(const struct ArrowArray *from, struct ArrowArray *to) {
  *to = *from;
  to->release = release_shell;
  to->children = allocate((size_t)from->n_children * sizeof *to->children);
  for (int64_t i = 0; i < from->n_children; i++) {
    to->children[i] = allocate(sizeof *to->children[i]);
    shell(from->children[i], to->children[i]);
  }
  if (from->dictionary == NULL) return;
  to->dictionary = allocate(sizeof *to->dictionary);
  shell(from->dictionary, to->dictionary);
}

static void make(source_kind kind, int64_t index, struct ArrowArray *array) {
  shell(template_of(kind, index), array);
}

/* ---- Schemas --------------------------------------------------------------------------------------- */

static void keep(struct ArrowSchema *schema) {
  (void)schema; /* static memory */
}

#define FIELD(its_name, its_format)                                                                                    \
  { .format = its_format, .name = its_name, .release = keep }
#define PARENT(its_name, its_format, count, its_children)                                                              \
  { .format = its_format, .name = its_name, .n_children = count, .children = its_children, .release = keep }

static struct ArrowSchema id_field = FIELD("id", "l"), text_field = FIELD("text", "u"), item_field = FIELD("item", "g");
static struct ArrowSchema *list_children[] = {&item_field};
static struct ArrowSchema list_field = PARENT("values", "+l", 1, list_children);
static struct ArrowSchema *pair_children[] = {&id_field, &list_field};
static struct ArrowSchema pair_field = PARENT("pair", "+s", 2, pair_children);
static struct ArrowSchema word_field = {.format = "i", .name = "word", .dictionary = &text_field, .release = keep};
static struct ArrowSchema *of_strings[] = {&id_field, &text_field}, *of_nested[] = {&pair_field},
                          *of_dictionary[] = {&word_field};

const struct ArrowSchema *source_typed_schema(source_kind kind) {
  static const struct ArrowSchema schemas[SOURCE_KINDS] = {
      PARENT("", "+s", 2, of_strings), PARENT("", "+s", 1, of_nested), PARENT("", "+s", 1, of_dictionary)};
  return &schemas[kind];
}

/* ---- Sums ------------------------------------------------------------------------------------------ */

uint64_t sum_tree(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t *bytes) {
  pieces found;
  uint64_t sum = 0;
  pieces_of(schema, array, &found);
  for (int i = 0; i < found.count; i++) {
    sum += take_all(found.bytes[i], found.sizes[i]);
    if (bytes != NULL) *bytes += found.sizes[i];
  }
  return sum;
}

void source_strings(int64_t index, struct ArrowArray *array) {
  make(SOURCE_STRINGS, index, array);
}

void source_nested(int64_t index, struct ArrowArray *array) {
  make(SOURCE_NESTED, index, array);
}

void source_dictionary(int64_t index, struct ArrowArray *array) {
  make(SOURCE_DICTIONARY, index, array);
}
