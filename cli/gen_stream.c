/* SPDX-License-Identifier: Apache-2.0 */
/* respool gen: the stream. Batches are made one at a time, so that any number of rows takes the memory of one batch. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

struct generator {
  struct gen_node *root;
  int64_t rows_left;
  int64_t batch_rows;
  uint64_t null_rate; /* of 2^32 */
  const char *error;
};

static void release_schema(struct ArrowSchema *schema) {
  for (int64_t i = 0; i < schema->n_children; i++) {
    struct ArrowSchema *child = schema->children[i];
    if (child && child->release) child->release(child);
    free(child);
  }
  free(schema->children);
  free((void *)(uintptr_t)schema->name);
  free((void *)(uintptr_t)schema->format);
  schema->release = NULL;
}

static bool export_schema(const struct gen_node *node, struct ArrowSchema *schema);

static bool export_children(const struct gen_node *node, struct ArrowSchema *schema) {
  if (node->child_count == 0) return true;
  schema->children = calloc(node->child_count, sizeof(struct ArrowSchema *));
  if (!schema->children) return false;
  schema->n_children = (int64_t)node->child_count;
  for (size_t i = 0; i < node->child_count; i++) {
    struct ArrowSchema *child = calloc(1, sizeof *child);
    if (!child) return false;
    schema->children[i] = child;
    if (!export_schema(node->children[i], child)) return false;
  }
  return true;
}

/* On a failure `schema` has been released. */
static bool export_schema(const struct gen_node *node, struct ArrowSchema *schema) {
  *schema = (struct ArrowSchema){
      .format = strdup(node->format),
      .name = strdup(node->name ? node->name : ""),
      .flags = node->nullable ? ARROW_FLAG_NULLABLE : 0,
      .release = release_schema,
  };
  if (schema->format && schema->name && export_children(node, schema)) return true;
  release_schema(schema);
  return false;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct generator *generator = stream->private_data;
  struct ArrowSchema schema;
  if (!export_schema(generator->root, &schema)) {
    generator->error = "not enough memory for the schema";
    return ENOMEM;
  }
  *out = schema;
  return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct generator *generator = stream->private_data;
  *out = (struct ArrowArray){0};
  if (generator->rows_left == 0) return 0;
  int64_t rows = generator->rows_left < generator->batch_rows ? generator->rows_left : generator->batch_rows;
  int code = gen_batch(generator->root, rows, generator->null_rate, out);
  if (code == EOVERFLOW) {
    generator->error = "a batch exceeds what 32-bit offsets reach: use fewer --batch-rows or large types";
  } else if (code != 0) {
    generator->error = "not enough memory for a batch: use fewer --batch-rows";
  }
  generator->rows_left -= rows;
  return code;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  return ((struct generator *)stream->private_data)->error;
}

static void release_stream(struct ArrowArrayStream *stream) {
  free(stream->private_data);
  stream->release = NULL;
}

/* Each node's own sequence follows from its place in the tree, so that a column does not depend on later ones. */
static void seed_nodes(struct gen_node *node, uint64_t seed) {
  node->seed = seed;
  node->made = 0;
  for (size_t i = 0; i < node->child_count; i++) seed_nodes(node->children[i], gen_word(~seed, i));
}

bool gen_stream(struct gen_node *root, const struct gen_options *options, struct ArrowArrayStream *stream) {
  struct generator *generator = calloc(1, sizeof *generator);
  if (!generator) return false;
  generator->root = root;
  generator->rows_left = options->rows;
  generator->batch_rows = options->batch_rows;
  generator->null_rate = (uint64_t)(options->null_rate * 4294967296.0);
  seed_nodes(root, gen_word(options->seed, 0));
  *stream = (struct ArrowArrayStream){get_schema, get_next, get_last_error, release_stream, generator};
  return true;
}
