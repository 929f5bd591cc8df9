/* SPDX-License-Identifier: Apache-2.0 */
/* What a C data interface format string says about an array's buffers, as far as the tests need it. */
#ifndef RESPOOL_TESTS_KIT_FORMAT_H
#define RESPOOL_TESTS_KIT_FORMAT_H

#include <stdint.h>

typedef enum kit_kind {
  KIT_NULL,
  KIT_BOOL,
  KIT_FIXED,      /* width: bytes per slot */
  KIT_BINARY,     /* width: bytes per offset, 4 or 8 */
  KIT_LIST,       /* width: bytes per offset, 4 or 8; maps too */
  KIT_FIXED_LIST, /* width: items per slot */
  KIT_STRUCT
} kit_kind;

typedef struct kit_layout {
  kit_kind kind;
  int64_t width;
  int64_t buffers;
} kit_layout;

/* The layout of a format that this version of the library stores; ends the program on any other. */
kit_layout kit_layout_of(const char *format);

#endif
