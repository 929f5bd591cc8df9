/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed spools, of strings and of integers that do not compress; beside them the codec alone on the same buffers,
 * memory to memory on one thread.
 */
#include "bench.h"
#include "feed.h"
#include "pack.h"
#include "spools.h"

#include <stdlib.h>

enum { BUFFERS_MOST = 1024 };

/* Every buffer of the different batches of a feed, compressed. */
typedef struct packed {
  packer *packer;
  int count;
  void *frames[BUFFERS_MOST];
  size_t sizes[BUFFERS_MOST];
  size_t exact[BUFFERS_MOST];
  void *room; /* for the largest of them, unpacked */
} packed;

static void pack_piece(packed *all, int at, const void *bytes, size_t size) {
  BENCH_NEED(at < BUFFERS_MOST, "too many buffers");
  size_t room = pack_room(all->packer, size);
  if (at == all->count) {
    all->frames[all->count] = bench_allocate(room);
    all->exact[all->count++] = size;
  }
  all->sizes[at] = pack_one(all->packer, bytes, size, all->frames[at], room);
}

/* Compress the buffers of `batches`, each into the place of the one like it. */
static void pack_feed(packed *all, const feed *f, int64_t batches) {
  int at = 0;
  for (int64_t i = 0; i < batches; i++) {
    struct ArrowArray array;
    pieces found;
    if (i % f->period == 0) at = 0;
    f->make(i, &array);
    pieces_of(f->schema, &array, &found);
    for (int k = 0; k < found.count; k++) pack_piece(all, at++, found.bytes[k], (size_t)found.sizes[k]);
    array.release(&array);
  }
}

/* Unpack as many batches, one buffer at a time into the same memory, and sum. */
static uint64_t unpack_all(packed *all, int64_t buffers) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < buffers; i++) {
    int at = (int)(i % all->count);
    pack_undo(all->packer, all->frames[at], all->sizes[at], all->room, all->exact[at]);
    sum += take_all(all->room, (int64_t)all->exact[at]);
  }
  return sum;
}

static size_t largest(const packed *all) {
  size_t most = 0;
  for (int i = 0; i < all->count; i++)
    if (all->exact[i] > most) most = all->exact[i];
  return most;
}

static int64_t buffers_of(const packed *all, const feed *f, int64_t batches) {
  return batches < f->period ? all->count : all->count / f->period * batches;
}

static passes time_codec(packed *all, const feed *f, int64_t batches) {
  passes p;
  pack_feed(all, f, batches < f->period ? batches : f->period); /* memory is there then */
  if (all->room == NULL) all->room = bench_allocate(largest(all));
  meter_begin(&p.write);
  pack_feed(all, f, batches);
  meter_end(&p.write);
  meter_begin(&p.replay);
  uint64_t sum = unpack_all(all, buffers_of(all, f, batches));
  meter_end(&p.replay);
  bench_need_sum(sum, feed_sum(f, batches, take_all));
  return p;
}

static void free_packed(packed *all) {
  for (int i = 0; i < all->count; i++) free(all->frames[i]);
  free(all->room);
  pack_close(all->packer);
  free(all);
}

/* Less than the other workloads write, as codecs are slow. */
static void run_compressed(bench *b, const feed *f, int32_t compression, int32_t level, const char *name) {
  if (!respool_compression_available(compression)) return;
  int64_t batches = feed_batches(f, b->size / 8), bytes = feed_bytes(f, batches);
  respool_options options = spools_options(b, 0);
  options.compression = compression;
  options.compression_level = level;
  row *write = bench_row(b, UNIT_GB_PER_S, "the codec alone, hot memory to hot memory, one thread", NO_GOAL,
                         "%s, %s: write", name, f->name);
  row *replay = bench_row(b, UNIT_GB_PER_S, "the codec alone, into one hot buffer, summed", NO_GOAL,
                          "%s, %s: replay, 1 reader", name, f->name);
  packed *all = bench_allocate(sizeof *all);
  *all = (packed){.packer = pack_open(compression, level)};
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    passes limit = time_codec(all, f, batches);
    bench_warm_pages(b);
    passes spool = spools_pass(f, &options, batches);
    bench_sample(write, figure_rate(&spool.write, bytes), figure_rate(&limit.write, bytes));
    bench_sample(replay, figure_rate(&spool.replay, bytes), figure_rate(&limit.replay, bytes));
  }
  free_packed(all);
}

/* What the spool chooses itself, beside what it would do without. */
static void run_adaptive(bench *b, const feed *f) {
  const char *limit = "the same spool without compression";
  int64_t batches = feed_batches(f, b->size / 8), bytes = feed_bytes(f, batches);
  respool_options plain = spools_options(b, 0), adaptive = plain;
  adaptive.compression = RESPOOL_COMPRESSION_ADAPTIVE;
  row *write = bench_row(b, UNIT_GB_PER_S, limit, NO_GOAL, "adaptive, %s: write", f->name);
  row *replay = bench_row(b, UNIT_GB_PER_S, limit, NO_GOAL, "adaptive, %s: replay, 1 reader", f->name);
  for (int i = 0; i < b->repeats; i++) {
    bench_begin_sample();
    bench_warm_pages(b);
    passes without = spools_pass(f, &plain, batches);
    bench_warm_pages(b);
    passes with = spools_pass(f, &adaptive, batches);
    bench_sample(write, figure_rate(&with.write, bytes), figure_rate(&without.write, bytes));
    bench_sample(replay, figure_rate(&with.replay, bytes), figure_rate(&without.replay, bytes));
  }
}

void bench_compressed(bench *b) {
  run_compressed(b, feed_strings(), RESPOOL_COMPRESSION_LZ4, 0, "lz4");
  run_compressed(b, feed_strings(), RESPOOL_COMPRESSION_ZSTD, 1, "zstd 1");
  run_compressed(b, feed_integers(), RESPOOL_COMPRESSION_LZ4, 0, "lz4");
  run_compressed(b, feed_integers(), RESPOOL_COMPRESSION_ZSTD, 1, "zstd 1");
  if (!respool_compression_available(RESPOOL_COMPRESSION_ADAPTIVE)) return;
  run_adaptive(b, feed_strings());
  run_adaptive(b, feed_integers());
}
