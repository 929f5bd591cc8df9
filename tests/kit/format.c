/* SPDX-License-Identifier: Apache-2.0 */
/* Reading format strings of the C data interface. */
#include "format.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
  const char *prefix;
  kit_layout layout;
} entry;

/* Decimals and the two types with a number in their format are worked out below. */
static const entry exact[] = {
    {"n", {KIT_NULL, 0, 0}},    {"b", {KIT_BOOL, 0, 2}},     {"c", {KIT_FIXED, 1, 2}},   {"C", {KIT_FIXED, 1, 2}},
    {"s", {KIT_FIXED, 2, 2}},   {"S", {KIT_FIXED, 2, 2}},    {"i", {KIT_FIXED, 4, 2}},   {"I", {KIT_FIXED, 4, 2}},
    {"l", {KIT_FIXED, 8, 2}},   {"L", {KIT_FIXED, 8, 2}},    {"e", {KIT_FIXED, 2, 2}},   {"f", {KIT_FIXED, 4, 2}},
    {"g", {KIT_FIXED, 8, 2}},   {"tdD", {KIT_FIXED, 4, 2}},  {"tdm", {KIT_FIXED, 8, 2}}, {"tts", {KIT_FIXED, 4, 2}},
    {"ttm", {KIT_FIXED, 4, 2}}, {"ttu", {KIT_FIXED, 8, 2}},  {"ttn", {KIT_FIXED, 8, 2}}, {"tiM", {KIT_FIXED, 4, 2}},
    {"tiD", {KIT_FIXED, 8, 2}}, {"tin", {KIT_FIXED, 16, 2}}, {"z", {KIT_BINARY, 4, 3}},  {"u", {KIT_BINARY, 4, 3}},
    {"Z", {KIT_BINARY, 8, 3}},  {"U", {KIT_BINARY, 8, 3}},   {"+l", {KIT_LIST, 4, 2}},   {"+m", {KIT_LIST, 4, 2}},
    {"+L", {KIT_LIST, 8, 2}},   {"+s", {KIT_STRUCT, 0, 1}},
};

static int64_t decimal_width(const char *format) {
  const char *comma = strchr(format, ',');
  const char *second = comma != NULL ? strchr(comma + 1, ',') : NULL;
  return second != NULL ? strtoll(second + 1, NULL, 10) / 8 : 16;
}

static bool starts(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

kit_layout kit_layout_of(const char *format) {
  for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++)
    if (strcmp(format, exact[i].prefix) == 0) return exact[i].layout;
  if (starts(format, "ts") || starts(format, "tD")) return (kit_layout){KIT_FIXED, 8, 2};
  if (starts(format, "d:")) return (kit_layout){KIT_FIXED, decimal_width(format), 2};
  if (starts(format, "w:")) return (kit_layout){KIT_FIXED, strtoll(format + 2, NULL, 10), 2};
  if (starts(format, "+w:")) return (kit_layout){KIT_FIXED_LIST, strtoll(format + 3, NULL, 10), 1};
  kit_die("the kit knows no layout of format \"%s\"", format);
}
