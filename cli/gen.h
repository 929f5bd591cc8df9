/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of `respool gen`: a tree of nodes parsed from the schema text, the values of each, and the stream.
 *
 * The value at a place depends on the seed, on where its node stands in the schema, and on how many values that node
 * has made before, and on nothing else: not on the size of batches, the machine, or other columns. Only integer
 * arithmetic and exact conversions are used.
 */
#ifndef RESPOOL_CLI_GEN_H
#define RESPOOL_CLI_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "respool/respool.h"

enum gen_kind {
  GEN_NULL,
  GEN_BITS,
  GEN_RAW, /* any bytes are a value; `width` of them */
  GEN_FLOAT16,
  GEN_FLOAT32,
  GEN_FLOAT64,
  GEN_DECIMAL,
  GEN_DATE32,
  GEN_DATE64,
  GEN_TIME, /* of day, 4 or 8 bytes, in `unit`ths of a second */
  GEN_TIMESTAMP,
  GEN_DURATION,
  GEN_MONTHS,
  GEN_DAY_TIME,
  GEN_MONTH_DAY_NANO,
  GEN_BYTES, /* binary */
  GEN_TEXT,
  GEN_LIST, /* and maps */
  GEN_FIXED_LIST,
  GEN_STRUCT
};

struct gen_node {
  enum gen_kind kind;
  char *name;
  char *format; /* of the C data interface */
  bool nullable;
  bool large;        /* offsets of 64 bits */
  int32_t width;     /* bytes of a value; of a fixed size list its length */
  int32_t precision; /* of a decimal */
  int32_t unit;      /* parts of a second */
  size_t child_count;
  struct gen_node **children;
  uint64_t seed;
  int64_t made; /* values made so far */
};

/*
 * Parse "name:type,name:type". The answer is a struct node, for gen_free(). NULL: `error` says what is wrong and where;
 * NULL with an empty `error`: no memory.
 */
struct gen_node *gen_parse(const char *text, char *error, size_t error_size);

void gen_free(struct gen_node *node);

/* A node with `format`, copied, and room for `children`. NULL: no memory. */
struct gen_node *gen_node_new(enum gen_kind kind, const char *format, size_t children);

/* Set `name`. False: no memory. */
bool gen_node_name(struct gen_node *node, const char *name, size_t length);

/* Number `index` of the sequence of `seed`. */
uint64_t gen_word(uint64_t seed, uint64_t index);

/* `count` values of a node of fixed width, from number `start` on, to `out`, which has room for 8 bytes more. */
void gen_fill(const struct gen_node *node, int64_t start, int64_t count, void *out);

/* `count` bits; the bytes of `out` are written whole, and 8 more may be. */
void gen_fill_bits(const struct gen_node *node, int64_t start, int64_t count, uint8_t *out);

/*
 * Validity bits; a value is null with probability `rate` / 2^32. Answers how many are null. `out` as for
 * gen_fill_bits().
 */
int64_t gen_fill_validity(const struct gen_node *node, int64_t start, int64_t count, uint64_t rate, uint8_t *out);

/* Length of value number `index` of a node with offsets: bytes, or items of a list. */
int32_t gen_length(const struct gen_node *node, int64_t index);

/* The bytes of value number `index` of a binary or text node, `length` of them; 8 more may be written. */
void gen_bytes(const struct gen_node *node, int64_t index, int32_t length, uint8_t *out);

struct gen_options {
  int64_t rows;
  int64_t batch_rows;
  uint64_t seed;
  double null_rate;
};

/* The stream of batches, made one at a time. Borrows `root`, and changes it. False: no memory. */
bool gen_stream(struct gen_node *root, const struct gen_options *options, struct ArrowArrayStream *stream);

/*
 * A struct array of the next `count` rows. 0, or an errno value: ENOMEM, EOVERFLOW (offsets of 32 bits do not suffice).
 */
int gen_batch(struct gen_node *root, int64_t count, uint64_t null_rate, struct ArrowArray *array);

#endif
