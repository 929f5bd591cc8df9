/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs: a file or standard input, and the Arrow stream in it. */
#ifndef RESPOOL_CLI_INPUT_H
#define RESPOOL_CLI_INPUT_H

#include <stdbool.h>

#include "respool/respool.h"

struct input {
  const char *name; /* for messages; borrowed */
  int fd;
  bool owned;    /* the descriptor is ours to close */
  bool seekable; /* a regular file or a block device: reading never waits for somebody else */
};

/* How inputs are read, as the command line asks for it. */
struct input_options {
  bool allow_missing_end;
  int64_t max_expansion; /* of compressed bodies; 0: as the library has it */
};

/* --max-expansion. Answers an exit code, or -1 to go on. */
int input_parse_expansion(struct input_options *options, const char *value);

/* Whether `path` means standard input (or output). */
bool input_is_standard(const char *path);

/* Open `path`, "-" being standard input. Answers an exit code; what went wrong was reported. */
int input_open(struct input *input, const char *path);

void input_close(struct input *input);

/*
 * The Arrow stream from the input's current position. It uses the descriptor until it is released. False: the error is
 * filled and nothing was reported.
 */
bool input_stream(const struct input *input, const struct input_options *given, struct ArrowArrayStream *stream,
                  respool_error *error);

/* The library's options for that; `given` NULL: for looking only, whether there is an end or not. */
void input_ipc_options(respool_ipc_options *options, const struct input_options *given);

/* The text of a stream's last error, never NULL. */
const char *input_stream_error(struct ArrowArrayStream *stream, int code);

#endif
