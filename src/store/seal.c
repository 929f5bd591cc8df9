/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing on the way to the file: see seal.h. */
#include "store/seal.h"

#include "store/checksum.h"
#include "store/cipher.h"
#include "support/alloc.h"
#include "support/error.h"

#include <string.h>

/* Encrypted bytes are written so many at a time, which the caches still hold, up to the next multiple in the file. */
enum { OUT_BYTES = 1 << 18 };

/* Where an extent starts. */
struct mark {
  int64_t offset;
  struct seal *seal;
};

struct sealer {
  struct sealing sealing;
  gather_drain drain;
  void *context;
  int64_t position;   /* in the file, of the next byte */
  bool inside;        /* of an extent; also of one that nobody asks about, if it is encrypted */
  struct seal *seal;  /* its seal; NULL: none is wanted */
  struct mark *marks; /* of those to come, by rising offset: `count` from `first` on */
  size_t capacity;
  size_t first;
  size_t count;

  struct checksum *checksum; /* or: */
  struct cipher *cipher;     /* NULL: not needed for now */
  uint64_t number;           /* of the extent that was encrypted last */
  uint8_t *out;
  size_t out_used;
};

/* ---- Opening and closing --------------------------------------------------------------------------- */

respool_status sealer_open(const struct sealing *sealing, struct sealer **sealer, respool_error *error) {
  struct sealer *made = mem_zalloc(sizeof *made);
  if (made == NULL) return error_no_memory(error);
  made->sealing = *sealing;
  respool_status status = RESPOOL_OK;
  if (sealing->kind == SEAL_CHECKSUM) {
    status = checksum_open(&made->checksum, error);
  } else {
    made->out = mem_alloc_aligned(OUT_BYTES);
    if (made->out == NULL) status = error_no_memory(error);
  }
  if (status != RESPOOL_OK) {
    mem_free(made);
    return status;
  }
  *sealer = made;
  return RESPOOL_OK;
}

void sealer_rest(struct sealer *sealer) {
  if (sealer == NULL) return;
  cipher_close(sealer->cipher);
  sealer->cipher = NULL;
}

void sealer_close(struct sealer *sealer) {
  if (sealer == NULL) return;
  sealer_rest(sealer);
  checksum_close(sealer->checksum);
  mem_free(sealer->out);
  mem_free(sealer->marks);
  mem_free(sealer);
}

void sealer_begin(struct sealer *sealer, gather_drain drain, void *context, int64_t offset) {
  sealer->drain = drain;
  sealer->context = context;
  sealer->position = offset;
  sealer->inside = false;
  sealer->seal = NULL;
  sealer->first = 0;
  sealer->count = 0;
  sealer->out_used = 0;
}

respool_status sealer_mark(struct sealer *sealer, int64_t offset, struct seal *seal, respool_error *error) {
  if (sealer == NULL) return RESPOOL_OK;
  if (sealer->count == 0) sealer->first = 0;
  size_t end = sealer->first + sealer->count;
  if (!mem_reserve((void **)&sealer->marks, &sealer->capacity, end + 1, sizeof *sealer->marks)) {
    return error_no_memory(error);
  }
  sealer->marks[end] = (struct mark){offset, seal};
  sealer->count++;
  return RESPOOL_OK;
}

/* ---- Extents ----------------------------------------------------------------------------------------- */

static respool_status begin_extent(struct sealer *sealer, struct seal *seal, respool_error *error) {
  sealer->seal = seal;
  sealer->inside = true;
  if (sealer->sealing.kind == SEAL_CHECKSUM) {
    checksum_begin(sealer->checksum);
    return RESPOOL_OK;
  }
  respool_status status = RESPOOL_OK;
  if (sealer->cipher == NULL) status = cipher_open(sealer->sealing.key, &sealer->cipher, error);
  if (status != RESPOOL_OK) return status;
  return cipher_begin(sealer->cipher, ++sealer->number, error);
}

respool_status sealer_settle(struct sealer *sealer, respool_error *error) {
  if (sealer == NULL || !sealer->inside) return RESPOOL_OK;
  struct seal *seal = sealer->seal;
  sealer->inside = false;
  if (seal == NULL) return RESPOOL_OK;
  if (sealer->sealing.kind == SEAL_CHECKSUM) {
    seal->words[0] = checksum_end(sealer->checksum);
    return RESPOOL_OK;
  }
  uint8_t tag[CIPHER_TAG];
  respool_status status = cipher_end(sealer->cipher, tag, error);
  if (status != RESPOOL_OK) return status;
  seal->words[0] = sealer->number;
  memcpy(&seal->words[1], tag, CIPHER_TAG);
  return RESPOOL_OK;
}

/* The extents before the next byte come to their end, and the one that has it begins. */
static respool_status turn_over(struct sealer *sealer, respool_error *error) {
  respool_status status = RESPOOL_OK;
  while (status == RESPOOL_OK && sealer->count > 0 && sealer->marks[sealer->first].offset == sealer->position) {
    status = sealer_settle(sealer, error);
    if (status == RESPOOL_OK) status = begin_extent(sealer, sealer->marks[sealer->first].seal, error);
    sealer->first++;
    sealer->count--;
  }
  if (status == RESPOOL_OK && !sealer->inside) status = begin_extent(sealer, NULL, error);
  return status;
}

/* How many of `length` bytes belong to the extent that comes now. */
static size_t bytes_of_extent(const struct sealer *sealer, size_t length) {
  if (sealer->count == 0) return length;
  int64_t left = sealer->marks[sealer->first].offset - sealer->position;
  return left < (int64_t)length ? (size_t)left : length;
}

/* ---- Bytes ------------------------------------------------------------------------------------------- */

static respool_status put_out(struct sealer *sealer, respool_error *error) {
  struct gather_piece piece = {sealer->out, sealer->out_used};
  if (sealer->out_used == 0) return RESPOOL_OK;
  sealer->out_used = 0;
  return sealer->drain(sealer->context, &piece, 1, error);
}

static respool_status encrypt(struct sealer *sealer, const uint8_t *bytes, size_t length, respool_error *error) {
  int64_t position = sealer->position;
  while (length > 0) {
    size_t room = (size_t)(OUT_BYTES - position % OUT_BYTES);
    size_t part = length < room ? length : room;
    respool_status status = cipher_add(sealer->cipher, bytes, part, sealer->out + sealer->out_used, error);
    sealer->out_used += part;
    if (status == RESPOOL_OK && part == room) status = put_out(sealer, error);
    if (status != RESPOOL_OK) return status;
    position += (int64_t)part;
    bytes += part;
    length -= part;
  }
  return RESPOOL_OK;
}

/* Bytes of one extent. */
static respool_status add(struct sealer *sealer, const uint8_t *bytes, size_t length, respool_error *error) {
  if (sealer->sealing.kind == SEAL_ENCRYPTED) return encrypt(sealer, bytes, length, error);
  if (sealer->seal != NULL) checksum_add(sealer->checksum, bytes, length);
  return RESPOOL_OK;
}

static respool_status seal_piece(struct sealer *sealer, const uint8_t *bytes, size_t length, respool_error *error) {
  while (length > 0) {
    respool_status status = turn_over(sealer, error);
    size_t part = bytes_of_extent(sealer, length);
    if (status == RESPOOL_OK) status = add(sealer, bytes, part, error);
    if (status != RESPOOL_OK) return status;
    sealer->position += (int64_t)part;
    bytes += part;
    length -= part;
  }
  return RESPOOL_OK;
}

respool_status sealer_take(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  struct sealer *sealer = context;
  for (int i = 0; i < count; i++) {
    respool_status status = seal_piece(sealer, pieces[i].bytes, pieces[i].length, error);
    if (status != RESPOOL_OK) return status;
  }
  if (sealer->sealing.kind == SEAL_ENCRYPTED) return put_out(sealer, error);
  return sealer->drain(sealer->context, pieces, count, error);
}

void seal_make(const struct sealing *sealing, const void *bytes, int64_t length, struct seal *seal) {
  if (sealing->kind == SEAL_CHECKSUM) seal->words[0] = checksum_of(bytes, length);
}
