/* SPDX-License-Identifier: Apache-2.0 */
/* Key-value pairs in two visits: one for their size, one to copy them. */
#include "ipc/key_values.h"

#include "ipc/format.h"
#include "support/alloc.h"
#include "support/error.h"

#include <string.h>

static respool_status corrupt(const struct flatbuf *buffer, respool_error *error) {
  return error_set(error, RESPOOL_CORRUPT, "damaged metadata: %s", buffer->broken);
}

static uint64_t encoded_size(const struct flatbuf_vector *pairs) {
  uint64_t size = sizeof(int32_t);
  for (uint32_t i = 0; i < pairs->count && !flatbuf_broken(pairs->buffer); i++) {
    struct flatbuf_table pair = flatbuf_item_table(pairs, i);
    size += 2 * sizeof(int32_t) + flatbuf_list(&pair, KEY_VALUE_KEY, 1).count;
    size += flatbuf_list(&pair, KEY_VALUE_VALUE, 1).count;
  }
  return size;
}

/* Numbers of the C data interface are in the machine's order. */
static uint8_t *append_text(uint8_t *at, const struct flatbuf_vector *text) {
  int32_t length = (int32_t)text->count;
  memcpy(at, &length, sizeof length);
  if (length > 0) memcpy(at + sizeof length, flatbuf_items(text), text->count);
  return at + sizeof length + text->count;
}

/* False if the second visit exhausts the budget. */
static bool encode(const struct flatbuf_vector *pairs, uint8_t *at) {
  int32_t count = (int32_t)pairs->count;
  memcpy(at, &count, sizeof count);
  at += sizeof count;
  for (uint32_t i = 0; i < pairs->count; i++) {
    struct flatbuf_table pair = flatbuf_item_table(pairs, i);
    struct flatbuf_vector key = flatbuf_list(&pair, KEY_VALUE_KEY, 1);
    struct flatbuf_vector value = flatbuf_list(&pair, KEY_VALUE_VALUE, 1);
    if (flatbuf_broken(pairs->buffer)) return false;
    at = append_text(append_text(at, &key), &value);
  }
  return true;
}

respool_status key_values_decode(const struct flatbuf_vector *pairs, char **out, int64_t *size, respool_error *error) {
  *out = NULL;
  *size = 0;
  if (pairs->count == 0) return RESPOOL_OK;
  uint64_t wanted = encoded_size(pairs);
  if (flatbuf_broken(pairs->buffer) || !flatbuf_spend_text(pairs->buffer, wanted)) return corrupt(pairs->buffer, error);
  uint8_t *bytes = mem_alloc(wanted);
  if (bytes == NULL) return error_no_memory(error);
  if (!encode(pairs, bytes)) {
    mem_free(bytes);
    return corrupt(pairs->buffer, error);
  }
  *out = (char *)bytes;
  *size = (int64_t)wanted;
  return RESPOOL_OK;
}
