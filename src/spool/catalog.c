/* SPDX-License-Identifier: Apache-2.0 */
/* The list of batches: see catalog.h. */
#include "spool/catalog.h"

#include "support/alloc.h"

void catalog_close(struct catalog *catalog) {
  for (size_t i = 0; i < catalog->page_count; i++) mem_free(catalog->pages[i]);
  mem_free(catalog->pages);
  *catalog = (struct catalog){0};
}

bool catalog_reserve(struct catalog *catalog) {
  if (catalog->count < (int64_t)catalog->page_count * CATALOG_PAGE) return true;
  if (!mem_reserve((void **)&catalog->pages, &catalog->page_capacity, catalog->page_count + 1,
                   sizeof(struct entry *))) {
    return false;
  }
  struct entry *page = mem_alloc(CATALOG_PAGE * sizeof *page);
  if (page == NULL) return false;
  catalog->pages[catalog->page_count++] = page;
  return true;
}

struct entry *catalog_push(struct catalog *catalog) {
  struct entry *entry = catalog_at(catalog, catalog->count++);
  *entry = (struct entry){.offset = -1};
  return entry;
}

void catalog_trim(struct catalog *catalog, int64_t first) {
  for (; catalog->first + CATALOG_PAGE <= first; catalog->first += CATALOG_PAGE) {
    struct entry **page = &catalog->pages[catalog->first / CATALOG_PAGE];
    mem_free(*page);
    *page = NULL;
  }
}

int64_t catalog_bytes(const struct catalog *catalog) {
  size_t pages = catalog->page_count - (size_t)(catalog->first / CATALOG_PAGE);
  return (int64_t)(pages * CATALOG_PAGE * sizeof(struct entry) + catalog->page_capacity * sizeof(void *));
}
