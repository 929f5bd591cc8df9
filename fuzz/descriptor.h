/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes behind a descriptor: a file in memory that is used again and again, and a pipe. */
#ifndef RESPOOL_FUZZ_DESCRIPTOR_H
#define RESPOOL_FUZZ_DESCRIPTOR_H

#include "fuzz.h"

/* A descriptor that can seek, at the first of the bytes, which have `before` others before them. It stays ours. */
int descriptor_file(const uint8_t *data, size_t size, size_t before);

enum { DESCRIPTOR_PIPE_MOST = 1 << 15 };

/* The reading end of a pipe that holds the bytes, of which there are not too many, and then ends. For the caller to
 * close. */
int descriptor_pipe(const uint8_t *data, size_t size);

#endif
