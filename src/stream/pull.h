/* SPDX-License-Identifier: Apache-2.0 */
/* Pulling from a producer's ArrowArrayStream, with its errors as records. May call: support. */
#ifndef RESPOOL_STREAM_PULL_H
#define RESPOOL_STREAM_PULL_H

#include "respool/respool.h"

/* The stream's schema, for the caller to release. RESPOOL_SOURCE_FAILED with the stream's code and text. */
respool_status pull_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema, respool_error *error);

/* Its next array, for the caller to release; RESPOOL_END at the end. RESPOOL_SOURCE_FAILED. */
respool_status pull_next(struct ArrowArrayStream *stream, struct ArrowArray *array, respool_error *error);

#endif
