/* SPDX-License-Identifier: Apache-2.0 */
/* Batches for the scenarios: see batches.h. What they are compared with is made once. */
#include "batches.h"

#include "array_build.h"
#include "bits.h"
#include "check.h"
#include "compare.h"
#include "schema_build.h"
#include "spool.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { KEPT = 64, SLOWLY_COMPARED = 30 };

struct kept {
  const char *fields;
  struct ArrowSchema schema;
  struct ArrowArray expected[KEPT];
  int64_t arrays;
  int64_t schemas;
  int64_t largest_charge;
};

static struct kept sets[] = {{.fields = BATCH_FIELDS}, {.fields = BATCH_DICTIONARIES}};
static struct kept *kept = &sets[0]; /* the one in use */

void batch_use(bool dictionaries) {
  kept = &sets[dictionaries];
}

/* Small ones that are gathered, none, and some larger than a write chunk. */
static const int64_t lengths[] = {5, 40, 0, 12, 300, 1, 3, 0, 60, 150, 2, 600, 9};

static kit_array_options options_of(int64_t index) {
  enum { LENGTHS = sizeof lengths / sizeof lengths[0] };
  int64_t length = lengths[index % LENGTHS];
  if (kept == &sets[1] && length > SLOWLY_COMPARED) length = SLOWLY_COMPARED;
  kit_array_options options = kit_array_defaults(kit_mix(kit_seed() + (uint64_t)index), length);
  options.dictionary_seed = kit_seed();
  options.batch = index;
  return options;
}

const struct ArrowSchema *batch_schema(void) {
  if (kept->schema.release == NULL) {
    int64_t before = kit_live_schemas();
    kit_schema_parse(kept->fields, &kept->schema);
    kept->schemas = kit_live_schemas() - before;
  }
  return &kept->schema;
}

static const struct ArrowArray *expected(int64_t index) {
  if (index >= KEPT) kit_die("more batches than are kept");
  struct ArrowArray *array = &kept->expected[index];
  if (array->release == NULL) {
    int64_t before = kit_live_arrays();
    kit_array_options options = options_of(index);
    kit_array_random(batch_schema(), &options, array);
    kept->arrays += kit_live_arrays() - before;
  }
  return array;
}

void batch_prepare(int64_t count) {
  for (int64_t i = 0; i < count; i++) expected(i);
}

void batch_make(int64_t index, struct ArrowArray *array) {
  kit_array_options options = options_of(index);
  options.sliced = options.unknown_nulls = true;
  kit_array_random(batch_schema(), &options, array);
}

/* ---- Comparing, for the usual fields alone, since it is done very often ------------------------------ */

static bool is_null(const struct ArrowArray *array, int64_t row) {
  return array->buffers[0] != NULL && array->null_count != 0 && !kit_bit(array->buffers[0], array->offset + row);
}

static int32_t offset_of(const struct ArrowArray *array, int64_t row) {
  return ((const int32_t *)array->buffers[1])[array->offset + row];
}

/* Rows of fixed width, as many as `count` from `a_row` and `b_row` on. */
static bool same_fixed(const struct ArrowArray *a, int64_t a_row, const struct ArrowArray *b, int64_t b_row,
                       int64_t count, size_t width) {
  for (int64_t i = 0; i < count; i++) {
    bool null = is_null(a, a_row + i);
    if (null != is_null(b, b_row + i)) return false;
    const char *x = (const char *)a->buffers[1] + (size_t)(a->offset + a_row + i) * width;
    const char *y = (const char *)b->buffers[1] + (size_t)(b->offset + b_row + i) * width;
    if (!null && memcmp(x, y, width) != 0) return false;
  }
  return true;
}

static bool same_text(const struct ArrowArray *a, const struct ArrowArray *b, int64_t row) {
  int32_t x = offset_of(a, row), y = offset_of(b, row), size = offset_of(a, row + 1) - x;
  if (size != offset_of(b, row + 1) - y) return false;
  return size == 0 || memcmp((const char *)a->buffers[2] + x, (const char *)b->buffers[2] + y, (size_t)size) == 0;
}

static bool same_items(const struct ArrowArray *a, const struct ArrowArray *b, int64_t row) {
  int32_t x = offset_of(a, row), y = offset_of(b, row), count = offset_of(a, row + 1) - x;
  if (count != offset_of(b, row + 1) - y) return false;
  return same_fixed(a->children[0], x, b->children[0], y, count, 2);
}

static bool same_variable(const struct ArrowArray *a, const struct ArrowArray *b, int64_t rows, bool text) {
  for (int64_t row = 0; row < rows; row++) {
    bool null = is_null(a, row);
    if (null != is_null(b, row)) return false;
    if (!null && !(text ? same_text(a, b, row) : same_items(a, b, row))) return false;
  }
  return true;
}

static bool same_values(const struct ArrowArray *a, const struct ArrowArray *b) {
  if (kept == &sets[1]) return CHECK_SAME(&kept->schema, a, b);
  return a->length == b->length && same_fixed(a->children[0], 0, b->children[0], 0, a->length, 8) &&
         same_variable(a->children[1], b->children[1], a->length, true) &&
         same_variable(a->children[2], b->children[2], a->length, false);
}

bool batch_check(int64_t index, const struct ArrowArray *array) {
  bool good = CHECK_WELL_FORMED(batch_schema(), array, KIT_TOP, 1) && CHECK(same_values(expected(index), array));
  if (!good) kit_note("this was batch %d", (int)index);
  return good;
}

int64_t batch_count_stream(struct ArrowArrayStream *stream) {
  int64_t count = 0;
  for (;;) {
    struct ArrowArray array = {0};
    int code = stream->get_next(stream, &array);
    if (!CHECK_EQ(code, 0)) {
      kit_note("batch %d: %s", (int)count, stream->get_last_error(stream));
      count = -1;
    }
    if (code != 0 || array.release == NULL) break;
    bool good = batch_check(count++, &array);
    array.release(&array);
    if (!good) {
      count = -1;
      break;
    }
  }
  stream->release(stream);
  return count;
}

int64_t batch_count_file(const char *path, bool whole) {
  struct ArrowArrayStream stream;
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.allow_missing_end = !whole;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int64_t count = -1;
  if (CHECK_OK(respool_ipc_read_fd(fd, &options, &stream, kit_error()))) count = batch_count_stream(&stream);
  close(fd);
  return count;
}

int64_t batch_live_arrays(void) {
  return kit_live_arrays() - sets[0].arrays - sets[1].arrays;
}

int64_t batch_live_schemas(void) {
  return kit_live_schemas() - sets[0].schemas - sets[1].schemas;
}

/* As a spool without a limit says itself, of each alone: batches may share dictionaries. */
int64_t batch_largest_charge(void) {
  if (kept->largest_charge > 0) return kept->largest_charge;
  respool_options options = kit_options(RESPOOL_NO_LIMIT, RESPOOL_MODE_OVERFLOW, NULL);
  for (int64_t i = 0; i < 40; i++) {
    kit_spool s = {0};
    struct ArrowArray array;
    REQUIRE_OK(respool_create(batch_schema(), &options, &s.spool, &s.writer, kit_error()));
    batch_make(i, &array);
    kit_append(s.writer, &array);
    int64_t charged = kit_stats(s.spool).bytes_charged;
    if (charged > kept->largest_charge) kept->largest_charge = charged;
    respool_writer_close(s.writer);
    respool_release(s.spool);
  }
  return kept->largest_charge;
}
