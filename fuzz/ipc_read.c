/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrow IPC bytes that nobody vouches for, through respool_ipc_read().
 *
 * What full validation accepts must be readable to the last byte, and can be written again; what was written is taken
 * in turn, holds the same values, and gives the same bytes when it is written once more, straight or through a
 * spool. What only its structure was validated of must not lead respool itself astray when it writes or spools it.
 */
#include "bytes.h"
#include "digest.h"
#include "fuzz.h"
#include "pieces.h"
#include "relay.h"
#include "schema_build.h"

#include <stdlib.h>
#include <string.h>

/* A stream over `p`, or false with the error checked. */
static bool open_stream(pieces *p, const respool_ipc_options *options, struct ArrowArrayStream *stream) {
  respool_error error = {0};
  respool_status status = respool_ipc_read(pieces_read, p, options, stream, &error);
  if (status != RESPOOL_OK) fuzz_check_error(status, &error);
  return status == RESPOOL_OK;
}

static respool_ipc_options options_of(int32_t validation, bool allow_missing_end) {
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.validation = validation;
  options.allow_missing_end = allow_missing_end;
  options.max_expansion = (int64_t)64 << 20; /* what a small input can make of itself slows everything down */
  options.max_expansion_ratio = INT64_MAX;
  return options;
}

/* Whether `sink` begins with the bytes of `with`. */
static bool begins(const kit_sink *sink, const kit_sink *with) {
  return with->size == 0 || (sink->size >= with->size && memcmp(sink->bytes, with->bytes, with->size) == 0);
}

static bool equal(const kit_sink *a, const kit_sink *b) {
  return a->size == b->size && begins(a, b);
}

/* One that this build has. */
static int32_t compression_of(uint64_t seed) {
  int32_t chosen = (int32_t)(seed % 3);
  return respool_compression_available(chosen) ? chosen : RESPOOL_COMPRESSION_NONE;
}

/* Write the relay's stream. An answer other than OK may only be the source's own error. */
static void write_relay(relay *from, int32_t compression, kit_sink *sink) {
  respool_ipc_write_options options;
  respool_ipc_totals totals = {.struct_size = sizeof totals};
  respool_error error = {0};
  respool_ipc_write_options_init(&options, sizeof options);
  options.compression = compression;
  struct ArrowArrayStream stream = relay_stream(from);
  respool_status status = respool_ipc_write(&stream, kit_sink_write, sink, &options, &totals, &error);
  FUZZ_CHECK((status == RESPOOL_OK) == (from->code == 0), "answered %d with a source that answered %d: %s", (int)status,
             from->code, error.message);
  FUZZ_CHECK(totals.batches == from->batches && totals.rows == from->rows, "wrong totals");
  FUZZ_CHECK(totals.bytes == (int64_t)sink->size, "wrong total of bytes");
  if (status == RESPOOL_OK) return;
  FUZZ_CHECK(status == RESPOOL_SOURCE_FAILED && error.os_error == from->code, "answered %d", (int)status);
  fuzz_check_error(status, &error);
}

/* A source of bytes that may be damaged, and what was written of it. */
typedef struct written {
  kit_sink sink;
  int64_t batches;
  bool whole; /* the source came to its end without an error */
} written;

static bool write_input(pieces p, int32_t validation, written *out) {
  respool_ipc_options options = options_of(validation, false);
  struct ArrowArrayStream stream;
  *out = (written){0};
  if (!open_stream(&p, &options, &stream)) return false;
  relay from;
  relay_open(&from, &stream, validation == RESPOOL_VALIDATE_FULL);
  write_relay(&from, RESPOOL_COMPRESSION_NONE, &out->sink);
  out->batches = from.batches;
  out->whole = from.code == 0;
  relay_close(&from);
  return true;
}

/* Write our own bytes once more, from compressed or not to compressed or not. They are accepted. */
static void rewrite(const kit_sink *from_sink, const written *first, int32_t compression, uint64_t seed,
                    kit_sink *sink) {
  pieces p = pieces_of(from_sink->bytes, from_sink->size, seed);
  respool_ipc_options options = options_of(RESPOOL_VALIDATE_FULL, !first->whole);
  struct ArrowArrayStream stream;
  options.max_expansion = INT64_MAX;
  FUZZ_CHECK(open_stream(&p, &options, &stream), "our own bytes were refused");
  relay from;
  relay_open(&from, &stream, true);
  write_relay(&from, compression, sink);
  FUZZ_CHECK(from.code == 0 && from.batches == first->batches, "our own bytes were not read to their end");
  relay_close(&from);
}

/* What comes out is the same. Bytes of a source that failed lack the end marker. */
static void check_same(const kit_sink *second, const kit_sink *first, bool whole) {
  FUZZ_CHECK(begins(second, first), "the second writing has other bytes");
  FUZZ_CHECK((second->size == first->size) == whole, "the second writing has another size");
}

static void check_canonical(const written *first, uint64_t seed) {
  kit_sink second = {0}, packed = {0}, again = {0}, unpacked = {0};
  int32_t compression = compression_of(seed);
  rewrite(&first->sink, first, RESPOOL_COMPRESSION_NONE, seed, &second);
  check_same(&second, &first->sink, first->whole);
  rewrite(&first->sink, first, compression, seed, &packed);
  rewrite(&packed, first, compression, seed, &again);
  check_same(&again, &packed, true);
  rewrite(&packed, first, RESPOOL_COMPRESSION_NONE, seed, &unpacked);
  check_same(&unpacked, &second, true);
  kit_sink_free(&second);
  kit_sink_free(&packed);
  kit_sink_free(&again);
  kit_sink_free(&unpacked);
}

/* What was read from the input equals what is read from our writing of it. */
static void check_values(pieces p, const written *first) {
  pieces q = pieces_of(first->sink.bytes, first->sink.size, 3);
  respool_ipc_options options = options_of(RESPOOL_VALIDATE_FULL, true);
  struct ArrowArrayStream a_stream, b_stream;
  if (!open_stream(&p, &options, &a_stream) || !open_stream(&q, &options, &b_stream)) FUZZ_FOUND("refused now");
  relay a, b;
  char where[300];
  relay_open(&a, &a_stream, false);
  relay_open(&b, &b_stream, false);
  FUZZ_CHECK(kit_schema_equal(&a.schema, &b.schema, where, sizeof where), "another schema: %s", where);
  for (int64_t i = 0; i < first->batches; i++) {
    struct ArrowArray x, y;
    FUZZ_CHECK(relay_next(&a, &x) && relay_next(&b, &y), "batch %lld is missing", (long long)i);
    digest_compare(&a.schema, &x, &y);
    x.release(&x);
    y.release(&y);
  }
  relay_close(&a);
  relay_close(&b);
}

static void open_spool(const struct ArrowSchema *schema, uint64_t seed, respool **spool, respool_writer **writer) {
  respool_options options;
  respool_error error = {0};
  respool_options_init(&options, sizeof options);
  options.memory_limit = seed % 2 == 0 ? 0 : RESPOOL_NO_LIMIT;
  options.mode = seed % 3 == 0 ? RESPOOL_MODE_ON_LIMIT : RESPOOL_MODE_OVERFLOW;
  options.replay = seed % 5 == 0 ? RESPOOL_REPLAY_READ : RESPOOL_REPLAY_AUTO;
  options.compression = compression_of(seed >> 6);
  FUZZ_OK(respool_create(schema, &options, spool, writer, &error), &error);
}

/* A finished spool of all that the relay yields, or one that failed with it. */
static respool *fill_spool(relay *from, uint64_t seed) {
  respool *spool;
  respool_writer *writer;
  respool_error error = {0};
  open_spool(&from->schema, seed, &spool, &writer);
  struct ArrowArrayStream stream = relay_stream(from);
  respool_status status = respool_writer_append_stream(writer, &stream, &error);
  FUZZ_CHECK((status == RESPOOL_OK) == (from->code == 0), "answered %d: %s", (int)status, error.message);
  if (status == RESPOOL_OK) FUZZ_OK(respool_writer_finish(writer, &error), &error);
  respool_writer_close(writer);
  return spool;
}

static respool_status write_replay(respool *spool, kit_sink *sink, respool_error *error) {
  struct ArrowArrayStream replay;
  FUZZ_OK(respool_export(spool, NULL, &replay, error), error);
  respool_status status = respool_ipc_write(&replay, kit_sink_write, sink, NULL, NULL, error);
  replay.release(&replay);
  return status;
}

/* Through a spool: everything that the source yields is accepted and comes out, in memory as from disk. What was not
 * validated in full may be refused where it is read back with all checks. */
static void spool_input(pieces p, int32_t validation, uint64_t seed, const written *expected) {
  respool_ipc_options options = options_of(validation, false);
  struct ArrowArrayStream stream;
  if (!open_stream(&p, &options, &stream)) FUZZ_FOUND("refused now");
  relay from;
  relay_open(&from, &stream, false);
  respool *spool = fill_spool(&from, seed);
  relay_close(&from);
  kit_sink sink = {0};
  respool_error error = {0};
  respool_status status = write_replay(spool, &sink, &error);
  respool_release(spool);
  if (validation == RESPOOL_VALIDATE_FULL || status != RESPOOL_SOURCE_FAILED)
    FUZZ_CHECK((status == RESPOOL_OK) == (from.code == 0), "answered %d: %s", (int)status, error.message);
  FUZZ_CHECK(!expected->whole || equal(&sink, &expected->sink), "the replay is written as other bytes");
  kit_sink_free(&sink);
}

/* Limits that many inputs exceed: only the refusal counts. */
static void read_limited(pieces p, uint64_t seed) {
  respool_ipc_options options = options_of(RESPOOL_VALIDATE_FULL, true);
  options.max_metadata_bytes = seed % 7 == 0 ? 128 : 1024;
  options.max_body_bytes = (int64_t)(seed % 1000);
  options.max_depth = 1 + (int32_t)(seed % 3);
  struct ArrowArrayStream stream;
  if (!open_stream(&p, &options, &stream)) return;
  relay from;
  struct ArrowArray array;
  relay_open(&from, &stream, true);
  while (relay_next(&from, &array)) array.release(&array);
  relay_close(&from);
}

/* Bytes that were accepted without looking at offsets inside: only what respool itself does with them matters. */
static void check_structure(pieces p, uint64_t seed, const written *full) {
  written loose;
  if (!write_input(p, RESPOOL_VALIDATE_STRUCTURE, &loose)) FUZZ_FOUND("validating less refuses more");
  FUZZ_CHECK(loose.batches >= full->batches, "validating less reads less");
  FUZZ_CHECK(!full->whole || equal(&loose.sink, &full->sink), "validating less reads other values");
  if (loose.batches > full->batches) spool_input(p, RESPOOL_VALIDATE_STRUCTURE, seed, &(written){0});
  kit_sink_free(&loose.sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint64_t seed = fuzz_hash(data, size);
  pieces p = pieces_of(data, size, seed);
  written first;
  read_limited(p, seed >> 8);
  if (!write_input(p, RESPOOL_VALIDATE_FULL, &first)) return 0;
  if (first.sink.size > 0) { /* a source that failed at once may have left nothing to write */
    check_canonical(&first, seed >> 16);
    check_values(p, &first);
  }
  spool_input(p, RESPOOL_VALIDATE_FULL, seed >> 24, &first);
  check_structure(p, seed >> 32, &first);
  kit_sink_free(&first.sink);
  FUZZ_CHECK(kit_live_schemas() == 0, "a schema was not released");
  return 0;
}
