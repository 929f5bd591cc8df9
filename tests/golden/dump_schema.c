/* SPDX-License-Identifier: Apache-2.0 */
/* The schema as JSON: fields, types, metadata. */
#include "dump.h"

#include <inttypes.h>
#include <string.h>

static void print_unit(FILE *out, const char *name, const char *unit) {
  fprintf(out, "{\"name\": \"%s\", \"unit\": \"%s\"", name, unit);
}

static void print_timestamp(FILE *out, const struct dump_type *type) {
  print_unit(out, "timestamp", type->unit);
  if (type->timezone[0] != '\0') {
    fputs(", \"timezone\": ", out);
    dump_text(out, type->timezone, strlen(type->timezone));
  }
  putc('}', out);
}

static void print_nested_type(FILE *out, const struct dump_type *type, int64_t flags) {
  if (type->kind == DUMP_STRUCT) {
    fputs("{\"name\": \"struct\"}", out);
  } else if (type->kind == DUMP_LIST) {
    fprintf(out, "{\"name\": \"%s\"}", type->large ? "largelist" : "list");
  } else if (type->kind == DUMP_FIXED_LIST) {
    fprintf(out, "{\"name\": \"fixedsizelist\", \"listSize\": %" PRId64 "}", type->width);
  } else if (type->kind == DUMP_LIST_VIEW) {
    fprintf(out, "{\"name\": \"%slistview\"}", type->large ? "large" : "");
  } else if (type->kind == DUMP_UNION) {
    const char *mode = type->dense ? "DENSE" : "SPARSE";
    fprintf(out, "{\"name\": \"union\", \"mode\": \"%s\", \"typeIds\": [%s]}", mode, type->type_ids);
  } else if (type->kind == DUMP_RUN_ENDS) {
    fputs("{\"name\": \"runendencoded\"}", out);
  } else {
    fprintf(out, "{\"name\": \"map\", \"keysSorted\": %s}", flags & ARROW_FLAG_MAP_KEYS_SORTED ? "true" : "false");
  }
}

static void print_number_type(FILE *out, const struct dump_type *type) {
  if (type->kind == DUMP_INT) {
    fprintf(out, "{\"name\": \"int\", \"bitWidth\": %d, \"isSigned\": %s}", type->bits,
            type->is_signed ? "true" : "false");
  } else if (type->kind == DUMP_FLOAT) {
    fprintf(out, "{\"name\": \"floatingpoint\", \"precision\": \"%s\"}", type->unit);
  } else {
    fprintf(out, "{\"name\": \"decimal\", \"precision\": %d, \"scale\": %d, \"bitWidth\": %d}", type->precision,
            type->scale, type->bits);
  }
}

static void print_type(FILE *out, const struct dump_type *type, int64_t flags) {
  switch (type->kind) {
  case DUMP_NULL:
    fputs("{\"name\": \"null\"}", out);
    break;
  case DUMP_BOOL:
    fputs("{\"name\": \"bool\"}", out);
    break;
  case DUMP_INT:
  case DUMP_FLOAT:
  case DUMP_DECIMAL:
    print_number_type(out, type);
    break;
  case DUMP_DATE:
    print_unit(out, "date", type->unit), putc('}', out);
    break;
  case DUMP_TIME:
    print_unit(out, "time", type->unit), fprintf(out, ", \"bitWidth\": %d}", type->bits);
    break;
  case DUMP_TIMESTAMP:
    print_timestamp(out, type);
    break;
  case DUMP_DURATION:
    print_unit(out, "duration", type->unit), putc('}', out);
    break;
  case DUMP_INTERVAL:
    print_unit(out, "interval", type->unit), putc('}', out);
    break;
  case DUMP_FIXED_BINARY:
    fprintf(out, "{\"name\": \"fixedsizebinary\", \"byteWidth\": %" PRId64 "}", type->width);
    break;
  case DUMP_BINARY:
    fprintf(out, "{\"name\": \"%sbinary\"}", type->large ? "large" : "");
    break;
  case DUMP_UTF8:
    fprintf(out, "{\"name\": \"%sutf8\"}", type->large ? "large" : "");
    break;
  case DUMP_BINARY_VIEW:
    fputs("{\"name\": \"binaryview\"}", out);
    break;
  case DUMP_UTF8_VIEW:
    fputs("{\"name\": \"utf8view\"}", out);
    break;
  case DUMP_LIST:
  case DUMP_MAP:
  case DUMP_FIXED_LIST:
  case DUMP_STRUCT:
  case DUMP_LIST_VIEW:
  case DUMP_UNION:
  case DUMP_RUN_ENDS:
    print_nested_type(out, type, flags);
    break;
  }
}

/* One length-prefixed string of encoded metadata. Returns what follows it. */
static const char *print_metadata_text(FILE *out, const char *at) {
  int32_t size;
  memcpy(&size, at, sizeof size);
  dump_text(out, at + sizeof size, (size_t)size);
  return at + sizeof size + size;
}

static void print_metadata(FILE *out, const char *metadata) {
  int32_t pairs = 0;
  if (metadata != NULL) memcpy(&pairs, metadata, sizeof pairs);
  const char *at = metadata == NULL ? NULL : metadata + sizeof pairs;
  fputs(", \"metadata\": [", out);
  for (int32_t i = 0; i < pairs; i++) {
    fputs(i > 0 ? ", {\"key\": " : "{\"key\": ", out);
    at = print_metadata_text(out, at);
    fputs(", \"value\": ", out);
    at = print_metadata_text(out, at);
    putc('}', out);
  }
  putc(']', out);
}

/* The JSON has ids for dictionaries, the C data interface has not: they are numbered in pre-order. */
static bool print_fields(FILE *out, const struct ArrowSchema *parent, int *next_id);

static void print_dictionary(FILE *out, const struct ArrowSchema *field, const struct dump_type *indices,
                             int *next_id) {
  fprintf(out, ", \"dictionary\": {\"id\": %d, \"indexType\": ", (*next_id)++);
  print_type(out, indices, 0);
  fprintf(out, ", \"isOrdered\": %s}", field->flags & ARROW_FLAG_DICTIONARY_ORDERED ? "true" : "false");
}

/* Of a dictionary-encoded field the type and the children are those of the values. */
static bool print_field(FILE *out, const struct ArrowSchema *field, int *next_id) {
  const struct ArrowSchema *values = field->dictionary != NULL ? field->dictionary : field;
  struct dump_type type, indices;
  if (!dump_type_parse(field->format, &indices) || !dump_type_parse(values->format, &type)) {
    fprintf(stderr, "dump: field '%s': format '%s' not known here\n", field->name ? field->name : "", field->format);
    return false;
  }
  fputs("{\"name\": ", out);
  dump_text(out, field->name ? field->name : "", field->name ? strlen(field->name) : 0);
  fputs(", \"type\": ", out);
  print_type(out, &type, values->flags);
  fprintf(out, ", \"nullable\": %s", field->flags & ARROW_FLAG_NULLABLE ? "true" : "false");
  if (field->dictionary != NULL) print_dictionary(out, field, &indices, next_id);
  fputs(", \"children\": ", out);
  if (!print_fields(out, values, next_id)) return false;
  print_metadata(out, field->metadata);
  putc('}', out);
  return true;
}

static bool print_fields(FILE *out, const struct ArrowSchema *parent, int *next_id) {
  putc('[', out);
  for (int64_t i = 0; i < parent->n_children; i++) {
    if (i > 0) fputs(", ", out);
    if (!print_field(out, parent->children[i], next_id)) return false;
  }
  putc(']', out);
  return true;
}

bool dump_schema(FILE *out, const struct ArrowSchema *schema) {
  int next_id = 0;
  fputs("{\"fields\": ", out);
  if (!print_fields(out, schema, &next_id)) return false;
  print_metadata(out, schema->metadata);
  putc('}', out);
  return true;
}
