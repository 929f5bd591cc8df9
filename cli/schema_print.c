/* SPDX-License-Identifier: Apache-2.0 */
/* A schema shown to people and to programs. Its texts come from outside: everything is escaped, long values are cut. */
#include "schema_print.h"

#include <inttypes.h>
#include <string.h>

#include "metadata.h"
#include "text.h"
#include "types.h"

#define SHOWN_NAME  256
#define SHOWN_VALUE 512

static void indent(FILE *out, int depth) {
  fprintf(out, "%*s", 2 * depth, "");
}

/* Whether a name can stand without quotes. */
static bool is_simple(const char *name) {
  static const char simple[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./$@#";
  return *name && name[strspn(name, simple)] == '\0';
}

static void print_name(FILE *out, const char *name) {
  char shown[SHOWN_NAME];
  if (!name) name = "";
  text_escape(shown, sizeof shown, name, strlen(name), true);
  fprintf(out, is_simple(name) ? "%s" : "\"%s\"", shown);
}

static void print_metadata(FILE *out, const char *bytes, int depth) {
  char key[SHOWN_NAME];
  char value[SHOWN_VALUE];
  struct metadata metadata;
  metadata_begin(&metadata, bytes);
  while (metadata_next(&metadata)) {
    text_escape(key, sizeof key, metadata.key, metadata.key_length, true);
    text_escape(value, sizeof value, metadata.value, metadata.value_length, true);
    indent(out, depth);
    fprintf(out, "metadata \"%s\" = \"%s\"\n", key, value);
  }
}

static void print_type(FILE *out, const struct ArrowSchema *field) {
  char words[SHOWN_NAME];
  char shown[SHOWN_NAME];
  type_words(words, sizeof words, field);
  text_escape(shown, sizeof shown, words, strlen(words), false);
  fputs(shown, out);
}

static void print_field(FILE *out, const struct ArrowSchema *field, int depth);

static void print_inside(FILE *out, const struct ArrowSchema *field, int depth) {
  print_metadata(out, field->metadata, depth);
  for (int64_t i = 0; i < field->n_children; i++) print_field(out, field->children[i], depth);
  if (field->dictionary) {
    indent(out, depth);
    fputs("values: ", out);
    print_type(out, field->dictionary);
    putc('\n', out);
    print_inside(out, field->dictionary, depth + 1);
  }
}

static void print_field(FILE *out, const struct ArrowSchema *field, int depth) {
  indent(out, depth);
  print_name(out, field->name);
  fputs(": ", out);
  print_type(out, field);
  fputs(field->flags & ARROW_FLAG_NULLABLE ? "\n" : " not null\n", out);
  print_inside(out, field, depth + 1);
}

void schema_print(FILE *out, const struct ArrowSchema *schema) {
  fprintf(out, "schema: %" PRId64 " field%s\n", schema->n_children, schema->n_children == 1 ? "" : "s");
  for (int64_t i = 0; i < schema->n_children; i++) print_field(out, schema->children[i], 1);
  print_metadata(out, schema->metadata, 1);
}

/* Keys may repeat and values may be binary, so that pairs are not an object's members. */
static void metadata_json(struct json *json, const char *bytes) {
  struct metadata metadata;
  metadata_begin(&metadata, bytes);
  if (metadata.count <= 0) return;
  json_array(json, "metadata");
  while (metadata_next(&metadata)) {
    json_object(json, NULL);
    json_text(json, "key", metadata.key, metadata.key_length);
    if (text_is_utf8(metadata.value, metadata.value_length)) {
      json_text(json, "value", metadata.value, metadata.value_length);
    } else {
      json_hex(json, "value_hex", metadata.value, metadata.value_length);
    }
    json_object_end(json);
  }
  json_array_end(json);
}

static void field_json(struct json *json, const struct ArrowSchema *field);

static void inside_json(struct json *json, const struct ArrowSchema *field, const char *children_key) {
  if (field->n_children > 0 || strcmp(children_key, "fields") == 0) {
    json_array(json, children_key);
    for (int64_t i = 0; i < field->n_children; i++) {
      json_object(json, NULL);
      field_json(json, field->children[i]);
      json_object_end(json);
    }
    json_array_end(json);
  }
  metadata_json(json, field->metadata);
}

/* The members of a field's object. */
static void field_json(struct json *json, const struct ArrowSchema *field) {
  char words[SHOWN_NAME];
  type_words(words, sizeof words, field);
  json_string(json, "name", field->name ? field->name : "");
  json_string(json, "type", words);
  json_string(json, "format", field->format);
  json_bool(json, "nullable", field->flags & ARROW_FLAG_NULLABLE);
  inside_json(json, field, "children");
  if (field->dictionary) {
    json_object(json, "dictionary");
    field_json(json, field->dictionary);
    json_object_end(json);
  }
}

void schema_json(struct json *json, const char *key, const struct ArrowSchema *schema) {
  json_object(json, key);
  inside_json(json, schema, "fields");
  json_object_end(json);
}
