/* SPDX-License-Identifier: Apache-2.0 */
/* Two arrays put one behind the other, for dictionaries that grow. May call: support. */
#ifndef RESPOOL_ARROW_CONCAT_H
#define RESPOOL_ARROW_CONCAT_H

#include "arrow/layout.h"

/*
 * Make an array of the slots of `first` and then those of `second`, both checked in full and of node `at` of the
 * layout, in memory of its own. Dictionaries that they refer to are not looked at and not filled in.
 * RESPOOL_NO_MEMORY; RESPOOL_UNSUPPORTED where 32-bit offsets, sizes or run ends cannot hold the sum, naming the
 * field.
 */
respool_status concat_arrays(const struct layout *layout, int32_t at, const struct ArrowArray *first,
                             const struct ArrowArray *second, struct ArrowArray *out, respool_error *error);

#endif
