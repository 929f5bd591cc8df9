/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump: print an Arrow IPC stream as JSON in the layout of Arrow's integration tests. Shared declarations.
 * Little-endian machines only, as the streams it is fed with.
 */
#ifndef RESPOOL_TESTS_GOLDEN_DUMP_H
#define RESPOOL_TESTS_GOLDEN_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "respool/respool.h"

enum dump_kind {
  DUMP_NULL,
  DUMP_BOOL,
  DUMP_INT,
  DUMP_FLOAT,
  DUMP_DECIMAL,
  DUMP_DATE,
  DUMP_TIME,
  DUMP_TIMESTAMP,
  DUMP_DURATION,
  DUMP_INTERVAL,
  DUMP_FIXED_BINARY,
  DUMP_BINARY,
  DUMP_UTF8,
  DUMP_BINARY_VIEW,
  DUMP_UTF8_VIEW,
  DUMP_LIST,
  DUMP_MAP,
  DUMP_FIXED_LIST,
  DUMP_STRUCT,
  DUMP_LIST_VIEW,
  DUMP_UNION,
  DUMP_RUN_ENDS
};

/* A format string taken apart. Members that the kind does not use are zero. */
struct dump_type {
  enum dump_kind kind;
  int bits;             /* of one value of fixed width */
  bool is_signed;       /* DUMP_INT */
  bool large;           /* 64-bit offsets */
  bool dense;           /* DUMP_UNION */
  int64_t width;        /* bytes (FIXED_BINARY) or elements (FIXED_LIST) */
  int precision;        /* DUMP_DECIMAL */
  int scale;            /* DUMP_DECIMAL */
  const char *unit;     /* its name in the JSON */
  const char *timezone; /* DUMP_TIMESTAMP; points into the format */
  const char *type_ids; /* DUMP_UNION, comma separated; points into the format */
};

/* False for a format that this program does not know. */
bool dump_type_parse(const char *format, struct dump_type *type);

/* A JSON string. Bytes that are not ASCII go out as they are. */
void dump_text(FILE *out, const char *bytes, size_t size);

/* The value of "schema". False for an unknown type. */
bool dump_schema(FILE *out, const struct ArrowSchema *schema);

/*
 * One element of "batches", with its dictionaries as they are in force for it: they may change from batch to batch.
 * `schema` has been printed, so its types are known.
 */
void dump_batch(FILE *out, const struct ArrowSchema *schema, const struct ArrowArray *array);

/* Rows [start, start + count) of an array, counted from its offset, as an element of "columns" or "children". */
void dump_column(FILE *out, const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t start,
                 int64_t count);

/* The members of list views, unions, run ends and views behind "count" and "VALIDITY"; false for other kinds. */
bool dump_special(FILE *out, const struct dump_type *type, const struct ArrowSchema *schema,
                  const struct ArrowArray *array, int64_t first, int64_t count);

/* `count` values of an array from slot `first` on, which is counted in the buffers (the array's offset is in it). */
void dump_values(FILE *out, const struct dump_type *type, const struct ArrowArray *array, int64_t first, int64_t count);

/* Bytes as a string of hexadecimal digits. */
void dump_hex(FILE *out, const char *bytes, int64_t size);

/* One validity or boolean bit; an absent bitmap is all ones. */
bool dump_bit(const void *bitmap, int64_t slot);

/* Whether slot `slot` of the buffers is valid. */
bool dump_valid(const struct ArrowArray *array, int64_t slot);

/* One element of an offset buffer. */
int64_t dump_offset(const struct dump_type *type, const struct ArrowArray *array, int64_t slot);

#endif
