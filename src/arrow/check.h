/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an array fits its layout. May call: support. */
#ifndef RESPOOL_ARROW_CHECK_H
#define RESPOOL_ARROW_CHECK_H

#include "arrow/layout.h"

/*
 * SHAPE      a fixed number of looks per node: counts, presence of buffers, lengths of children, the first and last
 *            offset. For producers in this process, who are trusted with the offsets between
 * STRUCTURE  also every offset below the columns, since encoding cuts what lies there at any of them
 * FULL       also every other offset
 */
enum check_level { CHECK_SHAPE, CHECK_STRUCTURE, CHECK_FULL };

/*
 * RESPOOL_INVALID, naming the field. Sizes of buffers can't be seen through the C data interface and are the
 * producer's word.
 */
respool_status check_array(const struct layout *layout, const struct ArrowArray *array, enum check_level level,
                           respool_error *error);

/* The same for one part of the layout, an array of node `root`, without the values of the dictionaries it refers to. */
respool_status check_part(const struct layout *layout, int32_t root, const struct ArrowArray *array,
                          enum check_level level, respool_error *error);

/*
 * How many values the indices in a checked array of node `at` need: one more than the largest that is not null;
 * INT64_MAX where one is negative or beyond all sense.
 */
int64_t check_values_needed(const struct layout *layout, int32_t at, const struct ArrowArray *array);

#endif
