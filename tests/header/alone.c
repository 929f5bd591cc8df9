/* SPDX-License-Identifier: Apache-2.0 */
/* The header compiles as the first and only one, also when it is included twice. Compiled as C and as C++. */
#include <respool/respool.h>

#include <respool/respool.h>

extern int header_alone(respool *spool, respool_stats *stats);

int header_alone(respool *spool, respool_stats *stats) {
  struct ArrowArrayStream stream;
  stats->struct_size = sizeof(respool_stats);
  if (respool_get_stats(spool, stats, NULL) != RESPOOL_OK) return ARROW_FLAG_NULLABLE;
  return respool_export(spool, NULL, &stream, NULL) == RESPOOL_OK && RESPOOL_NO_LIMIT > RESPOOL_DEFAULT_MEMORY_LIMIT;
}
