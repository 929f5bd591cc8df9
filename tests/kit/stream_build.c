/* SPDX-License-Identifier: Apache-2.0 */
/* ArrowArrayStreams over given batches. */
#include "stream_build.h"

#include "check.h"
#include "schema_build.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef struct source {
  kit_stream_options options;
  struct ArrowSchema schema;
  int64_t next;
  const char *error;
} source;

static atomic_llong live;

int64_t kit_live_streams(void) {
  return atomic_load(&live);
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  source *s = stream->private_data;
  if (s->options.log != NULL) s->options.log->get_schema++;
  if (s->options.schema_code != 0) {
    s->error = s->options.fail_text;
    return s->options.schema_code;
  }
  kit_schema_copy(&s->schema, out);
  return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  source *s = stream->private_data;
  if (s->options.log != NULL) s->options.log->get_next++;
  if (s->next < s->options.count) {
    *out = s->options.batches[s->next++];
    return 0;
  }
  s->error = s->options.fail_code != 0 ? s->options.fail_text : NULL;
  if (s->options.fail_code == 0) out->release = NULL;
  return s->options.fail_code;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  return ((source *)stream->private_data)->error;
}

static void release_stream(struct ArrowArrayStream *stream) {
  source *s = stream->private_data;
  if (s->options.log != NULL) s->options.log->released++;
  for (int64_t i = s->next; i < s->options.count; i++) s->options.batches[i].release(&s->options.batches[i]);
  free(s->options.batches);
  s->schema.release(&s->schema);
  free(s);
  stream->release = NULL;
  atomic_fetch_sub(&live, 1);
}

void kit_stream_from(const kit_stream_options *options, struct ArrowArrayStream *stream) {
  source *s = calloc(1, sizeof *s);
  struct ArrowArray *batches = calloc((size_t)options->count + 1, sizeof *batches);
  if (s == NULL || batches == NULL) kit_die("no memory");
  s->options = *options;
  for (int64_t i = 0; i < options->count; i++) batches[i] = options->batches[i];
  s->options.batches = batches;
  kit_schema_copy(options->schema, &s->schema);
  *stream = (struct ArrowArrayStream){.get_schema = get_schema,
                                      .get_next = get_next,
                                      .get_last_error = get_last_error,
                                      .release = release_stream,
                                      .private_data = s};
  atomic_fetch_add(&live, 1);
}
