/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random program: one producer and many readers of a spool, and whoever else has a handle on it, taking random steps
 * under random options. Beside it stands a naive reference: a list of what was accepted, and how the stream ended.
 * Every answer is compared with what the reference allows, and every batch with the list, value by value.
 *
 * With one thread the seed determines every step and their order, and each answer is known beforehand, except which of
 * them a fault strikes: that depends a little on where memory lies (setarch -R) and, with adaptive compression and
 * memory_cap, on time. With many threads an answer must be one that was right at some moment between before and after
 * the call.
 *
 * The reference: `recipes` [0, offered) may have been accepted, [0, accepted) certainly were. The producer alone
 * changes these and `phase`, which says before a call how the stream may end in it; `ended` says after it that it has.
 */
#ifndef RESPOOL_TESTS_STRESS_PROGRAM_H
#define RESPOOL_TESTS_STRESS_PROGRAM_H

#include "spool.h"
#include "system.h"

#include <stdatomic.h>

enum { READERS_MOST = 16, CURSORS_EACH = 2, CURSORS_MOST = READERS_MOST * CURSORS_EACH, KEPT = 64 };

/* What a program is given; the rest it draws by itself. */
typedef struct program_plan {
  const char *directory; /* for files; nothing is left in it */
  respool_pool *pool;    /* that the spool may use, or NULL: one of its own */
  int64_t batches;       /* at most */
  int readers;           /* threads that read, each with CURSORS_EACH cursors */
  int64_t rows;          /* of a batch at most */
  bool faults;           /* calls may fail. One thread: the program itself sees to that. Many: somebody else does */

  /* Many threads: the producer takes its time until this is true, and so do the readers; or NULL. */
  const atomic_bool *until;
} program_plan;

/* What a batch is made of: a window of the rows of a random array. */
typedef struct batch_recipe {
  kit_array_options options; /* of the array, unsliced */
  int64_t first, rows;       /* the window */
} batch_recipe;

/* How the stream is ending, or has ended. */
enum phase { PHASE_OPEN, PHASE_FINISHING, PHASE_FAILING, PHASE_ABANDONING };

/* One random array that many batches show slices of. Counted. */
typedef struct shared_array shared_array;

typedef struct producer_state {
  struct ArrowArray waiting;      /* refused and not given up; its recipe is the last that was offered */
  struct ArrowArrayStream stream; /* that was not pulled to its end yet */
  kit_random random;              /* what the stream yields */
  int64_t left;                   /* batches it still has */
  int code;                       /* errno value that it ends with */
  shared_array *shared;
  batch_recipe shared_recipe;
  respool_reader *feedback; /* what it reads is appended again */
  int64_t appended;         /* bytes_appended when it was looked at last */
} producer_state;

typedef struct program program;

typedef struct cursor {
  program *owner;
  pthread_mutex_t use;    /* guards `reader` against being closed while others use it */
  respool_reader *reader; /* NULL: closed. Only its own thread changes it */
  pthread_mutex_t lock;   /* guards `armed` */
  pthread_cond_t called;
  struct ArrowArrayStream stream;
  bool exported;
  bool in_order;
  atomic_bool shielded; /* nobody cancels it */
  bool armed;           /* a call of the callback is due when there is something to see */
  atomic_bool cancelling, cancelled;
  respool_status end; /* what it ended with: so it ends for ever */
  int64_t position;
} cursor;

/* An array that was handed out. */
typedef struct kept {
  struct ArrowArray array; /* released: the place is free */
  int64_t index;
} kept;

typedef struct program_counts {
  atomic_llong batches, rows; /* accepted */
  atomic_llong delivered;     /* batches that came out of readers and were compared */
  atomic_llong replays;       /* that came to an end */
  atomic_llong refused;       /* calls of the producer, or of others on the spool, that failed */
  atomic_llong unread;        /* calls of next that failed */
  atomic_llong programs;
  atomic_llong reopened; /* spools that went on with the file of one before */
  atomic_llong written;  /* bytes given to the system for files */
} program_counts;

struct program {
  program_plan plan;
  program_counts *counts;
  uint64_t seed;
  bool threaded;
  respool_options options;
  char path[KIT_PATH];
  const char *more_directories[2];
  bool drops_behind; /* some day nobody may open readers any more */
  struct ArrowSchema schema;
  respool_pool *pool;
  respool *spool;
  int handles; /* on the spool; changed while one thread runs only */
  respool_writer *writer;
  atomic_bool writer_closed;
  atomic_bool watched; /* there is a handle on the spool for callbacks to look through */

  batch_recipe *recipes;
  int64_t capacity;
  atomic_llong offered, accepted;
  atomic_int phase;
  atomic_bool ended;
  respool_error failure; /* set before `phase` says that it fails */

  producer_state producer; /* from here the producer's thread alone */
  int64_t rows;            /* of what was accepted */
  int64_t largest;         /* what one batch added to what is charged */
  int finish_failures;
  int refusals; /* in a row */

  atomic_llong limit;            /* the highest that may hold; with one thread and without faults the one that does */
  atomic_bool dropping, dropped; /* respool_drop_behind() was called; has returned */
  atomic_bool unspilled;         /* a call to spill failed when the stream was ending or had ended */
  atomic_llong releases;         /* of the producer's arrays, so far */
  cursor cursors[CURSORS_MOST];
  pthread_mutex_t kept_lock;
  kept kept[KEPT];
};

/* Run one program to its end, everything closed. `counts` is added to. */
void program_run_alone(const program_plan *plan, uint64_t seed, program_counts *counts);
void program_run_threads(const program_plan *plan, uint64_t seed, program_counts *counts);

/* ---- Parts of a program ---------------------------------------------------------------------------- */

/* options.c: everything that is drawn once for a program. Creates the pool if it takes one of its own. */
void options_draw(program *p, kit_random *random);
/* For one more spool that goes on with the named file. */
void options_draw_again(program *p, kit_random *random);
/* Whether calls that write may be refused. */
bool options_may_refuse(const program *p);

/* batches.c: what goes in and what it is compared with. */
void batch_draw(program *p, kit_random *random, batch_recipe *recipe, struct ArrowArray *array);
bool batch_check(program *p, int64_t index, const struct ArrowArray *array);
void batch_forget_shared(program *p);

/* kept.c: arrays that were handed out and are released later, in any order, by any thread. */
void kept_take(program *p, kit_random *random, int64_t index, struct ArrowArray *array);
void kept_drop(program *p, kit_random *random);
void kept_drop_all(program *p);

/* producer.c. A step; the last one ends the stream. */
void producer_step(program *p, kit_random *random);
void producer_end(program *p, kit_random *random);
void producer_close(program *p);

/* A batch with this recipe is about to be given to the spool. */
void producer_offer(program *p, const batch_recipe *recipe);
void producer_watch_release(program *p, struct ArrowArray *array);
/* What a call on the writer that answered so has done. True: all that was offered is accepted. */
bool producer_settle(program *p, respool_status status, const respool_error *error, const char *call);
/* Calls on the writer are made between these. */
respool_writer *producer_enter(program *p);
void producer_leave(void);

/* source.c: the stream that a producer appends, batches that come back from the spool, and what one batch adds. */
void source_measure(program *p);
void source_open(program *p, kit_random *random);
bool source_feed_back(program *p, kit_random *random, batch_recipe *recipe, struct ArrowArray *array);

/* cursor.c: a step may wait for the producer only if `patient`. */
void cursor_init(program *p, cursor *c);
void cursor_step(program *p, cursor *c, kit_random *random, bool patient);
bool cursor_open(program *p, cursor *c, kit_random *random);
void cursor_drain(program *p, cursor *c, kit_random *random);
void cursor_cancel(cursor *c);
void cursor_close(cursor *c);
void cursor_check_told(program *p, cursor *c);

/* disturb.c: a step of somebody who has a handle on the spool. */
void disturb_step(program *p, kit_random *random);
/* What the spool tells of itself fits; with one thread it is known exactly. */
void disturb_check_stats(program *p);

/* trouble.c: faults, drawn at random. */
void trouble_start(kit_random *random);
void trouble_stop(void);
int64_t trouble_hits(void);
/* A thread that switches faults on and off until `*stop`; the argument is a trouble_thread. */
typedef struct trouble_thread {
  uint64_t seed;
  atomic_bool stop;
} trouble_thread;
void *trouble_run(void *thread);
/* A call failed so. True: that is what the fault in force makes of it, or one before. */
bool trouble_explains(const program *p, respool_status status, const respool_error *error);
int trouble_kinds(void);
const char *trouble_kind(int kind, int64_t *hits);

#endif
