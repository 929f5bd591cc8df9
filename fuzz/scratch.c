/* SPDX-License-Identifier: Apache-2.0 */
/* Names for files of a fuzz run. */
#include "scratch.h"

#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[200];

static void remove_directory(void) {
  rmdir(directory);
}

static void make_directory(void) {
  const char *place = getenv("TMPDIR");
  snprintf(directory, sizeof directory, "%s/respool-fuzz-XXXXXX", place != NULL && *place != '\0' ? place : "/tmp");
  FUZZ_CHECK(mkdtemp(directory) != NULL, "no directory %s: %s", directory, strerror(errno));
  atexit(remove_directory);
}

void scratch_name(char *path, size_t size) {
  static unsigned long number;
  if (directory[0] == '\0') make_directory();
  snprintf(path, size, "%s/%lu", directory, number++);
}
