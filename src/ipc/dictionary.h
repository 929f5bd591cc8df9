/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of a dictionary as a message gave them, shared by all batches that use them. Counted, and never changed.
 * May call: arrow, support.
 */
#ifndef RESPOOL_IPC_DICTIONARY_H
#define RESPOOL_IPC_DICTIONARY_H

#include "arrow/layout.h"

#include <stdatomic.h>

struct dictionary_values {
  atomic_int references;
  int64_t expanded;        /* bytes that its message was unpacked to; 0: it was not compressed */
  struct ArrowArray array; /* of the values' node; the dictionaries that it refers to are not filled in */
  int64_t needed[];        /* how many values it needs of each of those, in order */
};

/* Zeroed, with one reference; `dictionary` is its number in the layout. NULL: no memory. */
struct dictionary_values *dictionary_values_make(const struct layout *layout, int32_t dictionary);

static inline void dictionary_values_retain(struct dictionary_values *values) {
  atomic_fetch_add_explicit(&values->references, 1, memory_order_relaxed);
}

/* Takes void to be a tree owner's drop. NULL is nothing. */
void dictionary_values_release(void *object);

#endif
