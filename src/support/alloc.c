/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation over malloc or the caller's allocator, with a hook by which tests make the n-th one fail. The allocator is
 * chosen before there are threads, and never changed once something was allocated; `used` says so.
 */
#include "support/alloc.h"

#include "respool/respool.h"
#include "support/error.h"
#include "support/options.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool (*mem_fault)(void);

static respool_allocator given; /* without functions: malloc's are used */
static atomic_bool used;

/* ---- The caller's ---------------------------------------------------------------------------------- */

respool_status respool_set_allocator(const respool_allocator *allocator, respool_error *error) {
  respool_allocator read = {.struct_size = sizeof read};
  respool_status status = options_merge(allocator, &read, sizeof read, error);
  if (status != RESPOOL_OK) return status;
  if (allocator != NULL && (read.allocate == NULL || read.resize == NULL || read.free == NULL))
    return error_set(error, RESPOOL_INVALID, "an allocator without allocate, resize or free");
  if (atomic_load_explicit(&used, memory_order_relaxed))
    return error_set(error, RESPOOL_MISUSE, "the library has allocated before: an allocator comes first of all");
  given = read;
  return RESPOOL_OK;
}

enum { PLAIN = _Alignof(max_align_t) };

static void *given_alloc(size_t size, size_t alignment) {
  return given.allocate(given.context, size, alignment);
}

static void *given_zalloc(size_t size) {
  void *memory = given_alloc(size, PLAIN);
  return memory == NULL ? NULL : memset(memory, 0, size);
}

/* ---- What the library calls ------------------------------------------------------------------------ */

bool mem_refused(void) {
  return mem_fault != NULL && mem_fault();
}

/* Written once only, as every thread comes by here. */
static bool begin(void) {
  if (!atomic_load_explicit(&used, memory_order_relaxed)) atomic_store_explicit(&used, true, memory_order_relaxed);
  return !mem_refused();
}

static size_t at_least_one(size_t size) {
  return size > 0 ? size : 1;
}

void *mem_alloc(size_t size) {
  if (!begin()) return NULL;
  return given.allocate == NULL ? malloc(at_least_one(size)) : given_alloc(at_least_one(size), PLAIN);
}

void *mem_zalloc(size_t size) {
  if (!begin()) return NULL;
  return given.allocate == NULL ? calloc(1, at_least_one(size)) : given_zalloc(at_least_one(size));
}

void *mem_resize(void *memory, size_t size) {
  if (memory == NULL) return mem_alloc(size);
  if (!begin()) return NULL;
  if (given.allocate == NULL) return realloc(memory, at_least_one(size));
  return given.resize(given.context, memory, at_least_one(size));
}

void *mem_alloc_aligned(size_t size) {
  if (!begin() || size > SIZE_MAX - MEM_ALIGNMENT) return NULL;
  size_t rounded = (at_least_one(size) + MEM_ALIGNMENT - 1) / MEM_ALIGNMENT * MEM_ALIGNMENT;
  return given.allocate == NULL ? aligned_alloc(MEM_ALIGNMENT, rounded) : given_alloc(rounded, MEM_ALIGNMENT);
}

void mem_free(void *memory) {
  if (given.allocate == NULL)
    free(memory);
  else if (memory != NULL)
    given.free(given.context, memory);
}

void *mem_copy(const void *bytes, size_t size) {
  void *copy = mem_alloc(size);
  if (copy != NULL && size > 0) memcpy(copy, bytes, size);
  return copy;
}

char *mem_copy_string(const char *text) {
  return text == NULL ? NULL : mem_copy(text, strlen(text) + 1);
}

bool mem_reserve(void **array, size_t *capacity, size_t needed, size_t element_size) {
  if (needed <= *capacity) return true;
  size_t wanted = *capacity < 8 ? 8 : *capacity * 2;
  if (wanted < needed) wanted = needed;
  if (wanted > SIZE_MAX / element_size) return false;
  void *grown = mem_resize(*array, wanted * element_size);
  if (grown == NULL) return false;
  *array = grown;
  *capacity = wanted;
  return true;
}
