/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers on the command line. Each answers false, leaving `*value` alone, for what is no such number or is too
 * large.
 */
#ifndef RESPOOL_CLI_NUMBERS_H
#define RESPOOL_CLI_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Bytes: "4096", "64MiB", "64M", "1.5G", "100k", "10MB". K, M, G, T, P, E, alone or with iB, count in 1024; with B in
 * 1000. Letters may be of either case.
 */
bool number_size(const char *text, int64_t *value);

/* Things: "1000", "10k", "1.5M", "2G": counted in 1000. */
bool number_count(const char *text, int64_t *value);

/* A whole number from 0 to 2^64 - 1, decimal or hexadecimal with 0x. */
bool number_word(const char *text, uint64_t *value);

/* From 0 to 1, such as "0.25" or "25%". */
bool number_fraction(const char *text, double *value);

#endif
