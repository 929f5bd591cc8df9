/* SPDX-License-Identifier: Apache-2.0 */
/* Reading format strings of the C data interface, and single slots. Nothing here cares for speed. */
#include "format.h"

#include "bits.h"
#include "check.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
  const char *prefix;
  kit_layout layout;
} entry;

/* Decimals and the types with a number in their format are worked out below. */
static const entry exact[] = {
    {"n", {KIT_NULL, 0, 0}},        {"b", {KIT_BOOL, 0, 2}},        {"c", {KIT_FIXED, 1, 2}},
    {"C", {KIT_FIXED, 1, 2}},       {"s", {KIT_FIXED, 2, 2}},       {"S", {KIT_FIXED, 2, 2}},
    {"i", {KIT_FIXED, 4, 2}},       {"I", {KIT_FIXED, 4, 2}},       {"l", {KIT_FIXED, 8, 2}},
    {"L", {KIT_FIXED, 8, 2}},       {"e", {KIT_FIXED, 2, 2}},       {"f", {KIT_FIXED, 4, 2}},
    {"g", {KIT_FIXED, 8, 2}},       {"tdD", {KIT_FIXED, 4, 2}},     {"tdm", {KIT_FIXED, 8, 2}},
    {"tts", {KIT_FIXED, 4, 2}},     {"ttm", {KIT_FIXED, 4, 2}},     {"ttu", {KIT_FIXED, 8, 2}},
    {"ttn", {KIT_FIXED, 8, 2}},     {"tiM", {KIT_FIXED, 4, 2}},     {"tiD", {KIT_FIXED, 8, 2}},
    {"tin", {KIT_FIXED, 16, 2}},    {"z", {KIT_BINARY, 4, 3}},      {"u", {KIT_BINARY, 4, 3}},
    {"Z", {KIT_BINARY, 8, 3}},      {"U", {KIT_BINARY, 8, 3}},      {"+l", {KIT_LIST, 4, 2}},
    {"+m", {KIT_LIST, 4, 2}},       {"+L", {KIT_LIST, 8, 2}},       {"+s", {KIT_STRUCT, 0, 1}},
    {"vz", {KIT_VIEW, 16, 3}},      {"vu", {KIT_VIEW, 16, 3}},      {"+r", {KIT_RUN_END, 0, 0}},
    {"+vl", {KIT_LIST_VIEW, 4, 3}}, {"+vL", {KIT_LIST_VIEW, 8, 3}},
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
  if (starts(format, "+us:")) return (kit_layout){KIT_SPARSE, 0, 1};
  if (starts(format, "+ud:")) return (kit_layout){KIT_DENSE, 0, 2};
  kit_die("the kit knows no layout of format \"%s\"", format);
}

bool kit_has_validity(kit_kind kind) {
  return kind != KIT_NULL && kind != KIT_SPARSE && kind != KIT_DENSE && kind != KIT_RUN_END;
}

bool kit_slot_null(kit_kind kind, const struct ArrowArray *array, int64_t slot) {
  if (!kit_has_validity(kind) || array->buffers[0] == NULL || array->null_count == 0) return false;
  return !kit_bit(array->buffers[0], slot);
}

int64_t kit_number_at(const void *numbers, int64_t width, int64_t slot) {
  const unsigned char *at = (const unsigned char *)numbers + slot * width;
  int16_t two;
  int32_t four;
  int64_t eight;
  switch (width) {
  case 1:
    return (int8_t)*at;
  case 2:
    return memcpy(&two, at, sizeof two), two;
  case 4:
    return memcpy(&four, at, sizeof four), four;
  default:
    return memcpy(&eight, at, sizeof eight), eight;
  }
}

int64_t kit_index_at(const char *format, const void *indices, int64_t slot) {
  int64_t width = kit_layout_of(format).width;
  int64_t value = kit_number_at(indices, width, slot);
  bool is_signed = strchr("csil", format[0]) != NULL;
  return is_signed || width == 8 ? value : value & ((INT64_C(1) << (8 * width)) - 1);
}

int kit_type_ids(const char *format, int8_t ids[KIT_TYPE_IDS]) {
  int count = 0;
  const char *at = format + 4;
  while (*at != '\0' && count < KIT_TYPE_IDS) {
    char *end;
    ids[count++] = (int8_t)strtol(at, &end, 10);
    at = *end == ',' ? end + 1 : end;
  }
  return count;
}

int kit_child_of(const char *format, int8_t id) {
  int8_t ids[KIT_TYPE_IDS];
  int count = kit_type_ids(format, ids);
  for (int i = 0; i < count; i++)
    if (ids[i] == id) return i;
  return -1;
}

const void **kit_union_buffers(const struct ArrowArray *array, kit_layout layout) {
  return array->n_buffers > layout.buffers ? array->buffers + 1 : array->buffers;
}

int64_t kit_run_of(const struct ArrowArray *ends, int64_t width, int64_t row) {
  for (int64_t i = 0; i < ends->length; i++)
    if (row < kit_number_at(ends->buffers[1], width, ends->offset + i)) return i;
  return -1;
}
