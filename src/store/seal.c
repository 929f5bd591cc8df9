/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and checking: see seal.h. */
#include "store/seal.h"

#include "store/checksum.h"
#include "support/alloc.h"
#include "support/error.h"

#include <inttypes.h>

/* Where an extent starts. */
struct mark {
  int64_t offset;
  struct seal *seal;
};

struct sealer {
  struct sealing sealing;
  struct checksum *checksum;
  gather_drain drain;
  void *context;
  int64_t position;   /* in the file, of the next byte */
  struct seal *seal;  /* of the extent that comes now; NULL: none is wanted */
  struct mark *marks; /* of those to come, by rising offset: `count` from `first` on */
  size_t capacity;
  size_t first;
  size_t count;
};

/* ---- Writing --------------------------------------------------------------------------------------- */

respool_status sealer_open(const struct sealing *sealing, struct sealer **sealer, respool_error *error) {
  struct sealer *made = mem_zalloc(sizeof *made);
  if (made == NULL) return error_no_memory(error);
  made->sealing = *sealing;
  respool_status status = checksum_open(&made->checksum, error);
  if (status != RESPOOL_OK) {
    mem_free(made);
    return status;
  }
  *sealer = made;
  return RESPOOL_OK;
}

void sealer_close(struct sealer *sealer) {
  if (sealer == NULL) return;
  checksum_close(sealer->checksum);
  mem_free(sealer->marks);
  mem_free(sealer);
}

void sealer_begin(struct sealer *sealer, gather_drain drain, void *context, int64_t offset) {
  sealer->drain = drain;
  sealer->context = context;
  sealer->position = offset;
  sealer->seal = NULL;
  sealer->first = 0;
  sealer->count = 0;
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

void sealer_settle(struct sealer *sealer) {
  if (sealer == NULL) return;
  if (sealer->seal != NULL) sealer->seal->words[0] = checksum_end(sealer->checksum);
  sealer->seal = NULL;
}

/* The extents before the next byte have come to their end. */
static void turn_over(struct sealer *sealer) {
  while (sealer->count > 0 && sealer->marks[sealer->first].offset == sealer->position) {
    sealer_settle(sealer);
    sealer->seal = sealer->marks[sealer->first].seal;
    sealer->first++;
    sealer->count--;
    if (sealer->seal != NULL) checksum_begin(sealer->checksum);
  }
}

/* How many of `length` bytes belong to the extent that comes now. */
static size_t bytes_of_extent(const struct sealer *sealer, size_t length) {
  if (sealer->count == 0) return length;
  int64_t left = sealer->marks[sealer->first].offset - sealer->position;
  return left < (int64_t)length ? (size_t)left : length;
}

static void seal_piece(struct sealer *sealer, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    turn_over(sealer);
    size_t part = bytes_of_extent(sealer, length);
    if (sealer->seal != NULL) checksum_add(sealer->checksum, bytes, part);
    sealer->position += (int64_t)part;
    bytes += part;
    length -= part;
  }
}

respool_status sealer_take(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  struct sealer *sealer = context;
  for (int i = 0; i < count; i++) seal_piece(sealer, pieces[i].bytes, pieces[i].length);
  return sealer->drain(sealer->context, pieces, count, error);
}

void seal_make(const struct sealing *sealing, const void *bytes, int64_t length, struct seal *seal) {
  if (sealing->kind == SEAL_CHECKSUM) seal->words[0] = checksum_of(bytes, length);
}

/* ---- Reading --------------------------------------------------------------------------------------- */

__attribute__((cold)) static respool_status refuse(uint64_t expected, uint64_t found, const struct store *store,
                                                   int64_t offset, int64_t length, respool_error *error) {
  const char *path = store_path(store);
  return error_set(error, RESPOOL_CORRUPT,
                   "the file was changed: checksum %016" PRIx64 " of %" PRId64 " bytes at offset %" PRId64
                   " of %s%s%s, expected %016" PRIx64,
                   found, length, offset, path != NULL ? "'" : "an anonymous file", path != NULL ? path : "",
                   path != NULL ? "'" : "", expected);
}

respool_status seal_check(const struct sealing *sealing, const struct seal *seal, const struct store *store,
                          const struct store_view *view, int64_t offset, int64_t length, respool_error *error) {
  if (sealing->kind == SEAL_NONE) return RESPOOL_OK;
  uint64_t found = checksum_of(view->bytes, length);
  return found == seal->words[0] ? RESPOOL_OK : refuse(seal->words[0], found, store, offset, length, error);
}
