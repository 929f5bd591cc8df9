/* SPDX-License-Identifier: Apache-2.0 */
/* Error records: filling the caller's respool_error. May call: nothing. */
#ifndef RESPOOL_SUPPORT_ERROR_H
#define RESPOOL_SUPPORT_ERROR_H

#include "respool/respool.h"

/*
 * All return the status they were given or derived, so that `return error_set(...)` reads well. `error` may be NULL.
 * They are cold: the compiler keeps ways to them apart from what is usually done.
 */

__attribute__((cold, format(printf, 3, 4))) respool_status error_set(respool_error *error, respool_status status,
                                                                     const char *format, ...);

/* From an errno value: NO_SPACE, NO_MEMORY or IO; the system's text is appended. */
__attribute__((cold, format(printf, 3, 4))) respool_status error_set_os(respool_error *error, int os_error,
                                                                        const char *format, ...);

/* Put "<prefix>: " before the message that is there. */
__attribute__((cold, format(printf, 2, 3))) void error_prefix(respool_error *error, const char *format, ...);

__attribute__((cold)) respool_status error_no_memory(respool_error *error);

/* Copy `record` out to the caller and return its status. */
__attribute__((cold)) respool_status error_copy(respool_error *error, const respool_error *record);

/* Copy text into `out` (of `size` bytes), cut between UTF-8 characters where it is too long. */
void error_copy_text(char *out, size_t size, const char *text);

/* The errno value a C stream answers for this record: its own, or the nearest to its status. */
int error_to_errno(const respool_error *record);

#endif
