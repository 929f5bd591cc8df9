/* SPDX-License-Identifier: Apache-2.0 */
/* Repeatable random numbers for tests. */
#include "random.h"

#include <string.h>

static uint64_t splitmix(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int by) {
  return (x << by) | (x >> (64 - by));
}

uint64_t kit_mix(uint64_t x) {
  return splitmix(&x);
}

void kit_random_init(kit_random *random, uint64_t seed) {
  for (int i = 0; i < 4; i++) random->state[i] = splitmix(&seed);
}

uint64_t kit_random_next(kit_random *random) {
  uint64_t *s = random->state;
  uint64_t result = rotate(s[1] * 5, 7) * 9;
  uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = rotate(s[3], 45);
  return result;
}

int64_t kit_random_below(kit_random *random, int64_t bound) {
  return (int64_t)(kit_random_next(random) % (uint64_t)bound);
}

int64_t kit_random_between(kit_random *random, int64_t low, int64_t high) {
  return low + kit_random_below(random, high - low + 1);
}

bool kit_random_chance(kit_random *random, double probability) {
  return (double)(kit_random_next(random) >> 11) * 0x1.0p-53 < probability;
}

void kit_random_fill(kit_random *random, void *bytes, size_t size) {
  unsigned char *to = bytes;
  while (size > 0) {
    uint64_t word = kit_random_next(random);
    size_t take = size < sizeof word ? size : sizeof word;
    memcpy(to, &word, take);
    to += take;
    size -= take;
  }
}
