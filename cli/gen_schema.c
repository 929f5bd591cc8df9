/* SPDX-License-Identifier: Apache-2.0 */
/* respool gen: the schema text, as far as fields go, and the nodes it becomes. */
#include "gen_schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gen_node *gen_node_new(enum gen_kind kind, const char *format, size_t children) {
  struct gen_node *node = calloc(1, sizeof *node);
  if (!node) return NULL;
  node->kind = kind;
  node->nullable = true;
  node->format = strdup(format);
  node->children = calloc(children + 1, sizeof *node->children);
  if (node->format && node->children) return node;
  gen_free(node);
  return NULL;
}

void gen_free(struct gen_node *node) {
  if (!node) return;
  for (size_t i = 0; i < node->child_count; i++) gen_free(node->children[i]);
  free(node->children);
  free(node->format);
  free(node->name);
  free(node);
}

bool gen_node_name(struct gen_node *node, const char *name, size_t length) {
  char *copy = strndup(name, length);
  if (!copy) return false;
  free(node->name);
  node->name = copy;
  return true;
}

void *gen_complain(struct gen_parser *parser, const char *at, const char *format, ...) {
  if (parser->failed) return NULL;
  parser->failed = true;
  va_list arguments;
  va_start(arguments, format);
  int used = snprintf(parser->error, parser->error_size, "at character %d: ", (int)(at - parser->text) + 1);
  if (used > 0 && (size_t)used < parser->error_size) {
    vsnprintf(parser->error + used, parser->error_size - (size_t)used, format, arguments);
  }
  va_end(arguments);
  return NULL;
}

void gen_skip_space(struct gen_parser *parser) {
  while (*parser->at == ' ' || *parser->at == '\t' || *parser->at == '\n' || *parser->at == '\r') parser->at++;
}

bool gen_take_if(struct gen_parser *parser, char c) {
  gen_skip_space(parser);
  if (*parser->at != c) return false;
  parser->at++;
  return true;
}

bool gen_take(struct gen_parser *parser, char c) {
  if (gen_take_if(parser, c)) return true;
  if (*parser->at == '\0') {
    gen_complain(parser, parser->at, "'%c' is missing at the end", c);
  } else {
    gen_complain(parser, parser->at, "'%c' expected, not '%c'", c, *parser->at);
  }
  return false;
}

/* Append `child`, which may be NULL, to `node`. On a failure it is freed. */
static bool add_child(struct gen_node *node, struct gen_node *child) {
  if (!child) return false;
  struct gen_node **grown = realloc(node->children, (node->child_count + 1) * sizeof *grown);
  if (!grown) {
    gen_free(child);
    return false;
  }
  node->children = grown;
  node->children[node->child_count++] = child;
  return true;
}

/* name:type. The name is everything up to the colon, without spaces around it; it may be empty. */
static struct gen_node *parse_field(struct gen_parser *parser) {
  gen_skip_space(parser);
  const char *name = parser->at;
  size_t length = strcspn(name, ":,<>");
  if (name[length] != ':') return gen_complain(parser, name, "a field is written name:type");
  parser->at = name + length + 1;
  while (length > 0 && name[length - 1] == ' ') length--;
  struct gen_node *node = gen_parse_type(parser);
  if (!node || gen_node_name(node, name, length)) return node;
  gen_free(node);
  return NULL;
}

struct gen_node *gen_parse_fields(struct gen_parser *parser, char end) {
  struct gen_node *node = gen_node_new(GEN_STRUCT, "+s", 0);
  if (!node) return NULL;
  gen_skip_space(parser);
  if (*parser->at == end) return node;
  do {
    if (!add_child(node, parse_field(parser))) {
      gen_free(node);
      return NULL;
    }
  } while (gen_take_if(parser, ','));
  return node;
}

struct gen_node *gen_parse(const char *text, char *error, size_t error_size) {
  struct gen_parser parser = {.text = text, .at = text, .error = error, .error_size = error_size};
  error[0] = '\0';
  struct gen_node *root = gen_parse_fields(&parser, '\0');
  if (!root) return NULL;
  root->nullable = false;
  gen_skip_space(&parser);
  if (*parser.at == '\0') return root;
  gen_complain(&parser, parser.at, "',' or the end expected, not '%c'", *parser.at);
  gen_free(root);
  return NULL;
}
