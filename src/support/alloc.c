/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation over malloc, with a hook by which tests make the n-th one fail. */
#include "support/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool (*mem_fault)(void);

bool mem_refused(void) {
  return mem_fault != NULL && mem_fault();
}

void *mem_alloc(size_t size) {
  return mem_refused() ? NULL : malloc(size > 0 ? size : 1);
}

void *mem_zalloc(size_t size) {
  return mem_refused() ? NULL : calloc(1, size > 0 ? size : 1);
}

void *mem_resize(void *memory, size_t size) {
  return mem_refused() ? NULL : realloc(memory, size > 0 ? size : 1);
}

void *mem_alloc_aligned(size_t size) {
  if (mem_refused() || size > SIZE_MAX - MEM_ALIGNMENT) return NULL;
  size_t rounded = (size + MEM_ALIGNMENT - 1) / MEM_ALIGNMENT * MEM_ALIGNMENT;
  return aligned_alloc(MEM_ALIGNMENT, rounded > 0 ? rounded : MEM_ALIGNMENT);
}

void mem_free(void *memory) {
  free(memory);
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
