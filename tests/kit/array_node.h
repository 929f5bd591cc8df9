/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of single array nodes, their counting and release; for the files of the kit that build arrays. */
#ifndef RESPOOL_TESTS_KIT_ARRAY_NODE_H
#define RESPOOL_TESTS_KIT_ARRAY_NODE_H

#include <respool/respool.h>
#include <stdbool.h>
#include <stddef.h>

/* A counted node without buffers yet and with zeroed children. */
void kit_node_init(struct ArrowArray *array, int64_t n_buffers, int64_t n_children);

/* More buffers than the node was made with; `array->buffers` moves. */
void kit_node_extend(struct ArrowArray *array, int64_t n_buffers);

/* A zeroed dictionary for a node, to be filled by the caller. */
struct ArrowArray *kit_node_add_dictionary(struct ArrowArray *array);

/* Zeroed memory of exactly `size` bytes (so that a sanitizer sees every step outside), owned by the node, as buffer
 * `index`. With `odd` it starts at an odd address. */
void *kit_node_buffer(struct ArrowArray *array, int64_t index, size_t size, bool odd);

/* Memory that is not the node's own, as buffer `index` (-1: none; the caller has set them). `release` is called with
 * `owner` when the node is released. */
void kit_node_borrow(struct ArrowArray *array, int64_t index, const void *memory, void (*release)(void *), void *owner);

#endif
