/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test harness: a table of named functions, checks that print what they saw, and a main for both.
 *
 *   static void adds_up(void) { CHECK_EQ(1 + 1, 2); }
 *   static const kit_test tests[] = {KIT_TEST(adds_up)};
 *   int main(int argc, char **argv) { return KIT_MAIN(argc, argv, tests); }
 *
 * CHECK... notes a failure and goes on; REQUIRE... leaves the test. Checks may be made from any thread, but a REQUIRE
 * that fails outside the test's own thread ends the program. Arguments of the program are test names (or parts of them)
 * to run.
 */
#ifndef RESPOOL_TESTS_KIT_CHECK_H
#define RESPOOL_TESTS_KIT_CHECK_H

#include <pthread.h>
#include <respool/respool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kit_test {
  const char *name;
  void (*run)(void);
} kit_test;

/* clang-format off */
#define KIT_TEST(function) { #function, function }
/* clang-format on */
#define KIT_MAIN(argc, argv, tests) kit_main(argc, argv, tests, sizeof(tests) / sizeof((tests)[0]))

/* 0: all passed; 1: some failed; 77: every test that was chosen was skipped; 2: no test has such a name. */
int kit_main(int argc, char **argv, const kit_test *tests, size_t count);

/* RESPOOL_TEST_SEED, or made from the time; printed when a program starts. */
uint64_t kit_seed(void);

/* A number from the environment variable `name`, or `fallback`. */
int64_t kit_environment(const char *name, int64_t fallback);

/* Whether this runs under a sanitizer, or under valgrind (RESPOOL_TEST_VALGRIND=1), so that a test may do less of the
 * same. */
bool kit_slow(void);

/* Leave the test, counted as skipped, with one line that says why. */
_Noreturn void kit_skip(const char *reason);

/* Print a line and end the program: for faults of the tests themselves. */
_Noreturn void kit_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Note a failure of the running test, with a message of one's own. */
void kit_failed(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A line under the running test's name, for what a reader of a failure needs (a seed, a schema). */
void kit_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How many checks of the running test have failed so far. */
int kit_failures(void);

/* An error record of the calling thread, cleared by each call; kit_last_error() gives it as it is. */
respool_error *kit_error(void);
const respool_error *kit_last_error(void);

_Noreturn void kit_leave(void);
bool kit_check(bool holds, const char *file, int line, const char *text);
bool kit_check_eq(int64_t a, int64_t b, const char *file, int line, const char *a_text, const char *b_text);
bool kit_check_le(int64_t a, int64_t b, const char *file, int line, const char *a_text, const char *b_text);
bool kit_check_str(const char *a, const char *b, const char *file, int line, const char *a_text);
bool kit_check_has(const char *text, const char *part, const char *file, int line);
bool kit_check_status(respool_status answer, respool_status expected, const char *file, int line, const char *text);
bool kit_check_error(respool_status answer, respool_status expected, const char *part, const char *file, int line,
                     const char *text);

#define CHECK(condition)      kit_check((condition), __FILE__, __LINE__, #condition)
#define CHECK_EQ(a, b)        kit_check_eq((int64_t)(a), (int64_t)(b), __FILE__, __LINE__, #a, #b)
#define CHECK_LE(a, b)        kit_check_le((int64_t)(a), (int64_t)(b), __FILE__, __LINE__, #a, #b)
#define CHECK_STR(a, b)       kit_check_str((a), (b), __FILE__, __LINE__, #a)
#define CHECK_HAS(text, part) kit_check_has((text), (part), __FILE__, __LINE__)

/* The call answers so. If it was given kit_error(), a surprising answer is printed with its message. */
#define CHECK_STATUS(call, status) kit_check_status((call), (status), __FILE__, __LINE__, #call)
#define CHECK_OK(call)             CHECK_STATUS(call, RESPOOL_OK)

/* The call, which must be given kit_error(), answers this error with a record that fits: the same status, one line
 * of text, and `part` in it (NULL: anything). */
#define CHECK_ERROR(call, status, part) kit_check_error((call), (status), (part), __FILE__, __LINE__, #call)

#define KIT_REQUIRE_(check)          ((check) ? (void)0 : kit_leave())
#define REQUIRE(condition)           KIT_REQUIRE_(CHECK(condition))
#define REQUIRE_EQ(a, b)             KIT_REQUIRE_(CHECK_EQ(a, b))
#define REQUIRE_STATUS(call, status) KIT_REQUIRE_(CHECK_STATUS(call, status))
#define REQUIRE_OK(call)             KIT_REQUIRE_(CHECK_OK(call))

/* Threads of a test: start answers with the thread or ends the program. */
pthread_t kit_thread_start(void *(*run)(void *), void *argument);
void kit_thread_join(pthread_t thread);

#endif
