/* SPDX-License-Identifier: Apache-2.0 */
/* A stream that passes another one on and looks at all that goes through. */
#ifndef RESPOOL_FUZZ_RELAY_H
#define RESPOOL_FUZZ_RELAY_H

#include "fuzz.h"

typedef struct relay {
  struct ArrowArrayStream source; /* owned; released by relay_close() */
  struct ArrowSchema schema;
  bool walk; /* whether batches are to be walked: they were validated in full */
  int64_t batches;
  int64_t rows;
  int code; /* what get_next answered in the end, 0 if that was the end of the stream */
} relay;

/* Takes over `source`, which must yield its schema. */
void relay_open(relay *r, struct ArrowArrayStream *source, bool walk);

/* The stream to be pulled; its release does nothing. Valid until the relay is closed. */
struct ArrowArrayStream relay_stream(relay *r);

/* One batch; false at the end and on an error, which is in `code`. */
bool relay_next(relay *r, struct ArrowArray *array);

void relay_close(relay *r);

#endif
