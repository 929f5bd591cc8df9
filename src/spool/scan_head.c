/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the file is of a spool like this one: it must begin with the very bytes that this spool would begin its own
 * with. So everything that follows is known to be as this library writes it, and if they differ, the schemas are read
 * to say how.
 */
#include "arrow/schema.h"
#include "ipc/format.h"
#include "ipc/message.h"
#include "ipc/schema.h"
#include "spool/scan.h"
#include "support/error.h"

#include <string.h>

/* Comparing: a gather's taker. */
struct comparison {
  struct scan *scan;
  bool same;
  bool whole; /* the file has had all of it */
};

/* Differing and ending early are found, not failures: the status of those goes no further. */
static respool_status compare_piece(struct comparison *comparison, const struct gather_piece *piece,
                                    respool_error *error) {
  struct scan *scan = comparison->scan;
  int64_t left = scan->size - scan->at;
  comparison->whole = left >= (int64_t)piece->length;
  int64_t length = comparison->whole ? (int64_t)piece->length : left;
  struct store_view view;
  respool_status status = length == 0 ? RESPOOL_OK : scan_view(scan, scan->at, length, &view, error);
  if (status != RESPOOL_OK) return status;
  if (length > 0) {
    comparison->same = memcmp(view.bytes, piece->bytes, (size_t)length) == 0;
    view.drop(view.object);
  }
  scan->at += length;
  return comparison->same && comparison->whole ? RESPOOL_OK : RESPOOL_END;
}

static respool_status compare(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  respool_status status = RESPOOL_OK;
  for (int i = 0; status == RESPOOL_OK && i < count; i++) status = compare_piece(context, &pieces[i], error);
  return status;
}

static const char *name_of(const struct ArrowSchema *schema) {
  return schema->name == NULL ? "" : schema->name;
}

static bool same_metadata(const char *a, const char *b) {
  int64_t size = schema_metadata_size(a);
  if (size != schema_metadata_size(b)) return false;
  return size == 0 || memcmp(a, b, (size_t)size) == 0;
}

/* Beyond what makes arrays differ. Of the field of a dictionary's values the format keeps only the type. */
static respool_status compare_fields(const struct ArrowSchema *file, const struct ArrowSchema *ours, bool is_field,
                                     respool_error *error) {
  if (is_field && (file->flags != ours->flags || !same_metadata(file->metadata, ours->metadata))) {
    return error_set(error, RESPOOL_INVALID, "field '%s' has other %s in the file", name_of(ours),
                     file->flags != ours->flags ? "flags" : "metadata");
  }
  respool_status status = RESPOOL_OK;
  for (int64_t i = 0; status == RESPOOL_OK && i < ours->n_children; i++) {
    status = compare_fields(file->children[i], ours->children[i], true, error);
  }
  if (status != RESPOOL_OK || ours->dictionary == NULL) return status;
  return compare_fields(file->dictionary, ours->dictionary, false, error);
}

static respool_status compare_schemas(const struct ArrowSchema *file, const struct ArrowSchema *ours,
                                      respool_error *error) {
  respool_status status = schema_match(file, ours, error);
  if (status == RESPOOL_OK && !same_metadata(file->metadata, ours->metadata)) {
    status = error_set(error, RESPOOL_INVALID, "the metadata of the schema is another one in the file");
  }
  if (status == RESPOOL_OK) status = compare_fields(file, ours, false, error);
  if (status != RESPOOL_OK) return status;
  return error_set(error, RESPOOL_UNSUPPORTED,
                   "another program, or another version, wrote it ('respool cat' makes a copy that can be reopened)");
}

static respool_status explain_schema(struct scan *scan, const uint8_t *metadata, int64_t size, respool_error *error) {
  struct ipc_message message;
  respool_status status = ipc_parse_message(metadata, size, &message, error);
  if (status == RESPOOL_OK && message.kind != HEADER_SCHEMA) {
    status = error_set(error, RESPOOL_CORRUPT, "the first message is not a schema");
  }
  if (status != RESPOOL_OK) return status;
  struct ArrowSchema schema;
  struct ipc_schema_info info = {0};
  status = ipc_decode_schema(&message.header, LAYOUT_MAX_DEPTH, &schema, &info, error);
  ipc_schema_info_close(&info);
  if (status != RESPOOL_OK) return status;
  status = compare_schemas(&schema, &scan->spool->layout->schema, error);
  schema_release(&schema);
  return status;
}

/* Some other stream, or none at all. */
static respool_status explain(struct scan *scan, respool_error *error) {
  struct store_view view;
  struct ipc_prefix prefix;
  int64_t have = scan->size < IPC_PREFIX ? scan->size : IPC_PREFIX;
  respool_status status = scan_view(scan, 0, have, &view, error);
  if (status != RESPOOL_OK) return status;
  bool starts = ipc_parse_prefix(view.bytes, (int)have, &prefix);
  view.drop(view.object);
  if (!starts || prefix.metadata_size > scan->size - prefix.bytes) {
    return error_set(error, RESPOOL_CORRUPT, "it does not begin like an Arrow IPC stream");
  }
  status = scan_view(scan, 0, prefix.bytes + prefix.metadata_size, &view, error);
  if (status != RESPOOL_OK) return status;
  status = explain_schema(scan, view.bytes + prefix.bytes, prefix.metadata_size, error);
  view.drop(view.object);
  return status;
}

/* A file that ends before it begins to differ is one whose writer came no further; so is one of zeros. */
respool_status scan_head(struct scan *scan, respool_error *error) {
  struct respool *spool = scan->spool;
  struct comparison comparison = {.scan = scan, .same = true};
  gather_reset(spool->gather, compare, &comparison);
  respool_status status = ipc_encode_schema(&spool->layout->schema, spool->gather, error);
  if (status == RESPOOL_OK) status = gather_flush(spool->gather, error);
  if (status == RESPOOL_OK) return status;
  if (status != RESPOOL_END) return status;
  scan->at = 0;
  if (comparison.same) return RESPOOL_OK;
  bool zeros;
  status = scan_zeros(scan, 0, &zeros, error);
  return status != RESPOOL_OK || zeros ? status : explain(scan, error);
}
