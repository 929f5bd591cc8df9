/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's readers, and the arrays that were handed out. */
#include "machine.h"

static machine_reader *choose(machine *m) {
  return &m->readers[fuzz_below(m->input, MACHINE_READERS)];
}

void machine_reader_open(machine *m) {
  machine_reader *r = choose(m);
  if (r->reader != NULL) return;
  *r = (machine_reader){.in_order = fuzz_below(m->input, 2) == 1};
  respool_reader_options options;
  respool_reader_options_init(&options, sizeof options);
  options.errors = r->in_order ? RESPOOL_ERRORS_IN_ORDER : RESPOOL_ERRORS_FIRST;
  respool_error error = {0};
  FUZZ_OK(respool_reader_open(m->spool, &options, &r->reader, &error), &error);
}

/* What next answers at this place. */
static respool_status expected_answer(const machine *m, const machine_reader *r) {
  if (r->cancelled) return RESPOOL_CANCELLED;
  if (m->failure != RESPOOL_OK && m->failure != RESPOOL_ABANDONED && !r->in_order) return m->failure;
  if (r->position < m->count) return RESPOOL_OK;
  if (m->failure != RESPOOL_OK) return m->failure;
  return m->ended ? RESPOOL_END : RESPOOL_TIMED_OUT;
}

/* The model's answer is checked; on RESPOOL_OK the batch is, too, and is the caller's. */
static respool_status take_next(machine *m, machine_reader *r, struct ArrowArray *array) {
  respool_error error = {0};
  respool_status expected = expected_answer(m, r);
  respool_status status = respool_reader_next(r->reader, array, 0, &error);
  FUZZ_CHECK(status == expected, "next answered %d, not %d: %s", (int)status, (int)expected, error.message);
  if (status >= RESPOOL_INVALID) fuzz_check_error(status, &error);
  if (status == RESPOOL_OK) machine_check_batch(m, r->position++, array);
  FUZZ_CHECK(respool_reader_position(r->reader) == r->position, "another position");
  return status;
}

/* Hand the array to a free place, else release it. */
static void keep_or_release(machine *m, struct ArrowArray *array, int64_t batch) {
  machine_kept *kept = &m->kept[fuzz_below(m->input, MACHINE_KEPT)];
  if (kept->array.release == NULL)
    *kept = (machine_kept){*array, batch};
  else
    array->release(array);
}

void machine_reader_next(machine *m) {
  machine_reader *r = choose(m);
  struct ArrowArray array;
  if (r->reader == NULL) return;
  if (take_next(m, r, &array) == RESPOOL_OK) keep_or_release(m, &array, r->position - 1);
}

void machine_reader_drain(machine *m, machine_reader *r) {
  struct ArrowArray array;
  while (take_next(m, r, &array) == RESPOOL_OK) array.release(&array);
}

static void called(void *user_data) {
  machine_reader *r = user_data;
  FUZZ_CHECK(r->armed, "the callback of a reader that was not armed");
  r->armed = false;
}

void machine_notify(machine *m) {
  for (int i = 0; i < MACHINE_READERS; i++) {
    const machine_reader *r = &m->readers[i];
    if (r->reader == NULL || !r->armed) continue;
    FUZZ_CHECK(expected_answer(m, r) == RESPOOL_TIMED_OUT, "an armed reader was not told");
  }
}

void machine_reader_arm(machine *m) {
  machine_reader *r = choose(m);
  if (r->reader == NULL) return;
  bool disarm = fuzz_below(m->input, 4) == 0;
  bool pending = expected_answer(m, r) == RESPOOL_TIMED_OUT;
  respool_error error = {0};
  respool_status status = respool_reader_on_ready(r->reader, disarm ? NULL : called, r, &error);
  FUZZ_CHECK(status == (pending || disarm ? RESPOOL_OK : RESPOOL_READY), "on_ready answered %d", (int)status);
  r->armed = pending && !disarm;
}

void machine_reader_cancel(machine *m) {
  machine_reader *r = choose(m);
  if (r->reader == NULL) return;
  r->cancelled = true;
  respool_reader_cancel(r->reader);
  FUZZ_CHECK(!r->armed, "a cancelled reader was not told");
}

void machine_reader_close(machine *m) {
  machine_reader *r = choose(m);
  respool_reader_close(r->reader);
  *r = (machine_reader){0};
}

void machine_kept_release(machine *m) {
  machine_kept *kept = &m->kept[fuzz_below(m->input, MACHINE_KEPT)];
  if (kept->array.release == NULL) return;
  machine_check_batch(m, kept->batch, &kept->array);
  kept->array.release(&kept->array);
}

/* What was read goes in again: it shares its memory with a batch that the spool still holds, or lies in the file. */
void machine_kept_append(machine *m) {
  machine_kept *kept = &m->kept[fuzz_below(m->input, MACHINE_KEPT)];
  if (kept->array.release == NULL || m->count == MACHINE_BATCHES) return;
  batch_seed seed = m->batches[kept->batch];
  machine_append(m, &seed, &kept->array);
}
