/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and descriptors: whole transfers in place of short ones, EINTR and EAGAIN dealt with, errors as records.
 * May call: support.
 */
#ifndef RESPOOL_OS_FILE_H
#define RESPOOL_OS_FILE_H

#include "respool/respool.h"
#include "support/gather.h"

#include <stdbool.h>
#include <stdint.h>

/* The directory for anonymous files when none was given: $TMPDIR, else /var/tmp, else /tmp. Never NULL. */
const char *os_default_directory(void);

/* The path as it is seen from the root, so that a later chdir() does not change where it leads. */
respool_status os_absolute(const char *path, char **absolute, respool_error *error);

/* Tells directories apart, whatever they are called. False where the system does not tell. */
struct os_identity {
  uint64_t device;
  uint64_t file;
};
bool os_identify(const char *directory, struct os_identity *identity);

/* An anonymous file, open for reading and writing, without a name when this returns. */
respool_status os_open_anonymous(const char *directory, int *fd, respool_error *error);

/* Create `path` exclusively, mode 0600, following no link in its last component. */
respool_status os_open_named(const char *path, int *fd, respool_error *error);

/*
 * Keep whoever would write to this file out of it, in other processes and in this one, until it is unlocked or its open
 * file description is closed everywhere. RESPOOL_IO: somebody else does. `*locked` false: the file system has no locks.
 */
respool_status os_lock_file(int fd, const char *path, bool *locked, respool_error *error);
void os_unlock_file(int fd);

/*
 * The regular file that `path` names and this user owns, no link, for reading and writing, locked; and its size. Where
 * nothing has that name, `*fd` is -1. RESPOOL_IO: it is something else, or somebody is writing it, or it cannot be
 * locked.
 */
respool_status os_open_existing(const char *path, int *fd, int64_t *size, bool *locked, respool_error *error);

/* Remove a file made by os_open_named, for when making the spool failed afterwards. */
void os_unlink(const char *path);

void os_close(int fd);

/* What kind of file system a file lies on, as far as it matters here. */
enum { OS_FS_LOCAL, OS_FS_MEMORY, OS_FS_REMOTE };
int os_file_system(int fd);

/* Write all pieces at `offset`. `*written` grows by what the system took, on errors too. */
respool_status os_write_at(int fd, const struct gather_piece *pieces, int count, int64_t offset, int64_t *written,
                           respool_error *error);

/* Write all pieces to a stream descriptor; one that would block is waited for. `*written` as above. */
respool_status os_write(int fd, const struct gather_piece *pieces, int count, int64_t *written, respool_error *error);

/* Read exactly `size` bytes at `offset`; fewer is RESPOOL_TRUNCATED. */
respool_status os_read_at(int fd, void *buffer, int64_t size, int64_t offset, respool_error *error);

/*
 * Read some bytes of a stream descriptor: the number, 0 at its end, or a negative errno value. Waits for one that
 * would block.
 */
int64_t os_read(int fd, void *buffer, int64_t size);

/* The size of a regular file and where its descriptor stands; false if it is something else or cannot seek. */
bool os_seekable(int fd, int64_t *position, int64_t *size);
bool os_seek(int fd, int64_t position);

respool_status os_truncate(int fd, int64_t length, respool_error *error);

/* Give the space of a range back; its bytes become 0. False: the file system cannot, or would not. */
bool os_punch(int fd, int64_t offset, int64_t length);

/* Bring a file's data, or the entry of `path` in its directory, to the medium. */
respool_status os_sync(int fd, respool_error *error);
respool_status os_sync_parent(const char *path, respool_error *error);

/*
 * A read-only shared mapping of a range that starts at any offset; `*base` is what to unmap, `*bytes` where the range
 * is.
 */
struct os_mapping {
  void *base;
  size_t size;
  const uint8_t *bytes;
};
respool_status os_map(int fd, int64_t offset, int64_t length, struct os_mapping *mapping, respool_error *error);
void os_unmap(struct os_mapping *mapping);

/* Whether the page around a mapped byte is in memory; true where the system does not tell. */
bool os_cached(const uint8_t *byte);

/* How much the system reads ahead in a file by itself; -1: it does not tell. */
int64_t os_read_ahead(int fd);

/* Begin to bring a range of the file into memory, where the system can do that. */
void os_will_need(int fd, int64_t offset, int64_t length);

#endif
