/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A random schema, and random steps with a spool: batches with offsets and nulls at every level in buffers of exactly
 * their size are appended under a random limit, mode and chunk, while readers come, read and go; everything that comes
 * out is compared slot by slot with what went in. See machine.h.
 */
#include "array_build.h"
#include "fuzz.h"
#include "machine.h"
#include "schema_build.h"

enum { STEPS_MOST = 120 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static machine m;
  fuzz_input input = {.bytes = data, .size = size};
  machine_open(&m, &input);
  for (int i = 0; i < STEPS_MOST && !fuzz_at_end(&input); i++) machine_step(&m);
  machine_end(&m);
  FUZZ_CHECK(kit_live_arrays() == 0, "an array was not released");
  FUZZ_CHECK(kit_live_schemas() == 0, "a schema was not released");
  return 0;
}
