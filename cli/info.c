/* SPDX-License-Identifier: Apache-2.0 */
/* respool info: shows what an Arrow IPC stream or file holds, without decoding it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "json.h"
#include "options.h"
#include "report.h"
#include "schema_print.h"
#include "text.h"
#include "tool.h"

static const char help[] = "Usage: respool info [OPTION]... [INPUT]...\n"
                           "Show schema, batches, rows and sizes of Arrow IPC streams or files, without\n"
                           "decoding them. Without INPUT, or where it is '-', standard input is read.\n"
                           "\n"
                           "Options:\n"
                           "      --json      one JSON object for each input, each on a line of its own\n"
                           "      --messages  show every message, too\n"
                           "  -h, --help      show this text\n"
                           "  -V, --version   show the version\n";

enum { OPTION_JSON = OPTION_OWN, OPTION_MESSAGES };

static const struct option_spec specs[] = {
    {OPTION_JSON, 0, "json", false},
    {OPTION_MESSAGES, 0, "messages", false},
    OPTIONS_COMMON,
};

/* Smallest and largest of a number; both 0 while none was seen. */
struct range {
  int64_t least;
  int64_t most;
};

/* What is learned of one input. */
struct findings {
  bool keep_messages;
  bool schema_only;
  respool_ipc_message *messages;
  size_t message_count;
  size_t message_room;
  int64_t batches;
  struct range rows; /* of batches ... */
  struct range bytes;
  bool compressed;
  int64_t compressed_batches;
  bool no_memory;
  respool_ipc_summary summary;
  struct ArrowSchema schema;
};

static void widen(struct range *range, int64_t value, bool first) {
  if (first || value < range->least) range->least = value;
  if (first || value > range->most) range->most = value;
}

static bool keep_message(struct findings *findings, const respool_ipc_message *message) {
  if (findings->message_count == findings->message_room) {
    size_t room = findings->message_room ? 2 * findings->message_room : 64;
    respool_ipc_message *grown = realloc(findings->messages, room * sizeof *grown);
    if (!grown) return false;
    findings->messages = grown;
    findings->message_room = room;
  }
  findings->messages[findings->message_count++] = *message;
  return true;
}

static int visit(void *user_data, const respool_ipc_message *message) {
  struct findings *findings = user_data;
  if (findings->schema_only) return 1;
  if (message->compressed) findings->compressed = true;
  if (message->kind == RESPOOL_IPC_BATCH) {
    bool first = findings->batches++ == 0;
    findings->compressed_batches += message->compressed != 0;
    widen(&findings->rows, message->rows, first);
    widen(&findings->bytes, message->metadata_bytes + message->body_bytes, first);
  }
  if (findings->keep_messages && !keep_message(findings, message)) findings->no_memory = true;
  return findings->no_memory;
}

/* A damaged input still has a schema, mostly: go back and read that alone. */
static void recover_schema(const struct input *input, off_t start, struct findings *findings) {
  respool_ipc_options options;
  struct findings again = {.schema_only = true, .summary.struct_size = sizeof again.summary};
  if (start < 0 || lseek(input->fd, start, SEEK_SET) != start) return;
  input_ipc_options(&options, NULL);
  respool_ipc_inspect_fd(input->fd, &options, visit, &again, &findings->schema, &again.summary, NULL);
}

static int inspect(const struct input *input, struct findings *findings) {
  off_t start = input->seekable ? lseek(input->fd, 0, SEEK_CUR) : -1;
  respool_ipc_options options;
  respool_error error;
  input_ipc_options(&options, NULL);
  findings->summary.struct_size = sizeof findings->summary;
  respool_status status =
      respool_ipc_inspect_fd(input->fd, &options, visit, findings, &findings->schema, &findings->summary, &error);
  if (status == RESPOOL_OK && !findings->no_memory) return TOOL_OK;
  if (findings->no_memory) {
    report_errno(input->name, "the list of messages", ENOMEM);
  } else {
    report_error(input->name, "%s", error.message);
  }
  if (status != RESPOOL_OK) recover_schema(input, start, findings);
  return TOOL_FAILED;
}

static const char *kind_words(int32_t kind) {
  switch (kind) {
  case RESPOOL_IPC_SCHEMA:
    return "schema";
  case RESPOOL_IPC_DICTIONARY:
    return "dictionary";
  case RESPOOL_IPC_BATCH:
    return "batch";
  default:
    return "other";
  }
}

static const char *format_words(const respool_ipc_summary *summary) {
  return summary->format == RESPOOL_IPC_FORMAT_FILE ? "file" : "stream";
}

static void print_range(const char *label, struct range range) {
  printf("%s: %" PRId64 " to %" PRId64 "\n", label, range.least, range.most);
}

static void print_messages(const struct findings *findings) {
  if (!findings->keep_messages) return;
  printf("messages: %zu\n", findings->message_count);
  for (size_t i = 0; i < findings->message_count; i++) {
    const respool_ipc_message *message = &findings->messages[i];
    printf("  %-10s at %" PRId64 ", metadata %" PRId64 ", body %" PRId64, kind_words(message->kind), message->offset,
           message->metadata_bytes, message->body_bytes);
    if (message->kind != RESPOOL_IPC_SCHEMA) printf(", rows %" PRId64, message->rows);
    puts(message->compressed ? ", compressed" : "");
  }
}

static void print_counts(const struct findings *findings) {
  const respool_ipc_summary *summary = &findings->summary;
  printf("batches: %" PRId64 "\n", summary->batches);
  if (summary->dictionaries > 0) printf("dictionaries: %" PRId64 "\n", summary->dictionaries);
  printf("rows: %" PRId64 "\n", summary->rows);
  if (findings->batches > 0) {
    print_range("rows of a batch", findings->rows);
    print_range("bytes of a batch", findings->bytes);
  }
  printf("bytes: %" PRId64 " (metadata %" PRId64 ", bodies %" PRId64 ")\n", summary->total_bytes,
         summary->metadata_bytes, summary->body_bytes);
  bool partly = findings->compressed && findings->compressed_batches < findings->batches;
  printf("compressed: %s", findings->compressed ? "yes" : "no");
  if (partly) printf(", %" PRId64 " of %" PRId64 " batches", findings->compressed_batches, findings->batches);
  putchar('\n');
}

static void print_findings(const char *name, const struct findings *findings, bool complete) {
  const respool_ipc_summary *summary = &findings->summary;
  char shown[1024];
  text_escape(shown, sizeof shown, name, strlen(name), false);
  printf("input: %s\n", shown);
  if (!complete) puts("damaged: what follows was seen before the damage");
  if (summary->version != 0) {
    printf("format: %s, metadata V%d, %s-endian\n", format_words(summary), (int)summary->version,
           summary->big_endian ? "big" : "little");
  }
  if (complete) printf("end marker: %s\n", summary->has_end ? "present" : "missing, so the end may have been cut off");
  print_counts(findings);
  print_messages(findings);
  if (findings->schema.release) schema_print(stdout, &findings->schema);
}

static void json_messages(struct json *json, const struct findings *findings) {
  if (!findings->keep_messages) return;
  json_array(json, "messages");
  for (size_t i = 0; i < findings->message_count; i++) {
    const respool_ipc_message *message = &findings->messages[i];
    json_object(json, NULL);
    json_string(json, "kind", kind_words(message->kind));
    json_number(json, "version", message->version);
    json_number(json, "offset", message->offset);
    json_number(json, "metadata_bytes", message->metadata_bytes);
    json_number(json, "body_bytes", message->body_bytes);
    json_number(json, "rows", message->rows);
    json_bool(json, "compressed", message->compressed);
    json_object_end(json);
  }
  json_array_end(json);
}

static void json_range(struct json *json, const char *key, struct range range) {
  json_object(json, key);
  json_number(json, "min", range.least);
  json_number(json, "max", range.most);
  json_object_end(json);
}

static void json_findings(const char *name, const struct findings *findings, bool complete) {
  const respool_ipc_summary *summary = &findings->summary;
  struct json json;
  json_begin(&json, stdout);
  json_object(&json, NULL);
  json_string(&json, "input", name);
  json_bool(&json, "damaged", !complete);
  json_string(&json, "format", format_words(summary));
  json_number(&json, "version", summary->version);
  json_bool(&json, "big_endian", summary->big_endian);
  json_bool(&json, "has_end", summary->has_end);
  json_number(&json, "batches", summary->batches);
  json_number(&json, "dictionaries", summary->dictionaries);
  json_number(&json, "rows", summary->rows);
  json_range(&json, "batch_rows", findings->rows);
  json_range(&json, "batch_bytes", findings->bytes);
  json_number(&json, "bytes", summary->total_bytes);
  json_number(&json, "metadata_bytes", summary->metadata_bytes);
  json_number(&json, "body_bytes", summary->body_bytes);
  json_bool(&json, "compressed", findings->compressed);
  json_messages(&json, findings);
  if (findings->schema.release) schema_json(&json, "schema", &findings->schema);
  json_object_end(&json);
  putchar('\n');
}

struct info {
  const char **paths;
  int count;
  bool json;
  bool messages;
};

static int show(const struct info *info, int index) {
  if (!info->json && index > 0) putchar('\n');
  struct input input;
  int code = input_open(&input, info->paths[index]);
  if (code != TOOL_OK) return code;
  struct findings findings = {.keep_messages = info->messages};
  code = inspect(&input, &findings);
  /* Nothing at all was recognised: the error has said so. */
  bool anything = code == TOOL_OK || findings.schema.release || findings.batches > 0;
  if (anything && info->json) json_findings(input.name, &findings, code == TOOL_OK);
  if (anything && !info->json) print_findings(input.name, &findings, code == TOOL_OK);
  if (findings.schema.release) findings.schema.release(&findings.schema);
  free(findings.messages);
  input_close(&input);
  return code;
}

/* The worst code of all inputs. */
static int show_all(const struct info *info) {
  int worst = TOOL_OK;
  for (int i = 0; i < info->count; i++) {
    int code = show(info, i);
    if (code > worst) worst = code;
  }
  return report_flush_stdout(worst);
}

static int parse(struct info *info, int argc, char **argv) {
  struct options options;
  const char *value;
  options_begin(&options, specs, argc, argv);
  for (;;) {
    int id = options_next(&options, &value);
    switch (id) {
    case OPTIONS_END:
      if (info->count == 0) info->paths[info->count++] = "-";
      return -1;
    case OPTIONS_OPERAND:
      info->paths[info->count++] = value;
      break;
    case OPTION_JSON:
      info->json = true;
      break;
    case OPTION_MESSAGES:
      info->messages = true;
      break;
    case OPTIONS_BAD:
      return TOOL_USAGE;
    default:
      return options_standard(id, help);
    }
  }
}

int command_info(int argc, char **argv) {
  struct info info = {0};
  info.paths = malloc(((size_t)argc + 1) * sizeof *info.paths);
  if (!info.paths) {
    report_errno(NULL, "arguments", ENOMEM);
    return TOOL_FAILED;
  }
  int code = parse(&info, argc, argv);
  if (code < 0) code = show_all(&info);
  free(info.paths);
  return code;
}
