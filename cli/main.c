/* SPDX-License-Identifier: Apache-2.0 */
/* The command line tool: finds the subcommand. It uses the public header of the library and POSIX, nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "report.h"
#include "tool.h"

static const char help[] = "Usage: respool COMMAND [OPTION]... [ARGUMENT]...\n"
                           "Keep an Arrow stream so that it can be replayed.\n"
                           "\n"
                           "Commands:\n"
                           "  tee     spool a stream and replay it to any number of outputs\n"
                           "  cat     decode streams and write them as one clean stream\n"
                           "  info    show schema, batches, rows and sizes\n"
                           "  verify  read everything and check it\n"
                           "  gen     make a deterministic stream for trying things\n"
                           "\n"
                           "'respool COMMAND --help' explains one of them.\n"
                           "\n"
                           "Options:\n"
                           "  -h, --help     show this text\n"
                           "  -V, --version  show the version\n"
                           "\n"
                           "Input is an Arrow IPC stream or file; '-' is standard input.\n"
                           "Exit status: 0 done, 1 data or input/output error, 2 wrong use.\n";

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} commands[] = {
    {"tee", command_tee},       {"cat", command_cat}, {"info", command_info},
    {"verify", command_verify}, {"gen", command_gen},
};

static const struct option_spec specs[] = {OPTIONS_COMMON};

/*
 * Make sure that descriptors 0 to 2 are open, so that no file opened later becomes standard output by accident. What
 * was closed is opened the wrong way round: using it fails, as it would have done.
 */
static void occupy_standard_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0) exit(TOOL_FAILED);
  }
}

/* Options before a subcommand, or a wrong one. */
static int run_without_command(int argc, char **argv) {
  struct options options;
  const char *value;
  options_begin(&options, specs, argc, argv);
  int id = options_next(&options, &value);
  switch (id) {
  case OPTIONS_BAD:
    return TOOL_USAGE;
  case OPTIONS_END:
    return report_usage("no command given");
  case OPTIONS_OPERAND:
    return report_usage("unknown command '%s'", value);
  default:
    return options_standard(id, help);
  }
}

int main(int argc, char **argv) {
  occupy_standard_descriptors();
  /* A reader that goes away is an answer of write(), not the end of the process. */
  signal(SIGPIPE, SIG_IGN);
#ifdef SIGXFSZ
  /* And a limit on the size of files one of an output, not of all. */
  signal(SIGXFSZ, SIG_IGN);
#endif
  for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(argv[1], commands[i].name) != 0) continue;
    report_command(commands[i].name);
    return commands[i].run(argc - 1, argv + 1);
  }
  return run_without_command(argc, argv);
}
