/* SPDX-License-Identifier: Apache-2.0 */
/* A check that an array is built as the C data interface says, for what a reader hands out. */
#include "bits.h"
#include "check.h"
#include "compare.h"
#include "format.h"
#include "path.h"

#include <inttypes.h>
#include <stdarg.h>

typedef struct inspection {
  kit_path path;
  int flags;
  int alignment;
  char *where;
  size_t where_size;
} inspection;

static bool inspect(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array, bool top);

__attribute__((format(printf, 2, 3))) static bool wrong(inspection *in, const char *format, ...) {
  char what[160];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  snprintf(in->where, in->where_size, "%s: %s", in->path.text, what);
  return false;
}

/* Reading the ends proves that the memory is there (a mapping cut short would end the program). */
static bool touch(inspection *in, const struct ArrowArray *array, int64_t index, int64_t size) {
  const volatile unsigned char *bytes = array->buffers[index];
  if (size < 0) return wrong(in, "buffer %" PRId64 " of %" PRId64 " bytes", index, size);
  if (size == 0 && bytes == NULL) return true;
  if (bytes == NULL) return wrong(in, "buffer %" PRId64 " of %" PRId64 " bytes is absent", index, size);
  if ((uintptr_t)array->buffers[index] % (uintptr_t)in->alignment != 0)
    return wrong(in, "buffer %" PRId64 " is not aligned to %d", index, in->alignment);
  if (size > 0) (void)(unsigned char)(bytes[0] ^ bytes[size - 1]);
  return true;
}

static bool check_nulls(inspection *in, const struct ArrowArray *array) {
  int64_t said = array->null_count;
  if (said < -1 || said > array->length) return wrong(in, "null_count %" PRId64, said);
  if (said == -1 && (in->flags & KIT_EXACT) != 0) return wrong(in, "null_count is not given");
  if (array->buffers[0] == NULL) return said <= 0 || wrong(in, "nulls without a bitmap");
  if (!touch(in, array, 0, (array->offset + array->length + 7) / 8)) return false;
  int64_t counted = kit_bits_count_zeros(array->buffers[0], array->offset, array->length);
  return said == -1 || said == counted || wrong(in, "null_count %" PRId64 ", counted %" PRId64, said, counted);
}

/* Gives the last offset, up to which the data or the child must reach. */
static bool check_offsets(inspection *in, const struct ArrowArray *array, int64_t width, int64_t *end) {
  int64_t slots = array->offset + array->length;
  *end = 0;
  bool needed = slots > 0 || (in->flags & KIT_EXACT) != 0;
  if (!needed && array->buffers[1] == NULL) return true;
  if (!touch(in, array, 1, (slots + 1) * width)) return false;
  int64_t last = kit_number_at(array->buffers[1], width, array->offset);
  if (last < 0) return wrong(in, "the first offset is %" PRId64, last);
  for (int64_t i = array->offset; i < slots; i++) {
    int64_t next = kit_number_at(array->buffers[1], width, i + 1);
    if (next < last) return wrong(in, "offset %" PRId64 " falls from %" PRId64 " to %" PRId64, i + 1, last, next);
    last = next;
  }
  *end = last;
  return true;
}

static bool check_child(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t index,
                        int64_t needed) {
  const struct ArrowArray *child = array->children[index];
  size_t before = kit_path_push(&in->path, schema->children[index]->name);
  if (child->length < needed) return wrong(in, "length %" PRId64 ", needed %" PRId64, child->length, needed);
  if (!inspect(in, schema->children[index], child, false)) return false;
  kit_path_cut(&in->path, before);
  return true;
}

static int64_t slots_of(const struct ArrowArray *array) {
  return array->offset + array->length;
}

static bool check_view(inspection *in, const struct ArrowArray *array, const void *sizes, int64_t slot) {
  const unsigned char *view = (const unsigned char *)array->buffers[1] + slot * 16;
  int64_t size = kit_number_at(view, 4, 0), buffer = kit_number_at(view, 4, 2), offset = kit_number_at(view, 4, 3);
  if (size < 0) return wrong(in, "a value of %" PRId64 " bytes in slot %" PRId64, size, slot);
  if (size <= KIT_VIEW_INLINE) {
    for (int64_t i = size; i < KIT_VIEW_INLINE; i++)
      if (view[4 + i] != 0) return wrong(in, "no zeros behind the value in slot %" PRId64, slot);
    return true;
  }
  if (buffer < 0 || buffer >= array->n_buffers - 3) return wrong(in, "no data buffer %" PRId64, buffer);
  if (offset < 0 || offset + size > kit_number_at(sizes, 8, buffer))
    return wrong(in, "%" PRId64 " bytes at %" PRId64 " of data buffer %" PRId64, size, offset, buffer);
  const char *value = (const char *)array->buffers[2 + buffer] + offset;
  return memcmp(value, view + 4, 4) == 0 || wrong(in, "another prefix than the value's in slot %" PRId64, slot);
}

static bool check_views(inspection *in, const struct ArrowArray *array) {
  int64_t count = array->n_buffers - 3;
  if (!touch(in, array, 1, slots_of(array) * 16)) return false;
  const void *sizes = array->buffers[array->n_buffers - 1];
  if (count > 0 && sizes == NULL) return wrong(in, "no sizes of data buffers");
  for (int64_t i = 0; i < count; i++)
    if (!touch(in, array, 2 + i, kit_number_at(sizes, 8, i))) return false;
  for (int64_t i = array->offset; i < slots_of(array); i++)
    if (!kit_slot_null(KIT_VIEW, array, i) && !check_view(in, array, sizes, i)) return false;
  return true;
}

static bool check_list_views(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array,
                             int64_t width) {
  int64_t bytes = slots_of(array) * width;
  if (!touch(in, array, 1, bytes) || !touch(in, array, 2, bytes)) return false;
  for (int64_t i = array->offset; i < slots_of(array); i++) {
    int64_t offset = kit_number_at(array->buffers[1], width, i), size = kit_number_at(array->buffers[2], width, i);
    int64_t items = array->children[0]->length;
    if (offset < 0 || size < 0 || size > items || offset > items - size)
      return wrong(in, "%" PRId64 " items at %" PRId64 " of %" PRId64, size, offset, items);
  }
  return check_child(in, schema, array, 0, 0);
}

/* Both kinds; dense ones have offsets too. */
static bool check_union(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array,
                        kit_layout layout) {
  int64_t old = array->n_buffers - layout.buffers, slots = slots_of(array);
  bool dense = layout.kind == KIT_DENSE;
  if (!touch(in, array, old, slots) || (dense && !touch(in, array, old + 1, slots * 4))) return false;
  for (int64_t i = array->offset; i < slots; i++) {
    int64_t id = kit_number_at(array->buffers[old], 1, i);
    int child = kit_child_of(schema->format, (int8_t)id);
    if (child < 0) return wrong(in, "type id %" PRId64 " in slot %" PRId64, id, i);
    int64_t offset = dense ? kit_number_at(array->buffers[old + 1], 4, i) : 0;
    if (dense && (offset < 0 || offset >= array->children[child]->length))
      return wrong(in, "offset %" PRId64 " of %" PRId64, offset, array->children[child]->length);
  }
  for (int64_t k = 0; k < schema->n_children; k++)
    if (!check_child(in, schema, array, k, dense ? 0 : slots)) return false;
  return true;
}

static bool check_runs(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array) {
  const struct ArrowArray *ends = array->children[0];
  int64_t width = kit_layout_of(schema->children[0]->format).width, last = 0;
  if (!check_child(in, schema, array, 0, 0) || !check_child(in, schema, array, 1, ends->length)) return false;
  for (int64_t i = 0; i < ends->length; i++) {
    int64_t end = kit_number_at(ends->buffers[1], width, ends->offset + i);
    if (end <= last) return wrong(in, "run end %" PRId64 " behind %" PRId64, end, last);
    if (kit_slot_null(KIT_FIXED, ends, ends->offset + i)) return wrong(in, "a run end that is null");
    last = end;
  }
  bool reaches = array->length == 0 || last >= slots_of(array);
  return reaches || wrong(in, "runs up to %" PRId64 " for %" PRId64 " slots", last, slots_of(array));
}

static bool check_indices(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array) {
  int64_t count = array->dictionary->length;
  for (int64_t i = array->offset; i < slots_of(array); i++) {
    if (kit_slot_null(KIT_FIXED, array, i)) continue;
    int64_t index = kit_index_at(schema->format, array->buffers[1], i);
    if (index < 0 || index >= count) return wrong(in, "index %" PRId64 " into %" PRId64 " values", index, count);
  }
  size_t before = kit_path_push(&in->path, "(dictionary)");
  if (!inspect(in, schema->dictionary, array->dictionary, false)) return false;
  kit_path_cut(&in->path, before);
  return true;
}

static bool check_contents(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array,
                           kit_layout layout) {
  int64_t slots = slots_of(array), end = 0;
  switch (layout.kind) {
  case KIT_NULL:
    return array->null_count == array->length || wrong(in, "null_count of nulls");
  case KIT_BOOL:
    return touch(in, array, 1, (slots + 7) / 8);
  case KIT_FIXED:
    return touch(in, array, 1, slots * layout.width) &&
           (schema->dictionary == NULL || check_indices(in, schema, array));
  case KIT_VIEW:
    return check_views(in, array);
  case KIT_LIST_VIEW:
    return check_list_views(in, schema, array, layout.width);
  case KIT_SPARSE:
  case KIT_DENSE:
    return check_union(in, schema, array, layout);
  case KIT_RUN_END:
    return check_runs(in, schema, array);
  case KIT_BINARY:
    return check_offsets(in, array, layout.width, &end) && touch(in, array, 2, end);
  case KIT_LIST:
    return check_offsets(in, array, layout.width, &end) && check_child(in, schema, array, 0, end);
  case KIT_FIXED_LIST:
    return check_child(in, schema, array, 0, slots * layout.width);
  case KIT_STRUCT:
    break;
  }
  for (int64_t i = 0; i < schema->n_children; i++)
    if (!check_child(in, schema, array, i, slots)) return false;
  return true;
}

/* Views have any number of data buffers; unions of old producers a validity slot, which has no place in a file. */
static bool buffer_count_fits(const inspection *in, const struct ArrowArray *array, kit_layout layout) {
  bool is_union = layout.kind == KIT_SPARSE || layout.kind == KIT_DENSE;
  if (layout.kind == KIT_VIEW) return array->n_buffers >= layout.buffers;
  if (is_union && (in->flags & KIT_EXACT) == 0 && array->n_buffers == layout.buffers + 1) return true;
  return array->n_buffers == layout.buffers;
}

static bool check_shape(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array,
                        kit_layout layout) {
  if (array->release == NULL) return wrong(in, "released");
  if (array->length < 0 || array->offset < 0) return wrong(in, "negative length or offset");
  if (!buffer_count_fits(in, array, layout)) return wrong(in, "%" PRId64 " buffers", array->n_buffers);
  if (array->n_buffers > 0 && array->buffers == NULL) return wrong(in, "no array of buffers");
  if (array->n_children != schema->n_children) return wrong(in, "%" PRId64 " children", array->n_children);
  if ((array->dictionary != NULL) != (schema->dictionary != NULL)) return wrong(in, "a dictionary, or none");
  for (int64_t i = 0; i < array->n_children; i++)
    if (array->children[i] == NULL) return wrong(in, "child %" PRId64 " is absent", i);
  return true;
}

static bool inspect(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array, bool top) {
  kit_layout layout = kit_layout_of(schema->format);
  if (!check_shape(in, schema, array, layout)) return false;
  if (top && array->offset != 0) return wrong(in, "an offset at the top");
  if (kit_has_validity(layout.kind) && !check_nulls(in, array)) return false;
  if (top && array->buffers[0] != NULL && kit_bits_count_zeros(array->buffers[0], 0, array->length) > 0)
    return wrong(in, "nulls at the top");
  return check_contents(in, schema, array, layout);
}

bool kit_well_formed(const struct ArrowSchema *schema, const struct ArrowArray *array, int flags, int alignment,
                     char *where, size_t where_size) {
  inspection in = {.flags = flags, .alignment = alignment, .where = where, .where_size = where_size};
  return inspect(&in, schema, array, (flags & KIT_TOP) != 0);
}

bool kit_check_well_formed(const struct ArrowSchema *schema, const struct ArrowArray *array, int flags, int alignment,
                           const char *file, int line) {
  char where[700];
  bool good = kit_well_formed(schema, array, flags, alignment, where, sizeof where);
  if (!good) kit_failed(file, line, "the array is malformed at %s", where);
  return good;
}
