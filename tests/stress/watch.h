/* SPDX-License-Identifier: Apache-2.0 */
/* Watching the process that runs programs: what it takes, and what it was doing when it fell. */
#ifndef RESPOOL_TESTS_STRESS_WATCH_H
#define RESPOOL_TESTS_STRESS_WATCH_H

#include <stdint.h>

/* Print this line if the process is ended by a signal or a sanitizer, or if it is not called again within `seconds`,
 * which then ends the process. Seconds 0: nothing is due any more. */
void watch_line(unsigned seconds, const char *format, ...) __attribute__((format(printf, 2, 3)));

typedef struct watch_numbers {
  int64_t resident; /* bytes */
  int64_t heap;     /* bytes that malloc has given out and not got back; 0 where it does not tell */
  int64_t descriptors;
  int64_t mappings;
  int64_t threads;
} watch_numbers;

/* `settle`: give unused memory back to the system first. */
watch_numbers watch_look(int settle);

/* Milliseconds of a clock that only goes forward. */
int64_t watch_clock(void);

#endif
