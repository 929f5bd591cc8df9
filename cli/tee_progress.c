/* SPDX-License-Identifier: Apache-2.0 */
/* respool tee: the progress line. A thread draws it; `lock` guards `stopping`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "tee.h"
#include "text.h"

#define LINE_SIZE           1024
#define REFRESH_NANOSECONDS 200000000L

struct tee_progress {
  struct tee *tee;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t stop;
  bool stopping;
  double seconds; /* of the last drawing ... */
  int64_t bytes;
  double rate; /* smoothed, bytes a second */
};

/* Text added to a line of LINE_SIZE bytes; what does not fit is left out. */
struct line {
  char text[LINE_SIZE];
  size_t used;
};

static void add(struct line *line, const char *text) {
  size_t length = strlen(text);
  if (line->used + length >= sizeof line->text) return;
  memcpy(line->text + line->used, text, length + 1);
  line->used += length;
}

static void add_size(struct line *line, const char *before, int64_t bytes) {
  char size[32];
  text_size(size, sizeof size, bytes);
  add(line, before);
  add(line, size);
}

static void add_name(struct line *line, const struct tee_output *output) {
  char shown[24];
  const char *path = output->path ? output->path : "-";
  const char *slash = strrchr(path, '/');
  const char *name = slash && slash[1] ? slash + 1 : path;
  text_escape(shown, sizeof shown, name, strlen(name), false);
  add(line, " | ");
  add(line, shown);
}

/* How far an output is: batches that it has taken, of those that there are. */
static void add_output(struct line *line, struct tee_output *output, int64_t batches) {
  char percent[32];
  int state = atomic_load(&output->state);
  add_name(line, output);
  if (state != TEE_OPENING && state != TEE_WRITING && state != TEE_DONE) {
    add(line, state == TEE_CLOSED_EARLY ? " closed" : state == TEE_FAILED ? " failed" : " incomplete");
    return;
  }
  if (state == TEE_OPENING) {
    add(line, " waiting");
    return;
  }
  pthread_mutex_lock(&output->tee->lock);
  int64_t taken = output->reader ? respool_reader_position(output->reader) : batches;
  pthread_mutex_unlock(&output->tee->lock);
  /* Newer than the snapshot, `taken` may exceed it. */
  int64_t part = batches > 0 && taken < batches ? (int64_t)(100.0 * (double)taken / (double)batches) : 100;
  snprintf(percent, sizeof percent, " %d%%", batches > 0 ? (int)part : 0);
  add(line, percent);
}

/* Bytes a second that arrive, half of it from before. */
static void measure_rate(struct tee_progress *progress, int64_t bytes) {
  double seconds = tee_elapsed(progress->tee);
  double passed = seconds - progress->seconds;
  if (passed <= 0) return;
  double rate = (double)(bytes - progress->bytes) / passed;
  progress->rate = progress->seconds > 0 ? (progress->rate + rate) / 2 : rate;
  progress->seconds = seconds;
  progress->bytes = bytes;
}

static void draw(struct tee_progress *progress) {
  struct line line = {.used = 0};
  respool_stats stats;
  struct tee *tee = progress->tee;
  if (!tee_stats(tee, &stats)) return;
  add_size(&line, "in ", stats.bytes_appended);
  if (stats.state == RESPOOL_OPEN) {
    measure_rate(progress, stats.bytes_appended);
    add_size(&line, " at ", (int64_t)progress->rate);
    add(&line, "/s");
  } else {
    add(&line, " complete");
  }
  add_size(&line, ", resident ", stats.bytes_charged);
  add_size(&line, ", stored ", stats.bytes_stored);
  for (int i = 0; i < tee->output_count; i++) add_output(&line, &tee->outputs[i], stats.batches);
  report_progress(line.text);
}

static struct timespec next_refresh(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  at.tv_nsec += REFRESH_NANOSECONDS;
  if (at.tv_nsec >= 1000000000) {
    at.tv_nsec -= 1000000000;
    at.tv_sec++;
  }
  return at;
}

/* Wait for the next refresh. False: it is time to stop. */
static bool wait_for_refresh(struct tee_progress *progress) {
  struct timespec until = next_refresh();
  pthread_mutex_lock(&progress->lock);
  int code = 0;
  while (!progress->stopping && code != ETIMEDOUT)
    code = pthread_cond_timedwait(&progress->stop, &progress->lock, &until);
  bool go_on = !progress->stopping;
  pthread_mutex_unlock(&progress->lock);
  return go_on;
}

static void *run_progress(void *argument) {
  struct tee_progress *progress = argument;
  do {
    draw(progress);
  } while (wait_for_refresh(progress));
  report_progress_end();
  return NULL;
}

static void free_progress(struct tee_progress *progress) {
  pthread_cond_destroy(&progress->stop);
  pthread_mutex_destroy(&progress->lock);
  free(progress);
}

/* A terminal that can go back to the start of a line and erase the rest. */
static bool is_capable_terminal(void) {
  const char *kind = getenv("TERM");
  return isatty(STDERR_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
}

struct tee_progress *tee_progress_start(struct tee *tee) {
  if (tee->options.quiet || tee->options.no_progress || !is_capable_terminal()) return NULL;
  struct tee_progress *progress = calloc(1, sizeof *progress);
  if (!progress) return NULL;
  progress->tee = tee;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&progress->stop, &attributes);
  pthread_condattr_destroy(&attributes);
  pthread_mutex_init(&progress->lock, NULL);
  if (pthread_create(&progress->thread, NULL, run_progress, progress) == 0) return progress;
  free_progress(progress);
  return NULL;
}

void tee_progress_stop(struct tee_progress *progress) {
  if (!progress) return;
  pthread_mutex_lock(&progress->lock);
  progress->stopping = true;
  pthread_cond_signal(&progress->stop);
  pthread_mutex_unlock(&progress->lock);
  pthread_join(progress->thread, NULL);
  free_progress(progress);
}
