/* SPDX-License-Identifier: Apache-2.0 */
/* Joining arrays: see concat.h. */
#include "arrow/concat.h"

#include "support/error.h"

respool_status concat_arrays(const struct layout *layout, int32_t at, const struct ArrowArray *first,
                             const struct ArrowArray *second, struct ArrowArray *out, respool_error *error) {
  (void)first, (void)second, (void)out;
  return layout_error(layout, at, RESPOOL_UNSUPPORTED, error, "dictionaries that grow by deltas");
}
