/* SPDX-License-Identifier: Apache-2.0 */
/* Which file a path or descriptor is, so that nothing is written over what is being read. */
#ifndef RESPOOL_CLI_IDENTITY_H
#define RESPOOL_CLI_IDENTITY_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * A file that exists is known by device and inode; one that does not yet, by those of its directory and its last name.
 * Devices and sockets are not identified: two may write to /dev/null, and a socket is read and written at once.
 */
struct identity {
  bool known;
  dev_t device;
  ino_t inode;
  const char *leaf; /* last name of a file that does not exist, pointing into the path; else NULL */
};

struct identity identity_of_status(const struct stat *status);
struct identity identity_of_descriptor(int fd);
struct identity identity_of_path(const char *path);

bool identity_equal(const struct identity *a, const struct identity *b);

#endif
