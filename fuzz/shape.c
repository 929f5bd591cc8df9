/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes from format strings, and single slots of arrays. */
#include "shape.h"

#include <stdlib.h>
#include <string.h>

typedef struct exact_format {
  const char *format;
  enum shape_kind kind;
  int64_t width;
} exact_format;

static const exact_format formats[] = {
    {"n", SHAPE_NULL, 0},         {"b", SHAPE_BITS, 0},         {"c", SHAPE_FIXED, 1},   {"C", SHAPE_FIXED, 1},
    {"s", SHAPE_FIXED, 2},        {"S", SHAPE_FIXED, 2},        {"e", SHAPE_FIXED, 2},   {"i", SHAPE_FIXED, 4},
    {"I", SHAPE_FIXED, 4},        {"f", SHAPE_FIXED, 4},        {"l", SHAPE_FIXED, 8},   {"L", SHAPE_FIXED, 8},
    {"g", SHAPE_FIXED, 8},        {"tdD", SHAPE_FIXED, 4},      {"tdm", SHAPE_FIXED, 8}, {"tts", SHAPE_FIXED, 4},
    {"ttm", SHAPE_FIXED, 4},      {"ttu", SHAPE_FIXED, 8},      {"ttn", SHAPE_FIXED, 8}, {"tiM", SHAPE_FIXED, 4},
    {"tiD", SHAPE_FIXED, 8},      {"tin", SHAPE_FIXED, 16},     {"z", SHAPE_BINARY, 4},  {"u", SHAPE_BINARY, 4},
    {"Z", SHAPE_BINARY, 8},       {"U", SHAPE_BINARY, 8},       {"vz", SHAPE_VIEWS, 0},  {"vu", SHAPE_VIEWS, 0},
    {"+l", SHAPE_LIST, 4},        {"+L", SHAPE_LIST, 8},        {"+m", SHAPE_LIST, 4},   {"+s", SHAPE_STRUCT, 0},
    {"+vl", SHAPE_LIST_VIEWS, 4}, {"+vL", SHAPE_LIST_VIEWS, 8}, {"+r", SHAPE_RUNS, 0},
};

enum { FORMATS = sizeof formats / sizeof formats[0] };

static bool starts(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

static int64_t decimal_bytes(const char *format) {
  const char *comma = strchr(format, ',');
  const char *bits = comma != NULL ? strchr(comma + 1, ',') : NULL;
  return bits != NULL ? strtoll(bits + 1, NULL, 10) / 8 : 16;
}

static void read_type_ids(const char *text, shape *s) {
  int16_t child = 0;
  for (int i = 0; i < SHAPE_TYPE_IDS; i++) s->child_of[i] = -1;
  while (*text != '\0') {
    char *end;
    long id = strtol(text, &end, 10);
    FUZZ_CHECK(end != text && id >= 0 && id < SHAPE_TYPE_IDS, "type ids \"%s\"", text);
    s->child_of[id] = child++;
    text = *end == ',' ? end + 1 : end;
  }
}

static enum shape_kind kind_of(const char *format, shape *s) {
  for (int i = 0; i < FORMATS; i++) {
    if (strcmp(format, formats[i].format) != 0) continue;
    s->width = formats[i].width;
    return formats[i].kind;
  }
  s->width = starts(format, "d:")    ? decimal_bytes(format)
             : starts(format, "w:")  ? strtoll(format + 2, NULL, 10)
             : starts(format, "+w:") ? strtoll(format + 3, NULL, 10)
                                     : 8;
  if (starts(format, "+w:")) return SHAPE_FIXED_LIST;
  if (starts(format, "ts") || starts(format, "tD") || starts(format, "d:") || starts(format, "w:")) return SHAPE_FIXED;
  FUZZ_CHECK(starts(format, "+us:") || starts(format, "+ud:"), "a field of format \"%s\"", format);
  read_type_ids(format + 4, s);
  return format[2] == 's' ? SHAPE_SPARSE : SHAPE_DENSE;
}

shape shape_of(const struct ArrowSchema *schema) {
  static const int64_t buffers[] = {
      [SHAPE_BITS] = 2,   [SHAPE_FIXED] = 2,      [SHAPE_BINARY] = 3, [SHAPE_VIEWS] = 2,
      [SHAPE_LIST] = 2,   [SHAPE_FIXED_LIST] = 1, [SHAPE_STRUCT] = 1, [SHAPE_LIST_VIEWS] = 3,
      [SHAPE_SPARSE] = 1, [SHAPE_DENSE] = 2,      [SHAPE_RUNS] = 0};
  shape s;
  s.kind = kind_of(schema->format, &s);
  s.buffers = buffers[s.kind];
  s.has_validity = s.kind != SHAPE_NULL && s.kind != SHAPE_SPARSE && s.kind != SHAPE_DENSE && s.kind != SHAPE_RUNS;
  return s;
}

const void **shape_buffers(const shape *s, const struct ArrowArray *array) {
  bool is_union = s->kind == SHAPE_SPARSE || s->kind == SHAPE_DENSE;
  return is_union && array->n_buffers > s->buffers ? array->buffers + 1 : array->buffers;
}

int64_t shape_number(const void *numbers, int64_t width, int64_t index) {
  int8_t one;
  int16_t two;
  int32_t four;
  int64_t eight;
  const char *at = (const char *)numbers + index * width;
  switch (width) {
  case 1:
    return memcpy(&one, at, sizeof one), one;
  case 2:
    return memcpy(&two, at, sizeof two), two;
  case 4:
    return memcpy(&four, at, sizeof four), four;
  default:
    return memcpy(&eight, at, sizeof eight), eight;
  }
}

int64_t shape_index(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t slot) {
  shape s = shape_of(schema);
  int64_t value = shape_number(array->buffers[1], s.width, slot);
  bool is_unsigned = strchr("CSI", schema->format[0]) != NULL;
  return is_unsigned ? value & (int64_t)((UINT64_C(1) << (8 * s.width)) - 1) : value;
}

bool shape_is_null(const shape *s, const struct ArrowArray *array, int64_t slot) {
  if (s->kind == SHAPE_NULL) return true;
  return s->has_validity && array->null_count != 0 && array->buffers[0] != NULL && !shape_bit(array->buffers[0], slot);
}

const uint8_t *shape_view(const struct ArrowArray *array, int64_t slot, int64_t *size) {
  const uint8_t *view = (const uint8_t *)array->buffers[1] + slot * SHAPE_VIEW;
  *size = shape_number(view, 4, 0);
  if (*size <= SHAPE_INLINE) return view + 4;
  return (const uint8_t *)array->buffers[2 + shape_number(view, 4, 2)] + shape_number(view, 4, 3);
}

int64_t shape_run(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t slot) {
  const struct ArrowArray *ends = array->children[0];
  int64_t width = shape_of(schema->children[0]).width, low = 0, high = ends->length;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (shape_number(ends->buffers[1], width, ends->offset + middle) > slot)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}
