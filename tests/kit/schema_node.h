/* SPDX-License-Identifier: Apache-2.0 */
/* Making single schema nodes; for the files of the kit that build trees of them. */
#ifndef RESPOOL_TESTS_KIT_SCHEMA_NODE_H
#define RESPOOL_TESTS_KIT_SCHEMA_NODE_H

#include <respool/respool.h>

/* A node with `n_children` zeroed children, to be filled by the caller. Texts are copied. */
void kit_schema_node(struct ArrowSchema *schema, const char *format, const char *name, int64_t flags,
                     int64_t n_children);

/* A zeroed dictionary for a node of this kit. */
struct ArrowSchema *kit_schema_add_dictionary(struct ArrowSchema *schema);

#endif
