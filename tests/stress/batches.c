/* SPDX-License-Identifier: Apache-2.0 */
/* Batches by their recipes: random arrays of their own, or slices of one that many show. */
#include "program.h"

#include "array_build.h"
#include "array_node.h"

#include <stdlib.h>

struct shared_array {
  atomic_int users;
  struct ArrowArray array;
};

static void leave_shared(void *owner) {
  shared_array *shared = owner;
  if (atomic_fetch_sub(&shared->users, 1) != 1) return;
  shared->array.release(&shared->array);
  free(shared);
}

void batch_forget_shared(program *p) {
  if (p->producer.shared != NULL) leave_shared(p->producer.shared);
  p->producer.shared = NULL;
}

/* Columns of a slice are the shared array's own, which the slice as a whole keeps alive. */
static void release_nothing(struct ArrowArray *array) {
  array->release = NULL;
}

static void make_slice(shared_array *shared, int64_t first, int64_t rows, struct ArrowArray *out) {
  const struct ArrowArray *from = &shared->array;
  kit_node_init(out, from->n_buffers, from->n_children);
  atomic_fetch_add(&shared->users, 1);
  kit_node_borrow(out, 0, from->buffers[0], leave_shared, shared);
  for (int64_t i = 0; i < from->n_children; i++) {
    *out->children[i] = *from->children[i];
    out->children[i]->release = release_nothing;
  }
  out->offset = from->offset + first;
  out->length = rows;
  out->null_count = from->null_count;
}

static int64_t draw_rows(program *p, kit_random *random) {
  int64_t dice = kit_random_below(random, 20);
  if (dice == 0) return 0;
  return dice < 12 ? kit_random_between(random, 1, 1 + p->plan.rows / 10) : kit_random_between(random, 1, p->plan.rows);
}

/* Dictionaries stay, grow or change from one number to the next, among batches of the same rates. */
static kit_array_options draw_values(program *p, kit_random *random, int64_t rows) {
  static const double rates[] = {0, 0.2, 0.2, 1};
  kit_array_options options = kit_array_defaults(kit_random_next(random), rows);
  int64_t rate = kit_random_below(random, 4);
  options.null_rate = rates[rate];
  options.list_max = kit_random_below(random, 6);
  options.dictionary_seed = kit_mix(p->seed + (uint64_t)(10 * rate + options.list_max));
  options.batch = (int64_t)atomic_load(&p->offered) % 40;
  return options;
}

static void draw_shared(program *p, kit_random *random) {
  producer_state *q = &p->producer;
  batch_forget_shared(p);
  q->shared_recipe.options = draw_values(p, random, 2 * p->plan.rows);
  q->shared = calloc(1, sizeof *q->shared);
  if (q->shared == NULL) kit_die("no memory");
  atomic_store(&q->shared->users, 1);
  kit_array_random(&p->schema, &q->shared_recipe.options, &q->shared->array);
}

static void draw_slice(program *p, kit_random *random, batch_recipe *recipe, struct ArrowArray *array) {
  *recipe = p->producer.shared_recipe;
  int64_t total = recipe->options.length;
  recipe->first = kit_random_between(random, 0, total);
  recipe->rows = draw_rows(p, random);
  if (recipe->rows > total - recipe->first) recipe->rows = total - recipe->first;
  make_slice(p->producer.shared, recipe->first, recipe->rows, array);
  if (kit_random_chance(random, 0.1)) batch_forget_shared(p);
}

static void draw_own(program *p, kit_random *random, batch_recipe *recipe, struct ArrowArray *array) {
  int64_t rows = draw_rows(p, random);
  *recipe = (batch_recipe){.options = draw_values(p, random, rows), .rows = rows};
  kit_array_options options = recipe->options;
  options.slack_seed = kit_random_next(random);
  options.sliced = kit_random_chance(random, 0.5);
  options.unknown_nulls = kit_random_chance(random, 0.3);
  options.unaligned = kit_random_chance(random, 0.2);
  kit_array_random(&p->schema, &options, array);
}

void batch_draw(program *p, kit_random *random, batch_recipe *recipe, struct ArrowArray *array) {
  if (p->producer.shared == NULL && kit_random_chance(random, 0.1)) draw_shared(p, random);
  if (p->producer.shared != NULL && kit_random_chance(random, 0.7))
    draw_slice(p, random, recipe, array);
  else
    draw_own(p, random, recipe, array);
  producer_watch_release(p, array);
}

bool batch_check(program *p, int64_t index, const struct ArrowArray *array) {
  const batch_recipe *recipe = &p->recipes[index];
  struct ArrowArray expected;
  kit_array_random(&p->schema, &recipe->options, &expected);
  struct ArrowArray window = expected;
  window.offset += recipe->first;
  window.length = recipe->rows;
  bool good = CHECK_WELL_FORMED(&p->schema, array, KIT_TOP, 1) && CHECK_SAME(&p->schema, &window, array);
  if (!good) kit_note("this was batch %lld of %lld", (long long)index, atomic_load(&p->offered));
  expected.release(&expected);
  atomic_fetch_add(&p->counts->delivered, 1);
  return good;
}
