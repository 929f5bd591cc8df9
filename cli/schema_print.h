/* SPDX-License-Identifier: Apache-2.0 */
/* A schema shown to people (an indented tree) and to programs (JSON). */
#ifndef RESPOOL_CLI_SCHEMA_PRINT_H
#define RESPOOL_CLI_SCHEMA_PRINT_H

#include <stdio.h>

#include "json.h"
#include "respool/respool.h"

void schema_print(FILE *out, const struct ArrowSchema *schema);

/* {"fields": [...], "metadata": [...]} under `key`. */
void schema_json(struct json *json, const char *key, const struct ArrowSchema *schema);

#endif
