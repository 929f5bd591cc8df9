/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds: batches of one kind and what there is to know about them. */
#include "feed.h"

#include "bench.h"
#include "source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- The feeds --------------------------------------------------------------------------------------- */

static void learn_batch(feed *f, int64_t index) {
  struct ArrowArray array;
  pieces found;
  f->make(index, &array);
  pieces_of(f->schema, &array, &found);
  for (int i = 0; i < found.count; i++) {
    f->sizes[index] += found.sizes[i];
    f->sums[index] += take_all(found.bytes[i], found.sizes[i]);
    f->line_sums[index] += take_lines(found.bytes[i], found.sizes[i]);
  }
  array.release(&array);
}

static const feed *learnt(feed *f) {
  if (f->sizes[0] > 0) return f;
  for (int64_t i = 0; i < f->period; i++) learn_batch(f, i);
  return f;
}

const feed *feed_integers(void) {
  static feed f = {.name = "big", .make = source_batch, .period = SOURCE_BATCHES};
  if (f.schema == NULL) f.schema = source_schema(BATCH_COLUMNS);
  return learnt(&f);
}

static const feed *typed(feed *f, source_kind kind) {
  f->schema = source_typed_schema(kind);
  f->period = TYPED_BATCHES;
  return learnt(f);
}

const feed *feed_strings(void) {
  static feed f = {.name = "strings", .make = source_strings};
  return typed(&f, SOURCE_STRINGS);
}

const feed *feed_nested(void) {
  static feed f = {.name = "nested", .make = source_nested};
  return typed(&f, SOURCE_NESTED);
}

const feed *feed_dictionary(void) {
  static feed f = {.name = "dictionary", .make = source_dictionary};
  return typed(&f, SOURCE_DICTIONARY);
}

/* ---- Their measure ----------------------------------------------------------------------------------- */

int64_t feed_batches(const feed *f, int64_t bytes) {
  int64_t batches = 0;
  while (batches == 0 || bytes >= f->sizes[batches % f->period]) bytes -= f->sizes[batches++ % f->period];
  return batches;
}

int64_t feed_bytes(const feed *f, int64_t batches) {
  int64_t bytes = 0;
  for (int64_t i = 0; i < batches; i++) bytes += f->sizes[i % f->period];
  return bytes;
}

uint64_t feed_sum(const feed *f, int64_t batches, take how) {
  const uint64_t *of_each = how == take_all ? f->sums : f->line_sums;
  uint64_t sum = 0;
  for (int64_t i = 0; i < batches; i++) sum += of_each[i % f->period];
  return sum;
}

/* ---- Their memory, written raw ----------------------------------------------------------------------- */

enum { PADDED = 64, PARTS_MOST = 64 };

static int64_t padding_of(int64_t size) {
  return (PADDED - size % PADDED) % PADDED;
}

/* The pieces and their padding as parts of one write. Returns how many bytes they are. */
static int64_t list_parts(const pieces *found, struct iovec *parts, int *count) {
  static const uint8_t zeros[PADDED];
  int64_t bytes = 0;
  *count = 0;
  for (int i = 0; i < found->count; i++) {
    BENCH_NEED(*count + 2 <= PARTS_MOST, "too many buffers");
    int64_t padding = padding_of(found->sizes[i]);
    parts[(*count)++] = (struct iovec){(void *)(uintptr_t)found->bytes[i], (size_t)found->sizes[i]};
    if (padding > 0) parts[(*count)++] = (struct iovec){(void *)(uintptr_t)zeros, (size_t)padding};
    bytes += found->sizes[i] + padding;
  }
  return bytes;
}

int64_t feed_write_raw(const feed *f, int64_t batches, int fd) {
  int64_t end = 0;
  for (int64_t i = 0; i < batches; i++) {
    struct ArrowArray array;
    struct iovec parts[PARTS_MOST];
    pieces found;
    int count;
    f->make(i, &array);
    pieces_of(f->schema, &array, &found);
    int64_t bytes = list_parts(&found, parts, &count);
    ssize_t wrote = pwritev(fd, parts, count, (off_t)end);
    BENCH_NEED(wrote == bytes, "a write of %lld bytes wrote %zd: %s", (long long)bytes, wrote, strerror(errno));
    array.release(&array);
    end += bytes;
  }
  return end;
}
