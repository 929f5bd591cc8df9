/* SPDX-License-Identifier: Apache-2.0 */
/* respool tee: the input, as a stream that another thread can end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "report.h"
#include "tee.h"
#include "tool.h"

/* Wait until the input has bytes (or has ended), or somebody stops the source. A negative errno value if not. */
static int wait_for_bytes(struct tee_source *source) {
  struct pollfd fds[2] = {{.fd = source->input->fd, .events = POLLIN}, {.fd = source->wake[0], .events = POLLIN}};
  for (;;) {
    int ready = poll(fds, 2, -1);
    if (atomic_load(&source->stopped)) return -ECANCELED;
    if (ready > 0 && fds[0].revents != 0) return 0;
    if (ready < 0 && errno != EINTR && errno != EAGAIN) return -errno;
  }
}

static int64_t read_bytes(void *user_data, void *buffer, int64_t size) {
  struct tee_source *source = user_data;
  for (;;) {
    int waited = wait_for_bytes(source);
    if (waited != 0) return waited;
    ssize_t count = read(source->input->fd, buffer, (size_t)size);
    if (count >= 0) return count;
    if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) return -errno;
  }
}

/* A file is read through its descriptor, so that the footer of the file format is found; it never makes us wait. */
static respool_status open_inner(struct tee_source *source, const struct input_options *reading, respool_error *error) {
  respool_ipc_options options;
  input_ipc_options(&options, reading);
  if (source->input->seekable) return respool_ipc_read_fd(source->input->fd, &options, &source->inner, error);
  return respool_ipc_read(read_bytes, source, &options, &source->inner, error);
}

int tee_source_open(struct tee_source *source, const struct input *input, const struct input_options *reading) {
  *source = (struct tee_source){.input = input};
  if (pipe(source->wake) != 0) {
    report_errno(input->name, "no pipe for waiting", errno);
    return TOOL_FAILED;
  }
  fcntl(source->wake[0], F_SETFD, FD_CLOEXEC);
  fcntl(source->wake[1], F_SETFD, FD_CLOEXEC);
  respool_error error;
  if (open_inner(source, reading, &error) == RESPOOL_OK) return TOOL_OK;
  report_error(input->name, "%s", error.message);
  tee_source_close(source);
  return TOOL_FAILED;
}

void tee_source_close(struct tee_source *source) {
  if (source->inner.release) source->inner.release(&source->inner);
  close(source->wake[0]);
  close(source->wake[1]);
}

void tee_source_stop(struct tee_source *source) {
  if (atomic_exchange(&source->stopped, true)) return;
  /* One byte in an empty pipe always fits. */
  while (write(source->wake[1], "", 1) < 0 && errno == EINTR) continue;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct tee_source *source = stream->private_data;
  return source->inner.get_schema(&source->inner, out);
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct tee_source *source = stream->private_data;
  if (source->on_batch) source->on_batch(source->user_data);
  int answer = 0;
  *out = (struct ArrowArray){0};
  if (!atomic_load(&source->stopped)) answer = source->inner.get_next(&source->inner, out);
  if (!atomic_load(&source->stopped)) return answer;
  /* Nobody wants more: whatever came, even an error, is the end. */
  if (answer == 0 && out->release) out->release(out);
  *out = (struct ArrowArray){0};
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  struct tee_source *source = stream->private_data;
  return source->inner.get_last_error(&source->inner);
}

/* The source itself lives on. */
static void release(struct ArrowArrayStream *stream) {
  stream->release = NULL;
}

struct ArrowArrayStream tee_source_stream(struct tee_source *source) {
  return (struct ArrowArrayStream){get_schema, get_next, get_last_error, release, source};
}
