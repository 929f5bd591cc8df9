/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs: a file or standard input, and the Arrow stream in it. */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel.h"
#include "numbers.h"
#include "report.h"
#include "tool.h"

bool input_is_standard(const char *path) {
  return strcmp(path, "-") == 0;
}

static int open_descriptor(struct input *input, const char *path) {
  if (input_is_standard(path)) {
    *input = (struct input){.name = "standard input", .fd = STDIN_FILENO};
    return TOOL_OK;
  }
  int fd;
  do {
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    report_errno(path, "cannot be opened", errno);
    return TOOL_FAILED;
  }
  *input = (struct input){.name = path, .fd = fd, .owned = true};
  return TOOL_OK;
}

/* Refuse what holds no stream: better words than a read error gives. */
static int check_kind(struct input *input) {
  struct stat status;
  if (fstat(input->fd, &status) != 0) {
    report_errno(input->name, "cannot be read", errno);
    return TOOL_FAILED;
  }
  if (S_ISDIR(status.st_mode)) {
    report_error(input->name, "is a directory: name a file with an Arrow stream in it");
    return TOOL_FAILED;
  }
  if (isatty(input->fd)) {
    return report_usage("%s is a terminal: name an input file or pipe an Arrow stream in", input->name);
  }
  input->seekable = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode);
  return TOOL_OK;
}

int input_open(struct input *input, const char *path) {
  struct input opened;
  int code = open_descriptor(&opened, path);
  if (code != TOOL_OK) return code;
  code = check_kind(&opened);
  if (code != TOOL_OK) {
    input_close(&opened);
    return code;
  }
  channel_widen(opened.fd);
  *input = opened;
  return TOOL_OK;
}

void input_close(struct input *input) {
  if (input->owned) close(input->fd);
  input->owned = false;
}

int input_parse_expansion(struct input_options *options, const char *value) {
  int64_t size = RESPOOL_NO_LIMIT;
  if (strcmp(value, "unlimited") != 0 && (!number_size(value, &size) || size == 0)) {
    return report_usage("--max-expansion takes a size above 0 such as 16GiB, or 'unlimited', not '%s'", value);
  }
  options->max_expansion = size;
  return -1;
}

void input_ipc_options(respool_ipc_options *options, const struct input_options *given) {
  respool_ipc_options_init(options, sizeof *options);
  options->allow_missing_end = !given || given->allow_missing_end;
  if (!given || given->max_expansion == 0) return;
  options->max_expansion = given->max_expansion;
  options->max_expansion_ratio = INT64_MAX; /* whoever names a size has thought of all */
}

bool input_stream(const struct input *input, const struct input_options *given, struct ArrowArrayStream *stream,
                  respool_error *error) {
  respool_ipc_options options;
  input_ipc_options(&options, given);
  return respool_ipc_read_fd(input->fd, &options, stream, error) == RESPOOL_OK;
}

const char *input_stream_error(struct ArrowArrayStream *stream, int code) {
  const char *text = stream->get_last_error ? stream->get_last_error(stream) : NULL;
  return text ? text : strerror(code);
}
