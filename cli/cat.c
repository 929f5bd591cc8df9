/* SPDX-License-Identifier: Apache-2.0 */
/* respool cat: decodes its inputs and writes them as one clean stream. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compression.h"
#include "identity.h"
#include "input.h"
#include "options.h"
#include "output.h"
#include "report.h"
#include "tool.h"
#include "types.h"

static const char help[] = "Usage: respool cat [OPTION]... [INPUT]...\n"
                           "Decode Arrow IPC streams or files and write them as one stream to standard\n"
                           "output.\n"
                           "\n"
                           "All inputs must have the same fields; schema metadata is that of the first.\n"
                           "Without INPUT, or where it is '-', standard input is read.\n"
                           "\n"
                           "Options:\n"
                           "      --allow-missing-end  take an input that ends between two messages as\n"
                           "                           complete\n"
                           "      --compress CODEC     compress the output: none (default), lz4 or zstd,\n"
                           "                           with a level if wanted, such as zstd:9\n"
                           "      --max-expansion SIZE what one compressed message may expand to, such as\n"
                           "                           16GiB or 'unlimited'\n"
                           "  -h, --help               show this text\n"
                           "  -V, --version            show the version\n";

static const struct option_spec specs[] = {
    {OPTION_ALLOW_MISSING_END, 0, "allow-missing-end", false},
    {OPTION_COMPRESS, 0, "compress", true},
    {OPTION_MAX_EXPANSION, 0, "max-expansion", true},
    OPTIONS_COMMON,
};

/* All inputs as one stream: each is opened when the one before has ended. */
struct chain {
  const char **paths;
  int count;
  int next; /* index of the input to open next */
  struct input_options reading;
  respool_ipc_write_options writing;
  int code; /* why opening an input failed; TOOL_OK if it did not */

  struct input input; /* the current one ... */
  struct ArrowArrayStream stream;
  const char *first_name;
  struct ArrowSchema schema; /* of the first input */
};

static void close_current(struct chain *chain) {
  if (chain->stream.release) chain->stream.release(&chain->stream);
  input_close(&chain->input);
}

/* Compare the current input's fields with those of the first. Takes over the schema in any case. */
static int accept_schema(struct chain *chain, struct ArrowSchema *schema) {
  if (!chain->schema.release) {
    chain->schema = *schema;
    chain->first_name = chain->input.name;
    return TOOL_OK;
  }
  char why[1024];
  bool same = type_same_fields(&chain->schema, schema, why, sizeof why);
  schema->release(schema);
  if (same) return TOOL_OK;
  report_error(chain->input.name, "%s in %s: all inputs must have the same fields", why, chain->first_name);
  return TOOL_FAILED;
}

/* Open the input of `path` and check it against the first. Reports what is wrong. */
static int open_input(struct chain *chain, const char *path) {
  int code = input_open(&chain->input, path);
  if (code != TOOL_OK) return code;
  respool_error error;
  if (!input_stream(&chain->input, &chain->reading, &chain->stream, &error)) {
    report_error(chain->input.name, "%s", error.message);
    input_close(&chain->input);
    return TOOL_FAILED;
  }
  struct ArrowSchema schema;
  code = chain->stream.get_schema(&chain->stream, &schema);
  if (code == 0) {
    code = accept_schema(chain, &schema);
  } else {
    report_error(chain->input.name, "%s", input_stream_error(&chain->stream, code));
    code = TOOL_FAILED;
  }
  if (code != TOOL_OK) close_current(chain);
  return code;
}

static int chain_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema) {
  struct chain *chain = stream->private_data;
  return chain->stream.get_schema(&chain->stream, schema);
}

/* Batches of the current input, then of the next ones. */
static int chain_get_next(struct ArrowArrayStream *stream, struct ArrowArray *array) {
  struct chain *chain = stream->private_data;
  for (;;) {
    int answer = chain->stream.get_next(&chain->stream, array);
    if (answer != 0 || array->release || chain->next == chain->count) return answer;
    close_current(chain);
    chain->code = open_input(chain, chain->paths[chain->next++]);
    if (chain->code != TOOL_OK) return EIO;
  }
}

static const char *chain_get_last_error(struct ArrowArrayStream *stream) {
  struct chain *chain = stream->private_data;
  return chain->stream.release ? input_stream_error(&chain->stream, EIO) : NULL;
}

static void chain_release(struct ArrowArrayStream *stream) {
  struct chain *chain = stream->private_data;
  close_current(chain);
  stream->release = NULL;
}

/*
 * Find what is wrong with inputs before anything is written, as far as that is possible without waiting: a FIFO or
 * standard input is left alone.
 */
static int check_inputs(struct chain *chain) {
  struct identity out = identity_of_descriptor(1);
  for (int i = 0; i < chain->count; i++) {
    const char *path = chain->paths[i];
    bool standard = input_is_standard(path);
    struct identity in = standard ? identity_of_descriptor(0) : identity_of_path(path);
    if (identity_equal(&in, &out)) {
      report_error(path, "is also the output: write to another file");
      return TOOL_USAGE;
    }
    struct stat status;
    if (standard || (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))) continue;
    int code = open_input(chain, path);
    if (code != TOOL_OK) return code;
    close_current(chain);
  }
  /* Which input is first is decided again while reading, as inputs that were left alone come in. */
  if (chain->schema.release) chain->schema.release(&chain->schema);
  return TOOL_OK;
}

static int write_chain(struct chain *chain) {
  int code = open_input(chain, chain->paths[chain->next++]);
  if (code != TOOL_OK) return code;
  struct ArrowArrayStream stream = {chain_get_schema, chain_get_next, chain_get_last_error, chain_release, chain};
  respool_error error;
  code = output_stream(&stream, &chain->writing, &error);
  if (chain->code == TOOL_OK && error.status == RESPOOL_SOURCE_FAILED) {
    report_error(chain->input.name, "%s", error.message);
  }
  stream.release(&stream);
  return code;
}

static int run(struct chain *chain) {
  int code = output_check();
  if (code == TOOL_OK) code = check_inputs(chain);
  if (code == TOOL_OK) code = write_chain(chain);
  if (chain->schema.release) chain->schema.release(&chain->schema);
  return code;
}

static bool standard_input_twice(const struct chain *chain) {
  int uses = 0;
  for (int i = 0; i < chain->count; i++) uses += input_is_standard(chain->paths[i]);
  return uses > 1;
}

/* Fill `chain` from the arguments. False: there is nothing to do, and `*code` is the exit code. */
static bool parse(struct chain *chain, int argc, char **argv, int *code) {
  struct options options;
  const char *value;
  *code = TOOL_USAGE;
  options_begin(&options, specs, argc, argv);
  for (;;) {
    int id = options_next(&options, &value);
    switch (id) {
    case OPTIONS_END:
      if (chain->count == 0) chain->paths[chain->count++] = "-";
      if (!standard_input_twice(chain)) return true;
      *code = report_usage("standard input can be read only once");
      return false;
    case OPTIONS_OPERAND:
      chain->paths[chain->count++] = value;
      break;
    case OPTION_ALLOW_MISSING_END:
      chain->reading.allow_missing_end = true;
      break;
    case OPTION_COMPRESS:
      if (compression_parse("--compress", value, &chain->writing) >= 0) return false;
      break;
    case OPTION_MAX_EXPANSION:
      if (input_parse_expansion(&chain->reading, value) >= 0) return false;
      break;
    case OPTIONS_BAD:
      return false;
    default:
      *code = options_standard(id, help);
      return false;
    }
  }
}

int command_cat(int argc, char **argv) {
  respool_ipc_write_options writing;
  respool_ipc_write_options_init(&writing, sizeof writing);
  struct chain chain = {.writing = writing};
  chain.paths = calloc((size_t)argc + 1, sizeof *chain.paths);
  if (!chain.paths) {
    report_errno(NULL, "arguments", ENOMEM);
    return TOOL_FAILED;
  }
  int code;
  if (parse(&chain, argc, argv, &code)) code = run(&chain);
  free(chain.paths);
  return code;
}
