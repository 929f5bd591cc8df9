/* SPDX-License-Identifier: Apache-2.0 */
/* Custom metadata: key-value pairs out of flatbuffers. The input is hostile. May call: support. */
#ifndef RESPOOL_IPC_KEY_VALUES_H
#define RESPOOL_IPC_KEY_VALUES_H

#include "ipc/flatbuf.h"
#include "respool/respool.h"

/*
 * A vector of KeyValue tables (taken with element size 4) in the encoding of the C data interface, for the caller to
 * free, with its size; NULL and 0 where there are no pairs. The bytes are counted off the buffer's budget of text.
 * RESPOOL_CORRUPT, RESPOOL_NO_MEMORY.
 */
respool_status key_values_decode(const struct flatbuf_vector *pairs, char **out, int64_t *size, respool_error *error);

#endif
