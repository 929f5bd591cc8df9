/* SPDX-License-Identifier: Apache-2.0 */
/* Files and descriptors on POSIX systems; what is Linux only has a portable way beside it. */
#define _GNU_SOURCE
#include "os/file.h"

#include "os/calls.h"
#include "support/alloc.h"
#include "support/error.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/vfs.h>
#endif

enum { FILE_MODE = 0600, DIRECTORY_MODE = 0700 };

/* ---- Opening --------------------------------------------------------------------------------------- */

static int open_retry(const char *path, int flags) {
  int fd;
  do {
    fd = os_calls.open(path, flags | O_CLOEXEC, FILE_MODE);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

void os_close(int fd) {
  if (fd >= 0) os_calls.close(fd); /* after EINTR the descriptor's state is unspecified: never twice */
}

void os_unlink(const char *path) {
  os_calls.unlink(path);
}

respool_status os_absolute(const char *path, char **absolute, respool_error *error) {
  char here[PATH_MAX];
  here[0] = '\0';
  if (path[0] != '/' && getcwd(here, sizeof here) == NULL) {
    return error_set_os(error, errno, "cannot tell the current directory for path '%s'", path);
  }
  size_t size = strlen(here) + 1 + strlen(path) + 1;
  char *joined = mem_alloc(size);
  if (joined == NULL) return error_no_memory(error);
  snprintf(joined, size, "%s%s%s", here, path[0] == '/' ? "" : "/", path);
  *absolute = joined;
  return RESPOOL_OK;
}

static bool is_directory(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

const char *os_default_directory(void) {
#ifdef __linux__
  const char *set = secure_getenv("TMPDIR");
#else
  const char *set = getenv("TMPDIR");
#endif
  if (set != NULL && set[0] != '\0') return set;
  return is_directory("/var/tmp") ? "/var/tmp" : "/tmp";
}

bool os_identify(const char *directory, struct os_identity *identity) {
  struct stat status;
  if (os_calls.stat(directory, &status) != 0) return false;
  identity->device = (uint64_t)status.st_dev;
  identity->file = (uint64_t)status.st_ino;
  return true;
}

/*
 * Where the system knows no nameless file: a private directory, an exclusive file in it, and both names gone at once.
 * Killed between mkdtemp and rmdir, an empty file is left.
 */
static int open_and_unlink(const char *directory) {
  char path[PATH_MAX];
  int length = snprintf(path, sizeof path, "%s/respool-XXXXXX", directory);
  if (length < 0 || (size_t)length + sizeof "/spool" > sizeof path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  if (mkdtemp(path) == NULL) return -1;
  memcpy(path + length, "/spool", sizeof "/spool");
  int fd = open_retry(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
  int saved = errno;
  if (fd >= 0) os_calls.unlink(path);
  path[length] = '\0';
  rmdir(path);
  errno = saved;
  return fd;
}

respool_status os_open_anonymous(const char *directory, int *fd, respool_error *error) {
  int opened = -1;
#ifdef O_TMPFILE
  /* O_EXCL: nobody can give it a name later (open(2)). */
  opened = open_retry(directory, O_TMPFILE | O_RDWR | O_EXCL);
  bool unknown = opened < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL);
  if (unknown) opened = open_and_unlink(directory);
#else
  opened = open_and_unlink(directory);
#endif
  if (opened < 0) {
    return error_set_os(error, errno, "cannot make a spool file in directory '%s' (choose another directory)",
                        directory);
  }
  *fd = opened;
  return RESPOOL_OK;
}

respool_status os_open_named(const char *path, int *fd, respool_error *error) {
  int opened = open_retry(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
  if (opened < 0) {
    const char *advice =
        errno == EEXIST ? " (an existing file is never overwritten: remove it or choose another path)" : "";
    return error_set_os(error, errno, "cannot create spool file '%s'%s", path, advice);
  }
  *fd = opened;
  return RESPOOL_OK;
}

int os_file_system(int fd) {
#ifdef __linux__
  struct statfs info;
  if (fstatfs(fd, &info) != 0) return OS_FS_LOCAL;
  switch ((unsigned long)info.f_type & 0xFFFFFFFFUL) { /* magic numbers: statfs(2) and linux/magic.h */
  case 0x01021994UL:                                   /* tmpfs */
  case 0x858458F6UL:
    return OS_FS_MEMORY; /* ramfs */
  case 0x6969UL:         /* NFS */
  case 0x65735546UL:     /* FUSE */
  case 0xFF534D42UL:     /* CIFS */
  case 0xFE534D42UL:     /* SMB2 */
  case 0x517BUL:         /* SMB */
  case 0x00C36400UL:     /* Ceph */
  case 0x01021997UL:     /* 9p */
  case 0x5346414FUL:     /* AFS */
  case 0x0BD00BD0UL:     /* Lustre */
  case 0x47504653UL:
    return OS_FS_REMOTE; /* GPFS */
  default:
    return OS_FS_LOCAL;
  }
#else
  (void)fd;
  return OS_FS_LOCAL;
#endif
}

/* ---- Transfers ------------------------------------------------------------------------------------- */

/* A vector over pieces that can be advanced by any number of bytes. */
struct cursor {
  struct iovec vector[GATHER_PIECES];
  int first;
  int count;
};

static void cursor_set(struct cursor *cursor, const struct gather_piece *pieces, int count) {
  for (int i = 0; i < count; i++) {
    cursor->vector[i].iov_base = (void *)(uintptr_t)pieces[i].bytes;
    cursor->vector[i].iov_len = pieces[i].length;
  }
  cursor->first = 0;
  cursor->count = count;
}

static void cursor_advance(struct cursor *cursor, size_t taken) {
  while (cursor->first < cursor->count && taken >= cursor->vector[cursor->first].iov_len) {
    taken -= cursor->vector[cursor->first].iov_len;
    cursor->first++;
  }
  if (cursor->first == cursor->count) return;
  struct iovec *part = &cursor->vector[cursor->first];
  part->iov_base = (uint8_t *)part->iov_base + taken;
  part->iov_len -= taken;
}

/* Wait until a descriptor that would block no longer does. */
static void wait_for(int fd, short events) {
  struct pollfd wait = {.fd = fd, .events = events};
  poll(&wait, 1, -1); /* whatever it answers, the transfer is tried again and tells */
}

static bool would_block(int os_error) {
#if EAGAIN != EWOULDBLOCK
  if (os_error == EWOULDBLOCK) return true;
#endif
  return os_error == EAGAIN;
}

respool_status os_write_at(int fd, const struct gather_piece *pieces, int count, int64_t offset, int64_t *written,
                           respool_error *error) {
  struct cursor cursor;
  cursor_set(&cursor, pieces, count);
  while (cursor.first < cursor.count) {
    ssize_t taken = os_calls.pwritev(fd, cursor.vector + cursor.first, cursor.count - cursor.first, (off_t)offset);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0)
      return error_set_os(error, errno, "cannot write to the spool file at offset %lld", (long long)offset);
    if (taken == 0) return error_set_os(error, EIO, "the system took no bytes at offset %lld", (long long)offset);
    offset += taken;
    *written += taken;
    cursor_advance(&cursor, (size_t)taken);
  }
  return RESPOOL_OK;
}

respool_status os_write(int fd, const struct gather_piece *pieces, int count, int64_t *written, respool_error *error) {
  struct cursor cursor;
  cursor_set(&cursor, pieces, count);
  while (cursor.first < cursor.count) {
    ssize_t taken = os_calls.writev(fd, cursor.vector + cursor.first, cursor.count - cursor.first);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0 && would_block(errno)) {
      wait_for(fd, POLLOUT);
      continue;
    }
    if (taken < 0) return error_set_os(error, errno, "cannot write to descriptor %d", fd);
    *written += taken;
    cursor_advance(&cursor, (size_t)taken);
  }
  return RESPOOL_OK;
}

enum { READ_AT_MOST = 1 << 30 }; /* Linux transfers at most 0x7ffff000 bytes a call (read(2)) */

respool_status os_read_at(int fd, void *buffer, int64_t size, int64_t offset, respool_error *error) {
  uint8_t *to = buffer;
  while (size > 0) {
    size_t part = size > READ_AT_MOST ? READ_AT_MOST : (size_t)size;
    ssize_t got = os_calls.pread(fd, to, part, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error_set_os(error, errno, "cannot read at offset %lld", (long long)offset);
    if (got == 0) {
      return error_set(error, RESPOOL_TRUNCATED, "the file ends at offset %lld, %lld bytes too early",
                       (long long)offset, (long long)size);
    }
    to += got;
    offset += got;
    size -= got;
  }
  return RESPOOL_OK;
}

int64_t os_read(int fd, void *buffer, int64_t size) {
  size_t part = size > READ_AT_MOST ? READ_AT_MOST : (size_t)size;
  for (;;) {
    ssize_t got = os_calls.read(fd, buffer, part);
    if (got >= 0) return got;
    if (would_block(errno)) {
      wait_for(fd, POLLIN);
    } else if (errno != EINTR) {
      return -errno;
    }
  }
}

bool os_seekable(int fd, int64_t *position, int64_t *size) {
  struct stat status;
  if (os_calls.fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return false;
  off_t at = lseek(fd, 0, SEEK_CUR);
  if (at < 0) return false;
  *position = at;
  *size = status.st_size;
  return true;
}

bool os_seek(int fd, int64_t position) {
  return lseek(fd, (off_t)position, SEEK_SET) >= 0;
}

respool_status os_truncate(int fd, int64_t length, respool_error *error) {
  int answer;
  do {
    answer = os_calls.ftruncate(fd, (off_t)length);
  } while (answer != 0 && errno == EINTR);
  return answer == 0 ? RESPOOL_OK : error_set_os(error, errno, "cannot cut the spool file");
}

bool os_punch(int fd, int64_t offset, int64_t length) {
  int answer;
  do {
    answer = os_calls.punch(fd, (off_t)offset, (off_t)length);
  } while (answer != 0 && errno == EINTR);
  return answer == 0;
}

static respool_status sync_one(int fd, const char *what, respool_error *error) {
  int answer;
  do {
    answer = os_calls.fsync(fd);
  } while (answer != 0 && errno == EINTR);
  return answer == 0 ? RESPOOL_OK : error_set_os(error, errno, "cannot bring the %s to the medium", what);
}

respool_status os_sync_parent(const char *path, respool_error *error) {
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 0 : (size_t)(slash - path);
  if (length >= sizeof parent) return error_set_os(error, ENAMETOOLONG, "cannot open the directory of '%s'", path);
  memcpy(parent, path, length);
  parent[length] = '\0';
  const char *directory = slash == NULL ? "." : length == 0 ? "/" : parent;
  int fd = open_retry(directory, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return error_set_os(error, errno, "cannot open directory '%s' to sync it", directory);
  respool_status status = sync_one(fd, "directory entry", error);
  os_close(fd);
  return status;
}

respool_status os_sync(int fd, respool_error *error) {
  return sync_one(fd, "spool file", error);
}

/* ---- Mappings -------------------------------------------------------------------------------------- */

respool_status os_map(int fd, int64_t offset, int64_t length, struct os_mapping *mapping, respool_error *error) {
  int64_t page = sysconf(_SC_PAGESIZE);
  int64_t start = offset / page * page;
  size_t size = (size_t)(offset - start + length);
  void *base = os_calls.mmap(NULL, size, PROT_READ, MAP_SHARED, fd, (off_t)start);
  if (base == MAP_FAILED) return error_set_os(error, errno, "cannot map %zu bytes of the spool file", size);
  mapping->base = base;
  mapping->size = size;
  mapping->bytes = (const uint8_t *)base + (offset - start);
  return RESPOOL_OK;
}

void os_unmap(struct os_mapping *mapping) {
  if (mapping->base == NULL) return;
  os_calls.munmap(mapping->base, mapping->size);
  mapping->base = NULL;
}

bool os_cached(const uint8_t *byte) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uintptr_t at = (uintptr_t)byte;
  return os_calls.resident((void *)(at - at % page), page);
}

int64_t os_read_ahead(int fd) {
  struct stat status;
  return os_calls.fstat(fd, &status) == 0 ? os_calls.read_ahead(status.st_dev) : -1;
}

void os_will_need(int fd, int64_t offset, int64_t length) {
  os_calls.will_need(fd, (off_t)offset, (off_t)length);
}
