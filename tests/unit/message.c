/* SPDX-License-Identifier: Apache-2.0 */
/* ipc/message: prefixes of both ages, messages and what is wrong with them, the end marker, footers. */
#include "ipc/message.h"

#include "ipc/builder.h"
#include "ipc/format.h"
#include "support/arith.h"

#include "check.h"
#include "random.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

/* ---- Prefixes -------------------------------------------------------------------------------------- */

static void check_prefix(uint32_t first, uint32_t second, int available, bool good, int bytes, int64_t size) {
  uint8_t *head = malloc((size_t)available);
  struct ipc_prefix prefix = {.bytes = -7};
  uint8_t both[8];
  store_u32(both, first);
  store_u32(both + 4, second);
  memcpy(head, both, (size_t)available);
  if (CHECK_EQ(ipc_parse_prefix(head, available, &prefix), good) && good) {
    CHECK_EQ(prefix.bytes, bytes);
    CHECK_EQ(prefix.metadata_size, size);
    CHECK_EQ(prefix.is_end, size == 0);
  }
  free(head);
}

static void prefixes(void) {
  check_prefix(IPC_CONTINUATION, 128, 8, true, 8, 128);
  check_prefix(IPC_CONTINUATION, 0, 8, true, 8, 0);
  check_prefix(IPC_CONTINUATION, INT32_MAX, 8, true, 8, INT32_MAX);
  check_prefix(IPC_CONTINUATION, 0x80000000, 8, false, 0, 0);
  check_prefix(IPC_CONTINUATION, IPC_CONTINUATION, 8, false, 0, 0);
  check_prefix(IPC_CONTINUATION, 128, 4, false, 0, 0); /* the size is missing */
  check_prefix(128, 99, 8, true, 4, 128);              /* as before 0.15 */
  check_prefix(128, 0, 4, true, 4, 128);
  check_prefix(0, 99, 8, true, 4, 0);
  check_prefix(0, 0, 4, true, 4, 0);
  check_prefix(0xfffffffe, 1, 8, false, 0, 0);
  check_prefix(128, 0, 3, false, 0, 0);
  check_prefix(IPC_CONTINUATION, 1, 7, false, 0, 0);
  check_prefix(1, 1, 1, false, 0, 0);
}

/* ---- Messages -------------------------------------------------------------------------------------- */

struct numbers {
  int version; /* -1: left out */
  int kind;
  int64_t body;
  int64_t rows;
  bool no_header;
  bool compressed;
};

static builder_ref build_batch(struct builder *builder, const struct numbers *numbers) {
  builder_begin(builder);
  builder_ref compression = builder_end(builder);
  builder_begin(builder);
  builder_put_i64(builder, BATCH_LENGTH, numbers->rows);
  if (numbers->compressed) builder_put_ref(builder, BATCH_COMPRESSION, compression);
  return builder_end(builder);
}

static builder_ref build_header(struct builder *builder, const struct numbers *numbers) {
  builder_ref batch = build_batch(builder, numbers);
  if (numbers->kind != HEADER_DICTIONARY) return batch;
  builder_begin(builder);
  builder_put_i64(builder, DICTIONARY_BATCH_ID, 5);
  builder_put_ref(builder, DICTIONARY_BATCH_DATA, batch);
  return builder_end(builder);
}

static uint8_t *build_message(const struct numbers *numbers, size_t *size) {
  struct builder builder;
  builder_open(&builder);
  builder_ref header = numbers->no_header ? 0 : build_header(&builder, numbers);
  builder_begin(&builder);
  builder_put_i64(&builder, MESSAGE_BODY_LENGTH, numbers->body);
  if (numbers->version >= 0) builder_put_i16(&builder, MESSAGE_VERSION, (int16_t)numbers->version);
  builder_put_u8(&builder, MESSAGE_HEADER_TYPE, (uint8_t)numbers->kind);
  builder_put_ref(&builder, MESSAGE_HEADER, header);
  const uint8_t *bytes = builder_finish(&builder, builder_end(&builder), size);
  REQUIRE(bytes != NULL);
  uint8_t *copy = wire_exact(bytes, *size);
  builder_close(&builder);
  return copy;
}

static void good_messages(void) {
  for (int version = IPC_VERSION_4; version <= IPC_VERSION_5; version++)
    for (int kind = HEADER_SCHEMA; kind <= HEADER_BATCH; kind++)
      for (int compressed = 0; compressed < 2; compressed++) {
        struct numbers numbers = {version, kind, 640, 12, false, compressed};
        struct ipc_message message;
        size_t size;
        uint8_t *bytes = build_message(&numbers, &size);
        REQUIRE_OK(ipc_parse_message(bytes, (int64_t)size, &message, kit_error()));
        CHECK_EQ(message.version, version + 1);
        CHECK_EQ(message.kind, kind);
        CHECK_EQ(message.body_size, 640);
        CHECK_EQ(ipc_message_rows(&message), kind == HEADER_SCHEMA ? 0 : 12);
        CHECK_EQ(ipc_message_compressed(&message), kind != HEADER_SCHEMA && compressed);
        free(bytes);
      }
}

static void check_refused(const struct numbers *numbers, respool_status status, const char *part) {
  struct ipc_message message;
  size_t size;
  uint8_t *bytes = build_message(numbers, &size);
  CHECK_ERROR(ipc_parse_message(bytes, (int64_t)size, &message, kit_error()), status, part);
  free(bytes);
}

static void messages_that_are_refused(void) {
  check_refused(&(struct numbers){.version = -1, .kind = HEADER_BATCH}, RESPOOL_UNSUPPORTED,
                "version 1"); /* the default */
  check_refused(&(struct numbers){.version = 2, .kind = HEADER_BATCH}, RESPOOL_UNSUPPORTED, "version 3");
  check_refused(&(struct numbers){.version = 5, .kind = HEADER_SCHEMA}, RESPOOL_UNSUPPORTED, "version 6");
  check_refused(&(struct numbers){.version = 4, .kind = HEADER_TENSOR}, RESPOOL_UNSUPPORTED, "kind 4");
  check_refused(&(struct numbers){.version = 4, .kind = HEADER_SPARSE_TENSOR}, RESPOOL_UNSUPPORTED, "kind 5");
  check_refused(&(struct numbers){.version = 4, .kind = 200}, RESPOOL_UNSUPPORTED, "kind 200");
  check_refused(&(struct numbers){.version = 4, .kind = HEADER_NONE}, RESPOOL_UNSUPPORTED, "kind 0");
  check_refused(&(struct numbers){.version = 4, .kind = HEADER_BATCH, .no_header = true}, RESPOOL_CORRUPT, "header");
  check_refused(&(struct numbers){.version = 4, .kind = HEADER_BATCH, .body = -1}, RESPOOL_CORRUPT, "negative");
  check_refused(&(struct numbers){.version = 4, .kind = HEADER_BATCH, .body = INT64_MIN}, RESPOOL_CORRUPT, "negative");
}

static void sizes_that_are_refused(void) {
  uint8_t bytes[8] = {0};
  struct ipc_message message;
  CHECK_STATUS(ipc_parse_message(bytes, 0, &message, kit_error()), RESPOOL_CORRUPT);
  CHECK_STATUS(ipc_parse_message(bytes, 7, &message, kit_error()), RESPOOL_CORRUPT);
  CHECK_STATUS(ipc_parse_message(bytes, (int64_t)INT32_MAX + 1, &message, kit_error()), RESPOOL_CORRUPT);
  CHECK(ipc_parse_message(bytes, 8, &message, kit_error()) != RESPOOL_OK); /* no root, so no version either */
}

/* Damaged in any byte: parsed or refused, never read outside. */
static void damaged_messages(void) {
  size_t size, refused = 0;
  uint8_t *bytes = build_message(&(struct numbers){4, HEADER_DICTIONARY, 64, 3, false, true}, &size);
  for (size_t i = 0; i < size; i++)
    for (int value = 0; value < 256; value++) {
      uint8_t before = bytes[i];
      struct ipc_message message;
      bytes[i] = (uint8_t)value;
      if (ipc_parse_message(bytes, (int64_t)size, &message, NULL) == RESPOOL_OK) {
        ipc_message_rows(&message);
        ipc_message_compressed(&message);
      } else {
        refused++;
      }
      bytes[i] = before;
    }
  CHECK_LE(size * 20, refused);
  for (size_t cut = 0; cut < size; cut++) {
    uint8_t *part = wire_exact(bytes, cut);
    struct ipc_message message;
    if (ipc_parse_message(part, (int64_t)cut, &message, NULL) == RESPOOL_OK) {
      ipc_message_rows(&message);
      ipc_message_compressed(&message);
    }
    free(part);
  }
  free(bytes);
}

/* ---- Writing --------------------------------------------------------------------------------------- */

/* Whatever the metadata's size, a message's front is a multiple of 64, and its padding is zero. */
static void metadata_is_padded(void) {
  uint8_t bytes[300];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i + 1);
  struct gather *gather = gather_open();
  for (int64_t size = 1; size < (int64_t)sizeof bytes; size++) {
    kit_sink sink = {0};
    gather_reset(gather, wire_take, &sink);
    CHECK_OK(ipc_put_metadata(bytes, size, gather, kit_error()));
    CHECK_OK(gather_flush(gather, kit_error()));
    CHECK_EQ(sink.size % IPC_ALIGNMENT, 0);
    CHECK_LE((int64_t)sink.size, size + IPC_PREFIX + IPC_ALIGNMENT - 1);
    CHECK_EQ(load_u32(sink.bytes), IPC_CONTINUATION);
    CHECK_EQ(load_u32(sink.bytes + 4), sink.size - IPC_PREFIX);
    CHECK_EQ(memcmp(sink.bytes + IPC_PREFIX, bytes, (size_t)size), 0);
    for (size_t i = (size_t)size + IPC_PREFIX; i < sink.size; i++) CHECK_EQ(sink.bytes[i], 0);
    kit_sink_free(&sink);
  }
  gather_close(gather);
}

static void the_end_marker(void) {
  kit_sink sink = {0};
  struct gather *gather = gather_open();
  gather_reset(gather, wire_take, &sink);
  CHECK_OK(ipc_put_end(gather, kit_error()));
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_BYTES(sink.bytes, sink.size, "\xff\xff\xff\xff\0\0\0\0", 8);
  kit_sink_free(&sink);
  gather_close(gather);
}

/* ---- Footers --------------------------------------------------------------------------------------- */

/* A vector of structs of 24 bytes: numbers of 32 bits, whose count is put right afterwards. */
static builder_ref build_blocks(struct builder *builder, const struct ipc_block *blocks, uint32_t count) {
  int32_t words[6 * 8] = {0};
  for (uint32_t i = 0; i < count; i++) {
    int32_t *at = words + 6 * (size_t)i;
    memcpy(at, &blocks[i].offset, 8);
    at[2] = (int32_t)blocks[i].metadata_size;
    memcpy(at + 4, &blocks[i].body_size, 8);
  }
  builder_ref ref = builder_i32s(builder, words, 6 * (size_t)count);
  store_u32(builder->memory + builder->capacity - builder->used, count);
  return ref;
}

static const struct ipc_block some_blocks[] = {{8, 256, 1024}, {(int64_t)1 << 40, INT32_MAX, (int64_t)1 << 41}};

static uint8_t *build_footer(int version, bool with_schema, size_t *size) {
  struct builder builder;
  builder_open(&builder);
  builder_begin(&builder);
  builder_ref schema = builder_end(&builder);
  builder_ref batches = build_blocks(&builder, some_blocks, 2), dictionaries = build_blocks(&builder, some_blocks, 1);
  builder_begin(&builder);
  builder_put_i16(&builder, FOOTER_VERSION, (int16_t)version);
  if (with_schema) builder_put_ref(&builder, FOOTER_SCHEMA, schema);
  builder_put_ref(&builder, FOOTER_DICTIONARIES, dictionaries);
  builder_put_ref(&builder, FOOTER_BATCHES, batches);
  const uint8_t *bytes = builder_finish(&builder, builder_end(&builder), size);
  uint8_t *copy = wire_exact(bytes, *size);
  builder_close(&builder);
  return copy;
}

static void check_block(struct ipc_block block, const struct ipc_block *expected) {
  CHECK_EQ(block.offset, expected->offset);
  CHECK_EQ(block.metadata_size, expected->metadata_size);
  CHECK_EQ(block.body_size, expected->body_size);
}

static void footers(void) {
  size_t size;
  struct ipc_footer footer;
  uint8_t *bytes = build_footer(IPC_VERSION_5, true, &size);
  REQUIRE_OK(ipc_parse_footer(bytes, (int64_t)size, &footer, kit_error()));
  CHECK_EQ(footer.version, 5);
  CHECK(footer.schema.present);
  CHECK_EQ(footer.batches.count, 2);
  CHECK_EQ(footer.dictionaries.count, 1);
  check_block(ipc_footer_block(&footer.batches, 0), &some_blocks[0]);
  check_block(ipc_footer_block(&footer.batches, 1), &some_blocks[1]);
  check_block(ipc_footer_block(&footer.dictionaries, 0), &some_blocks[0]);
  free(bytes);
}

static void footers_that_are_refused(void) {
  size_t size;
  struct ipc_footer footer;
  uint8_t *bytes = build_footer(IPC_VERSION_5, false, &size);
  CHECK_ERROR(ipc_parse_footer(bytes, (int64_t)size, &footer, kit_error()), RESPOOL_CORRUPT, "schema");
  free(bytes);
  bytes = build_footer(7, true, &size);
  CHECK_STATUS(ipc_parse_footer(bytes, (int64_t)size, &footer, kit_error()), RESPOOL_UNSUPPORTED);
  CHECK_STATUS(ipc_parse_footer(bytes, 7, &footer, kit_error()), RESPOOL_CORRUPT);
  free(bytes);
  bytes = build_footer(IPC_VERSION_4, true, &size);
  for (size_t i = 0; i < size; i++)
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] ^= (uint8_t)(1 << bit);
      if (ipc_parse_footer(bytes, (int64_t)size, &footer, NULL) == RESPOOL_OK)
        for (uint32_t k = 0; k < footer.batches.count; k++) ipc_footer_block(&footer.batches, k);
      bytes[i] ^= (uint8_t)(1 << bit);
    }
  CHECK_OK(ipc_parse_footer(bytes, (int64_t)size, &footer, kit_error()));
  free(bytes);
}

static const kit_test tests[] = {
    KIT_TEST(prefixes),
    KIT_TEST(good_messages),
    KIT_TEST(messages_that_are_refused),
    KIT_TEST(sizes_that_are_refused),
    KIT_TEST(damaged_messages),
    KIT_TEST(metadata_is_padded),
    KIT_TEST(the_end_marker),
    KIT_TEST(footers),
    KIT_TEST(footers_that_are_refused),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
