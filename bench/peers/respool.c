/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respool as one of the programs that bench/peers/compare runs: write so many batches of a workload, replay them, and
 * print one line of JSON. Usage: respool_peer WORKLOAD BATCHES spilled|held DIRECTORY INPUT
 * (INPUT is for the others; the data is made here.)
 */
#include "bench.h"
#include "meter.h"
#include "streams.h"

#include <inttypes.h>
#include <respool/respool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND = 1000, WARM_UP = 64 };

typedef struct figures {
  meter write;
  meter replay;
  totals read;
} figures;

static void need(respool_status status, const respool_error *error) {
  BENCH_NEED(status == RESPOOL_OK, "%s", error->message);
}

static respool *create(const generator *g, bool held, const char *directory, respool_writer **writer) {
  respool_options options;
  respool_options_init(&options, sizeof options);
  options.memory_limit = held ? RESPOOL_NO_LIMIT : 0;
  options.directory = directory;
  respool *spool;
  respool_error error;
  need(respool_create(streams_schema(g), &options, &spool, writer, &error), &error);
  return spool;
}

/* Batches are made outside the time that counts, some at a time: the others have theirs ready too. */
static void write_all(const generator *g, int64_t batches, respool_writer *writer, figures *f) {
  struct ArrowArray round[ROUND];
  respool_error error;
  for (int64_t at = 0; at < batches; at += ROUND) {
    int64_t count = batches - at < ROUND ? batches - at : ROUND;
    for (int64_t i = 0; i < count; i++) g->make(at + i, &round[i]);
    meter_start(&f->write);
    for (int64_t i = 0; i < count; i++) need(respool_writer_append(writer, &round[i], &error), &error);
    meter_pause(&f->write);
  }
  meter_start(&f->write);
  need(respool_writer_finish(writer, &error), &error);
  meter_pause(&f->write);
}

static figures run(const generator *g, int64_t batches, bool held, const char *directory) {
  figures f = {0};
  respool_writer *writer;
  respool *spool = create(g, held, directory, &writer);
  write_all(g, batches, writer, &f);
  struct ArrowArrayStream stream;
  respool_error error;
  meter_start(&f.replay);
  need(respool_export(spool, NULL, &stream, &error), &error);
  streams_sum(&stream, &f.read);
  meter_pause(&f.replay);
  respool_writer_close(writer);
  respool_release(spool);
  return f;
}

int main(int argc, char **argv) {
  BENCH_NEED(argc >= 5, "usage: respool_peer WORKLOAD BATCHES spilled|held DIRECTORY [INPUT]");
  const generator *g = streams_find(argv[1]);
  BENCH_NEED(g != NULL, "no such workload: %s", argv[1]);
  int64_t batches = strtoll(argv[2], NULL, 10);
  bool held = strcmp(argv[3], "held") == 0;
  run(g, batches < WARM_UP ? batches : WARM_UP, held, argv[4]);
  figures f = run(g, batches, held, argv[4]);
  printf("{\"version\": \"%s\", \"write\": %.9f, \"replay\": %.9f, \"write_cpu\": %.6f, \"replay_cpu\": %.6f, ",
         respool_version(), (double)f.write.taken / 1e9, (double)f.replay.taken / 1e9, (double)f.write.cpu / 1e9,
         (double)f.replay.cpu / 1e9);
  printf("\"rows\": %" PRId64 ", \"sum\": \"%016" PRIx64 "\", \"peak_kib\": %" PRId64 "}\n", f.read.rows, f.read.sum,
         meter_memory("VmHWM"));
  return 0;
}
