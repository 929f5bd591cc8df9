/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: see run.h. handover.pml is a model of how they and the readers meet: who changes one looks at the other. */
#include "spool/run.h"

#include "ipc/message.h"
#include "ipc/schema.h"
#include "spool/due.h"
#include "spool/full.h"
#include "spool/stroke.h"
#include "store/cipher.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

/* A batch on its way to the file. */
struct run_item {
  int64_t index;
  struct resident
      *resident; /* NULL: it is empty. Not counted: only the pen's holder lets go of what the catalog holds */
  bool due;      /* counted in due_bytes */
  int64_t offset;
  struct ipc_size size;
  uint32_t set; /* of dictionaries */
  struct seal seal;
};

/* The pen's holder fills one run after another. */
struct run {
  int64_t count;
  int64_t bytes;  /* bytes of the batches, about ... */
  int64_t most;   /* ... which is to be no more, where one batch is not by itself */
  int64_t next;   /* what write_next becomes when the run is written */
  int64_t unkept; /* the last so many items were taken from the kept ones */
  bool packed;    /* the batches are compressed */
  struct run_item items[RUN_MOST];
};

/* ---- What runs are made with ------------------------------------------------------------------------- */

/* A key is made when it is needed. Readers use it once something is stored. */
static respool_status open_key(struct respool *spool, respool_error *error) {
  struct sealing *sealing = &spool->seals.sealing;
  if (sealing->kind != SEAL_ENCRYPTED || sealing->key != NULL) return RESPOOL_OK;
  struct cipher_key *key;
  respool_status status = cipher_key_open(&key, error);
  if (status != RESPOOL_OK) return status;
  os_lock(&spool->lock);
  sealing->key = key;
  os_unlock(&spool->lock);
  return RESPOOL_OK;
}

static respool_status open_seals(struct respool *spool, respool_error *error) {
  struct seals *seals = &spool->seals;
  if (seals->sealing.kind == SEAL_NONE || seals->sealer != NULL) return RESPOOL_OK;
  respool_status status = open_key(spool, error);
  return status == RESPOOL_OK ? sealer_open(&seals->sealing, &seals->sealer, error) : status;
}

respool_status run_open_tools(struct respool *spool, respool_error *error) {
  if (spool->run == NULL) spool->run = mem_alloc(sizeof *spool->run);
  if (spool->gather == NULL) spool->gather = gather_open();
  if (spool->run == NULL || spool->gather == NULL) return error_no_memory(error);
  if (spool->encoder == NULL) {
    respool_status status = ipc_encoder_open(spool->layout, &spool->encoder, error);
    if (status != RESPOOL_OK) return status;
    ipc_encoder_compress(spool->encoder, spool->options.compression, spool->options.compression_level);
  }
  respool_status status = open_seals(spool, error);
  return status == RESPOOL_OK ? versions_open(spool, error) : status;
}

void run_close(struct respool *spool) {
  versions_close(spool);
  seals_close(&spool->seals);
  store_close(spool->store);
  ipc_encoder_close(spool->encoder);
  gather_close(spool->gather);
  mem_free(spool->run);
  spool->store = NULL;
  spool->encoder = NULL;
  spool->gather = NULL;
  spool->run = NULL;
}

/* ---- Runs ------------------------------------------------------------------------------------------ */

static void take_item(struct run *run, int64_t index, struct resident *resident, bool due) {
  run->items[run->count++] = (struct run_item){.index = index, .resident = resident, .due = due};
  if (resident == NULL) return;
  resident->writing = true;
  run->bytes = add_saturating(run->bytes, resident->shown);
}

static bool is_adaptive(const struct respool *spool) {
  return spool->options.compression == RESPOOL_COMPRESSION_ADAPTIVE;
}

/* As much as is written in one go, and has room. */
static int64_t run_size(const struct respool *spool) {
  int64_t most = spool->options.write_chunk;
  if (is_adaptive(spool)) most = adapt_most(&spool->adapt, most);
  int64_t room = spool->store != NULL ? store_room(spool->store) : spool->options.disk_budget;
  if (room < most) most = room;
  if (spool->run_most < most) most = spool->run_most;
  return most > 0 ? most : 1;
}

static bool run_full(const struct respool *spool) {
  return spool->run->count == RUN_MOST || spool->run->bytes >= spool->run->most;
}

/*
 * Whether an entry is to be written when its turn comes: in a file that is one stream all are, else those that don't
 * stay.
 */
static bool entry_due(const struct respool *spool, const struct entry *entry) {
  if (entry->offset >= 0) return false;
  return spool->ordered || (entry->resident != NULL && !entry->resident->kept);
}

/* The lock is held. */
static void collect_due(struct respool *spool) {
  struct run *run = spool->run;
  if (spool->ordered && !spool->spilling) return;
  int64_t first = behind_first(spool);
  int64_t at = spool->write_next > first ? spool->write_next : first;
  for (; at < spool->catalog.count && !run_full(spool); at++) {
    struct entry *entry = catalog_at(&spool->catalog, at);
    if (entry_due(spool, entry)) take_item(run, at, entry->resident, true);
  }
  run->next = at;
}

/*
 * Overflow under pressure: the latest of the kept ones, as many as bring the charge down to `target`. The lock is
 * held.
 */
static void collect_kept(struct respool *spool, int64_t target) {
  struct run *run = spool->run;
  int64_t charged = spool_charged(spool);
  while (charged > target && spool->kept != NULL && !run_full(spool)) {
    struct resident *resident = resident_unkeep(spool);
    charged -= resident->charge;
    take_item(run, resident->index, resident, false);
    run->unkept++;
  }
}

static void begin_run(struct respool *spool) {
  spool->run->count = 0;
  spool->run->bytes = 0;
  spool->run->most = run_size(spool);
  spool->run->unkept = 0;
  spool->run->next = spool->write_next;
  versions_begin(spool);
}

/* A file that has nothing in it yet gets the schema first. */
static respool_status write_head(struct respool *spool, respool_error *error) {
  if (spool->committed > 0) return RESPOOL_OK;
  return ipc_encode_schema(&spool->layout->schema, spool->gather, error);
}

static respool_status encode_items(struct respool *spool, respool_error *error) {
  struct run *run = spool->run;
  int64_t start = spool->committed;
  for (int64_t i = 0; i < run->count; i++) {
    struct run_item *item = &run->items[i];
    const struct ArrowArray *array = item->resident != NULL ? &item->resident->array : &spool->empty;
    respool_status status = versions_prepare(spool, array, &item->set, error);
    if (status != RESPOOL_OK) return status;
    item->offset = start + spool->gather->total;
    status = sealer_mark(spool->seals.sealer, item->offset, &item->seal, error);
    if (status != RESPOOL_OK) return status;
    status = ipc_encode_batch(spool->encoder, array, spool->gather, &item->size, error);
    if (status != RESPOOL_OK) return status;
  }
  respool_status status = gather_flush(spool->gather, error);
  return status == RESPOOL_OK ? sealer_settle(spool->seals.sealer, error) : status;
}

/* Readers look seals up under the lock, so room for more is made there. */
static respool_status reserve_seals(struct respool *spool, respool_error *error) {
  const struct run *run = spool->run;
  bool room = true;
  os_lock(&spool->lock);
  for (int64_t i = 0; i < run->count && room; i++) room = seals_reserve(&spool->seals, run->items[i].index);
  os_unlock(&spool->lock);
  return room ? RESPOOL_OK : error_no_memory(error);
}

static respool_status commit_items(struct respool *spool, respool_error *error) {
  struct run *run = spool->run;
  struct version *dictionaries = spool->versions.fresh;
  for (int64_t i = 0; i < run->count; i++) {
    struct run_item *item = &run->items[i];
    respool_status status = versions_commit(spool, item->offset, &dictionaries, error);
    if (status != RESPOOL_OK) return status;
    status = store_commit(spool->store, item->offset, item->size.metadata + item->size.body, error);
    if (status != RESPOOL_OK) return status;
  }
  return RESPOOL_OK;
}

/*
 * Dictionaries go out plain, always: one that stays the same is then found the same in the file, whatever form the
 * batches before it had.
 */
static void choose_form(struct respool *spool) {
  spool->run->packed = spool->options.compression != RESPOOL_COMPRESSION_NONE;
  if (!is_adaptive(spool)) return;
  spool->run->packed = adapt_packs(&spool->adapt);
  ipc_encoder_pack(spool->encoder, spool->run->packed, false);
}

static void note_cost(struct respool *spool, int64_t nanoseconds) {
  if (spool->run->count == 0 || !is_adaptive(spool)) return;
  adapt_note(&spool->adapt, add_saturating(spool->run->bytes, versions_fresh_bytes(spool)), nanoseconds);
}

/* Without the lock, with the pen: everything up to where the file is whole again. */
static respool_status write_run(struct respool *spool, int64_t *end, respool_error *error) {
  respool_status status = stroke_open_file(spool, error);
  if (status != RESPOOL_OK) return status;
  struct stroke stroke;
  stroke_begin(spool, &stroke);
  gather_align(spool->gather, spool->committed);
  ipc_encoder_drained(spool->encoder);
  choose_form(spool);
  int64_t began = os_now();
  status = write_head(spool, error);
  if (status == RESPOOL_OK) status = encode_items(spool, error);
  if (status == RESPOOL_OK) note_cost(spool, os_now() - began);
  if (status == RESPOOL_OK) status = reserve_seals(spool, error);
  if (status == RESPOOL_OK) status = commit_items(spool, error);
  sealer_rest(spool->seals.sealer);
  if (status != RESPOOL_OK) {
    stroke_undo(spool);
    return status;
  }
  *end = stroke.offset;
  return RESPOOL_OK;
}

/* Whether the memory of a batch that is now written is let go. In mode all, what fits the limit stays as well. */
static bool stays(const struct respool *spool, const struct resident *resident) {
  return spool->options.mode == RESPOOL_MODE_ALL && resident->kept;
}

/* The lock is held. Dropped batches go to `*dropped`. */
static void publish_item(struct respool *spool, const struct run_item *item, struct resident **dropped) {
  struct entry *entry = catalog_at(&spool->catalog, item->index);
  entry->offset = item->offset;
  entry->metadata = (uint32_t)item->size.metadata;
  entry->body = item->size.body;
  entry->set = item->set;
  seals_put(&spool->seals, item->index, &item->seal);
  spool->batches_stored++;
  if (spool->run->packed) spool->batches_compressed++;
  spool->bytes_stored += item->size.metadata + item->size.body;
  versions_enter(spool, item->set);
  if (item->resident == NULL) return;
  if (item->due) due_settle(spool, item->resident);
  if (!stays(spool, item->resident)) resident_drop(spool, entry, dropped);
}

/* The lock is held. Nothing refers to what the run has taken any more. */
static void land(struct respool *spool) {
  for (int64_t i = 0; i < spool->run->count; i++) {
    struct resident *resident = spool->run->items[i].resident;
    if (resident != NULL) resident->writing = false;
  }
  spool->in_flight = INT64_MAX;
}

/* Under the lock, after that: what readers have left behind meanwhile. */
static void forget_passed(struct respool *spool, struct resident **dropped) {
  for (int64_t i = 0; i < spool->run->count; i++) behind_forget(spool, spool->run->items[i].index, dropped);
  behind_trim(spool);
}

static void publish_run(struct respool *spool, int64_t end, struct resident **dropped) {
  struct run *run = spool->run;
  land(spool);
  for (int64_t i = 0; i < run->count; i++) publish_item(spool, &run->items[i], dropped);
  versions_publish(spool);
  spool->write_next = run->next;
  spool->committed = end;
  spool->ended = false;
  forget_passed(spool, dropped);
  full_clear(spool);
  spool->run_most = add_saturating(spool->run_most, spool->run_most);
}

/* The lock is held. What was unkept for this run is kept as before. */
static void abort_run(struct respool *spool, struct resident **dropped) {
  struct run *run = spool->run;
  land(spool);
  for (int64_t i = run->count - 1; i >= run->count - run->unkept; i--) resident_keep(run->items[i].resident);
  versions_abort(spool);
  spool->write_failures++;
  forget_passed(spool, dropped);
}

static int64_t first_taken(const struct run *run) {
  int64_t first = INT64_MAX;
  for (int64_t i = 0; i < run->count; i++) {
    if (run->items[i].index < first) first = run->items[i].index;
  }
  return first;
}

/* With the pen, under the lock: fill the run with what is due, or if nothing is, with kept ones down to `target`. */
static int64_t collect(struct respool *spool, int64_t target) {
  begin_run(spool);
  collect_due(spool);
  if (target != RUN_DUE_ONLY && !spool->ordered && spool->run->count == 0) collect_kept(spool, target);
  if (spool->run->count == 0) spool->write_next = spool->run->next; /* nothing but kept ones to pass over */
  spool->in_flight = first_taken(spool->run);
  return spool->run->count;
}

/* So that a spool which never spills has no tools for it. The lock is held. */
static bool may_collect(const struct respool *spool, int64_t target) {
  if (spool->ordered) return spool->spilling && spool->write_next < spool->catalog.count;
  return spool->due.count > 0 || (target != RUN_DUE_ONLY && spool->kept != NULL);
}

/* With the pen: what comes of a run's answer. */
static void end_run(struct respool *spool, respool_status status, int64_t end, struct progress *progress,
                    struct resident **dropped) {
  os_lock(&spool->lock);
  int64_t before = spool_charged(spool);
  if (status == RESPOOL_OK)
    publish_run(spool, end, dropped);
  else
    abort_run(spool, dropped);
  *progress = (struct progress){true, spool->run->bytes, before - spool_charged(spool), spool->write_next};
  spool_assert(spool);
  os_unlock(&spool->lock);
}

/* All that nobody needs is given back, the slot that was not full yet too. True: that was something. */
static bool make_room(struct respool *spool) {
  if (spool->store == NULL || spool->options.path != NULL || !behind_is_on(&spool->behind)) return false;
  int64_t before = store_info(spool->store).on_disk;
  stroke_seal(spool);
  store_give_back(spool->store);
  return store_info(spool->store).on_disk < before;
}

/* With the pen, after a run that found no room: whether another attempt may find some. */
static bool helps(struct respool *spool, respool_status status) {
  if (make_room(spool)) return true;
  if (status == RESPOOL_NO_SPACE) return stroke_elsewhere(spool);
  /* The budget may have room for fewer batches; what a run takes in the file is known when it is encoded. */
  struct run *run = spool->run;
  if (run->count == 1 || run->most == 1) return false;
  spool->run_most = (run->most < run->bytes ? run->most : run->bytes) / 2;
  if (spool->run_most < 1) spool->run_most = 1;
  return true;
}

/* One run with the pen. Its dropped batches are for the caller to release, without the pen. */
static respool_status run_with_pen(struct respool *spool, int64_t target, struct progress *progress,
                                   struct resident **dropped, respool_error *error) {
  os_lock(&spool->lock);
  bool any = may_collect(spool, target);
  progress->next = spool->write_next;
  os_unlock(&spool->lock);
  if (!any) return RESPOOL_OK;
  respool_status status = run_open_tools(spool, error);
  if (status != RESPOOL_OK) return status;
  os_lock(&spool->lock);
  int64_t count = collect(spool, target);
  progress->next = spool->write_next;
  os_unlock(&spool->lock);
  if (count == 0) return RESPOOL_OK;
  int64_t end = 0;
  status = write_run(spool, &end, error);
  end_run(spool, status, end, progress, dropped);
  if (!full_is(status) || !helps(spool, status)) return status;
  progress->bytes = 0;
  return RESPOOL_OK;
}

respool_status run_next(struct respool *spool, int64_t target, struct progress *progress, respool_error *error) {
  struct resident *dropped = NULL;
  *progress = (struct progress){0};
  pen_take(spool);
  respool_status status = run_with_pen(spool, target, progress, &dropped, error);
  struct store *store = spool->store;
  pen_give(spool);
  resident_release_list(dropped);
  if (store != NULL) store_give_back(store);
  return status;
}

/* ---- The ends of the file --------------------------------------------------------------------------- */

respool_status run_create_file(struct respool *spool, respool_error *error) {
  respool_status status = run_open_tools(spool, error);
  if (status != RESPOOL_OK) return status;
  begin_run(spool);
  return write_run(spool, &spool->committed, error);
}

static respool_status write_end(struct respool *spool, respool_error *error) {
  struct stroke stroke;
  stroke_begin(spool, &stroke);
  respool_status status = ipc_put_end(spool->gather, error);
  if (status == RESPOOL_OK) status = gather_flush(spool->gather, error);
  sealer_rest(spool->seals.sealer);
  if (status == RESPOOL_OK && spool->options.sync_on_finish != 0) status = store_sync(spool->store, error);
  if (status != RESPOOL_OK) stroke_undo(spool);
  return status;
}

respool_status run_write_end(struct respool *spool, respool_error *error) {
  respool_status status;
  do {
    status = write_end(spool, error);
  } while (status == RESPOOL_NO_SPACE && stroke_elsewhere(spool));
  return status;
}
