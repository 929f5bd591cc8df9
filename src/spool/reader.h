/* SPDX-License-Identifier: Apache-2.0 */
/* What export.c needs of a reader beside the public functions. */
#ifndef RESPOOL_SPOOL_READER_H
#define RESPOOL_SPOOL_READER_H

#include "respool/respool.h"

/* RESPOOL_MISUSE in a forked child, or if a thread is inside. */
respool_status reader_check_idle(struct respool_reader *reader, respool_error *error);

/* The spool's schema, copied. */
respool_status reader_schema(struct respool_reader *reader, struct ArrowSchema *schema, respool_error *error);

#endif
