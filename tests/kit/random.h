/* SPDX-License-Identifier: Apache-2.0 */
/* Repeatable random numbers for tests: xoshiro256**, seeded through splitmix64. */
#ifndef RESPOOL_TESTS_KIT_RANDOM_H
#define RESPOOL_TESTS_KIT_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kit_random {
  uint64_t state[4];
} kit_random;

/* One well-mixed number from another, for deriving seeds. */
uint64_t kit_mix(uint64_t x);

void kit_random_init(kit_random *random, uint64_t seed);
uint64_t kit_random_next(kit_random *random);

/* 0 <= result < bound; bound > 0. */
int64_t kit_random_below(kit_random *random, int64_t bound);

/* low <= result <= high. */
int64_t kit_random_between(kit_random *random, int64_t low, int64_t high);

/* True with this probability. */
bool kit_random_chance(kit_random *random, double probability);

void kit_random_fill(kit_random *random, void *bytes, size_t size);

#endif
