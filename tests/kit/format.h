/* SPDX-License-Identifier: Apache-2.0 */
/* What a C data interface format string says about an array's buffers, and how single slots are read from them. */
#ifndef RESPOOL_TESTS_KIT_FORMAT_H
#define RESPOOL_TESTS_KIT_FORMAT_H

#include <respool/respool.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum kit_kind {
  KIT_NULL,
  KIT_BOOL,
  KIT_FIXED,      /* width: bytes per slot */
  KIT_BINARY,     /* width: bytes per offset, 4 or 8 */
  KIT_VIEW,       /* width: bytes per view, 16 */
  KIT_LIST,       /* width: bytes per offset, 4 or 8; maps too */
  KIT_LIST_VIEW,  /* width: bytes per offset and per size, 4 or 8 */
  KIT_FIXED_LIST, /* width: items per slot */
  KIT_STRUCT,
  KIT_SPARSE,
  KIT_DENSE,
  KIT_RUN_END
} kit_kind;

typedef struct kit_layout {
  kit_kind kind;
  int64_t width;
  int64_t buffers; /* of views those that are always there: validity, views, sizes of the data buffers */
} kit_layout;

/* Ends the program on a format that is none. A dictionary-encoded array's is that of its indices. */
kit_layout kit_layout_of(const char *format);

/* Whether the first buffer is a validity bitmap. */
bool kit_has_validity(kit_kind kind);

/* Whether a slot, counted from the start of the buffers, is null by the array's own bitmap. */
bool kit_slot_null(kit_kind kind, const struct ArrowArray *array, int64_t slot);

/* A signed number of 1, 2, 4 or 8 bytes, anywhere in memory. */
int64_t kit_number_at(const void *numbers, int64_t width, int64_t slot);

/* A dictionary index of this format, also one that is not signed. */
int64_t kit_index_at(const char *format, const void *indices, int64_t slot);

enum { KIT_TYPE_IDS = 128, KIT_VIEW_INLINE = 12 };

/* The type ids of a union's format, one for each child; how many. */
int kit_type_ids(const char *format, int8_t ids[KIT_TYPE_IDS]);

/* The child that a type id stands for, or -1. */
int kit_child_of(const char *format, int8_t id);

/* The buffers of a union, without the validity slot that older producers have in front. */
const void **kit_union_buffers(const struct ArrowArray *array, kit_layout layout);

/* The run that covers a row, counted from the start of the runs; -1: none. */
int64_t kit_run_of(const struct ArrowArray *ends, int64_t width, int64_t row);

#endif
