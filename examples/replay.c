/* SPDX-License-Identifier: Apache-2.0 */
/* Spools an Arrow IPC stream from standard input and counts its rows, twice. */
#include <respool/respool.h>

#include <stdio.h>

static int failed(const char *message) {
  fprintf(stderr, "replay: %s\n", message);
  return 1;
}

/* One independent replay, from the first batch. Returns 0, or 1 if it failed. */
static int count_rows(respool *spool) {
  struct ArrowArrayStream stream;
  struct ArrowArray batch;
  respool_error error;
  int64_t rows = 0;
  if (respool_export(spool, NULL, &stream, &error) != RESPOOL_OK) return failed(error.message);
  int code = stream.get_next(&stream, &batch);
  for (; code == 0 && batch.release; code = stream.get_next(&stream, &batch)) {
    rows += batch.length;
    batch.release(&batch);
  }
  int result = code == 0 ? 0 : failed(stream.get_last_error(&stream));
  if (result == 0) printf("%lld rows\n", (long long)rows);
  stream.release(&stream);
  return result;
}

int main(void) {
  struct ArrowArrayStream input;
  struct ArrowSchema schema;
  respool *spool;
  respool_writer *writer;
  respool_error error;

  if (respool_ipc_read_fd(0, NULL, &input, &error) != RESPOOL_OK) return failed(error.message);
  if (input.get_schema(&input, &schema) != 0) return failed(input.get_last_error(&input));
  if (respool_create(&schema, NULL, &spool, &writer, &error) != RESPOOL_OK) return failed(error.message);
  schema.release(&schema);

  int result = 0;
  if (respool_writer_append_stream(writer, &input, &error) != RESPOOL_OK ||
      respool_writer_finish(writer, &error) != RESPOOL_OK)
    result = failed(error.message);
  for (int i = 0; i < 2 && result == 0; i++) result = count_rows(spool);
  respool_writer_close(writer);
  respool_release(spool);
  input.release(&input);
  return result;
}
