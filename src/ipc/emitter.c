/* SPDX-License-Identifier: Apache-2.0 */
/* Dictionaries on their way out: see emitter.h. */
#include "ipc/emitter.h"

#include "support/alloc.h"
#include "support/error.h"

#include <string.h>

struct emitter {
  const struct layout *layout;
  struct ipc_encoder *encoder;
  struct gather *comparison;
  const struct ArrowArray **now; /* the values of each dictionary in this batch, and in the one before */
  const struct ArrowArray **before;
  bool *changed;
  bool has_before;
};

respool_status emitter_open(const struct layout *layout, struct ipc_encoder *encoder, struct emitter **emitter,
                            respool_error *error) {
  size_t count = (size_t)layout->n_dictionaries;
  struct emitter *made = mem_zalloc(sizeof *made);
  if (made == NULL) return error_no_memory(error);
  made->layout = layout;
  made->encoder = encoder;
  made->comparison = count > 0 ? gather_open() : NULL;
  made->now = mem_alloc(count * sizeof *made->now);
  made->before = mem_alloc(count * sizeof *made->before);
  made->changed = mem_alloc(count * sizeof *made->changed);
  bool whole = (count == 0 || made->comparison != NULL) && made->now != NULL && made->before != NULL;
  if (!whole || made->changed == NULL) {
    emitter_close(made);
    return error_no_memory(error);
  }
  *emitter = made;
  return RESPOOL_OK;
}

void emitter_close(struct emitter *emitter) {
  if (emitter == NULL) return;
  gather_close(emitter->comparison);
  mem_free(emitter->now);
  mem_free(emitter->before);
  mem_free(emitter->changed);
  mem_free(emitter);
}

void emitter_forget(struct emitter *emitter) {
  emitter->has_before = false;
}

/* Two arrays of node `at` over the same memory. Dictionaries that they refer to are looked at for themselves. */
static bool same_memory(const struct layout *layout, int32_t at, const struct ArrowArray *a,
                        const struct ArrowArray *b) {
  if (a->length != b->length || a->offset != b->offset || a->null_count != b->null_count ||
      a->n_buffers != b->n_buffers) {
    return false;
  }
  for (int64_t i = 0; i < a->n_buffers; i++) {
    bool is_sizes = layout->nodes[at].kind == LAYOUT_VIEW && i == a->n_buffers - 1;
    if (a->buffers[i] == b->buffers[i]) continue;
    size_t bytes = (size_t)(a->n_buffers - 3) * sizeof(int64_t);
    if (!is_sizes || (bytes > 0 && memcmp(a->buffers[i], b->buffers[i], bytes) != 0)) return false;
  }
  int32_t child = at + 1;
  for (int64_t i = 0; i < a->n_children; i++) {
    if (!same_memory(layout, child, a->children[i], b->children[i])) return false;
    child = layout->nodes[child].end;
  }
  return true;
}

static bool inner_changed(const struct emitter *emitter, int32_t dictionary) {
  for (int32_t i = dictionary + 1; layout_is_inside(emitter->layout, i, dictionary); i++) {
    if (emitter->changed[i]) return true;
  }
  return false;
}

static respool_status prepare_one(struct emitter *emitter, int32_t dictionary, const struct emitter_stream *stream,
                                  respool_error *error) {
  const struct ArrowArray *values = emitter->now[dictionary];
  int32_t root = layout_part(emitter->layout, dictionary)->root;
  bool inner = inner_changed(emitter, dictionary);
  emitter->changed[dictionary] = false;
  if (!inner && emitter->has_before && same_memory(emitter->layout, root, emitter->before[dictionary], values)) {
    return RESPOOL_OK;
  }
  struct ipc_size size;
  bool same = false;
  respool_status status = ipc_encoder_plan(emitter->encoder, dictionary, values, &size, error);
  if (status == RESPOOL_OK && !inner) status = stream->has(stream->context, dictionary, &size, &same, error);
  if (status != RESPOOL_OK || same) {
    ipc_encoder_discard(emitter->encoder);
    return status;
  }
  emitter->changed[dictionary] = true;
  return stream->emit(stream->context, dictionary, &size, values->length, error);
}

/* Those inside come first: they have the higher numbers. */
respool_status emitter_prepare(struct emitter *emitter, const struct ArrowArray *batch,
                               const struct emitter_stream *stream, bool *any, respool_error *error) {
  *any = false;
  layout_find_values(emitter->layout, batch, emitter->now);
  for (int32_t i = emitter->layout->n_dictionaries - 1; i >= 0; i--) {
    respool_status status = prepare_one(emitter, i, stream, error);
    if (status != RESPOOL_OK) return status;
    if (emitter->changed[i]) *any = true;
  }
  const struct ArrowArray **before = emitter->before;
  emitter->before = emitter->now;
  emitter->now = before;
  emitter->has_before = true;
  return RESPOOL_OK;
}

/* ---- Comparing ------------------------------------------------------------------------------------- */

/* Takes pieces as long as they are the bytes expected. The status of others goes nowhere. */
static respool_status compare(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  const uint8_t **expected = context;
  for (int i = 0; i < count; i++) {
    if (memcmp(*expected, pieces[i].bytes, pieces[i].length) != 0) {
      return error_set(error, RESPOOL_CANCELLED, "the bytes differ");
    }
    *expected += pieces[i].length;
  }
  return RESPOOL_OK;
}

bool emitter_equals(struct emitter *emitter, const uint8_t *bytes) {
  gather_reset(emitter->comparison, compare, &bytes);
  return ipc_encoder_put(emitter->encoder, emitter->comparison, NULL) == RESPOOL_OK &&
         gather_flush(emitter->comparison, NULL) == RESPOOL_OK;
}
