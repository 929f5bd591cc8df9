/* SPDX-License-Identifier: Apache-2.0 */
/* The batches that go through the scenarios: repeatable, of very different sizes, some of them without rows. */
#ifndef RESPOOL_TESTS_FAULT_BATCHES_H
#define RESPOOL_TESTS_FAULT_BATCHES_H

#include <respool/respool.h>
#include <stdbool.h>
#include <stdint.h>

#define BATCH_FIELDS "{id:int64!,text:utf8,items:list<item:int16>}"

/* Dictionaries that stay, grow, change and come back from batch to batch, one of them inside another. */
#define BATCH_DICTIONARIES "{a:dictionary(i)<:utf8>,o:dictionary(c)<:list<i:dictionary(S)<:utf8_view>>>,n:int32}"

/* Which of the two fields the following are of; the first ones unless said otherwise. */
void batch_use(bool dictionaries);

/* Batch `index`, new; the memory is sliced in odd ways. */
void batch_make(int64_t index, struct ArrowArray *array);

/* Before several threads call batch_check(): make what the first `count` batches are compared with. */
void batch_prepare(int64_t count);

/* `array`, which stays, has the values of batch `index`. Failed checks are the running test's. */
bool batch_check(int64_t index, const struct ArrowArray *array);

/*
 * What `stream`, which is released, yields: how many batches of the row from the first on; -1 after a check that
 * failed.
 */
int64_t batch_count_stream(struct ArrowArrayStream *stream);

/* The same for an IPC file, -1 also where it cannot be read. `whole`: it must have its end marker. */
int64_t batch_count_file(const char *path, bool whole);

/* The most that one of the first 40 is charged. */
int64_t batch_largest_charge(void);

/* The schema, kept for the program's life like all that was made for comparing. */
const struct ArrowSchema *batch_schema(void);

/* What of the kit's is alive beside that. */
int64_t batch_live_arrays(void);
int64_t batch_live_schemas(void);

#endif
