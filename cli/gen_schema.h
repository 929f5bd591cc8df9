/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the schema text's parser share: fields (gen_schema.c) and types (gen_types.c). */
#ifndef RESPOOL_CLI_GEN_SCHEMA_H
#define RESPOOL_CLI_GEN_SCHEMA_H

#include "gen.h"

struct gen_parser {
  const char *text;
  const char *at;
  int depth;   /* of the type being parsed; a field of the batch has 1 */
  bool failed; /* `error` was written */
  char *error;
  size_t error_size;
};

/* Say what is wrong at `at`; the first complaint stands. Answers NULL. */
void *gen_complain(struct gen_parser *parser, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void gen_skip_space(struct gen_parser *parser);

/* Take `c`, after spaces. False, with a complaint, if it is not there. */
bool gen_take(struct gen_parser *parser, char c);

/* The same without a complaint. */
bool gen_take_if(struct gen_parser *parser, char c);

/* "name:type, name:type" up to `end` (not taken), as a struct node. NULL: complained, or no memory. */
struct gen_node *gen_parse_fields(struct gen_parser *parser, char end);

/* A type with its parameters and "!". NULL: complained, or no memory. */
struct gen_node *gen_parse_type(struct gen_parser *parser);

#endif
