/* SPDX-License-Identifier: Apache-2.0 */
/* Structs led by their size, which callers compiled against other versions of the header may give. */
#include "support/options.h"

#include "support/error.h"

#include <string.h>

respool_status options_merge(const void *given, void *merged, size_t known, respool_error *error) {
  if (given == NULL) return RESPOOL_OK;
  size_t size;
  memcpy(&size, given, sizeof size);
  if (size < sizeof size || size > 4096) {
    return error_set(error, RESPOOL_INVALID, "an options struct of %zu bytes: set struct_size with its init function",
                     size);
  }
  const unsigned char *bytes = given;
  for (size_t i = known; i < size; i++) {
    if (bytes[i] != 0)
      return error_set(error, RESPOOL_INVALID, "options newer than this library (%s)", RESPOOL_VERSION);
  }
  memcpy(merged, given, size < known ? size : known);
  return RESPOOL_OK;
}

respool_status options_give(const void *full, size_t known, void *to, respool_error *error) {
  size_t size;
  memcpy(&size, to, sizeof size);
  if (size < sizeof size || size > 4096) {
    return error_set(error, RESPOOL_INVALID, "a struct of %zu bytes: set its struct_size first", size);
  }
  size_t front = size < known ? size : known;
  memset(to, 0, size);
  memcpy(to, full, front);
  memcpy(to, &size, sizeof size);
  return RESPOOL_OK;
}
