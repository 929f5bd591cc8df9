/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which dictionaries a stream must be given before a batch: at first all of them, later those that have changed.
 * Content decides. That two arrays have the same buffers shows that they are equal only while both are held, since
 * addresses are used again; so it is a short cut from one batch to the next, and otherwise what would be written is
 * compared with what was. An outer dictionary goes out again when one inside it did, since readers differ in when
 * they join the two. May call: arrow, support.
 */
#ifndef RESPOOL_IPC_EMITTER_H
#define RESPOOL_IPC_EMITTER_H

#include "ipc/encode.h"

struct emitter;

/* Whoever writes the stream. */
struct emitter_stream {
  void *context;
  /*
   * Whether the message planned, of so many bytes, is what the stream has been given for the dictionary. In doubt,
   * not.
   */
  respool_status (*has)(void *context, int32_t dictionary, const struct ipc_size *size, bool *same,
                        respool_error *error);
  /* Put the message planned. */
  respool_status (*emit)(void *context, int32_t dictionary, const struct ipc_size *size, int64_t rows,
                         respool_error *error);
};

respool_status emitter_open(const struct layout *layout, struct ipc_encoder *encoder, struct emitter **emitter,
                            respool_error *error);
void emitter_close(struct emitter *emitter);

/* The batch before is not held any longer, or was not written in the end. */
void emitter_forget(struct emitter *emitter);

/*
 * Emit what `batch`, which was checked, needs. It must be held until the next call or emitter_forget(). `*any`:
 * something was emitted.
 */
respool_status emitter_prepare(struct emitter *emitter, const struct ArrowArray *batch,
                               const struct emitter_stream *stream, bool *any, respool_error *error);

/* Whether the message planned is the bytes at `bytes`, which are as many. */
bool emitter_equals(struct emitter *emitter, const uint8_t *bytes);

#endif
