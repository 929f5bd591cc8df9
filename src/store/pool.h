/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers for reading into, used again and again: the first touch of fresh memory costs ten times what reading into
 * warm memory does. May call: os, support.
 */
#ifndef RESPOOL_STORE_POOL_H
#define RESPOOL_STORE_POOL_H

#include "respool/respool.h"

struct pool;

/* Aligned to 64 bytes. */
struct pool_buffer {
  struct pool *pool;
  struct pool_buffer *next;
  uint8_t *bytes;
  int64_t capacity;
};

respool_status pool_open(struct pool **pool, respool_error *error);

/* Give up the pool. It lives on until the last buffer has come back. */
void pool_close(struct pool *pool);

/* A buffer of at least `size` bytes, of which only so many may be touched; what is in it is anything. */
respool_status pool_take(struct pool *pool, int64_t size, struct pool_buffer **buffer, respool_error *error);

/* Give a buffer back, from any thread. Takes void so that it can be the drop of a tree's owner. */
void pool_give(void *object);

/* Bytes of all buffers: handed out and kept. */
int64_t pool_bytes(struct pool *pool);

#endif
