/* SPDX-License-Identifier: Apache-2.0 */
/* ipc/batch_metadata: what no message can hold; and messages that the encoder never makes, laid out with it. */
#include "ipc/batch_metadata.h"

#include "ipc/decode.h"
#include "ipc/message.h"

#include "check.h"
#include "wire.h"

static void more_than_a_message_holds(void) {
  struct batch_metadata metadata = {0};
  struct batch_shape shape = {.codec = CODEC_NONE, .n_buffers = INT32_MAX};
  CHECK_ERROR(batch_metadata_shape(&metadata, &shape, kit_error()), RESPOOL_UNSUPPORTED, "a message cannot have");
  CHECK(metadata.bytes == NULL);
  shape.n_buffers = 1;
  CHECK_OK(batch_metadata_shape(&metadata, &shape, kit_error()));
  batch_metadata_close(&metadata);
}

/* A sparse union of one int8, two rows, as metadata V4 had it: with validity of the union itself in front. */
static respool_status decode_old_union(int64_t null_count, uint8_t validity, int64_t validity_bytes) {
  const uint8_t body[192] = {[0] = validity, [64] = 0, [65] = 0, [128] = 7, [129] = 8};
  struct batch_metadata metadata = {0};
  struct batch_shape shape = {.codec = CODEC_NONE, .n_nodes = 2, .n_buffers = 4};
  REQUIRE_OK(batch_metadata_shape(&metadata, &shape, kit_error()));
  batch_metadata_node(&metadata, 0, 2, null_count);
  batch_metadata_node(&metadata, 1, 2, 0);
  batch_metadata_buffer(&metadata, 0, 0, validity_bytes);
  batch_metadata_buffer(&metadata, 1, 64, 2);
  batch_metadata_buffer(&metadata, 2, 128, 0);
  batch_metadata_buffer(&metadata, 3, 128, 2);
  batch_metadata_sizes(&metadata, 2, sizeof body);
  struct ipc_message message;
  REQUIRE_OK(ipc_parse_message(metadata.bytes, metadata.size, &message, kit_error()));
  message.version = 4;
  struct layout *layout = wire_layout_of("{u:sparse_union(0)<a:int8>}");
  struct ArrowArray array;
  struct tree_owner none = {NULL, NULL};
  respool_status status =
      ipc_decode_batch(layout, &message, body, DECODE_FULL, &wire_expander, none, NULL, &array, kit_error());
  if (status == RESPOOL_OK) {
    CHECK_EQ(array.children[0]->null_count, 0);
    CHECK_EQ(((const int8_t *)array.children[0]->children[0]->buffers[1])[1], 8);
    array.release(&array);
  }
  layout_close(layout);
  batch_metadata_close(&metadata);
  return status;
}

/* Whether they are counted or not, nulls of a union are not lost in silence. */
static void unions_with_nulls_of_their_own(void) {
  CHECK_OK(decode_old_union(0, 0, 0));
  CHECK_OK(decode_old_union(0, 3, 1));
  CHECK_OK(decode_old_union(-1, 3, 1));
  CHECK_OK(decode_old_union(-1, 0, 0));
  CHECK_ERROR(decode_old_union(1, 1, 1), RESPOOL_UNSUPPORTED, "'u'");
  CHECK_ERROR(decode_old_union(-1, 1, 1), RESPOOL_UNSUPPORTED, "nulls of its own");
  CHECK_ERROR(decode_old_union(1, 0, 0), RESPOOL_UNSUPPORTED, "nulls of its own");
}

static const kit_test tests[] = {KIT_TEST(more_than_a_message_holds), KIT_TEST(unions_with_nulls_of_their_own)};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
