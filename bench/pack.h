/* SPDX-License-Identifier: Apache-2.0 */
/* The codecs alone, from memory to memory: the limit beside compressed spools. */
#ifndef RESPOOL_BENCH_PACK_H
#define RESPOOL_BENCH_PACK_H

#include <stddef.h>
#include <stdint.h>

typedef struct packer packer;

/* For RESPOOL_COMPRESSION_... and a level; this build has it. */
packer *pack_open(int32_t compression, int32_t level);
void pack_close(packer *p);

/* What `size` bytes may become at most. */
size_t pack_room(const packer *p, size_t size);

/* One frame. Returns its size. */
size_t pack_one(packer *p, const void *from, size_t size, void *to, size_t room);

/* Exactly `exact` bytes again. */
void pack_undo(packer *p, const void *from, size_t size, void *to, size_t exact);

#endif
