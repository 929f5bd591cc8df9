/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump [--slice ROWS] [FILE]: an Arrow IPC stream or file, or standard input, as JSON in the layout of Arrow's
 * integration tests.
 *
 * With --slice each batch is shown as batches of at most ROWS rows, made by moving array offsets: in turn that of the
 * batch itself and those of the arrays below it. The concatenation shows the same rows, so that the way this program
 * composes offsets can be tested by comparing its own outputs.
 */
#include "dump.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Move an offset down as far as the layout lets it: into the children of structs and fixed-size lists. */
static void push_down(const struct ArrowSchema *schema, struct ArrowArray *array, int64_t shift, int64_t length) {
  struct dump_type type;
  if (!dump_type_parse(schema->format, &type)) abort();
  int64_t factor = type.kind == DUMP_FIXED_LIST ? type.width : type.kind == DUMP_STRUCT;
  /* A validity bitmap has to move with the slots that it speaks of. */
  bool stays = factor == 0 || (array->null_count != 0 && array->buffers[0] != NULL);
  if (stays) {
    array->offset += shift;
  } else {
    for (int64_t i = 0; i < array->n_children; i++) {
      push_down(schema->children[i], array->children[i], shift * factor, length * factor);
    }
  }
  array->length = length;
}

/* Undo of push_down: back to `length`. */
static void pull_up(const struct ArrowSchema *schema, struct ArrowArray *array, int64_t shift, int64_t length) {
  push_down(schema, array, -shift, length);
}

static void print_slices(FILE *out, const struct ArrowSchema *schema, struct ArrowArray *batch, int64_t rows) {
  int64_t total = batch->length;
  for (int64_t start = 0; start == 0 || start < total; start += rows) {
    int64_t length = total - start < rows ? total - start : rows;
    if (start > 0) fputs(",\n ", out);
    if (start / rows % 2 == 0) {
      struct ArrowArray slice = *batch;
      slice.offset += start;
      slice.length = length;
      dump_batch(out, schema, &slice);
    } else {
      push_down(schema, batch, start, length);
      dump_batch(out, schema, batch);
      pull_up(schema, batch, start, total);
    }
  }
}

/* Returns 0, or an errno value that the stream answered. */
static int print_batches(FILE *out, struct ArrowArrayStream *stream, const struct ArrowSchema *schema, int64_t rows) {
  struct ArrowArray batch;
  for (int64_t number = 0;; number++) {
    int code = stream->get_next(stream, &batch);
    if (code != 0 || batch.release == NULL) return code;
    if (number > 0) fputs(",\n ", out);
    if (rows > 0) {
      print_slices(out, schema, &batch, rows);
    } else {
      dump_batch(out, schema, &batch);
    }
    batch.release(&batch);
  }
}

static int print_stream(FILE *out, struct ArrowArrayStream *stream, int64_t rows) {
  struct ArrowSchema schema;
  int code = stream->get_schema(stream, &schema);
  bool known = true;
  if (code == 0) {
    fputs("{\"schema\": ", out);
    known = dump_schema(out, &schema);
    fputs(",\n \"batches\": [", out);
    if (known) code = print_batches(out, stream, &schema, rows);
    fputs("]}\n", out);
    schema.release(&schema);
  }
  if (code != 0) fprintf(stderr, "dump: %s\n", stream->get_last_error(stream));
  return code != 0 || !known || fflush(out) != 0 || ferror(out);
}

static int dump_file(const char *path, int64_t rows) {
  struct ArrowArrayStream stream;
  respool_error error;
  int fd = path != NULL ? open(path, O_RDONLY) : STDIN_FILENO;
  if (fd < 0) {
    perror(path);
    return 1;
  }
  if (respool_ipc_read_fd(fd, NULL, &stream, &error) != RESPOOL_OK) {
    fprintf(stderr, "dump: %s\n", error.message);
    return 1;
  }
  int result = print_stream(stdout, &stream, rows);
  stream.release(&stream);
  return result;
}

int main(int argc, char **argv) {
  int64_t rows = 0;
  int next = 1;
  if (argc > 2 && strcmp(argv[1], "--slice") == 0) {
    rows = strtoll(argv[2], NULL, 10);
    next = 3;
  }
  if (argc > next + 1 || (next == 3 && rows < 1)) {
    fprintf(stderr, "usage: dump [--slice ROWS] [FILE]\n");
    return 2;
  }
  return dump_file(argc > next ? argv[next] : NULL, rows);
}
