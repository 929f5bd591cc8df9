/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that outlive the call that gave them: released later, in any order and by any thread, some last of all. */
#include "program.h"

/* The array is compared once more, as what a reader was handed stays as it was (invariant 7). */
static void drop(program *p, kept *k) {
  if (k->array.release == NULL) return;
  batch_check(p, k->index, &k->array);
  k->array.release(&k->array);
}

/* Put an array into the place, and have what was there. */
static kept exchange(program *p, int64_t place, const kept *with) {
  pthread_mutex_lock(&p->kept_lock);
  kept found = p->kept[place];
  p->kept[place] = *with;
  pthread_mutex_unlock(&p->kept_lock);
  return found;
}

void kept_take(program *p, kit_random *random, int64_t index, struct ArrowArray *array) {
  kept now = {*array, index};
  if (kit_random_chance(random, 0.1)) now = exchange(p, kit_random_below(random, KEPT), &now);
  if (now.array.release != NULL) now.array.release(&now.array);
  array->release = NULL;
}

void kept_drop(program *p, kit_random *random) {
  static const kept nothing;
  kept found = exchange(p, kit_random_below(random, KEPT), &nothing);
  drop(p, &found);
}

void kept_drop_all(program *p) {
  for (int i = 0; i < KEPT; i++) drop(p, &p->kept[i]);
}
