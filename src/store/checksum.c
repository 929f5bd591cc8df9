/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums by libxxhash: see checksum.h. The library's own state is what stands for struct checksum. */
#include "store/checksum.h"

#include "support/alloc.h"
#include "support/error.h"

#include <xxhash.h>

uint64_t checksum_of(const void *bytes, int64_t length) {
  return XXH3_64bits(bytes, (size_t)length);
}

respool_status checksum_open(struct checksum **checksum, respool_error *error) {
  XXH3_state_t *state = mem_refused() ? NULL : XXH3_createState();
  if (state == NULL) return error_no_memory(error);
  *checksum = (struct checksum *)state;
  return RESPOOL_OK;
}

void checksum_close(struct checksum *checksum) {
  XXH3_freeState((XXH3_state_t *)checksum);
}

void checksum_begin(struct checksum *checksum) {
  XXH3_64bits_reset((XXH3_state_t *)checksum);
}

void checksum_add(struct checksum *checksum, const void *bytes, size_t length) {
  XXH3_64bits_update((XXH3_state_t *)checksum, bytes, length);
}

uint64_t checksum_end(const struct checksum *checksum) {
  return XXH3_64bits_digest((const XXH3_state_t *)checksum);
}
