/* SPDX-License-Identifier: Apache-2.0 */
/* respool tee: the numbers of --stats. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "json.h"
#include "report.h"
#include "tee.h"

bool tee_stats(const struct tee *tee, respool_stats *stats) {
  stats->struct_size = sizeof *stats;
  return respool_get_stats(tee->spool, stats, NULL) == RESPOOL_OK;
}

double tee_elapsed(const struct tee *tee) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)(now.tv_sec - tee->began.tv_sec) + (double)(now.tv_nsec - tee->began.tv_nsec) / 1e9;
}

const char *tee_state_words(int state) {
  switch (state) {
  case TEE_OPENING:
    return "opening";
  case TEE_WRITING:
    return "writing";
  case TEE_DONE:
    return "done";
  case TEE_CLOSED_EARLY:
    return "closed_early";
  case TEE_INCOMPLETE:
    return "incomplete";
  default:
    return "failed";
  }
}

static const char *spool_state_words(int32_t state) {
  switch (state) {
  case RESPOOL_OPEN:
    return "open";
  case RESPOOL_FINISHED:
    return "finished";
  case RESPOOL_FAILED:
    return "failed";
  default:
    return "abandoned";
  }
}

static const char *mode_words(int32_t mode) {
  switch (mode) {
  case RESPOOL_MODE_OVERFLOW:
    return "overflow";
  case RESPOOL_MODE_ON_LIMIT:
    return "on-limit";
  default:
    return "all";
  }
}

/* Bytes of memory that the process had at most. */
static int64_t peak_rss(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#ifdef __APPLE__
  return usage.ru_maxrss;
#else
  return (int64_t)usage.ru_maxrss * 1024;
#endif
}

static void spool_json(struct json *json, const respool_stats *stats) {
  json_string(json, "state", spool_state_words(stats->state));
  json_string(json, "mode", mode_words(stats->mode));
  json_number(json, "memory_limit", stats->memory_limit);
  json_number(json, "batches", stats->batches);
  json_number(json, "rows", stats->rows);
  json_number(json, "batches_resident", stats->batches_resident);
  json_number(json, "batches_stored", stats->batches_stored);
  json_number(json, "batches_compressed", stats->batches_compressed);
  json_number(json, "bytes_appended", stats->bytes_appended);
  json_number(json, "bytes_charged", stats->bytes_charged);
  json_number(json, "bytes_charged_peak", stats->bytes_charged_peak);
  json_number(json, "bytes_pinned", stats->bytes_pinned);
  json_number(json, "bytes_stored", stats->bytes_stored);
  json_number(json, "bytes_written", stats->bytes_written);
  json_number(json, "bytes_on_disk", stats->bytes_on_disk);
  json_number(json, "batches_dropped", stats->batches_dropped);
  json_number(json, "bytes_catalog", stats->bytes_catalog);
  json_number(json, "bytes_mapped", stats->bytes_mapped);
  json_number(json, "bytes_read_buffers", stats->bytes_read_buffers);
  json_number(json, "readers", stats->readers);
  json_number(json, "readers_waiting", stats->readers_waiting);
  json_number(json, "write_failures", stats->write_failures);
  json_bool(json, "file_exists", stats->file_exists);
  json_bool(json, "memory_backed", stats->memory_backed);
}

static void output_json(struct json *json, const struct tee_output *output) {
  json_object(json, NULL);
  json_string(json, "name", output->path ? output->path : "-");
  json_string(json, "state", tee_state_words(atomic_load(&output->state)));
  json_number(json, "batches", output->batches);
  json_number(json, "rows", output->rows);
  json_number(json, "bytes", atomic_load(&output->bytes));
  json_object_end(json);
}

static void write_json(FILE *out, const struct tee *tee, const respool_stats *stats) {
  struct json json;
  json_begin(&json, out);
  json_object(&json, NULL);
  spool_json(&json, stats);
  json_array(&json, "outputs");
  for (int i = 0; i < tee->output_count; i++) output_json(&json, &tee->outputs[i]);
  json_array_end(&json);
  json_seconds(&json, "elapsed_seconds", tee_elapsed(tee));
  json_number(&json, "peak_rss_bytes", peak_rss());
  json_object_end(&json);
  putc('\n', out);
}

void tee_stats_print(const struct tee *tee) {
  respool_stats stats;
  if (!tee_stats(tee, &stats)) {
    report_error(NULL, "the spool gave no statistics");
    return;
  }
  /* Standard error is unbuffered, but an object of one line should be written in one piece. */
  char *text = NULL;
  size_t length = 0;
  FILE *memory = open_memstream(&text, &length);
  write_json(memory ? memory : stderr, tee, &stats);
  if (!memory) return;
  if (fclose(memory) == 0) fwrite(text, 1, length, stderr);
  free(text);
}
