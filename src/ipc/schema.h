/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas to and from their flatbuffers. May call: arrow, support. */
#ifndef RESPOOL_IPC_SCHEMA_H
#define RESPOOL_IPC_SCHEMA_H

#include "ipc/flatbuf.h"
#include "respool/respool.h"
#include "support/gather.h"

/* Write the schema message of a stream. RESPOOL_UNSUPPORTED for what has no writing yet. */
respool_status ipc_encode_schema(const struct ArrowSchema *schema, struct gather *gather, respool_error *error);

/*
 * Make the ArrowSchema of a Schema table. Knows every type of the format. RESPOOL_CORRUPT, RESPOOL_UNSUPPORTED
 * (nested too deep, features this version does not know), RESPOOL_NO_MEMORY.
 */
respool_status ipc_decode_schema(const struct flatbuf_table *table, int max_depth, struct ArrowSchema *schema,
                                 bool *big_endian, respool_error *error);

#endif
