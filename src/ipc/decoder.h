/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that decode messages share: decode.c, decode_node.c, decode_buffer.c. May call: arrow, support. */
#ifndef RESPOOL_IPC_DECODER_H
#define RESPOOL_IPC_DECODER_H

#include "ipc/decode.h"
#include "ipc/expand.h"
#include "ipc/swap.h"

struct decoder {
  const struct layout *layout;
  const struct layout_part *part; /* that the message carries */
  const struct ipc_message *message;
  struct flatbuf_table batch;
  const uint8_t *body;
  enum decode_trust trust;
  struct expander *expander;
  struct expansion expansion; /* of a compressed body */
  const uint8_t *nodes;       /* the next ones */
  const uint8_t *buffers;
  int64_t *variadic; /* data buffers of each view column; ours to free */
  int64_t data_buffers;
  struct dictionary_values *const *dictionaries; /* of a batch: by number */
  int64_t *needed;                               /* of a dictionary: the next of its needs of others */
  int64_t passed;                                /* where the last buffer ends */
  int64_t taken;                                 /* bytes of all buffers so far */
  respool_error *error;
};

/*
 * A buffer as the metadata has it, inside the body; of a compressed one what it was made of. Of another byte order the
 * bytes are ours to change.
 */
struct wire_buffer {
  const uint8_t *bytes;
  int64_t size;
};

#define decoder_corrupt(decoder, at, ...)                                                                              \
  layout_error((decoder)->layout, at, RESPOOL_CORRUPT, (decoder)->error, __VA_ARGS__)

/* The next buffer of the message, called `name` in errors. */
respool_status decoder_next(struct decoder *decoder, int32_t at, const char *name, struct wire_buffer *extent);

/* The buffer must have room for `count` values of `width` bytes. */
respool_status decoder_need(const struct decoder *decoder, int32_t at, const char *name,
                            const struct wire_buffer *extent, int64_t count, int64_t width);

/* The same for what has a byte order, which is made the machine's: units, numbers, a fixed node's own values. */
respool_status decoder_need_units(const struct decoder *decoder, int32_t at, const char *name,
                                  const struct wire_buffer *extent, int64_t count, enum swap_unit unit, int32_t width);
respool_status decoder_need_numbers(const struct decoder *decoder, int32_t at, const char *name,
                                    const struct wire_buffer *extent, int64_t count, int32_t width);
respool_status decoder_need_values(const struct decoder *decoder, int32_t at, const struct wire_buffer *extent,
                                   int64_t count);

/* Make the array of node `at`, which was opened, of the next nodes and buffers. */
respool_status decode_node(struct decoder *decoder, int32_t at, struct ArrowArray *array);

#endif
