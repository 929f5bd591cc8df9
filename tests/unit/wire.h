/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the wire format: messages into bytes in memory and out of them. */
#ifndef RESPOOL_TESTS_UNIT_WIRE_H
#define RESPOOL_TESTS_UNIT_WIRE_H

#include "arrow/layout.h"
#include "ipc/builder.h"
#include "ipc/decode.h"
#include "ipc/encode.h"
#include "ipc/expand.h"
#include "ipc/message.h"
#include "support/gather.h"

#include "array_build.h"
#include "bytes.h"

/* For decoding. */
extern struct expander wire_expander;

/* A gather_drain whose context is a kit_sink. */
respool_status wire_take(void *sink, const struct gather_piece *pieces, int count, respool_error *error);

/* Append one message to the sink; an error ends the test. */
void wire_put_schema(const struct ArrowSchema *schema, kit_sink *sink);
struct ipc_size wire_put_batch(const struct layout *layout, const struct ArrowArray *array, kit_sink *sink);

/* Append the message of a dictionary's values. */
struct ipc_size wire_put_values(const struct layout *layout, int32_t dictionary, const struct ArrowArray *values,
                                kit_sink *sink);

/* The message of either, compressed. */
struct ipc_size wire_put_compressed(const struct layout *layout, int32_t dictionary, const struct ArrowArray *array,
                                    int32_t compression, int32_t level, kit_sink *sink);

/* A schema message that was built by hand: a Message of version `version` around the Schema table. */
void wire_put_built_schema(struct builder *builder, builder_ref schema_table, int16_t version, kit_sink *sink);

/* A copy of `size` bytes in a block of exactly that size; free() it. */
uint8_t *wire_exact(const void *bytes, size_t size);

/* The metadata (behind the 8 bytes of its prefix) of a message at `bytes`, in such a block, with its size. */
uint8_t *wire_metadata(const uint8_t *bytes, int64_t *size);

/* A layout of the schema or its text; an error ends the test. */
struct layout *wire_layout(const struct ArrowSchema *schema);
struct layout *wire_layout_of(const char *text);

/* Decode the Schema table of a message; `*big_endian` is set on success. */
respool_status wire_decode_schema(const struct ipc_message *message, int max_depth, struct ArrowSchema *schema,
                                  bool *big_endian);

/* A random batch as a message, with the array that it was made of and the values of its dictionaries, by number. */
enum { WIRE_DICTIONARIES = 64 };
struct wire_sample {
  struct ArrowSchema schema;
  struct ArrowArray array;
  struct layout *layout;
  uint8_t *metadata;
  int64_t metadata_size;
  uint8_t *body;
  int64_t body_size;
  struct dictionary_values *values[WIRE_DICTIONARIES];
};
void wire_sample_open(struct wire_sample *sample, const char *text, const kit_array_options *options);
void wire_sample_close(struct wire_sample *sample);

#endif
