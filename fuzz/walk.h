/* SPDX-License-Identifier: Apache-2.0 */
/* Reading every byte that an array lets its consumer reach, so that a sanitizer sees one that promises too much. */
#ifndef RESPOOL_FUZZ_WALK_H
#define RESPOOL_FUZZ_WALK_H

#include "fuzz.h"

/*
 * The array, a batch that was validated in full, is built as the C data interface says: numbers of buffers and
 * children, lengths, exact null counts, offsets rising and inside their child, values of views inside their buffers,
 * type ids that exist, indices inside their dictionary, runs that reach far enough. All of its memory is there.
 */
void walk_batch(const struct ArrowSchema *schema, const struct ArrowArray *array);

#endif
