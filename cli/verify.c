/* SPDX-License-Identifier: Apache-2.0 */
/* respool verify: reads everything and checks it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "options.h"
#include "report.h"
#include "text.h"
#include "tool.h"

static const char help[] = "Usage: respool verify [OPTION]... [INPUT]...\n"
                           "Read Arrow IPC streams or files to their end, decode every batch and check\n"
                           "every size, position and offset in it. Prints one line for each good input.\n"
                           "Without INPUT, or where it is '-', standard input is read.\n"
                           "\n"
                           "Options:\n"
                           "      --allow-missing-end  take an input that ends between two messages as\n"
                           "                           complete\n"
                           "      --max-expansion SIZE what one compressed message may expand to, such as\n"
                           "                           16GiB or 'unlimited'\n"
                           "  -q, --quiet              print nothing for good inputs\n"
                           "  -h, --help               show this text\n"
                           "  -V, --version            show the version\n";

enum { OPTION_QUIET = OPTION_OWN };

static const struct option_spec specs[] = {
    {OPTION_ALLOW_MISSING_END, 0, "allow-missing-end", false},
    {OPTION_MAX_EXPANSION, 0, "max-expansion", true},
    {OPTION_QUIET, 'q', "quiet", false},
    OPTIONS_COMMON,
};

struct verify {
  const char **paths;
  int count;
  struct input_options reading;
  bool quiet;
};

/* What was counted in one input. */
struct tally {
  int64_t batches;
  int64_t rows;
  bool inspected; /* `summary` is filled */
  respool_ipc_summary summary;
  int64_t after_end; /* bytes that follow the end marker and that nobody reads */
};

/* Pull every batch. Answers what get_next does. */
static int pull_all(struct ArrowArrayStream *stream, struct tally *tally) {
  for (;;) {
    struct ArrowArray array = {0};
    int answer = stream->get_next(stream, &array);
    if (answer != 0 || !array.release) return answer;
    tally->batches++;
    tally->rows += array.length;
    array.release(&array);
  }
}

static int decode(const struct input *input, const struct input_options *reading, struct tally *tally) {
  struct ArrowArrayStream stream;
  respool_error error;
  if (!input_stream(input, reading, &stream, &error)) {
    report_error(input->name, "%s", error.message);
    return TOOL_FAILED;
  }
  int answer = pull_all(&stream, tally);
  if (answer != 0) report_error(input->name, "%s", input_stream_error(&stream, answer));
  stream.release(&stream);
  return answer == 0 ? TOOL_OK : TOOL_FAILED;
}

/* Where a file ends that can seek; -1 otherwise. Leaves it where it stood. */
static off_t end_of(const struct input *input) {
  if (!input->seekable) return -1;
  off_t stood = lseek(input->fd, 0, SEEK_CUR);
  off_t end = lseek(input->fd, 0, SEEK_END);
  return stood < 0 || lseek(input->fd, stood, SEEK_SET) != stood ? -1 : end;
}

/*
 * Walk over the messages as well, from where the input stood at first. What cannot seek was only decoded, and so was
 * a file that grows meanwhile, being written still: the second walk would see more.
 */
static int inspect(const struct input *input, off_t start, off_t end, struct tally *tally) {
  if (start < 0 || end_of(input) != end) return TOOL_OK;
  respool_ipc_options options;
  respool_error error;
  input_ipc_options(&options, NULL);
  tally->summary.struct_size = sizeof tally->summary;
  if (lseek(input->fd, start, SEEK_SET) != start) {
    report_errno(input->name, "cannot be read a second time", errno);
    return TOOL_FAILED;
  }
  respool_status status = respool_ipc_inspect_fd(input->fd, &options, NULL, NULL, NULL, &tally->summary, &error);
  if (end_of(input) != end) return TOOL_OK;
  if (status != RESPOOL_OK) {
    report_error(input->name, "%s", error.message);
    return TOOL_FAILED;
  }
  tally->inspected = true;
  tally->after_end = (int64_t)(end - start) - tally->summary.total_bytes;
  return TOOL_OK;
}

/* Both ways of reading must have found the same. */
static int compare(const struct input *input, const struct tally *tally) {
  if (!tally->inspected) return TOOL_OK;
  if (tally->batches == tally->summary.batches && tally->rows == tally->summary.rows) return TOOL_OK;
  report_error(input->name,
               "%" PRId64 " batches with %" PRId64 " rows were decoded, but the messages tell of %" PRId64
               " with %" PRId64,
               tally->batches, tally->rows, tally->summary.batches, tally->summary.rows);
  return TOOL_FAILED;
}

static void print_good(const char *name, const struct tally *tally) {
  char shown[1024];
  text_escape(shown, sizeof shown, name, strlen(name), false);
  printf("%s: ok, %" PRId64 " batches, %" PRId64 " rows", shown, tally->batches, tally->rows);
  if (tally->inspected) {
    printf(", %" PRId64 " bytes", tally->summary.total_bytes);
    if (!tally->summary.has_end) printf(", no end marker");
    if (tally->after_end > 0) printf("; %" PRId64 " bytes after the end marker were not read", tally->after_end);
  }
  putchar('\n');
}

static int verify_one(const struct verify *verify, const char *path) {
  struct input input;
  struct tally tally = {0};
  int code = input_open(&input, path);
  if (code != TOOL_OK) return code;
  off_t start = input.seekable ? lseek(input.fd, 0, SEEK_CUR) : -1;
  off_t end = end_of(&input);
  code = decode(&input, &verify->reading, &tally);
  if (code == TOOL_OK) code = inspect(&input, start, end, &tally);
  if (code == TOOL_OK) code = compare(&input, &tally);
  if (code == TOOL_OK && !verify->quiet) print_good(input.name, &tally);
  input_close(&input);
  return code;
}

static int verify_all(const struct verify *verify) {
  int worst = TOOL_OK;
  for (int i = 0; i < verify->count; i++) {
    int code = verify_one(verify, verify->paths[i]);
    if (code > worst) worst = code;
  }
  return report_flush_stdout(worst);
}

static int parse(struct verify *verify, int argc, char **argv) {
  struct options options;
  const char *value;
  options_begin(&options, specs, argc, argv);
  for (;;) {
    int id = options_next(&options, &value);
    switch (id) {
    case OPTIONS_END:
      if (verify->count == 0) verify->paths[verify->count++] = "-";
      return -1;
    case OPTIONS_OPERAND:
      verify->paths[verify->count++] = value;
      break;
    case OPTION_ALLOW_MISSING_END:
      verify->reading.allow_missing_end = true;
      break;
    case OPTION_MAX_EXPANSION:
      if (input_parse_expansion(&verify->reading, value) >= 0) return TOOL_USAGE;
      break;
    case OPTION_QUIET:
      verify->quiet = true;
      break;
    case OPTIONS_BAD:
      return TOOL_USAGE;
    default:
      return options_standard(id, help);
    }
  }
}

int command_verify(int argc, char **argv) {
  struct verify verify = {0};
  verify.paths = malloc(((size_t)argc + 1) * sizeof *verify.paths);
  if (!verify.paths) {
    report_errno(NULL, "arguments", ENOMEM);
    return TOOL_FAILED;
  }
  int code = parse(&verify, argc, argv);
  if (code < 0) code = verify_all(&verify);
  free(verify.paths);
  return code;
}
