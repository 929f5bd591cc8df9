/* SPDX-License-Identifier: Apache-2.0 */
/* Dictionaries on their way to the file: see versions.h. */
#include "spool/versions.h"

#include "ipc/format.h"
#include "spool/spool.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <string.h>

static size_t width_of(const struct respool *spool) {
  return (size_t)spool->layout->n_dictionaries;
}

respool_status versions_open(struct respool *spool, respool_error *error) {
  struct versions *versions = &spool->versions;
  size_t width = width_of(spool);
  if (width == 0 || versions->emitter != NULL) return RESPOOL_OK;
  if (versions->in_force == NULL) versions->in_force = mem_zalloc(width * sizeof(struct version *));
  if (versions->writing == NULL) versions->writing = mem_zalloc(width * sizeof(struct version *));
  if (versions->in_force == NULL || versions->writing == NULL) return error_no_memory(error);
  return emitter_open(spool->layout, spool->encoder, &versions->emitter, error);
}

static void free_list(struct version *list) {
  while (list != NULL) {
    struct version *next = list->next;
    mem_free(list);
    list = next;
  }
}

/* No reader is left, so no version has values. */
void versions_close(struct respool *spool) {
  struct versions *versions = &spool->versions;
  free_list(versions->all);
  emitter_close(versions->emitter);
  mem_free(versions->sets);
  mem_free(versions->in_force);
  mem_free(versions->writing);
  *versions = (struct versions){0};
}

int64_t versions_bytes(const struct respool *spool) {
  const struct versions *versions = &spool->versions;
  return (int64_t)(versions->capacity * sizeof(struct version *)) +
         versions->version_count * (int64_t)sizeof(struct version);
}

/* ---- Runs ------------------------------------------------------------------------------------------ */

void versions_begin(struct respool *spool) {
  struct versions *versions = &spool->versions;
  if (width_of(spool) == 0) return;
  memcpy(versions->writing, versions->in_force, width_of(spool) * sizeof(struct version *));
  versions->fresh = NULL;
  versions->fresh_end = &versions->fresh;
  versions->sets_before = versions->set_count;
  versions->flushed = spool->committed;
  emitter_forget(versions->emitter);
}

/* Nobody needs it any more, and no batch will again. */
static void free_extent(struct respool *spool, const struct version *version) {
  const struct ipc_size *size = &version->extent.size;
  if (spool->options.path != NULL) return;
  store_free(spool->store, version->extent.offset, size->metadata + size->body);
}

static struct version **set_of(const struct respool *spool, uint32_t set) {
  return spool->versions.sets + (size_t)set * width_of(spool);
}

void versions_enter(struct respool *spool, uint32_t set) {
  for (size_t i = 0; i < width_of(spool); i++) set_of(spool, set)[i]->batches++;
}

void versions_leave(struct respool *spool, uint32_t set) {
  for (size_t i = 0; i < width_of(spool); i++) {
    struct version *version = set_of(spool, set)[i];
    if (--version->batches == 0 && version != spool->versions.in_force[i]) free_extent(spool, version);
  }
}

/* Those that give way to others may have no batch left. */
static void replace_in_force(struct respool *spool) {
  struct versions *versions = &spool->versions;
  for (size_t i = 0; i < width_of(spool); i++) {
    struct version *old = versions->in_force[i];
    versions->in_force[i] = versions->writing[i];
    if (old != NULL && old != versions->writing[i] && old->batches == 0) free_extent(spool, old);
  }
}

void versions_publish(struct respool *spool) {
  struct versions *versions = &spool->versions;
  if (width_of(spool) == 0) return;
  replace_in_force(spool);
  for (struct version *version = versions->fresh; version != NULL; version = version->next) {
    versions->version_count++;
    spool->bytes_stored += version->extent.size.metadata + version->extent.size.body;
  }
  *versions->fresh_end = versions->all;
  versions->all = versions->fresh;
  versions->fresh = NULL;
}

void versions_abort(struct respool *spool) {
  struct versions *versions = &spool->versions;
  if (width_of(spool) == 0) return;
  free_list(versions->fresh);
  versions->fresh = NULL;
  versions->set_count = versions->sets_before;
}

/* ---- Emitting -------------------------------------------------------------------------------------- */

static int64_t run_position(const struct respool *spool) {
  return spool->committed + spool->gather->total;
}

/* Whether the message planned, which is as long, is what the file has there. */
static bool is_planned(struct respool *spool, const struct extent *extent) {
  const struct sealing *sealing = &spool->seals.sealing;
  struct store_view view;
  int64_t length = extent->size.metadata + extent->size.body;
  if (store_read(spool->store, extent->offset, length, &view, NULL) != RESPOOL_OK) return false;
  bool readable = sealing->kind != SEAL_ENCRYPTED ||
                  seal_open(sealing, &extent->seal, spool->store, &view, extent->offset, length, NULL) == RESPOOL_OK;
  bool same = readable && emitter_equals(spool->versions.emitter, view.bytes);
  view.drop(view.object);
  return same;
}

/* What the run has put so far may have to be written first. What cannot be read back counts as another. */
static respool_status file_has(void *context, int32_t dictionary, const struct ipc_size *size, bool *same,
                               respool_error *error) {
  struct respool *spool = context;
  const struct version *version = spool->versions.writing[dictionary];
  if (version == NULL || version->extent.size.metadata != size->metadata || version->extent.size.body != size->body) {
    return RESPOOL_OK;
  }
  if (version->extent.offset >= spool->versions.flushed) {
    respool_status status = gather_flush(spool->gather, error);
    if (status != RESPOOL_OK) return status;
    status = sealer_settle(spool->seals.sealer, error);
    if (status != RESPOOL_OK) return status;
    spool->versions.flushed = run_position(spool);
  }
  *same = is_planned(spool, &version->extent);
  return RESPOOL_OK;
}

respool_status versions_add(struct respool *spool, int32_t dictionary, const struct extent *extent,
                            respool_error *error) {
  struct versions *versions = &spool->versions;
  struct version *version = mem_zalloc(sizeof *version);
  if (version == NULL) return error_no_memory(error);
  version->extent = *extent;
  *versions->fresh_end = version;
  versions->fresh_end = &version->next;
  versions->writing[dictionary] = version;
  return RESPOOL_OK;
}

static respool_status emit(void *context, int32_t dictionary, const struct ipc_size *size, int64_t rows,
                           respool_error *error) {
  struct respool *spool = context;
  struct extent extent = {.offset = run_position(spool), .size = *size, .rows = rows, .kind = HEADER_DICTIONARY};
  respool_status status = versions_add(spool, dictionary, &extent, error);
  if (status != RESPOOL_OK) return status;
  struct seal *seal = &spool->versions.writing[dictionary]->extent.seal;
  status = sealer_mark(spool->seals.sealer, extent.offset, seal, error);
  return status == RESPOOL_OK ? ipc_encoder_put(spool->encoder, spool->gather, error) : status;
}

int64_t versions_fresh_bytes(const struct respool *spool) {
  int64_t bytes = 0;
  for (const struct version *version = spool->versions.fresh; version != NULL; version = version->next) {
    bytes = add_saturating(bytes, version->extent.size.body);
  }
  return bytes;
}

/* Readers look sets up under the lock, so a new one is added there. */
static respool_status add_set(struct respool *spool, respool_error *error) {
  struct versions *versions = &spool->versions;
  size_t width = width_of(spool);
  if (versions->set_count == UINT32_MAX) return error_no_memory(error);
  os_lock(&spool->lock);
  size_t needed = (versions->set_count + 1) * width;
  bool room = mem_reserve((void **)&versions->sets, &versions->capacity, needed, sizeof(struct version *));
  if (room) {
    memcpy(versions->sets + versions->set_count * width, versions->writing, width * sizeof(struct version *));
    versions->set_count++;
  }
  os_unlock(&spool->lock);
  return room ? RESPOOL_OK : error_no_memory(error);
}

respool_status versions_prepare(struct respool *spool, const struct ArrowArray *batch, uint32_t *set,
                                respool_error *error) {
  struct versions *versions = &spool->versions;
  if (width_of(spool) == 0) return RESPOOL_OK;
  struct emitter_stream stream = {.context = spool, .has = file_has, .emit = emit};
  bool any;
  respool_status status = emitter_prepare(versions->emitter, batch, &stream, &any, error);
  if (status == RESPOOL_OK && any) status = add_set(spool, error);
  if (status == RESPOOL_OK) *set = (uint32_t)(versions->set_count - 1);
  return status;
}

respool_status versions_use(struct respool *spool, uint32_t *set, respool_error *error) {
  struct versions *versions = &spool->versions;
  for (size_t i = 0; i < width_of(spool); i++) {
    if (versions->writing[i] != NULL) continue;
    return error_set(error, RESPOOL_CORRUPT, "a batch before dictionary number %zu", i);
  }
  respool_status status = versions->fresh != NULL ? add_set(spool, error) : RESPOOL_OK;
  if (status == RESPOOL_OK && width_of(spool) > 0) *set = (uint32_t)(versions->set_count - 1);
  return status;
}

respool_status versions_commit(struct respool *spool, int64_t offset, struct version **at, respool_error *error) {
  for (; *at != NULL && (*at)->extent.offset < offset; *at = (*at)->next) {
    const struct extent *extent = &(*at)->extent;
    int64_t length = extent->size.metadata + extent->size.body;
    respool_status status = store_commit(spool->store, extent->offset, length, error);
    if (status != RESPOOL_OK) return status;
  }
  return RESPOOL_OK;
}
