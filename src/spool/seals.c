/* SPDX-License-Identifier: Apache-2.0 */
/* The seals of stored batches: see seals.h. */
#include "spool/seals.h"

#include "store/cipher.h"
#include "support/alloc.h"

#include <string.h>

enum { PAGE_SEALS = 64 };

struct seals_page {
  uint64_t good; /* a bit for each */
  uint64_t words[];
};

static size_t page_size(const struct seals *seals) {
  return sizeof(struct seals_page) + PAGE_SEALS * (size_t)seal_words(&seals->sealing) * sizeof(uint64_t);
}

void seals_close(struct seals *seals) {
  sealer_close(seals->sealer);
  cipher_key_close(seals->sealing.key);
  for (size_t i = 0; i < seals->page_count; i++) mem_free(seals->pages[i]);
  mem_free(seals->pages);
  *seals = (struct seals){0};
}

bool seals_reserve(struct seals *seals, int64_t index) {
  if (seals->sealing.kind == SEAL_NONE) return true;
  size_t number = (size_t)(index / PAGE_SEALS);
  if (!mem_reserve((void **)&seals->pages, &seals->page_capacity, number + 1, sizeof *seals->pages)) return false;
  while (seals->page_count <= number) seals->pages[seals->page_count++] = NULL;
  if (seals->pages[number] != NULL) return true;
  seals->pages[number] = mem_alloc(page_size(seals));
  if (seals->pages[number] == NULL) return false;
  seals->pages[number]->good = 0;
  seals->bytes += (int64_t)page_size(seals);
  return true;
}

void seals_trim(struct seals *seals, int64_t first) {
  for (; seals->first_page < seals->page_count; seals->first_page++) {
    struct seals_page **page = &seals->pages[seals->first_page];
    if ((int64_t)(seals->first_page + 1) * PAGE_SEALS > first) break;
    if (*page != NULL) seals->bytes -= (int64_t)page_size(seals);
    mem_free(*page);
    *page = NULL;
  }
}

static uint64_t *words_of(const struct seals *seals, int64_t index) {
  return seals->pages[index / PAGE_SEALS]->words + index % PAGE_SEALS * seal_words(&seals->sealing);
}

void seals_put(struct seals *seals, int64_t index, const struct seal *seal) {
  if (seals->sealing.kind == SEAL_NONE) return;
  memcpy(words_of(seals, index), seal->words, (size_t)seal_words(&seals->sealing) * sizeof(uint64_t));
}

bool seals_get(const struct seals *seals, int64_t index, struct seal *seal) {
  if (seals->sealing.kind == SEAL_NONE) return true;
  memcpy(seal->words, words_of(seals, index), (size_t)seal_words(&seals->sealing) * sizeof(uint64_t));
  return (seals->pages[index / PAGE_SEALS]->good >> index % PAGE_SEALS & 1) != 0;
}

void seals_note_good(struct seals *seals, int64_t index) {
  seals->pages[index / PAGE_SEALS]->good |= (uint64_t)1 << index % PAGE_SEALS;
}

int64_t seals_bytes(const struct seals *seals) {
  return seals->bytes + (int64_t)(seals->page_capacity * sizeof *seals->pages);
}
