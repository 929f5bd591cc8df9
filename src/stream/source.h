/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where IPC bytes come from: a descriptor or a callback, with a count of what was taken. May call: os, store,
 * support.
 */
#ifndef RESPOOL_STREAM_SOURCE_H
#define RESPOOL_STREAM_SOURCE_H

#include "respool/respool.h"
#include "store/pool.h"

#include <stdbool.h>

struct source {
  int fd; /* -1: the callback */
  respool_read_callback read;
  void *user_data;
  int64_t position; /* bytes taken so far, from where it stood at first */
  int64_t base;     /* where that was, in a file that can seek */
  int64_t size;     /* bytes from there to the end of such a file; -1: not known */
  bool close_descriptor;
};

void source_open_fd(struct source *source, int fd, bool close_descriptor);
void source_open_callback(struct source *source, respool_read_callback read, void *user_data);
void source_close(struct source *source);

/* Up to `size` bytes, fewer only at the end of the input. */
respool_status source_take(struct source *source, void *bytes, int64_t size, int64_t *taken, respool_error *error);

/* Exactly `size` bytes; RESPOOL_TRUNCATED, naming `what`, where there are fewer. */
respool_status source_take_all(struct source *source, void *bytes, int64_t size, const char *what,
                               respool_error *error);

/*
 * Exactly `size` bytes into a buffer of the pool. Memory is taken as bytes arrive, not by the number alone, which may
 * be anything.
 */
respool_status source_take_buffer(struct source *source, struct pool *pool, int64_t size, const char *what,
                                  struct pool_buffer **buffer, respool_error *error);

/* Pass over `size` bytes, by seeking where that is possible. */
respool_status source_skip(struct source *source, int64_t size, const char *what, respool_error *error);

/* Pass over all that is left and give its last `size` bytes (<= 64; zeros before them where it has fewer). */
respool_status source_drain(struct source *source, uint8_t *tail, size_t size, respool_error *error);

/* Read at a place of a file that can seek, counted from where it stood at first; leaves the position alone. */
respool_status source_read_at(const struct source *source, void *bytes, int64_t size, int64_t at, respool_error *error);

#endif
