/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON writer. */
#include "json.h"

#include <inttypes.h>
#include <string.h>

#include "text.h"

void json_begin(struct json *json, FILE *out) {
  json->out = out;
  json->comma = false;
}

static void write_escaped(FILE *out, uint32_t character, const char *bytes, size_t count) {
  switch (character) {
  case '"':
    fputs("\\\"", out);
    return;
  case '\\':
    fputs("\\\\", out);
    return;
  case '\n':
    fputs("\\n", out);
    return;
  case '\t':
    fputs("\\t", out);
    return;
  default:
    /* DEL and the C1 controls are legal in JSON, but a terminal may obey them. */
    if (character < 0x20 || (character >= 0x7f && character < 0xa0)) {
      fprintf(out, "\\u%04x", (unsigned)character);
    } else {
      fwrite(bytes, 1, count, out);
    }
  }
}

static void write_text(FILE *out, const char *bytes, size_t length) {
  putc('"', out);
  for (size_t at = 0; at < length;) {
    uint32_t character;
    size_t count = text_decode(bytes + at, length - at, &character);
    if (count == 0) {
      fputs("\\ufffd", out);
      at++;
    } else {
      write_escaped(out, character, bytes + at, count);
      at += count;
    }
  }
  putc('"', out);
}

/* What comes before a value: the comma after the one before, and the key. */
static void lead(struct json *json, const char *key) {
  if (json->comma) putc(',', json->out);
  json->comma = true;
  if (!key) return;
  write_text(json->out, key, strlen(key));
  putc(':', json->out);
}

static void open_with(struct json *json, const char *key, char bracket) {
  lead(json, key);
  putc(bracket, json->out);
  json->comma = false;
}

static void close_with(struct json *json, char bracket) {
  putc(bracket, json->out);
  json->comma = true;
}

void json_object(struct json *json, const char *key) {
  open_with(json, key, '{');
}

void json_object_end(struct json *json) {
  close_with(json, '}');
}

void json_array(struct json *json, const char *key) {
  open_with(json, key, '[');
}

void json_array_end(struct json *json) {
  close_with(json, ']');
}

void json_text(struct json *json, const char *key, const char *bytes, size_t length) {
  lead(json, key);
  write_text(json->out, bytes, length);
}

void json_string(struct json *json, const char *key, const char *text) {
  json_text(json, key, text, strlen(text));
}

void json_hex(struct json *json, const char *key, const char *bytes, size_t length) {
  lead(json, key);
  putc('"', json->out);
  for (size_t i = 0; i < length; i++) fprintf(json->out, "%02x", (unsigned)(unsigned char)bytes[i]);
  putc('"', json->out);
}

void json_number(struct json *json, const char *key, int64_t value) {
  lead(json, key);
  fprintf(json->out, "%" PRId64, value);
}

void json_seconds(struct json *json, const char *key, double value) {
  lead(json, key);
  fprintf(json->out, "%.6f", value);
}

void json_bool(struct json *json, const char *key, bool value) {
  lead(json, key);
  fputs(value ? "true" : "false", json->out);
}
