/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plain driver for a fuzz target: runs it over the files given, and over all files of the folders given, each in a
 * block of memory of exactly its size. So the ordinary tests replay the corpus, without libFuzzer.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int files;

_Noreturn static void fail(const char *path) {
  fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
  exit(2);
}

static uint8_t *read_file(const char *path, size_t *size) {
  struct stat about;
  FILE *file = fopen(path, "rb");
  if (file == NULL || stat(path, &about) != 0) fail(path);
  *size = (size_t)about.st_size;
  uint8_t *bytes = malloc(*size);
  if ((bytes == NULL && *size > 0) || fread(bytes, 1, *size, file) != *size) fail(path);
  fclose(file);
  return bytes;
}

static void run_file(const char *path) {
  size_t size;
  uint8_t *bytes = read_file(path, &size);
  fprintf(stderr, "%s\n", path); /* the last one is the one that failed */
  LLVMFuzzerTestOneInput(bytes, size);
  free(bytes);
  files++;
}

static int visible(const struct dirent *entry) {
  return entry->d_name[0] != '.';
}

static void run_folder(const char *path) {
  struct dirent **entries;
  int count = scandir(path, &entries, visible, alphasort);
  if (count < 0) fail(path);
  for (int i = 0; i < count; i++) {
    char name[4096];
    snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
    free(entries[i]);
    run_file(name);
  }
  free(entries);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    struct stat about;
    if (stat(argv[i], &about) != 0) fail(argv[i]);
    if (S_ISDIR(about.st_mode))
      run_folder(argv[i]);
    else
      run_file(argv[i]);
  }
  printf("%d files\n", files);
  return files > 0 ? 0 : 1;
}
