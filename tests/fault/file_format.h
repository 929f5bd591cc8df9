/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow IPC input for these tests, as a stream and as a file with its footer. */
#ifndef RESPOOL_TESTS_FAULT_FILE_FORMAT_H
#define RESPOOL_TESTS_FAULT_FILE_FORMAT_H

#include "bytes.h"

/* The first `count` batches (batches.h) as an IPC stream with end marker. */
void input_stream(int64_t count, kit_sink *sink);

/* The same as an IPC file. */
void input_file(int64_t count, kit_sink *sink);

#endif
