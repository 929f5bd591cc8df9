/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command line arguments: -m 64M, -m64M, -qm 64M, --memory-limit 64M, --memory-limit=64M; options and operands in any
 * order; "--" ends the options; "-" is an operand.
 */
#ifndef RESPOOL_CLI_OPTIONS_H
#define RESPOOL_CLI_OPTIONS_H

#include <stdbool.h>

/* What options_next() answers besides an option's own `id`, which is above 0. */
enum { OPTIONS_END = 0, OPTIONS_OPERAND = -1, OPTIONS_BAD = -2 };

/* Ids of options that several subcommands have; their own start at OPTION_OWN. */
enum { OPTION_HELP = 1, OPTION_VERSION, OPTION_ALLOW_MISSING_END, OPTION_MAX_EXPANSION, OPTION_COMPRESS, OPTION_OWN };

struct option_spec {
  int id;      /* 0 ends the table */
  char letter; /* 0: none */
  const char *name;
  bool has_value;
};

/* --help and --version, for the end of each table. */
#define OPTIONS_COMMON                                                                                                 \
  {OPTION_HELP, 'h', "help", false}, {OPTION_VERSION, 'V', "version", false}, {                                        \
    0, 0, 0, false                                                                                                     \
  }

struct options {
  const struct option_spec *specs;
  int count;
  char **arguments;
  int next;            /* index of the next argument */
  const char *cluster; /* what is left of one like -qm64M, else NULL */
  bool only_operands;  /* "--" was seen */
};

void options_begin(struct options *options, const struct option_spec *specs, int argc, char **argv);

/*
 * The next option or operand. `*value` is the option's value (NULL where it has none) or the operand. OPTIONS_BAD was
 * reported.
 */
int options_next(struct options *options, const char **value);

/* Do what --help or --version asks, with `help` for the text. Answers an exit code. */
int options_standard(int id, const char *help);

#endif
