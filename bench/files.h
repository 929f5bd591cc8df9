/* SPDX-License-Identifier: Apache-2.0 */
/* Files written and read as directly as the system allows: the limits beside the figures. */
#ifndef RESPOOL_BENCH_FILES_H
#define RESPOOL_BENCH_FILES_H

#include "meter.h"
#include "sums.h"

#include <stdint.h>

/* A new file without a name. */
int files_open(const char *directory);

/* Write `bytes` of the source's big batches, again from the first after the last, in pieces of 1 MiB from as many
 * places as a batch has columns; over what is there, if the file is not empty. Returns the time. */
int64_t files_write(int fd, int64_t bytes);

/* The ways to read a file: through a mapping of one's own, or in pieces of 1 MiB into one buffer that was used
 * before. */
typedef enum files_way { FILES_MAPPED, FILES_READ } files_way;

/* Look at the whole file in `threads` threads at once, each by itself. Returns what all of them found. */
uint64_t files_take(int fd, int64_t bytes, files_way way, take how, int threads);

/* Both for a new file: write `bytes`, whole big batches, and look at all of them in one thread. */
passes files_pass(const char *directory, int64_t bytes, files_way way);

/* Write what was written to the medium, and drop the file from the page cache. */
void files_drop(int fd);

/* How much of the file is in the page cache, in hundredths. */
int64_t files_cached(int fd);

#endif
