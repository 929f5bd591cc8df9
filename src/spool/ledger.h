/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is charged: each distinct buffer once, however many batches reach it. A hash by where buffers start, with the
 * longest extent seen and how often it is held; buffers that overlap without a common start are counted apart, so
 * that the sum may be too high but never too low. Not locked: the spool's lock guards it. May call: support.
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

struct ledger {
  struct ledger_slot *slots;
  size_t capacity; /* a power of two, or 0 */
  size_t used;
  int64_t bytes; /* the sum */
};

void ledger_close(struct ledger *ledger);

/* Room for `count` more, so that as many calls of ledger_add() cannot fail. */
bool ledger_reserve(struct ledger *ledger, size_t count);

void ledger_add(struct ledger *ledger, const void *start, int64_t length);
/* What ledger_add() would add to the sum. */
int64_t ledger_probe(const struct ledger *ledger, const void *start, int64_t length);

void ledger_remove(struct ledger *ledger, const void *start);

#endif
