/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow types in words, and whether two schemas have the same fields. */
#ifndef RESPOOL_CLI_TYPES_H
#define RESPOOL_CLI_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "respool/respool.h"

/*
 * The type of a field, without its children: "int64", "timestamp[us, UTC]", "fixed_size_list(3)". Of a dictionary
 * the type of its indices: "dictionary<int8, ordered>". Cut if it does not fit; not escaped.
 */
void type_words(char *out, size_t size, const struct ArrowSchema *field);

/*
 * Whether `other` has the same fields as `first`: names, types, nullability, extension types, recursively. If not,
 * `why` says where and what, of `other` and then of `first`: "field 'a.b' is utf8 but int64".
 */
bool type_same_fields(const struct ArrowSchema *first, const struct ArrowSchema *other, char *why, size_t why_size);

#endif
