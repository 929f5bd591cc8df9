/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in the file: a view of one, parsed and known to be the one that was written. */
#ifndef RESPOOL_SPOOL_STORED_H
#define RESPOOL_SPOOL_STORED_H

#include "ipc/decode.h"
#include "ipc/encode.h"
#include "store/seal.h"

/* Where a message lies, and what it must be. */
struct extent {
  int64_t offset;
  struct ipc_size size;
  int64_t rows;
  int32_t kind; /* HEADER_... */
  struct seal seal;
};

struct stored {
  struct store_view view;
  struct ipc_message message; /* points into itself: not to be moved */
  const uint8_t *body;
  enum decode_trust trust;
  struct tree_owner owner; /* of the view: for the decoder to take, or to be dropped */
};

/* `good`: its bytes have been found to be the right ones before, which need not be repeated where they are mapped. */
respool_status stored_open(const struct sealing *sealing, struct store *store, struct store_cursor *cursor,
                           const struct extent *extent, bool good, struct stored *stored, respool_error *error);

/* After a decoder's failure: drop the view, and call what this process wrote and does not know now damaged. */
respool_status stored_refuse(struct stored *stored, respool_status status, respool_error *error);

#endif
