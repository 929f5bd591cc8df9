/* SPDX-License-Identifier: Apache-2.0 */
/* Pulling from a producer's ArrowArrayStream. */
#include "stream/pull.h"

#include "support/error.h"

/* The producer's text goes on as it is: readers are promised the same. */
static respool_status source_failed(struct ArrowArrayStream *stream, int code, respool_error *error) {
  const char *text = stream->get_last_error != NULL ? stream->get_last_error(stream) : NULL;
  error_set(error, RESPOOL_SOURCE_FAILED, "the source stream failed with code %d and gave no text", code);
  if (error == NULL) return RESPOOL_SOURCE_FAILED;
  if (text != NULL) error_copy_text(error->message, sizeof error->message, text);
  error->os_error = code < 0 ? -code : code;
  return RESPOOL_SOURCE_FAILED;
}

respool_status pull_schema(struct ArrowArrayStream *stream, struct ArrowSchema *schema, respool_error *error) {
  struct ArrowSchema pulled = {0};
  int code = stream->get_schema(stream, &pulled);
  if (code != 0) return source_failed(stream, code, error);
  if (pulled.release == NULL) return error_set(error, RESPOOL_INVALID, "the source stream gave a released schema");
  *schema = pulled;
  return RESPOOL_OK;
}

respool_status pull_next(struct ArrowArrayStream *stream, struct ArrowArray *array, respool_error *error) {
  struct ArrowArray pulled = {0};
  int code = stream->get_next(stream, &pulled);
  if (code != 0) return source_failed(stream, code, error);
  if (pulled.release == NULL) return RESPOOL_END;
  *array = pulled;
  return RESPOOL_OK;
}
