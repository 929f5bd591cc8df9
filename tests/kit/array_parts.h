/* SPDX-License-Identifier: Apache-2.0 */
/* What the files share that build random arrays: see array_random.c. */
#ifndef RESPOOL_TESTS_KIT_ARRAY_PARTS_H
#define RESPOOL_TESTS_KIT_ARRAY_PARTS_H

#include "array_build.h"
#include "format.h"

#include <string.h>

typedef struct builder {
  kit_random values; /* what the arrays say */
  kit_random slack;  /* how they lie in memory */
  const kit_array_options *options;
  int depth;             /* of the node that is being built; the batch is 0 */
  int64_t slots;         /* in memory so far, over all nodes */
  uint64_t dictionaries; /* dictionary-encoded fields so far */
} builder;

/* Slots of one node in memory: how many, and which of them carry values. */
typedef struct span {
  int64_t total;
  int64_t live_begin;
  int64_t live_end;
} span;

static inline bool live(const span *s, int64_t slot) {
  return slot >= s->live_begin && slot < s->live_end;
}

/* Slots around the live ones that the array shows all the same have to be legal; others are never looked at. */
static inline bool shown(const struct ArrowArray *array, int64_t slot) {
  return slot >= array->offset && slot < array->offset + array->length;
}

static inline bool sometimes(builder *b, double chance) {
  return b->options->sliced && kit_random_chance(&b->slack, chance);
}

static inline int64_t some_slack(builder *b, int64_t most) {
  return sometimes(b, 0.7) ? kit_random_between(&b->slack, 0, most) : 0;
}

static inline void put_number(void *to, int64_t width, int64_t slot, int64_t value) {
  int8_t one = (int8_t)value;
  int16_t two = (int16_t)value;
  int32_t four = (int32_t)value;
  const void *from = width == 1   ? (const void *)&one
                     : width == 2 ? (const void *)&two
                     : width == 4 ? (const void *)&four
                                  : (const void *)&value;
  memcpy((unsigned char *)to + slot * width, from, (size_t)width);
}

/* The buffer, filled with the marker. */
void *kit_part_buffer(builder *b, struct ArrowArray *array, int64_t index, int64_t size);

/* Lists deep down are short, so that arrays do not double at each level. */
int64_t kit_part_list_most(const builder *b);

void kit_part_text(builder *b, bool text, unsigned char *to, int64_t size);

/* `slots.total` is the array's length; its own slack is added around. */
void kit_part_build(builder *b, const struct ArrowSchema *schema, span slots, struct ArrowArray *out);

/* One field's dictionary in one batch: the first `length` values of what `key` and `epoch` stand for. */
typedef struct kit_part_dictionary {
  uint64_t key;
  int64_t epoch;
  int64_t length;
} kit_part_dictionary;

/* Of the next dictionary-encoded field. It may be without values only where the indices may all be null. */
kit_part_dictionary kit_part_choose_dictionary(builder *b, bool nullable);

/* Contents of a node whose validity is there already. `s` are its slots in memory. */
void kit_part_views(builder *b, const struct ArrowSchema *schema, const span *s, struct ArrowArray *out);
void kit_part_list_views(builder *b, const struct ArrowSchema *schema, const span *s, struct ArrowArray *out);
void kit_part_sparse(builder *b, const struct ArrowSchema *schema, const span *s, struct ArrowArray *out);
void kit_part_dense(builder *b, const struct ArrowSchema *schema, const span *s, struct ArrowArray *out);
void kit_part_runs(builder *b, const struct ArrowSchema *schema, const span *s, struct ArrowArray *out);
void kit_part_indices(builder *b, const struct ArrowSchema *schema, const kit_part_dictionary *d, const span *s,
                      struct ArrowArray *out);

#endif
