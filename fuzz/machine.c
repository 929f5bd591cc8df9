/* SPDX-License-Identifier: Apache-2.0 */
/* The machine: its spool, the producer's steps, and the end. */
#include "machine.h"

#include "array_build.h"
#include "bytes.h"
#include "digest.h"
#include "relay.h"
#include "schema_bytes.h"
#include "scratch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t limits[] = {0, 1, 700, 6000, 40000, RESPOOL_NO_LIMIT};
static const int64_t chunks[] = {4096, 4097, 16384, RESPOOL_DEFAULT_WRITE_CHUNK};
static const int64_t lengths[] = {1, 0, 2, 3, 7, 8, 9, 31, 64, 130};

#define COUNT(array)        ((int)(sizeof(array) / sizeof((array)[0])))
#define CHOOSE(input, from) ((from)[fuzz_below((input), COUNT(from))])

/* ---- Making it ------------------------------------------------------------------------------------- */

static bool is_named(int32_t mode, bool wanted) {
  if (mode == RESPOOL_MODE_ALL) return true;
  return wanted && mode != RESPOOL_MODE_OVERFLOW;
}

static void choose_options(machine *m, respool_options *options) {
  respool_options_init(options, sizeof *options);
  int first = fuzz_byte(m->input), second = fuzz_byte(m->input);
  options->mode = first % 4;
  options->memory_limit = m->limit = limits[first / 4 % COUNT(limits)];
  options->write_chunk = m->chunk = chunks[second % COUNT(chunks)];
  options->replay = second / 4 % 3;
  options->defer_release = m->defers = second / 16 % 2;
  if (is_named(options->mode, second >= 128)) scratch_name(m->path, sizeof m->path);
  if (m->path[0] != '\0') options->path = m->path;
}

void machine_open(machine *m, fuzz_input *input) {
  *m = (machine){.input = input};
  respool_options options;
  respool_error error = {0};
  choose_options(m, &options);
  schema_from_bytes(input, &m->schema);
  FUZZ_OK(respool_create(&m->schema, &options, &m->spool, &m->writer, &error), &error);
  m->mode = options.mode;
  if (m->mode == RESPOOL_MODE_DEFAULT) m->mode = m->path[0] != '\0' ? RESPOOL_MODE_ALL : RESPOOL_MODE_OVERFLOW;
}

/* ---- Numbers --------------------------------------------------------------------------------------- */

static respool_stats get_stats(machine *m) {
  respool_stats stats = {.struct_size = sizeof stats};
  respool_error error = {0};
  FUZZ_OK(respool_get_stats(m->spool, &stats, &error), &error);
  return stats;
}

static int64_t open_readers(const machine *m) {
  int64_t count = 0;
  for (int i = 0; i < MACHINE_READERS; i++) count += m->readers[i].reader != NULL;
  return count;
}

void machine_check_stats(machine *m) {
  respool_stats stats = get_stats(m);
  FUZZ_CHECK(stats.batches == m->count && stats.rows == m->rows, "batches or rows");
  FUZZ_CHECK(stats.mode == m->mode && stats.memory_limit == m->limit, "mode or limit");
  FUZZ_CHECK(stats.readers == open_readers(m) && stats.write_failures == 0, "readers or failures");
  FUZZ_CHECK(stats.batches_resident <= m->count && stats.batches_stored <= m->count, "resident or stored");
  FUZZ_CHECK(stats.bytes_charged >= 0 && stats.bytes_pinned >= 0 && stats.bytes_mapped >= 0, "negative bytes");
  FUZZ_CHECK(stats.bytes_charged <= stats.bytes_charged_peak, "more charged than at the peak");
  if (m->limit == RESPOOL_NO_LIMIT) return;
  FUZZ_CHECK(stats.bytes_charged <= m->limit + m->chunk + m->largest,
             "%lld bytes charged with a limit of %lld, chunks of %lld and a batch of %lld",
             (long long)stats.bytes_charged, (long long)m->limit, (long long)m->chunk, (long long)m->largest);
}

/* ---- Batches --------------------------------------------------------------------------------------- */

static kit_array_options options_of(const batch_seed *seed) {
  kit_array_options options = kit_array_defaults(seed->seed, seed->length);
  options.null_rate = seed->null_rate;
  options.list_max = seed->list_max;
  options.dictionary_seed = seed->dictionary_seed;
  options.batch = seed->number;
  return options;
}

void machine_expected(const machine *m, int64_t index, struct ArrowArray *array) {
  kit_array_options options = options_of(&m->batches[index]);
  kit_array_random(&m->schema, &options, array);
}

void machine_check_batch(const machine *m, int64_t index, const struct ArrowArray *array) {
  struct ArrowArray expected;
  machine_expected(m, index, &expected);
  FUZZ_CHECK(array->offset == 0, "a batch with an offset");
  digest_compare(&m->schema, &expected, array);
  expected.release(&expected);
}

/* Calls on the writer are made between these two. */
static respool_writer *enter_writer(machine *m) {
  m->in_writer = true;
  return m->writer;
}

static void leave_writer(machine *m) {
  m->in_writer = false;
}

/* An appended array was released. */
static void released(void *user_data) {
  const machine *m = user_data;
  FUZZ_CHECK(!m->defers || m->in_writer || m->writer == NULL, "released outside of calls on the writer");
}

void machine_append(machine *m, const batch_seed *seed, struct ArrowArray *array) {
  int64_t before = get_stats(m).bytes_appended;
  int64_t length = array->length;
  respool_error error = {0};
  FUZZ_OK(respool_writer_append(enter_writer(m), array, &error), &error);
  leave_writer(m);
  FUZZ_CHECK(array->release == NULL, "accepted, but not taken");
  m->batches[m->count++] = *seed;
  m->rows += length;
  int64_t reached = get_stats(m).bytes_appended - before;
  if (reached > m->largest) m->largest = reached;
  machine_notify(m);
}

/* What the input says about a batch: its values, and how it lies in memory. */
static void step_append(machine *m) {
  if (m->count == MACHINE_BATCHES) return;
  batch_seed seed = {.seed = fuzz_byte(m->input), .length = CHOOSE(m->input, lengths)};
  int contents = fuzz_byte(m->input), place = fuzz_byte(m->input);
  seed.null_rate = contents % 4 / 3.0;
  seed.list_max = contents / 4 % 8;
  seed.dictionary_seed = (uint64_t)contents % 32;
  seed.number = m->count;
  kit_array_options options = options_of(&seed);
  options.slack_seed = (uint64_t)place / 8;
  options.sliced = place % 2 != 0;
  options.unknown_nulls = place / 2 % 2 != 0;
  options.unaligned = place / 4 % 2 != 0;
  struct ArrowArray array;
  kit_array_random(&m->schema, &options, &array);
  kit_array_on_release(&array, released, m);
  machine_append(m, &seed, &array);
}

/* Make an array wrong in one place. Answers false where this schema has no such place. */
static bool spoil(machine *m, struct ArrowArray *array) {
  switch (fuzz_below(m->input, 6)) {
  case 0:
    array->length = -1;
    return true;
  case 1:
    array->n_buffers++;
    return true;
  case 2:
    array->n_children--;
    return array->n_children >= 0;
  case 3:
    array->offset = INT64_MAX;
    return true;
  case 4:
    array->length += 1000;
    return array->n_children > 0;
  default:
    if (array->n_children > 0) array->children[0]->null_count = -2;
    return array->n_children > 0;
  }
}

/* A wrong array is refused, stays the caller's, and is as it was. */
static void step_refuse(machine *m) {
  struct ArrowArray array, spoiled;
  kit_array_options options = kit_array_defaults(1, 5);
  kit_array_random(&m->schema, &options, &array);
  spoiled = array;
  int64_t null_count = array.n_children > 0 ? array.children[0]->null_count : 0;
  if (spoil(m, &spoiled)) {
    struct ArrowArray given = spoiled;
    respool_error error = {0};
    respool_status status = respool_writer_append(enter_writer(m), &given, &error);
    leave_writer(m);
    fuzz_check_error(status, &error);
    FUZZ_CHECK(status == RESPOOL_INVALID && memcmp(&given, &spoiled, sizeof given) == 0, "a wrong array was touched");
  }
  if (array.n_children > 0) array.children[0]->null_count = null_count;
  array.release(&array);
}

/* ---- The producer's other steps -------------------------------------------------------------------- */

static void step_flush(machine *m) {
  respool_error error = {0};
  FUZZ_OK(respool_writer_flush(enter_writer(m), &error), &error);
  leave_writer(m);
  if (m->path[0] != '\0') machine_check_file(m, false);
}

static void step_limit(machine *m) {
  respool_error error = {0};
  m->limit = CHOOSE(m->input, limits);
  FUZZ_OK(respool_set_memory_limit(m->spool, m->limit, &error), &error);
  FUZZ_CHECK(get_stats(m).bytes_charged <= m->limit, "more is charged than the new limit");
}

static void step_spill(machine *m) {
  respool_error error = {0};
  int64_t target = CHOOSE(m->input, limits);
  FUZZ_OK(respool_spill(m->spool, target, &error), &error);
  FUZZ_CHECK(get_stats(m).bytes_charged <= target, "more is charged than the target");
}

static void step_retain(machine *m) {
  respool_release(respool_retain(m->spool));
}

/* What stands there more often is chosen more often. */
void machine_step(machine *m) {
  static void (*const steps[])(machine *) = {
      step_append,          step_append,          step_append,         machine_reader_open,
      machine_reader_next,  machine_reader_next,  machine_reader_next, machine_kept_append,
      machine_kept_release, step_flush,           step_limit,          step_spill,
      machine_reader_arm,   machine_reader_close, step_refuse,         machine_reader_cancel,
      step_retain,
  };
  CHOOSE(m->input, steps)(m);
  machine_check_stats(m);
}

/* ---- The end --------------------------------------------------------------------------------------- */

void machine_check_file(machine *m, bool whole) {
  if (!get_stats(m).file_exists) return;
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.allow_missing_end = !whole;
  options.close_descriptor = 1;
  int fd = open(m->path, O_RDONLY | O_CLOEXEC);
  FUZZ_CHECK(fd >= 0, "the named file is not there");
  struct ArrowArrayStream stream;
  respool_error error = {0};
  FUZZ_OK(respool_ipc_read_fd(fd, &options, &stream, &error), &error);
  relay from;
  relay_open(&from, &stream, true);
  struct ArrowArray array;
  while (relay_next(&from, &array)) {
    if (whole && from.batches <= m->count) machine_check_batch(m, from.batches - 1, &array);
    array.release(&array);
  }
  FUZZ_CHECK(from.code == 0 && from.batches == m->count, "%lld of %lld batches in the file", (long long)from.batches,
             (long long)m->count);
  relay_close(&from);
}

static void end_producer(machine *m) {
  static const respool_status ends[] = {RESPOOL_OK, RESPOOL_OK, RESPOOL_ABANDONED, RESPOOL_USER + 5};
  respool_error error = {0};
  m->failure = CHOOSE(m->input, ends);
  m->ended = true;
  respool_writer *writer = enter_writer(m);
  if (m->failure == RESPOOL_OK) FUZZ_OK(respool_writer_finish(writer, &error), &error);
  if (m->failure >= RESPOOL_USER) FUZZ_OK(respool_writer_fail(writer, m->failure, 0, "why", &error), &error);
  if (m->failure == RESPOOL_ABANDONED || fuzz_below(m->input, 2) == 0) {
    respool_writer_close(writer);
    m->writer = NULL;
  }
  leave_writer(m);
  machine_notify(m);
}

/* The replay as Arrow IPC bytes. */
static void write_replay(machine *m, kit_sink *sink) {
  struct ArrowArrayStream stream;
  respool_error error = {0};
  FUZZ_OK(respool_export(m->spool, NULL, &stream, &error), &error);
  FUZZ_OK(respool_ipc_write(&stream, kit_sink_write, sink, NULL, NULL, &error), &error);
  stream.release(&stream);
}

/* Reading what was written of the replay gives the batches, and writing that the same bytes, from memory or disk. */
static void check_bytes(machine *m) {
  kit_sink first = {0}, second = {0};
  respool_error error = {0};
  write_replay(m, &first);
  kit_source source = {.bytes = first.bytes, .size = first.size};
  struct ArrowArrayStream stream;
  FUZZ_OK(respool_ipc_read(kit_source_read, &source, NULL, &stream, &error), &error);
  relay from;
  relay_open(&from, &stream, true);
  struct ArrowArrayStream passed = relay_stream(&from);
  FUZZ_OK(respool_ipc_write(&passed, kit_sink_write, &second, NULL, NULL, &error), &error);
  FUZZ_CHECK(from.batches == m->count, "another number of batches");
  relay_close(&from);
  FUZZ_CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0, "not canonical");
  kit_sink_free(&first);
  kit_sink_free(&second);
}

static void check_replays(machine *m) {
  machine_reader late = {.in_order = true};
  respool_reader_options options;
  respool_reader_options_init(&options, sizeof options);
  options.errors = RESPOOL_ERRORS_IN_ORDER;
  respool_error error = {0};
  FUZZ_OK(respool_reader_open(m->spool, &options, &late.reader, &error), &error);
  machine_reader_drain(m, &late);
  respool_reader_close(late.reader);
  for (int i = 0; i < MACHINE_READERS; i++)
    if (m->readers[i].reader != NULL) machine_reader_drain(m, &m->readers[i]);
  if (m->failure != RESPOOL_OK) return;
  check_bytes(m);
  if (m->path[0] != '\0') machine_check_file(m, true);
}

static void close_handles(machine *m) {
  bool spool_first = fuzz_below(m->input, 2) == 0;
  if (spool_first) respool_release(m->spool);
  respool_writer_close(enter_writer(m));
  m->writer = NULL;
  for (int i = 0; i < MACHINE_READERS; i++) respool_reader_close(m->readers[i].reader);
  if (!spool_first) respool_release(m->spool);
}

/* What was handed out outlives every handle. */
static void check_kept(machine *m) {
  for (int i = 0; i < MACHINE_KEPT; i++) {
    machine_kept *kept = &m->kept[i];
    if (kept->array.release == NULL) continue;
    machine_check_batch(m, kept->batch, &kept->array);
    kept->array.release(&kept->array);
  }
}

void machine_end(machine *m) {
  end_producer(m);
  machine_check_stats(m);
  check_replays(m);
  close_handles(m);
  check_kept(m);
  if (m->path[0] != '\0') unlink(m->path);
  m->schema.release(&m->schema);
}
