/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the IPC functions. May call: arrow, ipc, support. */
#ifndef RESPOOL_STREAM_OPTIONS_H
#define RESPOOL_STREAM_OPTIONS_H

#include "respool/respool.h"

/* The caller's options, checked; `given` NULL means the defaults. */
respool_status ipc_options_read(const respool_ipc_options *given, respool_ipc_options *options, respool_error *error);
respool_status ipc_write_options_read(const respool_ipc_write_options *given, respool_ipc_write_options *options,
                                      respool_error *error);

#endif
