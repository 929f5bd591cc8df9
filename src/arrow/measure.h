/* SPDX-License-Identifier: Apache-2.0 */
/* What memory an array reaches. May call: support. */
#ifndef RESPOOL_ARROW_MEASURE_H
#define RESPOOL_ARROW_MEASURE_H

#include "arrow/layout.h"

/* Called for each buffer with bytes in it. False ends the walk. */
typedef bool (*measure_visitor)(void *context, const void *start, int64_t length);

/*
 * Visit custom metadata that respool keeps with the array, and the reachable extent of every buffer: from its start
 * to the end of slot offset + length, whatever part of it the array shows. The array was checked (arrow/check.h).
 * False if a visit answered false.
 */
bool measure_extents(const struct layout *layout, const struct ArrowArray *array, measure_visitor visit, void *context);

/*
 * About how many bytes the rows are that a checked array shows: what writing them takes, without padding and what
 * the message says of its buffers.
 */
int64_t measure_shown(const struct layout *layout, const struct ArrowArray *array);

/* The fixed cost that an array of this layout is charged beside its buffers. */
int64_t measure_fixed(const struct layout *layout);

#endif
