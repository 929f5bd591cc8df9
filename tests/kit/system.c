/* SPDX-License-Identifier: Apache-2.0 */
/* The system around a test. */
#include "system.h"

#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SCRATCHES = 64 };
static char scratches[SCRATCHES][KIT_PATH];
static pid_t scratch_owner;

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk) {
  (void)status, (void)type, (void)walk;
  return remove(path);
}

void kit_scratch_remove(const char *directory) {
  nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  for (int i = 0; i < SCRATCHES; i++)
    if (directory == scratches[i]) scratches[i][0] = '\0';
}

static void remove_all(void) {
  if (getpid() != scratch_owner) return;
  for (int i = 0; i < SCRATCHES; i++)
    if (scratches[i][0] != '\0') kit_scratch_remove(scratches[i]);
}

void kit_system_reset(void) {
  kit_limit_file_size(-1);
  remove_all();
}

static char *free_scratch(void) {
  for (int i = 0; i < SCRATCHES; i++)
    if (scratches[i][0] == '\0') return scratches[i];
  kit_die("too many scratch directories");
}

const char *kit_scratch(void) {
  if (scratch_owner == 0) atexit(remove_all);
  scratch_owner = getpid();
  const char *parent = getenv("TMPDIR");
  char *path = free_scratch();
  snprintf(path, KIT_PATH, "%s/respool-test-XXXXXX", parent != NULL && *parent != '\0' ? parent : "/tmp");
  if (mkdtemp(path) == NULL) kit_die("no scratch directory: %s", strerror(errno));
  return path;
}

char *kit_join(char path[KIT_PATH], const char *directory, const char *name) {
  int wrote = snprintf(path, KIT_PATH, "%s/%s", directory, name);
  if (wrote < 0 || wrote >= KIT_PATH) kit_die("a path is too long: %s/%s", directory, name);
  return path;
}

int kit_entries(const char *directory) {
  DIR *dir = opendir(directory);
  if (dir == NULL) kit_die("cannot list %s: %s", directory, strerror(errno));
  int count = 0;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  closedir(dir);
  return count;
}

bool kit_exists(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

int64_t kit_file_size(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

unsigned char *kit_file_read(const char *path, size_t *size) {
  int64_t expected = kit_file_size(path);
  FILE *file = fopen(path, "rb");
  if (file == NULL || expected < 0) kit_die("cannot read %s: %s", path, strerror(errno));
  unsigned char *bytes = calloc((size_t)expected + 1, 1);
  if (bytes == NULL) kit_die("no memory");
  *size = fread(bytes, 1, (size_t)expected, file);
  fclose(file);
  return bytes;
}

void kit_file_write(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
    kit_die("cannot write %s: %s", path, strerror(errno));
}

int kit_open_descriptors(void) {
  return kit_entries("/proc/self/fd") - 1; /* less the one that lists */
}

int kit_descriptor_in(const char *directory) {
  for (int fd = 3; fd < 256; fd++) {
    char link[64], target[KIT_PATH];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, target, sizeof target - 1);
    if (size > 0 && strncmp(target, directory, strlen(directory)) == 0) return fd;
  }
  kit_die("no file is open in %s", directory);
}

int kit_mappings(const char *text) {
  FILE *maps = fopen("/proc/self/maps", "r");
  if (maps == NULL) kit_die("cannot read /proc/self/maps: %s", strerror(errno));
  char line[1024];
  int count = 0;
  while (fgets(line, sizeof line, maps) != NULL) count += strstr(line, text) != NULL;
  fclose(maps);
  return count;
}

void kit_limit_file_size(int64_t bytes) {
  struct rlimit limit;
  signal(SIGXFSZ, SIG_IGN);
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0) kit_die("getrlimit: %s", strerror(errno));
  limit.rlim_cur = bytes < 0 ? limit.rlim_max : (rlim_t)bytes;
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) kit_die("setrlimit: %s", strerror(errno));
}

void kit_pause(int64_t microseconds) {
  struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
  nanosleep(&time, NULL);
}
