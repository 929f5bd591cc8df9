/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Playing a scenario, a row of calls on a spool, with a fault in it, next to a model of what the spool must hold.
 * After each step that met the fault everything is looked at: what was accepted can be read by a new reader, what was
 * refused is still the caller's and untouched, the named file is a readable prefix, memory stays within its bound. At
 * the end the fault is over: what was refused goes in, finish succeeds, and the whole stream is exact; or the spool
 * is failed or abandoned; and nothing is left of it.
 */
#ifndef RESPOOL_TESTS_FAULT_PLAY_H
#define RESPOOL_TESTS_FAULT_PLAY_H

#include "fault.h"

enum op {
  OP_APPEND, /* n batches */
  OP_STREAM, /* n batches by append_stream */
  OP_FLUSH,
  OP_SPILL,  /* down to n bytes */
  OP_LIMIT,  /* becomes n bytes */
  OP_OPEN,   /* one more reader */
  OP_READ,   /* every reader has what there is, and keeps the last batch until its next turn */
  OP_CLOSE,  /* the first reader still open */
  OP_FINISH, /* no append may follow */
};

struct step {
  enum op op;
  int64_t n;
};

struct scenario {
  const char *name;
  int32_t mode;
  int32_t replay;
  bool named;
  bool defer_release;
  bool sync;
  int64_t limit;
  int64_t chunk;
  const struct step *steps;
  int count;
  int32_t compression; /* RESPOOL_COMPRESSION_...; none where the build does not have it */
  bool dictionaries;   /* in the batches */
  int32_t checksums;   /* 1: of an anonymous file too */
  int32_t encryption;  /* 1; not where the build does not have it */
};

/* How it ends for the spool after a fault that lasts: as the comment above says. */
enum ending { END_HEALED, END_ABANDONED, END_FAILED, ENDINGS };

/* The scenarios of this folder. */
extern const struct scenario scenarios[];
extern const int scenario_count;

/* True: the fault was reached. Failed checks are the running test's. */
bool play(const struct scenario *scenario, const struct fault *fault, int64_t at, enum ending ending);

/*
 * Play it with the fault at call 1, 2, ... until it is not reached any more (one that is to last from every second call
 * on, or third where that is slow, unless RESPOOL_TEST_FAULTS=1 asks for all); answers with how often it was.
 */
int64_t play_points(const struct scenario *scenario, const struct fault *fault, enum ending ending);

#endif
