/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a file, one message after another: see reopen.h. */
#include "spool/reopen.h"

#include "ipc/format.h"
#include "spool/run.h"
#include "spool/scan.h"
#include "spool/stored.h"
#include "spool/values.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <inttypes.h>

/* ---- Messages -------------------------------------------------------------------------------------- */

/* A message that was looked at, and what will be remembered of it. */
struct found {
  struct extent extent;
  struct stored stored;
  bool is_compressed;
};

/* All of its bytes are at hand here, and only here. */
static respool_status open_message(struct scan *scan, const struct ipc_size *size, struct found *found,
                                   respool_error *error) {
  struct stored *stored = &found->stored;
  int64_t length = size->metadata + size->body;
  respool_status status = scan_view(scan, scan->at, length, &stored->view, error);
  if (status != RESPOOL_OK) return status;
  stored->owner = (struct tree_owner){stored->view.drop, stored->view.object};
  stored->body = stored->view.bytes + size->metadata;
  stored->trust = DECODE_FULL;
  status = ipc_parse_message(stored->view.bytes + IPC_PREFIX, size->metadata - IPC_PREFIX, &stored->message, error);
  if (status != RESPOOL_OK) {
    stored->owner.drop(stored->owner.object);
    return status;
  }
  found->extent = (struct extent){
      .offset = scan->at, .size = *size, .rows = ipc_message_rows(&stored->message), .kind = stored->message.kind};
  found->is_compressed = ipc_message_compressed(&stored->message);
  seal_make(&scan->spool->seals.sealing, stored->view.bytes, length, &found->extent.seal);
  return RESPOOL_OK;
}

/* Another version of a dictionary. Batches come to use it with the next set. */
static respool_status take_dictionary(struct scan *scan, struct found *found, respool_error *error) {
  bool is_delta;
  struct stored *stored = &found->stored;
  int64_t number = ipc_message_dictionary(&stored->message, &is_delta);
  respool_status status = dictionaries_take(&scan->dictionaries, &stored->message, stored->body, stored->trust,
                                            &scan->expander, stored->owner, error);
  if (status != RESPOOL_OK) return status;
  return versions_add(scan->spool, (int32_t)number, &found->extent, error);
}

static void count_batch(struct respool *spool, const struct found *found) {
  const struct extent *extent = &found->extent;
  spool->rows = add_saturating(spool->rows, extent->rows);
  spool->batches_stored++;
  if (found->is_compressed) spool->batches_compressed++;
  spool->bytes_stored += extent->size.metadata + extent->size.body;
}

/* The batch and the dictionaries before it: from now on readers may view them. */
static respool_status commit(struct respool *spool, const struct extent *extent, respool_error *error) {
  struct version *dictionaries = spool->versions.fresh;
  respool_status status = versions_commit(spool, extent->offset, &dictionaries, error);
  if (status != RESPOOL_OK) return status;
  return store_commit(spool->store, extent->offset, extent->size.metadata + extent->size.body, error);
}

static respool_status enter_batch(struct respool *spool, const struct found *found, bool is_empty,
                                  respool_error *error) {
  const struct extent *extent = &found->extent;
  uint32_t set = 0;
  respool_status status = versions_use(spool, &set, error);
  if (status == RESPOOL_OK) status = commit(spool, extent, error);
  int64_t index = spool->catalog.count;
  bool room = catalog_reserve(&spool->catalog) && seals_reserve(&spool->seals, index);
  if (status == RESPOOL_OK && !room) status = error_no_memory(error);
  if (status != RESPOOL_OK) return status;
  struct entry *entry = catalog_push(&spool->catalog);
  seals_put(&spool->seals, index, &extent->seal);
  entry->offset = extent->offset;
  entry->metadata = (uint32_t)extent->size.metadata;
  entry->body = extent->size.body;
  entry->rows = extent->rows;
  entry->set = set;
  entry->empty = is_empty;
  versions_enter(spool, set);
  count_batch(spool, found);
  versions_publish(spool);
  versions_begin(spool);
  return RESPOOL_OK;
}

/* Decoded in full, as only that shows whether it can be read, and let go again. */
static respool_status take_batch(struct scan *scan, struct found *found, respool_error *error) {
  struct respool *spool = scan->spool;
  struct stored *stored = &found->stored;
  struct ArrowArray array;
  respool_status status =
      ipc_decode_batch(spool->layout, &stored->message, stored->body, stored->trust, &scan->expander, stored->owner,
                       dictionaries_current(&scan->dictionaries), &array, error);
  if (status != RESPOOL_OK) {
    stored->owner.drop(stored->owner.object);
    return status;
  }
  bool is_empty = array.length == 0 && spool->layout->n_dictionaries == 0 && tree_metadata(&array) == NULL;
  status = enter_batch(spool, found, is_empty, error);
  array.release(&array);
  if (status == RESPOOL_OK) spool->committed = scan->at + found->extent.size.metadata + found->extent.size.body;
  return status;
}

static respool_status take_message(struct scan *scan, const struct ipc_size *size, respool_error *error) {
  struct found found;
  respool_status status = open_message(scan, size, &found, error);
  if (status != RESPOOL_OK) return status;
  bool is_batch = found.extent.kind == HEADER_BATCH;
  return is_batch ? take_batch(scan, &found, error) : take_dictionary(scan, &found, error);
}

/* ---- The file -------------------------------------------------------------------------------------- */

/* The ids of dictionaries are their numbers: the schema was seen to be as this library writes it. */
static respool_status open_dictionaries(struct scan *scan, respool_error *error) {
  const struct layout *layout = scan->spool->layout;
  struct ipc_schema_info info = {.n_dictionaries = layout->n_dictionaries};
  if (layout->n_dictionaries == 0) return dictionaries_open(&scan->dictionaries, layout, &info, error);
  info.ids = mem_alloc((size_t)layout->n_dictionaries * sizeof *info.ids);
  if (info.ids == NULL) return error_no_memory(error);
  for (int32_t i = 0; i < layout->n_dictionaries; i++) info.ids[i] = i;
  respool_status status = dictionaries_open(&scan->dictionaries, layout, &info, error);
  mem_free(info.ids);
  return status;
}

/* Up to where nothing whole comes any more. Dictionaries behind the last batch are nobody's: they go as well. */
static respool_status scan_messages(struct scan *scan, respool_error *error) {
  struct ipc_size size;
  bool over = false;
  respool_status status = scan_message(scan, &size, &over, error);
  while (status == RESPOOL_OK && !over) {
    status = take_message(scan, &size, error);
    if (status != RESPOOL_OK) break;
    scan->at += size.metadata + size.body;
    status = scan_message(scan, &size, &over, error);
  }
  versions_abort(scan->spool);
  return status;
}

static respool_status scan_file(struct scan *scan, respool_error *error) {
  struct respool *spool = scan->spool;
  respool_status status = scan_head(scan, error);
  if (status != RESPOOL_OK || scan->at == 0) return status;
  spool->committed = scan->at;
  status = open_dictionaries(scan, error);
  versions_begin(spool);
  if (status == RESPOOL_OK) status = scan_messages(scan, error);
  spool->write_next = spool->catalog.count;
  return status;
}

static respool_status open_store(struct respool *spool, respool_error *error) {
  struct store_options options = {.path = spool->options.path,
                                  .budget = spool->options.disk_budget,
                                  .replay = spool->options.replay,
                                  .reopen = true};
  respool_status status = store_open(&options, &spool->store, error);
  return status == RESPOOL_OK && spool->store != NULL ? run_open_tools(spool, error) : status;
}

respool_status reopen_file(struct respool *spool, respool_error *error) {
  respool_status status = open_store(spool, error);
  if (status != RESPOOL_OK || spool->store == NULL) return status;
  struct scan scan = {.spool = spool, .size = store_size(spool->store), .expander = values_expander(spool)};
  status = scan_file(&scan, error);
  dictionaries_close(&scan.dictionaries);
  store_cursor_close(&scan.cursor);
  expander_close(&scan.expander);
  if (status == RESPOOL_OK) return status;
  error_prefix(error, "cannot reopen '%s', which is as it was: at byte %" PRId64, spool->options.path, scan.at);
  return status;
}

respool_status reopen_cut(struct respool *spool, respool_error *error) {
  return store_trim(spool->store, spool->committed, error);
}
