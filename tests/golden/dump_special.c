/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns as JSON, of the types that refer to values out of order: list views, unions, run ends, views. What a slice
 * refers to is printed with all that lies around it, save for run ends, which are cut to the rows.
 */
#include "dump.h"

#include <inttypes.h>
#include <string.h>

static int64_t read_number(const void *buffer, int width, int64_t slot) {
  int64_t wide;
  int32_t middle;
  int16_t narrow;
  const char *at = (const char *)buffer + slot * width;
  switch (width) {
  case 2:
    memcpy(&narrow, at, sizeof narrow);
    return narrow;
  case 4:
    memcpy(&middle, at, sizeof middle);
    return middle;
  default:
    memcpy(&wide, at, sizeof wide);
    return wide;
  }
}

/* Numbers of 64 bits are strings in the JSON. */
static void print_numbers(FILE *out, const char *name, const void *buffer, int width, int64_t first, int64_t count) {
  const char *quote = width == 8 ? "\"" : "";
  fprintf(out, ", \"%s\": [", name);
  for (int64_t i = 0; i < count; i++) {
    fprintf(out, "%s%s%" PRId64 "%s", i > 0 ? ", " : "", quote, read_number(buffer, width, first + i), quote);
  }
  putc(']', out);
}

static void print_all_children(FILE *out, const struct ArrowSchema *schema, const struct ArrowArray *array) {
  fputs(", \"children\": [", out);
  for (int64_t i = 0; i < schema->n_children; i++) {
    if (i > 0) fputs(", ", out);
    dump_column(out, schema->children[i], array->children[i], 0, array->children[i]->length);
  }
  putc(']', out);
}

static void print_list_views(FILE *out, const struct dump_type *type, const struct ArrowSchema *schema,
                             const struct ArrowArray *array, int64_t first, int64_t count) {
  int width = type->large ? 8 : 4;
  print_numbers(out, "OFFSET", array->buffers[1], width, first, count);
  print_numbers(out, "SIZE", array->buffers[2], width, first, count);
  print_all_children(out, schema, array);
}

static void print_union(FILE *out, const struct dump_type *type, const struct ArrowSchema *schema,
                        const struct ArrowArray *array, int64_t first, int64_t count) {
  const int8_t *ids = array->buffers[0];
  fputs(", \"TYPE_ID\": [", out);
  for (int64_t i = 0; i < count; i++) fprintf(out, i > 0 ? ", %d" : "%d", ids[first + i]);
  putc(']', out);
  if (type->dense) {
    print_numbers(out, "OFFSET", array->buffers[1], 4, first, count);
    print_all_children(out, schema, array);
    return;
  }
  fputs(", \"children\": [", out);
  for (int64_t i = 0; i < schema->n_children; i++) {
    if (i > 0) fputs(", ", out);
    dump_column(out, schema->children[i], array->children[i], first, count);
  }
  putc(']', out);
}

/* Runs that end at or before `first` are left out, and so are those behind the last row. */
static void print_runs(FILE *out, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t first,
                       int64_t count) {
  const struct ArrowArray *ends = array->children[0];
  struct dump_type type = {.bits = 0};
  dump_type_parse(schema->children[0]->format, &type);
  int width = type.bits / 8;
  const char *quote = width == 8 ? "\"" : "";
  int64_t run = 0, runs = 0, end = 0;
  while (count > 0 && read_number(ends->buffers[1], width, ends->offset + run) <= first) run++;
  fputs(", \"children\": [{\"name\": ", out);
  dump_text(out, schema->children[0]->name, strlen(schema->children[0]->name));
  fputs(", \"DATA\": [", out);
  for (; end < count; runs++) {
    end = read_number(ends->buffers[1], width, ends->offset + run + runs) - first;
    if (end > count) end = count;
    fprintf(out, "%s%s%" PRId64 "%s", runs > 0 ? ", " : "", quote, end, quote);
  }
  fprintf(out, "], \"count\": %" PRId64 ", \"VALIDITY\": [", runs);
  for (int64_t i = 0; i < runs; i++) fputs(i > 0 ? ", 1" : "1", out);
  fputs("]}, ", out);
  dump_column(out, schema->children[1], array->children[1], run, runs);
  putc(']', out);
}

enum { VIEW_BYTES = 16, INLINE_BYTES = 12, PREFIX_BYTES = 4 };

static void print_view(FILE *out, const struct dump_type *type, const char *view) {
  int32_t size = (int32_t)read_number(view, 4, 0);
  fprintf(out, "{\"SIZE\": %" PRId32, size);
  if (size > INLINE_BYTES) {
    fputs(", \"PREFIX_HEX\": ", out);
    dump_hex(out, view + 4, PREFIX_BYTES);
    fprintf(out, ", \"BUFFER_INDEX\": %" PRId64 ", \"OFFSET\": %" PRId64, read_number(view, 4, 2),
            read_number(view, 4, 3));
  } else {
    fputs(", \"INLINED\": ", out);
    if (type->kind == DUMP_UTF8_VIEW)
      dump_text(out, view + 4, (size_t)size);
    else
      dump_hex(out, view + 4, size);
  }
  putc('}', out);
}

/* A view under a null may be anything: an empty one stands for it. */
static void print_views(FILE *out, const struct dump_type *type, const struct ArrowArray *array, int64_t first,
                        int64_t count) {
  static const char empty[VIEW_BYTES];
  fputs(", \"VIEWS\": [", out);
  for (int64_t i = 0; i < count; i++) {
    const char *view = (const char *)array->buffers[1] + (first + i) * VIEW_BYTES;
    if (i > 0) fputs(", ", out);
    print_view(out, type, dump_valid(array, first + i) ? view : empty);
  }
  const int64_t *sizes = array->buffers[array->n_buffers - 1];
  fputs("], \"VARIADIC_DATA_BUFFERS\": [", out);
  for (int64_t i = 0; i < array->n_buffers - 3; i++) {
    if (i > 0) fputs(", ", out);
    dump_hex(out, array->buffers[2 + i], sizes[i]);
  }
  putc(']', out);
}

bool dump_special(FILE *out, const struct dump_type *type, const struct ArrowSchema *schema,
                  const struct ArrowArray *array, int64_t first, int64_t count) {
  switch (type->kind) {
  case DUMP_LIST_VIEW:
    print_list_views(out, type, schema, array, first, count);
    return true;
  case DUMP_UNION:
    print_union(out, type, schema, array, first, count);
    return true;
  case DUMP_RUN_ENDS:
    print_runs(out, schema, array, first, count);
    return true;
  case DUMP_BINARY_VIEW:
  case DUMP_UTF8_VIEW:
    print_views(out, type, array, first, count);
    return true;
  default:
    return false;
  }
}
