/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums by libxxhash: see checksum.h. The library's own state is what stands for struct checksum. */
#include "store/checksum.h"

#include "support/alloc.h"
#include "support/error.h"

#include <stdbool.h>
#include <xxhash.h>

/*
 * The shared libxxhash for x86 can have variants that use all that the processor has, about twice as fast as what every
 * processor has; the static one need not. Its header for them would take their presence for granted.
 */
#if defined(__ELF__) && defined(__x86_64__)
__attribute__((weak)) XXH64_hash_t XXH3_64bits_dispatch(const void *bytes, size_t length);
__attribute__((weak)) XXH_errorcode XXH3_64bits_update_dispatch(XXH3_state_t *state, const void *bytes, size_t length);
#define HAS(function) ((function) != NULL)
#else
#define XXH3_64bits_dispatch        XXH3_64bits
#define XXH3_64bits_update_dispatch XXH3_64bits_update
#define HAS(function)               false
#endif

uint64_t checksum_of(const void *bytes, int64_t length) {
  if (HAS(XXH3_64bits_dispatch)) return XXH3_64bits_dispatch(bytes, (size_t)length);
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
  if (HAS(XXH3_64bits_update_dispatch))
    XXH3_64bits_update_dispatch((XXH3_state_t *)checksum, bytes, length);
  else
    XXH3_64bits_update((XXH3_state_t *)checksum, bytes, length);
}

uint64_t checksum_end(const struct checksum *checksum) {
  return XXH3_64bits_digest((const XXH3_state_t *)checksum);
}
