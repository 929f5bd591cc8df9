/* SPDX-License-Identifier: Apache-2.0 */
/* Command line arguments. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "report.h"
#include "respool/respool.h"
#include "tool.h"

void options_begin(struct options *options, const struct option_spec *specs, int argc, char **argv) {
  *options = (struct options){.specs = specs, .count = argc, .arguments = argv, .next = 1};
}

static int bad_usage(const char *before, const char *name, size_t length, const char *after) {
  report_usage("%s%.*s%s", before, (int)length, name, after);
  return OPTIONS_BAD;
}

static const struct option_spec *find_letter(const struct options *options, char letter) {
  for (const struct option_spec *spec = options->specs; spec->id != 0; spec++) {
    if (spec->letter == letter) return spec;
  }
  return NULL;
}

static const struct option_spec *find_name(const struct options *options, const char *name, size_t length) {
  for (const struct option_spec *spec = options->specs; spec->id != 0; spec++) {
    if (strlen(spec->name) == length && strncmp(spec->name, name, length) == 0) return spec;
  }
  return NULL;
}

/* The argument after an option, as its value; NULL if there is none. */
static const char *take_argument(struct options *options) {
  return options->next < options->count ? options->arguments[options->next++] : NULL;
}

/* --name, --name=value or --name value. `argument` includes the dashes. */
static int next_long(struct options *options, const char *argument, const char **value) {
  const char *name = argument + 2;
  const char *equals = strchr(name, '=');
  size_t length = equals ? (size_t)(equals - name) : strlen(name);
  const struct option_spec *spec = find_name(options, name, length);
  if (!spec) return bad_usage("unknown option '", argument, length + 2, "'");
  if (!spec->has_value) {
    return equals ? bad_usage("option '", argument, length + 2, "' takes no value") : spec->id;
  }
  *value = equals ? equals + 1 : take_argument(options);
  return *value ? spec->id : bad_usage("option '", argument, length + 2, "' needs a value");
}

/* The next letter of a cluster such as -qm64M. */
static int next_letter(struct options *options, const char **value) {
  char name[3] = {'-', *options->cluster++, '\0'};
  const struct option_spec *spec = find_letter(options, name[1]);
  if (!spec) return bad_usage("unknown option '", name, 2, "'");
  const char *rest = *options->cluster ? options->cluster : NULL;
  options->cluster = rest;
  if (!spec->has_value) return spec->id;
  *value = rest ? rest : take_argument(options);
  options->cluster = NULL;
  return *value ? spec->id : bad_usage("option '", name, 2, "' needs a value");
}

int options_next(struct options *options, const char **value) {
  *value = NULL;
  if (options->cluster) return next_letter(options, value);
  const char *argument = take_argument(options);
  if (!argument) return OPTIONS_END;
  if (!options->only_operands && strcmp(argument, "--") == 0) {
    options->only_operands = true;
    return options_next(options, value);
  }
  if (options->only_operands || argument[0] != '-' || argument[1] == '\0') {
    *value = argument;
    return OPTIONS_OPERAND;
  }
  if (argument[1] == '-') return next_long(options, argument, value);
  options->cluster = argument + 1;
  return next_letter(options, value);
}

int options_standard(int id, const char *help) {
  if (id == OPTION_VERSION) {
    printf("respool %s\n", respool_version());
  } else {
    fputs(help, stdout);
  }
  return report_flush_stdout(TOOL_OK);
}
