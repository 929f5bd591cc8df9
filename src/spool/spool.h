/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool itself, as the files of this room share it. From the ground up: catalog.c, ledger.c, wait.c (what there
 * is, what it weighs, who waits), seals.c (what is known of stored bytes), core.c, resident.c (batches in memory),
 * due.c, adapt.c, run.c, spill.c (to disk), handle.c (what goes with the last handle), writer.c, reader.c, export.c
 * (the handles), options.c, spool.c (all).
 *
 * LOCKS. `lock` guards everything below it here that is not said to be otherwise. Under it there is no I/O, no
 * callback, and no release of an array (invariant 6). `pen` is the right to encode and write: a flag under the lock,
 * taken by one thread at a time and held over I/O; its holder owns the fields marked so.
 */
#ifndef RESPOOL_SPOOL_SPOOL_H
#define RESPOOL_SPOOL_SPOOL_H

#include "arrow/layout.h"
#include "ipc/encode.h"
#include "os/thread.h"
#include "respool/respool.h"
#include "spool/adapt.h"
#include "spool/behind.h"
#include "spool/catalog.h"
#include "spool/ledger.h"
#include "spool/seals.h"
#include "spool/versions.h"
#include "spool/wait.h"
#include "store/store.h"

#include <stdatomic.h>

struct resident;
struct run;

struct respool {
  atomic_llong handles;    /* public ones, writer, readers. At 0 everything but this struct goes */
  atomic_llong references; /* 1 for the handles together, 1 per resident batch. At 0 this struct goes */

  /* Set at create and never changed. */
  uint32_t forks;
  respool_options options; /* its strings are ours */
  struct layout *layout;
  struct ArrowArray empty; /* a batch without rows, for encoding */
  bool ordered;            /* the file is one stream in order: every mode but overflow */

  struct os_mutex lock;
  struct catalog catalog;
  struct ledger charged; /* of the batches the catalog holds */
  struct ledger pinned;  /* of those it dropped that arrays handed out still hold */
  int64_t fixed;         /* charged beside the ledger, and ... */
  int64_t charged_peak;
  int64_t memory_limit;

  int32_t state;         /* RESPOOL_OPEN, ... */
  respool_error failure; /* in RESPOOL_FAILED */

  bool sealed;        /* finish has come so far that no more batches can come */
  bool crossed;       /* the limit has been passed */
  bool spilling;      /* ordered: every batch is to be written, from `write_next` on */
  int64_t write_next; /* all before it are written or kept in memory */
  struct {
    int64_t count;
    int64_t bytes;       /* charged for them when they came */
    int64_t shown;       /* bytes of their rows */
    int64_t largest;     /* charge of one of them */
  } due;                 /* batches that wait to be written */
  struct resident *kept; /* overflow, all: the latest batch that is to stay in memory; linked downwards */

  int64_t batches_resident;
  int64_t batches_stored;
  int64_t batches_compressed; /* of these */
  int64_t rows;
  int64_t bytes_appended;
  int64_t bytes_stored;
  int64_t write_failures;
  int64_t readers;
  struct waiters waiters;

  struct behind behind;
  int64_t in_flight;        /* the first batch that a run has taken; INT64_MAX: none */
  int64_t rest_until;       /* no write is tried before this time; 0: there is room, as far as is known */
  struct os_condition room; /* a writer waits for room */

  bool writer_closed;
  struct resident *deferred; /* option defer_release: to be released in the next call on the writer */

  bool pen_taken;
  struct os_condition pen_free;
  struct store *store; /* NULL: no file yet. Set once, under the lock, by the pen's holder */

  /* Of the pen's holder. */
  struct ipc_encoder *encoder;
  struct gather *gather;
  struct run *run;
  struct adapt adapt;       /* with adaptive compression */
  struct versions versions; /* but for what its fields say */
  struct seals seals;       /* so */
  int64_t committed;        /* the file is whole up to here */
  int directory;            /* how many of more_directories have been taken */
  int64_t run_most;         /* bytes in a run: fewer where the budget had no room for more */
  bool ended;               /* ... and its end marker is written */
};

/* In a forked child every handle is dead. */
static inline bool spool_forked(const struct respool *spool) {
  return spool->forks != os_fork_count();
}
respool_status spool_refuse_forked(respool_error *error);

void spool_retain_handle(struct respool *spool);
void spool_release_handle(struct respool *spool);
void spool_release_reference(struct respool *spool);

static inline int64_t spool_charged(const struct respool *spool) {
  return spool->charged.bytes + spool->fixed;
}

/* The caller's options with defaults and the mode chosen; its strings are still the caller's. RESPOOL_INVALID. */
respool_status spool_read_options(const respool_options *given, respool_options *options, respool_error *error);

/* How what those options lead to the file is sealed. */
struct sealing spool_sealing(const respool_options *options);

/* Make the strings ours, paths absolute; what is there on failure is freed with the spool. */
respool_status spool_copy_strings(respool_options *options, respool_error *error);
void spool_free_directories(respool_options *options);

/* Change the state and tell everybody who waits. Not locked. */
void spool_end(struct respool *spool, int32_t state, const respool_error *failure);

/* The writer's handle, made with its spool. */
respool_status writer_open(struct respool *spool, struct respool_writer **writer, respool_error *error);

/* The invariants that hold whenever the lock is free, asserted in debug builds. The lock is held. */
void spool_assert(const struct respool *spool);

#endif
