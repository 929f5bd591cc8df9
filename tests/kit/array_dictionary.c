/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random dictionary-encoded arrays: see array_random.c. From batch to batch a field's dictionary stays, grows or
 * changes, as its seed and the batch's number say. A dictionary that grows is the first part of one that is built in
 * full. It is delivered as a copy of its own, or shares its buffers with earlier batches as long as one of them is
 * alive: once the last is gone, the next copy may come to lie where that one was.
 */
#include "array_node.h"
#include "array_parts.h"
#include "bits.h"
#include "check.h"

#include <stdlib.h>

enum { CAPACITY = 12 };

/* ---- What the dictionary is -------------------------------------------------------------------------- */

static int64_t first_length(uint64_t seed, bool may_be_empty) {
  uint64_t dice = kit_mix(seed);
  return may_be_empty && dice % 8 == 0 ? 0 : 1 + (int64_t)(dice / 8 % 6);
}

kit_part_dictionary kit_part_choose_dictionary(builder *b, bool nullable) {
  uint64_t key = kit_mix(b->options->dictionary_seed + 7919 * b->dictionaries++);
  kit_part_dictionary d = {.key = key, .epoch = 0, .length = first_length(key, nullable)};
  for (int64_t i = 1; i <= b->options->batch; i++) {
    uint64_t dice = kit_mix(key + (uint64_t)i);
    if (dice % 10 < 5) continue;
    if (dice % 10 < 8) {
      d.length += 1 + (int64_t)(dice / 10 % 3);
    } else {
      d.epoch = i;
      d.length = first_length(kit_mix(key) + (uint64_t)i, nullable);
    }
    if (d.length > CAPACITY) d.length = CAPACITY;
  }
  return d;
}

static bool has_dictionary(const struct ArrowSchema *schema) {
  if (schema->dictionary != NULL) return true;
  for (int64_t i = 0; i < schema->n_children; i++)
    if (has_dictionary(schema->children[i])) return true;
  return false;
}

/* What one outside of another holds depends on the other, which goes its own way from batch to batch. */
static uint64_t contents_key(const builder *b, const kit_part_dictionary *d, const struct ArrowSchema *schema) {
  uint64_t inner = has_dictionary(schema) ? (uint64_t)b->options->batch + 1 : 0;
  return kit_mix(kit_mix(d->key + (uint64_t)d->epoch) + inner);
}

/* All CAPACITY values. */
static void build_in_full(const builder *b, const kit_part_dictionary *d, const struct ArrowSchema *schema,
                          uint64_t slack_seed, struct ArrowArray *out) {
  kit_array_options options = *b->options;
  options.dictionary_seed = kit_mix(d->key + 1);
  builder inner = {.options = &options, .depth = b->depth + 1};
  kit_random_init(&inner.values, contents_key(b, d, schema));
  kit_random_init(&inner.slack, slack_seed);
  kit_part_build(&inner, schema, (span){CAPACITY, 0, CAPACITY}, out);
}

static void shorten(const struct ArrowSchema *schema, int64_t length, struct ArrowArray *array) {
  kit_kind kind = kit_layout_of(schema->format).kind;
  array->length = length;
  if (array->null_count <= 0) return;
  array->null_count = kind == KIT_NULL ? length : 0;
  for (int64_t i = 0; i < length; i++)
    array->null_count += kind != KIT_NULL && !kit_bit(array->buffers[0], array->offset + i);
}

/* ---- Sharing it between batches ---------------------------------------------------------------------- */

typedef struct shared_dictionary {
  struct shared_dictionary *next;
  uint64_t key;
  int64_t references;
  struct ArrowArray array;
} shared_dictionary;

static shared_dictionary *shared;
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;

static void drop(void *dictionary) {
  shared_dictionary *d = dictionary;
  pthread_mutex_lock(&shared_lock);
  bool last = --d->references == 0;
  shared_dictionary **at = &shared;
  while (last && *at != d) at = &(*at)->next;
  if (last) *at = d->next;
  pthread_mutex_unlock(&shared_lock);
  if (!last) return;
  d->array.release(&d->array);
  free(d);
}

static shared_dictionary *find_shared(uint64_t key) {
  shared_dictionary *d = shared;
  while (d != NULL && d->key != key) d = d->next;
  return d;
}

/* With one more reference, or NULL. */
static shared_dictionary *refer_to(uint64_t key) {
  pthread_mutex_lock(&shared_lock);
  shared_dictionary *found = find_shared(key);
  if (found != NULL) found->references++;
  pthread_mutex_unlock(&shared_lock);
  return found;
}

/* With a reference for the caller. Built without the lock, since one may lie in another; two of a kind do no harm. */
static shared_dictionary *take_shared(const builder *b, const kit_part_dictionary *d,
                                      const struct ArrowSchema *schema) {
  uint64_t key = contents_key(b, d, schema);
  shared_dictionary *found = refer_to(key);
  if (found != NULL) return found;
  found = calloc(1, sizeof *found);
  if (found == NULL) kit_die("no memory");
  *found = (shared_dictionary){.key = key, .references = 1};
  build_in_full(b, d, schema, key, &found->array);
  pthread_mutex_lock(&shared_lock);
  found->next = shared;
  shared = found;
  pthread_mutex_unlock(&shared_lock);
  return found;
}

/* Another tree over the same buffers; each of its nodes holds a reference. */
static void mirror(shared_dictionary *d, const struct ArrowArray *from, struct ArrowArray *to) {
  kit_node_init(to, from->n_buffers, from->n_children);
  to->length = from->length;
  to->null_count = from->null_count;
  to->offset = from->offset;
  for (int64_t i = 0; i < from->n_buffers; i++) to->buffers[i] = from->buffers[i];
  pthread_mutex_lock(&shared_lock);
  d->references++;
  pthread_mutex_unlock(&shared_lock);
  kit_node_borrow(to, -1, NULL, drop, d);
  for (int64_t i = 0; i < from->n_children; i++) mirror(d, from->children[i], to->children[i]);
  if (from->dictionary != NULL) mirror(d, from->dictionary, kit_node_add_dictionary(to));
}

/* ---- The array --------------------------------------------------------------------------------------- */

static void build_dictionary(builder *b, const struct ArrowSchema *schema, const kit_part_dictionary *d,
                             struct ArrowArray *out) {
  if (sometimes(b, 0.5)) {
    shared_dictionary *found = take_shared(b, d, schema);
    mirror(found, &found->array, out);
    drop(found);
  } else {
    build_in_full(b, d, schema, kit_random_next(&b->slack), out);
  }
  shorten(schema, d->length, out);
}

void kit_part_indices(builder *b, const struct ArrowSchema *schema, const kit_part_dictionary *d, const span *s,
                      struct ArrowArray *out) {
  int64_t width = kit_layout_of(schema->format).width;
  unsigned char *indices = kit_part_buffer(b, out, 1, s->total * width);
  for (int64_t i = 0; i < s->total; i++) {
    bool null = kit_slot_null(KIT_FIXED, out, i);
    if (live(s, i) && null)
      kit_random_fill(&b->values, indices + i * width, (size_t)width);
    else if (shown(out, i) && !null)
      put_number(indices, width, i, kit_random_below(live(s, i) ? &b->values : &b->slack, d->length));
  }
  if (s->total == 0 && sometimes(b, 0.5)) out->buffers[1] = NULL;
  build_dictionary(b, schema->dictionary, d, kit_node_add_dictionary(out));
}
