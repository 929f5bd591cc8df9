/* SPDX-License-Identifier: Apache-2.0 */
/* ArrowSchema: making, copying, comparing. Every node owns its own strings, so that children may be moved out. */
#include "arrow/schema.h"

#include "support/alloc.h"
#include "support/error.h"

#include <stdint.h>
#include <string.h>

int64_t schema_metadata_size(const char *metadata) {
  if (metadata == NULL) return 0;
  int32_t pairs;
  memcpy(&pairs, metadata, sizeof pairs);
  if (pairs < 0) return -1;
  int64_t at = sizeof pairs;
  for (int64_t i = 0; i < (int64_t)pairs * 2; i++) {
    int32_t length;
    memcpy(&length, metadata + at, sizeof length);
    if (length < 0) return -1;
    at += (int64_t)sizeof length + length;
  }
  return at;
}

void schema_release(struct ArrowSchema *schema) {
  if (schema->release != NULL) schema->release(schema);
}

static void release_made(struct ArrowSchema *schema) {
  for (int64_t i = 0; i < schema->n_children; i++) {
    schema_release(schema->children[i]);
    mem_free(schema->children[i]);
  }
  if (schema->dictionary != NULL) {
    schema_release(schema->dictionary);
    mem_free(schema->dictionary);
  }
  mem_free(schema->children);
  mem_free((void *)(uintptr_t)schema->format);
  mem_free((void *)(uintptr_t)schema->name);
  mem_free((void *)(uintptr_t)schema->metadata);
  schema->release = NULL;
}

static respool_status make_children(struct ArrowSchema *schema, int64_t n_children, respool_error *error) {
  if (n_children == 0) return RESPOOL_OK;
  schema->children = mem_zalloc((size_t)n_children * sizeof *schema->children);
  if (schema->children == NULL) return error_no_memory(error);
  for (int64_t i = 0; i < n_children; i++) {
    schema->children[i] = mem_zalloc(sizeof **schema->children);
    if (schema->children[i] == NULL) return error_no_memory(error);
    schema->n_children = i + 1;
  }
  return RESPOOL_OK;
}

respool_status schema_make(struct ArrowSchema *schema, const char *format, const char *name, const char *metadata,
                           int64_t flags, int64_t n_children, respool_error *error) {
  int64_t metadata_size = schema_metadata_size(metadata);
  if (metadata_size < 0) return error_set(error, RESPOOL_INVALID, "metadata with a negative length");
  *schema = (struct ArrowSchema){.flags = flags, .release = release_made};
  schema->format = mem_copy_string(format);
  schema->name = mem_copy_string(name == NULL ? "" : name);
  if (metadata != NULL) schema->metadata = mem_copy(metadata, (size_t)metadata_size);
  bool complete = schema->format != NULL && schema->name != NULL && (metadata == NULL || schema->metadata != NULL);
  respool_status status = complete ? make_children(schema, n_children, error) : error_no_memory(error);
  if (status != RESPOOL_OK) release_made(schema);
  return status;
}

respool_status schema_make_dictionary(struct ArrowSchema *schema, respool_error *error) {
  schema->dictionary = mem_zalloc(sizeof *schema->dictionary);
  return schema->dictionary == NULL ? error_no_memory(error) : RESPOOL_OK;
}

static respool_status copy_below(const struct ArrowSchema *source, struct ArrowSchema *copy, respool_error *error) {
  for (int64_t i = 0; i < source->n_children; i++) {
    respool_status status = schema_copy(source->children[i], copy->children[i], error);
    if (status != RESPOOL_OK) return status;
  }
  if (source->dictionary == NULL) return RESPOOL_OK;
  respool_status status = schema_make_dictionary(copy, error);
  return status != RESPOOL_OK ? status : schema_copy(source->dictionary, copy->dictionary, error);
}

respool_status schema_copy(const struct ArrowSchema *source, struct ArrowSchema *copy, respool_error *error) {
  struct ArrowSchema made;
  respool_status status =
      schema_make(&made, source->format, source->name, source->metadata, source->flags, source->n_children, error);
  if (status != RESPOOL_OK) return status;
  status = copy_below(source, &made, error);
  if (status != RESPOOL_OK) {
    schema_release(&made);
    return status;
  }
  *copy = made;
  return RESPOOL_OK;
}

static const char *name_of(const struct ArrowSchema *schema) {
  return schema->name == NULL ? "" : schema->name;
}

/* A producer's schema may be anything: nothing in it is followed that is not there. */
static bool below_is_there(const struct ArrowSchema *schema) {
  if (schema->n_children > 0 && schema->children == NULL) return false;
  for (int64_t i = 0; i < schema->n_children; i++) {
    if (schema->children[i] == NULL || schema->children[i]->release == NULL) return false;
  }
  return schema->dictionary == NULL || schema->dictionary->release != NULL;
}

static respool_status match_node(const struct ArrowSchema *schema, const struct ArrowSchema *other, bool is_root,
                                 respool_error *error) {
  const char *name = name_of(schema);
  if (other->format == NULL || strcmp(schema->format, other->format) != 0) {
    return error_set(error, RESPOOL_INVALID, "field '%s' has format '%s' where '%s' was declared", name,
                     other->format == NULL ? "(none)" : other->format, schema->format);
  }
  if (!is_root && strcmp(name, name_of(other)) != 0) {
    return error_set(error, RESPOOL_INVALID, "a field is named '%s' where '%s' was declared", name_of(other), name);
  }
  if (schema->n_children != other->n_children) {
    return error_set(error, RESPOOL_INVALID, "%s%s%s has %lld fields where %lld were declared",
                     is_root ? "the stream" : "field '", is_root ? "" : name, is_root ? "" : "'",
                     (long long)other->n_children, (long long)schema->n_children);
  }
  if ((schema->dictionary == NULL) != (other->dictionary == NULL)) {
    return error_set(error, RESPOOL_INVALID, "field '%s' is dictionary encoded on one side only", name);
  }
  if (!below_is_there(other)) {
    return error_set(error, RESPOOL_INVALID, "a field below '%s' is missing or released", name);
  }
  return RESPOOL_OK;
}

static respool_status match_tree(const struct ArrowSchema *schema, const struct ArrowSchema *other, bool is_root,
                                 respool_error *error) {
  respool_status status = match_node(schema, other, is_root, error);
  for (int64_t i = 0; status == RESPOOL_OK && i < schema->n_children; i++) {
    status = match_tree(schema->children[i], other->children[i], false, error);
  }
  if (status == RESPOOL_OK && schema->dictionary != NULL) {
    status = match_tree(schema->dictionary, other->dictionary, true, error);
  }
  return status;
}

respool_status schema_match(const struct ArrowSchema *schema, const struct ArrowSchema *other, respool_error *error) {
  return match_tree(schema, other, true, error);
}
