/* SPDX-License-Identifier: Apache-2.0 */
/* Reading messages back: see stored.h. */
#include "spool/stored.h"

#include "ipc/format.h"
#include "support/error.h"

/* The bytes at an extent must be the message that was written there: a named file can be changed by others. */
static respool_status parse(const struct extent *extent, struct stored *stored, respool_error *error) {
  struct ipc_prefix prefix;
  const uint8_t *bytes = stored->view.bytes;
  bool same =
      ipc_parse_prefix(bytes, IPC_PREFIX, &prefix) && prefix.metadata_size + prefix.bytes == extent->size.metadata;
  if (!same) return error_set(error, RESPOOL_CORRUPT, "the file was changed: no message where one was written");
  struct ipc_message *message = &stored->message;
  respool_status status = ipc_parse_message(bytes + prefix.bytes, prefix.metadata_size, message, error);
  if (status != RESPOOL_OK) return status;
  if (message->kind != extent->kind || message->body_size != extent->size.body ||
      ipc_message_rows(message) != extent->rows) {
    return error_set(error, RESPOOL_CORRUPT, "the file was changed: another message where this one was written");
  }
  return RESPOOL_OK;
}

respool_status stored_open(const struct sealing *sealing, struct store *store, struct store_cursor *cursor,
                           const struct extent *extent, bool good, struct stored *stored, respool_error *error) {
  int64_t length = extent->size.metadata + extent->size.body;
  respool_status status = store_view(store, cursor, extent->offset, length, &stored->view, error);
  if (status != RESPOOL_OK) return status;
  if (!good || !stored->view.is_mapped)
    status = seal_open(sealing, &extent->seal, store, &stored->view, extent->offset, length, error);
  stored->owner = (struct tree_owner){stored->view.drop, stored->view.object};
  stored->body = stored->view.bytes + extent->size.metadata;
  stored->trust = stored->view.is_private ? DECODE_OWN : DECODE_FULL;
  if (status == RESPOOL_OK) status = parse(extent, stored, error);
  return status == RESPOOL_OK ? status : stored_refuse(stored, status, error);
}

respool_status stored_refuse(struct stored *stored, respool_status status, respool_error *error) {
  stored->owner.drop(stored->owner.object);
  if (status != RESPOOL_UNSUPPORTED) return status;
  if (error != NULL) error->status = RESPOOL_CORRUPT; /* we wrote nothing that we do not know */
  return RESPOOL_CORRUPT;
}
