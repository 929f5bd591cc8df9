/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random arrays of any schema.
 *
 * Each node has `before + length + after` slots in memory, of which those inside the live range carry values and all
 * others the marker. Values come from one random sequence, which the other slots never touch, and everything about
 * the place in memory from a second one, so that slicing changes no value.
 */
#include "array_node.h"
#include "array_parts.h"
#include "bits.h"
#include "check.h"

enum {
  SHORT_LISTS_BELOW = 4, /* deeper lists have one item at most */
  SLOTS_MOST = 1 << 28   /* more is a mistake of the test */
};

static void build(builder *b, const struct ArrowSchema *schema, span slots, bool top, struct ArrowArray *out);

kit_array_options kit_array_defaults(uint64_t seed, int64_t length) {
  return (kit_array_options){
      .seed = seed, .length = length, .null_rate = 0.2, .list_max = 4, .slack_seed = seed + 1, .dictionary_seed = seed};
}

static void *buffer(builder *b, struct ArrowArray *array, int64_t index, size_t size) {
  return kit_node_buffer(array, index, size, b->options->unaligned);
}

void *kit_part_buffer(builder *b, struct ArrowArray *array, int64_t index, int64_t size) {
  void *memory = buffer(b, array, index, (size_t)size);
  return memset(memory, KIT_MARKER_BYTE, (size_t)size);
}

/* A bitmap of markers, to be filled in the live range. */
static unsigned char *marked_bitmap(builder *b, struct ArrowArray *array, int index, const span *s) {
  size_t size = (size_t)(s->total + 7) / 8;
  unsigned char *bits = buffer(b, array, index, size);
  memset(bits, KIT_MARKER_BYTE, size);
  return bits;
}

/* The values sequence is advanced whether or not the bitmap is kept in the end. */
static void build_validity(builder *b, const struct ArrowSchema *schema, const span *s, bool all_null,
                           struct ArrowArray *out) {
  bool nullable = (schema->flags & ARROW_FLAG_NULLABLE) != 0;
  unsigned char *bits = marked_bitmap(b, out, 0, s);
  int64_t nulls = 0;
  for (int64_t i = s->live_begin; i < s->live_end; i++) {
    bool null = nullable && kit_random_chance(&b->values, b->options->null_rate);
    null = null || all_null;
    kit_bit_set(bits, i, !null);
    nulls += null;
  }
  for (int64_t i = 0; i < s->total && all_null; i++) kit_bit_set(bits, i, false);
  bool keep = nulls > 0 || all_null || (nullable && sometimes(b, 0.3));
  if (!keep) out->buffers[0] = NULL;
  int64_t counted = keep ? kit_bits_count_zeros(bits, out->offset, out->length) : 0;
  bool unknown = b->options->unknown_nulls && kit_random_chance(&b->slack, 0.5);
  out->null_count = unknown ? -1 : counted;
}

/* The batch itself has no nulls; a bitmap that says so is legal. */
static void build_top_validity(builder *b, const span *s, struct ArrowArray *out) {
  if (!sometimes(b, 0.3)) return;
  unsigned char *bits = marked_bitmap(b, out, 0, s);
  for (int64_t i = s->live_begin; i < s->live_end; i++) kit_bit_set(bits, i, true);
  if (sometimes(b, 0.5)) out->null_count = -1;
}

static void build_bool(builder *b, const span *s, struct ArrowArray *out) {
  unsigned char *bits = marked_bitmap(b, out, 1, s);
  for (int64_t i = s->live_begin; i < s->live_end; i++) kit_bit_set(bits, i, kit_random_chance(&b->values, 0.5));
}

/* A buffer of no bytes may be absent, or lead nowhere useful. */
static void maybe_absent(builder *b, struct ArrowArray *out, int index, int64_t size) {
  if (size == 0 && sometimes(b, 0.5)) out->buffers[index] = NULL;
}

static void build_fixed(builder *b, int64_t width, const span *s, struct ArrowArray *out) {
  int64_t size = width * s->total;
  unsigned char *to = buffer(b, out, 1, (size_t)size);
  memset(to, KIT_MARKER_BYTE, (size_t)size);
  kit_random_fill(&b->values, to + width * s->live_begin, (size_t)(width * (s->live_end - s->live_begin)));
  maybe_absent(b, out, 1, size);
}

int64_t kit_part_list_most(const builder *b) {
  bool deep = b->depth > SHORT_LISTS_BELOW;
  return deep && b->options->list_max > 1 ? 1 : b->options->list_max;
}

/* Offsets of a list or text. Answers with the items below, of which those of live slots are live. */
static span build_offsets(builder *b, int64_t width, const span *s, struct ArrowArray *out) {
  unsigned char *offsets = buffer(b, out, 1, (size_t)((s->total + 1) * width));
  int64_t at = some_slack(b, 9);
  span items = {0, at, at};
  for (int64_t i = 0; i < s->total; i++) {
    put_number(offsets, width, i, at);
    if (i == s->live_begin) items.live_begin = at;
    at += live(s, i) ? kit_random_between(&b->values, 0, kit_part_list_most(b)) : some_slack(b, 3);
    if (i + 1 == s->live_end) items.live_end = at;
  }
  put_number(offsets, width, s->total, at);
  if (s->live_begin == s->live_end) items.live_begin = items.live_end = at;
  items.total = at + some_slack(b, 5);
  if (s->total == 0 && sometimes(b, 0.5)) out->buffers[1] = NULL;
  return items;
}

void kit_part_text(builder *b, bool text, unsigned char *to, int64_t size) {
  kit_random_fill(&b->values, to, (size_t)size);
  for (int64_t i = 0; text && i < size; i++) to[i] = (unsigned char)('a' + to[i] % 26);
}

static void build_binary(builder *b, const struct ArrowSchema *schema, int64_t width, const span *s,
                         struct ArrowArray *out) {
  span bytes = build_offsets(b, width, s, out);
  unsigned char *to = buffer(b, out, 2, (size_t)bytes.total);
  for (int64_t i = 0; i < bytes.total; i++) to[i] = (unsigned char)KIT_MARKER_TEXT[i % 9];
  bool text = schema->format[0] == 'u' || schema->format[0] == 'U';
  kit_part_text(b, text, to + bytes.live_begin, bytes.live_end - bytes.live_begin);
  maybe_absent(b, out, 2, bytes.total);
}

static void build_fixed_list(builder *b, const struct ArrowSchema *schema, int64_t width, const span *s,
                             struct ArrowArray *out) {
  span items = {width * s->total, width * s->live_begin, width * s->live_end};
  kit_part_build(b, schema->children[0], items, out->children[0]);
}

static void build_contents(builder *b, const struct ArrowSchema *schema, const span *s,
                           const kit_part_dictionary *dictionary, struct ArrowArray *out) {
  kit_layout layout = kit_layout_of(schema->format);
  switch (layout.kind) {
  case KIT_NULL:
    out->null_count = out->length;
    break;
  case KIT_BOOL:
    build_bool(b, s, out);
    break;
  case KIT_FIXED:
    if (schema->dictionary != NULL)
      kit_part_indices(b, schema, dictionary, s, out);
    else
      build_fixed(b, layout.width, s, out);
    break;
  case KIT_BINARY:
    build_binary(b, schema, layout.width, s, out);
    break;
  case KIT_LIST:
    kit_part_build(b, schema->children[0], build_offsets(b, layout.width, s, out), out->children[0]);
    break;
  case KIT_FIXED_LIST:
    build_fixed_list(b, schema, layout.width, s, out);
    break;
  case KIT_STRUCT:
    for (int64_t i = 0; i < schema->n_children; i++) kit_part_build(b, schema->children[i], *s, out->children[i]);
    break;
  case KIT_VIEW:
    kit_part_views(b, schema, s, out);
    break;
  case KIT_LIST_VIEW:
    kit_part_list_views(b, schema, s, out);
    break;
  case KIT_SPARSE:
    kit_part_sparse(b, schema, s, out);
    break;
  case KIT_DENSE:
    kit_part_dense(b, schema, s, out);
    break;
  case KIT_RUN_END:
    kit_part_runs(b, schema, s, out);
    break;
  }
}

static void build(builder *b, const struct ArrowSchema *schema, span slots, bool top, struct ArrowArray *out) {
  kit_layout layout = kit_layout_of(schema->format);
  kit_node_init(out, layout.buffers, schema->n_children);
  int64_t before = some_slack(b, 11), after = some_slack(b, 9);
  out->length = slots.total;
  out->offset = before;
  span memory = {before + slots.total + after, before + slots.live_begin, before + slots.live_end};
  kit_part_dictionary dictionary = {.length = 1};
  if (schema->dictionary != NULL)
    dictionary = kit_part_choose_dictionary(b, (schema->flags & ARROW_FLAG_NULLABLE) != 0);
  if (top)
    build_top_validity(b, &memory, out);
  else if (kit_has_validity(layout.kind))
    build_validity(b, schema, &memory, dictionary.length == 0, out);
  b->slots += memory.total;
  if (b->slots > SLOTS_MOST) kit_die("a random array is too large");
  b->depth++;
  build_contents(b, schema, &memory, &dictionary, out);
  b->depth--;
}

void kit_part_build(builder *b, const struct ArrowSchema *schema, span slots, struct ArrowArray *out) {
  build(b, schema, slots, false, out);
}

void kit_array_random(const struct ArrowSchema *schema, const kit_array_options *options, struct ArrowArray *array) {
  builder b = {.options = options};
  kit_random_init(&b.values, options->seed);
  kit_random_init(&b.slack, options->slack_seed);
  build(&b, schema, (span){options->length, 0, options->length}, true, array);
}
