/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seals: what shows that the bytes of an extent are those that were written, or, where these are encrypted, what it
 * takes to read them. They stay in memory, where whoever can get at the file cannot. The sealer makes them of the bytes
 * on their way to the file, whatever pieces those come in. May call: os, support.
 */
#ifndef RESPOOL_STORE_SEAL_H
#define RESPOOL_STORE_SEAL_H

#include "store/store.h"
#include "support/gather.h"

enum { SEAL_NONE, SEAL_CHECKSUM, SEAL_ENCRYPTED };

enum { SEAL_WORDS_MOST = 3 };

/* A checksum; or the number under which an extent was encrypted, and its tag. */
struct seal {
  uint64_t words[SEAL_WORDS_MOST];
};

/* How the extents of a store are sealed. */
struct sealing {
  int32_t kind;           /* SEAL_... */
  struct cipher_key *key; /* encrypted: made before there are any */
};

/* How many words of a seal are used: what need be kept. */
static inline int seal_words(const struct sealing *sealing) {
  return sealing->kind == SEAL_ENCRYPTED ? SEAL_WORDS_MOST : sealing->kind == SEAL_CHECKSUM ? 1 : 0;
}

/* ---- Writing ---- */

struct sealer;

/* Its key, if it needs one, must be there, and be used by it alone. RESPOOL_NO_MEMORY. */
respool_status sealer_open(const struct sealing *sealing, struct sealer **sealer, respool_error *error);
void sealer_close(struct sealer *sealer);

/*
 * Bytes will come for `offset` of the file, and go on to `drain`, encrypted if that is wanted, in as many bytes. What
 * was marked before is forgotten; a number under which something was encrypted is not used again.
 */
void sealer_begin(struct sealer *sealer, gather_drain drain, void *context, int64_t offset);

/* The sealer may be NULL in these three, which then do nothing. */

/*
 * An extent starts at `offset`, which no byte has come for yet, and ends where the next one starts, or the bytes end.
 * Its seal goes to `*seal` once all of them have come; NULL: nobody will ask. RESPOOL_NO_MEMORY.
 */
respool_status sealer_mark(struct sealer *sealer, int64_t offset, struct seal *seal, respool_error *error);

/* The extent that came last has come to its end. RESPOOL_NO_MEMORY. */
respool_status sealer_settle(struct sealer *sealer, respool_error *error);

/* No more bytes come for a while: keep nothing that the key could be found from. */
void sealer_rest(struct sealer *sealer);

/* A gather's drain, whose context is the sealer. */
respool_status sealer_take(void *context, const struct gather_piece *pieces, int count, respool_error *error);

/* The seal of bytes that are in the file already. */
void seal_make(const struct sealing *sealing, const void *bytes, int64_t length, struct seal *seal);

/* ---- Reading ---- */

/*
 * Make sure that the `length` bytes at `offset` that a view shows are those that were sealed; encrypted ones are read
 * in the view that comes in its place. On an error the view stays the caller's to drop. RESPOOL_CORRUPT, with where,
 * expected and found; RESPOOL_NO_MEMORY.
 */
respool_status seal_open(const struct sealing *sealing, const struct seal *seal, struct store *store,
                         struct store_view *view, int64_t offset, int64_t length, respool_error *error);

#endif
