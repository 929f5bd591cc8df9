/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seals of stored batches, beside the catalog, where there are any: a spool without has no memory for them, nor has
 * one that never spills. Which were found good is remembered for those that are mapped. The spool's lock guards all but
 * what is said to be otherwise. May call: store, support.
 */
#ifndef RESPOOL_SPOOL_SEALS_H
#define RESPOOL_SPOOL_SEALS_H

#include "store/seal.h"

struct seals_page;

struct seals {
  struct sealing sealing;    /* set at create; the key by the pen's holder, before anything is stored */
  struct sealer *sealer;     /* of the pen's holder; NULL: none is needed, or made yet */
  struct seals_page **pages; /* by the batches' index; NULL where none of them is stored */
  size_t page_capacity;
  size_t page_count;
  size_t first_page; /* those before it have gone */
  int64_t bytes;     /* of the pages */
};

void seals_close(struct seals *seals);

/* Room for the seal of a batch, so that seals_put() cannot fail. */
bool seals_reserve(struct seals *seals, int64_t index);
void seals_put(struct seals *seals, int64_t index, const struct seal *seal);

/* Nobody needs the seals of the batches before `first`. */
void seals_trim(struct seals *seals, int64_t first);

/* The seal of a stored batch. Answers whether it was found good before. */
bool seals_get(const struct seals *seals, int64_t index, struct seal *seal);
void seals_note_good(struct seals *seals, int64_t index);

/* Bytes that they take. */
int64_t seals_bytes(const struct seals *seals);

#endif
