/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of all batches, in pages, so that growing moves no entry and costs the same at any length. Not locked: the
 * spool's lock guards it. May call: support.
 */
#ifndef RESPOOL_SPOOL_CATALOG_H
#define RESPOOL_SPOOL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct resident;

/* Invariant 3: resident, stored, or both; an empty one needs neither, since it is made anew from the layout. */
struct entry {
  struct resident *resident; /* NULL: not in memory */
  int64_t offset;            /* in the file; -1: not stored */
  int64_t body;              /* bytes of the message's body ... */
  int64_t rows;
  uint32_t metadata; /* ... and of what comes before it */
  uint32_t set;      /* stored: which versions of the dictionaries it refers to (versions.h) */
  bool empty;        /* no rows, no dictionaries, no custom metadata */
};

struct catalog {
  struct entry **pages;
  size_t page_capacity;
  size_t page_count;
  int64_t count;
  int64_t first; /* those before it are gone, with their pages */
};

void catalog_close(struct catalog *catalog);

/* Room for one more, so that catalog_push() cannot fail. */
bool catalog_reserve(struct catalog *catalog);
struct entry *catalog_push(struct catalog *catalog);

/* Nobody needs the entries before `first`: free the pages that hold no others. */
void catalog_trim(struct catalog *catalog, int64_t first);

enum { CATALOG_PAGE = 64 };

static inline struct entry *catalog_at(const struct catalog *catalog, int64_t i) {
  return &catalog->pages[i / CATALOG_PAGE][i % CATALOG_PAGE];
}

/* Bytes it takes itself. */
int64_t catalog_bytes(const struct catalog *catalog);

#endif
