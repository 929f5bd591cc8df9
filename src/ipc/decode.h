/* SPDX-License-Identifier: Apache-2.0 */
/* Record batches from the wire format. The bytes are hostile. May call: arrow, support. */
#ifndef RESPOOL_IPC_DECODE_H
#define RESPOOL_IPC_DECODE_H

#include "arrow/check.h"
#include "arrow/layout.h"
#include "arrow/tree.h"
#include "ipc/dictionary.h"
#include "ipc/expand.h"
#include "ipc/message.h"

/*
 * How far the bytes are believed.
 * OWN        written by this process and never visible to another: sizes are checked, contents are not
 * STRUCTURE  from outside; also null counts that were left open, and the ends of offset buffers
 * FULL       from outside; also every offset and null count
 */
enum decode_trust { DECODE_OWN, DECODE_STRUCTURE, DECODE_FULL };

/*
 * Make an array whose buffers point into `body`, which `owner` keeps; it is taken on success. A big-endian body is
 * converted where it lies, so it must be the caller's to change, and is of no use after an error. What is compressed is
 * unpacked by `expander` into memory that the array keeps instead, and the owner is dropped. `dictionaries` are the
 * values in force, by number, NULL for those that have not come; without dictionaries in the layout it is not looked
 * at. The array holds them too. RESPOOL_CORRUPT names the field; RESPOOL_UNSUPPORTED, RESPOOL_NO_MEMORY.
 */
respool_status ipc_decode_batch(const struct layout *layout, const struct ipc_message *message, const uint8_t *body,
                                enum decode_trust trust, struct expander *expander, struct tree_owner owner,
                                struct dictionary_values *const *dictionaries, struct ArrowArray *array,
                                respool_error *error);

/* The same for a dictionary message: the values of the dictionary of that number, with one reference. */
respool_status ipc_decode_values(const struct layout *layout, int32_t dictionary, const struct ipc_message *message,
                                 const uint8_t *body, enum decode_trust trust, struct expander *expander,
                                 struct tree_owner owner, struct dictionary_values **values, respool_error *error);

#endif
