/* SPDX-License-Identifier: Apache-2.0 */
/* A stream that passes another one on and looks at all that goes through. */
#include "relay.h"

#include "walk.h"

void relay_open(relay *r, struct ArrowArrayStream *source, bool walk) {
  r->source = *source;
  r->walk = walk;
  r->batches = r->rows = 0;
  r->code = 0;
  source->release = NULL;
  int code = r->source.get_schema(&r->source, &r->schema);
  FUZZ_CHECK(code == 0, "get_schema answered %d", code);
}

void relay_close(relay *r) {
  r->schema.release(&r->schema);
  r->source.release(&r->source);
}

/* The answer to everything after an error or the end is the same again. */
static void check_again(relay *r) {
  struct ArrowArray array = {0};
  int code = r->source.get_next(&r->source, &array);
  FUZZ_CHECK(code == r->code, "get_next answered %d and then %d", r->code, code);
  FUZZ_CHECK(array.release == NULL, "a batch after the last one");
}

bool relay_next(relay *r, struct ArrowArray *array) {
  *array = (struct ArrowArray){0};
  r->code = r->source.get_next(&r->source, array);
  if (r->code != 0) {
    FUZZ_CHECK(array->release == NULL, "an error and a batch");
    fuzz_check_text(r->source.get_last_error(&r->source));
  }
  if (array->release == NULL) {
    check_again(r);
    return false;
  }
  if (r->walk) walk_batch(&r->schema, array);
  r->batches++;
  r->rows += array->length;
  return true;
}

static int stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  relay *r = stream->private_data;
  return r->source.get_schema(&r->source, out);
}

static int stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  relay *r = stream->private_data;
  relay_next(r, out);
  return r->code;
}

static const char *stream_error(struct ArrowArrayStream *stream) {
  relay *r = stream->private_data;
  return r->source.get_last_error(&r->source);
}

static void stream_release(struct ArrowArrayStream *stream) {
  stream->release = NULL;
}

struct ArrowArrayStream relay_stream(relay *r) {
  return (struct ArrowArrayStream){.get_schema = stream_schema,
                                   .get_next = stream_next,
                                   .get_last_error = stream_error,
                                   .release = stream_release,
                                   .private_data = r};
}
