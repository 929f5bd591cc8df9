/* SPDX-License-Identifier: Apache-2.0 */
/* Every scenario with every allocation failing in turn: the n-th, all from the n-th on, every second one. */
#include "play.h"

#include "check.h"

#include <errno.h>

static void sweep(const char *what, const struct fault *fault, enum ending ending) {
  int64_t points = 0;
  for (int s = 0; s < scenario_count && kit_failures() == 0; s++) points += play_points(&scenarios[s], fault, ending);
  kit_note("%s: %d fault points in %d scenarios", what, (int)points, scenario_count);
  CHECK_LE(scenario_count * 10, points);
}

static void an_allocation_fails(void) {
  sweep("one allocation", &(struct fault){.targets = FAULT_MEMORY, .error = ENOMEM}, END_HEALED);
}

static void every_second_allocation_fails(void) {
  sweep("every second allocation",
        &(struct fault){.targets = FAULT_MEMORY, .error = ENOMEM, .pattern = FAULT_EVERY_SECOND}, END_HEALED);
}

static void memory_has_run_out(void) {
  static const char *const words[] = {"memory has run out, for a while", "memory has run out, abandoned",
                                      "memory has run out, failed"};
  for (int ending = END_HEALED; ending < (kit_slow() ? 1 : ENDINGS); ending++)
    sweep(words[ending], &(struct fault){.targets = FAULT_MEMORY, .error = ENOMEM, .pattern = FAULT_FOR_EVER},
          (enum ending)ending);
}

/* No memory and no mapping: what is then left is an error that can be retried. */
static void neither_memory_nor_mappings(void) {
  sweep("neither memory nor mappings",
        &(struct fault){.targets = FAULT_MEMORY | FAULT_MMAP, .error = ENOMEM, .pattern = FAULT_EVERY_SECOND},
        END_HEALED);
}

static const kit_test tests[] = {
    KIT_TEST(an_allocation_fails),
    KIT_TEST(every_second_allocation_fails),
    KIT_TEST(memory_has_run_out),
    KIT_TEST(neither_memory_nor_mappings),
};

int main(int argc, char **argv) {
  fault_install();
  return KIT_MAIN(argc, argv, tests);
}
