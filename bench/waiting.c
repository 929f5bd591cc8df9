/* SPDX-License-Identifier: Apache-2.0 */
/* What an append costs while nobody waits, one reader does, and 64 do, all of them asleep again before each. */
#include "bench.h"
#include "source.h"
#include "spools.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { WAITING_MOST = 64, APPENDS = 300, ROWS = 16, MOMENT_NS = 50000 };

static void *read_all(void *argument) {
  respool_reader *reader = argument;
  struct ArrowArray array;
  respool_error error;
  respool_status status;
  while ((status = respool_reader_next(reader, &array, RESPOOL_WAIT_FOREVER, &error)) == RESPOOL_OK)
    array.release(&array);
  BENCH_NEED(status == RESPOOL_END, "%s", error.message);
  respool_reader_close(reader);
  return NULL;
}

static void wait_until_all_wait(respool *spool, int readers) {
  do nanosleep(&(struct timespec){.tv_nsec = MOMENT_NS}, NULL);
  while (spools_stats(spool).readers_waiting < readers);
}

static int64_t time_append(const spool_pair *pair, int64_t index, int readers) {
  struct ArrowArray array;
  source_small(index, ROWS, &array);
  wait_until_all_wait(pair->spool, readers);
  int64_t start = bench_now();
  spools_append(pair->writer, &array);
  return bench_now() - start;
}

figure waiting_append(const bench *b, int readers) {
  pthread_t threads[WAITING_MOST];
  int64_t times[APPENDS];
  int count = b->quick ? APPENDS / 3 : APPENDS;
  spool_pair pair = spools_open_integers(b, 1, RESPOOL_NO_LIMIT);
  for (int i = 0; i < readers; i++)
    BENCH_NEED(pthread_create(&threads[i], NULL, read_all, spools_reader(pair.spool)) == 0, "no thread");
  for (int i = 0; i < count; i++) times[i] = time_append(&pair, i, readers);
  spools_finish(&pair);
  for (int i = 0; i < readers; i++) pthread_join(threads[i], NULL);
  spools_close(&pair);
  return figure_plain((double)bench_quantile(times, count, 0.5));
}

void bench_waiting(bench *b) {
  row *one = bench_row(b, UNIT_NS, "append while nobody waits", NO_GOAL, "waiting: append, 1 reader waits");
  row *all = bench_row(b, UNIT_NS, "append while nobody waits", NO_GOAL, "waiting: append, 64, against none");
  row *many =
      bench_row(b, UNIT_NS, "append while one reader waits", RATIO_GOAL(0.8), "waiting: append, 64 readers wait");
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    figure none = waiting_append(b, 0), with_one = waiting_append(b, 1);
    bench_sample(one, with_one, none);
    figure with_all = waiting_append(b, WAITING_MOST);
    bench_sample(all, with_all, none);
    bench_sample(many, with_all, with_one);
  }
}
