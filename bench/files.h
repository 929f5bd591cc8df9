/* SPDX-License-Identifier: Apache-2.0 */
/* Files written and read as directly as the system allows: the limits beside the figures. */
#ifndef RESPOOL_BENCH_FILES_H
#define RESPOOL_BENCH_FILES_H

#include <stdint.h>

/* A new file without a name. */
int files_open(const char *directory);

/* Write `bytes` of the source's big batches, again from the first after the last, in pieces of 1 MiB from as many places as a
 * batch has columns. Returns the time. */
int64_t files_write(int fd, int64_t bytes);

/* Map the file afresh, sum its words, unmap it. Adds to `*sum`, returns the time. */
int64_t files_sum_mapped(int fd, int64_t bytes, uint64_t *sum);

/* The same by two threads, each with a mapping of its own and summing all of it. */
int64_t files_sum_mapped_twice(int fd, int64_t bytes, uint64_t *sum);

/* Read the file in pieces of 1 MiB into one buffer that was used before, and sum its words. */
int64_t files_sum_read(int fd, int64_t bytes, uint64_t *sum);

#endif
