/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that ends where an unmapped page begins, so that reading one byte too many faults, sanitizer or not. */
#ifndef RESPOOL_FUZZ_GUARD_H
#define RESPOOL_FUZZ_GUARD_H

#include "fuzz.h"

typedef struct guard {
  void *bytes; /* `size` of them, zeroed; with size 0 not even the first may be touched */
  void *mapping;
  size_t mapped;
} guard;

guard guard_make(size_t size);

/* The same with a copy of `bytes`, which afterwards can only be read. */
guard guard_copy(const void *bytes, size_t size);

void guard_free(guard *g);

/* An address that must not be followed. */
const void *guard_nowhere(void);

#endif
