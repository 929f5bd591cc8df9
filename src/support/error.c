/* SPDX-License-Identifier: Apache-2.0 */
/* Error records and status names. Nothing here locks or allocates, so that it works when all else fails. */
#define _POSIX_C_SOURCE 200809L /* the strerror_r that answers a number */
#include "support/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
  respool_status status;
  const char *name;
  int os_error; /* what a C stream answers when the record has none */
  int retryable;
} status_table[] = {
    {RESPOOL_OK, "ok", 0, 0},
    {RESPOOL_END, "end", 0, 0},
    {RESPOOL_TIMED_OUT, "timed out", ETIMEDOUT, 0},
    {RESPOOL_READY, "ready", 0, 0},
    {RESPOOL_INVALID, "invalid", EINVAL, 0},
    {RESPOOL_UNSUPPORTED, "unsupported", ENOTSUP, 0},
    {RESPOOL_MISUSE, "misuse", EINVAL, 0},
    {RESPOOL_ALREADY_FINISHED, "already finished", EINVAL, 0},
    {RESPOOL_HAS_FAILED, "has failed", EINVAL, 0},
    {RESPOOL_NO_MEMORY, "no memory", ENOMEM, 1},
    {RESPOOL_NO_SPACE, "no space", ENOSPC, 1},
    {RESPOOL_IO, "i/o", EIO, 1},
    {RESPOOL_CORRUPT, "corrupt", EINVAL, 0},
    {RESPOOL_TRUNCATED, "truncated", EINVAL, 0},
    {RESPOOL_OVER_BUDGET, "over budget", ENOSPC, 1},
    {RESPOOL_ABANDONED, "abandoned", EIO, 0},
    {RESPOOL_CANCELLED, "cancelled", ECANCELED, 0},
    {RESPOOL_SOURCE_FAILED, "source failed", EIO, 0},
    {RESPOOL_PRODUCER_FAILED, "producer failed", EIO, 0},
    {RESPOOL_RESOURCES_EXHAUSTED, "resources exhausted", EIO, 0},
};

enum { STATUS_COUNT = sizeof status_table / sizeof status_table[0] };

static int status_find(respool_status status) {
  for (int i = 0; i < STATUS_COUNT; i++) {
    if (status_table[i].status == status) return i;
  }
  return -1;
}

const char *respool_status_name(respool_status status) {
  if (status >= RESPOOL_USER) return "user";
  int at = status_find(status);
  return at < 0 ? "unknown" : status_table[at].name;
}

int respool_status_retryable(respool_status status) {
  int at = status_find(status);
  return at < 0 ? 0 : status_table[at].retryable;
}

const char *respool_version(void) {
  return RESPOOL_VERSION;
}

int error_to_errno(const respool_error *record) {
  if (record->os_error > 0) return record->os_error;
  int at = status_find(record->status);
  return at < 0 || status_table[at].os_error == 0 ? EIO : status_table[at].os_error;
}

/* Cut `text` of `length` bytes back to at most `room` bytes without splitting a UTF-8 character. */
static size_t utf8_cut(const char *text, size_t length, size_t room) {
  if (length <= room) return length;
  size_t end = room;
  while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) end--;
  return end;
}

void error_copy_text(char *out, size_t size, const char *text) {
  size_t length = utf8_cut(text, strlen(text), size - 1);
  memmove(out, text, length);
  out[length] = '\0';
}

/* The length of the UTF-8 character at `at`, 0 where there is none (RFC 3629). */
static size_t utf8_length(const unsigned char *at) {
  static const struct {
    unsigned char first;
    unsigned char last;
    unsigned char length;
    unsigned char second_first; /* bounds of the second byte: no overlong forms, no surrogates, none past U+10FFFF */
    unsigned char second_last;
  } forms[] = {{0x00, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
               {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
               {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F}};
  for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
    if (*at < forms[form].first || *at > forms[form].last) continue;
    size_t length = forms[form].length;
    if (length > 1 && (at[1] < forms[form].second_first || at[1] > forms[form].second_last)) return 0;
    for (size_t i = 2; i < length; i++) {
      if ((at[i] & 0xC0) != 0x80) return 0;
    }
    return length;
  }
  return 0;
}

/*
 * Make the text one line of UTF-8. Names of fields are in it, which may be anything, and what was cut may end inside a
 * character.
 */
static void clean(char *text) {
  unsigned char *at = (unsigned char *)text;
  while (*at != '\0') {
    size_t length = utf8_length(at);
    if (length == 0 || *at < ' ' || *at == 0x7F) {
      *at = '?';
      length = 1;
    }
    at += length;
  }
}

/* A text that fills its room was cut, maybe inside its last character: that goes. */
static void cut_tail(char *text, size_t room) {
  size_t length = strlen(text);
  if (length + 1 < room || length == 0) return;
  size_t start = length - 1;
  while (start > 0 && ((unsigned char)text[start] & 0xC0) == 0x80) start--;
  if (utf8_length((const unsigned char *)text + start) == 0) text[start] = '\0';
}

static void fill(respool_error *error, respool_status status, int os_error, const char *format, va_list args) {
  error->status = status;
  error->os_error = os_error;
  if (vsnprintf(error->message, sizeof error->message, format, args) < 0) error->message[0] = '\0';
  cut_tail(error->message, sizeof error->message);
  clean(error->message);
}

respool_status error_set(respool_error *error, respool_status status, const char *format, ...) {
  if (error == NULL) return status;
  va_list args;
  va_start(args, format);
  fill(error, status, 0, format, args);
  va_end(args);
  return status;
}

static respool_status status_from_errno(int os_error) {
  switch (os_error) {
  case ENOSPC:
  case EDQUOT:
    return RESPOOL_NO_SPACE;
  case ENOMEM:
    return RESPOOL_NO_MEMORY;
  default:
    return RESPOOL_IO;
  }
}

respool_status error_set_os(respool_error *error, int os_error, const char *format, ...) {
  respool_status status = status_from_errno(os_error);
  if (error == NULL) return status;
  va_list args;
  va_start(args, format);
  fill(error, status, os_error, format, args);
  va_end(args);
  char reason[128];
  if (strerror_r(os_error, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", os_error);
  size_t used = strlen(error->message);
  snprintf(error->message + used, sizeof error->message - used, ": %s", reason);
  cut_tail(error->message, sizeof error->message);
  clean(error->message);
  return status;
}

void error_prefix(respool_error *error, const char *format, ...) {
  if (error == NULL) return;
  char text[sizeof error->message];
  va_list args;
  va_start(args, format);
  if (vsnprintf(text, sizeof text, format, args) < 0) text[0] = '\0';
  va_end(args);
  size_t used = strlen(text);
  snprintf(text + used, sizeof text - used, ": %s", error->message);
  cut_tail(text, sizeof text);
  clean(text);
  memcpy(error->message, text, strlen(text) + 1);
}

respool_status error_no_memory(respool_error *error) {
  return error_set(error, RESPOOL_NO_MEMORY, "out of memory");
}

respool_status error_copy(respool_error *error, const respool_error *record) {
  if (error != NULL) *error = *record;
  return record->status;
}
