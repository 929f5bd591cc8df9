/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrow IPC bytes that nobody vouches for, behind a descriptor: inspected where it can seek and where it cannot, and
 * read. The summary is the sum of what the visitor saw; both inspections of a stream see the same; what was read to
 * its end was inspected to its end as well, with as many batches and rows.
 */
#include "descriptor.h"
#include "fuzz.h"
#include "relay.h"
#include "schema_build.h"

#include <string.h>
#include <unistd.h>

/* What the visitor counts, and when it stops. */
typedef struct tally {
  int64_t stop_at;
  int64_t messages;
  int64_t end; /* of the last message */
  respool_ipc_summary sum;
} tally;

static void count_kind(tally *t, const respool_ipc_message *message) {
  FUZZ_CHECK(message->kind >= RESPOOL_IPC_SCHEMA && message->kind <= RESPOOL_IPC_BATCH, "kind %d", message->kind);
  if (message->kind == RESPOOL_IPC_DICTIONARY) t->sum.dictionaries++;
  if (message->kind != RESPOOL_IPC_BATCH) return;
  t->sum.batches++;
  bool fits = message->rows <= INT64_MAX - t->sum.rows; /* totals of what is only declared stay at the largest number */
  t->sum.rows = fits ? t->sum.rows + message->rows : INT64_MAX;
}

static int visit(void *user_data, const respool_ipc_message *message) {
  tally *t = user_data;
  FUZZ_CHECK(message->version == 4 || message->version == 5, "version %d", message->version);
  FUZZ_CHECK(message->metadata_bytes > 0 && message->body_bytes >= 0 && message->rows >= 0, "negative sizes");
  FUZZ_CHECK(message->offset >= t->end, "a message at %lld, inside the one before", (long long)message->offset);
  FUZZ_CHECK((t->messages == 0) == (message->kind == RESPOOL_IPC_SCHEMA), "a schema that is not the first message");
  t->end = message->offset + message->metadata_bytes + message->body_bytes;
  t->sum.metadata_bytes += message->metadata_bytes;
  t->sum.body_bytes += message->body_bytes;
  count_kind(t, message);
  return ++t->messages == t->stop_at;
}

static void check_summary(const tally *t, const respool_ipc_summary *summary, size_t size) {
  FUZZ_CHECK(summary->batches == t->sum.batches && summary->rows == t->sum.rows, "batches or rows");
  FUZZ_CHECK(summary->dictionaries == t->sum.dictionaries, "dictionaries");
  FUZZ_CHECK(summary->metadata_bytes == t->sum.metadata_bytes && summary->body_bytes == t->sum.body_bytes, "bytes");
  FUZZ_CHECK(summary->total_bytes >= t->end && (uint64_t)summary->total_bytes <= size, "total of %lld bytes",
             (long long)summary->total_bytes);
}

static respool_status inspect(int fd, size_t size, int64_t stop_at, struct ArrowSchema *schema,
                              respool_ipc_summary *summary) {
  tally t = {.stop_at = stop_at};
  respool_error error = {0};
  *summary = (respool_ipc_summary){.struct_size = sizeof *summary};
  respool_status status = respool_ipc_inspect_fd(fd, NULL, visit, &t, schema, summary, &error);
  check_summary(&t, summary, size);
  if (status != RESPOOL_OK) fuzz_check_error(status, &error);
  return status;
}

/* The same bytes where nothing can be skipped by seeking. */
static void compare_with_pipe(const uint8_t *data, size_t size, respool_status expected,
                              const respool_ipc_summary *seen) {
  if (size > DESCRIPTOR_PIPE_MOST || seen->format == RESPOOL_IPC_FORMAT_FILE) return;
  respool_ipc_summary summary;
  int fd = descriptor_pipe(data, size);
  respool_status status = inspect(fd, size, -1, NULL, &summary);
  close(fd);
  FUZZ_CHECK(status == expected, "answered %d for a file and %d for a pipe", (int)expected, (int)status);
  if (status == RESPOOL_OK) FUZZ_CHECK(memcmp(&summary, seen, sizeof summary) == 0, "another summary for a pipe");
}

/* Read the descriptor to its end. */
static respool_status read_all(int fd, relay *from) {
  struct ArrowArrayStream stream;
  respool_error error = {0};
  respool_status status = respool_ipc_read_fd(fd, NULL, &stream, &error);
  if (status != RESPOOL_OK) {
    fuzz_check_error(status, &error);
    return status;
  }
  struct ArrowArray array;
  relay_open(from, &stream, true);
  while (relay_next(from, &array)) array.release(&array);
  return RESPOOL_OK;
}

/* A file's footer may leave messages out, so only streams have to agree. */
static void check_read(int fd, respool_status inspected, const respool_ipc_summary *summary,
                       const struct ArrowSchema *schema) {
  relay from;
  char where[300];
  if (read_all(fd, &from) != RESPOOL_OK) return;
  if (summary->format == RESPOOL_IPC_FORMAT_STREAM && from.code == 0) {
    FUZZ_CHECK(inspected == RESPOOL_OK, "what was read could not be inspected: %d", (int)inspected);
    FUZZ_CHECK(summary->has_end, "it was read to an end that inspection does not see");
    FUZZ_CHECK(summary->batches == from.batches && summary->rows == from.rows, "other batches or rows");
    FUZZ_CHECK(kit_schema_equal(schema, &from.schema, where, sizeof where), "another schema: %s", where);
  }
  relay_close(&from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint64_t seed = fuzz_hash(data, size);
  size_t before = seed % 3 == 0 ? seed / 3 % 9 : 0;
  struct ArrowSchema schema = {0};
  respool_ipc_summary summary, ignored;
  respool_status status = inspect(descriptor_file(data, size, before), size, -1, &schema, &summary);
  FUZZ_CHECK((status == RESPOOL_OK) == (schema.release != NULL), "a schema with an error, or none without");
  compare_with_pipe(data, size, status, &summary);
  check_read(descriptor_file(data, size, before), status, &summary, &schema);
  inspect(descriptor_file(data, size, before), size, 1 + (int64_t)(seed >> 32) % 3, NULL, &ignored);
  if (schema.release != NULL) schema.release(&schema);
  return 0;
}
