/* SPDX-License-Identifier: Apache-2.0 */
/* The pairs in the `metadata` of an ArrowSchema: a count, then length and bytes of each key and value. */
#include "metadata.h"

#include <string.h>

static int32_t take_int32(struct metadata *metadata) {
  int32_t value;
  memcpy(&value, metadata->at, sizeof value);
  metadata->at += sizeof value;
  return value;
}

static const char *take_bytes(struct metadata *metadata, size_t *length) {
  *length = (size_t)take_int32(metadata);
  const char *bytes = metadata->at;
  metadata->at += *length;
  return bytes;
}

void metadata_begin(struct metadata *metadata, const char *bytes) {
  *metadata = (struct metadata){.at = bytes};
  if (!bytes) return;
  metadata->count = take_int32(metadata);
  metadata->left = metadata->count;
}

bool metadata_next(struct metadata *metadata) {
  if (metadata->left <= 0) return false;
  metadata->left--;
  metadata->key = take_bytes(metadata, &metadata->key_length);
  metadata->value = take_bytes(metadata, &metadata->value_length);
  return true;
}

bool metadata_find(struct metadata *metadata, const char *bytes, const char *key) {
  struct metadata search;
  bool found = false;
  size_t length = strlen(key);
  metadata_begin(&search, bytes);
  while (metadata_next(&search)) {
    if (search.key_length != length || memcmp(search.key, key, length) != 0) continue;
    *metadata = search;
    found = true;
  }
  return found;
}
