/* SPDX-License-Identifier: Apache-2.0 */
/* The system around a test: scratch directories, open descriptors, mappings, files as bytes. */
#ifndef RESPOOL_TESTS_KIT_SYSTEM_H
#define RESPOOL_TESTS_KIT_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KIT_PATH = 512 };

/* A new directory under $TMPDIR or /tmp. Removed, with what is in it, after the test at the latest. */
const char *kit_scratch(void);
void kit_scratch_remove(const char *directory);

/* Between tests: removes scratch directories and lifts the bound on file sizes. */
void kit_system_reset(void);

/* "directory/name" in `path`; answers with `path`. */
char *kit_join(char path[KIT_PATH], const char *directory, const char *name);

/* Names in a directory, "." and ".." not counted. */
int kit_entries(const char *directory);

/* Whether `path` names something, also a dangling link. */
bool kit_exists(const char *path);
int64_t kit_file_size(const char *path);

/* The whole file, one byte longer for a NUL; free() it. Ends the program if it cannot be read. */
unsigned char *kit_file_read(const char *path, size_t *size);
void kit_file_write(const char *path, const void *bytes, size_t size);

/* Descriptors open in this process. */
int kit_open_descriptors(void);

/* The descriptor of the only file that this process has open in `directory`, with a name or without. */
int kit_descriptor_in(const char *directory);

/* Mappings of this process whose line in /proc/self/maps contains `text`. */
int kit_mappings(const char *text);

/* Bound the size of files this process may write (RLIMIT_FSIZE), so that writes beyond fail with EFBIG; -1: no bound.
 * The signal that comes with it is ignored from the first call on. */
void kit_limit_file_size(int64_t bytes);

/* Yield to other threads for a moment. Only to vary the order of things, never to wait for something. */
void kit_pause(int64_t microseconds);

#endif
