/* SPDX-License-Identifier: Apache-2.0 */
/* Simple batches: one int32 column, no columns, slices of shared memory. */
#include "array_build.h"
#include "array_node.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct kit_shared {
  atomic_llong references;
  void *memory;
  size_t size;
  bool mapped;
};

/* The struct and its column, the column's values still missing. */
static struct ArrowArray *one_column(struct ArrowArray *array, int64_t length) {
  kit_node_init(array, 1, 1);
  array->length = length;
  struct ArrowArray *column = array->children[0];
  kit_node_init(column, 2, 0);
  column->length = length;
  return column;
}

void kit_batch_int32(const int32_t *values, int64_t length, struct ArrowArray *array) {
  size_t size = (size_t)length * sizeof *values;
  void *to = kit_node_buffer(one_column(array, length), 1, size, false);
  if (size > 0) memcpy(to, values, size);
}

void kit_batch_filled(int64_t bytes, int32_t first, struct ArrowArray *array) {
  int64_t length = bytes / 4;
  int32_t *to = kit_node_buffer(one_column(array, length), 1, (size_t)bytes, false);
  for (int64_t i = 0; i < length; i++) to[i] = first + (int32_t)i;
}

void kit_batch_one(int32_t value, struct ArrowArray *array) {
  kit_batch_int32(&value, 1, array);
}

void kit_batch_empty(int64_t rows, struct ArrowArray *array) {
  kit_node_init(array, 1, 0);
  array->length = rows;
}

static kit_shared *shared_new(void *memory, size_t size, bool mapped) {
  kit_shared *shared = calloc(1, sizeof *shared);
  if (shared == NULL || memory == NULL || memory == MAP_FAILED) kit_die("no memory for %zu shared bytes", size);
  *shared = (kit_shared){.memory = memory, .size = size, .mapped = mapped};
  atomic_store(&shared->references, 1);
  return shared;
}

kit_shared *kit_shared_from_memory(size_t bytes) {
  int32_t *memory = malloc(bytes);
  if (memory == NULL) kit_die("no memory");
  for (size_t i = 0; i < bytes / 4; i++) memory[i] = (int32_t)i;
  return shared_new(memory, bytes, false);
}

kit_shared *kit_shared_from_mapping(size_t bytes) {
  return shared_new(mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), bytes, true);
}

const int32_t *kit_shared_values(const kit_shared *shared) {
  return shared->memory;
}

void kit_shared_release(kit_shared *shared) {
  if (atomic_fetch_sub(&shared->references, 1) != 1) return;
  if (shared->mapped)
    munmap(shared->memory, shared->size);
  else
    free(shared->memory);
  free(shared);
}

static void drop(void *shared) {
  kit_shared_release(shared);
}

void kit_batch_shared(kit_shared *shared, int64_t offset, int64_t length, struct ArrowArray *array) {
  struct ArrowArray *column = one_column(array, length);
  column->offset = offset;
  atomic_fetch_add(&shared->references, 1);
  kit_node_borrow(column, 1, shared->memory, drop, shared);
}
