/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output as the place of an Arrow stream, for the commands that write one. */
#ifndef RESPOOL_CLI_OUTPUT_H
#define RESPOOL_CLI_OUTPUT_H

#include "respool/respool.h"

/* Refuse a terminal. Answers an exit code; what is wrong was reported. */
int output_check(void);

/*
 * Write `stream` to standard output and close that. A consumer that closes early is no error. Answers an exit code.
 * `error` is filled if the answer is TOOL_FAILED and it was the stream that failed (status RESPOOL_SOURCE_FAILED),
 * for the caller to report; every other failure was reported.
 */
int output_stream(struct ArrowArrayStream *stream, const respool_ipc_write_options *options, respool_error *error);

#endif
