/* SPDX-License-Identifier: Apache-2.0 */
/* respool tee: spools its input and replays it to every output. This file: the order of things. */
#include "tee.h"

#include <errno.h>
#include <stdlib.h>

#include "report.h"
#include "tool.h"

/* Spilling to memory saves nothing; the user should know, once. */
static void warn_if_memory_backed(struct tee *tee, const respool_stats *stats) {
  if (!stats->memory_backed || atomic_flag_test_and_set(&tee->memory_warned)) return;
  const char *where = tee->options.path ? tee->options.path : tee->options.directories[0];
  report_warning(where,
                 "the spool file lies in memory (tmpfs), so that it saves none: name a directory on a disk with %s",
                 tee->options.path ? "--path" : "-d");
}

/* Before each pull, until the file is there and has been looked at. */
static void look_at_file(void *user_data) {
  struct tee *tee = user_data;
  respool_stats stats;
  if (!tee_stats(tee, &stats) || !stats.file_exists) return;
  warn_if_memory_backed(tee, &stats);
  tee->source.on_batch = NULL;
}

/* How long the spool waits for room before the outputs are looked at. */
static const int64_t LOOK_EVERY = 1000000000;

static int create_spool(struct tee *tee, const struct ArrowSchema *schema) {
  respool_options options;
  respool_error error;
  respool_options_init(&options, sizeof options);
  options.memory_limit = tee->options.memory_limit;
  options.mode = tee->options.mode;
  options.path = tee->options.path;
  options.directory = tee->options.directories[0];
  if (tee->options.directory_count > 1) options.more_directories = tee->options.directories + 1;
  options.disk_budget = tee->options.disk_budget;
  if (!tee->options.path) options.full_timeout = LOOK_EVERY;
  options.compression = tee->options.spooling.compression;
  options.compression_level = tee->options.spooling.compression_level;
  options.checksums = tee->options.checksums;
  options.encryption = tee->options.encryption;
  respool_status status = respool_create(schema, &options, &tee->spool, &tee->writer, &error);
  if (status == RESPOOL_OK) return TOOL_OK;
  bool of_input = status == RESPOOL_UNSUPPORTED || status == RESPOOL_INVALID;
  report_error(of_input ? tee->input.name : "spool", "%s", error.message);
  return TOOL_FAILED;
}

/* A spool for what the source brings. */
static int prepare_spool(struct tee *tee) {
  struct ArrowSchema schema;
  struct ArrowArrayStream stream = tee_source_stream(&tee->source);
  int answer = stream.get_schema(&stream, &schema);
  if (answer != 0) {
    report_error(tee->input.name, "%s", input_stream_error(&stream, answer));
    return TOOL_FAILED;
  }
  int code = create_spool(tee, &schema);
  schema.release(&schema);
  return code;
}

/* Outputs that take something make room, as long as it is not a file to keep. */
struct patience {
  bool warned;
  int64_t movement;
  int64_t still; /* for so many looks */
};

/* Whether the spool found no room, and an output that still moves may make some. */
static bool is_to_wait(struct tee *tee, struct patience *patience, respool_status status) {
  if ((status != RESPOOL_NO_SPACE && status != RESPOOL_OVER_BUDGET) || tee->options.path) return false;
  int64_t movement = tee_outputs_movement(tee);
  patience->still = movement == patience->movement ? patience->still + 1 : 0;
  patience->movement = movement;
  if (patience->still >= tee->options.patience) return false;
  if (status == RESPOOL_OVER_BUDGET) return true; /* as was asked for */
  if (!patience->warned) report_warning("spool", "the disk is full: waiting for the outputs to make room");
  patience->warned = true;
  return true;
}

/* A batch that found no room is with the writer, and goes in first. */
static respool_status append_input(struct tee *tee, struct patience *patience, respool_error *error) {
  struct ArrowArrayStream stream = tee_source_stream(&tee->source);
  respool_status status;
  do {
    status = respool_writer_append_stream(tee->writer, &stream, error);
  } while (is_to_wait(tee, patience, status));
  return status;
}

static respool_status finish(struct tee *tee, struct patience *patience, respool_error *error) {
  respool_status status;
  do {
    status = respool_writer_finish(tee->writer, error);
  } while (is_to_wait(tee, patience, status));
  return status;
}

/* Pull the input to its end. Failing tells the outputs' threads, which then end in their turn. */
static int pull_input(struct tee *tee) {
  respool_error error;
  struct patience patience = {.movement = -1};
  respool_status status = append_input(tee, &patience, &error);
  if (status == RESPOOL_OK && atomic_load(&tee->source.stopped)) return TOOL_OK;
  if (status == RESPOOL_OK) status = finish(tee, &patience, &error);
  if (status == RESPOOL_OK) return TOOL_OK;
  if (status == RESPOOL_SOURCE_FAILED) {
    report_error(tee->input.name, "%s", error.message);
  } else {
    const char *advice = status == RESPOOL_NO_SPACE      ? ": free some space, or name another place with -d or --path"
                         : status == RESPOOL_OVER_BUDGET ? ": allow more with --disk-budget"
                                                         : "";
    report_error("spool", "%s%s", error.message, advice);
    respool_writer_fail(tee->writer, status, error.os_error, error.message, NULL);
  }
  return TOOL_FAILED;
}

/* With spool and source ready: the work itself. */
static int replay(struct tee *tee) {
  tee->outputs_left = tee->output_count;
  tee->source.on_batch = look_at_file;
  tee->source.user_data = tee;
  tee_outputs_start(tee);
  struct tee_progress *progress = tee_progress_start(tee);
  int pulled = pull_input(tee);
  respool_writer_close(tee->writer);
  int joined = tee_outputs_join(tee);
  tee_progress_stop(progress);
  respool_stats stats;
  if (tee_stats(tee, &stats)) warn_if_memory_backed(tee, &stats);
  if (tee->options.stats) tee_stats_print(tee);
  return pulled != TOOL_OK ? pulled : joined;
}

/* Every output has its place in the spool before the first batch comes, so that what all have had need not be kept. */
static int prepare_replays(struct tee *tee) {
  int code = tee_outputs_prepare(tee);
  if (code == TOOL_OK) respool_drop_behind(tee->spool, NULL);
  return code;
}

static int run_with_source(struct tee *tee) {
  int code = prepare_spool(tee);
  if (code != TOOL_OK) return code;
  code = prepare_replays(tee);
  if (code == TOOL_OK)
    code = replay(tee);
  else
    respool_writer_close(tee->writer);
  respool_release(tee->spool);
  return code;
}

static int run_with_input(struct tee *tee) {
  tee->input_identity = identity_of_descriptor(tee->input.fd);
  int code = tee_outputs_check(tee);
  if (code != TOOL_OK) return code;
  code = tee_source_open(&tee->source, &tee->input, &tee->options.reading);
  if (code == TOOL_OK) {
    code = run_with_source(tee);
    tee_source_close(&tee->source);
  }
  /* Without a spool no output was opened. */
  if (!tee->spool) tee_outputs_release_fifos(tee);
  return code;
}

static int run(struct tee *tee) {
  clock_gettime(CLOCK_MONOTONIC, &tee->began);
  tee->output_count = tee->options.output_count;
  tee->outputs = calloc((size_t)tee->output_count + 1, sizeof *tee->outputs);
  if (!tee->outputs) {
    report_errno(NULL, "outputs", ENOMEM);
    return TOOL_FAILED;
  }
  int code = input_open(&tee->input, tee->options.input);
  if (code == TOOL_OK) {
    code = run_with_input(tee);
    input_close(&tee->input);
  }
  free(tee->outputs);
  return code;
}

int command_tee(int argc, char **argv) {
  struct tee tee = {.lock = PTHREAD_MUTEX_INITIALIZER, .memory_warned = ATOMIC_FLAG_INIT};
  tee.options.outputs = calloc((size_t)argc + 1, sizeof *tee.options.outputs);
  tee.options.directories = calloc((size_t)argc + 1, sizeof *tee.options.directories);
  if (!tee.options.outputs || !tee.options.directories) {
    free(tee.options.outputs);
    free(tee.options.directories);
    report_errno(NULL, "arguments", ENOMEM);
    return TOOL_FAILED;
  }
  int code = tee_parse(&tee.options, argc, argv);
  if (code < 0) {
    if (tee.options.quiet) report_quiet();
    code = run(&tee);
  }
  free(tee.options.outputs);
  free(tee.options.directories);
  return code;
}
