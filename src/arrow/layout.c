/* SPDX-License-Identifier: Apache-2.0 */
/* Flattening a schema into its layout. */
#include "arrow/layout.h"

#include "arrow/schema.h"
#include "arrow/type.h"
#include "support/alloc.h"
#include "support/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct flattener {
  struct layout_node *nodes;
  size_t capacity;
  int32_t count;
  struct layout_union *unions;
  size_t union_capacity;
  int32_t union_count;
  int32_t view_count;
  int32_t pointers; /* in all lists of buffers so far */
  struct layout_part *parts;
  size_t part_capacity;
  int32_t part_count;
  int32_t part; /* that nodes are added to */
  int max_depth;
  respool_error *error;
};

static int fixed_width(const struct arrow_type *type) {
  switch (type->id) {
  case ARROW_TIMESTAMP:
  case ARROW_DURATION:
    return 8;
  case ARROW_INTERVAL:
    return type->interval == ARROW_YEAR_MONTH ? 4 : type->interval == ARROW_DAY_TIME ? 8 : 16;
  case ARROW_FIXED_BINARY:
    return type->size;
  default:
    return type->bit_width / 8;
  }
}

static enum layout_value value_of(const struct arrow_type *type) {
  if (type->id == ARROW_FIXED_BINARY) return VALUE_BYTES;
  if (type->id != ARROW_INTERVAL || type->interval == ARROW_YEAR_MONTH) return VALUE_NUMBER;
  return type->interval == ARROW_DAY_TIME ? VALUE_PAIR : VALUE_MONTHS;
}

static void node_of_type(const struct arrow_type *type, struct layout_node *node) {
  switch (type->id) {
  case ARROW_NULL:
    *node = (struct layout_node){.kind = LAYOUT_NULL};
    return;
  case ARROW_BOOL:
    *node = (struct layout_node){.kind = LAYOUT_BITS, .has_validity = true, .n_buffers = 2};
    return;
  case ARROW_INT:
  case ARROW_FLOAT:
  case ARROW_DECIMAL:
  case ARROW_DATE:
  case ARROW_TIME:
  case ARROW_TIMESTAMP:
  case ARROW_DURATION:
  case ARROW_INTERVAL:
  case ARROW_FIXED_BINARY:
    *node = (struct layout_node){.kind = LAYOUT_FIXED,
                                 .has_validity = true,
                                 .value = (uint8_t)value_of(type),
                                 .n_buffers = 2,
                                 .width = fixed_width(type)};
    return;
  case ARROW_BINARY:
  case ARROW_UTF8:
    *node = (struct layout_node){
        .kind = LAYOUT_BINARY, .has_validity = true, .n_buffers = 3, .width = type->is_large ? 8 : 4};
    return;
  case ARROW_BINARY_VIEW:
  case ARROW_UTF8_VIEW:
    *node = (struct layout_node){.kind = LAYOUT_VIEW, .has_validity = true, .n_buffers = 2};
    return;
  case ARROW_LIST:
  case ARROW_MAP:
    *node = (struct layout_node){
        .kind = LAYOUT_LIST, .has_validity = true, .n_buffers = 2, .width = type->is_large ? 8 : 4};
    return;
  case ARROW_FIXED_LIST:
    *node = (struct layout_node){.kind = LAYOUT_FIXED_LIST, .has_validity = true, .n_buffers = 1, .width = type->size};
    return;
  case ARROW_STRUCT:
    *node = (struct layout_node){.kind = LAYOUT_STRUCT, .has_validity = true, .n_buffers = 1};
    return;
  case ARROW_LIST_VIEW:
    *node = (struct layout_node){
        .kind = LAYOUT_LIST_VIEW, .has_validity = true, .n_buffers = 3, .width = type->is_large ? 8 : 4};
    return;
  case ARROW_UNION:
    *node = (struct layout_node){.kind = type->is_dense ? LAYOUT_DENSE : LAYOUT_SPARSE,
                                 .n_buffers = type->is_dense ? 2 : 1};
    return;
  case ARROW_RUN_END_ENCODED:
    *node = (struct layout_node){.kind = LAYOUT_RUN_END};
    return;
  }
}

static const char *name_of(const struct ArrowSchema *schema) {
  return schema->name == NULL || schema->name[0] == '\0' ? "(unnamed)" : schema->name;
}

static respool_status check_children(const struct ArrowSchema *schema, const struct arrow_type *type,
                                     respool_error *error) {
  int wanted = arrow_type_children(type->id);
  if (schema->n_children < 0 || schema->n_children > INT32_MAX) {
    return error_set(error, RESPOOL_INVALID, "field '%s': %lld child fields are impossible", name_of(schema),
                     (long long)schema->n_children);
  }
  if (wanted >= 0 && schema->n_children != wanted) {
    return error_set(error, RESPOOL_INVALID, "field '%s': a %s has %d child fields, not %lld", name_of(schema),
                     arrow_type_name(type->id), wanted, (long long)schema->n_children);
  }
  for (int64_t i = 0; i < schema->n_children; i++) {
    if (schema->children == NULL || schema->children[i] == NULL || schema->children[i]->release == NULL) {
      return error_set(error, RESPOOL_INVALID, "field '%s': child %lld is missing or released", name_of(schema),
                       (long long)i);
    }
  }
  return RESPOOL_OK;
}

/* A map's one child is a struct of a key and a value (CDataInterface and Schema.fbs). */
static respool_status check_map(const struct ArrowSchema *schema, respool_error *error) {
  const struct ArrowSchema *entries = schema->children[0];
  if (entries->format != NULL && strcmp(entries->format, "+s") == 0 && entries->n_children == 2) return RESPOOL_OK;
  return error_set(error, RESPOOL_INVALID, "field '%s': a map's child is a struct of two fields", name_of(schema));
}

/* The first child is whole numbers of 16, 32 or 64 bits, without nulls. */
static respool_status check_run_ends(struct flattener *flattener, const struct ArrowSchema *schema,
                                     struct layout_node *node) {
  struct arrow_type type;
  const struct ArrowSchema *ends = schema->children[0];
  respool_status status = arrow_type_parse(ends->format, &type, flattener->error);
  if (status != RESPOOL_OK) return status;
  if (type.id != ARROW_INT || !type.is_signed || type.bit_width == 8 || ends->dictionary != NULL) {
    return error_set(flattener->error, RESPOOL_INVALID, "field '%s': run ends are int16, int32 or int64, not '%.64s'",
                     name_of(schema), ends->format);
  }
  node->width = type.bit_width / 8;
  return RESPOOL_OK;
}

static bool read_type_ids(const char *text, int64_t n_children, struct layout_union *ids) {
  int32_t found[ARROW_TYPE_IDS];
  int count = arrow_type_ids(text, found);
  for (int i = 0; i < ARROW_TYPE_IDS; i++) ids->child[i] = -1;
  for (int i = 0; i < count; i++) {
    if (ids->child[found[i]] >= 0) return false;
    ids->child[found[i]] = (int16_t)i;
  }
  return count == n_children;
}

static respool_status add_union(struct flattener *flattener, const struct ArrowSchema *schema, const char *text,
                                struct layout_node *node) {
  if (!mem_reserve((void **)&flattener->unions, &flattener->union_capacity, (size_t)flattener->union_count + 1,
                   sizeof *flattener->unions)) {
    return error_no_memory(flattener->error);
  }
  if (!read_type_ids(text, schema->n_children, &flattener->unions[flattener->union_count])) {
    return error_set(flattener->error, RESPOOL_INVALID,
                     "field '%s': its %lld children do not match its type ids '%.64s'", name_of(schema),
                     (long long)schema->n_children, text);
  }
  node->width = flattener->union_count++;
  return RESPOOL_OK;
}

/* What the parameters or children of a type say about its node, beyond its kind. */
static respool_status complete_node(struct flattener *flattener, const struct ArrowSchema *schema,
                                    const struct arrow_type *type, struct layout_node *node) {
  respool_status status = check_children(schema, type, flattener->error);
  if (status != RESPOOL_OK) return status;
  if (type->id == ARROW_MAP) return check_map(schema, flattener->error);
  if (node->kind == LAYOUT_VIEW) node->width = flattener->view_count++;
  if (type->id == ARROW_UNION) return add_union(flattener, schema, type->text, node);
  if (type->id == ARROW_RUN_END_ENCODED) return check_run_ends(flattener, schema, node);
  return RESPOOL_OK;
}

static respool_status add_part(struct flattener *flattener, int32_t root) {
  struct layout_part part = {.root = root, .outer = flattener->part - 1};
  if (!mem_reserve((void **)&flattener->parts, &flattener->part_capacity, (size_t)flattener->part_count + 1,
                   sizeof part)) {
    return error_no_memory(flattener->error);
  }
  flattener->parts[flattener->part_count++] = part;
  return RESPOOL_OK;
}

static respool_status flatten(struct flattener *flattener, const struct ArrowSchema *schema, int depth);

/* The values, which are a part of their own behind the indices. */
static respool_status flatten_values(struct flattener *flattener, const struct ArrowSchema *values, int depth) {
  int32_t outer = flattener->part;
  respool_status status = add_part(flattener, flattener->count);
  if (status != RESPOOL_OK) return status;
  flattener->part = flattener->part_count - 1;
  status = flatten(flattener, values, depth);
  flattener->part = outer;
  return status;
}

static respool_status check_indices(struct flattener *flattener, const struct ArrowSchema *schema,
                                    const struct arrow_type *type, struct layout_node *node) {
  if (schema->dictionary->release == NULL) {
    return error_set(flattener->error, RESPOOL_INVALID, "field '%s': its dictionary is released", name_of(schema));
  }
  if (type->id != ARROW_INT) {
    return error_set(flattener->error, RESPOOL_INVALID, "field '%s': dictionary indices are integers, not %s",
                     name_of(schema), arrow_type_name(type->id));
  }
  if (schema->dictionary->dictionary != NULL) {
    return error_set(flattener->error, RESPOOL_UNSUPPORTED,
                     "field '%s': the values of a dictionary are indices themselves, which the IPC format cannot say",
                     name_of(schema));
  }
  node->is_signed = type->is_signed;
  node->dictionary = flattener->part_count - 1;
  return RESPOOL_OK;
}

static void count_node(struct flattener *flattener, const struct layout_node *node) {
  flattener->pointers += node->n_buffers + (node->kind == LAYOUT_VIEW); /* the list of sizes */
  struct layout_part *part = &flattener->parts[flattener->part];
  if (flattener->count == 0) return; /* the batch itself */
  part->n_nodes++;
  part->n_buffers += node->n_buffers;
  part->n_views += node->kind == LAYOUT_VIEW;
}

static respool_status flatten(struct flattener *flattener, const struct ArrowSchema *schema, int depth) {
  struct arrow_type type;
  respool_status status = arrow_type_parse(schema->format, &type, flattener->error);
  if (status != RESPOOL_OK) {
    error_prefix(flattener->error, "field '%s'", name_of(schema));
    return status;
  }
  struct layout_node node;
  node_of_type(&type, &node);
  if (depth > flattener->max_depth) {
    return error_set(flattener->error, RESPOOL_UNSUPPORTED, "field '%s': nested more than %d deep is not supported",
                     name_of(schema), flattener->max_depth);
  }
  node.dictionary = -1;
  status = complete_node(flattener, schema, &type, &node);
  if (status == RESPOOL_OK && schema->dictionary != NULL) status = check_indices(flattener, schema, &type, &node);
  if (status != RESPOOL_OK) return status;

  int32_t at = flattener->count;
  int32_t pointers = flattener->pointers;
  if (at == INT32_MAX || !mem_reserve((void **)&flattener->nodes, &flattener->capacity, (size_t)at + 1, sizeof node)) {
    return error_no_memory(flattener->error);
  }
  node.depth = (uint16_t)depth;
  node.n_children = (int32_t)schema->n_children;
  flattener->nodes[at] = node;
  count_node(flattener, &node);
  flattener->count++;
  for (int64_t i = 0; i < schema->n_children; i++) {
    status = flatten(flattener, schema->children[i], depth + 1);
    if (status != RESPOOL_OK) return status;
  }
  if (schema->dictionary != NULL) status = flatten_values(flattener, schema->dictionary, depth + 1);
  if (status != RESPOOL_OK) return status;
  struct layout_node *made =
      &flattener->nodes[at]; /* the array may have moved: not through a pointer kept from before */
  made->end = flattener->count;
  made->n_pointers = flattener->pointers - pointers;
  return RESPOOL_OK;
}

static respool_status assemble(const struct ArrowSchema *schema, struct flattener *flattener, struct layout **layout) {
  size_t nodes_size = (size_t)flattener->count * sizeof *flattener->nodes;
  struct layout *made = mem_alloc(sizeof *made + nodes_size);
  if (made == NULL) return error_no_memory(flattener->error);
  respool_status status = schema_copy(schema, &made->schema, flattener->error);
  if (status != RESPOOL_OK) {
    mem_free(made);
    return status;
  }
  memcpy(made->nodes, flattener->nodes, nodes_size);
  made->n_nodes = flattener->count;
  made->unions = flattener->unions;
  made->n_unions = flattener->union_count;
  made->n_views = flattener->view_count;
  made->parts = flattener->parts;
  made->n_dictionaries = flattener->part_count - 1;
  flattener->unions = NULL;
  flattener->parts = NULL;
  made->n_buffers = 0;
  for (int32_t i = 1; i < made->n_nodes; i++) made->n_buffers += made->nodes[i].n_buffers;
  *layout = made;
  return RESPOOL_OK;
}

respool_status layout_open(const struct ArrowSchema *schema, int max_depth, struct layout **layout,
                           respool_error *error) {
  if (schema == NULL || schema->release == NULL)
    return error_set(error, RESPOOL_INVALID, "the schema is NULL or released");
  if (schema->format == NULL || strcmp(schema->format, "+s") != 0) {
    return error_set(error, RESPOOL_INVALID, "the schema is not a struct: its format is '%.64s', not '+s'",
                     schema->format == NULL ? "(none)" : schema->format);
  }
  struct flattener flattener = {.max_depth = max_depth, .error = error};
  respool_status status = add_part(&flattener, 0);
  if (status == RESPOOL_OK) status = flatten(&flattener, schema, 0);
  if (status == RESPOOL_OK) status = assemble(schema, &flattener, layout);
  mem_free(flattener.nodes);
  mem_free(flattener.unions);
  mem_free(flattener.parts);
  return status;
}

void layout_close(struct layout *layout) {
  if (layout == NULL) return;
  schema_release(&layout->schema);
  mem_free(layout->unions);
  mem_free(layout->parts);
  mem_free(layout);
}

static size_t append_step(char *out, size_t size, size_t used, const char *name) {
  int length = snprintf(out + used, size - used, "%s%s", used > 0 ? "." : "", name);
  return length < 0 ? size : used + (size_t)length;
}

void layout_path(const struct layout *layout, int32_t node, char *out, size_t size) {
  const struct ArrowSchema *schema = &layout->schema;
  int32_t at = 0;
  size_t used = 0;
  out[0] = '\0';
  while (at != node && used < size) {
    int32_t child = at + 1;
    if (layout->nodes[at].dictionary >= 0) {
      schema = schema->dictionary;
      used = append_step(out, size, used, "(dictionary)");
      at = child;
      continue;
    }
    int32_t i = 0;
    while (layout->nodes[child].end <= node) {
      child = layout->nodes[child].end;
      i++;
    }
    schema = schema->children[i];
    used = append_step(out, size, used, name_of(schema));
    at = child;
  }
}

respool_status layout_error(const struct layout *layout, int32_t node, respool_status status, respool_error *error,
                            const char *format, ...) {
  char reason[256];
  va_list args;
  va_start(args, format);
  if (vsnprintf(reason, sizeof reason, format, args) < 0) reason[0] = '\0';
  va_end(args);
  if (node == 0) return error_set(error, status, "%s", reason);
  char path[256];
  layout_path(layout, node, path, sizeof path);
  return error_set(error, status, "field '%s': %s", path, reason);
}

int64_t layout_variadic(const struct layout *layout, int32_t at, const struct ArrowArray *array, int64_t *counts) {
  if (layout->n_views == 0) return 0;
  const struct layout_node *node = &layout->nodes[at];
  int64_t total = 0;
  if (node->kind == LAYOUT_VIEW) {
    total = array->n_buffers - 3; /* validity, views, sizes */
    if (counts != NULL) counts[node->width] = total;
  }
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    total += layout_variadic(layout, child, array->children[i], counts);
    child = layout->nodes[child].end;
  }
  if (node->dictionary >= 0) total += layout_variadic(layout, at + 1, array->dictionary, counts);
  return total;
}

static void find_values(const struct layout *layout, int32_t at, const struct ArrowArray *array,
                        const struct ArrowArray **values) {
  const struct layout_node *node = &layout->nodes[at];
  int32_t child = at + 1;
  for (int32_t i = 0; i < node->n_children; i++) {
    find_values(layout, child, array->children[i], values);
    child = layout->nodes[child].end;
  }
  if (node->dictionary < 0) return;
  values[node->dictionary] = array->dictionary;
  find_values(layout, at + 1, array->dictionary, values);
}

void layout_find_values(const struct layout *layout, const struct ArrowArray *batch, const struct ArrowArray **values) {
  if (layout->n_dictionaries > 0) find_values(layout, 0, batch, values);
}
