/* SPDX-License-Identifier: Apache-2.0 */
/* The runs of a run-end encoded array, from its child of run ends. May call: support. */
#ifndef RESPOOL_ARROW_RUNS_H
#define RESPOOL_ARROW_RUNS_H

#include "respool/respool.h"
#include "support/arith.h"

/* Where run `i` ends, in rows. `width`: bytes of a run end. */
static inline int64_t runs_end_at(const struct ArrowArray *ends, int width, int64_t i) {
  return offset_at(ends->buffers[1], width, ends->offset + i);
}

/* The first run that ends behind row `row`. */
static inline int64_t runs_find(const struct ArrowArray *ends, int width, int64_t row) {
  int64_t low = 0;
  int64_t high = ends->length;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (runs_end_at(ends, width, middle) > row)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

#endif
