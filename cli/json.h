/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON writer. The caller nests correctly; commas and escaping are done here. `key` is NULL inside arrays. */
#ifndef RESPOOL_CLI_JSON_H
#define RESPOOL_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
  FILE *out;
  bool comma; /* one is due before the next value */
};

void json_begin(struct json *json, FILE *out);

void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);

/* Bytes that are no UTF-8 become U+FFFD. */
void json_text(struct json *json, const char *key, const char *bytes, size_t length);
void json_string(struct json *json, const char *key, const char *text);
void json_hex(struct json *json, const char *key, const char *bytes, size_t length);
void json_number(struct json *json, const char *key, int64_t value);
void json_seconds(struct json *json, const char *key, double value);
void json_bool(struct json *json, const char *key, bool value);

#endif
