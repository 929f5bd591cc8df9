/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of a batch as one number, whatever their place in memory: offsets, what lies under nulls or between slots,
 * the order of a view's buffers, of a dense union's or list view's items, the cut of runs, and the numbering of a
 * dictionary do not matter.
 */
#ifndef RESPOOL_FUZZ_DIGEST_H
#define RESPOOL_FUZZ_DIGEST_H

#include "fuzz.h"

/* Slots that would be visited, as a bound on the work; INT64_MAX for too many. */
int64_t digest_slots(const struct ArrowSchema *schema, const struct ArrowArray *array);

/* Of all rows, column after column. */
uint64_t digest_batch(const struct ArrowSchema *schema, const struct ArrowArray *array);

/* Both hold the same values; not looked at where there are too many slots. Names the column that differs. */
void digest_compare(const struct ArrowSchema *schema, const struct ArrowArray *a, const struct ArrowArray *b);

#endif
