/* SPDX-License-Identifier: Apache-2.0 */
/* Plain or packed: see adapt.h. */
#include "spool/adapt.h"

#include "support/arith.h"

enum { SETTLING = 2, SURPRISES = 2, DOUBTS = 2 };

static bool is_opening(const struct adapt *adapt) {
  return adapt->samples[0] < ADAPT_OPENING || adapt->samples[1] < ADAPT_OPENING;
}

bool adapt_packs(const struct adapt *adapt) {
  return is_opening(adapt) ? adapt->turn : adapt->chosen != adapt->trying;
}

int64_t adapt_most(const struct adapt *adapt, int64_t chunk) {
  bool brief = is_opening(adapt) || (adapt_packs(adapt) && (adapt->trying || adapt->doubts > 0));
  return brief && chunk > ADAPT_SHORT_BYTES ? ADAPT_SHORT_BYTES : chunk;
}

/* At least 1, and so little that a multiple by ADAPT_MOST_REST fits. */
static int64_t cost_of(int64_t bytes, int64_t nanoseconds) {
  const int64_t most = (int64_t)1 << 40; /* 18 minutes */
  if (nanoseconds > most) nanoseconds = most;
  int64_t cost = (nanoseconds << 20) / bytes;
  return cost < 1 ? 1 : cost > most ? most : cost;
}

/* Packed bytes are to be unpacked by every reader, so they have to save something. */
static bool should_pack(const struct adapt *adapt) {
  return adapt->chosen ? adapt->cost[1] <= adapt->cost[0] : adapt->cost[1] < adapt->cost[0] - adapt->cost[0] / 8;
}

/* No trial before so many times these bytes were written. */
static void rest(struct adapt *adapt, int64_t times, int64_t bytes) {
  if (!mul_fits(bytes, times, &adapt->rest_bytes)) adapt->rest_bytes = INT64_MAX;
  adapt->rested_bytes = 0;
  adapt->rested_samples = 0;
}

/* ... after a trial of these: so many times that what it cost on top is a small share. */
static void rest_from_trial(struct adapt *adapt, int64_t bytes) {
  int64_t cost = adapt->cost[adapt->chosen];
  int64_t excess = adapt->cost[!adapt->chosen] - cost;
  int64_t times = excess / cost < ADAPT_MOST_REST ? excess * ADAPT_SHARE / cost : ADAPT_MOST_REST;
  if (times < adapt->step) times = adapt->step;
  rest(adapt, times < ADAPT_MOST_REST ? times : ADAPT_MOST_REST, bytes);
}

/* The form that is left is tried again soon, twice: a pause of the system may be all that made it dear. */
static void choose(struct adapt *adapt) {
  bool packed = should_pack(adapt);
  if (packed == adapt->chosen) return;
  adapt->chosen = packed;
  adapt->settling = SETTLING;
  adapt->surprises = 0;
  adapt->doubts = DOUBTS;
  rest(adapt, 0, 0);
}

/* The first samples: the better one of each form. */
static void open_with(struct adapt *adapt, bool packed, int64_t cost) {
  int64_t *known = &adapt->cost[packed];
  if (*known == 0 || cost < *known) *known = cost;
  if (adapt->samples[packed] < ADAPT_OPENING) adapt->samples[packed]++;
  if (is_opening(adapt)) return;
  adapt->chosen = should_pack(adapt);
  adapt->step = ADAPT_LEAST_REST;
  rest_from_trial(adapt, ADAPT_SHORT_BYTES);
}

static void conclude_trial(struct adapt *adapt, int64_t bytes, int64_t cost) {
  int64_t *known = &adapt->cost[!adapt->chosen];
  bool again = adapt->doubts > 0 && adapt->doubts < DOUBTS; /* the better one of two */
  if (!again || cost < *known) *known = cost;
  adapt->trying = false;
  if (adapt->doubts > 0) adapt->doubts--;
  if (adapt->doubts > 0) {
    rest(adapt, 0, 0);
  } else {
    if (adapt->step < ADAPT_MOST_STEP) adapt->step *= 2;
    rest_from_trial(adapt, bytes);
  }
  choose(adapt);
}

/* Whether this is the second surprise of its kind: what is known of both forms is out of date. */
static bool costs_changed(struct adapt *adapt, int64_t cost) {
  int64_t known = adapt->cost[adapt->chosen];
  int kind = cost / 2 > known ? 1 : cost < known / 2 ? -1 : 0;
  adapt->surprises = kind * adapt->surprises > 0 ? adapt->surprises + kind : kind;
  return adapt->surprises == kind * SURPRISES && kind != 0;
}

static void start_over(struct adapt *adapt, int64_t cost) {
  adapt->cost[adapt->chosen] = cost;
  adapt->surprises = 0;
  adapt->step = ADAPT_LEAST_REST;
  adapt->rest_bytes = 0;
}

/* One more sample of the form that is chosen. */
static void learn(struct adapt *adapt, int64_t cost) {
  int64_t *known = &adapt->cost[adapt->chosen];
  if (adapt->settling > 0) {
    adapt->settling--;
    *known += (cost - *known) / 2;
  } else if (costs_changed(adapt, cost)) {
    start_over(adapt, cost);
  } else {
    *known += (cost - *known) / 4;
  }
}

static void follow(struct adapt *adapt, int64_t bytes, int64_t cost) {
  adapt->rested_bytes = add_saturating(adapt->rested_bytes, bytes);
  adapt->rested_samples++;
  learn(adapt, cost);
  choose(adapt);
  adapt->trying = adapt->rested_samples >= ADAPT_LEAST_REST && adapt->rested_bytes >= adapt->rest_bytes;
}

/* The sample's bytes and cost; 0: it is not there yet. */
static int64_t take_sample(struct adapt *adapt, bool packed, int64_t *cost) {
  int64_t bytes = adapt->bytes[packed];
  if (bytes < ADAPT_SAMPLE_BYTES) return 0;
  *cost = cost_of(bytes, adapt->nanoseconds[packed]);
  adapt->bytes[packed] = 0;
  adapt->nanoseconds[packed] = 0;
  return bytes;
}

void adapt_note(struct adapt *adapt, int64_t bytes, int64_t nanoseconds) {
  if (bytes <= 0) return;
  bool packed = adapt_packs(adapt);
  if (nanoseconds < 0) nanoseconds = 0;
  adapt->bytes[packed] = add_saturating(adapt->bytes[packed], bytes);
  adapt->nanoseconds[packed] = add_saturating(adapt->nanoseconds[packed], nanoseconds);
  adapt->turn = !packed;
  int64_t cost = 0;
  int64_t sample = take_sample(adapt, packed, &cost);
  if (sample == 0) return;
  if (is_opening(adapt))
    open_with(adapt, packed, cost);
  else if (adapt->trying)
    conclude_trial(adapt, sample, cost);
  else
    follow(adapt, sample, cost);
}
