/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas out of fuzz input. */
#ifndef RESPOOL_FUZZ_SCHEMA_BYTES_H
#define RESPOOL_FUZZ_SCHEMA_BYTES_H

#include "fuzz.h"

/* A struct schema of a few fields of any type the library stores, nested by chance. The caller releases it. */
void schema_from_bytes(fuzz_input *input, struct ArrowSchema *schema);

#endif
