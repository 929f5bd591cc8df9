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

static int64_t offset_at(const struct ArrowArray *array, int64_t width, int64_t slot) {
  int32_t narrow;
  int64_t wide;
  const char *at = (const char *)array->buffers[1] + slot * width;
  if (width == 8) return memcpy(&wide, at, sizeof wide), wide;
  return memcpy(&narrow, at, sizeof narrow), narrow;
}

/* Gives the last offset, up to which the data or the child must reach. */
static bool check_offsets(inspection *in, const struct ArrowArray *array, int64_t width, int64_t *end) {
  int64_t slots = array->offset + array->length;
  *end = 0;
  bool needed = slots > 0 || (in->flags & KIT_EXACT) != 0;
  if (!needed && array->buffers[1] == NULL) return true;
  if (!touch(in, array, 1, (slots + 1) * width)) return false;
  int64_t last = offset_at(array, width, array->offset);
  if (last < 0) return wrong(in, "the first offset is %" PRId64, last);
  for (int64_t i = array->offset; i < slots; i++) {
    int64_t next = offset_at(array, width, i + 1);
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

static bool check_contents(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array,
                           kit_layout layout) {
  int64_t slots = array->offset + array->length, end = 0;
  switch (layout.kind) {
  case KIT_NULL:
    return array->null_count == array->length || wrong(in, "null_count of nulls");
  case KIT_BOOL:
    return touch(in, array, 1, (slots + 7) / 8);
  case KIT_FIXED:
    return touch(in, array, 1, slots * layout.width);
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

static bool check_shape(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array,
                        kit_layout layout) {
  if (array->release == NULL) return wrong(in, "released");
  if (array->length < 0 || array->offset < 0) return wrong(in, "negative length or offset");
  if (array->n_buffers != layout.buffers) return wrong(in, "%" PRId64 " buffers", array->n_buffers);
  if (array->n_buffers > 0 && array->buffers == NULL) return wrong(in, "no array of buffers");
  if (array->n_children != schema->n_children) return wrong(in, "%" PRId64 " children", array->n_children);
  if (array->dictionary != NULL) return wrong(in, "a dictionary");
  for (int64_t i = 0; i < array->n_children; i++)
    if (array->children[i] == NULL) return wrong(in, "child %" PRId64 " is absent", i);
  return true;
}

static bool inspect(inspection *in, const struct ArrowSchema *schema, const struct ArrowArray *array, bool top) {
  kit_layout layout = kit_layout_of(schema->format);
  if (!check_shape(in, schema, array, layout)) return false;
  if (top && array->offset != 0) return wrong(in, "an offset at the top");
  if (layout.kind != KIT_NULL && !check_nulls(in, array)) return false;
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
