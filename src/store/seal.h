/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seals: what shows that the bytes of an extent are those that were written. They stay in memory, where whoever can get
 * at the file cannot. The sealer makes them of the bytes on their way to the file, whatever pieces those come in.
 * May call: support.
 */
#ifndef RESPOOL_STORE_SEAL_H
#define RESPOOL_STORE_SEAL_H

#include "store/store.h"
#include "support/gather.h"

enum { SEAL_NONE, SEAL_CHECKSUM };

enum { SEAL_WORDS_MOST = 1 };

/* A checksum. */
struct seal {
  uint64_t words[SEAL_WORDS_MOST];
};

/* How the extents of a store are sealed. */
struct sealing {
  int32_t kind; /* SEAL_... */
};

/* How many words of a seal are used: what need be kept. */
static inline int seal_words(const struct sealing *sealing) {
  return sealing->kind == SEAL_CHECKSUM ? 1 : 0;
}

/* ---- Writing ---- */

struct sealer;

/* RESPOOL_NO_MEMORY. */
respool_status sealer_open(const struct sealing *sealing, struct sealer **sealer, respool_error *error);
void sealer_close(struct sealer *sealer);

/* Bytes will come for `offset` of the file, and go on to `drain`. What was marked before is forgotten. */
void sealer_begin(struct sealer *sealer, gather_drain drain, void *context, int64_t offset);

/* The sealer may be NULL in these two, which then do nothing. */

/*
 * An extent starts at `offset`, which no byte has come for yet, and ends where the next one does, or the bytes. Its seal
 * goes to `*seal` once all of them have come; NULL: nobody will ask. RESPOOL_NO_MEMORY.
 */
respool_status sealer_mark(struct sealer *sealer, int64_t offset, struct seal *seal, respool_error *error);

/* The extent that came last has come to its end. */
void sealer_settle(struct sealer *sealer);

/* A gather's drain, of which the sealer is the context. */
respool_status sealer_take(void *sealer, const struct gather_piece *pieces, int count, respool_error *error);

/* The seal of bytes that are in the file already. */
void seal_make(const struct sealing *sealing, const void *bytes, int64_t length, struct seal *seal);

/* ---- Reading ---- */

/*
 * Whether the `length` bytes at `offset` that a view shows are those that were sealed. On an error the view stays the
 * caller's to drop. RESPOOL_CORRUPT, with where, expected and found.
 */
respool_status seal_check(const struct sealing *sealing, const struct seal *seal, const struct store *store,
                          const struct store_view *view, int64_t offset, int64_t length, respool_error *error);

#endif
