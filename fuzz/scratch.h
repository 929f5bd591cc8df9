/* SPDX-License-Identifier: Apache-2.0 */
/* Names for files of a fuzz run, in a directory that is removed when the process ends well. */
#ifndef RESPOOL_FUZZ_SCRATCH_H
#define RESPOOL_FUZZ_SCRATCH_H

#include <stddef.h>

/* A path at which there is nothing. The caller removes what it makes there. */
void scratch_name(char *path, size_t size);

#endif
