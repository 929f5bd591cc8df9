/* SPDX-License-Identifier: Apache-2.0 */
/* --compress and --compress-spool: how bodies are compressed. */
#ifndef RESPOOL_CLI_COMPRESSION_H
#define RESPOOL_CLI_COMPRESSION_H

#include "respool/respool.h"

/*
 * none, lz4 or zstd, the latter two with a level after a colon if wanted. `option` is its name, for messages. Answers
 * an exit code, or -1 to go on. A spool takes adaptive as well.
 */
int compression_parse(const char *option, const char *value, respool_ipc_write_options *options);
int compression_parse_spool(const char *option, const char *value, respool_ipc_write_options *options);

#endif
