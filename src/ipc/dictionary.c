/* SPDX-License-Identifier: Apache-2.0 */
/* Values of dictionaries, counted: see dictionary.h. */
#include "ipc/dictionary.h"

#include "support/alloc.h"

struct dictionary_values *dictionary_values_make(const struct layout *layout, int32_t dictionary) {
  size_t inside = 0;
  for (int32_t i = dictionary + 1; layout_is_inside(layout, i, dictionary); i++) {
    inside += layout_part(layout, i)->outer == dictionary;
  }
  struct dictionary_values *values = mem_zalloc(sizeof *values + inside * sizeof values->needed[0]);
  if (values != NULL) atomic_init(&values->references, 1);
  return values;
}

void dictionary_values_release(void *object) {
  struct dictionary_values *values = object;
  if (values == NULL || atomic_fetch_sub_explicit(&values->references, 1, memory_order_acq_rel) != 1) return;
  if (values->array.release != NULL) values->array.release(&values->array);
  mem_free(values);
}
