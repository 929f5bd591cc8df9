/* SPDX-License-Identifier: Apache-2.0 */
/* A reader as an ArrowArrayStream. */
#include "spool/reader.h"
#include "spool/spool.h"
#include "support/alloc.h"
#include "support/error.h"

struct exported {
  respool_reader *reader;
  respool_error last; /* of the last call that failed; status 0: none has */
};

static int answer(struct exported *exported, const respool_error *record) {
  exported->last = *record;
  return error_to_errno(record);
}

static int stream_get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
  struct exported *exported = stream->private_data;
  respool_error record = {0};
  respool_status status = reader_schema(exported->reader, out, &record);
  return status == RESPOOL_OK ? 0 : answer(exported, &record);
}

static int stream_get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
  struct exported *exported = stream->private_data;
  respool_error record = {0};
  respool_status status = respool_reader_next(exported->reader, out, RESPOOL_WAIT_FOREVER, &record);
  if (status == RESPOOL_OK) return 0;
  if (status == RESPOOL_END) {
    out->release = NULL;
    return 0;
  }
  return answer(exported, &record);
}

static const char *stream_last_error(struct ArrowArrayStream *stream) {
  const struct exported *exported = stream->private_data;
  return exported->last.status == RESPOOL_OK ? NULL : exported->last.message;
}

static void stream_release(struct ArrowArrayStream *stream) {
  struct exported *exported = stream->private_data;
  stream->release = NULL;
  respool_reader_close(exported->reader);
  mem_free(exported);
}

respool_status respool_reader_export(respool_reader *reader, struct ArrowArrayStream *stream, respool_error *error) {
  if (reader == NULL || stream == NULL) return error_set(error, RESPOOL_INVALID, "reader or stream is NULL");
  respool_status status = reader_check_idle(reader, error);
  if (status != RESPOOL_OK) return status;
  struct exported *exported = mem_zalloc(sizeof *exported);
  if (exported == NULL) return error_no_memory(error);
  exported->reader = reader;
  *stream = (struct ArrowArrayStream){.get_schema = stream_get_schema,
                                      .get_next = stream_get_next,
                                      .get_last_error = stream_last_error,
                                      .release = stream_release,
                                      .private_data = exported};
  return RESPOOL_OK;
}

respool_status respool_export(respool *spool, const respool_reader_options *options, struct ArrowArrayStream *stream,
                              respool_error *error) {
  if (stream == NULL) return error_set(error, RESPOOL_INVALID, "the stream is NULL");
  respool_reader *reader;
  respool_status status = respool_reader_open(spool, options, &reader, error);
  if (status != RESPOOL_OK) return status;
  status = respool_reader_export(reader, stream, error);
  if (status != RESPOOL_OK) respool_reader_close(reader);
  return status;
}
