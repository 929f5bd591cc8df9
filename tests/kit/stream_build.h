/* SPDX-License-Identifier: Apache-2.0 */
/* ArrowArrayStreams for tests: over given batches, ending or failing, and counting what is asked of them. */
#ifndef RESPOOL_TESTS_KIT_STREAM_BUILD_H
#define RESPOOL_TESTS_KIT_STREAM_BUILD_H

#include <respool/respool.h>

/* What was asked of a stream so far; belongs to the test and must outlive the stream. */
typedef struct kit_stream_log {
  int get_schema;
  int get_next;
  int released;
} kit_stream_log;

typedef struct kit_stream_options {
  const struct ArrowSchema *schema; /* copied */
  struct ArrowArray *batches;       /* moved in; those never asked for are released with the stream */
  int64_t count;
  int fail_code;         /* errno value to answer in place of the end, 0 none */
  const char *fail_text; /* text that goes with it, NULL none. Must outlive the stream */
  int schema_code;       /* errno value that get_schema answers, 0 none */
  kit_stream_log *log;   /* may be NULL */
} kit_stream_options;

void kit_stream_from(const kit_stream_options *options, struct ArrowArrayStream *stream);

/* Streams of this kit not yet released. */
int64_t kit_live_streams(void);

#endif
