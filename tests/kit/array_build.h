/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays for tests: random ones of any schema, simple ones from C arrays, and slices of shared memory. Every node of
 * every array is counted until it is released; a second release of the same node ends the program.
 */
#ifndef RESPOOL_TESTS_KIT_ARRAY_BUILD_H
#define RESPOOL_TESTS_KIT_ARRAY_BUILD_H

#include "random.h"

#include <respool/respool.h>
#include <stdatomic.h>

/* Neighbours of a sliced array's slots are filled with these, so that a leak of them can be found in written bytes. */
#define KIT_MARKER_BYTE 0xA5
#define KIT_MARKER_TEXT "NEIGHBOUR"

/*
 * The values of an array depend on the schema, `seed`, `length`, `null_rate` and `list_max` alone, and those of its
 * dictionaries on `dictionary_seed` and `batch`: the same ones in several batches, or grown or changed. How it lies in
 * memory depends on the rest: the same values with and without slicing are logically equal.
 */
typedef struct kit_array_options {
  uint64_t seed;
  int64_t length;
  double null_rate;
  int64_t list_max; /* items of a list, bytes of a text: 0 to this */
  uint64_t dictionary_seed;
  int64_t batch; /* its number, from 0 on */
  uint64_t slack_seed;
  bool sliced;        /* offsets and slack at every level, shifted first offsets, absent buffers where that is legal */
  bool unknown_nulls; /* null_count -1 at random */
  bool unaligned;     /* buffers start at odd addresses */
} kit_array_options;

kit_array_options kit_array_defaults(uint64_t seed, int64_t length);

/* A struct array of `schema` (format "+s"), without nulls at the top. */
void kit_array_random(const struct ArrowSchema *schema, const kit_array_options *options, struct ArrowArray *array);

/* A batch with one int32 column, "{...:int32}", without nulls. */
void kit_batch_int32(const int32_t *values, int64_t length, struct ArrowArray *array);

/* The same with `bytes` bytes of values (a multiple of 4), each `first` plus its index. */
void kit_batch_filled(int64_t bytes, int32_t first, struct ArrowArray *array);

/* One row of one int32 column. */
void kit_batch_one(int32_t value, struct ArrowArray *array);

/* A batch without columns ("{}"). */
void kit_batch_empty(int64_t rows, struct ArrowArray *array);

/* int32 memory that many batches refer to; freed with the last of them and the owner's own reference. */
typedef struct kit_shared kit_shared;
kit_shared *kit_shared_from_memory(size_t bytes);

/* Zeroed, readable address space that takes no memory while only looked at. */
kit_shared *kit_shared_from_mapping(size_t bytes);
const int32_t *kit_shared_values(const kit_shared *shared);
void kit_shared_release(kit_shared *shared);

/* A batch "{...:int32}" of rows [offset, offset + length) of the memory; the offset stands in the column. */
void kit_batch_shared(kit_shared *shared, int64_t offset, int64_t length, struct ArrowArray *array);

/* Nodes of this kit's arrays not yet released. */
int64_t kit_live_arrays(void);

/* Have `hook` called when the (top) node of this array is released. */
void kit_array_on_release(struct ArrowArray *array, void (*hook)(void *), void *user_data);

#endif
