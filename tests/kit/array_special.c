/* SPDX-License-Identifier: Apache-2.0 */
/* Random list views, unions and run-end encoded arrays: see array_random.c. */
#include "array_node.h"
#include "array_parts.h"
#include "check.h"

#include <stdlib.h>

/* ---- List views: in no order, overlapping, with items that no list uses ------------------------------ */

void kit_part_list_views(builder *b, const struct ArrowSchema *schema, const span *s, struct ArrowArray *out) {
  int64_t width = kit_layout_of(schema->format).width;
  int64_t items = kit_random_below(&b->values, s->live_end - s->live_begin + 4);
  int64_t base = some_slack(b, 9);
  span below = {base + items + some_slack(b, 5), base, base + items};
  void *offsets = kit_part_buffer(b, out, 1, s->total * width);
  void *sizes = kit_part_buffer(b, out, 2, s->total * width);
  for (int64_t i = 0; i < s->total; i++) {
    kit_random *from = live(s, i) ? &b->values : &b->slack;
    int64_t first = live(s, i) ? below.live_begin : 0;
    int64_t most = live(s, i) ? items : below.total;
    if (!shown(out, i)) continue; /* the marker, which is far outside */
    int64_t size = kit_random_between(from, 0, most < kit_part_list_most(b) ? most : kit_part_list_most(b));
    put_number(offsets, width, i, first + kit_random_between(from, 0, most - size));
    put_number(sizes, width, i, size);
  }
  for (int index = 1; index <= 2 && s->total == 0; index++)
    if (sometimes(b, 0.5)) out->buffers[index] = NULL;
  kit_part_build(b, schema->children[0], below, out->children[0]);
}

/* ---- Unions ------------------------------------------------------------------------------------------ */

/* As producers of early versions of the interface did: a validity slot in front, which is NULL. */
static void maybe_with_old_slot(builder *b, struct ArrowArray *out) {
  if (!sometimes(b, 0.1)) return;
  int64_t count = out->n_buffers;
  const void *before[2] = {out->buffers[0], count > 1 ? out->buffers[1] : NULL};
  kit_node_extend(out, count + 1);
  for (int64_t i = 0; i < count; i++) out->buffers[i + 1] = before[i];
  out->buffers[0] = NULL;
}

/* Which child each slot selects goes to `chosen` (-1: the marker). */
static void build_type_ids(builder *b, const char *format, const span *s, struct ArrowArray *out, int *chosen) {
  int8_t ids[KIT_TYPE_IDS];
  int count = kit_type_ids(format, ids);
  int8_t *types = kit_part_buffer(b, out, 0, s->total);
  for (int64_t i = 0; i < s->total; i++) {
    chosen[i] = -1;
    if (!shown(out, i)) continue;
    chosen[i] = (int)kit_random_below(live(s, i) ? &b->values : &b->slack, count);
    types[i] = ids[chosen[i]];
  }
  if (s->total == 0 && sometimes(b, 0.5)) out->buffers[0] = NULL;
}

static int *choices_for(const span *s) {
  int *chosen = calloc((size_t)s->total + 1, sizeof *chosen);
  if (chosen == NULL) kit_die("no memory");
  return chosen;
}

void kit_part_sparse(builder *b, const struct ArrowSchema *schema, const span *s, struct ArrowArray *out) {
  int *chosen = choices_for(s);
  build_type_ids(b, schema->format, s, out, chosen);
  free(chosen);
  maybe_with_old_slot(b, out);
  for (int64_t i = 0; i < schema->n_children; i++) kit_part_build(b, schema->children[i], *s, out->children[i]);
}

/* A child's slots: at least one where a live slot selects it, and one for slots around where none is live. */
static span dense_child(builder *b, const span *s, const int *chosen, int child) {
  int64_t used = 0, around = 0;
  for (int64_t i = 0; i < s->total; i++) {
    used += live(s, i) && chosen[i] == child;
    around += !live(s, i) && chosen[i] == child;
  }
  int64_t items = used > 0 ? kit_random_between(&b->values, 1, used + 2) : kit_random_below(&b->values, 3);
  int64_t before = some_slack(b, 5);
  if (around > 0 && before + items == 0) before = 1;
  return (span){before + items + some_slack(b, 4), before, before + items};
}

/* Offsets that rise, and offsets in any order: both are read by everybody. */
void kit_part_dense(builder *b, const struct ArrowSchema *schema, const span *s, struct ArrowArray *out) {
  int *chosen = choices_for(s);
  build_type_ids(b, schema->format, s, out, chosen);
  span below[KIT_TYPE_IDS];
  int64_t reached[KIT_TYPE_IDS] = {0};
  bool rising = kit_random_chance(&b->values, 0.5);
  for (int k = 0; k < (int)schema->n_children; k++) below[k] = dense_child(b, s, chosen, k);
  void *offsets = kit_part_buffer(b, out, 1, s->total * 4);
  for (int64_t i = 0; i < s->total; i++) {
    if (chosen[i] < 0) continue;
    const span *to = &below[chosen[i]];
    int64_t *next = &reached[chosen[i]];
    if (!live(s, i)) {
      put_number(offsets, 4, i, kit_random_below(&b->slack, to->total));
      continue;
    }
    int64_t count = to->live_end - to->live_begin;
    int64_t least = rising ? *next : 0;
    *next = kit_random_between(&b->values, least, rising && least + 1 < count ? least + 1 : count - 1);
    put_number(offsets, 4, i, to->live_begin + *next);
  }
  free(chosen);
  if (s->total == 0 && sometimes(b, 0.5)) out->buffers[1] = NULL;
  maybe_with_old_slot(b, out);
  for (int64_t i = 0; i < schema->n_children; i++) kit_part_build(b, schema->children[i], below[i], out->children[i]);
}

/* ---- Run ends ---------------------------------------------------------------------------------------- */

typedef struct runs {
  int64_t *ends;
  int64_t count;
  int64_t reach; /* the last of them */
} runs;

static void add_run(runs *r, int64_t end) {
  r->ends[r->count++] = end;
  r->reach = end;
}

/* Runs around the live rows; the first and the last live one may reach out of them. */
static span choose_runs(builder *b, const span *s, runs *r) {
  span below = {0};
  bool any = s->live_end > s->live_begin;
  while (r->reach < s->live_begin) {
    int64_t end = r->reach + kit_random_between(&b->slack, 1, 5);
    if (end >= s->live_begin && any && sometimes(b, 0.5)) break;
    add_run(r, end < s->live_begin ? end : s->live_begin);
  }
  below.live_begin = r->count;
  for (int64_t at = s->live_begin; at < s->live_end;) {
    at += kit_random_between(&b->values, 1, 6);
    if (at > s->live_end) at = s->live_end;
    add_run(r, at);
  }
  below.live_end = r->count;
  if (any) r->ends[r->count - 1] = r->reach += some_slack(b, 5);
  while (r->reach < s->total) add_run(r, r->reach + kit_random_between(&b->slack, 1, 4));
  if (sometimes(b, 0.2)) add_run(r, r->reach + 7);
  below.total = r->count;
  return below;
}

static void build_ends(builder *b, int64_t width, const runs *r, struct ArrowArray *out) {
  kit_node_init(out, 2, 0);
  out->offset = some_slack(b, 3);
  out->length = r->count;
  int64_t total = out->offset + r->count + some_slack(b, 2);
  void *ends = kit_part_buffer(b, out, 1, total * width);
  for (int64_t i = 0; i < r->count; i++) put_number(ends, width, out->offset + i, r->ends[i]);
  if (total == 0 && sometimes(b, 0.5)) out->buffers[1] = NULL;
  if (b->options->unknown_nulls && sometimes(b, 0.3)) out->null_count = -1;
}

void kit_part_runs(builder *b, const struct ArrowSchema *schema, const span *s, struct ArrowArray *out) {
  int64_t width = kit_layout_of(schema->children[0]->format).width;
  runs r = {.ends = calloc((size_t)s->total + 2, sizeof(int64_t))};
  if (r.ends == NULL) kit_die("no memory");
  span below = choose_runs(b, s, &r);
  if (width == 2 && r.reach > INT16_MAX) kit_die("more rows than run ends of 16 bits reach");
  build_ends(b, width, &r, out->children[0]);
  free(r.ends);
  kit_part_build(b, schema->children[1], below, out->children[1]);
}
