/* SPDX-License-Identifier: Apache-2.0 */
/* respool tee: the outputs, each with a thread of its own. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "report.h"
#include "tee.h"
#include "tool.h"

static bool is_over(int state) {
  return state != TEE_OPENING && state != TEE_WRITING;
}

/* ---- Before anything is opened ---- */

static int refuse_same(const char *name, const char *other) {
  return report_usage("%s is the same file as %s: name another output", name, other);
}

static int check_stdout(const struct tee_output *output) {
  for (const struct tee_output *other = output->tee->outputs; other < output; other++) {
    if (!other->path) return report_usage("'-o -' can be given only once");
  }
  if (!isatty(STDOUT_FILENO)) return TOOL_OK;
  return report_usage("standard output is a terminal, and Arrow data is binary: redirect it, or give -o or --path");
}

/* Compare with the input, with --path and with the outputs before this one. */
static int check_same(const struct tee_output *output, const struct identity *path) {
  const struct tee *tee = output->tee;
  if (identity_equal(&output->identity, &tee->input_identity)) return refuse_same(output->name, "the input");
  if (identity_equal(&output->identity, path)) return refuse_same(output->name, "--path");
  for (const struct tee_output *other = tee->outputs; other < output; other++) {
    if (identity_equal(&output->identity, &other->identity)) return refuse_same(output->name, other->name);
  }
  return TOOL_OK;
}

static int check_output(struct tee_output *output, const struct identity *path) {
  if (!output->path) {
    int code = check_stdout(output);
    if (code != TOOL_OK) return code;
    output->identity = identity_of_descriptor(STDOUT_FILENO);
  } else {
    output->identity = identity_of_path(output->path);
  }
  return check_same(output, path);
}

/* A file that exists is never overwritten by the spool; say so before the mode on-limit finds it after a gigabyte. */
static int check_path(const struct tee *tee, struct identity *identity) {
  struct stat status;
  if (!tee->options.path) return TOOL_OK;
  *identity = identity_of_path(tee->options.path);
  if (identity_equal(identity, &tee->input_identity)) return refuse_same("--path", "the input");
  if (lstat(tee->options.path, &status) != 0) return TOOL_OK;
  report_error(tee->options.path, "exists already, and --path never overwrites: remove it or choose another name");
  return TOOL_FAILED;
}

int tee_outputs_check(struct tee *tee) {
  struct identity path = {0};
  int code = check_path(tee, &path);
  for (int i = 0; code == TOOL_OK && i < tee->output_count; i++) {
    struct tee_output *output = &tee->outputs[i];
    const char *name = tee->options.outputs[i];
    bool standard = input_is_standard(name);
    output->tee = tee;
    output->name = standard ? "standard output" : name;
    output->path = standard ? NULL : name;
    output->fd = -1;
    code = check_output(output, &path);
  }
  return code;
}

void tee_outputs_release_fifos(const struct tee *tee) {
  struct stat status;
  for (int i = 0; i < tee->output_count; i++) {
    const char *path = tee->outputs[i].path;
    if (!path || stat(path, &status) != 0 || !S_ISFIFO(status.st_mode)) continue;
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) close(fd);
  }
}

/* ---- One output's thread ---- */

/* What a path led to may differ from what the check saw. True if it is a file that is in use here already. */
static bool is_taken(struct tee_output *output, const struct stat *status) {
  struct tee *tee = output->tee;
  struct identity identity = identity_of_status(status);
  bool taken = identity_equal(&identity, &tee->input_identity);
  if (!taken && tee->options.path) {
    struct identity path = identity_of_path(tee->options.path);
    taken = identity_equal(&identity, &path);
  }
  pthread_mutex_lock(&tee->lock);
  for (int i = 0; i < tee->output_count && !taken; i++) {
    struct tee_output *other = &tee->outputs[i];
    taken = other != output && identity_equal(&identity, &other->identity);
  }
  if (!taken) output->identity = identity;
  pthread_mutex_unlock(&tee->lock);
  return taken;
}

/* Check what was opened, and only then cut it. */
static bool prepare_file(struct tee_output *output) {
  struct stat status;
  if (fstat(output->fd, &status) != 0) {
    report_errno(output->name, "cannot be written", errno);
    return false;
  }
  if (is_taken(output, &status)) {
    report_error(output->name, "is a file that is in use here already: name another output");
    return false;
  }
  if (isatty(output->fd)) {
    report_error(output->name, "is a terminal, and Arrow data is binary: name a file");
    return false;
  }
  if (!S_ISREG(status.st_mode) || status.st_size == 0 || ftruncate(output->fd, 0) == 0) return true;
  report_errno(output->name, "cannot be emptied", errno);
  return false;
}

/* Blocks while a FIFO has no reader. */
static bool open_output(struct tee_output *output) {
  if (!output->path) {
    output->fd = STDOUT_FILENO;
    return true;
  }
  do {
    output->fd = open(output->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
  } while (output->fd < 0 && errno == EINTR);
  if (output->fd < 0) {
    report_errno(output->name, "cannot be opened for writing", errno);
    return false;
  }
  return prepare_file(output);
}

/* The descriptor may be non-blocking: a pipe that we share with somebody else. */
static int64_t write_bytes(void *user_data, const void *buffer, int64_t size) {
  struct tee_output *output = user_data;
  for (;;) {
    ssize_t count = write(output->fd, buffer, (size_t)size);
    if (count > 0) {
      atomic_fetch_add(&output->bytes, count);
      return count;
    }
    if (count == 0 || errno == EAGAIN || errno == EWOULDBLOCK) {
      struct pollfd fd = {.fd = output->fd, .events = POLLOUT};
      poll(&fd, 1, -1);
    } else if (errno != EINTR) {
      return -errno;
    }
  }
}

/* Ends with an error only after everything that was accepted. */
static bool open_replay(struct tee_output *output) {
  respool_reader_options options;
  respool_reader *reader;
  respool_error error;
  respool_reader_options_init(&options, sizeof options);
  options.errors = RESPOOL_ERRORS_IN_ORDER;
  respool_status status = respool_reader_open(output->tee->spool, &options, &reader, &error);
  if (status == RESPOOL_OK) {
    status = respool_reader_export(reader, &output->replay, &error);
    if (status != RESPOOL_OK) respool_reader_close(reader);
  }
  if (status != RESPOOL_OK) {
    report_error(output->name, "%s", error.message);
    return false;
  }
  output->reader = reader; /* there are no threads yet */
  return true;
}

int tee_outputs_prepare(struct tee *tee) {
  for (int i = 0; i < tee->output_count; i++) {
    if (!open_replay(&tee->outputs[i])) return TOOL_FAILED;
  }
  return TOOL_OK;
}

/* From now on nothing is kept for this output. */
static void close_replay(struct tee_output *output) {
  pthread_mutex_lock(&output->tee->lock);
  output->reader = NULL;
  pthread_mutex_unlock(&output->tee->lock);
  if (output->replay.release) output->replay.release(&output->replay);
}

int64_t tee_outputs_movement(const struct tee *tee) {
  int64_t movement = 0;
  for (int i = 0; i < tee->output_count; i++) {
    const struct tee_output *output = &tee->outputs[i];
    movement += atomic_load(&output->bytes) + atomic_load(&output->state);
  }
  return movement;
}

/* Whether the replay has given everything there will ever be: then its error is the producer's, said already. */
static bool has_everything(struct tee_output *output) {
  respool_stats stats;
  if (!tee_stats(output->tee, &stats) || stats.state == RESPOOL_OPEN) return false;
  return respool_reader_position(output->reader) == stats.batches;
}

/* What the end of writing means. */
static int judge(struct tee_output *output, respool_status status, const respool_error *error) {
  if (status == RESPOOL_OK) return TEE_DONE;
  if (status == RESPOOL_IO && error->os_error == EPIPE) return TEE_CLOSED_EARLY;
  if (status == RESPOOL_SOURCE_FAILED && has_everything(output)) return TEE_INCOMPLETE;
  report_error(output->name, "%s", error->message);
  return TEE_FAILED;
}

static int write_replay(struct tee_output *output) {
  respool_ipc_totals totals = {.struct_size = sizeof totals};
  respool_error error = {0};
  channel_widen(output->fd);
  atomic_store(&output->state, TEE_WRITING);
  respool_status status =
      respool_ipc_write(&output->replay, write_bytes, output, &output->tee->options.writing, &totals, &error);
  int state = judge(output, status, &error);
  output->batches = totals.batches;
  output->rows = totals.rows;
  return state;
}

/* Some file systems tell only at the end that the disk is full. */
static int close_output(struct tee_output *output, int state) {
  if (output->fd < 0 || close(output->fd) == 0 || errno == EINTR || state == TEE_FAILED) return state;
  report_errno(output->name, "cannot be written", errno);
  return TEE_FAILED;
}

/* Once nobody wants batches any more, and no file keeps them, the input need not be read on. */
static void leave(struct tee_output *output, int state) {
  struct tee *tee = output->tee;
  close_replay(output);
  atomic_store(&output->state, state);
  pthread_mutex_lock(&tee->lock);
  bool last = --tee->outputs_left == 0;
  pthread_mutex_unlock(&tee->lock);
  if (last && !tee->options.path) tee_source_stop(&tee->source);
}

static void *run_output(void *argument) {
  struct tee_output *output = argument;
  int state = open_output(output) ? write_replay(output) : TEE_FAILED;
  leave(output, close_output(output, state));
  return NULL;
}

void tee_outputs_start(struct tee *tee) {
  for (int i = 0; i < tee->output_count; i++) {
    struct tee_output *output = &tee->outputs[i];
    int code = pthread_create(&output->thread, NULL, run_output, output);
    output->started = code == 0;
    if (code == 0) continue;
    report_errno(output->name, "no thread for it", code);
    leave(output, TEE_FAILED);
  }
}

int tee_outputs_join(struct tee *tee) {
  int code = TOOL_OK;
  for (int i = 0; i < tee->output_count; i++) {
    struct tee_output *output = &tee->outputs[i];
    if (output->started) pthread_join(output->thread, NULL);
    int state = atomic_load(&output->state);
    if (!is_over(state) || state == TEE_FAILED || state == TEE_INCOMPLETE) code = TOOL_FAILED;
  }
  return code;
}
