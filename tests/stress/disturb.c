/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of those who have a handle on a program's spool: they press it for memory, look at it, and cancel readers. */
#include "program.h"

/* ---- Looking --------------------------------------------------------------------------------------- */

static int64_t open_readers(const program *p) {
  int64_t count = p->producer.feedback != NULL;
  for (int i = 0; i < CURSORS_MOST; i++) count += p->cursors[i].reader != NULL;
  return count;
}

/* With one thread nothing can have happened since. */
static void check_exactly(const program *p, const respool_stats *stats) {
  CHECK_EQ(stats->batches, atomic_load(&p->accepted));
  CHECK_EQ(stats->rows, p->rows);
  CHECK_EQ(stats->readers, open_readers(p));
  static const int32_t states[] = {RESPOOL_OPEN, RESPOOL_FINISHED, RESPOOL_FAILED, RESPOOL_STATE_ABANDONED};
  int phase = atomic_load(&p->phase);
  CHECK_EQ(stats->state, atomic_load(&p->ended) ? states[phase] : RESPOOL_OPEN);
  CHECK_EQ(stats->mode, p->options.mode);
  if (options_may_refuse(p)) return;
  CHECK_EQ(stats->write_failures, 0);
  if (p->options.memory_cap == 0) CHECK_EQ(stats->memory_limit, atomic_load(&p->limit));
}

void disturb_check_stats(program *p) {
  if (p->spool == NULL) return;
  int64_t least = atomic_load(&p->accepted);
  respool_stats stats = kit_stats(p->spool);
  CHECK_LE(least, stats.batches);
  CHECK_LE(stats.batches, atomic_load(&p->offered));
  CHECK_LE(stats.batches_resident, stats.batches);
  CHECK_LE(stats.batches_stored, stats.batches);
  CHECK_LE(stats.bytes_charged, stats.bytes_charged_peak);
  CHECK_LE(0, stats.bytes_charged);
  CHECK_LE(0, stats.bytes_pinned);
  CHECK_LE(stats.readers_waiting, stats.readers);
  CHECK_LE(stats.batches_dropped, atomic_load(&p->dropping) ? stats.batches : 0);
  if (p->options.disk_budget != RESPOOL_NO_LIMIT && !p->options.reopen)
    CHECK_LE(stats.bytes_on_disk, p->options.disk_budget);
  if (!p->threaded) check_exactly(p, &stats);
}

static void check_schema(program *p) {
  struct ArrowSchema schema;
  respool_status status = respool_get_schema(p->spool, &schema, kit_error());
  if (status != RESPOOL_OK) {
    trouble_explains(p, status, kit_last_error());
    return;
  }
  char where[200] = "";
  CHECK(kit_schema_equal(&p->schema, &schema, where, sizeof where));
  schema.release(&schema);
}

static cursor *some_cursor(program *p, kit_random *random) {
  return &p->cursors[kit_random_below(random, p->plan.readers * CURSORS_EACH)];
}

static void check_position(program *p, cursor *c) {
  pthread_mutex_lock(&c->use);
  int64_t position = c->reader != NULL ? respool_reader_position(c->reader) : 0;
  pthread_mutex_unlock(&c->use);
  CHECK_LE(position, atomic_load(&p->offered));
}

/* Not once the stream has ended: that must wake every reader by itself. */
static void cancel_some(program *p, kit_random *random) {
  cursor *c = some_cursor(p, random);
  if (!p->threaded || atomic_load(&p->phase) == PHASE_OPEN) cursor_cancel(c);
}

/* ---- Pressing -------------------------------------------------------------------------------------- */

static int64_t draw_bytes(kit_random *random) {
  static const int64_t sizes[] = {0, 1, 700, 6000, 40000, 1 << 20};
  return sizes[kit_random_below(random, 6)];
}

/* With nobody left to write the rest, the file stays as far as it came. */
static void refused(program *p, respool_status status) {
  if (atomic_load(&p->phase) != PHASE_OPEN) atomic_store(&p->unspilled, true);
  atomic_fetch_add(&p->counts->refused, 1);
  trouble_explains(p, status, kit_last_error());
}

static void spill(program *p, kit_random *random) {
  int64_t target = draw_bytes(random);
  respool_status status = respool_spill(p->spool, target, kit_error());
  if (status != RESPOOL_OK)
    refused(p, status);
  else if (!p->threaded)
    CHECK_LE(kit_stats(p->spool).bytes_charged, target);
}

/* What is charged may be as much as the highest limit allowed, where it is not known that it was spilled since. */
static void set_limit(program *p, kit_random *random) {
  int64_t limit = kit_random_chance(random, 0.1) ? RESPOOL_NO_LIMIT : draw_bytes(random);
  bool known = !p->threaded && !options_may_refuse(p) && p->options.memory_cap == 0;
  long long highest = atomic_load(&p->limit);
  while (limit > highest && !atomic_compare_exchange_weak(&p->limit, &highest, limit)) {
  }
  respool_status status = respool_set_memory_limit(p->spool, limit, kit_error());
  if (status != RESPOOL_OK) refused(p, status);
  if (known) atomic_store(&p->limit, limit);
  if (known) CHECK_LE(kit_stats(p->spool).bytes_charged, limit);
}

/* ---- Handles --------------------------------------------------------------------------------------- */

static void use_handles(program *p, kit_random *random) {
  CHECK(respool_retain(p->spool) == p->spool);
  p->handles += !p->threaded;
  bool keep = !p->threaded && kit_random_chance(random, 0.5);
  if (keep) return;
  respool_release(p->spool);
  p->handles -= !p->threaded;
}

/* With one thread, and answers that tell everything: the producer and the readers go on without any handle. */
static void leave_alone(program *p, kit_random *random) {
  if (p->threaded || options_may_refuse(p) || !kit_random_chance(random, 0.1)) return;
  atomic_store(&p->watched, false);
  respool *spool = p->spool;
  p->spool = NULL;
  while (p->handles-- > 0) respool_release(spool);
}

static void drop_behind(program *p) {
  atomic_store(&p->dropping, true);
  CHECK_OK(respool_drop_behind(p->spool, kit_error()));
  atomic_store(&p->dropped, true);
}

void disturb_step(program *p, kit_random *random) {
  int64_t dice = kit_random_below(random, 100);
  if (dice < 10) {
    cancel_some(p, random);
    return;
  }
  if (p->spool == NULL) return;
  if (p->drops_behind && dice < 14) {
    drop_behind(p);
  } else if (dice < 30) {
    spill(p, random);
  } else if (dice < 55) {
    set_limit(p, random);
  } else if (dice < 75) {
    disturb_check_stats(p);
  } else if (dice < 85) {
    check_position(p, some_cursor(p, random));
  } else if (dice < 90) {
    check_schema(p);
  } else if (dice < 95) {
    use_handles(p, random);
  } else if (dice < 98) {
    if (p->options.pool != NULL) CHECK_OK(respool_pool_trim(p->options.pool, draw_bytes(random), kit_error()));
  } else {
    leave_alone(p, random);
  }
}
