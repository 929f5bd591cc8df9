/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathers pieces of bytes, small ones copied and large ones referenced, into vectors for one large write. The piece
 * between the codec, which produces bytes, and whoever takes them. May call: nothing of other rooms.
 */
#ifndef RESPOOL_SUPPORT_GATHER_H
#define RESPOOL_SUPPORT_GATHER_H

#include "respool/respool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gather_piece {
  const void *bytes;
  size_t length;
};

/* Takes all bytes of the pieces, in order, or answers with an error. */
typedef respool_status (*gather_drain)(void *context, const struct gather_piece *pieces, int count,
                                       respool_error *error);

enum {
  GATHER_PIECES = 1024,                         /* IOV_MAX of Linux */
  GATHER_BOUNDARY = 1 << 20,                    /* see gather_align() */
  GATHER_STAGING = GATHER_BOUNDARY + (1 << 16), /* copied bytes between two drains */
  GATHER_COPY_BELOW = 1 << 12,                  /* pieces shorter than this are copied */
};

struct gather {
  gather_drain drain;
  void *context;
  int64_t total;    /* bytes put so far ... */
  int64_t drained;  /* ... and of these, taken */
  int64_t position; /* see gather_align(); -1: any */
  int count;
  size_t staged;
  size_t sealed; /* staged bytes up to here belong to pieces already; what follows is the open one */
  uint8_t *staging;
  struct gather_piece pieces[GATHER_PIECES];
};

/* One gather costs up to GATHER_STAGING bytes, as far as they are used; it is kept and used again. */
struct gather *gather_open(void);
void gather_close(struct gather *gather);

/* Start over towards another taker. What was not drained is dropped. */
void gather_reset(struct gather *gather, gather_drain drain, void *context);

/*
 * What is put first goes to `position` in a file. Drains for want of room then end at a multiple of GATHER_BOUNDARY,
 * and the rest waits: the page cache takes such writes in large units, and writing and mapping cost by the unit. For
 * a taker that need not have everything soon.
 */
void gather_align(struct gather *gather, int64_t position);

/* `bytes` must stay as they are until the next flush; not so for gather_copy. */
respool_status gather_put(struct gather *gather, const void *bytes, int64_t length, respool_error *error);
respool_status gather_copy(struct gather *gather, const void *bytes, int64_t length, respool_error *error);
respool_status gather_zeros(struct gather *gather, int64_t length, respool_error *error);

/* Room for at most `length` bytes (<= GATHER_STAGING) to be filled in place, then counted by gather_commit. */
respool_status gather_room(struct gather *gather, size_t length, uint8_t **room, respool_error *error);
void gather_commit(struct gather *gather, size_t length);

/* Hand on what is held. */
respool_status gather_flush(struct gather *gather, respool_error *error);

#endif
