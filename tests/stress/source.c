/* SPDX-License-Identifier: Apache-2.0 */
/* Where a producer's batches come from when they are not simply made: a stream, or the spool itself. */
#include "program.h"

#include <errno.h>
#include <string.h>

static const char failure_text[] = "the source ran dry";

/* ---- How much one batch adds ----------------------------------------------------------------------- */

void source_measure(program *p) {
  if (p->spool == NULL) return;
  int64_t now = kit_stats(p->spool).bytes_appended;
  if (now - p->producer.appended > p->largest) p->largest = now - p->producer.appended;
  p->producer.appended = now;
}

/* ---- A stream -------------------------------------------------------------------------------------- */

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  kit_schema_copy(&((const program *)stream->private_data)->schema, out);
  return 0;
}

static int end_stream(program *p, struct ArrowArray *out) {
  out->release = NULL;
  if (p->producer.code == 0) return 0;
  p->failure = (respool_error){.status = RESPOOL_SOURCE_FAILED, .os_error = p->producer.code};
  memcpy(p->failure.message, failure_text, sizeof failure_text);
  atomic_store(&p->phase, PHASE_FAILING);
  return p->producer.code;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  program *p = stream->private_data;
  batch_recipe recipe;
  source_measure(p);
  if (p->producer.left == 0 || atomic_load(&p->offered) == p->capacity) return end_stream(p, out);
  p->producer.left--;
  batch_draw(p, &p->producer.random, &recipe, out);
  producer_offer(p, &recipe);
  return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
  return ((const program *)stream->private_data)->producer.code != 0 ? failure_text : NULL;
}

static void release(struct ArrowArrayStream *stream) {
  stream->release = NULL;
}

void source_open(program *p, kit_random *random) {
  producer_state *q = &p->producer;
  q->left = kit_random_below(random, 6);
  q->code = kit_random_chance(random, 0.01) ? EPROTO : 0;
  kit_random_init(&q->random, kit_random_next(random));
  q->stream = (struct ArrowArrayStream){.get_schema = get_schema,
                                        .get_next = get_next,
                                        .get_last_error = get_last_error,
                                        .release = release,
                                        .private_data = p};
}

/* ---- The spool itself ------------------------------------------------------------------------------ */

/* What was read goes in again: it shares its memory with a batch that the spool still holds, or lies in the file. */
bool source_feed_back(program *p, kit_random *random, batch_recipe *recipe, struct ArrowArray *array) {
  respool_reader **reader = &p->producer.feedback;
  if (p->spool == NULL) return false;
  if (*reader == NULL && respool_reader_open(p->spool, NULL, reader, NULL) != RESPOOL_OK) return false;
  int64_t index = respool_reader_position(*reader);
  if (respool_reader_next(*reader, array, 0, NULL) != RESPOOL_OK) {
    array->release = NULL;
    return false;
  }
  *recipe = p->recipes[index];
  if (kit_random_chance(random, 0.02)) {
    respool_reader_close(*reader);
    *reader = NULL;
  }
  return true;
}
