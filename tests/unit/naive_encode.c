/* SPDX-License-Identifier: Apache-2.0 */
/* The naive encoder: one slot after the other, with no attention to speed. */
#include "naive_encode.h"

#include "ipc/format.h"

#include "bits.h"
#include "check.h"
#include "format.h"

#include <stdlib.h>
#include <string.h>

static void end_buffer(struct naive *naive, int64_t start) {
  static const uint8_t zeros[IPC_ALIGNMENT];
  naive->offsets[naive->buffers] = start;
  naive->sizes[naive->buffers++] = (int64_t)naive->body.size - start;
  int64_t over = (int64_t)naive->body.size % IPC_ALIGNMENT;
  if (over > 0) kit_sink_write(&naive->body, zeros, IPC_ALIGNMENT - over);
}

static void naive_bits(struct naive *naive, const void *bits, int64_t at, int64_t length) {
  int64_t start = (int64_t)naive->body.size;
  for (int64_t i = 0; i < length; i += 8) {
    uint8_t byte = 0;
    for (int64_t k = i; k < length && k < i + 8; k++) byte |= (uint8_t)(kit_bit(bits, at + k) << (k - i));
    kit_sink_write(&naive->body, &byte, 1);
  }
  end_buffer(naive, start);
}

static void naive_node(struct naive *naive, const struct ArrowArray *array, kit_kind kind, int64_t at, int64_t length) {
  int64_t nulls = kind == KIT_NULL ? length : 0;
  for (int64_t i = at; i < at + length; i++) nulls += kit_slot_null(kind, array, i);
  naive->lengths[naive->nodes] = length;
  naive->null_counts[naive->nodes++] = nulls;
  if (!kit_has_validity(kind)) return;
  if (nulls > 0)
    naive_bits(naive, array->buffers[0], at, length);
  else
    end_buffer(naive, (int64_t)naive->body.size);
}

static void naive_bytes(struct naive *naive, const void *bytes, int64_t from, int64_t size) {
  int64_t start = (int64_t)naive->body.size;
  if (size > 0) kit_sink_write(&naive->body, (const char *)bytes + from, size);
  end_buffer(naive, start);
}

static void naive_offsets(struct naive *naive, const void *offsets, int64_t width, int64_t at, int64_t length,
                          int64_t *first, int64_t *last) {
  int64_t start = (int64_t)naive->body.size;
  *first = length == 0 ? 0 : kit_number_at(offsets, width, at);
  *last = length == 0 ? 0 : kit_number_at(offsets, width, at + length);
  for (int64_t i = 0; i <= length; i++) {
    int64_t value = length == 0 ? 0 : kit_number_at(offsets, width, at + i) - *first;
    int32_t narrow = (int32_t)value;
    kit_sink_write(&naive->body, width == 4 ? (const void *)&narrow : (const void *)&value, width);
  }
  end_buffer(naive, start);
}

/* ---- Of the kinds whose children are cut to what is used of them */

static void naive_rows(struct naive *naive, const struct ArrowSchema *schema, const struct ArrowArray *array,
                       int64_t start, int64_t length, bool top);

static void naive_number(struct naive *naive, int64_t value, int64_t width) {
  int16_t two = (int16_t)value;
  int32_t four = (int32_t)value;
  const void *from = width == 2 ? (const void *)&two : width == 4 ? (const void *)&four : (const void *)&value;
  kit_sink_write(&naive->body, from, width);
}

static void naive_list_views(struct naive *naive, const struct ArrowSchema *schema, const struct ArrowArray *array,
                             int64_t width, int64_t at, int64_t length) {
  int64_t first = INT64_MAX, last = 0;
  for (int64_t i = at; i < at + length; i++) {
    int64_t offset = kit_number_at(array->buffers[1], width, i), size = kit_number_at(array->buffers[2], width, i);
    if (size == 0 || kit_slot_null(KIT_LIST_VIEW, array, i)) continue;
    first = offset < first ? offset : first;
    last = offset + size > last ? offset + size : last;
  }
  if (last == 0) first = 0;
  for (int buffer = 1; buffer <= 2; buffer++) {
    int64_t start = (int64_t)naive->body.size;
    for (int64_t i = at; i < at + length; i++) {
      bool none = kit_slot_null(KIT_LIST_VIEW, array, i) || kit_number_at(array->buffers[2], width, i) == 0;
      int64_t value = kit_number_at(array->buffers[buffer], width, i) - (buffer == 1 ? first : 0);
      naive_number(naive, none ? 0 : value, width);
    }
    end_buffer(naive, start);
  }
  naive_rows(naive, schema->children[0], array->children[0], first, last - first, false);
}

static void naive_dense(struct naive *naive, const struct ArrowSchema *schema, const struct ArrowArray *array,
                        const int8_t *types, const void *offsets, int64_t at, int64_t length) {
  int64_t firsts[KIT_TYPE_IDS], lasts[KIT_TYPE_IDS];
  for (int child = 0; child < (int)schema->n_children; child++) {
    firsts[child] = INT64_MAX;
    lasts[child] = 0;
    for (int64_t i = at; i < at + length; i++) {
      int64_t offset = kit_number_at(offsets, 4, i);
      if (kit_child_of(schema->format, types[i]) != child) continue;
      firsts[child] = offset < firsts[child] ? offset : firsts[child];
      lasts[child] = offset >= lasts[child] ? offset + 1 : lasts[child];
    }
    if (lasts[child] == 0) firsts[child] = 0;
  }
  int64_t start = (int64_t)naive->body.size;
  for (int64_t i = at; i < at + length; i++)
    naive_number(naive, kit_number_at(offsets, 4, i) - firsts[kit_child_of(schema->format, types[i])], 4);
  end_buffer(naive, start);
  for (int64_t i = 0; i < schema->n_children; i++)
    naive_rows(naive, schema->children[i], array->children[i], firsts[i], lasts[i] - firsts[i], false);
}

static void naive_union(struct naive *naive, const struct ArrowSchema *schema, const struct ArrowArray *array,
                        kit_layout layout, int64_t at, int64_t length) {
  const void **buffers = kit_union_buffers(array, layout);
  naive_bytes(naive, buffers[0], at, length);
  if (layout.kind == KIT_DENSE) {
    naive_dense(naive, schema, array, buffers[0], buffers[1], at, length);
    return;
  }
  for (int64_t i = 0; i < schema->n_children; i++)
    naive_rows(naive, schema->children[i], array->children[i], at, length, false);
}

/* The runs that cover the rows, cut to them. */
static void naive_runs(struct naive *naive, const struct ArrowSchema *schema, const struct ArrowArray *array,
                       int64_t at, int64_t length) {
  const struct ArrowArray *ends = array->children[0];
  int64_t width = kit_layout_of(schema->children[0]->format).width;
  int64_t first = length == 0 ? 0 : kit_run_of(ends, width, at);
  int64_t count = length == 0 ? 0 : kit_run_of(ends, width, at + length - 1) + 1 - first;
  naive->lengths[naive->nodes] = count;
  naive->null_counts[naive->nodes++] = 0;
  end_buffer(naive, (int64_t)naive->body.size);
  int64_t start = (int64_t)naive->body.size;
  for (int64_t i = 0; i < count; i++) {
    int64_t end = kit_number_at(ends->buffers[1], width, ends->offset + first + i) - at;
    naive_number(naive, end < length ? end : length, width);
  }
  end_buffer(naive, start);
  naive_rows(naive, schema->children[1], array->children[1], first, count, false);
}

/* ---- Views: of each data buffer the bytes that some row uses are marked, one by one */

static uint8_t *used_bytes(const struct ArrowArray *array, int buffer, int64_t at, int64_t length, int64_t *count) {
  const void *sizes = array->buffers[array->n_buffers - 1];
  uint8_t *used = calloc((size_t)kit_number_at(sizes, 8, buffer) + 1, 1);
  REQUIRE(used != NULL);
  for (int64_t i = at; i < at + length; i++) {
    const uint8_t *view = (const uint8_t *)array->buffers[1] + i * 16;
    int64_t size = kit_number_at(view, 4, 0);
    if (kit_slot_null(KIT_VIEW, array, i) || size <= KIT_VIEW_INLINE || kit_number_at(view, 4, 2) != buffer) continue;
    memset(used + kit_number_at(view, 4, 3), 1, (size_t)size);
  }
  *count = 0;
  for (int64_t i = 0; i < kit_number_at(sizes, 8, buffer); i++) *count += used[i];
  return used;
}

struct naive_view_data {
  uint8_t *used[32];
  int64_t counts[32];
  bool compact[32];
  int number[32]; /* on the wire, -1: dropped */
};

static int naive_view_data(const struct ArrowArray *array, int64_t at, int64_t length, struct naive_view_data *data) {
  const void *sizes = array->buffers[array->n_buffers - 1];
  int buffers = (int)array->n_buffers - 3, kept = 0;
  REQUIRE(buffers <= 32);
  for (int i = 0; i < buffers; i++) {
    data->used[i] = used_bytes(array, i, at, length, &data->counts[i]);
    data->compact[i] = data->counts[i] < kit_number_at(sizes, 8, i) / 2;
    data->number[i] = data->counts[i] > 0 ? kept++ : -1;
  }
  return kept;
}

static void naive_view(struct naive *naive, const struct ArrowArray *array, const struct naive_view_data *data,
                       int64_t slot) {
  const uint8_t *view = (const uint8_t *)array->buffers[1] + slot * 16;
  uint8_t out[16] = {0};
  int64_t size = kit_slot_null(KIT_VIEW, array, slot) ? 0 : kit_number_at(view, 4, 0);
  if (size > 0) memcpy(out, view, size <= KIT_VIEW_INLINE ? 4 + (size_t)size : 16);
  if (size > KIT_VIEW_INLINE) {
    int buffer = (int)kit_number_at(view, 4, 2);
    int32_t offset = (int32_t)kit_number_at(view, 4, 3), before = 0;
    for (int32_t i = 0; i < offset; i++) before += data->used[buffer][i];
    memcpy(out + 8, &data->number[buffer], 4);
    memcpy(out + 12, data->compact[buffer] ? &before : &offset, 4);
  }
  kit_sink_write(&naive->body, out, 16);
}

static void naive_views(struct naive *naive, const struct ArrowArray *array, int64_t at, int64_t length) {
  struct naive_view_data data;
  const void *sizes = array->buffers[array->n_buffers - 1];
  naive->variadic[naive->views++] = naive_view_data(array, at, length, &data);
  int64_t start = (int64_t)naive->body.size;
  for (int64_t i = at; i < at + length; i++) naive_view(naive, array, &data, i);
  end_buffer(naive, start);
  for (int i = 0; i < (int)array->n_buffers - 3; i++) {
    start = (int64_t)naive->body.size;
    for (int64_t k = 0; k < kit_number_at(sizes, 8, i) && data.number[i] >= 0; k++)
      if (data.used[i][k] || !data.compact[i])
        kit_sink_write(&naive->body, (const uint8_t *)array->buffers[2 + i] + k, 1);
    if (data.number[i] >= 0) end_buffer(naive, start);
    free(data.used[i]);
  }
}

/* Rows [start, start + length) behind the array's own offset. */
static void naive_rows(struct naive *naive, const struct ArrowSchema *schema, const struct ArrowArray *array,
                       int64_t start, int64_t length, bool top) {
  kit_layout layout = kit_layout_of(schema->format);
  int64_t at = array->offset + start, first = at, last = at + length;
  if (!top) naive_node(naive, array, layout.kind, at, length);
  if (layout.kind == KIT_BOOL) naive_bits(naive, array->buffers[1], at, length);
  if (layout.kind == KIT_FIXED) naive_bytes(naive, array->buffers[1], at * layout.width, length * layout.width);
  if (layout.kind == KIT_BINARY || layout.kind == KIT_LIST)
    naive_offsets(naive, array->buffers[1], layout.width, at, length, &first, &last);
  if (layout.kind == KIT_BINARY) naive_bytes(naive, array->buffers[2], first, last - first);
  if (layout.kind == KIT_VIEW) naive_views(naive, array, at, length);
  if (layout.kind == KIT_FIXED_LIST) {
    first = at * layout.width;
    last = first + length * layout.width;
  }
  if (layout.kind == KIT_LIST_VIEW) {
    naive_list_views(naive, schema, array, layout.width, at, length);
  } else if (layout.kind == KIT_SPARSE || layout.kind == KIT_DENSE) {
    naive_union(naive, schema, array, layout, at, length);
  } else if (layout.kind == KIT_RUN_END) {
    naive_runs(naive, schema, array, at, length);
  } else {
    for (int64_t i = 0; i < schema->n_children; i++)
      naive_rows(naive, schema->children[i], array->children[i], first, last - first, false);
  }
}

void naive_encode(struct naive *naive, const struct ArrowSchema *schema, const struct ArrowArray *array,
                  bool is_batch) {
  naive_rows(naive, schema, array, 0, array->length, is_batch);
}
