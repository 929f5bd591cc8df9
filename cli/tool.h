/* SPDX-License-Identifier: Apache-2.0 */
/* What every part of the tool shares: exit codes and the subcommands. */
#ifndef RESPOOL_CLI_TOOL_H
#define RESPOOL_CLI_TOOL_H

/* Codes that the process ends with; functions that can end a command answer with one of them. */
enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };

/* Each gets its own arguments, argv[0] being the subcommand's name, and answers with an exit code. */
int command_tee(int argc, char **argv);
int command_cat(int argc, char **argv);
int command_info(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_gen(int argc, char **argv);

#endif
