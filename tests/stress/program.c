/* SPDX-License-Identifier: Apache-2.0 */
/* A program from its beginning to its end, in one thread or in many. */
#include "program.h"

#include "fault.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REFUSALS_MOST = 50 };

/* ---- The beginning --------------------------------------------------------------------------------- */

/* With faults it may take several attempts; one that fails leaves nothing that was not there. */
static void create_spool(program *p, kit_random *random) {
  while (p->spool == NULL) {
    respool_status status = respool_create(&p->schema, &p->options, &p->spool, &p->writer, kit_error());
    if (status == RESPOOL_OK) continue;
    if (!trouble_explains(p, status, kit_last_error())) kit_die("a program cannot make its spool");
    CHECK(p->spool == NULL && p->writer == NULL);
    if (p->options.path != NULL && !p->options.reopen) CHECK(!kit_exists(p->options.path));
    if (!p->threaded) trouble_stop();
    if (p->threaded) kit_pause(kit_random_below(random, 1000));
  }
}

/* What the reference knows of the stream: the batches that are in the file already. */
static void begin_stream(program *p, int64_t accepted) {
  p->producer = (producer_state){.left = 0};
  p->finish_failures = p->refusals = 0;
  p->largest = p->rows = 0;
  for (int64_t i = 0; i < accepted; i++) p->rows += p->recipes[i].rows;
  atomic_store(&p->phase, PHASE_OPEN);
  atomic_store(&p->ended, false);
  atomic_store(&p->accepted, accepted);
  atomic_store(&p->offered, accepted);
}

/* Options were drawn. `accepted`: how many batches a file that is gone on with must have; less than 0: so many at most,
 * counted from -1. */
static void open_spool(program *p, kit_random *random, int64_t accepted) {
  atomic_store(&p->limit,
               p->options.memory_limit > p->options.memory_cap ? p->options.memory_limit : p->options.memory_cap);
  atomic_store(&p->unspilled, false);
  atomic_store(&p->dropping, false);
  atomic_store(&p->dropped, false);
  atomic_store(&p->writer_closed, false);
  create_spool(p, random);
  int64_t found = kit_stats(p->spool).batches;
  if (accepted >= 0)
    CHECK_EQ(found, accepted);
  else
    CHECK_LE(found, -1 - accepted);
  begin_stream(p, found);
  p->handles = 1;
  atomic_store(&p->watched, true);
}

static void reserve(program *p, int64_t capacity) {
  p->recipes = realloc(p->recipes, (size_t)capacity * sizeof *p->recipes);
  if (p->recipes == NULL) kit_die("no memory");
  p->capacity = capacity;
}

static program *open_program(const program_plan *plan, uint64_t seed, program_counts *counts, bool threaded,
                             kit_random *random) {
  program *p = calloc(1, sizeof *p);
  if (p == NULL) kit_die("no memory");
  kit_random_init(random, seed);
  p->plan = *plan;
  p->counts = counts;
  p->seed = seed;
  p->threaded = threaded;
  reserve(p, plan->batches + 1);
  pthread_mutex_init(&p->kept_lock, NULL);
  for (int i = 0; i < CURSORS_MOST; i++) cursor_init(p, &p->cursors[i]);
  options_draw(p, random);
  open_spool(p, random, 0);
  return p;
}

/* ---- The end --------------------------------------------------------------------------------------- */

/* One more reader, in order, gets everything (invariant 2). */
static void replay(program *p, cursor *c, kit_random *random) {
  if (c->reader != NULL) cursor_close(c);
  atomic_store(&c->shielded, true);
  while (p->spool != NULL && c->reader == NULL && !atomic_load(&p->dropping)) cursor_open(p, c, random);
  cursor_drain(p, c, random);
  if (c->reader != NULL && (c->in_order || atomic_load(&p->phase) != PHASE_FAILING))
    CHECK_EQ(c->position, atomic_load(&p->accepted));
  if (c->reader != NULL) cursor_close(c);
  atomic_store(&c->shielded, false);
}

/* The file that is left of a named spool (invariant 11). */
static void compare_file(program *p) {
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  bool finished = atomic_load(&p->phase) == PHASE_FINISHING;
  options.allow_missing_end = !finished;
  options.close_descriptor = 1;
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  int fd = open(p->path, O_RDONLY | O_CLOEXEC);
  if (!CHECK(fd >= 0) || !CHECK_OK(respool_ipc_read_fd(fd, &options, &stream, kit_error()))) return;
  int64_t index = 0;
  int code;
  while ((code = stream.get_next(&stream, &array)) == 0 && array.release != NULL) {
    if (CHECK_LE(index + 1, atomic_load(&p->accepted))) batch_check(p, index++, &array);
    array.release(&array);
  }
  CHECK_EQ(code, 0);
  CHECK_EQ(index, atomic_load(&p->accepted));
  stream.release(&stream);
}

static void check_file(program *p) {
  fault_pause();
  compare_file(p);
  fault_resume();
}

/* A file holds everything unless writing failed and nobody was told, or was told and did not try again. */
static bool file_is_whole(program *p) {
  if (p->options.path == NULL) return false;
  return !options_may_refuse(p) || (atomic_load(&p->phase) == PHASE_FINISHING && !atomic_load(&p->unspilled));
}

static void release_handles(program *p) {
  atomic_store(&p->watched, false);
  respool *spool = p->spool;
  p->spool = NULL;
  while (p->handles-- > 0) respool_release(spool);
}

static void close_cursors(program *p) {
  for (int i = 0; i < CURSORS_MOST; i++) cursor_close(&p->cursors[i]);
}

/* In any order. */
static void close_handles(program *p, kit_random *random) {
  int64_t order = kit_random_below(random, 3);
  if (order == 0) release_handles(p);
  if (order == 1) close_cursors(p);
  producer_close(p);
  if (order != 0) release_handles(p);
  if (order != 1) close_cursors(p);
}

static void free_program(program *p) {
  respool_pool_release(p->pool);
  for (int i = 0; i < CURSORS_MOST; i++) {
    pthread_mutex_destroy(&p->cursors[i].use);
    pthread_mutex_destroy(&p->cursors[i].lock);
    pthread_cond_destroy(&p->cursors[i].called);
  }
  pthread_mutex_destroy(&p->kept_lock);
  atomic_fetch_add(&p->counts->programs, 1);
  p->schema.release(&p->schema);
  free(p->recipes);
  free(p);
}

/* Everything is closed. Answers with what the file has: see open_spool(). */
static int64_t close_spool(program *p, kit_random *random) {
  disturb_check_stats(p);
  replay(p, &p->cursors[0], random);
  for (int i = 0; i < CURSORS_MOST; i++)
    if (kit_random_chance(random, 0.5)) cursor_drain(p, &p->cursors[i], random);
  if (p->spool != NULL) atomic_fetch_add(&p->counts->written, kit_stats(p->spool).bytes_written);
  bool whole = file_is_whole(p);
  close_handles(p, random);
  kept_drop_all(p);
  int64_t accepted = atomic_load(&p->accepted);
  if (p->options.path == NULL || !kit_exists(p->path)) return 0;
  if (whole && (accepted > 0 || atomic_load(&p->phase) == PHASE_FINISHING)) check_file(p);
  return whole ? accepted : -1 - accepted;
}

/* A named file is gone on with, some of the times. */
static bool reopen(program *p, kit_random *random, int64_t left) {
  if (p->options.path == NULL || p->plan.until != NULL || !kit_random_chance(random, 0.5)) return false;
  if (kit_failures() > 0) return false;
  options_draw_again(p, random);
  reserve(p, atomic_load(&p->accepted) + p->plan.batches + 1);
  open_spool(p, random, left);
  atomic_fetch_add(&p->counts->reopened, 1);
  return true;
}

static void close_program(program *p) {
  if (p->options.path != NULL) unlink(p->path);
  free_program(p);
}

/* ---- One thread ------------------------------------------------------------------------------------ */

static bool is_full(program *p) {
  return atomic_load(&p->offered) + 1 >= p->capacity;
}

static void trouble_step(program *p, kit_random *random) {
  if (!p->plan.faults) return;
  if (kit_random_chance(random, 0.4))
    trouble_start(random);
  else
    trouble_stop();
}

static void any_step(program *p, kit_random *random) {
  int64_t dice = kit_random_below(random, 100);
  if (dice < 40) {
    if (atomic_load(&p->ended)) return;
    if (is_full(p) || kit_random_below(random, 2 * p->capacity) == 0)
      producer_end(p, random);
    else
      producer_step(p, random);
  } else if (dice < 85) {
    cursor_step(p, &p->cursors[kit_random_below(random, p->plan.readers * CURSORS_EACH)], random, false);
  } else if (dice < 93) {
    disturb_step(p, random);
  } else if (dice < 97) {
    kept_drop(p, random);
  } else {
    trouble_step(p, random);
  }
}

/* Each step draws from a sequence of its own, so that it is the same whatever those before it were answered. */
static void run_alone(program *p, kit_random *random) {
  uint64_t step = kit_random_next(random);
  for (int64_t after = 0; after < 20 && kit_failures() == 0; after += atomic_load(&p->ended)) {
    kit_random own;
    kit_random_init(&own, kit_mix(step++));
    any_step(p, &own);
    disturb_check_stats(p);
    for (int i = 0; i < CURSORS_MOST; i++) cursor_check_told(p, &p->cursors[i]);
  }
  trouble_stop();
  do {
    producer_end(p, random);
  } while (!atomic_load(&p->ended));
}

void program_run_alone(const program_plan *plan, uint64_t seed, program_counts *counts) {
  kit_random random;
  program *p = open_program(plan, seed, counts, false, &random);
  do {
    run_alone(p, &random);
  } while (reopen(p, &random, close_spool(p, &random)));
  close_program(p);
}

/* ---- Many threads ---------------------------------------------------------------------------------- */

typedef struct worker {
  program *p;
  int number;
} worker;

static void random_of(const worker *w, kit_random *random) {
  kit_random_init(random, kit_mix(w->p->seed + 1 + (uint64_t)w->number));
}

static bool is_time_to_end(program *p) {
  if (p->plan.until != NULL) return atomic_load(p->plan.until);
  return is_full(p) || p->refusals > REFUSALS_MOST;
}

/* Mostly ahead of the readers, or so slow that they wait for it. Where it has time the batches are spread over that. */
static void pace(const program *p, kit_random *random, int64_t slowness) {
  static const int64_t most[] = {1, 1, 300, 2000};
  if (p->producer.waiting.release != NULL)
    kit_pause(1000 + kit_random_below(random, 5000));
  else if (p->plan.until != NULL)
    kit_pause(kit_random_below(random, 10000));
  else if (slowness > 1 || kit_random_chance(random, 0.05))
    kit_pause(kit_random_below(random, most[slowness]));
}

static void *produce(void *argument) {
  const worker *w = argument;
  program *p = w->p;
  kit_random random;
  random_of(w, &random);
  int64_t slowness = kit_random_below(&random, 4);
  while (!atomic_load(&p->ended)) {
    if (is_time_to_end(p))
      producer_end(p, &random);
    else if (!is_full(p))
      producer_step(p, &random);
    pace(p, &random, slowness);
  }
  producer_end(p, &random);
  return NULL;
}

static void *follow(void *argument) {
  const worker *w = argument;
  program *p = w->p;
  cursor *own = &p->cursors[w->number * CURSORS_EACH];
  kit_random random;
  random_of(w, &random);
  while (!atomic_load(&p->ended)) {
    cursor_step(p, &own[kit_random_below(&random, CURSORS_EACH)], &random, true);
    if (kit_random_chance(&random, 0.05)) kept_drop(p, &random);
    if (kit_random_chance(&random, p->plan.faults ? 0.2 : 0.02)) kit_pause(kit_random_below(&random, 1000));
  }
  for (int i = 0; i < CURSORS_EACH; i++)
    if (kit_random_chance(&random, 0.5)) cursor_drain(p, &own[i], &random);
  replay(p, own, &random);
  return NULL;
}

typedef struct disturber {
  worker worker;
  atomic_bool stop;
} disturber;

static void *disturb(void *argument) {
  disturber *d = argument;
  kit_random random;
  random_of(&d->worker, &random);
  while (!atomic_load(&d->stop)) {
    disturb_step(d->worker.p, &random);
    kit_pause(kit_random_below(&random, 2000));
  }
  return NULL;
}

static void run_threads(program *p) {
  pthread_t readers[READERS_MOST];
  worker workers[READERS_MOST + 1];
  disturber pressing = {.worker = {p, READERS_MOST + 1}};
  for (int i = 0; i < p->plan.readers; i++) {
    workers[i] = (worker){p, i};
    readers[i] = kit_thread_start(follow, &workers[i]);
  }
  workers[READERS_MOST] = (worker){p, READERS_MOST};
  pthread_t producer = kit_thread_start(produce, &workers[READERS_MOST]);
  pthread_t other = kit_thread_start(disturb, &pressing);
  kit_thread_join(producer);
  for (int i = 0; i < p->plan.readers; i++) kit_thread_join(readers[i]);
  atomic_store(&pressing.stop, true);
  kit_thread_join(other);
}

void program_run_threads(const program_plan *plan, uint64_t seed, program_counts *counts) {
  kit_random random;
  program *p = open_program(plan, seed, counts, true, &random);
  do {
    run_threads(p);
    p->seed = kit_random_next(&random);
  } while (reopen(p, &random, close_spool(p, &random)));
  close_program(p);
}
