/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dictionaries of a stream that is read: the values in force at the place where it stands. May call: arrow,
 * support.
 */
#ifndef RESPOOL_IPC_DICTIONARIES_H
#define RESPOOL_IPC_DICTIONARIES_H

#include "ipc/decode.h"
#include "ipc/schema.h"

/* An id on the wire and the number of a dictionary that has it; several may share one. */
struct dictionary_id {
  int64_t id;
  int32_t number;
};

/* What an id stands for now. */
struct dictionary_slot {
  struct dictionary_values *values; /* NULL: none have come */
  int64_t packed;                   /* bytes of the compressed messages they came in, and of what those held */
  int64_t expanded;
};

struct dictionaries {
  const struct layout *layout;
  struct dictionary_id *ids;          /* sorted */
  struct dictionary_slot *slots;      /* one for each of `ids`; of those that are the same the first is used */
  struct dictionary_values **current; /* by number, the slots' own; for dictionaries_current() to bring up to date */
  bool changed;
  int64_t packed; /* the sums of all slots */
  int64_t expanded;
};

/*
 * Zeroed before. `info` is of the schema that the layout was made for. RESPOOL_CORRUPT if two fields share one whose
 * values are of different types, RESPOOL_NO_MEMORY.
 */
respool_status dictionaries_open(struct dictionaries *dictionaries, const struct layout *layout,
                                 const struct ipc_schema_info *info, respool_error *error);
void dictionaries_close(struct dictionaries *dictionaries);

/* The values in force, by number; NULL: none have come. Until the next message is taken. */
struct dictionary_values *const *dictionaries_current(struct dictionaries *dictionaries);

/*
 * Take a dictionary message: its values replace what its id had, or are appended to it. The owner of the body is
 * taken, on failure too. Errors as in decode.h, and RESPOOL_CORRUPT for an id that no field has, or where those in
 * force take more memory in all than the expander allows.
 */
respool_status dictionaries_take(struct dictionaries *dictionaries, const struct ipc_message *message,
                                 const uint8_t *body, enum decode_trust trust, struct expander *expander,
                                 struct tree_owner owner, respool_error *error);

#endif
