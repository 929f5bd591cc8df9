/* SPDX-License-Identifier: Apache-2.0 */
/* Naive equality of arrays, slot by slot, and a check that an array is built as the C data interface says. */
#ifndef RESPOOL_TESTS_KIT_COMPARE_H
#define RESPOOL_TESTS_KIT_COMPARE_H

#include <respool/respool.h>
#include <stdbool.h>
#include <stddef.h>

/* Whether two arrays of `schema` hold the same values: offsets honoured at every level, what lies under nulls ignored,
 * floats compared by their bits. On a difference `where` gets its path. */
bool kit_equal(const struct ArrowSchema *schema, const struct ArrowArray *a, const struct ArrowArray *b, char *where,
               size_t where_size);

enum {
  KIT_TOP = 1,   /* a batch: no offset and no nulls at the top */
  KIT_EXACT = 2, /* null counts are exact, buffers of offsets present; what is read back from a file promises that */
};

/* Whether an array has the shape of its schema: numbers of buffers and children, lengths, offsets rising and inside
 * their child, null counts, buffers aligned to `alignment` (1: any). Looks at the first and last byte of every buffer,
 * so that one that is not there is noticed. */
bool kit_well_formed(const struct ArrowSchema *schema, const struct ArrowArray *array, int flags, int alignment,
                     char *where, size_t where_size);

/* Both as checks of the running test. */
#define CHECK_SAME(schema, a, b) kit_check_same((schema), (a), (b), __FILE__, __LINE__)
#define CHECK_WELL_FORMED(schema, array, flags, alignment)                                                             \
  kit_check_well_formed((schema), (array), (flags), (alignment), __FILE__, __LINE__)
bool kit_check_same(const struct ArrowSchema *schema, const struct ArrowArray *a, const struct ArrowArray *b,
                    const char *file, int line);
bool kit_check_well_formed(const struct ArrowSchema *schema, const struct ArrowArray *array, int flags, int alignment,
                           const char *file, int line);

#endif
