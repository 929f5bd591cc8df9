/* SPDX-License-Identifier: Apache-2.0 */
/* What the tool says on standard error. `lock` guards the progress line and strerror(). */
#include "report.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"
#include "tool.h"

#define LINE_SIZE 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *command;
static bool quiet;
static bool progress_shown;

void report_command(const char *name) {
  command = name;
}

void report_quiet(void) {
  quiet = true;
}

/* Add `text`, escaped, to the line that has `used` bytes. Leaves room for the end of the line. */
static size_t add_text(char *line, size_t used, const char *text) {
  text_escape(line + used, LINE_SIZE - used - 1, text, strlen(text), false);
  return used + strlen(line + used);
}

static void erase_progress(void) {
  if (!progress_shown) return;
  fputs("\r\033[K", stderr);
  progress_shown = false;
}

/* One message, written in one call so that lines of several processes do not mix. Takes the lock. */
static void say(const char *kind, const char *subject, const char *text) {
  char line[LINE_SIZE];
  size_t used =
      (size_t)snprintf(line, sizeof line, "respool%s%s: %s", command ? " " : "", command ? command : "", kind);
  if (subject) {
    /* A name of any length must leave room for what is said of it. */
    text_escape(line + used, LINE_SIZE / 2, subject, strlen(subject), false);
    used += strlen(line + used);
    used = add_text(line, used, ": ");
  }
  used = add_text(line, used, text);
  line[used++] = '\n';
  pthread_mutex_lock(&lock);
  erase_progress();
  fwrite(line, 1, used, stderr);
  fflush(stderr);
  pthread_mutex_unlock(&lock);
}

void report_error(const char *subject, const char *format, ...) {
  char text[LINE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  say("", subject, text);
}

void report_warning(const char *subject, const char *format, ...) {
  if (quiet) return;
  char text[LINE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  say("warning: ", subject, text);
}

void report_errno(const char *subject, const char *what, int error_number) {
  char reason[256];
  pthread_mutex_lock(&lock);
  snprintf(reason, sizeof reason, "%s", strerror(error_number));
  pthread_mutex_unlock(&lock);
  if (what) {
    report_error(subject, "%s: %s", what, reason);
  } else {
    report_error(subject, "%s", reason);
  }
}

int report_usage(const char *format, ...) {
  char text[LINE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  report_error(NULL, "%s; see 'respool %s%s--help'", text, command ? command : "", command ? " " : "");
  return TOOL_USAGE;
}

static size_t terminal_columns(void) {
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

/* Bytes of `line` that fill at most `columns` columns, one for each character. */
static size_t fitting_bytes(const char *line, size_t columns) {
  size_t length = strlen(line);
  size_t at = 0;
  for (size_t column = 0; at < length && column < columns; column++) {
    uint32_t character;
    size_t count = text_decode(line + at, length - at, &character);
    at += count > 0 ? count : 1;
  }
  return at;
}

void report_progress(const char *line) {
  /* The last column stays free: many terminals would begin a new line there. */
  size_t bytes = fitting_bytes(line, terminal_columns() - 1);
  pthread_mutex_lock(&lock);
  fprintf(stderr, "\r%.*s\033[K", (int)bytes, line);
  fflush(stderr);
  progress_shown = true;
  pthread_mutex_unlock(&lock);
}

void report_progress_end(void) {
  pthread_mutex_lock(&lock);
  erase_progress();
  fflush(stderr);
  pthread_mutex_unlock(&lock);
}

int report_flush_stdout(int code) {
  errno = 0;
  int flushed = fflush(stdout);
  if (flushed == 0 && !ferror(stdout)) return code;
  /* Whoever read has read enough: not an error, as with every output of the tool. */
  if (errno == EPIPE) return code;
  report_errno("standard output", NULL, errno != 0 ? errno : EIO);
  return TOOL_FAILED;
}
