/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that ends where an unmapped page begins. */
#include "guard.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

guard guard_make(size_t size) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t usable = (size + page - 1) / page * page;
  guard g = {.mapped = usable + page};
  g.mapping = mmap(NULL, g.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  FUZZ_CHECK(g.mapping != MAP_FAILED, "no memory: %s", strerror(errno));
  FUZZ_CHECK(usable == 0 || mprotect(g.mapping, usable, PROT_READ | PROT_WRITE) == 0, "no access: %s", strerror(errno));
  g.bytes = (char *)g.mapping + usable - size;
  return g;
}

guard guard_copy(const void *bytes, size_t size) {
  guard g = guard_make(size);
  if (size == 0) return g;
  memcpy(g.bytes, bytes, size);
  size_t usable = (size_t)((char *)g.bytes - (char *)g.mapping) + size;
  FUZZ_CHECK(mprotect(g.mapping, usable, PROT_READ) == 0, "cannot protect: %s", strerror(errno));
  return g;
}

void guard_free(guard *g) {
  munmap(g->mapping, g->mapped);
  *g = (guard){0};
}

const void *guard_nowhere(void) {
  static guard none;
  if (none.mapping == NULL) none = guard_make(0);
  return none.bytes;
}
