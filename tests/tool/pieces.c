/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the tool that can be asked directly: numbers, escaping, JSON, types in words, comparing schemas. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "metadata.h"
#include "numbers.h"
#include "schema_print.h"
#include "text.h"
#include "types.h"

static void size_is(const char *text, int64_t expected) {
  int64_t value = -1;
  if (!number_size(text, &value) || value != expected) {
    fprintf(stderr, "size '%s': %lld, not %lld\n", text, (long long)value, (long long)expected);
    abort();
  }
}

static void no_size(const char *text) {
  int64_t value = -1;
  if (number_size(text, &value) || value != -1) {
    fprintf(stderr, "size '%s' was taken for %lld\n", text, (long long)value);
    abort();
  }
}

static void test_sizes(void) {
  size_is("0", 0);
  size_is("4096", 4096);
  size_is("7b", 7);
  size_is("7B", 7);
  size_is("100k", 102400);
  size_is("64MiB", (int64_t)64 << 20);
  size_is("64mib", (int64_t)64 << 20);
  size_is("64Mi", (int64_t)64 << 20);
  size_is("1G", (int64_t)1 << 30);
  size_is("10MB", 10000000);
  size_is("3kb", 3000);
  size_is("1T", (int64_t)1 << 40);
  size_is("1P", (int64_t)1 << 50);
  size_is("7E", (int64_t)7 << 60);
  size_is("1.5k", 1536);
  size_is("0.5G", (int64_t)1 << 29);
  size_is("1.0009765625k", 1025);
  size_is("0.0001k", 0);
  size_is("0.999999999999999999999999999999k", 1023);
  size_is("1.1E", 1268213655067531673);
  size_is("9223372036854775807", INT64_MAX);
  const char *bad[] = {"",
                       " ",
                       "k",
                       "-1",
                       "+1",
                       "1 k",
                       "1x",
                       "1kk",
                       "1kiBB",
                       "1KBi",
                       "0x10",
                       "1.5",
                       "1.k",
                       ".5k",
                       "1..5k",
                       "1,5",
                       "8E",
                       "1e3",
                       "1bb",
                       "b",
                       "1iB",
                       "1i",
                       "nan",
                       "inf",
                       "1k\n",
                       "1KiB ",
                       "٣",
                       "7.99E1",
                       "9223372036854775808",
                       "99999999999999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) no_size(bad[i]);
  size_is("7.999E", 9222219115350168961);
}

static void test_counts_and_words(void) {
  int64_t count = -1;
  assert(number_count("10M", &count) && count == 10000000);
  assert(number_count("1.5k", &count) && count == 1500);
  assert(number_count("0", &count) && count == 0);
  assert(!number_count("10MiB", &count) && !number_count("1b", &count) && !number_count("", &count));
  uint64_t word = 1;
  assert(number_word("18446744073709551615", &word) && word == UINT64_MAX);
  assert(number_word("0xFfffFFFFffffffff", &word) && word == UINT64_MAX);
  assert(number_word("0", &word) && word == 0);
  const char *bad[] = {"", "0x", "-1", "18446744073709551616", "0x10000000000000000", "1f", "0xg", " 1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert(!number_word(bad[i], &word));
}

static void test_fractions(void) {
  double value = -1;
  assert(number_fraction("0", &value) && value == 0);
  assert(number_fraction("1", &value) && value == 1);
  assert(number_fraction("1.000", &value) && value == 1);
  assert(number_fraction("0.25", &value) && value == 0.25);
  assert(number_fraction(".5", &value) && value == 0.5);
  assert(number_fraction("50%", &value) && value == 0.5);
  assert(number_fraction("12.5%", &value) && value == 0.125);
  assert(number_fraction("100%", &value) && value == 1);
  const char *bad[] = {"", "%", ".", "1.1", "2", "-0.1", "101%", "100.1%", "1%%", "0,5", "nan", "1e-1", "0.5 "};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert(!number_fraction(bad[i], &value));
}

static void escaped_is(const char *bytes, size_t length, size_t size, const char *expected) {
  char out[256];
  memset(out, 'x', sizeof out);
  text_escape(out, size, bytes, length, true);
  if (strcmp(out, expected) != 0) {
    fprintf(stderr, "escaped '%s', not '%s'\n", out, expected);
    abort();
  }
  assert(out[size] == 'x');
}

static void test_escape(void) {
  escaped_is("plain", 5, 64, "plain");
  escaped_is("a\nb\tc\rd", 7, 64, "a\\nb\\tc\\rd");
  escaped_is("\033[2J", 4, 64, "\\x1b[2J");
  escaped_is("a\0b", 3, 64, "a\\x00b");
  escaped_is("q\"\\", 3, 64, "q\\\"\\\\");
  escaped_is("\xff\xc3", 2, 64, "\\xff\\xc3");
  escaped_is("\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80", 9, 64, "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80");
  escaped_is("\xc2\x9b", 2, 64, "\\u{9b}");
  escaped_is("\xe2\x80\xae", 3, 64, "\\u{202e}");
  escaped_is("12345678", 8, 9, "12345678");
  escaped_is("123456789", 9, 9, "12345...");
  escaped_is("1234\n6789", 9, 9, "1234...");
  escaped_is("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 12, 9, "\xe6\xbc\xa2...");
  escaped_is("", 0, 9, "");
}

static void test_utf8(void) {
  assert(text_is_utf8("", 0) && text_is_utf8("\xf4\x8f\xbf\xbf", 4));
  const char *bad[] = {"\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x80\x80",
                       "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                       "\xe6\xbc",     "\xe6\xbc\x41"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert(!text_is_utf8(bad[i], strlen(bad[i])));
}

static void shown_is(int64_t bytes, const char *expected) {
  char out[32];
  text_size(out, sizeof out, bytes);
  if (strcmp(out, expected) != 0) {
    fprintf(stderr, "%lld shown as %s, not %s\n", (long long)bytes, out, expected);
    abort();
  }
}

static void test_shown_sizes(void) {
  shown_is(0, "0 B");
  shown_is(1023, "1023 B");
  shown_is(1024, "1.0 KiB");
  shown_is(1536, "1.5 KiB");
  shown_is(1048575, "1.0 MiB");
  shown_is((int64_t)64 << 20, "64.0 MiB");
  shown_is(INT64_MAX, "8.0 EiB");
}

/* What a function prints, for the caller to free. */
static char *printed(void (*print)(FILE *out)) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  assert(out);
  print(out);
  assert(fclose(out) == 0);
  return text;
}

static void printed_is(void (*print)(FILE *out), const char *expected) {
  char *text = printed(print);
  if (strcmp(text, expected) != 0) {
    fprintf(stderr, "printed:\n%s\nexpected:\n%s\n", text, expected);
    abort();
  }
  free(text);
}

static void print_json(FILE *out) {
  struct json json;
  json_begin(&json, out);
  json_object(&json, NULL);
  json_text(&json, "a\"\n", "\x01\x7f\xff\xc3\xa9\t\\\"\xc2\x9b", 10);
  json_array(&json, "list");
  json_number(&json, NULL, INT64_MIN);
  json_bool(&json, NULL, true);
  json_object(&json, NULL);
  json_object_end(&json);
  json_array(&json, NULL);
  json_array_end(&json);
  json_hex(&json, NULL, "\x00\xff", 2);
  json_array_end(&json);
  json_seconds(&json, "t", 1.5);
  json_object_end(&json);
}

static void test_json(void) {
  printed_is(print_json,
             "{\"a\\\"\\n\":\"\\u0001\\u007f\\ufffd\xc3\xa9\\t\\\\\\\"\\u009b\",\"list\":[-9223372036854775808,true,{},"
             "[],\"00ff\"],\"t\":1.500000}");
}

/* Two pairs: "k\n" = "v\0\xff", "" = "x". */
static const char *nasty_metadata(void) {
  static char bytes[64];
  const struct {
    const char *text;
    int32_t length;
  } parts[] = {{"k\n", 2}, {"v\0\xff", 3}, {"", 0}, {"x", 1}};
  int32_t count = 2;
  char *at = bytes;
  memcpy(at, &count, 4);
  at += 4;
  for (size_t i = 0; i < 4; i++) {
    memcpy(at, &parts[i].length, 4);
    memcpy(at + 4, parts[i].text, (size_t)parts[i].length);
    at += 4 + parts[i].length;
  }
  return bytes;
}

/* A schema with a list, a dictionary and a field with a name that would move the cursor. */
struct sample {
  struct ArrowSchema root, item, list, values, dictionary, odd;
  struct ArrowSchema *list_children[1];
  struct ArrowSchema *children[3];
};

static void make_sample(struct sample *sample) {
  *sample = (struct sample){0};
  sample->item = (struct ArrowSchema){.format = "tsu:Europe/Berlin", .name = "item", .flags = ARROW_FLAG_NULLABLE};
  sample->list_children[0] = &sample->item;
  sample->list =
      (struct ArrowSchema){.format = "+l", .name = "times", .n_children = 1, .children = sample->list_children};
  sample->values = (struct ArrowSchema){.format = "vu", .name = "", .flags = ARROW_FLAG_NULLABLE};
  sample->dictionary = (struct ArrowSchema){.format = "c", .name = "d", .dictionary = &sample->values};
  sample->dictionary.flags = ARROW_FLAG_NULLABLE | ARROW_FLAG_DICTIONARY_ORDERED;
  sample->odd = (struct ArrowSchema){.format = "d:9,-2,32", .name = "a b\033", .metadata = nasty_metadata()};
  sample->children[0] = &sample->list;
  sample->children[1] = &sample->dictionary;
  sample->children[2] = &sample->odd;
  sample->root = (struct ArrowSchema){.format = "+s", .n_children = 3, .children = sample->children};
}

static void print_tree(FILE *out) {
  struct sample sample;
  make_sample(&sample);
  schema_print(out, &sample.root);
}

static void print_schema_json(FILE *out) {
  struct sample sample;
  struct json json;
  make_sample(&sample);
  json_begin(&json, out);
  schema_json(&json, NULL, &sample.root);
}

static void test_schema(void) {
  printed_is(print_tree, "schema: 3 fields\n"
                         "  times: list not null\n"
                         "    item: timestamp[us, Europe/Berlin]\n"
                         "  d: dictionary<int8, ordered>\n"
                         "    values: utf8_view\n"
                         "  \"a b\\x1b\": decimal32(9,-2) not null\n"
                         "    metadata \"k\\n\" = \"v\\x00\\xff\"\n"
                         "    metadata \"\" = \"x\"\n");
  printed_is(
      print_schema_json,
      "{\"fields\":[{\"name\":\"times\",\"type\":\"list\",\"format\":\"+l\",\"nullable\":false,\"children\":[{\"name\":"
      "\"item\",\"type\":\"timestamp[us, "
      "Europe/Berlin]\",\"format\":\"tsu:Europe/Berlin\",\"nullable\":true}]},{\"name\":"
      "\"d\",\"type\":\"dictionary<int8, ordered>\",\"format\":\"c\",\"nullable\":true,\"dictionary\":{\"name\":\"\","
      "\"type\":\"utf8_view\",\"format\":\"vu\",\"nullable\":true}},{\"name\":\"a "
      "b\\u001b\",\"type\":\"decimal32(9,-2)\","
      "\"format\":\"d:9,-2,32\",\"nullable\":false,\"metadata\":[{\"key\":\"k\\n\",\"value_hex\":\"7600ff\"},{\"key\":"
      "\"\","
      "\"value\":\"x\"}]}]}");
}

static void words_are(const char *format, const char *expected) {
  char words[64];
  struct ArrowSchema field = {.format = format};
  type_words(words, sizeof words, &field);
  if (strcmp(words, expected) != 0) {
    fprintf(stderr, "%s in words: %s, not %s\n", format, words, expected);
    abort();
  }
}

static void test_words(void) {
  words_are("n", "null");
  words_are("L", "uint64");
  words_are("e", "float16");
  words_are("vz", "binary_view");
  words_are("d:38,10", "decimal128(38,10)");
  words_are("d:76,-3,256", "decimal256(76,-3)");
  words_are("d:x", "decimal of unknown form \"x\"");
  words_are("w:16", "fixed_size_binary(16)");
  words_are("tss:", "timestamp[s]");
  words_are("tsn:UTC", "timestamp[ns, UTC]");
  words_are("+w:3", "fixed_size_list(3)");
  words_are("+ud:0,1", "dense_union(0,1)");
  words_are("+us:5", "sparse_union(5)");
  words_are("+vL", "large_list_view");
  words_are("+r", "run_end_encoded");
  words_are("+m", "map");
  words_are("new", "unknown type \"new\"");
}

static void differs(struct sample *other, const char *expected) {
  struct sample first;
  char why[256];
  make_sample(&first);
  assert(!type_same_fields(&first.root, &other->root, why, sizeof why));
  if (strcmp(why, expected) != 0) {
    fprintf(stderr, "differs: %s, not %s\n", why, expected);
    abort();
  }
  make_sample(other);
}

static void test_compare(void) {
  struct sample first;
  struct sample other;
  char why[256];
  make_sample(&first);
  make_sample(&other);
  assert(type_same_fields(&first.root, &other.root, why, sizeof why));
  other.odd.metadata = NULL;
  assert(type_same_fields(&first.root, &other.root, why, sizeof why));
  other.item.format = "i";
  differs(&other, "field 'times.item' is int32 but timestamp[us, Europe/Berlin]");
  other.item.name = "element";
  differs(&other, "field 1 is named 'times.element' but 'item'");
  other.list.flags = ARROW_FLAG_NULLABLE;
  differs(&other, "field 'times' is nullable but not nullable");
  other.root.n_children = 2;
  differs(&other, "has 2 fields but 3");
  other.values.format = "u";
  differs(&other, "field 'd' is utf8 but utf8_view");
  other.dictionary.dictionary = NULL;
  other.dictionary.flags = ARROW_FLAG_NULLABLE;
  differs(&other, "field 'd' is int8 but dictionary<int8, ordered>");
}

int main(void) {
  test_sizes();
  test_counts_and_words();
  test_fractions();
  test_escape();
  test_utf8();
  test_shown_sizes();
  test_json();
  test_schema();
  test_words();
  test_compare();
  puts("tool pieces: ok");
  return 0;
}
