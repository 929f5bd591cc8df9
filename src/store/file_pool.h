/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files without a name that finished spools leave to the next ones, so that these write over pages which are there: the
 * public respool_pool. May call: os, support.
 */
#ifndef RESPOOL_STORE_FILE_POOL_H
#define RESPOOL_STORE_FILE_POOL_H

#include "os/file.h"
#include "respool/respool.h"

#include <stdbool.h>

/* A file as it lies in a pool. What is in it is anything. */
struct pooled_file {
  int fd;
  int file_system; /* OS_FS_... */
  int64_t size;
  struct os_identity directory;
};

/* In a forked child a pool is dead. */
bool file_pool_forked(const struct respool_pool *pool);
respool_status file_pool_refuse_forked(respool_error *error);

/* A reference, which keeps the pool's memory but no file in it. NULL is allowed. */
struct respool_pool *file_pool_hold(struct respool_pool *pool);
void file_pool_drop(struct respool_pool *pool);

/* The file of this directory that came last. False: there is none. */
bool file_pool_take(struct respool_pool *pool, const struct os_identity *directory, struct pooled_file *file);

/* The file is the pool's, to keep or to close. Nobody may refer to it any more. From any thread. */
void file_pool_give(struct respool_pool *pool, const struct pooled_file *file);

#endif
