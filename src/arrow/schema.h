/* SPDX-License-Identifier: Apache-2.0 */
/* ArrowSchema: making, copying, comparing. May call: support. */
#ifndef RESPOOL_ARROW_SCHEMA_H
#define RESPOOL_ARROW_SCHEMA_H

#include "respool/respool.h"

/*
 * Make one node with room for `n_children`, which are zeroed: fill each with another call. Strings and metadata are
 * copied; `metadata` is in the encoding of the C data interface, or NULL. What was made so far is released by the
 * root's `release`.
 */
respool_status schema_make(struct ArrowSchema *schema, const char *format, const char *name, const char *metadata,
                           int64_t flags, int64_t n_children, respool_error *error);

/* Give a node that was made a zeroed dictionary node, to be made in turn. */
respool_status schema_make_dictionary(struct ArrowSchema *schema, respool_error *error);

/* Release if it is not yet. */
void schema_release(struct ArrowSchema *schema);

/* A deep copy that depends on nothing of the source. */
respool_status schema_copy(const struct ArrowSchema *source, struct ArrowSchema *copy, respool_error *error);

/*
 * Whether arrays of `other` can go where arrays of `schema` are expected: same formats, names and children, in order.
 * Metadata and flags may differ. If not: RESPOOL_INVALID, saying where.
 */
respool_status schema_match(const struct ArrowSchema *schema, const struct ArrowSchema *other, respool_error *error);

/* Bytes of metadata in the C data interface's encoding, 0 for NULL; -1 if a length in it is negative. */
int64_t schema_metadata_size(const char *metadata);

#endif
