/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buffers of a compressed body, unpacked into memory of our own. The bytes are hostile, and how much they claim to
 * expand to is bounded before memory is taken. May call: arrow, support.
 */
#ifndef RESPOOL_IPC_EXPAND_H
#define RESPOOL_IPC_EXPAND_H

#include "arrow/tree.h"
#include "ipc/codec.h"
#include "ipc/flatbuf.h"

/*
 * What whoever decodes keeps for it, one thread at a time: where memory comes from, how much of it a body may take, and
 * what the codecs keep.
 */
struct expander {
  respool_status (*take)(void *context, int64_t size, uint8_t **bytes, struct tree_owner *owner, respool_error *error);
  void *context;
  int64_t most_bytes; /* of the buffers of one message, each rounded up to 64 */
  int64_t most_ratio; /* of these to the body's; asks nothing of what is below EXPAND_FREELY */
  struct codec_state codecs;
};

#define EXPAND_FREELY ((int64_t)64 << 20)

void expander_close(struct expander *expander);

/* How much so many bytes of compressed bodies may expand to. */
int64_t expander_most(const struct expander *expander, int64_t body_size);

/* One body on its way. */
struct expansion {
  struct expander *expander;
  int codec; /* CODEC_NONE: the body is not compressed */
  int64_t body_size;
  int64_t most; /* that may be used */
  int64_t used;
  int64_t room;
  uint8_t *memory; /* of `room` bytes, or NULL: no buffer has any */
  struct tree_owner owner;
};

/* Look what the RecordBatch table `batch` says. RESPOOL_UNSUPPORTED, RESPOOL_CORRUPT. */
respool_status expansion_open(struct expansion *expansion, struct expander *expander, const struct flatbuf_table *batch,
                              int64_t body_size, respool_error *error);

/* Take memory for what the batch's `buffers`, `count` of them as the wire has them, hold. RESPOOL_NO_MEMORY. */
respool_status expansion_reserve(struct expansion *expansion, const uint8_t *buffers, uint32_t count,
                                 const uint8_t *body, respool_error *error);

/*
 * The buffer that lies at `bytes` in the body, `size` of them: from then on what it was made of. Buffers come in the
 * order in which they were given to expansion_reserve(). On an error `why` has the reason, for whoever knows the
 * field's name.
 */
enum { EXPAND_REASON = 200 };
respool_status expansion_buffer(struct expansion *expansion, const uint8_t **bytes, int64_t *size,
                                char why[EXPAND_REASON]);

/* Done: the memory is given up; or it is `owner` from now on, who was the body's, which is not needed any more. */
void expansion_drop(struct expansion *expansion);
void expansion_adopt(struct expansion *expansion, struct tree_owner *owner);

#endif
