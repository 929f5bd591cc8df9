/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is charged: each distinct buffer once, however many batches reach it. A hash by where buffers start, with the
 * longest extent seen and how often it is held; buffers that overlap without a common start are counted apart, so
 * that the sum may be too high but never too low. Not locked: the spool's lock guards it. May call: support.
 *
 * Allocators hand out neighbours one after another. So there is a small hash for each region of memory, found through a
 * hash of regions: what comes together lies together, and with a million buffers the next one meets warm memory.
 */
#ifndef RESPOOL_SPOOL_LEDGER_H
#define RESPOOL_SPOOL_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger_slot {
  const void *start; /* NULL: free */
  int64_t length;
  int64_t count;
};

/* The buffers that start in one region of memory. */
struct ledger_region {
  uintptr_t number;          /* the address above its low bits */
  struct ledger_slot *slots; /* NULL: a free place among the regions */
  size_t capacity;           /* a power of two */
  size_t used;
};

struct ledger {
  struct ledger_region *regions;
  size_t capacity; /* a power of two, or 0 */
  size_t used;
  int64_t bytes;  /* the sum */
  int64_t memory; /* bytes of the tables themselves */
};

void ledger_close(struct ledger *ledger);

/* False: no memory, nothing has changed. */
bool ledger_add(struct ledger *ledger, const void *start, int64_t length);

void ledger_remove(struct ledger *ledger, const void *start);

#endif
