/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included ahead of each file of the library when clang-tidy looks at it (./dev lint), and in no build. The analyzer sees
 * one file at a time; this tells it that a status which was set is an error, so that it does not follow ways on which
 * a function has failed and yet answered RESPOOL_OK.
 */
#include "support/error.h"

#define error_set(...)       ((void)error_set(__VA_ARGS__), RESPOOL_INVALID)
#define error_set_os(...)    ((void)error_set_os(__VA_ARGS__), RESPOOL_IO)
#define error_no_memory(...) ((void)error_no_memory(__VA_ARGS__), RESPOOL_NO_MEMORY)
