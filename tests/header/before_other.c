/* SPDX-License-Identifier: Apache-2.0 */
/* Another header that comes later takes the Arrow structs of this one. Compiled as C and as C++. */
#include <respool/respool.h>

#include "other_arrow.h"

extern int header_before_other(respool *spool, struct ArrowArrayStream *stream);

int header_before_other(respool *spool, struct ArrowArrayStream *stream) {
  return respool_export(spool, NULL, stream, NULL) == RESPOOL_OK;
}
