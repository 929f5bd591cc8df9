/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas at the edges: no columns, odd names, metadata, deep nesting; and that all of it comes back. */
#include "bytes.h"
#include "spool.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>

static void check_same_schema(const struct ArrowSchema *a, const struct ArrowSchema *b, const char *what) {
  char where[200] = "";
  if (!CHECK(kit_schema_equal(a, b, where, sizeof where))) kit_note("%s: %s", what, where);
}

/* The schema comes back the same from the spool, from a replay, and from IPC bytes of one. */
static void check_round_trip(const struct ArrowSchema *schema) {
  kit_spool s;
  kit_sink sink = {0};
  struct ArrowSchema back;
  struct ArrowArrayStream stream;
  kit_spool_open_schema(&s, schema, NULL);
  CHECK_OK(respool_get_schema(s.spool, &back, kit_error()));
  check_same_schema(schema, &back, "get_schema");
  back.release(&back);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_OK(respool_export(s.spool, NULL, &stream, kit_error()));
  CHECK_EQ(stream.get_schema(&stream, &back), 0);
  check_same_schema(schema, &back, "exported stream");
  back.release(&back);
  kit_write_stream(&stream, &sink);
  kit_source source = {.bytes = sink.bytes, .size = sink.size};
  REQUIRE_OK(respool_ipc_read(kit_source_read, &source, NULL, &stream, kit_error()));
  CHECK_EQ(stream.get_schema(&stream, &back), 0);
  check_same_schema(schema, &back, "IPC bytes");
  back.release(&back);
  stream.release(&stream);
  kit_sink_free(&sink);
  kit_spool_close(&s);
}

static void check_text(const char *text) {
  struct ArrowSchema schema;
  kit_schema_parse(text, &schema);
  check_round_trip(&schema);
  schema.release(&schema);
}

static void every_type_comes_back(void) {
  check_text("{a:null,b:bool,c:int8,d:uint8,e:int16,f:uint16,g:int32,h:uint32,i:int64,j:uint64,k:float16,l:float32,"
             "m:float64,n:date32,o:date64,p:time32(s),q:time32(ms),r:time64(us),s:time64(ns)}");
  check_text("{a:decimal32(9,2),b:decimal64(18,-4),c:decimal128(38,0),d:decimal256(76,76),e:timestamp(s),"
             "f:timestamp(ms,UTC),g:timestamp(us,Europe/Berlin),h:timestamp(ns,+01:00),i:duration(s),j:duration(ms),"
             "k:duration(us),l:duration(ns),m:interval(ym),n:interval(dt),o:interval(mdn)}");
  check_text("{a:binary,b:utf8!,c:large_binary!,d:large_utf8,e:fixed(16),f:fixed(1)!,g:list<item:int8!>,"
             "h:large_list<x:utf8>,i:fixed_list(4)<item:float32>!,j:map<key:utf8,value:int32!>,"
             "k:map_sorted<k:int64,v:struct<p:bool,q:list<item:map<a:int8,b:int8>>>>!,l:struct<>}");
  CHECK_NOTHING_LEFT();
}

static void names_come_back(void) {
  check_text("{:int8,:int8,same:int8,same:utf8,' spaced out ':int8,'dotted.name':int8,"
             "'\xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x97\x84':struct<:int8,:int8>}");
  struct ArrowSchema schema;
  kit_schema_parse("{a:int8,b:int8}", &schema);
  kit_schema_set_name(schema.children[0], NULL); /* absent is as good as empty */
  kit_schema_set_name(&schema, NULL);
  check_round_trip(&schema);
  schema.release(&schema);
}

static void metadata_comes_back(void) {
  static const kit_pair of_schema[] = {KIT_PAIR("author", "somebody"), KIT_PAIR("", ""), KIT_PAIR("twice", "1"),
                                       KIT_PAIR("twice", "2"), KIT_PAIR("\xc3\xbcml", "\xe2\x82\xac")};
  static const kit_pair extension[] = {KIT_PAIR("ARROW:extension:name", "example.uuid"),
                                       KIT_PAIR("ARROW:extension:metadata", "{\"v\":1}")};
  struct ArrowSchema schema;
  kit_schema_parse("{id:fixed(16),tags:list<item:utf8>,m:map<key:utf8,value:int8>}", &schema);
  kit_schema_set_metadata(&schema, of_schema, 5);
  kit_schema_set_metadata(schema.children[0], extension, 2);
  kit_schema_set_metadata(schema.children[1]->children[0], of_schema, 1);
  kit_schema_set_metadata(schema.children[2]->children[0], of_schema + 3, 1);
  kit_schema_set_metadata(schema.children[2]->children[0]->children[1], of_schema + 1, 2);
  check_round_trip(&schema);
  schema.release(&schema);
  CHECK_NOTHING_LEFT();
}

static void binary_metadata_comes_back(void) {
  static const char zeros[] = "a\0b\0\0c";
  char *large = malloc(300000);
  REQUIRE(large != NULL);
  memset(large, 'z', 300000);
  kit_pair pairs[] = {KIT_PAIR("with zeros", zeros), {"large", 5, large, 300000}};
  struct ArrowSchema schema;
  kit_schema_parse("{id:int8}", &schema);
  kit_schema_set_metadata(&schema, pairs, 2);
  kit_schema_set_metadata(schema.children[0], pairs, 2);
  check_round_trip(&schema);
  schema.release(&schema);
  free(large);
}

static void many_columns(void) {
  enum { COLUMNS = 3000 };
  struct ArrowSchema one, wide, **children = calloc(COLUMNS, sizeof *children);
  REQUIRE(children != NULL);
  kit_schema_parse("{column:int16}", &one);
  for (int i = 0; i < COLUMNS; i++) children[i] = one.children[0];
  wide = one;
  wide.n_children = COLUMNS;
  wide.children = children;
  check_round_trip(&wide);
  free(children);
  one.release(&one);
}

/* ---- Nothing in it --------------------------------------------------------------------------------- */

static void check_rows(respool *spool, const int64_t *rows, int count) {
  respool_reader *reader = kit_reader(spool);
  for (int i = 0; i < count; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    CHECK_EQ(array.length, rows[i]);
    CHECK_EQ(array.n_children, 0);
    array.release(&array);
  }
  CHECK_ANSWER(reader, RESPOOL_END);
  respool_reader_close(reader);
}

static void no_columns_but_rows(void) {
  static const int64_t rows[] = {3, 0, 1000000, 1};
  for (int mode = RESPOOL_MODE_OVERFLOW; mode <= RESPOOL_MODE_ALL; mode++) {
    char path[KIT_PATH];
    const char *directory = kit_scratch();
    kit_join(path, directory, "nothing");
    respool_options options = kit_options(0, mode, mode == RESPOOL_MODE_OVERFLOW ? directory : path);
    kit_spool s;
    kit_spool_open(&s, "{}", &options);
    for (int i = 0; i < 4; i++) {
      struct ArrowArray array;
      kit_batch_empty(rows[i], &array);
      kit_append(s.writer, &array);
    }
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    check_rows(s.spool, rows, 4);
    CHECK_EQ(kit_stats(s.spool).rows, 1000004);
    kit_spool_close(&s);
  }
  CHECK_NOTHING_LEFT();
}

static void no_rows_of_any_type(void) {
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int i = 0; i < 40 && kit_failures() == 0; i++) {
    char path[KIT_PATH];
    const char *directory = kit_scratch();
    char *text = kit_schema_random_text(&random, 5, 3);
    struct ArrowSchema schema;
    kit_schema_parse(text, &schema);
    respool_options options = kit_options(0, RESPOOL_MODE_ALL, kit_join(path, directory, "rowless"));
    kit_series series = {.schema = &schema, .seed = 1, .sliced = i % 2 == 1};
    kit_spool s;
    kit_spool_open_schema(&s, &schema, &options);
    kit_series_append(&series, s.writer, 0, 3);
    CHECK_OK(respool_writer_finish(s.writer, kit_error()));
    kit_series_replay(&series, s.spool, 3, RESPOOL_END);
    if (kit_failures() > 0) kit_note("schema %s", text);
    kit_spool_close(&s);
    schema.release(&schema);
    free(text);
    kit_scratch_remove(directory);
  }
  CHECK_NOTHING_LEFT();
}

/* ---- Nesting --------------------------------------------------------------------------------------- */

/* A column of `levels` nested types around an int8: the int8 lies `levels` + 1 below the batch. */
static char *nested_text(int levels) {
  static const char *const words[] = {"struct<x:", "list<x:", "fixed_list(1)<x:"};
  size_t size = (size_t)levels * 17 + 32;
  char *text = calloc(size, 1);
  if (text == NULL) kit_die("no memory");
  strcpy(text, "{deepest:");
  for (int i = 0; i < levels; i++) strcat(text, words[i % 3]);
  strcat(text, "int8");
  for (int i = 0; i < levels; i++) strcat(text, ">");
  return strcat(text, "}");
}

static void sixty_four_levels(void) {
  char *text = nested_text(63);
  struct ArrowSchema schema;
  kit_schema_parse(text, &schema);
  check_round_trip(&schema);
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_array_options one = kit_array_defaults(kit_seed(), 3);
  one.list_max = 1;
  kit_spool s;
  struct ArrowArray array, expected, back;
  kit_spool_open_schema(&s, &schema, &options);
  kit_array_random(&schema, &one, &array);
  kit_array_random(&schema, &one, &expected);
  kit_append(s.writer, &array);
  respool_reader *reader = kit_reader(s.spool);
  REQUIRE_OK(respool_reader_next(reader, &back, 0, kit_error()));
  CHECK_WELL_FORMED(&schema, &back, KIT_TOP | KIT_EXACT, 64);
  CHECK_SAME(&schema, &expected, &back);
  expected.release(&expected);
  back.release(&back);
  respool_reader_close(reader);
  kit_spool_close(&s);
  schema.release(&schema);
  free(text);
}

static void deeper_is_refused(void) {
  static const int levels[] = {64, 65, 100, 1000};
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    char *text = nested_text(levels[i]);
    struct ArrowSchema schema;
    respool *spool = NULL;
    respool_writer *writer = NULL;
    kit_schema_parse(text, &schema);
    CHECK_ERROR(respool_create(&schema, NULL, &spool, &writer, kit_error()), RESPOOL_UNSUPPORTED, "64");
    schema.release(&schema);
    free(text);
  }
  CHECK_NOTHING_LEFT();
}

static const kit_test tests[] = {
    KIT_TEST(every_type_comes_back),      KIT_TEST(names_come_back),   KIT_TEST(metadata_comes_back),
    KIT_TEST(binary_metadata_comes_back), KIT_TEST(many_columns),      KIT_TEST(no_columns_but_rows),
    KIT_TEST(no_rows_of_any_type),        KIT_TEST(sixty_four_levels), KIT_TEST(deeper_is_refused),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
