/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batches of a workload as an Arrow IPC stream in a file, for programs that cannot call the generator. One line on
 * the standard output says how many there are, and what sum_tree() answers for all of them.
 */
#include "bench.h"
#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_file(const char *path, struct ArrowArrayStream *stream) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  BENCH_NEED(fd >= 0, "cannot open %s: %s", path, strerror(errno));
  respool_error error;
  respool_status status = respool_ipc_write_fd(stream, fd, NULL, NULL, &error);
  BENCH_NEED(status == RESPOOL_OK, "%s", error.message);
  BENCH_NEED(close(fd) == 0, "cannot write %s: %s", path, strerror(errno));
  stream->release(stream);
}

int bench_emit(int argc, char **argv) {
  if (argc < 2 || argc > 3) bench_die("usage: respool_bench --emit WORKLOAD FILE [BATCHES]");
  const generator *g = streams_find(argv[0]);
  BENCH_NEED(g != NULL, "no such workload to emit: %s (big, small, strings, nested, dictionary)", argv[0]);
  int64_t batches = argc == 3 ? strtoll(argv[2], NULL, 10) : g->batches;
  BENCH_NEED(batches > 0, "not a number of batches: %s", argv[2]);
  struct ArrowArrayStream stream;
  streams_open(g, batches, &stream);
  write_file(argv[1], &stream);
  totals t;
  streams_open(g, batches, &stream);
  streams_sum(&stream, &t);
  printf("{\"workload\": \"%s\", \"batches\": %" PRId64 ", \"rows\": %" PRId64 ", \"bytes\": %" PRId64
         ", \"sum\": \"%016" PRIx64 "\"}\n",
         g->name, t.batches, t.rows, t.bytes, t.sum);
  return 0;
}
