/* SPDX-License-Identifier: Apache-2.0 */
/* arrow/type: every format string there and back, and many that are none. */
#include "arrow/type.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

/* All formats of the specification; parameters by example. */
static const struct {
  const char *format;
  enum arrow_type_id id;
  const char *name;
  int children;
} formats[] = {
    {"n", ARROW_NULL, "null", 0},
    {"b", ARROW_BOOL, "bool", 0},
    {"c", ARROW_INT, "integer", 0},
    {"C", ARROW_INT, "integer", 0},
    {"s", ARROW_INT, "integer", 0},
    {"S", ARROW_INT, "integer", 0},
    {"i", ARROW_INT, "integer", 0},
    {"I", ARROW_INT, "integer", 0},
    {"l", ARROW_INT, "integer", 0},
    {"L", ARROW_INT, "integer", 0},
    {"e", ARROW_FLOAT, "float", 0},
    {"f", ARROW_FLOAT, "float", 0},
    {"g", ARROW_FLOAT, "float", 0},
    {"z", ARROW_BINARY, "binary", 0},
    {"Z", ARROW_BINARY, "binary", 0},
    {"u", ARROW_UTF8, "utf8", 0},
    {"U", ARROW_UTF8, "utf8", 0},
    {"vz", ARROW_BINARY_VIEW, "binary view", 0},
    {"vu", ARROW_UTF8_VIEW, "utf8 view", 0},
    {"d:9,2,32", ARROW_DECIMAL, "decimal", 0},
    {"d:18,-3,64", ARROW_DECIMAL, "decimal", 0},
    {"d:38,10", ARROW_DECIMAL, "decimal", 0},
    {"d:19,0", ARROW_DECIMAL, "decimal", 0},
    {"d:76,38,256", ARROW_DECIMAL, "decimal", 0},
    {"w:0", ARROW_FIXED_BINARY, "fixed size binary", 0},
    {"w:42", ARROW_FIXED_BINARY, "fixed size binary", 0},
    {"w:2147483647", ARROW_FIXED_BINARY, "fixed size binary", 0},
    {"tdD", ARROW_DATE, "date", 0},
    {"tdm", ARROW_DATE, "date", 0},
    {"tts", ARROW_TIME, "time", 0},
    {"ttm", ARROW_TIME, "time", 0},
    {"ttu", ARROW_TIME, "time", 0},
    {"ttn", ARROW_TIME, "time", 0},
    {"tss:", ARROW_TIMESTAMP, "timestamp", 0},
    {"tsm:UTC", ARROW_TIMESTAMP, "timestamp", 0},
    {"tsu:Europe/Berlin", ARROW_TIMESTAMP, "timestamp", 0},
    {"tsn:+05:30", ARROW_TIMESTAMP, "timestamp", 0},
    {"tDs", ARROW_DURATION, "duration", 0},
    {"tDm", ARROW_DURATION, "duration", 0},
    {"tDu", ARROW_DURATION, "duration", 0},
    {"tDn", ARROW_DURATION, "duration", 0},
    {"tiM", ARROW_INTERVAL, "interval", 0},
    {"tiD", ARROW_INTERVAL, "interval", 0},
    {"tin", ARROW_INTERVAL, "interval", 0},
    {"+l", ARROW_LIST, "list", 1},
    {"+L", ARROW_LIST, "list", 1},
    {"+vl", ARROW_LIST_VIEW, "list view", 1},
    {"+vL", ARROW_LIST_VIEW, "list view", 1},
    {"+w:0", ARROW_FIXED_LIST, "fixed size list", 1},
    {"+w:123", ARROW_FIXED_LIST, "fixed size list", 1},
    {"+s", ARROW_STRUCT, "struct", -1},
    {"+m", ARROW_MAP, "map", 1},
    {"+us:", ARROW_UNION, "union", -1},
    {"+us:0,1", ARROW_UNION, "union", -1},
    {"+ud:5,127,0", ARROW_UNION, "union", -1},
    {"+r", ARROW_RUN_END_ENCODED, "run-end encoded", 2},
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

static void there_and_back(void) {
  for (int i = 0; i < FORMATS; i++) {
    struct arrow_type type;
    char out[64];
    CHECK_OK(arrow_type_parse(formats[i].format, &type, kit_error()));
    CHECK_EQ(type.id, formats[i].id);
    CHECK_STR(arrow_type_name(type.id), formats[i].name);
    CHECK_EQ(arrow_type_children(type.id), formats[i].children);
    CHECK(arrow_type_format(&type, out, sizeof out));
    CHECK_STR(out, formats[i].format);
  }
}

/* Into exactly as many bytes as it needs; with fewer it says so and writes nothing behind them. */
static void formatting_into_every_size(void) {
  for (int i = 0; i < FORMATS; i++) {
    struct arrow_type type;
    CHECK_OK(arrow_type_parse(formats[i].format, &type, kit_error()));
    size_t needed = strlen(formats[i].format) + 1;
    for (size_t size = 1; size < needed + 3; size++) {
      char *out = malloc(size);
      CHECK_EQ(arrow_type_format(&type, out, size), size >= needed);
      if (size >= needed) CHECK_STR(out, formats[i].format);
      free(out);
    }
  }
}

static void parameters(void) {
  struct arrow_type type;
  CHECK_OK(arrow_type_parse("d:76,-38,256", &type, kit_error()));
  CHECK(type.precision == 76 && type.scale == -38 && type.bit_width == 256);
  CHECK_OK(arrow_type_parse("d:9,2,128", &type, kit_error()));
  CHECK(type.precision == 9 && type.scale == 2 && type.bit_width == 128);
  CHECK_OK(arrow_type_parse("tsn:Asia/Tokyo", &type, kit_error()));
  CHECK_EQ(type.unit, ARROW_NANO);
  CHECK_STR(type.text, "Asia/Tokyo");
  CHECK_OK(arrow_type_parse("+ud:4,8", &type, kit_error()));
  CHECK(type.is_dense);
  CHECK_STR(type.text, "4,8");
  CHECK_OK(arrow_type_parse("w:77", &type, kit_error()));
  CHECK_EQ(type.size, 77);
  CHECK_OK(arrow_type_parse("S", &type, kit_error()));
  CHECK(type.bit_width == 16 && !type.is_signed);
  CHECK_OK(arrow_type_parse("U", &type, kit_error()));
  CHECK(type.is_large && strcmp(type.text, "") == 0);
}

/* The numbers of units and intervals are those of the wire. */
static void units(void) {
  static const char letters[] = "smun";
  for (int i = 0; i < 4; i++) {
    struct arrow_type type;
    char format[8] = "tt";
    format[2] = letters[i];
    CHECK_OK(arrow_type_parse(format, &type, kit_error()));
    CHECK_EQ(type.unit, i);
    CHECK_EQ(type.bit_width, i < 2 ? 32 : 64);
    format[1] = 'D';
    CHECK_OK(arrow_type_parse(format, &type, kit_error()));
    CHECK_EQ(type.unit, i);
    memcpy(format, "ts?:", 5);
    format[2] = letters[i];
    CHECK_OK(arrow_type_parse(format, &type, kit_error()));
    CHECK_EQ(type.unit, i);
  }
  static const char intervals[] = "MDn";
  for (int i = 0; i < 3; i++) {
    struct arrow_type type;
    char format[] = "ti?";
    format[2] = intervals[i];
    CHECK_OK(arrow_type_parse(format, &type, kit_error()));
    CHECK_EQ(type.interval, i);
  }
}

static const char *const malformed[] = {
    "",
    " ",
    "x",
    "nn",
    " n",
    "n ",
    "q",
    "B",
    "v",
    "vx",
    "vzz",
    "d",
    "d:",
    "d:1",
    "d:1,",
    "d:,1",
    "d:1,2,",
    "d:1,2,3",
    "d:1,2,x",
    "d:a,b",
    "d:1,2,0",
    "d:1,2,16",
    "d:1,2,512",
    "d:1,2,32,",
    "d:1;2",
    "D:1,2",
    "w",
    "w:",
    "w:-1",
    "w:x",
    "w:1x",
    "w:1 ",
    "w:1,2",
    "w:99999999999",
    "w:2147483648",
    "t",
    "td",
    "tdd",
    "tdDD",
    "tt",
    "ttx",
    "ttss",
    "ts",
    "ts:",
    "tss",
    "tsx:",
    "tssUTC",
    "ts :",
    "tD",
    "tDx",
    "ti",
    "tim",
    "tid",
    "tiN",
    "+",
    "+x",
    "+ll",
    "+v",
    "+vx",
    "+w",
    "+w:",
    "+w:-1",
    "+w:x",
    "+w:3x",
    "+S",
    "+ss",
    "+M",
    "+u",
    "+us",
    "+ud",
    "+us0",
    "+ux:0",
    "+us:,",
    "+us:a",
    "+us:0;1",
    "+us:-1",
    "+us:128",
    "+ud:0,,1",
    "+ud:0,999",
    "+rr",
    "+R",
    "\xff\xfe",
    "i32",
    "int32",
    "w:0x10",
    "d:1.5,2",
    "l\n",
    "+l:",
    "+m:1",
    "w:1e3",
    "+us:0 1",
    "tss;",
    "tsS:",
    "d:99999999999,2",
};

static void what_is_no_format(void) {
  for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
    struct arrow_type type;
    respool_status status = arrow_type_parse(malformed[i], &type, kit_error());
    if (!CHECK_EQ(status, RESPOOL_INVALID)) kit_note("it was \"%s\"", malformed[i]);
    CHECK_HAS(kit_last_error()->message, "format");
  }
  struct arrow_type type;
  CHECK_ERROR(arrow_type_parse(NULL, &type, kit_error()), RESPOOL_INVALID, "NULL");
  CHECK_EQ(arrow_type_parse("?", &type, NULL), RESPOOL_INVALID);
}

/* The message names the string, as much of it as is reasonable. */
static void a_long_format_is_not_repeated_whole(void) {
  char format[3000];
  memset(format, 'y', sizeof format - 1);
  format[sizeof format - 1] = '\0';
  struct arrow_type type;
  CHECK_ERROR(arrow_type_parse(format, &type, kit_error()), RESPOOL_INVALID, "yyyyyyyy");
  CHECK_LE(strlen(kit_last_error()->message), 200);
}

/* Combinations of parameters that no format string has. */
static void what_cannot_be_formatted(void) {
  static const struct arrow_type none[] = {
      {.id = ARROW_INT, .bit_width = 24, .text = ""},
      {.id = ARROW_FLOAT, .bit_width = 0, .text = ""},
      {.id = ARROW_TIME, .bit_width = 64, .unit = ARROW_SECOND, .text = ""},
      {.id = ARROW_TIME, .bit_width = 32, .unit = ARROW_NANO, .text = ""},
      {.id = ARROW_DATE, .bit_width = 32, .unit = ARROW_MILLI, .text = ""},
      {.id = ARROW_INTERVAL, .interval = (enum arrow_interval)3, .text = ""},
  };
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
    char out[64];
    CHECK(!arrow_type_format(&none[i], out, sizeof out));
  }
}

static const kit_test tests[] = {
    KIT_TEST(there_and_back),
    KIT_TEST(formatting_into_every_size),
    KIT_TEST(parameters),
    KIT_TEST(units),
    KIT_TEST(what_is_no_format),
    KIT_TEST(a_long_format_is_not_repeated_whole),
    KIT_TEST(what_cannot_be_formatted),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
