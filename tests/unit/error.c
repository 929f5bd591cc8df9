/* SPDX-License-Identifier: Apache-2.0 */
/* support/error: statuses and their names, records filled, prefixed, copied, and texts cut between characters. */
#include "support/error.h"

#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = RESPOOL_ERROR_TEXT };

/* One character of each length in UTF-8. */
static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x99"};

/* Whether `text` is whole characters of those above only. */
static bool is_whole(const char *text) {
  while (*text != '\0') {
    size_t i = 0;
    while (i < 4 && strncmp(text, characters[i], strlen(characters[i])) != 0) i++;
    if (i == 4) return false;
    text += strlen(characters[i]);
  }
  return true;
}

/* `lead` times "a", then one character again and again, `size` bytes with the end at the least. */
static void fill_text(char *out, size_t size, size_t lead, const char *character) {
  size_t used = 0;
  while (used < lead) out[used++] = 'a';
  for (; used + 1 < size; used += strlen(character)) memcpy(out + used, character, strlen(character));
  out[used] = '\0';
}

/* ---- Statuses -------------------------------------------------------------------------------------- */

/* The values are for ever (respool.h). */
static void status_values_are_pinned(void) {
  static const struct {
    respool_status status;
    int value;
    const char *name;
    int retryable;
  } pinned[] = {
      {RESPOOL_OK, 0, "ok", 0},
      {RESPOOL_END, 1, "end", 0},
      {RESPOOL_TIMED_OUT, 2, "timed out", 0},
      {RESPOOL_READY, 3, "ready", 0},
      {RESPOOL_INVALID, 10, "invalid", 0},
      {RESPOOL_UNSUPPORTED, 11, "unsupported", 0},
      {RESPOOL_MISUSE, 12, "misuse", 0},
      {RESPOOL_ALREADY_FINISHED, 13, "already finished", 0},
      {RESPOOL_HAS_FAILED, 14, "has failed", 0},
      {RESPOOL_NO_MEMORY, 20, "no memory", 1},
      {RESPOOL_NO_SPACE, 21, "no space", 1},
      {RESPOOL_IO, 22, "i/o", 1},
      {RESPOOL_CORRUPT, 23, "corrupt", 0},
      {RESPOOL_TRUNCATED, 24, "truncated", 0},
      {RESPOOL_OVER_BUDGET, 25, "over budget", 1},
      {RESPOOL_ABANDONED, 30, "abandoned", 0},
      {RESPOOL_CANCELLED, 31, "cancelled", 0},
      {RESPOOL_SOURCE_FAILED, 32, "source failed", 0},
      {RESPOOL_PRODUCER_FAILED, 33, "producer failed", 0},
      {RESPOOL_RESOURCES_EXHAUSTED, 34, "resources exhausted", 0},
      {RESPOOL_USER, 1000, "user", 0},
      {RESPOOL_USER + 77, 1077, "user", 0},
      {INT32_MAX, INT32_MAX, "user", 0},
  };
  for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++) {
    CHECK_EQ(pinned[i].status, pinned[i].value);
    CHECK_STR(respool_status_name(pinned[i].status), pinned[i].name);
    CHECK_EQ(respool_status_retryable(pinned[i].status), pinned[i].retryable);
  }
}

static void statuses_that_are_none(void) {
  static const respool_status none[] = {-1, 4, 9, 15, 26, 35, 999, INT32_MIN};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
    CHECK_STR(respool_status_name(none[i]), "unknown");
    CHECK_EQ(respool_status_retryable(none[i]), 0);
  }
}

static void the_version(void) {
  CHECK_STR(respool_version(), RESPOOL_VERSION);
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", RESPOOL_VERSION_MAJOR, RESPOOL_VERSION_MINOR, RESPOOL_VERSION_PATCH);
  CHECK_STR(RESPOOL_VERSION, text);
}

/* ---- Filling --------------------------------------------------------------------------------------- */

static void filling_a_record(void) {
  respool_error error = {.status = 99, .os_error = 99};
  CHECK_EQ(error_set(&error, RESPOOL_CORRUPT, "%s at %d", "a hole", 7), RESPOOL_CORRUPT);
  CHECK_EQ(error.status, RESPOOL_CORRUPT);
  CHECK_EQ(error.os_error, 0);
  CHECK_STR(error.message, "a hole at 7");
  CHECK_EQ(error_no_memory(&error), RESPOOL_NO_MEMORY);
  CHECK_EQ(error.status, RESPOOL_NO_MEMORY);
  CHECK(error.message[0] != '\0');
}

static void no_record_is_allowed(void) {
  respool_error record = {.status = RESPOOL_CANCELLED};
  CHECK_EQ(error_set(NULL, RESPOOL_INVALID, "%d", 1), RESPOOL_INVALID);
  CHECK_EQ(error_set_os(NULL, ENOSPC, "%d", 1), RESPOOL_NO_SPACE);
  CHECK_EQ(error_no_memory(NULL), RESPOOL_NO_MEMORY);
  CHECK_EQ(error_copy(NULL, &record), RESPOOL_CANCELLED);
  error_prefix(NULL, "%d", 1);
}

static void system_errors(void) {
  static const struct {
    int os_error;
    respool_status status;
  } cases[] = {{ENOSPC, RESPOOL_NO_SPACE}, {EDQUOT, RESPOOL_NO_SPACE}, {ENOMEM, RESPOOL_NO_MEMORY},
               {EIO, RESPOOL_IO},          {EEXIST, RESPOOL_IO},       {EMFILE, RESPOOL_IO},
               {EPIPE, RESPOOL_IO},        {123456, RESPOOL_IO}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    respool_error error = {0};
    CHECK_EQ(error_set_os(&error, cases[i].os_error, "cannot do %s", "it"), cases[i].status);
    CHECK_EQ(error.status, cases[i].status);
    CHECK_EQ(error.os_error, cases[i].os_error);
    CHECK_EQ(strncmp(error.message, "cannot do it: ", 14), 0);
    CHECK(strlen(error.message) > 14);
  }
}

static void prefixing_and_copying(void) {
  respool_error error = {0};
  error_set_os(&error, EIO, "no");
  respool_error before = error;
  error_prefix(&error, "batch %d", 3);
  CHECK_EQ(error.status, before.status);
  CHECK_EQ(error.os_error, EIO);
  CHECK_EQ(strncmp(error.message, "batch 3: no: ", 13), 0);
  respool_error copy = {0};
  CHECK_EQ(error_copy(&copy, &error), RESPOOL_IO);
  CHECK(copy.status == error.status && copy.os_error == error.os_error);
  CHECK_STR(copy.message, error.message);
}

static void errno_of_a_record(void) {
  static const struct {
    respool_status status;
    int32_t os_error;
    int answer;
  } cases[] = {
      {RESPOOL_IO, EMFILE, EMFILE},       {RESPOOL_NO_SPACE, EDQUOT, EDQUOT},    {RESPOOL_NO_SPACE, 0, ENOSPC},
      {RESPOOL_NO_MEMORY, 0, ENOMEM},     {RESPOOL_UNSUPPORTED, 0, ENOTSUP},     {RESPOOL_INVALID, 0, EINVAL},
      {RESPOOL_CORRUPT, 0, EINVAL},       {RESPOOL_TRUNCATED, 0, EINVAL},        {RESPOOL_CANCELLED, 0, ECANCELED},
      {RESPOOL_ABANDONED, 0, EIO},        {RESPOOL_PRODUCER_FAILED, 0, EIO},     {RESPOOL_SOURCE_FAILED, 0, EIO},
      {RESPOOL_USER + 5, 0, EIO},         {RESPOOL_USER + 5, EPERM, EPERM},      {RESPOOL_IO, 0, EIO},
      {RESPOOL_PRODUCER_FAILED, -1, EIO}, {RESPOOL_RESOURCES_EXHAUSTED, 0, EIO}, {777, 0, EIO},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    respool_error record = {.status = cases[i].status, .os_error = cases[i].os_error};
    CHECK_EQ(error_to_errno(&record), cases[i].answer);
  }
}

/* ---- Cutting --------------------------------------------------------------------------------------- */

/* Into every size of destination, from every alignment of characters: whole characters, and as many as go in. */
static void copied_texts_are_cut_between_characters(void) {
  for (size_t c = 0; c < 4; c++)
    for (size_t lead = 0; lead < 4; lead++)
      for (size_t size = 1; size < 40; size++) {
        char text[64], out[48];
        fill_text(text, 48, lead, characters[c]);
        memset(out, 'X', sizeof out);
        error_copy_text(out, size, text);
        size_t length = strlen(out), wide = strlen(characters[c]);
        CHECK(length < size && is_whole(out) && memcmp(out, text, length) == 0);
        CHECK(text[length] == '\0' || length + wide >= size);
        for (size_t i = size; i < sizeof out; i++) CHECK_EQ(out[i], 'X');
      }
}

static void short_texts_are_copied_whole(void) {
  char out[8];
  error_copy_text(out, sizeof out, "");
  CHECK_STR(out, "");
  error_copy_text(out, sizeof out, "1234567");
  CHECK_STR(out, "1234567");
  error_copy_text(out, sizeof out, "\xf0\x9f\x90\x99\xe2\x82\xac");
  CHECK_STR(out, "\xf0\x9f\x90\x99\xe2\x82\xac");
  error_copy_text(out, sizeof out, out + 4); /* from within itself */
  CHECK_STR(out, "\xe2\x82\xac");
}

static void check_cut(const respool_error *error, size_t length, const char *character) {
  size_t cut = strlen(error->message);
  CHECK(is_whole(error->message));
  CHECK_EQ(length < TEXT ? cut : cut + strlen(character) >= TEXT, length < TEXT ? length : 1);
}

/* A formatted message around the longest that goes in, with the cut at every place inside a character. */
static void long_messages_are_cut_between_characters(void) {
  for (size_t c = 0; c < 4; c++)
    for (size_t lead = 0; lead < 4; lead++)
      for (size_t size = TEXT - 10; size < TEXT + 10; size++) {
        char text[TEXT + 20];
        fill_text(text, size, lead, characters[c]);
        respool_error error;
        error_set(&error, RESPOOL_INVALID, "%s", text);
        check_cut(&error, strlen(text), characters[c]);
        CHECK_EQ(memcmp(error.message, text, strlen(error.message)), 0);
      }
}

/* As many whole characters of `text` as go into a message. */
static void cut_slowly(char *text) {
  size_t end = 0;
  while (text[end] != '\0') {
    size_t next = end + 1;
    while (((unsigned char)text[next] & 0xC0) == 0x80) next++;
    if (next > TEXT - 1) break;
    end = next;
  }
  text[end] = '\0';
}

/* The same where something is put before it, or the system's text behind it. */
static void long_prefixes_are_cut_between_characters(void) {
  for (size_t c = 0; c < 4; c++)
    for (size_t size = 1; size < TEXT + 10; size += size < TEXT - 50 ? 37 : 1) {
      char text[TEXT + 20], expected[2 * TEXT];
      fill_text(text, size, 0, characters[c]);
      respool_error error;
      error_set(&error, RESPOOL_INVALID, "%s and more", characters[c]);
      error_prefix(&error, "%s", text);
      snprintf(expected, sizeof expected, "%s: %s and more", text, characters[c]);
      cut_slowly(expected);
      CHECK_STR(error.message, expected);
      error_set_os(&error, EIO, "%s", text);
      cut_slowly(text);
      snprintf(expected, sizeof expected, "%s: %s", text, strerror(EIO));
      cut_slowly(expected);
      CHECK_STR(error.message, expected);
    }
}

/* A prefix before a message of full length, whose end goes. */
static void prefixing_a_full_message(void) {
  for (size_t c = 0; c < 4; c++)
    for (size_t prefix = 1; prefix < 12; prefix++) {
      char text[TEXT + 20], lead[16];
      fill_text(text, TEXT + 10, 0, characters[c]);
      fill_text(lead, prefix + 1, prefix, "a");
      respool_error error;
      error_set(&error, RESPOOL_INVALID, "%s", text);
      error_prefix(&error, "%s", lead);
      CHECK_EQ(memcmp(error.message, lead, prefix), 0);
      CHECK_EQ(memcmp(error.message + prefix, ": ", 2), 0);
      CHECK(is_whole(error.message + prefix + 2));
      CHECK(strlen(error.message) + strlen(characters[c]) + prefix + 2 >= TEXT);
    }
}

/* What is no UTF-8 is nobody's to mend, but must not lead outside the text. */
static void texts_that_are_no_utf8(void) {
  char text[TEXT + 20];
  memset(text, 0x80, sizeof text - 1);
  text[sizeof text - 1] = '\0';
  respool_error error;
  error_set(&error, RESPOOL_INVALID, "%s", text);
  CHECK_LE(strlen(error.message), TEXT - 1);
  char out[4];
  error_copy_text(out, sizeof out, text);
  CHECK_LE(strlen(out), 3);
  memset(text, 0xff, sizeof text - 1);
  error_set(&error, RESPOOL_INVALID, "%s", text);
  error_prefix(&error, "%s", text);
  CHECK_LE(strlen(error.message), TEXT - 1);
}

/* Names and paths go into messages, and may be anything: what comes out is one line of UTF-8. */
static void messages_are_one_line_of_utf8(void) {
  static const struct {
    const char *given;
    const char *shown;
  } cases[] = {
      {"two\nlines\tand\x7f", "two?lines?and?"},
      {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x99", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x99"},
      {"half \xe2\x82 of one", "half ?? of one"},
      {"a stray \x80", "a stray ?"},
      {"overlong \xc0\xaf", "overlong ??"},
      {"surrogate \xed\xa0\x80", "surrogate ???"},
      {"past the last \xf4\x90\x80\x80", "past the last ????"},
      {"the last \xf4\x8f\xbf\xbf", "the last \xf4\x8f\xbf\xbf"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    respool_error error;
    error_set(&error, RESPOOL_INVALID, "%s", cases[i].given);
    CHECK_STR(error.message, cases[i].shown);
    error_set(&error, RESPOOL_INVALID, "x");
    error_prefix(&error, "%s", cases[i].given);
    CHECK_EQ(strncmp(error.message, cases[i].shown, strlen(cases[i].shown)), 0);
    CHECK_STR(error.message + strlen(cases[i].shown), ": x");
    error_set_os(&error, EIO, "%s", cases[i].given);
    CHECK_EQ(strncmp(error.message, cases[i].shown, strlen(cases[i].shown)), 0);
  }
}

static const kit_test tests[] = {
    KIT_TEST(status_values_are_pinned),
    KIT_TEST(statuses_that_are_none),
    KIT_TEST(the_version),
    KIT_TEST(filling_a_record),
    KIT_TEST(no_record_is_allowed),
    KIT_TEST(system_errors),
    KIT_TEST(prefixing_and_copying),
    KIT_TEST(errno_of_a_record),
    KIT_TEST(copied_texts_are_cut_between_characters),
    KIT_TEST(short_texts_are_copied_whole),
    KIT_TEST(long_messages_are_cut_between_characters),
    KIT_TEST(long_prefixes_are_cut_between_characters),
    KIT_TEST(prefixing_a_full_message),
    KIT_TEST(texts_that_are_no_utf8),
    KIT_TEST(messages_are_one_line_of_utf8),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
