/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ahead: see ahead.h. */
#include "store/ahead.h"

#include "os/file.h"

enum {
  STEP = 1 << 20,   /* looked at and asked for at a time; the system may read no more of one request */
  AHEAD = 8 << 20,  /* so far before the reader */
  ENOUGH = 1 << 20, /* by the system itself: then it does better, as it takes larger pages */
  SAMPLES = 16,
};

/* Whether the page at a place of the file is in memory; one that is not mapped counts so. */
static bool cached(const struct ahead_range *range, int64_t offset) {
  int64_t at = offset - range->start;
  return at < 0 || at >= range->length || os_cached(range->bytes + at);
}

static bool is_cold(const struct ahead_range *range, int64_t offset, int64_t length) {
  return !cached(range, offset + length / 2) && !cached(range, offset + length - 1);
}

/* What has become of the view that was cold. */
static void judge_probe(struct ahead *ahead, const struct ahead_range *range) {
  int64_t length = ahead->probe_length;
  bool whole = true;
  for (int64_t i = 0; i < SAMPLES && whole; i++) whole = cached(range, ahead->probe + (length - 1) * i / (SAMPLES - 1));
  ahead->greedy = whole;
  ahead->unneeded = whole && os_read_ahead(range->fd) >= ENOUGH;
  ahead->probe_length = 0;
}

static void ask(struct ahead *ahead, const struct ahead_range *range, int64_t from) {
  if (ahead->asked < from) ahead->asked = from;
  for (; ahead->asked < from + AHEAD; ahead->asked += STEP) {
    int64_t middle = ahead->asked + STEP / 2;
    bool is_mapped = middle < range->start + range->length;
    if (!is_mapped || !cached(range, middle)) os_will_need(range->fd, ahead->asked, STEP);
  }
}

void ahead_view(struct ahead *ahead, const struct ahead_range *range, int64_t offset, int64_t length) {
  if (ahead->probe_length > 0) judge_probe(ahead, range);
  if (offset < ahead->looked || ahead->unneeded) return;
  ahead->looked = offset + STEP;
  if (ahead->greedy) {
    ask(ahead, range, offset + length);
  } else if (is_cold(range, offset, length)) {
    ahead->probe = offset;
    ahead->probe_length = length;
  }
}

void ahead_leave(struct ahead *ahead) {
  ahead->probe_length = 0;
}
