/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering of pieces: see gather.h. */
#include "support/gather.h"

#include "support/alloc.h"

#include <string.h>

struct gather *gather_open(void) {
  struct gather *gather = mem_alloc(sizeof *gather);
  if (gather == NULL) return NULL;
  gather->staging = mem_alloc_aligned(GATHER_STAGING);
  if (gather->staging == NULL) {
    mem_free(gather);
    return NULL;
  }
  gather_reset(gather, NULL, NULL);
  return gather;
}

void gather_close(struct gather *gather) {
  if (gather == NULL) return;
  mem_free(gather->staging);
  mem_free(gather);
}

void gather_reset(struct gather *gather, gather_drain drain, void *context) {
  gather->drain = drain;
  gather->context = context;
  gather->total = 0;
  gather->count = 0;
  gather->staged = 0;
  gather->sealed = 0;
}

/* Turn the open run of staged bytes into a piece. There is always room for it: see put_reference and gather_room. */
static void seal(struct gather *gather) {
  if (gather->staged == gather->sealed) return;
  gather->pieces[gather->count].bytes = gather->staging + gather->sealed;
  gather->pieces[gather->count].length = gather->staged - gather->sealed;
  gather->count++;
  gather->sealed = gather->staged;
}

respool_status gather_flush(struct gather *gather, respool_error *error) {
  seal(gather);
  respool_status status = RESPOOL_OK;
  if (gather->count > 0) status = gather->drain(gather->context, gather->pieces, gather->count, error);
  gather->count = 0;
  gather->staged = 0;
  gather->sealed = 0;
  return status;
}

respool_status gather_room(struct gather *gather, size_t length, uint8_t **room, respool_error *error) {
  if (gather->staged + length > GATHER_STAGING) {
    respool_status status = gather_flush(gather, error);
    if (status != RESPOOL_OK) return status;
  }
  *room = gather->staging + gather->staged;
  return RESPOOL_OK;
}

void gather_commit(struct gather *gather, size_t length) {
  gather->staged += length;
  gather->total += (int64_t)length;
}

static respool_status put_reference(struct gather *gather, const void *bytes, size_t length, respool_error *error) {
  seal(gather);
  gather->pieces[gather->count].bytes = bytes;
  gather->pieces[gather->count].length = length;
  gather->count++;
  gather->total += (int64_t)length;
  /* Keep one free for the staged run that may follow, and one for the reference after it. */
  return gather->count + 2 > GATHER_PIECES ? gather_flush(gather, error) : RESPOOL_OK;
}

respool_status gather_copy(struct gather *gather, const void *bytes, int64_t length, respool_error *error) {
  const uint8_t *from = bytes;
  while (length > 0) {
    size_t part = length < GATHER_STAGING ? (size_t)length : GATHER_STAGING;
    uint8_t *room;
    respool_status status = gather_room(gather, part, &room, error);
    if (status != RESPOOL_OK) return status;
    memcpy(room, from, part);
    gather_commit(gather, part);
    from += part;
    length -= (int64_t)part;
  }
  return RESPOOL_OK;
}

respool_status gather_put(struct gather *gather, const void *bytes, int64_t length, respool_error *error) {
  if (length <= 0) return RESPOOL_OK;
  if (length < GATHER_COPY_BELOW) return gather_copy(gather, bytes, length, error);
  return put_reference(gather, bytes, (size_t)length, error);
}

respool_status gather_zeros(struct gather *gather, int64_t length, respool_error *error) {
  while (length > 0) {
    size_t part = length < GATHER_COPY_BELOW ? (size_t)length : GATHER_COPY_BELOW;
    uint8_t *room;
    respool_status status = gather_room(gather, part, &room, error);
    if (status != RESPOOL_OK) return status;
    memset(room, 0, part);
    gather_commit(gather, part);
    length -= (int64_t)part;
  }
  return RESPOOL_OK;
}
