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
  gather->drained = 0;
  gather->position = -1;
  gather->count = 0;
  gather->staged = 0;
  gather->sealed = 0;
}

void gather_align(struct gather *gather, int64_t position) {
  gather->position = position;
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
  gather->drained = gather->total;
  gather->count = 0;
  gather->staged = 0;
  gather->sealed = 0;
  return status;
}

static bool is_staged(const struct gather *gather, const struct gather_piece *piece) {
  uintptr_t at = (uintptr_t)piece->bytes;
  uintptr_t staging = (uintptr_t)gather->staging;
  return at >= staging && at < staging + GATHER_STAGING;
}

/* Forget the first pieces, of which the last only in part: `cut` bytes. What is staged behind them moves down. */
static void drop_pieces(struct gather *gather, int count, size_t cut) {
  struct gather_piece *first = &gather->pieces[count];
  first->bytes = (const uint8_t *)first->bytes + cut;
  first->length -= cut;
  gather->count -= count;
  memmove(gather->pieces, first, (size_t)gather->count * sizeof *first);
  int i = 0;
  while (i < gather->count && !is_staged(gather, &gather->pieces[i])) i++;
  const uint8_t *left = i < gather->count ? gather->pieces[i].bytes : gather->staging + gather->staged;
  size_t gone = (size_t)(left - gather->staging);
  gather->staged -= gone;
  gather->sealed = gather->staged;
  memmove(gather->staging, left, gather->staged);
  for (; i < gather->count; i++) {
    struct gather_piece *piece = &gather->pieces[i];
    if (is_staged(gather, piece)) piece->bytes = (const uint8_t *)piece->bytes - gone;
  }
}

/* Hand on the first `length` bytes, which are fewer than are held. */
static respool_status drain_first(struct gather *gather, int64_t length, respool_error *error) {
  int count = 0;
  size_t cut = (size_t)length;
  for (; cut >= gather->pieces[count].length; count++) cut -= gather->pieces[count].length;
  struct gather_piece *split = &gather->pieces[count];
  size_t whole = split->length;
  split->length = cut;
  respool_status status = gather->drain(gather->context, gather->pieces, cut > 0 ? count + 1 : count, error);
  split->length = whole;
  gather->drained += length;
  drop_pieces(gather, count, cut);
  return status;
}

/* Make room by handing on what is held, up to the last boundary if one is to be kept to. */
static respool_status relieve(struct gather *gather, respool_error *error) {
  if (gather->position < 0) return gather_flush(gather, error);
  seal(gather);
  int64_t start = gather->position + gather->drained;
  int64_t end = gather->position + gather->total;
  int64_t boundary = end - end % GATHER_BOUNDARY;
  if (boundary <= start || boundary == end) return gather_flush(gather, error);
  return drain_first(gather, boundary - start, error);
}

respool_status gather_room(struct gather *gather, size_t length, uint8_t **room, respool_error *error) {
  respool_status status = RESPOOL_OK;
  if (gather->staged + length > GATHER_STAGING) status = relieve(gather, error);
  if (status == RESPOOL_OK && gather->staged + length > GATHER_STAGING) status = gather_flush(gather, error);
  if (status != RESPOOL_OK) return status;
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
  return gather->count + 2 > GATHER_PIECES ? relieve(gather, error) : RESPOOL_OK;
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
