/* SPDX-License-Identifier: Apache-2.0 */
/* Schema trees: their memory, copies, metadata and equality. The text form is in schema_text.c. */
#include "schema_build.h"

#include "check.h"
#include "schema_node.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Owns everything of one schema but its children's contents. */
typedef struct node {
  char *format;
  char *name;
  char *metadata;
  atomic_int released;
} node;

static atomic_llong live;

int64_t kit_live_schemas(void) {
  return atomic_load(&live);
}

static char *copy_text(const char *text) {
  char *copy = text != NULL ? strdup(text) : NULL;
  if (text != NULL && copy == NULL) kit_die("no memory");
  return copy;
}

static void release_schema(struct ArrowSchema *schema) {
  node *n = schema->private_data;
  if (atomic_exchange(&n->released, 1) != 0) kit_die("a schema was released twice");
  for (int64_t i = 0; i < schema->n_children; i++) {
    if (schema->children[i]->release != NULL) schema->children[i]->release(schema->children[i]);
    free(schema->children[i]);
  }
  free(schema->children);
  if (schema->dictionary != NULL && schema->dictionary->release != NULL)
    schema->dictionary->release(schema->dictionary);
  free(schema->dictionary);
  free(n->format);
  free(n->name);
  free(n->metadata);
  free(n);
  schema->release = NULL;
  atomic_fetch_sub(&live, 1);
}

static void *zeroed(size_t count, size_t size) {
  void *memory = calloc(count > 0 ? count : 1, size);
  if (memory == NULL) kit_die("no memory");
  return memory;
}

void kit_schema_node(struct ArrowSchema *schema, const char *format, const char *name, int64_t flags,
                     int64_t n_children) {
  node *n = zeroed(1, sizeof *n);
  n->format = copy_text(format);
  n->name = copy_text(name);
  *schema = (struct ArrowSchema){.format = n->format,
                                 .name = n->name,
                                 .flags = flags,
                                 .n_children = n_children,
                                 .release = release_schema,
                                 .private_data = n};
  if (n_children > 0) schema->children = zeroed((size_t)n_children, sizeof(struct ArrowSchema *));
  for (int64_t i = 0; i < n_children; i++) schema->children[i] = zeroed(1, sizeof(struct ArrowSchema));
  atomic_fetch_add(&live, 1);
}

struct ArrowSchema *kit_schema_add_dictionary(struct ArrowSchema *schema) {
  schema->dictionary = zeroed(1, sizeof(struct ArrowSchema));
  return schema->dictionary;
}

static node *node_of(struct ArrowSchema *schema) {
  if (schema->release != release_schema) kit_die("not a schema of this kit");
  return schema->private_data;
}

void kit_schema_set_name(struct ArrowSchema *schema, const char *name) {
  node *n = node_of(schema);
  free(n->name);
  schema->name = n->name = copy_text(name);
}

void kit_schema_set_format(struct ArrowSchema *schema, const char *format) {
  node *n = node_of(schema);
  free(n->format);
  schema->format = n->format = copy_text(format);
}

static int32_t read_int32(const char **at) {
  int32_t value;
  memcpy(&value, *at, sizeof value);
  *at += sizeof value;
  return value;
}

size_t kit_metadata_size(const char *metadata) {
  if (metadata == NULL) return 0;
  const char *at = metadata;
  int32_t pairs = read_int32(&at);
  for (int32_t i = 0; i < 2 * pairs; i++) {
    int32_t size = read_int32(&at);
    at += size;
  }
  return (size_t)(at - metadata);
}

static char *put(char *to, const void *bytes, size_t size) {
  if (size > 0) memcpy(to, bytes, size);
  return to + size;
}

static char *put_sized(char *to, const char *bytes, int32_t size) {
  return put(put(to, &size, sizeof size), bytes, (size_t)size);
}

static char *metadata_encode(const kit_pair *pairs, int32_t count) {
  size_t size = sizeof count;
  for (int32_t i = 0; i < count; i++) size += 8 + (size_t)pairs[i].key_size + (size_t)pairs[i].value_size;
  char *metadata = zeroed(size, 1);
  char *to = put(metadata, &count, sizeof count);
  for (int32_t i = 0; i < count; i++) {
    to = put_sized(to, pairs[i].key, pairs[i].key_size);
    to = put_sized(to, pairs[i].value, pairs[i].value_size);
  }
  return metadata;
}

void kit_schema_set_metadata(struct ArrowSchema *schema, const kit_pair *pairs, int32_t count) {
  node *n = node_of(schema);
  free(n->metadata);
  n->metadata = count > 0 ? metadata_encode(pairs, count) : NULL;
  schema->metadata = n->metadata;
}

static void copy_metadata(const struct ArrowSchema *from, struct ArrowSchema *to) {
  size_t size = kit_metadata_size(from->metadata);
  if (size == 0) return;
  node *n = to->private_data;
  n->metadata = zeroed(size, 1);
  memcpy(n->metadata, from->metadata, size);
  to->metadata = n->metadata;
}

void kit_schema_copy(const struct ArrowSchema *from, struct ArrowSchema *to) {
  kit_schema_node(to, from->format, from->name, from->flags, from->n_children);
  copy_metadata(from, to);
  for (int64_t i = 0; i < from->n_children; i++) kit_schema_copy(from->children[i], to->children[i]);
  if (from->dictionary != NULL) kit_schema_copy(from->dictionary, kit_schema_add_dictionary(to));
}

static const char *name_of(const struct ArrowSchema *schema) {
  return schema->name != NULL ? schema->name : "";
}

static bool same_metadata(const char *a, const char *b) {
  size_t size = kit_metadata_size(a);
  if (size != kit_metadata_size(b)) return false;
  return size == 0 || memcmp(a, b, size) == 0;
}

static const char *difference(const struct ArrowSchema *a, const struct ArrowSchema *b) {
  if (a->release == NULL || b->release == NULL) return "released";
  if (strcmp(a->format, b->format) != 0) return "format";
  if (strcmp(name_of(a), name_of(b)) != 0) return "name";
  if (a->flags != b->flags) return "flags";
  if (!same_metadata(a->metadata, b->metadata)) return "metadata";
  if (a->n_children != b->n_children) return "number of children";
  if ((a->dictionary == NULL) != (b->dictionary == NULL)) return "dictionary";
  return NULL;
}

static bool differs(const struct ArrowSchema *a, const char *what, char *where, size_t where_size) {
  if (where != NULL) snprintf(where, where_size, "%s of field \"%s\"", what, name_of(a));
  return false;
}

bool kit_schema_equal(const struct ArrowSchema *a, const struct ArrowSchema *b, char *where, size_t where_size) {
  const char *what = difference(a, b);
  if (what != NULL) return differs(a, what, where, where_size);
  for (int64_t i = 0; i < a->n_children; i++)
    if (!kit_schema_equal(a->children[i], b->children[i], where, where_size)) return false;
  return a->dictionary == NULL || kit_schema_equal(a->dictionary, b->dictionary, where, where_size);
}
