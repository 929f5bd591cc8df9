/* SPDX-License-Identifier: Apache-2.0 */
/* respool gen: makes a deterministic stream for trying things. */
#include "gen.h"

#include <errno.h>

#include "compression.h"
#include "numbers.h"
#include "options.h"
#include "output.h"
#include "report.h"
#include "tool.h"

static const char help[] = "Usage: respool gen [OPTION]...\n"
                           "Write an Arrow IPC stream of pseudo-random values to standard output. The same\n"
                           "options give the same bytes everywhere; the values do not depend on\n"
                           "--batch-rows.\n"
                           "\n"
                           "Options:\n"
                           "      --rows N         rows in all, such as 1000 or 10M (default 10000)\n"
                           "      --batch-rows N   rows of a batch (default 1000)\n"
                           "      --schema FIELDS  NAME:TYPE, separated by commas; a type with '!' after it\n"
                           "                       has no nulls (default id:int64!,name:utf8,value:float64)\n"
                           "      --seed N         another stream for each N (default 0)\n"
                           "      --null-rate F    how many of the values are null, 0 to 1 or in percent\n"
                           "                       (default 0)\n"
                           "      --compress CODEC compress the output: none (default), lz4 or zstd, with a\n"
                           "                       level if wanted, such as zstd:9\n"
                           "  -h, --help           show this text\n"
                           "  -V, --version        show the version\n"
                           "\n"
                           "Types:\n"
                           "  null bool int8 int16 int32 int64 uint8 uint16 uint32 uint64\n"
                           "  float16 float32 float64 (or half float double)\n"
                           "  decimal32(P,S) decimal64(P,S) decimal128(P,S) decimal256(P,S)\n"
                           "  date32 date64 time32[s|ms] time64[us|ns] duration[s|ms|us|ns]\n"
                           "  timestamp[s|ms|us|ns] timestamp[UNIT, ZONE]\n"
                           "  interval[year_month|day_time|month_day_nano]\n"
                           "  binary utf8 large_binary large_utf8 (or string large_string)\n"
                           "  fixed_size_binary(N) list<T> large_list<T> fixed_size_list<T>(N)\n"
                           "  map<K,V> struct<NAME:T,...>\n";

enum { OPTION_ROWS = OPTION_OWN, OPTION_BATCH_ROWS, OPTION_SCHEMA, OPTION_SEED, OPTION_NULL_RATE };

static const struct option_spec specs[] = {
    {OPTION_ROWS, 0, "rows", true},
    {OPTION_BATCH_ROWS, 0, "batch-rows", true},
    {OPTION_SCHEMA, 0, "schema", true},
    {OPTION_SEED, 0, "seed", true},
    {OPTION_NULL_RATE, 0, "null-rate", true},
    {OPTION_COMPRESS, 0, "compress", true},
    OPTIONS_COMMON,
};

struct gen {
  struct gen_options options;
  respool_ipc_write_options writing;
  const char *schema;
};

static int bad_value(const char *option, const char *expected, const char *value) {
  return report_usage("%s takes %s, not '%s'", option, expected, value);
}

/* Apply one option with a value. Answers an exit code, or -1 to go on. */
static int apply(struct gen *gen, int id, const char *value) {
  struct gen_options *options = &gen->options;
  switch (id) {
  case OPTION_ROWS:
    return number_count(value, &options->rows) ? -1 : bad_value("--rows", "a number such as 1000 or 10M", value);
  case OPTION_BATCH_ROWS:
    if (number_count(value, &options->batch_rows) && options->batch_rows > 0) return -1;
    return bad_value("--batch-rows", "a number above 0", value);
  case OPTION_SEED:
    return number_word(value, &options->seed) ? -1 : bad_value("--seed", "a number below 2^64", value);
  case OPTION_NULL_RATE:
    if (number_fraction(value, &options->null_rate)) return -1;
    return bad_value("--null-rate", "a number from 0 to 1 or a percentage", value);
  case OPTION_SCHEMA:
    gen->schema = value;
    return -1;
  case OPTION_COMPRESS:
    return compression_parse("--compress", value, &gen->writing);
  default:
    return options_standard(id, help);
  }
}

static int parse(struct gen *gen, int argc, char **argv) {
  struct options options;
  const char *value;
  options_begin(&options, specs, argc, argv);
  for (;;) {
    int id = options_next(&options, &value);
    if (id == OPTIONS_END) return -1;
    if (id == OPTIONS_BAD) return TOOL_USAGE;
    if (id == OPTIONS_OPERAND) return report_usage("takes no operand: '%s'", value);
    int code = apply(gen, id, value);
    if (code >= 0) return code;
  }
}

static int no_memory(void) {
  report_errno(NULL, "the generator", ENOMEM);
  return TOOL_FAILED;
}

static int write_stream(struct gen_node *root, const struct gen *gen) {
  struct ArrowArrayStream stream;
  respool_error error;
  if (!gen_stream(root, &gen->options, &stream)) return no_memory();
  int code = output_stream(&stream, &gen->writing, &error);
  if (error.status == RESPOOL_SOURCE_FAILED) report_error(NULL, "%s", error.message);
  stream.release(&stream);
  return code;
}

int command_gen(int argc, char **argv) {
  struct gen gen = {
      .options = {.rows = 10000, .batch_rows = 1000},
      .schema = "id:int64!,name:utf8,value:float64",
  };
  char error[512];
  respool_ipc_write_options_init(&gen.writing, sizeof gen.writing);
  int code = parse(&gen, argc, argv);
  if (code >= 0) return code;
  struct gen_node *root = gen_parse(gen.schema, error, sizeof error);
  if (!root) return error[0] ? report_usage("--schema: %s", error) : no_memory();
  code = output_check();
  if (code == TOOL_OK) code = write_stream(root, &gen);
  gen_free(root);
  return code;
}
