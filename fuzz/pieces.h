/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes given to the library in pieces of sizes that depend on the bytes. */
#ifndef RESPOOL_FUZZ_PIECES_H
#define RESPOOL_FUZZ_PIECES_H

#include "fuzz.h"

typedef struct pieces {
  const uint8_t *bytes;
  size_t size;
  size_t at;
  int64_t most; /* bytes of a piece */
  uint64_t state;
} pieces;

static inline pieces pieces_of(const void *bytes, size_t size, uint64_t seed) {
  static const int64_t mosts[] = {1, 9, 100, INT64_MAX};
  return (pieces){.bytes = bytes, .size = size, .most = mosts[seed % 4], .state = seed | 1};
}

/* A respool_read_callback; its user data are the pieces. */
static inline int64_t pieces_read(void *user_data, void *buffer, int64_t size) {
  pieces *p = user_data;
  size_t left = p->size - p->at;
  int64_t piece = p->most == INT64_MAX ? INT64_MAX : 1 + (int64_t)(fuzz_next(&p->state) % (uint64_t)p->most);
  if (piece > size) piece = size;
  if ((uint64_t)piece > left) piece = (int64_t)left;
  unsigned char *to = buffer;
  for (int64_t i = 0; i < piece; i++) to[i] = p->bytes[p->at++];
  return piece;
}

#endif
