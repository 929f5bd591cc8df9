/* SPDX-License-Identifier: Apache-2.0 */
/* Which file a path or descriptor is. */
#include "identity.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct identity identity_of_status(const struct stat *status) {
  struct identity identity = {0};
  if (!S_ISREG(status->st_mode) && !S_ISFIFO(status->st_mode)) return identity;
  identity.known = true;
  identity.device = status->st_dev;
  identity.inode = status->st_ino;
  return identity;
}

struct identity identity_of_descriptor(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) return (struct identity){0};
  return identity_of_status(&status);
}

/* Status of the directory that `path` lies in, whose name ends before `leaf`. */
static bool stat_parent(const char *path, const char *leaf, struct stat *status) {
  if (leaf == path) return stat(".", status) == 0;
  char *parent = strdup(path);
  if (!parent) return false;
  parent[leaf - path] = '\0';
  bool found = stat(parent, status) == 0;
  free(parent);
  return found;
}

struct identity identity_of_path(const char *path) {
  struct stat status;
  if (stat(path, &status) == 0) return identity_of_status(&status);
  struct identity identity = {0};
  if (errno != ENOENT) return identity;
  const char *slash = strrchr(path, '/');
  const char *leaf = slash ? slash + 1 : path;
  if (!stat_parent(path, leaf, &status)) return identity;
  identity.known = true;
  identity.device = status.st_dev;
  identity.inode = status.st_ino;
  identity.leaf = leaf;
  return identity;
}

bool identity_equal(const struct identity *a, const struct identity *b) {
  if (!a->known || !b->known || a->device != b->device || a->inode != b->inode) return false;
  if (!a->leaf || !b->leaf) return a->leaf == b->leaf;
  return strcmp(a->leaf, b->leaf) == 0;
}
