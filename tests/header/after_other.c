/* SPDX-License-Identifier: Apache-2.0 */
/* The header takes the Arrow structs that another header has defined before. Compiled as C and as C++. */
#include "other_arrow.h"
#include <respool/respool.h>

extern respool_status header_after_other(struct ArrowSchema *schema, respool **spool, respool_writer **writer);

respool_status header_after_other(struct ArrowSchema *schema, respool **spool, respool_writer **writer) {
  return respool_create(schema, NULL, spool, writer, NULL);
}
