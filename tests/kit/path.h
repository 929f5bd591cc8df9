/* SPDX-License-Identifier: Apache-2.0 */
/* A growing place inside an array, "column/child[7]", kept while walking and printed when something is found. */
#ifndef RESPOOL_TESTS_KIT_PATH_H
#define RESPOOL_TESTS_KIT_PATH_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct kit_path {
  char text[512];
  size_t size;
} kit_path;

/* Returns the size before, for kit_path_cut(). */
static inline size_t kit_path_push(kit_path *path, const char *name) {
  size_t before = path->size;
  size_t room = sizeof path->text - before;
  int wrote = snprintf(path->text + before, room, "/%s", name != NULL ? name : "");
  if (wrote > 0 && (size_t)wrote < room) path->size += (size_t)wrote;
  return before;
}

static inline void kit_path_cut(kit_path *path, size_t size) {
  path->size = size;
  path->text[size] = '\0';
}

#endif
