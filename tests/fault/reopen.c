/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going on with a file while system calls and allocations fail, each in turn: it is refused, and is as it was, or it
 * succeeds as if nothing had been. Once the fault is over the next attempt makes the very file that was to be.
 */
#include "batches.h"
#include "fault.h"

#include "bytes.h"
#include "check.h"
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is found: so much of the file that is to be, in 64ths; and how it is written. */
struct found {
  const char *name;
  int part;
  int64_t batches;
  int32_t mode;
  int32_t compression;
  bool dictionaries;
};

static const struct found founds[] = {
    {"cut in the middle", 37, 12, RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_NONE, false},
    {"finished, dictionaries", 64, 10, RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_NONE, true},
    {"cut, dictionaries, zstd", 50, 10, RESPOOL_MODE_ON_LIMIT, RESPOOL_COMPRESSION_ZSTD, true},
    {"nothing but the beginning of the schema", 0, 2, RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_NONE, false},
    {"many blocks", 60, 60, RESPOOL_MODE_ALL, RESPOOL_COMPRESSION_NONE, true},
};

enum { FOUNDS = sizeof founds / sizeof founds[0], FEW = 20 };

struct kind {
  const char *name;
  struct fault fault;
};

static const struct kind kinds[] = {
    {"opening fails", {.targets = FAULT_OPEN, .error = EMFILE}},
    {"locking fails", {.targets = FAULT_LOCK, .error = EIO}},
    {"somebody else has it", {.targets = FAULT_LOCK, .error = EAGAIN}},
    {"there are no locks", {.targets = FAULT_LOCK, .error = ENOLCK}},
    {"looking fails", {.targets = FAULT_FSTAT | FAULT_STAT, .error = EIO}},
    {"reading fails", {.targets = FAULT_PREAD, .error = EIO, .partial = true}},
    {"cutting fails", {.targets = FAULT_FTRUNCATE, .error = EIO}},
    {"no memory", {.targets = FAULT_MEMORY, .error = ENOMEM}},
    {"the disk is full", {.targets = FAULT_PWRITEV, .error = ENOSPC, .partial = true}},
    {"everything fails",
     {.targets = FAULT_OPEN | FAULT_LOCK | FAULT_FSTAT | FAULT_STAT | FAULT_PREAD | FAULT_FTRUNCATE | FAULT_PWRITEV,
      .error = EIO}},
};

static const struct kind unnoticed[] = {
    {"short reads", {.targets = FAULT_PREAD}},
    {"interrupted",
     {.targets = FAULT_OPEN | FAULT_LOCK | FAULT_PREAD | FAULT_FTRUNCATE | FAULT_PWRITEV,
      .error = EINTR,
      .pattern = FAULT_EVERY_SECOND}},
};

/* ---- The file that is to be, and what is found of it --------------------------------------------------- */

struct round {
  const struct found *found;
  const struct fault *fault;
  respool_options options;
  char path[KIT_PATH];
  unsigned char *whole;
  size_t size;
  size_t kept;
  int descriptors;
};

static void append_from(respool_writer *writer, int64_t from, int64_t to) {
  for (int64_t i = from; i < to; i++) {
    struct ArrowArray array;
    batch_make(i, &array);
    kit_append(writer, &array);
  }
}

/* From where there are batches already, if there are. */
static void complete(const struct round *round, kit_spool *s) {
  append_from(s->writer, kit_stats(s->spool).batches, round->found->batches);
  CHECK_OK(respool_writer_finish(s->writer, kit_error()));
  kit_spool_close(s);
  CHECK_EQ(batch_count_file(round->path, true), round->found->batches);
}

static void open_round(struct round *round, const struct found *found) {
  kit_spool s = {0};
  *round = (struct round){.found = found};
  batch_use(found->dictionaries);
  kit_join(round->path, kit_scratch(), "named.arrows");
  round->options = kit_options(0, found->mode, round->path);
  round->options.reopen = 1;
  if (respool_compression_available(found->compression)) round->options.compression = found->compression;
  REQUIRE_OK(respool_create(batch_schema(), &round->options, &s.spool, &s.writer, kit_error()));
  complete(round, &s);
  round->whole = kit_file_read(round->path, &round->size);
  round->kept = found->part == 0 ? 100 : round->size * (size_t)found->part / 64;
  round->descriptors = kit_open_descriptors();
}

static void close_round(struct round *round) {
  free(round->whole);
  batch_use(false);
}

/* ---- A fault --------------------------------------------------------------------------------------- */

static void check_file(const struct round *round, size_t size) {
  size_t now;
  unsigned char *bytes = kit_file_read(round->path, &now);
  CHECK_BYTES(bytes, now, round->whole, size);
  free(bytes);
}

static void check_nothing_left(const struct round *round) {
  CHECK_EQ(kit_open_descriptors(), round->descriptors);
  CHECK_EQ(batch_live_arrays(), 0);
  CHECK_EQ(batch_live_schemas(), 0);
}

/* Refused because of the fault. A schema that was cut is begun anew, so that only then there may be less. */
static void check_refused(const struct round *round, const kit_spool *s, respool_status status) {
  CHECK_EQ(status, fault_status(round->fault));
  CHECK_EQ(kit_last_error()->status, status);
  CHECK_LE(1, fault_hits());
  CHECK(s->spool == NULL && s->writer == NULL);
  if (round->found->part > 0) check_file(round, round->kept);
  check_nothing_left(round);
}

static bool play(struct round *round, const struct fault *fault, int64_t at, bool noticed) {
  kit_spool s = {0};
  round->fault = fault;
  unlink(round->path);
  kit_file_write(round->path, round->whole, round->kept);
  fault_scenario(round->found->name);
  fault_arm(fault, at);
  respool_status status = respool_create(batch_schema(), &round->options, &s.spool, &s.writer, kit_error());
  bool hit = fault_hits() > 0;
  fault_disarm();
  if (status != RESPOOL_OK) {
    CHECK(noticed);
    check_refused(round, &s, status);
    CHECK_OK(respool_create(batch_schema(), &round->options, &s.spool, &s.writer, kit_error()));
  }
  if (s.spool != NULL) complete(round, &s);
  check_file(round, round->size);
  check_nothing_left(round);
  return hit;
}

static int64_t sweep(struct round *round, const struct kind *kind, bool noticed) {
  int64_t points = 0;
  struct fault fault = kind->fault;
  enum fault_pattern last = noticed ? FAULT_FOR_EVER : fault.pattern;
  for (enum fault_pattern pattern = fault.pattern; pattern <= last; pattern++) {
    fault.pattern = pattern;
    for (int64_t at = 1; kit_failures() == 0 && play(round, &fault, at, noticed); at++) points++;
  }
  if (kit_failures() > 0) kit_note("%s, %s, point %d", round->found->name, kind->name, (int)points);
  return points;
}

static void sweep_kinds(const struct kind *from, size_t count, bool noticed) {
  for (size_t k = 0; k < count && kit_failures() == 0; k++) {
    int64_t points = 0;
    for (int f = 0; f < FOUNDS && kit_failures() == 0; f++) {
      struct round round;
      if (founds[f].batches > FEW && (from[k].fault.targets & FAULT_MEMORY) != 0) continue; /* each takes some */
      open_round(&round, &founds[f]);
      points += sweep(&round, &from[k], noticed);
      close_round(&round);
    }
    kit_note("%s: %d fault points in %d files", from[k].name, (int)points, (int)FOUNDS);
    CHECK_LE(1, points);
  }
}

static void calls_that_fail(void) {
  sweep_kinds(kinds, sizeof kinds / sizeof kinds[0], true);
}

static void what_nobody_may_notice(void) {
  sweep_kinds(unnoticed, sizeof unnoticed / sizeof unnoticed[0], false);
}

static const kit_test tests[] = {
    KIT_TEST(calls_that_fail),
    KIT_TEST(what_nobody_may_notice),
};

int main(int argc, char **argv) {
  fault_install();
  return KIT_MAIN(argc, argv, tests);
}
