/* SPDX-License-Identifier: Apache-2.0 */
/* Many small batches of one int64 column, made a round at a time outside of the time that counts. */
#include "rounds.h"

#include "source.h"

enum { ROUND = 1000 };

static struct ArrowArray round_of[ROUND];

static int make_round(int64_t first, int64_t batches) {
  int count = batches - first < ROUND ? (int)(batches - first) : ROUND;
  for (int i = 0; i < count; i++) source_small(first + i, SMALL_ROWS, &round_of[i]);
  return count;
}

void rounds_to_list(list *l, int64_t batches, meter *m) {
  for (int64_t at = 0; at < batches; at += ROUND) {
    int count = make_round(at, batches);
    meter_start(m);
    for (int i = 0; i < count; i++) list_append(l, &round_of[i]);
    meter_pause(m);
  }
}

void rounds_to_spool(spool_pair *pair, int64_t batches, meter *m) {
  for (int64_t at = 0; at < batches; at += ROUND) {
    int count = make_round(at, batches);
    meter_start(m);
    for (int i = 0; i < count; i++) spools_append(pair->writer, &round_of[i]);
    meter_pause(m);
  }
}

uint64_t rounds_sum(int64_t batches) {
  return (uint64_t)(batches * (batches - 1) / 2 * SMALL_ROWS);
}

passes rounds_pass(const respool_options *options, int64_t batches, int64_t *stored) {
  passes p;
  spool_pair pair = spools_open(source_schema(1), options);
  if (options->path != NULL) spools_unlink(options->path);
  meter_open(&p.write);
  rounds_to_spool(&pair, batches, &p.write);
  meter_start(&p.write);
  spools_finish(&pair);
  meter_end(&p.write);
  meter_begin(&p.replay);
  uint64_t sum = spools_take(&pair, take_all, 1);
  meter_end(&p.replay);
  bench_need_sum(sum, rounds_sum(batches));
  if (stored != NULL) *stored += spools_stats(pair.spool).bytes_stored;
  spools_close(&pair);
  return p;
}
