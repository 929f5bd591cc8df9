/* SPDX-License-Identifier: Apache-2.0 */
/* The key and value pairs in the `metadata` member of an ArrowSchema. */
#ifndef RESPOOL_CLI_METADATA_H
#define RESPOOL_CLI_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metadata {
  const char *at;
  int32_t count; /* of all pairs */
  int32_t left;  /* of those not read yet */
  const char *key;
  size_t key_length;
  const char *value;
  size_t value_length;
};

/* `bytes` may be NULL: no pairs. */
void metadata_begin(struct metadata *metadata, const char *bytes);

/* Go to the next pair; false after the last. */
bool metadata_next(struct metadata *metadata);

/* Go to the pair with `key`, the last of them if there are several; false if there is none. */
bool metadata_find(struct metadata *metadata, const char *bytes, const char *key);

#endif
