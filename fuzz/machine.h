/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spool beside a model of it. Each step does something to the spool that the input chose, and compares the answer
 * with what the model expects. Nothing here waits, and nothing here runs on a second thread.
 */
#ifndef RESPOOL_FUZZ_MACHINE_H
#define RESPOOL_FUZZ_MACHINE_H

#include "fuzz.h"

enum { MACHINE_BATCHES = 32, MACHINE_READERS = 4, MACHINE_KEPT = 4, MACHINE_PATH = 256 };

/* What the values of a batch depend on. */
typedef struct batch_seed {
  uint64_t seed;
  int64_t length;
  double null_rate;
  int64_t list_max;
  uint64_t dictionary_seed; /* of batches with the same rates dictionaries stay, grow or change */
  int64_t number;
} batch_seed;

typedef struct machine_reader {
  respool_reader *reader; /* NULL: the place is free */
  int64_t position;
  bool in_order;
  bool cancelled;
  bool armed; /* a call of the callback is due when there is something to see */
} machine_reader;

/* An array that a reader handed out. */
typedef struct machine_kept {
  struct ArrowArray array; /* released: the place is free */
  int64_t batch;
} machine_kept;

typedef struct machine {
  fuzz_input *input;
  struct ArrowSchema schema;
  respool *spool;
  respool_writer *writer;
  char path[MACHINE_PATH]; /* "": the file is anonymous */
  int32_t mode;
  int64_t limit;
  int64_t chunk;
  int64_t largest;        /* of the batches: what one newly reached */
  bool defers;            /* appended arrays are to be released inside calls on the writer only */
  bool in_writer;         /* inside such a call */
  respool_status failure; /* what the producer failed with, 0: nothing */
  bool ended;
  int64_t count;
  int64_t rows;
  batch_seed batches[MACHINE_BATCHES];
  machine_reader readers[MACHINE_READERS];
  machine_kept kept[MACHINE_KEPT];
} machine;

/* Make schema and spool as the input says. */
void machine_open(machine *m, fuzz_input *input);

/* One step of the input's choice. */
void machine_step(machine *m);

/* Finish, fail or abandon, replay in every way, and close everything in an order of the input's choice. */
void machine_end(machine *m);

/* For the parts of the machine: */

/* Batch `index` as it is expected. */
void machine_expected(const machine *m, int64_t index, struct ArrowArray *array);

/* Append an array that holds batch `seed`; it must be accepted. */
void machine_append(machine *m, const batch_seed *seed, struct ArrowArray *array);

/* `array` is batch `index`. */
void machine_check_batch(const machine *m, int64_t index, const struct ArrowArray *array);

/* Compare the numbers that the spool tells with the model. */
void machine_check_stats(machine *m);

/* The named file holds every batch: as a readable prefix, or when `whole` as a whole stream, which is compared. */
void machine_check_file(machine *m, bool whole);

/* Steps that only concern readers, and what they hand out. */
void machine_reader_open(machine *m);
void machine_reader_next(machine *m);
void machine_reader_arm(machine *m);
void machine_reader_cancel(machine *m);
void machine_reader_close(machine *m);
void machine_kept_release(machine *m);
void machine_kept_append(machine *m);

/* Something has happened that armed readers are to be told of. */
void machine_notify(machine *m);

/* Take reader `r` to its end, comparing. */
void machine_reader_drain(machine *m, machine_reader *r);

#endif
