/* SPDX-License-Identifier: Apache-2.0 */
/* Structs led by their size, as they come from callers and go to them. May call: nothing. */
#ifndef RESPOOL_SUPPORT_OPTIONS_H
#define RESPOOL_SUPPORT_OPTIONS_H

#include "respool/respool.h"

/*
 * Lay the caller's struct over `merged`, which holds the defaults and is `known` bytes long. A shorter one was
 * compiled against an older header; a longer one against a newer, which is refused if it asks for anything this
 * library does not know.
 */
respool_status options_merge(const void *given, void *merged, size_t known, respool_error *error);

/* Copy the front of `full` to the caller's struct, which says its own size in its first member and keeps it. */
respool_status options_give(const void *full, size_t known, void *to, respool_error *error);

#endif
