/* SPDX-License-Identifier: Apache-2.0 */
/* Many small batches of one int64 column, made outside of the time that counts. */
#ifndef RESPOOL_BENCH_ROUNDS_H
#define RESPOOL_BENCH_ROUNDS_H

#include "list.h"
#include "meter.h"
#include "spools.h"

enum { SMALL_ROWS = 16, SMALL_BYTES = SMALL_ROWS * 8 };

/* Append `batches` of SMALL_ROWS rows, batch i having i in each. The meter, which is open, runs while they are
 * appended. */
void rounds_to_list(list *l, int64_t batches, meter *m);
void rounds_to_spool(spool_pair *pair, int64_t batches, meter *m);

/* A spool's life: append so many, finish, replay them, close it. The bytes that went to its file are added to
 * `*stored`, which may be NULL. */
passes rounds_pass(const respool_options *options, int64_t batches, int64_t *stored);

/* What the values of so many add up to. */
uint64_t rounds_sum(int64_t batches);

#endif
