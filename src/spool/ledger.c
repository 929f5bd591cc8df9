/* SPDX-License-Identifier: Apache-2.0 */
/* An open-addressing hash of buffers. Removal shifts back what follows, so that no tombstones pile up. */
#include "spool/ledger.h"

#include "support/alloc.h"

enum { FIRST_CAPACITY = 64 };

void ledger_close(struct ledger *ledger) {
  mem_free(ledger->slots);
  *ledger = (struct ledger){0};
}

/* Allocators hand out addresses with equal low bits: spread them. */
static size_t home_of(const struct ledger *ledger, const void *start) {
  uint64_t hash = (uint64_t)(uintptr_t)start;
  hash ^= hash >> 33;
  hash *= 0xFF51AFD7ED558CCDULL;
  hash ^= hash >> 29;
  return (size_t)hash & (ledger->capacity - 1);
}

static struct ledger_slot *find(const struct ledger *ledger, const void *start) {
  size_t at = home_of(ledger, start);
  while (ledger->slots[at].start != NULL && ledger->slots[at].start != start) at = (at + 1) & (ledger->capacity - 1);
  return &ledger->slots[at];
}

static bool grow(struct ledger *ledger, size_t capacity) {
  struct ledger grown = {.capacity = capacity, .used = ledger->used, .bytes = ledger->bytes};
  grown.slots = mem_zalloc(capacity * sizeof *grown.slots);
  if (grown.slots == NULL) return false;
  for (size_t i = 0; i < ledger->capacity; i++) {
    if (ledger->slots[i].start != NULL) *find(&grown, ledger->slots[i].start) = ledger->slots[i];
  }
  mem_free(ledger->slots);
  *ledger = grown;
  return true;
}

bool ledger_reserve(struct ledger *ledger, size_t count) {
  size_t capacity = ledger->capacity > 0 ? ledger->capacity : FIRST_CAPACITY;
  while ((ledger->used + count) * 4 > capacity * 3) capacity *= 2;
  return capacity == ledger->capacity || grow(ledger, capacity);
}

void ledger_add(struct ledger *ledger, const void *start, int64_t length) {
  struct ledger_slot *slot = find(ledger, start);
  if (slot->start == NULL) {
    *slot = (struct ledger_slot){.start = start};
    ledger->used++;
  }
  slot->count++;
  if (length > slot->length) {
    ledger->bytes += length - slot->length;
    slot->length = length;
  }
}

int64_t ledger_probe(const struct ledger *ledger, const void *start, int64_t length) {
  if (ledger->capacity == 0) return length;
  const struct ledger_slot *slot = find(ledger, start);
  return length > slot->length ? length - slot->length : 0; /* a free slot has length 0 */
}

/* Move back what was displaced over the gap at `gap`, as long as that does not put it before its home. */
static void close_gap(struct ledger *ledger, size_t gap) {
  size_t mask = ledger->capacity - 1;
  for (size_t at = (gap + 1) & mask; ledger->slots[at].start != NULL; at = (at + 1) & mask) {
    size_t home = home_of(ledger, ledger->slots[at].start);
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    ledger->slots[gap] = ledger->slots[at];
    gap = at;
  }
  ledger->slots[gap] = (struct ledger_slot){0};
}

void ledger_remove(struct ledger *ledger, const void *start) {
  if (ledger->capacity == 0) return;
  struct ledger_slot *slot = find(ledger, start);
  if (slot->start == NULL || --slot->count > 0) return;
  ledger->bytes -= slot->length;
  ledger->used--;
  close_gap(ledger, (size_t)(slot - ledger->slots));
}
