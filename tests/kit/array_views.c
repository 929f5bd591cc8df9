/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random view arrays: see array_random.c. Live views share and overlap in their data buffers, leave gaps, and may use
 * little of a large one. Slack adds buffers that no live view refers to. What lies under nulls is garbage.
 */
#include "array_node.h"
#include "array_parts.h"
#include "check.h"

enum { DATA_MOST = 8, VIEW_BYTES = 16 };

typedef struct view_data {
  int count;
  int64_t sizes[DATA_MOST];
  unsigned char *bytes[DATA_MOST];
  bool live[DATA_MOST];
} view_data;

static void choose_data(builder *b, view_data *data) {
  static const int64_t sizes[] = {0, 13, 40, 200, 3000};
  int buffers = (int)kit_random_below(&b->values, 4);
  for (int i = 0; i <= buffers; i++) {
    while (data->count < DATA_MOST - 4 + i && sometimes(b, 0.3))
      data->sizes[data->count++] = kit_random_chance(&b->slack, 0.3) ? 0 : kit_random_between(&b->slack, 1, 60);
    if (i == buffers) break;
    data->live[data->count] = true;
    data->sizes[data->count++] = sizes[kit_random_below(&b->values, 5)];
  }
}

static void build_data(builder *b, bool text, view_data *data, struct ArrowArray *out) {
  choose_data(b, data);
  kit_node_extend(out, 3 + data->count);
  for (int i = 0; i < data->count; i++) {
    unsigned char *bytes = kit_part_buffer(b, out, 2 + i, data->sizes[i]);
    data->bytes[i] = bytes;
    for (int64_t k = 0; k < data->sizes[i]; k++) bytes[k] = (unsigned char)KIT_MARKER_TEXT[k % 9];
    if (data->live[i]) kit_part_text(b, text, bytes, data->sizes[i]);
    if (data->sizes[i] == 0 && sometimes(b, 0.5)) out->buffers[2 + i] = NULL;
  }
  void *sizes = kit_part_buffer(b, out, 2 + data->count, data->count * 8);
  for (int i = 0; i < data->count; i++) put_number(sizes, 8, i, data->sizes[i]);
  if (data->count == 0 && sometimes(b, 0.5)) out->buffers[2] = NULL;
}

static void refer(const view_data *data, int buffer, int64_t size, int64_t offset, unsigned char *view) {
  put_number(view, 4, 0, size);
  memcpy(view + 4, data->bytes[buffer] + offset, 4);
  put_number(view, 4, 2, buffer);
  put_number(view, 4, 3, offset);
}

static void put_inline(builder *b, bool text, unsigned char *view) {
  int64_t size = kit_random_between(&b->values, 0, KIT_VIEW_INLINE);
  memset(view, 0, VIEW_BYTES);
  put_number(view, 4, 0, size);
  kit_part_text(b, text, view + 4, size);
}

/* The number is drawn whether or not there is a buffer for it, and counts live buffers alone. */
static int choose_live(builder *b, const view_data *data) {
  int64_t number = kit_random_below(&b->values, 5);
  for (int i = 0; i < data->count; i++)
    if (data->live[i] && number-- == 0) return data->sizes[i] > KIT_VIEW_INLINE ? i : -1;
  return -1;
}

static void put_live(builder *b, bool text, const view_data *data, unsigned char *view) {
  int buffer = choose_live(b, data);
  if (buffer < 0) {
    put_inline(b, text, view);
    return;
  }
  int64_t most = data->sizes[buffer] < 40 ? data->sizes[buffer] : 40;
  int64_t size = kit_random_between(&b->values, KIT_VIEW_INLINE + 1, most);
  refer(data, buffer, size, kit_random_between(&b->values, 0, data->sizes[buffer] - size), view);
}

/* A neighbour's value: long ones lie where no live view looks, as far as there is such a place. */
static void put_around(builder *b, const view_data *data, unsigned char *view) {
  for (int i = 0; i < data->count; i++)
    if (!data->live[i] && data->sizes[i] > KIT_VIEW_INLINE && sometimes(b, 0.5)) {
      refer(data, i, data->sizes[i], 0, view);
      return;
    }
  memset(view, 0, VIEW_BYTES);
  put_number(view, 4, 0, 9);
  memcpy(view + 4, KIT_MARKER_TEXT, 9);
}

void kit_part_views(builder *b, const struct ArrowSchema *schema, const span *s, struct ArrowArray *out) {
  view_data data = {0};
  bool text = schema->format[1] == 'u';
  build_data(b, text, &data, out);
  unsigned char *views = kit_part_buffer(b, out, 1, s->total * VIEW_BYTES);
  for (int64_t i = 0; i < s->total; i++) {
    unsigned char *view = views + i * VIEW_BYTES;
    bool null = kit_slot_null(KIT_VIEW, out, i);
    if (live(s, i) && null)
      kit_random_fill(&b->values, view, VIEW_BYTES);
    else if (live(s, i))
      put_live(b, text, &data, view);
    else if (shown(out, i) && !null)
      put_around(b, &data, view);
  }
  if (s->total == 0 && sometimes(b, 0.5)) out->buffers[1] = NULL;
}
