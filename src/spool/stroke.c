/* SPDX-License-Identifier: Apache-2.0 */
/* The pen and its strokes: see stroke.h. */
#include "spool/stroke.h"

/* ---- The pen --------------------------------------------------------------------------------------- */

void pen_take(struct respool *spool) {
  os_lock(&spool->lock);
  while (spool->pen_taken) os_wait(&spool->pen_free, &spool->lock);
  spool->pen_taken = true;
  os_unlock(&spool->lock);
}

void pen_give(struct respool *spool) {
  os_lock(&spool->lock);
  spool->pen_taken = false;
  os_wake_one(&spool->pen_free);
  os_unlock(&spool->lock);
}

/* ---- Strokes ---------------------------------------------------------------------------------------- */

static respool_status write_pieces(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  struct stroke *stroke = context;
  respool_status status = store_write(stroke->store, pieces, count, stroke->offset, error);
  if (status != RESPOOL_OK) return status;
  for (int i = 0; i < count; i++) stroke->offset += (int64_t)pieces[i].length;
  return RESPOOL_OK;
}

/* Where an anonymous file is made. */
static const char *directory_of(const struct respool *spool) {
  return spool->directory > 0 ? spool->options.more_directories[spool->directory - 1] : spool->options.directory;
}

static void go_on_at(struct respool *spool, int64_t start) {
  os_lock(&spool->lock);
  spool->committed = start;
  os_unlock(&spool->lock);
}

bool stroke_elsewhere(struct respool *spool) {
  const char *const *more = spool->options.more_directories;
  while (more != NULL && more[spool->directory] != NULL) {
    spool->directory++;
    int64_t start = 0;
    if (spool->store != NULL && store_continue(spool->store, directory_of(spool), &start, NULL) != RESPOOL_OK) continue;
    go_on_at(spool, start);
    return true;
  }
  return false;
}

void stroke_begin(struct respool *spool, struct stroke *stroke) {
  struct sealer *sealer = spool->seals.sealer;
  *stroke = (struct stroke){.store = spool->store, .offset = spool->committed};
  if (sealer == NULL) {
    gather_reset(spool->gather, write_pieces, stroke);
  } else {
    sealer_begin(sealer, write_pieces, stroke, stroke->offset);
    gather_reset(spool->gather, sealer_take, sealer);
  }
}

/* What is encrypted must be read to be decrypted. */
static int32_t replay_of(const struct respool *spool) {
  return spool->seals.sealing.kind == SEAL_ENCRYPTED ? RESPOOL_REPLAY_READ : spool->options.replay;
}

respool_status stroke_open_file(struct respool *spool, respool_error *error) {
  if (spool->store != NULL) return RESPOOL_OK;
  struct store_options options = {.path = spool->options.path,
                                  .directory = directory_of(spool),
                                  .budget = spool->options.disk_budget,
                                  .replay = replay_of(spool),
                                  .files = spool->options.pool};
  struct store *store;
  respool_status status = store_open(&options, &store, error);
  if (status != RESPOOL_OK) return status;
  os_lock(&spool->lock);
  spool->store = store;
  os_unlock(&spool->lock);
  return RESPOOL_OK;
}

void stroke_undo(struct respool *spool) {
  if (spool->store != NULL) store_cut(spool->store, spool->committed);
}

void stroke_seal(struct respool *spool) {
  go_on_at(spool, store_seal(spool->store));
}
