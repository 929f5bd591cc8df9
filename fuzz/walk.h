/* SPDX-License-Identifier: Apache-2.0 */
/* Reading every byte that an array lets its consumer reach, so that a sanitizer sees an array that promises too much. */
#ifndef RESPOOL_FUZZ_WALK_H
#define RESPOOL_FUZZ_WALK_H

#include "fuzz.h"

/* The array, a batch, is built as the C data interface and the header say, and all of its memory is there. */
void walk_batch(const struct ArrowSchema *schema, const struct ArrowArray *array);

/* Slots of all nodes, as a bound on the work of a comparison; INT64_MAX for too many. */
int64_t walk_slots(const struct ArrowArray *array);

/* Both arrays hold the same values; not looked at where there are too many slots. */
void walk_compare(const struct ArrowSchema *schema, const struct ArrowArray *a, const struct ArrowArray *b);

#endif
