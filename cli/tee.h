/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of `respool tee`. The main thread pulls the input into the spool; each output has a thread that opens it
 * and writes its own replay there; where the terminal shows progress, one more thread draws it.
 */
#ifndef RESPOOL_CLI_TEE_H
#define RESPOOL_CLI_TEE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "identity.h"
#include "input.h"
#include "respool/respool.h"

struct tee_options {
  int64_t memory_limit;
  int32_t mode;
  const char **directories; /* the first one and those to go on in; NULL ends them */
  int directory_count;
  int64_t disk_budget;
  int64_t patience; /* seconds without movement while the disk is full */
  const char *path;
  const char *input;
  const char **outputs;
  int output_count;
  struct input_options reading;
  respool_ipc_write_options writing;  /* of the outputs */
  respool_ipc_write_options spooling; /* of the spool's file */
  bool spooling_given;
  bool checksums;
  bool encryption;
  bool stats;
  bool quiet;
  bool no_progress;
};

/*
 * Fill `options`; `outputs` and `directories` must have room for `argc` names, the latter all NULL. Answers an exit
 * code, or -1 to go on.
 */
int tee_parse(struct tee_options *options, int argc, char **argv);

/* The input, which can be given up while it waits for bytes. Used by one thread, but for tee_source_stop(). */
struct tee_source {
  const struct input *input;
  int wake[2]; /* a pipe: a byte in it ends the waiting */
  atomic_bool stopped;
  struct ArrowArrayStream inner;
  void (*on_batch)(void *user_data); /* before each pull; may be NULL */
  void *user_data;
};

/* Reads the schema. Answers an exit code; what is wrong was reported. */
int tee_source_open(struct tee_source *source, const struct input *input, const struct input_options *reading);
void tee_source_close(struct tee_source *source);

/* From now on the input has ended. From any thread. */
void tee_source_stop(struct tee_source *source);

/* The source as a stream, which borrows it. */
struct ArrowArrayStream tee_source_stream(struct tee_source *source);

enum tee_state {
  TEE_OPENING,      /* not open yet: a FIFO may wait for its reader */
  TEE_WRITING,      /* ... */
  TEE_DONE,         /* has everything */
  TEE_CLOSED_EARLY, /* its consumer wanted no more */
  TEE_INCOMPLETE,   /* has what there was when the input or the spool failed */
  TEE_FAILED        /* could not be opened or written */
};

struct tee;

struct tee_output {
  struct tee *tee;
  const char *name;         /* for messages */
  const char *path;         /* NULL: standard output */
  struct identity identity; /* guarded by tee->lock once threads run */
  pthread_t thread;
  bool started;
  int fd;                         /* used by the output's thread only */
  struct ArrowArrayStream replay; /* from before the first batch; released when the output wants no more */
  respool_reader *reader;         /* of the replay, for its position. Guarded by tee->lock; NULL once it is over */
  atomic_int state;               /* enum tee_state */
  atomic_llong bytes;
  int64_t batches; /* set when the thread ends ... */
  int64_t rows;
};

struct tee {
  struct tee_options options;
  struct input input;
  struct identity input_identity;
  struct tee_source source;
  respool *spool;
  respool_writer *writer;
  pthread_mutex_t lock;
  struct tee_output *outputs;
  int output_count;
  int outputs_left; /* guarded by lock: those that still want batches */
  struct timespec began;
  atomic_flag memory_warned;
};

/* Name the outputs and refuse those that are unfit, before anything is opened or cut. Answers an exit code. */
int tee_outputs_check(struct tee *tee);

/* A replay for each, so that the spool may forget what all of them have had. Answers an exit code. */
int tee_outputs_prepare(struct tee *tee);

/* What grows as long as outputs take something or end. */
int64_t tee_outputs_movement(const struct tee *tee);

/* Start the outputs' threads. One that cannot start counts as failed. */
void tee_outputs_start(struct tee *tee);

/* Wait for all of them. Answers TOOL_FAILED if one has failed. */
int tee_outputs_join(struct tee *tee);

/* Let readers that wait for a FIFO's first writer go, when there will be nothing for them. */
void tee_outputs_release_fifos(const struct tee *tee);

/* A snapshot; false if there is none. */
bool tee_stats(const struct tee *tee, respool_stats *stats);

double tee_elapsed(const struct tee *tee);

const char *tee_state_words(int state);

/* The JSON object of --stats, one line on standard error. */
void tee_stats_print(const struct tee *tee);

/* Draw progress until tee_progress_stop(). NULL: none is wanted, or there is no terminal or no memory. */
struct tee_progress;
struct tee_progress *tee_progress_start(struct tee *tee);
void tee_progress_stop(struct tee_progress *progress);

#endif
