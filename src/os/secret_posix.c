/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets on POSIX systems: see secret.h. */
#define _GNU_SOURCE
#include "os/secret.h"

#include "os/calls.h"
#include "support/error.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* No error is worth failing for: the secret is then like any other memory of the process. */
static void protect(void *bytes, size_t size) {
  os_calls.lock_memory(bytes, size);
#ifdef MADV_DONTDUMP
  madvise(bytes, size, MADV_DONTDUMP);
#endif
#ifdef MADV_WIPEONFORK
  madvise(bytes, size, MADV_WIPEONFORK);
#endif
}

respool_status os_secret_open(size_t size, struct os_secret *secret, respool_error *error) {
  long page = sysconf(_SC_PAGESIZE);
  size_t unit = page > 0 ? (size_t)page : 4096;
  size_t whole = (size + unit - 1) / unit * unit;
  void *bytes = os_calls.mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) return error_set_os(error, errno, "cannot get a page of memory for a key");
  protect(bytes, whole);
  *secret = (struct os_secret){bytes, whole};
  return RESPOOL_OK;
}

/* Through a pointer that the compiler must read each time, so that it cannot leave the wiping out. */
static void *(*const volatile wipe)(void *, int, size_t) = memset;

void os_secret_close(struct os_secret *secret) {
  if (secret->bytes == NULL) return;
  wipe(secret->bytes, 0, secret->size);
  os_calls.munmap(secret->bytes, secret->size);
  *secret = (struct os_secret){0};
}

respool_status os_random(void *bytes, size_t size, respool_error *error) {
  size_t got = 0;
  while (got < size) {
    ssize_t more = os_calls.random((char *)bytes + got, size - got);
    if (more > 0)
      got += (size_t)more;
    else if (more == 0 || errno != EINTR)
      return error_set_os(error, more == 0 ? EIO : errno, "cannot get random bytes for a key");
  }
  return RESPOOL_OK;
}
