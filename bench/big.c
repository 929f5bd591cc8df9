/* SPDX-License-Identifier: Apache-2.0 */
/* Big batches of one kind, all of them to disk with limit 0, and replayed in each way that there is. */
#include "bench.h"
#include "feed.h"
#include "files.h"
#include "spools.h"

#include <unistd.h>

static const char *const write_limit = "pwritev of the same memory, one call a batch";

/* ---- One way to write and replay --------------------------------------------------------------------- */

/* The rows of a replay, by so many readers, each looking at the batches in one way. */
typedef struct replay {
  files_way way;
  take how;
  int readers;
  row *row;
} replay;

static void replay_file(int fd, int64_t end, const replay *r, uint64_t expected, meter *m) {
  meter_begin(m);
  uint64_t sum = files_take(fd, end, r->way, r->how, r->readers);
  meter_end(m);
  if (r->how == take_all) bench_need_sum(sum, expected * (uint64_t)r->readers);
}

static void replay_spool(const spool_pair *pair, const replay *r, uint64_t expected, meter *m) {
  meter_begin(m);
  uint64_t sum = spools_take(pair, r->how, r->readers);
  meter_end(m);
  bench_need_sum(sum, expected * (uint64_t)r->readers);
}

static void write_spool(spool_pair *pair, const feed *f, int64_t batches, meter *m) {
  meter_begin(m);
  spools_feed(pair, f, batches);
  spools_finish(pair);
  meter_end(m);
}

enum { REPLAYS_MOST = 4 };

/* One sample of the write, and of each replay that has a row. */
static void sample_feed(bench *b, const feed *f, respool_options *options, row *write, replay *replays) {
  int64_t batches = feed_batches(f, b->size), bytes = feed_bytes(f, batches);
  meter raw, spool, raw_replays[REPLAYS_MOST];
  bench_begin_sample();
  bench_warm_pages(b);
  int fd = files_open(b->directory);
  meter_begin(&raw);
  int64_t end = feed_write_raw(f, batches, fd);
  meter_end(&raw);
  for (int i = 0; i < REPLAYS_MOST && replays[i].row != NULL; i++)
    replay_file(fd, end, &replays[i], feed_sum(f, batches, take_all), &raw_replays[i]);
  close(fd);
  bench_warm_pages(b);
  spool_pair pair = spools_open(f->schema, options);
  if (options->path != NULL) spools_unlink(options->path);
  write_spool(&pair, f, batches, &spool);
  bench_sample(write, figure_rate(&spool, bytes), figure_rate(&raw, bytes));
  for (int i = 0; i < REPLAYS_MOST && replays[i].row != NULL; i++) {
    replay *r = &replays[i];
    replay_spool(&pair, r, feed_sum(f, batches, r->how), &spool);
    bench_sample(r->row, figure_rate(&spool, r->readers * bytes), figure_rate(&raw_replays[i], r->readers * bytes));
  }
  spools_close(&pair);
}

static void run_feed(bench *b, const feed *f, respool_options *options, row *write, replay *replays) {
  for (int i = 0; i < b->repeats; i++) sample_feed(b, f, options, write, replays);
}

/* ---- The workloads ----------------------------------------------------------------------------------- */

static row *mapped_row(bench *b, const char *name, const char *how, int readers) {
  const char *limit =
      readers == 1 ? "a fresh mapping of a file, looked at likewise" : "two threads with a mapping each";
  return bench_row(b, UNIT_GB_PER_S, limit, RATIO_GOAL(0.9), "%s: mapped, %s, %d reader%s", name, how, readers,
                   readers == 1 ? "" : "s");
}

static row *read_row(bench *b, const char *name, int readers) {
  const char *limit = readers == 1 ? "pread into one hot buffer, summed" : "two threads that do so";
  return bench_row(b, UNIT_GB_PER_S, limit, RATIO_GOAL(0.9), "%s: read, summed, %d reader%s", name, readers,
                   readers == 1 ? "" : "s");
}

static row *write_row(bench *b, const char *name, goal to_reach) {
  return bench_row(b, UNIT_GB_PER_S, write_limit, to_reach, "%s: write", name);
}

static void run_mapped(bench *b, const feed *f) {
  respool_options options = spools_options(b, 0);
  row *write = write_row(b, f->name, RATIO_GOAL(0.9));
  replay replays[REPLAYS_MOST] = {{FILES_MAPPED, take_all, 1, mapped_row(b, f->name, "summed", 1)},
                                  {FILES_MAPPED, take_all, 2, mapped_row(b, f->name, "summed", 2)},
                                  {FILES_MAPPED, take_lines, 1, mapped_row(b, f->name, "touched", 1)},
                                  {FILES_MAPPED, take_lines, 2, mapped_row(b, f->name, "touched", 2)}};
  run_feed(b, f, &options, write, replays);
}

static void run_read(bench *b, const feed *f, const char *name) {
  respool_options options = spools_options(b, 0);
  options.replay = RESPOOL_REPLAY_READ;
  row *write = write_row(b, name, RATIO_GOAL(0.9));
  replay replays[REPLAYS_MOST] = {{FILES_READ, take_all, 1, read_row(b, name, 1)},
                                  {FILES_READ, take_all, 2, read_row(b, name, 2)}};
  run_feed(b, f, &options, write, replays);
}

void bench_big(bench *b) {
  run_mapped(b, feed_integers());
}

void bench_big_read(bench *b) {
  run_read(b, feed_integers(), "big-read");
}

void bench_strings(bench *b) {
  run_mapped(b, feed_strings());
  run_read(b, feed_strings(), "strings-read");
}

static void run_typed(bench *b, const feed *f) {
  respool_options options = spools_options(b, 0);
  row *write = write_row(b, f->name, NO_GOAL);
  row *read = bench_row(b, UNIT_GB_PER_S, "a fresh mapping of a file, looked at likewise", NO_GOAL,
                        "%s: mapped, summed, 1 reader", f->name);
  replay replays[REPLAYS_MOST] = {{FILES_MAPPED, take_all, 1, read}};
  run_feed(b, f, &options, write, replays);
}

void bench_nested(bench *b) {
  run_typed(b, feed_nested());
}

void bench_dictionary(bench *b) {
  run_typed(b, feed_dictionary());
}

void bench_named(bench *b) {
  respool_options options = spools_options(b, 0);
  options.directory = NULL;
  options.path = spools_path(b);
  row *write = write_row(b, "named", RATIO_GOAL(0.9));
  replay replays[REPLAYS_MOST] = {{FILES_READ, take_all, 1, read_row(b, "named", 1)}};
  run_feed(b, feed_integers(), &options, write, replays);
}
