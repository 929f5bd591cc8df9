/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that nobody else shall see, and bytes that nobody can guess. May call: support. */
#ifndef RESPOOL_OS_SECRET_H
#define RESPOOL_OS_SECRET_H

#include "respool/respool.h"

/*
 * Zeroed memory in pages of its own, which the system does not swap out, as far as it lets this process lock memory,
 * which are left out of core dumps, and which a forked child finds wiped, where it knows how. Wiped on closing.
 */
struct os_secret {
  void *bytes;
  size_t size;
};
respool_status os_secret_open(size_t size, struct os_secret *secret, respool_error *error);
void os_secret_close(struct os_secret *secret);

/* From the system's source for keys. */
respool_status os_random(void *bytes, size_t size, respool_error *error);

#endif
