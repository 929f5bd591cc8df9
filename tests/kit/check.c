/* SPDX-License-Identifier: Apache-2.0 */
/* The test harness: running a table of tests, counting and printing failures. */
#include "check.h"

#include "system.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SKIP_EXIT = 77, PRINTED_PER_TEST = 20 };

typedef enum outcome { PASSED, FAILED, SKIPPED } outcome;

static struct {
  const char *name;
  atomic_int failures;
  bool skipped;
  pthread_t thread;
  jmp_buf leave;
} current;

static uint64_t seed;
static _Thread_local respool_error last_error;

uint64_t kit_seed(void) {
  return seed;
}

int64_t kit_environment(const char *name, int64_t fallback) {
  const char *text = getenv(name);
  return text != NULL && *text != '\0' ? (int64_t)strtoll(text, NULL, 0) : fallback;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define KIT_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KIT_SANITIZED 1
#endif

bool kit_slow(void) {
#ifdef KIT_SANITIZED
  return true;
#else
  return kit_environment("RESPOOL_TEST_VALGRIND", 0) != 0;
#endif
}

void kit_die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s: ", current.name != NULL ? current.name : "test kit");
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  fflush(stdout);
  abort();
}

void kit_leave(void) {
  if (!pthread_equal(pthread_self(), current.thread)) kit_die("a requirement failed outside the test's own thread");
  longjmp(current.leave, 1);
}

void kit_skip(const char *reason) {
  printf("  skipped: %s\n", reason);
  current.skipped = true;
  kit_leave();
}

void kit_note(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char line[1024];
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  printf("  note: %s\n", line);
}

int kit_failures(void) {
  return atomic_load(&current.failures);
}

void kit_failed(const char *file, int line, const char *format, ...) {
  int before = atomic_fetch_add(&current.failures, 1);
  if (before >= PRINTED_PER_TEST) return;
  const char *base = strrchr(file, '/');
  char text[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  printf("%s:%d: in %s: %s\n", base != NULL ? base + 1 : file, line, current.name, text);
  if (before + 1 == PRINTED_PER_TEST) printf("  (further failures of this test are counted, not printed)\n");
  fflush(stdout);
}

bool kit_check(bool holds, const char *file, int line, const char *text) {
  if (!holds) kit_failed(file, line, "does not hold: %s", text);
  return holds;
}

bool kit_check_eq(int64_t a, int64_t b, const char *file, int line, const char *a_text, const char *b_text) {
  if (a != b) kit_failed(file, line, "%s is %" PRId64 ", not %s, which is %" PRId64, a_text, a, b_text, b);
  return a == b;
}

bool kit_check_le(int64_t a, int64_t b, const char *file, int line, const char *a_text, const char *b_text) {
  if (a > b) kit_failed(file, line, "%s is %" PRId64 ", more than %s, which is %" PRId64, a_text, a, b_text, b);
  return a <= b;
}

bool kit_check_str(const char *a, const char *b, const char *file, int line, const char *a_text) {
  bool same = a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
  if (!same) kit_failed(file, line, "%s is \"%s\", not \"%s\"", a_text, a ? a : "(null)", b ? b : "(null)");
  return same;
}

bool kit_check_has(const char *text, const char *part, const char *file, int line) {
  bool has = text != NULL && strstr(text, part) != NULL;
  if (!has) kit_failed(file, line, "\"%s\" does not mention \"%s\"", text ? text : "(null)", part);
  return has;
}

respool_error *kit_error(void) {
  memset(&last_error, 0, sizeof last_error);
  return &last_error;
}

const respool_error *kit_last_error(void) {
  return &last_error;
}

bool kit_check_status(respool_status answer, respool_status expected, const char *file, int line, const char *text) {
  if (answer == expected) return true;
  const char *said = answer >= RESPOOL_INVALID && last_error.status == answer ? last_error.message : "";
  kit_failed(file, line, "%s\n    answered %s (%d) and not %s (%d) %s", text, respool_status_name(answer), (int)answer,
             respool_status_name(expected), (int)expected, said);
  return false;
}

bool kit_check_error(respool_status answer, respool_status expected, const char *part, const char *file, int line,
                     const char *text) {
  if (!kit_check_status(answer, expected, file, line, text)) return false;
  bool whole = last_error.status == expected && last_error.message[0] != '\0' &&
               memchr(last_error.message, '\0', sizeof last_error.message) != NULL &&
               strchr(last_error.message, '\n') == NULL;
  if (!whole)
    kit_failed(file, line, "the error record of %s is %d \"%s\"", text, (int)last_error.status, last_error.message);
  return (part == NULL || kit_check_has(last_error.message, part, file, line)) && whole;
}

pthread_t kit_thread_start(void *(*run)(void *), void *argument) {
  pthread_t thread;
  int code = pthread_create(&thread, NULL, run, argument);
  if (code != 0) kit_die("no thread: %s", strerror(code));
  return thread;
}

void kit_thread_join(pthread_t thread) {
  int code = pthread_join(thread, NULL);
  if (code != 0) kit_die("a thread cannot be joined: %s", strerror(code));
}

static bool chosen(const char *name, int argc, char **argv) {
  if (argc < 2) return true;
  for (int i = 1; i < argc; i++)
    if (strstr(name, argv[i]) != NULL) return true;
  return false;
}

static outcome run_one(const kit_test *test) {
  current.name = test->name;
  current.skipped = false;
  current.thread = pthread_self();
  atomic_store(&current.failures, 0);
  if (setjmp(current.leave) == 0) test->run();
  kit_system_reset();
  outcome result = atomic_load(&current.failures) > 0 ? FAILED : current.skipped ? SKIPPED : PASSED;
  static const char *const words[] = {"ok", "FAILED", "skipped"};
  printf("%-8s %s\n", words[result], test->name);
  fflush(stdout);
  return result;
}

static void choose_seed(void) {
  const char *text = getenv("RESPOOL_TEST_SEED");
  seed = text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
  printf("RESPOOL_TEST_SEED=%" PRIu64 "\n", seed);
  fflush(stdout);
}

int kit_main(int argc, char **argv, const kit_test *tests, size_t count) {
  int counts[3] = {0, 0, 0};
  choose_seed();
  for (size_t i = 0; i < count; i++)
    if (chosen(tests[i].name, argc, argv)) counts[run_one(&tests[i])]++;
  printf("%d passed, %d failed", counts[PASSED], counts[FAILED]);
  if (counts[SKIPPED] > 0) printf(", %d skipped", counts[SKIPPED]);
  printf("\n");
  if (counts[PASSED] + counts[FAILED] + counts[SKIPPED] == 0) return 2;
  if (counts[FAILED] > 0) return 1;
  return counts[PASSED] == 0 ? SKIP_EXIT : 0;
}
