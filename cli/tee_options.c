/* SPDX-License-Identifier: Apache-2.0 */
/* respool tee: its command line. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compression.h"
#include "numbers.h"
#include "options.h"
#include "report.h"
#include "tee.h"
#include "tool.h"

static const char help[] = "Usage: respool tee [OPTION]... [INPUT]\n"
                           "Spool an Arrow stream and replay it to every output while it still arrives,\n"
                           "each at its own pace.\n"
                           "\n"
                           "INPUT is an Arrow IPC stream or file; without it, or where it is '-', standard\n"
                           "input is read. Batches stay in memory up to a limit and go to disk past it.\n"
                           "\n"
                           "Options:\n"
                           "  -o, --output OUT         replay to OUT: a file, a FIFO, or '-' for standard\n"
                           "                           output; may be repeated (default '-', or none with\n"
                           "                           --path)\n"
                           "  -m, --memory-limit SIZE  bytes of batches in memory before disk is used, such\n"
                           "                           as 64MiB, 1G, 0 or 'unlimited' (default 100MiB)\n"
                           "  -d, --directory DIR      where the nameless spool file goes (default $TMPDIR,\n"
                           "                           else /var/tmp, else /tmp); given again: where it goes\n"
                           "                           on when the disk before is full\n"
                           "      --disk-budget SIZE   bytes on disk at most (default unlimited)\n"
                           "      --full-timeout SECONDS\n"
                           "                           when disk or budget is full, wait for outputs to make\n"
                           "                           room, and give up once none of them has moved for so\n"
                           "                           long (default 60; 0 does not wait); not with --path,\n"
                           "                           whose file keeps everything\n"
                           "      --path FILE          keep the spool as FILE, an Arrow IPC stream; FILE\n"
                           "                           must not exist\n"
                           "      --mode MODE          what goes to disk:\n"
                           "                             overflow  only what exceeds the limit (default)\n"
                           "                             on-limit  everything, once the limit is exceeded\n"
                           "                             all       everything (default with --path)\n"
                           "      --allow-missing-end  take an input that ends between two messages as\n"
                           "                           complete\n"
                           "      --compress CODEC     compress the outputs and the file of --path: none\n"
                           "                           (default), lz4 or zstd, with a level if wanted, such\n"
                           "                           as zstd:9\n"
                           "      --compress-spool CODEC\n"
                           "                           compress the spool file, named or not; also:\n"
                           "                             adaptive  lz4 where the disk is slower than it,\n"
                           "                                       none where it is faster\n"
                           "      --checksum-spool     check what is read back from a spool file without a\n"
                           "                           name, as is always done with --path\n"
                           "      --encrypt-spool      encrypt the spool file, with a key that is in memory\n"
                           "                           alone; not with --path\n"
                           "      --max-expansion SIZE what one compressed message may expand to, such as\n"
                           "                           16GiB or 'unlimited'\n"
                           "      --stats              at the end, write a JSON object to standard error\n"
                           "      --no-progress        no progress line, though standard error is a terminal\n"
                           "  -q, --quiet              no progress line and no warnings\n"
                           "  -h, --help               show this text\n"
                           "  -V, --version            show the version\n";

enum { SECONDS_DEFAULT = 60, SECONDS_MOST = 1000000 };

enum {
  OPTION_OUTPUT = OPTION_OWN,
  OPTION_MEMORY_LIMIT,
  OPTION_DIRECTORY,
  OPTION_DISK_BUDGET,
  OPTION_FULL_TIMEOUT,
  OPTION_PATH,
  OPTION_MODE,
  OPTION_COMPRESS_SPOOL,
  OPTION_CHECKSUM_SPOOL,
  OPTION_ENCRYPT_SPOOL,
  OPTION_STATS,
  OPTION_NO_PROGRESS,
  OPTION_QUIET
};

static const struct option_spec specs[] = {
    {OPTION_OUTPUT, 'o', "output", true},
    {OPTION_MEMORY_LIMIT, 'm', "memory-limit", true},
    {OPTION_DIRECTORY, 'd', "directory", true},
    {OPTION_DISK_BUDGET, 0, "disk-budget", true},
    {OPTION_FULL_TIMEOUT, 0, "full-timeout", true},
    {OPTION_PATH, 0, "path", true},
    {OPTION_MODE, 0, "mode", true},
    {OPTION_ALLOW_MISSING_END, 0, "allow-missing-end", false},
    {OPTION_COMPRESS, 0, "compress", true},
    {OPTION_COMPRESS_SPOOL, 0, "compress-spool", true},
    {OPTION_CHECKSUM_SPOOL, 0, "checksum-spool", false},
    {OPTION_ENCRYPT_SPOOL, 0, "encrypt-spool", false},
    {OPTION_MAX_EXPANSION, 0, "max-expansion", true},
    {OPTION_STATS, 0, "stats", false},
    {OPTION_NO_PROGRESS, 0, "no-progress", false},
    {OPTION_QUIET, 'q', "quiet", false},
    OPTIONS_COMMON,
};

static int parse_limit(const char *name, int64_t *limit, const char *value) {
  if (strcmp(value, "unlimited") == 0) {
    *limit = RESPOOL_NO_LIMIT;
    return -1;
  }
  if (number_size(value, limit)) return -1;
  return report_usage("%s takes a size such as 64MiB, 1G, 0 or 'unlimited', not '%s'", name, value);
}

static int parse_patience(struct tee_options *options, const char *value) {
  if (number_count(value, &options->patience) && options->patience <= SECONDS_MOST) return -1;
  return report_usage("--full-timeout takes a number of seconds up to %d, not '%s'", SECONDS_MOST, value);
}

static int parse_mode(struct tee_options *options, const char *value) {
  static const struct {
    const char *name;
    int32_t mode;
  } modes[] = {{"overflow", RESPOOL_MODE_OVERFLOW}, {"on-limit", RESPOOL_MODE_ON_LIMIT}, {"all", RESPOOL_MODE_ALL}};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (strcmp(modes[i].name, value) != 0) continue;
    options->mode = modes[i].mode;
    return -1;
  }
  return report_usage("--mode takes overflow, on-limit or all, not '%s'", value);
}

static int take_input(struct tee_options *options, const char *value) {
  if (options->input) return report_usage("one INPUT at most, but '%s' follows '%s'", value, options->input);
  options->input = value;
  return -1;
}

/* Apply one option or operand. Answers an exit code, or -1 to go on. */
static int apply(struct tee_options *options, int id, const char *value) {
  switch (id) {
  case OPTIONS_OPERAND:
    return take_input(options, value);
  case OPTION_OUTPUT:
    options->outputs[options->output_count++] = value;
    return -1;
  case OPTION_MEMORY_LIMIT:
    return parse_limit("--memory-limit", &options->memory_limit, value);
  case OPTION_DIRECTORY:
    options->directories[options->directory_count++] = value;
    return -1;
  case OPTION_DISK_BUDGET:
    return parse_limit("--disk-budget", &options->disk_budget, value);
  case OPTION_FULL_TIMEOUT:
    return parse_patience(options, value);
  case OPTION_PATH:
    options->path = value;
    return -1;
  case OPTION_MODE:
    return parse_mode(options, value);
  case OPTION_ALLOW_MISSING_END:
    options->reading.allow_missing_end = true;
    return -1;
  case OPTION_COMPRESS:
    return compression_parse("--compress", value, &options->writing);
  case OPTION_COMPRESS_SPOOL:
    options->spooling_given = true;
    return compression_parse_spool("--compress-spool", value, &options->spooling);
  case OPTION_CHECKSUM_SPOOL:
    options->checksums = true;
    return -1;
  case OPTION_ENCRYPT_SPOOL:
    options->encryption = true;
    return -1;
  case OPTION_MAX_EXPANSION:
    return input_parse_expansion(&options->reading, value);
  case OPTION_STATS:
    options->stats = true;
    return -1;
  case OPTION_NO_PROGRESS:
    options->no_progress = true;
    return -1;
  case OPTION_QUIET:
    options->quiet = true;
    return -1;
  default:
    return options_standard(id, help);
  }
}

/* What contradicts, and what was left out. */
static int complete(struct tee_options *options) {
  if (options->path && options->mode == RESPOOL_MODE_OVERFLOW) {
    return report_usage("--path needs --mode on-limit or all: what overflow writes is no stream by itself");
  }
  if (!options->path && options->mode == RESPOOL_MODE_ALL) return report_usage("--mode all needs --path FILE");
  if (options->path && options->directory_count > 0) {
    return report_usage("--directory is for the nameless file, but --path names one: give one of them");
  }
  if (options->path && input_is_standard(options->path)) {
    return report_usage("--path needs the name of a file; '-o -' writes to standard output");
  }
  if (options->path && options->encryption) {
    return report_usage("--encrypt-spool is for the nameless file: one of --path could not be read afterwards");
  }
  if (options->encryption && !respool_encryption_available()) {
    return report_usage("--encrypt-spool: this build has no encryption");
  }
  for (int i = 0; i < options->directory_count; i++) {
    struct stat status;
    const char *directory = options->directories[i];
    bool there = stat(directory, &status) == 0;
    if (there && !S_ISDIR(status.st_mode)) errno = ENOTDIR;
    if (there && S_ISDIR(status.st_mode) && access(directory, W_OK | X_OK) == 0) continue;
    report_errno(directory, "cannot hold the spool file", errno);
    return TOOL_FAILED;
  }
  if (options->path && !options->spooling_given) options->spooling = options->writing;
  if (!options->input) options->input = "-";
  if (options->output_count == 0 && !options->path) options->outputs[options->output_count++] = "-";
  return -1;
}

int tee_parse(struct tee_options *options, int argc, char **argv) {
  struct options arguments;
  const char *value;
  options->memory_limit = RESPOOL_DEFAULT_MEMORY_LIMIT;
  options->mode = RESPOOL_MODE_DEFAULT;
  options->disk_budget = RESPOOL_NO_LIMIT;
  options->patience = SECONDS_DEFAULT;
  respool_ipc_write_options_init(&options->writing, sizeof options->writing);
  respool_ipc_write_options_init(&options->spooling, sizeof options->spooling);
  options_begin(&arguments, specs, argc, argv);
  for (;;) {
    int id = options_next(&arguments, &value);
    if (id == OPTIONS_END) return complete(options);
    if (id == OPTIONS_BAD) return TOOL_USAGE;
    int code = apply(options, id, value);
    if (code >= 0) return code;
  }
}
