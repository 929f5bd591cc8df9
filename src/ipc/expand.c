/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed bodies: see expand.h. */
#include "ipc/expand.h"

#include "ipc/format.h"
#include "support/arith.h"
#include "support/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LENGTH_BYTES = 8, AS_IT_IS = -1, MEMORY_ALIGNMENT = 64 };

void expander_close(struct expander *expander) {
  codec_close(&expander->codecs);
}

/* ---- The bounds ------------------------------------------------------------------------------------ */

int64_t expander_most(const struct expander *expander, int64_t body_size) {
  int64_t most;
  if (!mul_fits(body_size, expander->most_ratio, &most)) most = INT64_MAX;
  if (most < EXPAND_FREELY) most = EXPAND_FREELY;
  return most < expander->most_bytes ? most : expander->most_bytes;
}

respool_status expansion_open(struct expansion *expansion, struct expander *expander, const struct flatbuf_table *batch,
                              int64_t body_size, respool_error *error) {
  struct flatbuf_table compression = flatbuf_sub(batch, BATCH_COMPRESSION);
  uint8_t codec = flatbuf_u8(&compression, COMPRESSION_CODEC, CODEC_LZ4_FRAME);
  uint8_t method = flatbuf_u8(&compression, COMPRESSION_METHOD, 0);
  *expansion = (struct expansion){.expander = expander, .codec = CODEC_NONE, .body_size = body_size};
  if (flatbuf_broken(batch->buffer)) {
    return error_set(error, RESPOOL_CORRUPT, "damaged metadata: %s", batch->buffer->broken);
  }
  if (!compression.present) return RESPOOL_OK;
  if (codec >= CODEC_COUNT || method != 0) {
    return error_set(error, RESPOOL_UNSUPPORTED, "its body is compressed with codec %u, method %u, which is unknown",
                     codec, method);
  }
  expansion->codec = codec;
  expansion->most = expander_most(expander, body_size);
  respool_status status = codec_need(codec, error);
  if (status != RESPOOL_OK) error_prefix(error, "its body is compressed");
  return status;
}

/* What a buffer says of itself. It is looked at once, since a mapped file may change. */
struct declared {
  int64_t holds;
  bool as_it_is; /* not compressed, since it would not have shrunk */
};

/*
 * False where that cannot be. Beyond what a frame of its size can hold nothing is believed, so that memory is taken
 * only for what the body has bytes for.
 */
static bool read_declared(const struct expansion *expansion, const uint8_t *bytes, int64_t size,
                          struct declared *declared) {
  *declared = (struct declared){0};
  if (size < LENGTH_BYTES) return false;
  declared->holds = load_i64(bytes);
  declared->as_it_is = declared->holds == AS_IT_IS;
  if (declared->as_it_is) declared->holds = size - LENGTH_BYTES;
  int64_t most = codec_most(expansion->codec, size - LENGTH_BYTES);
  return declared->holds >= 0 && declared->holds <= most && declared->holds <= INT64_MAX / 2;
}

respool_status expansion_reserve(struct expansion *expansion, const uint8_t *buffers, uint32_t count,
                                 const uint8_t *body, respool_error *error) {
  if (expansion->codec == CODEC_NONE) return RESPOOL_OK;
  int64_t total = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *entry = buffers + (int64_t)i * BUFFER_BYTES;
    int64_t offset = load_i64(entry);
    int64_t size = load_i64(entry + 8);
    int64_t end;
    struct declared declared;
    bool inside = offset >= 0 && size > 0 && add_fits(offset, size, &end) && end <= expansion->body_size;
    if (!inside || !read_declared(expansion, body + offset, size, &declared))
      continue; /* refused when its turn comes */
    total = add_saturating(total, round_up(declared.holds, MEMORY_ALIGNMENT));
  }
  expansion->room = total < expansion->most ? total : expansion->most;
  if (expansion->room == 0) return RESPOOL_OK;
  struct expander *expander = expansion->expander;
  return expander->take(expander->context, expansion->room, &expansion->memory, &expansion->owner, error);
}

/* ---- Buffers --------------------------------------------------------------------------------------- */

static respool_status refuse(char why[EXPAND_REASON], const char *reason) {
  snprintf(why, EXPAND_REASON, "%s", reason);
  return RESPOOL_CORRUPT;
}

static respool_status refuse_more(const struct expansion *expansion, int64_t holds, char why[EXPAND_REASON]) {
  bool by_ratio = expansion->most < expansion->expander->most_bytes;
  snprintf(why, EXPAND_REASON,
           "%" PRId64 " bytes, with which a body of %" PRId64 " would expand to more than %" PRId64
           " (the option %s allows more)",
           holds, expansion->body_size, expansion->most, by_ratio ? "max_expansion_ratio" : "max_expansion");
  return RESPOOL_CORRUPT;
}

/* Where the next `holds` bytes go. */
static respool_status claim(struct expansion *expansion, int64_t holds, uint8_t **to, char why[EXPAND_REASON]) {
  int64_t rounded = round_up(holds, MEMORY_ALIGNMENT);
  if (rounded > expansion->most - expansion->used) return refuse_more(expansion, holds, why);
  if (rounded > expansion->room - expansion->used) return refuse(why, "changed while it was read");
  *to = expansion->memory + expansion->used;
  expansion->used += rounded;
  memset(*to + holds, 0, (size_t)(rounded - holds));
  return RESPOOL_OK;
}

static respool_status unpack(struct expansion *expansion, const uint8_t *frame, int64_t size, uint8_t *to,
                             int64_t holds, char why[EXPAND_REASON]) {
  const char *reason = "";
  struct codec_state *codecs = &expansion->expander->codecs;
  respool_status status = codec_unpack(codecs, expansion->codec, frame, size, to, holds, &reason);
  if (status != RESPOOL_NO_MEMORY)
    snprintf(why, EXPAND_REASON, "%s where %" PRId64 " bytes are declared", reason, holds);
  return status;
}

respool_status expansion_buffer(struct expansion *expansion, const uint8_t **bytes, int64_t *size,
                                char why[EXPAND_REASON]) {
  if (expansion->codec == CODEC_NONE || *size == 0) return RESPOOL_OK;
  struct declared declared;
  int64_t packed = *size - LENGTH_BYTES;
  why[0] = '\0';
  if (packed < 0) return refuse(why, "too small for a length");
  if (!read_declared(expansion, *bytes, *size, &declared)) {
    snprintf(why, EXPAND_REASON, "%" PRId64 " bytes declared, which %" PRId64 " compressed ones cannot hold",
             declared.holds, packed);
    return RESPOOL_CORRUPT;
  }
  uint8_t none;
  uint8_t *to = &none;
  respool_status status = declared.holds > 0 ? claim(expansion, declared.holds, &to, why) : RESPOOL_OK;
  if (status != RESPOOL_OK) return status;
  const uint8_t *frame = *bytes + LENGTH_BYTES;
  if (declared.as_it_is)
    memcpy(to, frame, (size_t)declared.holds);
  else if (packed > 0)
    status = unpack(expansion, frame, packed, to, declared.holds, why);
  *bytes = declared.holds > 0 ? to : tree_zeros;
  *size = declared.holds;
  return status;
}

/* ---- Whose the memory is --------------------------------------------------------------------------- */

static void drop(struct tree_owner *owner) {
  if (owner->drop != NULL) owner->drop(owner->object);
  *owner = (struct tree_owner){NULL, NULL};
}

void expansion_drop(struct expansion *expansion) {
  drop(&expansion->owner);
}

void expansion_adopt(struct expansion *expansion, struct tree_owner *owner) {
  if (expansion->codec == CODEC_NONE) return;
  drop(owner);
  *owner = expansion->owner;
}
