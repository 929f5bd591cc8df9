/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C data interface as a producer may use it: odd schemas and arrays of every type (odd.h), appended to a spool,
 * read back from memory and from disk, and written as Arrow IPC and read from that. What is legal must be accepted and
 * come out with the same values; what is wrong in a way that can be seen must be refused and stay the caller's.
 */
#include "bytes.h"
#include "digest.h"
#include "odd.h"
#include "pieces.h"
#include "relay.h"
#include "schema_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCHES_MOST = 5, DEPTH_MOST = 64 };

typedef struct session {
  fuzz_input *input;
  struct ArrowSchema schema;
  respool *spool;
  respool_writer *writer;
  int64_t batches;
  uint64_t digests[BATCHES_MOST];
} session;

/* ---- What goes in ---------------------------------------------------------------------------------- */

static respool_status create(session *s, respool_error *error) {
  static const int64_t limits[] = {0, 2000, RESPOOL_NO_LIMIT};
  respool_options options;
  respool_options_init(&options, sizeof options);
  int choice = fuzz_byte(s->input);
  options.memory_limit = limits[choice % 3];
  options.mode = choice / 3 % 2 == 0 ? RESPOOL_MODE_OVERFLOW : RESPOOL_MODE_ON_LIMIT;
  options.replay = choice / 6 % 2 == 0 ? RESPOOL_REPLAY_AUTO : RESPOOL_REPLAY_READ;
  return respool_create(&s->schema, &options, &s->spool, &s->writer, error);
}

static void make_batch(session *s, struct ArrowArray *array) {
  static const int64_t lengths[] = {3, 0, 1, 2, 7, 8, 9, 17, 40, 65};
  int64_t length = lengths[fuzz_below(s->input, 10)];
  odd_array(s->input, &s->schema, length, array);
}

static void append(session *s) {
  struct ArrowArray array;
  respool_error error = {0};
  make_batch(s, &array);
  s->digests[s->batches++] = digest_batch(&s->schema, &array);
  FUZZ_OK(respool_writer_append(s->writer, &array, &error), &error);
  FUZZ_CHECK(array.release == NULL, "accepted, but not taken");
}

/* What was read goes in again: in the same memory, dictionaries too, or from the file. */
static void append_again(session *s) {
  struct ArrowArray array;
  respool_reader *reader;
  respool_error error = {0};
  int64_t batch = fuzz_below(s->input, (int)s->batches);
  FUZZ_OK(respool_reader_open(s->spool, NULL, &reader, &error), &error);
  for (int64_t i = 0; i <= batch; i++) {
    FUZZ_OK(respool_reader_next(reader, &array, 0, &error), &error);
    if (i < batch) array.release(&array);
  }
  respool_reader_close(reader);
  s->digests[s->batches++] = s->digests[batch];
  FUZZ_OK(respool_writer_append(s->writer, &array, &error), &error);
}

/* Something that is wrong is refused, and is as it was. */
static void append_wrong(session *s) {
  struct ArrowArray array, before;
  respool_error error = {0};
  make_batch(s, &array);
  const char *what = odd_spoil(s->input, &s->schema, &array);
  before = array;
  if (what != NULL) {
    respool_status status = respool_writer_append(s->writer, &array, &error);
    FUZZ_CHECK(status == RESPOOL_INVALID, "an array with %s: answered %d", what, (int)status);
    fuzz_check_error(status, &error);
    FUZZ_CHECK(memcmp(&array, &before, sizeof array) == 0, "a refused array was changed");
  }
  array.release(&array);
}

/* ---- A stream of it -------------------------------------------------------------------------------- */

static int give_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct ArrowSchema *schema = stream->private_data;
  *out = *schema;
  schema->release = NULL;
  return 0;
}

static int give_nothing(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  (void)stream;
  out->release = NULL;
  return 0;
}

static void stream_release(struct ArrowArrayStream *stream) {
  stream->release = NULL;
}

static void (*release_schema)(struct ArrowSchema *); /* of the kit */
static odd_undo undo;                                /* of the schema that the stream gives away */
static const struct ArrowSchema *given;

/* The schema has moved, and with it its root. */
static void restore_and_release(struct ArrowSchema *schema) {
  if (undo.at == given) undo.at = schema;
  odd_restore_schema(&undo);
  schema->release = release_schema;
  release_schema(schema);
}

/* A stream of a broken schema is refused, and nothing else happens. */
static void append_stream(session *s) {
  struct ArrowSchema other;
  kit_schema_copy(&s->schema, &other);
  const char *what = odd_spoil_schema(s->input, &other, &undo);
  if (what == NULL || other.release == NULL) {
    odd_restore_schema(&undo);
    other.release(&other);
    return;
  }
  given = &other;
  release_schema = other.release;
  other.release = restore_and_release;
  struct ArrowArrayStream stream = {
      .get_schema = give_schema, .get_next = give_nothing, .release = stream_release, .private_data = &other};
  respool_error error = {0};
  respool_status status = respool_writer_append_stream(s->writer, &stream, &error);
  FUZZ_CHECK(status == RESPOOL_INVALID, "a stream with %s: answered %d", what, (int)status);
  fuzz_check_error(status, &error);
}

/* ---- What comes out -------------------------------------------------------------------------------- */

static void check_batch(const session *s, int64_t index, const struct ArrowArray *array) {
  FUZZ_CHECK(array->offset == 0, "a batch with an offset");
  FUZZ_CHECK(digest_batch(&s->schema, array) == s->digests[index], "batch %d has other values", (int)index);
}

static void check_schema(const session *s) {
  struct ArrowSchema schema;
  respool_error error = {0};
  char where[400];
  FUZZ_OK(respool_get_schema(s->spool, &schema, &error), &error);
  FUZZ_CHECK(kit_schema_equal(&s->schema, &schema, where, sizeof where), "another schema: %s", where);
  schema.release(&schema);
}

/* Read what there is; arrays are looked at again after later ones came. */
static void check_replay(const session *s) {
  struct ArrowArray arrays[BATCHES_MOST];
  respool_reader *reader;
  respool_error error = {0};
  FUZZ_OK(respool_reader_open(s->spool, NULL, &reader, &error), &error);
  for (int64_t i = 0; i < s->batches; i++) {
    FUZZ_OK(respool_reader_next(reader, &arrays[i], 0, &error), &error);
    check_batch(s, i, &arrays[i]);
  }
  respool_reader_close(reader);
  for (int64_t i = 0; i < s->batches; i++) {
    check_batch(s, i, &arrays[i]);
    arrays[i].release(&arrays[i]);
  }
}

static void write_replay(const session *s, kit_sink *sink) {
  struct ArrowArrayStream stream;
  respool_error error = {0};
  FUZZ_OK(respool_export(s->spool, NULL, &stream, &error), &error);
  FUZZ_OK(respool_ipc_write(&stream, kit_sink_write, sink, NULL, NULL, &error), &error);
  stream.release(&stream);
}

/* Seeds for the other targets: the stream goes to the file that RESPOOL_FUZZ_STREAM names. */
static void save(const kit_sink *sink) {
  const char *path = getenv("RESPOOL_FUZZ_STREAM");
  FILE *file = path != NULL ? fopen(path, "wb") : NULL;
  if (file == NULL) return;
  FUZZ_CHECK(fwrite(sink->bytes, 1, sink->size, file) == sink->size, "cannot write %s", path);
  fclose(file);
}

/* Our own bytes are valid in full, hold the same values, and give the same bytes again. */
static void check_bytes(const session *s, uint64_t seed) {
  kit_sink first = {0}, second = {0};
  respool_error error = {0};
  struct ArrowArrayStream stream;
  relay from;
  write_replay(s, &first);
  pieces p = pieces_of(first.bytes, first.size, seed);
  FUZZ_OK(respool_ipc_read(pieces_read, &p, NULL, &stream, &error), &error);
  relay_open(&from, &stream, true);
  struct ArrowArray array;
  for (int64_t i = 0; relay_next(&from, &array); i++) {
    FUZZ_CHECK(i < s->batches, "a batch too many");
    check_batch(s, i, &array);
    array.release(&array);
  }
  FUZZ_CHECK(from.code == 0 && from.batches == s->batches, "%lld batches", (long long)from.batches);
  relay_close(&from);
  p = pieces_of(first.bytes, first.size, seed + 1);
  FUZZ_OK(respool_ipc_read(pieces_read, &p, NULL, &stream, &error), &error);
  FUZZ_OK(respool_ipc_write(&stream, kit_sink_write, &second, NULL, NULL, &error), &error);
  stream.release(&stream);
  FUZZ_CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0, "not canonical");
  save(&first);
  kit_sink_free(&first);
  kit_sink_free(&second);
}

/* ---- The target ------------------------------------------------------------------------------------ */

static void step(session *s) {
  switch (fuzz_below(s->input, 8)) {
  case 0:
  case 1:
    if (s->batches < BATCHES_MOST) append(s);
    return;
  case 2:
    if (s->batches < BATCHES_MOST) append_again(s);
    return;
  case 3:
    append_stream(s);
    return;
  case 4:
    check_replay(s);
    return;
  default:
    append_wrong(s);
    return;
  }
}

static void run(session *s, uint64_t seed) {
  enum { STEPS = 8 };
  respool_error error = {0};
  check_schema(s);
  append(s);
  for (int i = 0; i < STEPS && !fuzz_at_end(s->input); i++) step(s);
  check_replay(s);
  FUZZ_OK(respool_writer_finish(s->writer, &error), &error);
  FUZZ_OK(respool_spill(s->spool, 0, &error), &error);
  check_replay(s);
  check_bytes(s, seed);
}

static void close_session(session *s) {
  respool_writer_close(s->writer);
  respool_release(s->spool);
  FUZZ_CHECK(odd_live() == 0, "an array was not released");
}

/* A schema that is wrong is refused. */
static void create_wrong(session *s) {
  odd_undo taken;
  respool_error error = {0};
  const char *what = odd_spoil_schema(s->input, &s->schema, &taken);
  if (what != NULL) {
    respool_status status = create(s, &error);
    FUZZ_CHECK(status == RESPOOL_INVALID || status == RESPOOL_UNSUPPORTED, "a schema with %s: answered %d", what,
               (int)status);
    fuzz_check_error(status, &error);
  }
  odd_restore_schema(&taken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_input input = {.bytes = data, .size = size};
  session s = {.input = &input};
  respool_error error = {0};
  int depth = odd_schema(&input, &s.schema);
  if (fuzz_below(&input, 8) == 7) {
    create_wrong(&s);
  } else {
    respool_status status = create(&s, &error);
    FUZZ_CHECK(status == RESPOOL_OK || (status == RESPOOL_UNSUPPORTED && depth > DEPTH_MOST), "answered %d: %s",
               (int)status, error.message);
    if (status == RESPOOL_OK) {
      run(&s, fuzz_hash(data, size));
      close_session(&s);
    }
  }
  s.schema.release(&s.schema);
  FUZZ_CHECK(kit_live_schemas() == 0, "a schema was not released");
  return 0;
}
