/* SPDX-License-Identifier: Apache-2.0 */
/* The one way to get memory: malloc's, or that of the caller's allocator. */
#ifndef RESPOOL_SUPPORT_ALLOC_H
#define RESPOOL_SUPPORT_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* All answer NULL when there is no memory. mem_free takes what any of them gave, or NULL. */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_resize(void *memory, size_t size);
void *mem_alloc_aligned(size_t size); /* aligned to MEM_ALIGNMENT */
void mem_free(void *memory);
char *mem_copy_string(const char *text); /* NULL gives NULL: ask first */
void *mem_copy(const void *bytes, size_t size);

enum { MEM_ALIGNMENT = 64 };

/*
 * Make room for one more element in an array that grows by doubling. `*capacity` counts elements. On failure nothing
 * changes and the answer is false.
 */
bool mem_reserve(void **array, size_t *capacity, size_t needed, size_t element_size);

/* Whether memory that a library of others is about to take shall be refused, as mem_fault has it. */
bool mem_refused(void);

/* For fault tests: asked before each allocation; true makes it fail. NULL (the default) never does. */
extern bool (*mem_fault)(void);

#endif
