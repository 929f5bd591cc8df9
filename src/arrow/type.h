/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrow's types and their format strings
 * (https://arrow.apache.org/docs/format/CDataInterface.html#data-type-description-format-strings).
 * May call: support.
 */
#ifndef RESPOOL_ARROW_TYPE_H
#define RESPOOL_ARROW_TYPE_H

#include "respool/respool.h"

#include <stdbool.h>
#include <stdint.h>

enum arrow_type_id {
  ARROW_NULL,
  ARROW_BOOL,
  ARROW_INT,          /* bit_width, is_signed */
  ARROW_FLOAT,        /* bit_width */
  ARROW_DECIMAL,      /* bit_width, precision, scale */
  ARROW_DATE,         /* unit: day or millisecond */
  ARROW_TIME,         /* bit_width, unit */
  ARROW_TIMESTAMP,    /* unit, text: the zone, "" for none */
  ARROW_DURATION,     /* unit */
  ARROW_INTERVAL,     /* interval */
  ARROW_FIXED_BINARY, /* size */
  ARROW_BINARY,       /* is_large; so for the next */
  ARROW_UTF8,
  ARROW_BINARY_VIEW,
  ARROW_UTF8_VIEW,
  ARROW_LIST,       /* is_large */
  ARROW_LIST_VIEW,  /* is_large */
  ARROW_FIXED_LIST, /* size */
  ARROW_STRUCT,
  ARROW_MAP,
  ARROW_UNION, /* is_dense, text: the type ids, comma separated */
  ARROW_RUN_END_ENCODED,
};

/* Values as in the flatbuffers schema (Schema.fbs), which is where they meet the wire. */
enum arrow_unit { ARROW_SECOND, ARROW_MILLI, ARROW_MICRO, ARROW_NANO, ARROW_DAY };
enum arrow_interval { ARROW_YEAR_MONTH, ARROW_DAY_TIME, ARROW_MONTH_DAY_NANO };

struct arrow_type {
  enum arrow_type_id id;
  int bit_width;
  bool is_signed;
  bool is_large;
  bool is_dense;
  enum arrow_unit unit;
  enum arrow_interval interval;
  int32_t precision;
  int32_t scale;
  int32_t size;
  const char *text; /* points into the format string that was parsed */
};

/* RESPOOL_INVALID, naming the string, where it is none that the specification knows. */
respool_status arrow_type_parse(const char *format, struct arrow_type *type, respool_error *error);

/* The format string, at most `size` bytes with its end; false if it does not fit. */
bool arrow_type_format(const struct arrow_type *type, char *out, size_t size);

/* A word or two for messages, such as "list view". */
const char *arrow_type_name(enum arrow_type_id id);

/* How many children the type must have; -1 for any number. */
int arrow_type_children(enum arrow_type_id id);

/* The type ids in a union's text, whose form was checked when it was parsed; how many. */
enum { ARROW_TYPE_IDS = 128 };
int arrow_type_ids(const char *text, int32_t ids[ARROW_TYPE_IDS]);

#endif
