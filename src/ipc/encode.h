/* SPDX-License-Identifier: Apache-2.0 */
/* Record batches to the wire format. May call: arrow, support. */
#ifndef RESPOOL_IPC_ENCODE_H
#define RESPOOL_IPC_ENCODE_H

#include "arrow/layout.h"
#include "support/gather.h"

/* Scratch for encoding batches of one layout, one at a time. */
struct ipc_encoder;

respool_status ipc_encoder_open(const struct layout *layout, struct ipc_encoder **encoder, respool_error *error);
void ipc_encoder_close(struct ipc_encoder *encoder);

/*
 * Compress the bodies of what comes: RESPOOL_COMPRESSION_... and level, checked by codec_check(). Before the first
 * message. What was made is kept until the encoder hears that all that was put has been drained, or dropped; or that
 * the message planned last is not wanted, and nothing refers to it.
 */
void ipc_encoder_compress(struct ipc_encoder *encoder, int32_t compression, int32_t level);
void ipc_encoder_drained(struct ipc_encoder *encoder);
void ipc_encoder_discard(struct ipc_encoder *encoder);

/* Which messages are compressed from now on, where a compression was chosen; at first all. */
void ipc_encoder_pack(struct ipc_encoder *encoder, bool batches, bool dictionaries);

/* What one message takes: prefix, metadata and padding; then the body. Both are multiples of 64. */
struct ipc_size {
  int64_t metadata;
  int64_t body;
};

/*
 * Plan the next message: a batch (dictionary LAYOUT_BATCH), or the values of a dictionary, whose id on the wire is its
 * number. `size` is what it will take. Then put it, as often as wanted, while the array is there.
 */
respool_status ipc_encoder_plan(struct ipc_encoder *encoder, int32_t dictionary, const struct ArrowArray *array,
                                struct ipc_size *size, respool_error *error);
respool_status ipc_encoder_put(struct ipc_encoder *encoder, struct gather *gather, respool_error *error);

/*
 * Plan and put a batch: encode the rows that `array` shows, which was checked, with custom metadata. Slices are exact:
 * offsets start at 0, bits at bit 0, no byte of a neighbour is written, padding is zero. Large buffers are handed to
 * `gather` as they are and must live until it is flushed.
 */
respool_status ipc_encode_batch(struct ipc_encoder *encoder, const struct ArrowArray *array, struct gather *gather,
                                struct ipc_size *size, respool_error *error);

#endif
