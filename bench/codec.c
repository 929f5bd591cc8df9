/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec alone, on batches that are nearly all metadata: one row of so many int64 columns, encoded or decoded
 * again and again. Its instructions are counted, since those tell of small changes what no clock can:
 * bench/instructions runs it. Usage: codec encode|decode COLUMNS ROUNDS
 */
#include "ipc/decode.h"
#include "ipc/encode.h"
#include "support/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 1 << 20 };

struct batch {
  struct ArrowArray array;
  struct ArrowArray *columns;
  struct ArrowArray **children;
  const void **buffers; /* two of each column */
};

static const int64_t one_value[8];

static void nothing(struct ArrowArray *array) {
  array->release = NULL;
}

static void nothing_of_schema(struct ArrowSchema *schema) {
  schema->release = NULL;
}

static void make_schema(int columns, struct ArrowSchema *schema) {
  static struct ArrowSchema field = {
      .format = "l", .name = "value", .flags = ARROW_FLAG_NULLABLE, .release = nothing_of_schema};
  struct ArrowSchema **children = calloc((size_t)columns, sizeof *children);
  if (children == NULL) exit(1);
  for (int i = 0; i < columns; i++) children[i] = &field;
  *schema =
      (struct ArrowSchema){.format = "+s", .n_children = columns, .children = children, .release = nothing_of_schema};
}

static void make_batch(int columns, struct batch *batch) {
  size_t count = (size_t)columns;
  batch->columns = calloc(count, sizeof *batch->columns);
  batch->children = calloc(count, sizeof *batch->children);
  batch->buffers = calloc(2 * count + 1, sizeof *batch->buffers);
  if (batch->columns == NULL || batch->children == NULL || batch->buffers == NULL) exit(1);
  for (size_t i = 0; i < count; i++) {
    batch->buffers[2 * i + 1] = one_value;
    batch->columns[i] =
        (struct ArrowArray){.length = 1, .n_buffers = 2, .buffers = batch->buffers + 2 * i, .release = nothing};
    batch->children[i] = &batch->columns[i];
  }
  batch->array = (struct ArrowArray){.length = 1,
                                     .n_buffers = 1,
                                     .n_children = columns,
                                     .buffers = batch->buffers + 2 * count,
                                     .children = batch->children,
                                     .release = nothing};
}

struct message {
  uint8_t *bytes;
  size_t size;
};

static respool_status take(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  (void)error;
  struct message *message = context;
  for (int i = 0; i < count; i++) {
    if (message->size + pieces[i].length > MESSAGE_BYTES) exit(1);
    memcpy(message->bytes + message->size, pieces[i].bytes, pieces[i].length);
    message->size += pieces[i].length;
  }
  return RESPOOL_OK;
}

static void expect(respool_status status) {
  if (status == RESPOOL_OK) return;
  fprintf(stderr, "codec: %s\n", respool_status_name(status));
  exit(1);
}

static void encode(struct ipc_encoder *encoder, const struct batch *batch, struct gather *gather,
                   struct message *message, struct ipc_size *size) {
  message->size = 0;
  gather_reset(gather, take, message);
  expect(ipc_encode_batch(encoder, &batch->array, gather, size, NULL));
  expect(gather_flush(gather, NULL));
}

static void drop(void *object) {
  (void)object;
}

static void decode(const struct layout *layout, const struct message *message, const struct ipc_size *size) {
  struct ipc_message parsed;
  struct ArrowArray array;
  struct tree_owner owner = {drop, NULL};
  struct expander expander = {0}; /* nothing is compressed */
  expect(ipc_parse_message(message->bytes + IPC_PREFIX, size->metadata - IPC_PREFIX, &parsed, NULL));
  expect(ipc_decode_batch(layout, &parsed, message->bytes + size->metadata, DECODE_OWN, &expander, owner, NULL, &array,
                          NULL));
  array.release(&array);
}

int main(int argc, char **argv) {
  int columns = argc == 4 ? atoi(argv[2]) : 0;
  bool decoding = argc == 4 && strcmp(argv[1], "decode") == 0;
  if (columns <= 0 || (!decoding && strcmp(argv[1], "encode") != 0)) {
    fprintf(stderr, "usage: codec encode|decode COLUMNS ROUNDS\n");
    return 2;
  }
  struct ArrowSchema schema;
  struct layout *layout;
  struct ipc_encoder *encoder;
  struct batch batch;
  struct ipc_size size;
  struct message message = {.bytes = aligned_alloc(64, MESSAGE_BYTES)};
  struct gather *gather = gather_open();
  make_schema(columns, &schema);
  make_batch(columns, &batch);
  expect(layout_open(&schema, LAYOUT_MAX_DEPTH, &layout, NULL));
  expect(ipc_encoder_open(layout, &encoder, NULL));
  encode(encoder, &batch, gather, &message, &size);
  for (int i = atoi(argv[3]); i > 0; i--) {
    if (decoding)
      decode(layout, &message, &size);
    else
      encode(encoder, &batch, gather, &message, &size);
  }
  return 0; /* the rest goes with the process */
}
