/* SPDX-License-Identifier: Apache-2.0 */
/* A naive encoder of record batches, written from the format's description: what ipc/encode is compared with. */
#ifndef RESPOOL_TESTS_UNIT_NAIVE_ENCODE_H
#define RESPOOL_TESTS_UNIT_NAIVE_ENCODE_H

#include "bytes.h"

enum { NAIVE_MOST = 4096 };

/* What the metadata must say, and the body. Start from zeros; kit_sink_free() the body. */
struct naive {
  int64_t lengths[NAIVE_MOST], null_counts[NAIVE_MOST];
  int nodes;
  int64_t offsets[NAIVE_MOST], sizes[NAIVE_MOST];
  int buffers;
  int64_t variadic[NAIVE_MOST];
  int views;
  kit_sink body;
};

/* The rows that a record batch shows, or the values of a dictionary. What is in dictionaries inside is left out. */
void naive_encode(struct naive *naive, const struct ArrowSchema *schema, const struct ArrowArray *array, bool is_batch);

#endif
