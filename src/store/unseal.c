/* SPDX-License-Identifier: Apache-2.0 */
/* Checking and decrypting what was read: see seal.h. */
#include "store/checksum.h"
#include "store/cipher.h"
#include "store/seal.h"
#include "support/error.h"

#include <inttypes.h>
#include <stdio.h>

/* The file's name, as messages have it. */
enum { NAME_BYTES = 512 };

static const char *name_of(const struct store *store, char name[NAME_BYTES]) {
  const char *path = store_path(store);
  if (path == NULL) return "an anonymous file";
  snprintf(name, NAME_BYTES, "'%s'", path);
  return name;
}

static respool_status check(const struct seal *seal, const struct store *store, const struct store_view *view,
                            int64_t offset, int64_t length, respool_error *error) {
  char name[NAME_BYTES];
  uint64_t found = checksum_of(view->bytes, length);
  if (found == seal->words[0]) return RESPOOL_OK;
  return error_set(error, RESPOOL_CORRUPT,
                   "the file was changed: checksum %016" PRIx64 " of %" PRId64 " bytes at offset %" PRId64
                   " of %s, expected %016" PRIx64,
                   found, length, offset, name_of(store, name), seal->words[0]);
}

/* A copy that nobody else sees is decrypted where it lies. */
static respool_status take_room(struct store *store, const struct store_view *view, int64_t length,
                                struct store_view *clear, respool_error *error) {
  *clear = *view;
  if (view->drop == pool_give) return RESPOOL_OK;
  struct pool_buffer *buffer;
  respool_status status = store_take_buffer(store, length, &buffer, error);
  if (status == RESPOOL_OK) *clear = (struct store_view){.bytes = buffer->bytes, .drop = pool_give, .object = buffer};
  return status;
}

static respool_status decrypt(const struct cipher_key *key, const struct seal *seal, struct store *store,
                              struct store_view *view, int64_t offset, int64_t length, respool_error *error) {
  char name[NAME_BYTES];
  struct store_view clear;
  respool_status status = take_room(store, view, length, &clear, error);
  if (status != RESPOOL_OK) return status;
  bool genuine = false;
  status = cipher_decrypt(key, seal->words[0], (const uint8_t *)&seal->words[1], view->bytes, length,
                          (uint8_t *)(uintptr_t)clear.bytes, &genuine, error);
  if (status == RESPOOL_OK && !genuine) {
    status = error_set(error, RESPOOL_CORRUPT,
                       "the file was changed: %" PRId64 " bytes at offset %" PRId64
                       " of %s, expected to be what was encrypted, are found to be others",
                       length, offset, name_of(store, name));
  }
  const struct store_view *unwanted = status == RESPOOL_OK ? view : &clear;
  if (clear.object != view->object) unwanted->drop(unwanted->object);
  if (status != RESPOOL_OK) return status;
  clear.is_private = true; /* whoever can change the file cannot change this */
  *view = clear;
  return RESPOOL_OK;
}

respool_status seal_open(const struct sealing *sealing, const struct seal *seal, struct store *store,
                         struct store_view *view, int64_t offset, int64_t length, respool_error *error) {
  if (sealing->kind == SEAL_CHECKSUM) return check(seal, store, view, offset, length, error);
  if (sealing->kind == SEAL_ENCRYPTED) return decrypt(sealing->key, seal, store, view, offset, length, error);
  return RESPOOL_OK;
}
