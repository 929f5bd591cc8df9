/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checksums of extents: XXH3, 64 bits, by libxxhash. They tell damage and mistakes, not a forger. May call: support.
 */
#ifndef RESPOOL_STORE_CHECKSUM_H
#define RESPOOL_STORE_CHECKSUM_H

#include "respool/respool.h"

/* Of bytes that lie together. */
uint64_t checksum_of(const void *bytes, int64_t length);

/* The same of bytes that come in pieces, one extent after another. RESPOOL_NO_MEMORY. */
struct checksum;
respool_status checksum_open(struct checksum **checksum, respool_error *error);
void checksum_close(struct checksum *checksum);
void checksum_begin(struct checksum *checksum);
void checksum_add(struct checksum *checksum, const void *bytes, size_t length);
uint64_t checksum_end(const struct checksum *checksum);

#endif
