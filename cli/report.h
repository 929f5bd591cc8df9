/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything the tool says on standard error: one-line errors and warnings, and the progress line. Safe from any
 * thread. A message takes the progress line away first; the next refresh draws it again.
 */
#ifndef RESPOOL_CLI_REPORT_H
#define RESPOOL_CLI_REPORT_H

#include <stdbool.h>

#include "respool/respool.h"

/* The subcommand that messages name: "respool tee: ...". NULL: none. Before any thread is started. */
void report_command(const char *name);

/* No more warnings. Before any thread is started. */
void report_quiet(void);

/* "respool tee: SUBJECT: text". SUBJECT (may be NULL) and text are escaped, so that a message stays one line. */
void report_error(const char *subject, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_warning(const char *subject, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "respool tee: SUBJECT: what: No such file or directory". `what` may be NULL. */
void report_errno(const char *subject, const char *what, int error_number);

/* A wrong use: the text, then where help is. Answers TOOL_USAGE. */
int report_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Draw the progress line, which is cut to the width of the terminal. */
void report_progress(const char *line);

/* Take the progress line away. */
void report_progress_end(void);

/* Flush standard output at the end of a command that prints text. Answers `code`, or TOOL_FAILED with a message. */
int report_flush_stdout(int code);

#endif
