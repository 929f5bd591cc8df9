/* SPDX-License-Identifier: Apache-2.0 */
/* ipc/schema_encode and ipc/schema_decode: there and back for every type, and decoding of damaged messages. */
#include "ipc/schema.h"

#include "arrow/schema.h"
#include "arrow/type.h"
#include "ipc/format.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include "check.h"
#include "random.h"
#include "schema_build.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char all_types[] =
    "{n:null,b:bool,c:int8,C:uint8,s:int16,S:uint16,i:int32,I:uint32,l:int64,L:uint64,e:float16,f:float32,g:float64,"
    "z:binary,Z:large_binary,u:utf8,U:large_utf8,k:fixed(0),w:fixed(33)}";
static const char more_types[] =
    "{d32:decimal32(9,2),d64:decimal64(18,-3),d128:decimal128(38,10),d256:decimal256(76,38),tdD:date32,tdm:date64,"
    "tts:time32(s),ttm:time32(ms),ttu:time64(us),ttn:time64(ns),tss:timestamp(s),tsm:timestamp(ms,UTC),"
    "tsu:timestamp(us,Europe/Berlin),tsn:timestamp(ns,+05:30),tDs:duration(s),tDm:duration(ms),tDu:duration(us),"
    "tDn:duration(ns),tiM:interval(ym),tiD:interval(dt),tin:interval(mdn)}";
static const char nested_types[] =
    "{l:list<item:int32!>,L:large_list<element:utf8>,m:map<key:utf8,value:int32>!,M:map_sorted<k:int8,v:list<i:bool>>,"
    "w:fixed_list(0)<i:int8>,W:fixed_list(2147483647)<i:struct<>>,s:struct<a:int8!,a:int8,'':struct<x:null>>,'':utf8,"
    "'\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x99':int8!}";

/* Decode the metadata of the message at `bytes`, in a block of its own. */
static respool_status decode_at(const uint8_t *bytes, int max_depth, struct ArrowSchema *schema, bool *big_endian) {
  int64_t size;
  uint8_t *metadata = wire_metadata(bytes, &size);
  struct ipc_message message;
  respool_status status = ipc_parse_message(metadata, size, &message, kit_error());
  if (status == RESPOOL_OK) {
    CHECK_EQ(message.kind, HEADER_SCHEMA);
    CHECK_EQ(message.body_size, 0);
    status = wire_decode_schema(&message, max_depth, schema, big_endian);
  }
  free(metadata);
  return status;
}

/* What was written is framed as it should be, decodes to the same, and encodes to the same bytes again. */
static void check_round_trip(const struct ArrowSchema *schema) {
  kit_sink sink = {0}, again = {0};
  struct ArrowSchema decoded;
  bool big_endian = true;
  char where[300] = "";
  wire_put_schema(schema, &sink);
  CHECK_EQ(sink.size % IPC_ALIGNMENT, 0);
  CHECK_EQ(load_u32(sink.bytes), IPC_CONTINUATION);
  CHECK_EQ(load_u32(sink.bytes + 4), sink.size - IPC_PREFIX);
  REQUIRE_OK(decode_at(sink.bytes, LAYOUT_MAX_DEPTH, &decoded, &big_endian));
  CHECK(!big_endian);
  if (!CHECK(kit_schema_equal(schema, &decoded, where, sizeof where))) kit_note("%s", where);
  wire_put_schema(&decoded, &again);
  CHECK_BYTES(again.bytes, again.size, sink.bytes, sink.size);
  decoded.release(&decoded);
  kit_sink_free(&sink);
  kit_sink_free(&again);
}

static void check_text(const char *text) {
  struct ArrowSchema schema;
  kit_schema_parse(text, &schema);
  check_round_trip(&schema);
  schema.release(&schema);
}

/* ---- There and back -------------------------------------------------------------------------------- */

static void every_type(void) {
  check_text("{}");
  check_text(all_types);
  check_text(more_types);
  check_text(nested_types);
}

static void metadata(void) {
  static const kit_pair pairs[] = {KIT_PAIR("key", "value"), KIT_PAIR("", ""), KIT_PAIR("key", "other value"),
                                   KIT_PAIR("bin\0ary", "\0\xff\0")};
  struct ArrowSchema schema;
  kit_schema_parse(nested_types, &schema);
  kit_schema_set_metadata(&schema, pairs, 4);
  kit_schema_set_metadata(schema.children[0], pairs, 1);
  kit_schema_set_metadata(schema.children[0]->children[0], pairs + 1, 3);
  check_round_trip(&schema);
  schema.release(&schema);
}

static void large_metadata(void) {
  enum { PAIRS = 500, SIZE = 3000 };
  char *value = malloc(SIZE);
  kit_pair pairs[PAIRS];
  memset(value, 'v', SIZE);
  for (int i = 0; i < PAIRS; i++) pairs[i] = (kit_pair){"key", 3, value, i % 7 == 0 ? SIZE : i};
  struct ArrowSchema schema;
  kit_schema_parse("{a:int32}", &schema);
  kit_schema_set_metadata(&schema, pairs, PAIRS);
  check_round_trip(&schema);
  schema.release(&schema);
  free(value);
}

/* Metadata without pairs is not written; without is what comes back. */
static void metadata_of_no_pairs(void) {
  int32_t none = 0;
  struct ArrowSchema schema, decoded;
  kit_sink sink = {0};
  bool big_endian;
  REQUIRE_OK(schema_make(&schema, "+s", "", (const char *)&none, 0, 0, kit_error()));
  wire_put_schema(&schema, &sink);
  REQUIRE_OK(decode_at(sink.bytes, 64, &decoded, &big_endian));
  CHECK(decoded.metadata == NULL);
  decoded.release(&decoded);
  schema.release(&schema);
  kit_sink_free(&sink);
}

static void random_schemas(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int rounds = kit_slow() ? 50 : 500;
  for (int i = 0; i < rounds && kit_failures() == 0; i++) {
    char *text = kit_schema_random_text(&random, 12, 5);
    check_text(text);
    if (kit_failures() > 0) kit_note("%s", text);
    free(text);
  }
}

static void many_columns(void) {
  enum { COLUMNS = 5000 };
  struct ArrowSchema schema;
  REQUIRE_OK(schema_make(&schema, "+s", "", NULL, 0, COLUMNS, kit_error()));
  for (int i = 0; i < COLUMNS; i++) {
    char name[16];
    snprintf(name, sizeof name, "column %d", i);
    REQUIRE_OK(schema_make(schema.children[i], i % 2 == 0 ? "i" : "u", name, NULL, 2, 0, kit_error()));
  }
  check_round_trip(&schema);
  schema.release(&schema);
}

/* ---- What is refused ------------------------------------------------------------------------------- */

static respool_status take_nothing(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  (void)context, (void)pieces, (void)count;
  return error_set(error, RESPOOL_NO_SPACE, "full");
}

static void nowhere_to_write(void) {
  struct ArrowSchema schema;
  struct gather *gather = gather_open();
  kit_schema_parse(all_types, &schema);
  gather_reset(gather, take_nothing, NULL);
  CHECK_OK(ipc_encode_schema(&schema, gather, kit_error()));
  CHECK_ERROR(gather_flush(gather, kit_error()), RESPOOL_NO_SPACE, "full");
  gather_close(gather);
  schema.release(&schema);
}

/* A schema that is nested just so deep, and one more. */
static void the_depth_limit(void) {
  for (int limit = 1; limit < 30; limit += 7) {
    kit_sink sink = {0};
    struct ArrowSchema schema, decoded = {.n_children = 77}, *at;
    bool big_endian;
    REQUIRE_OK(schema_make(&schema, "+s", "", NULL, 0, 1, kit_error()));
    at = schema.children[0];
    for (int i = 0; i < limit; i++, at = at->children[0])
      REQUIRE_OK(schema_make(at, "+l", "level", NULL, 2, 1, kit_error()));
    REQUIRE_OK(schema_make(at, "i", "deepest", NULL, 2, 0, kit_error()));
    wire_put_schema(&schema, &sink);
    CHECK_ERROR(decode_at(sink.bytes, limit, &decoded, &big_endian), RESPOOL_UNSUPPORTED, "nested");
    CHECK_EQ(decoded.n_children, 77);
    REQUIRE_OK(decode_at(sink.bytes, limit + 1, &decoded, &big_endian));
    decoded.release(&decoded);
    schema.release(&schema);
    kit_sink_free(&sink);
  }
}

/* ---- Memory ---------------------------------------------------------------------------------------- */

static int64_t allocations;
static int64_t refused_one;

static bool refuse_one(void) {
  return ++allocations == refused_one;
}

static void no_memory_for_encoding(void) {
  struct ArrowSchema schema;
  kit_sink sink = {0};
  struct gather *gather = gather_open();
  static const kit_pair pair[] = {KIT_PAIR("key", "value")};
  kit_schema_parse(nested_types, &schema);
  kit_schema_set_metadata(schema.children[0], pair, 1);
  for (refused_one = 1;; refused_one++) {
    gather_reset(gather, wire_take, &sink);
    allocations = 0;
    mem_fault = refuse_one;
    respool_status status = ipc_encode_schema(&schema, gather, kit_error());
    mem_fault = NULL;
    if (allocations < refused_one) break;
    CHECK_EQ(status, RESPOOL_NO_MEMORY);
    CHECK_EQ(sink.size, 0);
  }
  CHECK_OK(gather_flush(gather, kit_error()));
  CHECK_LE(10, refused_one);
  CHECK_LE(64, sink.size);
  gather_close(gather);
  kit_sink_free(&sink);
  schema.release(&schema);
}

static void no_memory_for_decoding(void) {
  struct ArrowSchema schema, decoded = {.n_children = 77};
  kit_sink sink = {0};
  bool big_endian = true;
  static const kit_pair pair[] = {KIT_PAIR("key", "value")};
  kit_schema_parse(nested_types, &schema);
  kit_schema_set_metadata(&schema, pair, 1);
  kit_schema_set_metadata(schema.children[0], pair, 1);
  wire_put_schema(&schema, &sink);
  for (refused_one = 1;; refused_one++) {
    allocations = 0;
    mem_fault = refuse_one;
    respool_status status = decode_at(sink.bytes, 64, &decoded, &big_endian);
    mem_fault = NULL;
    if (allocations < refused_one) break;
    CHECK_EQ(status, RESPOOL_NO_MEMORY);
    CHECK(decoded.n_children == 77 && big_endian);
  }
  CHECK_LE(50, refused_one);
  CHECK(kit_schema_equal(&schema, &decoded, NULL, 0));
  decoded.release(&decoded);
  schema.release(&schema);
  kit_sink_free(&sink);
}

/* ---- Damage ---------------------------------------------------------------------------------------- */

/* Whatever was decoded from damaged bytes is a schema: every format is one, every child is there. */
static void check_sane(const struct ArrowSchema *schema) {
  struct arrow_type type;
  CHECK_OK(arrow_type_parse(schema->format, &type, kit_error()));
  CHECK(schema->name != NULL && schema_metadata_size(schema->metadata) >= 0);
  for (int64_t i = 0; i < schema->n_children; i++) check_sane(schema->children[i]);
  if (schema->dictionary != NULL) check_sane(schema->dictionary);
}

/* Decode damaged metadata in a block of its own size. True: it was refused. */
static bool refuses(const uint8_t *bytes, int64_t size) {
  uint8_t *metadata = wire_exact(bytes, (size_t)size);
  struct ipc_message message;
  struct ArrowSchema schema = {0};
  bool big_endian;
  respool_status status = ipc_parse_message(metadata, size, &message, kit_error());
  if (status == RESPOOL_OK && message.kind == HEADER_SCHEMA)
    status = wire_decode_schema(&message, 64, &schema, &big_endian);
  free(metadata);
  CHECK(status == RESPOOL_OK || status == RESPOOL_CORRUPT || status == RESPOOL_UNSUPPORTED);
  if (status != RESPOOL_OK) CHECK(schema.release == NULL);
  if (schema.release == NULL) return status != RESPOOL_OK;
  check_sane(&schema);
  schema.release(&schema);
  return false;
}

static uint8_t *sample(int64_t *size) {
  struct ArrowSchema schema;
  kit_sink sink = {0};
  static const kit_pair pair[] = {KIT_PAIR("key", "value")};
  kit_schema_parse("{a:timestamp(us,UTC),m:map<k:utf8,v:decimal128(9,2)>,f:fixed_list(3)<i:float32>,t:time64(us)}",
                   &schema);
  kit_schema_set_metadata(&schema, pair, 1);
  kit_schema_set_metadata(schema.children[1], pair, 1);
  wire_put_schema(&schema, &sink);
  uint8_t *metadata = wire_metadata(sink.bytes, size);
  schema.release(&schema);
  kit_sink_free(&sink);
  return metadata;
}

static void cut_anywhere(void) {
  int64_t size, refused = 0;
  uint8_t *bytes = sample(&size);
  for (int64_t cut = 0; cut < size; cut++) refused += refuses(bytes, cut);
  CHECK_LE(size - IPC_ALIGNMENT, refused); /* all but the padding */
  free(bytes);
}

static void every_byte_changed(void) {
  static const uint8_t masks[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff, 0x7f};
  int64_t size, refused = 0;
  uint8_t *bytes = sample(&size);
  for (int64_t i = 0; i < size; i++)
    for (size_t m = 0; m < sizeof masks; m++) {
      bytes[i] ^= masks[m];
      refused += refuses(bytes, size);
      bytes[i] ^= masks[m];
    }
  CHECK_LE(size, refused);
  CHECK(!refuses(bytes, size));
  free(bytes);
}

static void several_bytes_changed(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  int64_t rounds = kit_slow() ? 3000 : 30000, size, refused = 0;
  uint8_t *bytes = sample(&size), *damaged = wire_exact(bytes, (size_t)size);
  for (int64_t i = 0; i < rounds; i++) {
    memcpy(damaged, bytes, (size_t)size);
    for (int64_t changes = kit_random_between(&random, 1, 5); changes > 0; changes--)
      store_u32(damaged + kit_random_below(&random, size - 4), (uint32_t)kit_random_between(&random, -50, 50));
    refused += refuses(damaged, size);
  }
  CHECK_LE(rounds / 4, refused);
  free(damaged);
  free(bytes);
}

static const kit_test tests[] = {
    KIT_TEST(every_type),
    KIT_TEST(metadata),
    KIT_TEST(large_metadata),
    KIT_TEST(metadata_of_no_pairs),
    KIT_TEST(random_schemas),
    KIT_TEST(many_columns),
    KIT_TEST(nowhere_to_write),
    KIT_TEST(the_depth_limit),
    KIT_TEST(no_memory_for_encoding),
    KIT_TEST(no_memory_for_decoding),
    KIT_TEST(cut_anywhere),
    KIT_TEST(every_byte_changed),
    KIT_TEST(several_bytes_changed),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
