/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open-addressing hashes in two storeys: see ledger.h. Removal shifts back what follows, so that no tombstones pile
 * up.
 */
#include "spool/ledger.h"

#include "support/alloc.h"

enum { REGION_SHIFT = 12, FIRST_REGIONS = 16, FIRST_SLOTS = 16 };

static size_t mix(uintptr_t key) {
  uint64_t hash = (uint64_t)key * 0x9E3779B97F4A7C15ULL;
  return (size_t)(hash ^ hash >> 32);
}

/* One more would leave less than a quarter free. */
static bool full(size_t used, size_t capacity) {
  return (used + 1) * 4 > capacity * 3;
}

/* ---- Regions --------------------------------------------------------------------------------------- */

static uintptr_t region_number(const void *start) {
  return (uintptr_t)start >> REGION_SHIFT;
}

/* The region, or the free place where it would be. There is one. */
static struct ledger_region *find_region(const struct ledger *ledger, uintptr_t number) {
  size_t mask = ledger->capacity - 1;
  size_t at = mix(number) & mask;
  while (ledger->regions[at].slots != NULL && ledger->regions[at].number != number) at = (at + 1) & mask;
  return &ledger->regions[at];
}

static bool grow_regions(struct ledger *ledger) {
  struct ledger grown = *ledger;
  grown.capacity = ledger->capacity > 0 ? 2 * ledger->capacity : FIRST_REGIONS;
  grown.regions = mem_zalloc(grown.capacity * sizeof *grown.regions);
  if (grown.regions == NULL) return false;
  for (size_t i = 0; i < ledger->capacity; i++) {
    const struct ledger_region *region = &ledger->regions[i];
    if (region->slots != NULL) *find_region(&grown, region->number) = *region;
  }
  grown.memory += (int64_t)((grown.capacity - ledger->capacity) * sizeof *grown.regions);
  mem_free(ledger->regions);
  *ledger = grown;
  return true;
}

/* Move back what was displaced over the gap at `gap`, as long as that does not put it before its home. */
static void close_region_gap(struct ledger *ledger, size_t gap) {
  size_t mask = ledger->capacity - 1;
  for (size_t at = (gap + 1) & mask; ledger->regions[at].slots != NULL; at = (at + 1) & mask) {
    size_t home = mix(ledger->regions[at].number) & mask;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    ledger->regions[gap] = ledger->regions[at];
    gap = at;
  }
  ledger->regions[gap] = (struct ledger_region){0};
}

static void drop_region(struct ledger *ledger, struct ledger_region *region) {
  ledger->memory -= (int64_t)(region->capacity * sizeof *region->slots);
  mem_free(region->slots);
  ledger->used--;
  close_region_gap(ledger, (size_t)(region - ledger->regions));
}

/* ---- Slots ----------------------------------------------------------------------------------------- */

static struct ledger_slot *find_slot(const struct ledger_region *region, const void *start) {
  size_t mask = region->capacity - 1;
  size_t at = mix((uintptr_t)start) & mask;
  while (region->slots[at].start != NULL && region->slots[at].start != start) at = (at + 1) & mask;
  return &region->slots[at];
}

static bool grow_slots(struct ledger *ledger, struct ledger_region *region) {
  struct ledger_region grown = *region;
  grown.capacity = region->capacity > 0 ? 2 * region->capacity : FIRST_SLOTS;
  grown.slots = mem_zalloc(grown.capacity * sizeof *grown.slots);
  if (grown.slots == NULL) return false;
  for (size_t i = 0; i < region->capacity; i++) {
    if (region->slots[i].start != NULL) *find_slot(&grown, region->slots[i].start) = region->slots[i];
  }
  ledger->memory += (int64_t)((grown.capacity - region->capacity) * sizeof *grown.slots);
  mem_free(region->slots);
  *region = grown;
  return true;
}

static void close_slot_gap(struct ledger_region *region, size_t gap) {
  size_t mask = region->capacity - 1;
  for (size_t at = (gap + 1) & mask; region->slots[at].start != NULL; at = (at + 1) & mask) {
    size_t home = mix((uintptr_t)region->slots[at].start) & mask;
    if (((at - home) & mask) < ((at - gap) & mask)) continue;
    region->slots[gap] = region->slots[at];
    gap = at;
  }
  region->slots[gap] = (struct ledger_slot){0};
}

/* ---- The ledger ------------------------------------------------------------------------------------ */

void ledger_close(struct ledger *ledger) {
  for (size_t i = 0; i < ledger->capacity; i++) mem_free(ledger->regions[i].slots);
  mem_free(ledger->regions);
  *ledger = (struct ledger){0};
}

/* The region of `start` with room for one more. NULL: no memory. */
static struct ledger_region *open_region(struct ledger *ledger, const void *start) {
  uintptr_t number = region_number(start);
  struct ledger_region *region = ledger->capacity > 0 ? find_region(ledger, number) : NULL;
  if (region == NULL || region->slots == NULL) {
    if (full(ledger->used, ledger->capacity) && !grow_regions(ledger)) return NULL;
    region = find_region(ledger, number);
    region->number = number;
    if (!grow_slots(ledger, region)) return NULL;
    ledger->used++;
  }
  return !full(region->used, region->capacity) || grow_slots(ledger, region) ? region : NULL;
}

bool ledger_add(struct ledger *ledger, const void *start, int64_t length) {
  struct ledger_region *region = open_region(ledger, start);
  if (region == NULL) return false;
  struct ledger_slot *slot = find_slot(region, start);
  if (slot->start == NULL) {
    slot->start = start;
    region->used++;
  }
  slot->count++;
  if (length > slot->length) {
    ledger->bytes += length - slot->length;
    slot->length = length;
  }
  return true;
}

void ledger_remove(struct ledger *ledger, const void *start) {
  if (ledger->capacity == 0) return;
  struct ledger_region *region = find_region(ledger, region_number(start));
  if (region->slots == NULL) return;
  struct ledger_slot *slot = find_slot(region, start);
  if (slot->start == NULL || --slot->count > 0) return;
  ledger->bytes -= slot->length;
  close_slot_gap(region, (size_t)(slot - region->slots));
  if (--region->used == 0) drop_region(ledger, region);
}
