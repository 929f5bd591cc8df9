/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas to and from their flatbuffers. May call: arrow, support. */
#ifndef RESPOOL_IPC_SCHEMA_H
#define RESPOOL_IPC_SCHEMA_H

#include "ipc/flatbuf.h"
#include "respool/respool.h"
#include "support/gather.h"

/* Write the schema message of a stream. Ids of dictionaries are their numbers in the layout. */
respool_status ipc_encode_schema(const struct ArrowSchema *schema, struct gather *gather, respool_error *error);

/* What a schema on the wire says that an ArrowSchema has no place for. */
struct ipc_schema_info {
  bool big_endian;
  int64_t *ids; /* of the dictionaries, by their number in the layout */
  size_t id_capacity;
  int32_t n_dictionaries;
};
void ipc_schema_info_close(struct ipc_schema_info *info);

/*
 * Make the ArrowSchema of a Schema table, and `info`, which is zeroed before. Knows every type of the format.
 * RESPOOL_CORRUPT, RESPOOL_UNSUPPORTED (nested too deep, features this version does not know), RESPOOL_NO_MEMORY.
 */
respool_status ipc_decode_schema(const struct flatbuf_table *table, int max_depth, struct ArrowSchema *schema,
                                 struct ipc_schema_info *info, respool_error *error);

#endif
