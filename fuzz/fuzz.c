/* SPDX-License-Identifier: Apache-2.0 */
/* Reporting a finding, checking error records, and numbers from the input. */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_found(const char *file, int line, const char *format, ...) {
  const char *base = strrchr(file, '/');
  va_list arguments;
  fprintf(stderr, "found at %s:%d: ", base != NULL ? base + 1 : file, line);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  abort();
}

void fuzz_check_ok(const char *file, int line, respool_status status, const respool_error *error) {
  if (status != RESPOOL_OK) fuzz_found(file, line, "answered %d: %s", (int)status, error->message);
}

/* How many bytes the character at `text` has, 0 where none starts. */
static int character_bytes(const unsigned char *text) {
  if (text[0] < 0x80) return 1;
  int more = text[0] >= 0xC2 && text[0] < 0xE0   ? 1
             : (text[0] & 0xF0) == 0xE0          ? 2
             : text[0] >= 0xF0 && text[0] < 0xF5 ? 3
                                                 : 0;
  for (int i = 1; i <= more; i++)
    if ((text[i] & 0xC0) != 0x80) return 0;
  if (text[0] == 0xE0 && text[1] < 0xA0) return 0; /* longer than needed */
  if (text[0] == 0xED && text[1] > 0x9F) return 0; /* half of a pair */
  if (text[0] == 0xF0 && text[1] < 0x90) return 0;
  if (text[0] == 0xF4 && text[1] > 0x8F) return 0;
  return more == 0 ? 0 : more + 1;
}

void fuzz_check_text(const char *text) {
  FUZZ_CHECK(text != NULL && text[0] != '\0', "an error without text");
  const unsigned char *at = (const unsigned char *)text;
  while (*at != '\0') {
    int bytes = character_bytes(at);
    FUZZ_CHECK(bytes > 0, "a text that is not UTF-8: %s", text);
    FUZZ_CHECK(*at >= 0x20 && *at != 0x7F, "a text with a control character: %s", text);
    at += bytes;
  }
}

void fuzz_check_error(respool_status status, const respool_error *error) {
  FUZZ_CHECK(status >= RESPOOL_INVALID, "answered %d where an error was due", (int)status);
  FUZZ_CHECK(error->status == status, "answered %d, but the record says %d", (int)status, (int)error->status);
  FUZZ_CHECK(memchr(error->message, '\0', sizeof error->message) != NULL, "a text without end");
  fuzz_check_text(error->message);
}

uint64_t fuzz_hash(const uint8_t *data, size_t size) {
  uint64_t hash = 0xCBF29CE484222325U;
  for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 0x100000001B3U;
  return hash;
}

uint64_t fuzz_next(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state * 0x9E3779B97F4A7C15U >> 16;
}
