/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder itself, seen from inside: each message's metadata and body lie where an unmapped page follows the last
 * byte, read-only, so that a step too far or a write faults in any build. What is decoded is walked where it was
 * validated in full, and encoded again either way, since slices and ranges that the encoder finds lead it, too.
 */
#include "digest.h"
#include "fuzz.h"
#include "guard.h"
#include "ipc/decode.h"
#include "ipc/dictionaries.h"
#include "ipc/encode.h"
#include "ipc/format.h"
#include "ipc/schema.h"
#include "walk.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGES_MOST = 64, EXPANSION_MOST = 16 << 20 };

typedef struct decoding {
  fuzz_input *input;
  enum decode_trust trust;
  struct layout *layout; /* NULL: no schema has come */
  bool big_endian;
  struct dictionaries dictionaries;
  struct ipc_encoder *encoder;
  struct expander expander;
} decoding;

/* A message with its bytes. The body is the caller's, or the array's that was made of it. */
typedef struct guarded {
  guard metadata;
  guard *body;
  struct ipc_message message;
} guarded;

static void drop_body(void *object) {
  guard_free(object);
  free(object);
}

/* Bodies of another byte order are turned round where they lie. */
static guard *copy_body(const uint8_t *bytes, size_t size, bool writable) {
  guard *body = malloc(sizeof *body);
  FUZZ_CHECK(body != NULL, "no memory");
  *body = writable ? guard_make(size) : guard_copy(bytes, size);
  if (writable && size > 0) memcpy(body->bytes, bytes, size);
  return body;
}

/* What is unpacked ends at an unmapped page too. */
static respool_status take_memory(void *context, int64_t size, uint8_t **bytes, struct tree_owner *owner,
                                  respool_error *error) {
  (void)context, (void)error;
  guard *memory = malloc(sizeof *memory);
  FUZZ_CHECK(memory != NULL, "no memory");
  *memory = guard_make((size_t)size);
  *bytes = memory->bytes;
  *owner = (struct tree_owner){drop_body, memory};
  return RESPOOL_OK;
}

/* ---- Messages -------------------------------------------------------------------------------------- */

static int64_t left(const fuzz_input *input) {
  return (int64_t)(input->size - input->at);
}

static const uint8_t *here(const fuzz_input *input) {
  return input->bytes + input->at;
}

static bool take_metadata(decoding *d, guarded *g) {
  struct ipc_prefix prefix;
  int64_t available = left(d->input) < 8 ? left(d->input) : 8;
  if (available < 4 || !ipc_parse_prefix(here(d->input), (int)available, &prefix) || prefix.is_end) return false;
  d->input->at += (size_t)prefix.bytes;
  if (prefix.metadata_size > left(d->input)) return false;
  g->metadata = guard_copy(here(d->input), (size_t)prefix.metadata_size);
  d->input->at += (size_t)prefix.metadata_size;
  respool_error error = {0};
  respool_status status = ipc_parse_message(g->metadata.bytes, prefix.metadata_size, &g->message, &error);
  if (status != RESPOOL_OK) fuzz_check_error(status, &error);
  return status == RESPOOL_OK;
}

static bool take_body(decoding *d, guarded *g) {
  if (g->message.body_size > left(d->input)) return false;
  g->body = copy_body(here(d->input), (size_t)g->message.body_size, d->big_endian);
  g->message.big_endian = d->big_endian;
  d->input->at += (size_t)g->message.body_size;
  return true;
}

/* ---- What is in them ------------------------------------------------------------------------------- */

static bool take_layout(decoding *d, const struct ArrowSchema *schema, const struct ipc_schema_info *info) {
  respool_error error = {0};
  d->big_endian = info->big_endian;
  if (layout_open(schema, LAYOUT_MAX_DEPTH, &d->layout, &error) != RESPOOL_OK) return false;
  if (dictionaries_open(&d->dictionaries, d->layout, info, &error) != RESPOOL_OK) return false;
  FUZZ_OK(ipc_encoder_open(d->layout, &d->encoder, &error), &error);
  return true;
}

static bool take_schema(decoding *d, guarded *g) {
  struct ArrowSchema schema;
  struct ipc_schema_info info = {0};
  respool_error error = {0};
  drop_body(g->body);
  if (d->layout != NULL) return false;
  respool_status status = ipc_decode_schema(&g->message.header, LAYOUT_MAX_DEPTH, &schema, &info, &error);
  bool good = status == RESPOOL_OK && take_layout(d, &schema, &info);
  if (status == RESPOOL_OK)
    schema.release(&schema);
  else
    fuzz_check_error(status, &error);
  ipc_schema_info_close(&info);
  return good;
}

static volatile uint64_t seen; /* so that no compiler leaves the reading out */

/* Reads all that it is given. */
static respool_status taker(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  uint64_t *sum = context;
  (void)error;
  for (int i = 0; i < count; i++) *sum += fuzz_hash(pieces[i].bytes, pieces[i].length);
  return RESPOOL_OK;
}

/* As a batch, and each dictionary's values as theirs. */
static void encode(decoding *d, const struct ArrowArray *array) {
  uint64_t sum = 0;
  respool_error error = {0};
  struct ipc_size size;
  struct gather *gather = gather_open();
  const struct ArrowArray **values = calloc((size_t)d->layout->n_dictionaries + 1, sizeof *values);
  FUZZ_CHECK(gather != NULL && values != NULL, "no memory");
  gather_reset(gather, taker, &sum);
  layout_find_values(d->layout, array, values);
  for (int32_t i = LAYOUT_BATCH; i < d->layout->n_dictionaries; i++) {
    FUZZ_OK(ipc_encoder_plan(d->encoder, i, i == LAYOUT_BATCH ? array : values[i], &size, &error), &error);
    FUZZ_OK(ipc_encoder_put(d->encoder, gather, &error), &error);
  }
  FUZZ_OK(gather_flush(gather, &error), &error);
  gather_close(gather);
  free(values);
  seen += sum;
}

/* A consumer may cut the batch anywhere and hand it in again: what the check of a producer's array passes is safe. */
static void encode_slice(decoding *d, const struct ArrowArray *array) {
  struct ArrowArray slice = *array;
  if (array->length < 2) return;
  slice.offset = 1 + (int64_t)((uint64_t)array->length / 3);
  slice.length = (array->length - slice.offset + 1) / 2;
  if (check_array(d->layout, &slice, CHECK_SHAPE, NULL) == RESPOOL_OK) encode(d, &slice);
}

static bool take_batch(decoding *d, guarded *g) {
  struct ArrowArray array;
  struct tree_owner owner = {drop_body, g->body};
  respool_error error = {0};
  respool_status status = ipc_decode_batch(d->layout, &g->message, g->body->bytes, d->trust, &d->expander, owner,
                                           dictionaries_current(&d->dictionaries), &array, &error);
  if (status != RESPOOL_OK) {
    fuzz_check_error(status, &error);
    drop_body(g->body);
    return false;
  }
  if (d->trust == DECODE_FULL) walk_batch(&d->layout->schema, &array);
  encode(d, &array);
  encode_slice(d, &array);
  array.release(&array);
  return true;
}

static bool take_dictionary(decoding *d, guarded *g) {
  struct tree_owner owner = {drop_body, g->body};
  respool_error error = {0};
  respool_status status =
      dictionaries_take(&d->dictionaries, &g->message, g->body->bytes, d->trust, &d->expander, owner, &error);
  if (status != RESPOOL_OK) fuzz_check_error(status, &error);
  return status == RESPOOL_OK;
}

static bool take_message(decoding *d, guarded *g) {
  if (!take_metadata(d, g) || !take_body(d, g)) return false;
  if (g->message.kind == HEADER_SCHEMA) return take_schema(d, g);
  bool known = d->encoder != NULL && (g->message.kind == HEADER_BATCH || d->layout->n_dictionaries > 0);
  if (!known) drop_body(g->body);
  if (!known) return false;
  return g->message.kind == HEADER_BATCH ? take_batch(d, g) : take_dictionary(d, g);
}

static void decode(const uint8_t *data, size_t size, enum decode_trust trust) {
  fuzz_input input = {.bytes = data, .size = size};
  decoding d = {.input = &input, .trust = trust};
  d.expander = (struct expander){.take = take_memory, .most_bytes = EXPANSION_MOST, .most_ratio = INT64_MAX};
  bool more = true;
  for (int i = 0; more && i < MESSAGES_MOST; i++) {
    guarded g = {0};
    more = take_message(&d, &g);
    if (g.metadata.mapping != NULL) guard_free(&g.metadata);
  }
  ipc_encoder_close(d.encoder);
  expander_close(&d.expander);
  if (d.layout != NULL) dictionaries_close(&d.dictionaries);
  layout_close(d.layout);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  decode(data, size, DECODE_FULL);
  decode(data, size, DECODE_STRUCTURE);
  return 0;
}
