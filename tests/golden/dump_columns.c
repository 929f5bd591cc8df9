/* SPDX-License-Identifier: Apache-2.0 */
/* Columns as JSON: validity, offsets and children. How offsets of nested arrays compose is decided here. */
#include "dump.h"

#include <inttypes.h>
#include <string.h>

bool dump_bit(const void *bitmap, int64_t slot) {
  if (bitmap == NULL) return true;
  const uint8_t *bytes = bitmap;
  return (bytes[slot / 8] >> (slot % 8)) & 1;
}

bool dump_valid(const struct ArrowArray *array, int64_t slot) {
  return array->null_count == 0 || dump_bit(array->buffers[0], slot);
}

int64_t dump_offset(const struct dump_type *type, const struct ArrowArray *array, int64_t slot) {
  const char *offsets = array->buffers[1];
  int64_t wide;
  int32_t narrow;
  if (offsets == NULL) return 0; /* allowed where nothing is referenced */
  if (type->large) {
    memcpy(&wide, offsets + slot * (int64_t)sizeof wide, sizeof wide);
    return wide;
  }
  memcpy(&narrow, offsets + slot * (int64_t)sizeof narrow, sizeof narrow);
  return narrow;
}

static bool has_offsets(const struct dump_type *type) {
  return type->kind == DUMP_BINARY || type->kind == DUMP_UTF8 || type->kind == DUMP_LIST || type->kind == DUMP_MAP;
}

static void print_validity(FILE *out, const struct ArrowArray *array, int64_t first, int64_t count) {
  fputs(", \"VALIDITY\": [", out);
  for (int64_t i = 0; i < count; i++) fprintf(out, i > 0 ? ", %d" : "%d", dump_valid(array, first + i));
  putc(']', out);
}

/* Offsets relative to the first one, as if the values before it did not exist. 64-bit ones are strings here. */
static void print_offsets(FILE *out, const struct dump_type *type, const struct ArrowArray *array, int64_t first,
                          int64_t count) {
  const char *quote = type->large ? "\"" : "";
  int64_t base = dump_offset(type, array, first);
  fputs(", \"OFFSET\": [", out);
  for (int64_t i = 0; i <= count; i++) {
    int64_t value = dump_offset(type, array, first + i) - base;
    fprintf(out, "%s%s%" PRId64 "%s", i > 0 ? ", " : "", quote, value, quote);
  }
  putc(']', out);
}

/* `first` counts slots of the parent's buffers, so it holds the parent's offset; a child adds its own. */
static void print_children(FILE *out, const struct dump_type *type, const struct ArrowSchema *schema,
                           const struct ArrowArray *array, int64_t first, int64_t count) {
  int64_t start = first, length = count;
  if (has_offsets(type)) {
    start = dump_offset(type, array, first);
    length = dump_offset(type, array, first + count) - start;
  } else if (type->kind == DUMP_FIXED_LIST) {
    start = first * type->width;
    length = count * type->width;
  }
  fputs(", \"children\": [", out);
  for (int64_t i = 0; i < schema->n_children; i++) {
    if (i > 0) fputs(", ", out);
    dump_column(out, schema->children[i], array->children[i], start, length);
  }
  putc(']', out);
}

static bool has_validity(const struct dump_type *type) {
  return type->kind != DUMP_NULL && type->kind != DUMP_UNION && type->kind != DUMP_RUN_ENDS;
}

void dump_column(FILE *out, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t start,
                 int64_t count) {
  struct dump_type type = {.kind = DUMP_NULL};
  dump_type_parse(schema->format, &type);
  int64_t first = array->offset + start;
  fputs("{\"name\": ", out);
  dump_text(out, schema->name ? schema->name : "", schema->name ? strlen(schema->name) : 0);
  fprintf(out, ", \"count\": %" PRId64, count);
  if (has_validity(&type)) print_validity(out, array, first, count);
  if (type.kind != DUMP_NULL && !dump_special(out, &type, schema, array, first, count)) {
    if (has_offsets(&type)) print_offsets(out, &type, array, first, count);
    if (schema->n_children > 0 || type.kind == DUMP_STRUCT) {
      print_children(out, &type, schema, array, first, count);
    } else {
      dump_values(out, &type, array, first, count);
    }
  }
  putc('}', out);
}

/* The dictionaries in force, in the order of their ids. */
static void print_dictionaries(FILE *out, const struct ArrowSchema *schema, const struct ArrowArray *array,
                               int *next_id) {
  if (schema->dictionary != NULL) {
    const struct ArrowArray *values = array->dictionary;
    fprintf(out, *next_id > 0 ? ",\n  {\"id\": %d" : "{\"id\": %d", *next_id);
    fprintf(out, ", \"data\": {\"count\": %" PRId64 ", \"columns\": [", values->length);
    dump_column(out, schema->dictionary, values, 0, values->length);
    fputs("]}}", out);
    (*next_id)++;
    print_dictionaries(out, schema->dictionary, values, next_id);
  }
  for (int64_t i = 0; i < schema->n_children; i++) {
    print_dictionaries(out, schema->children[i], array->children[i], next_id);
  }
}

void dump_batch(FILE *out, const struct ArrowSchema *schema, const struct ArrowArray *array) {
  int next_id = 0;
  fprintf(out, "{\"count\": %" PRId64 ", \"columns\": [", array->length);
  for (int64_t i = 0; i < schema->n_children; i++) {
    if (i > 0) fputs(",\n  ", out);
    dump_column(out, schema->children[i], array->children[i], array->offset, array->length);
  }
  fputs("],\n \"dictionaries\": [", out);
  print_dictionaries(out, schema, array, &next_id);
  fputs("]}", out);
}
