/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going on with a file that somebody has changed: a spool's own file, of one of several kinds, is cut, overwritten,
 * lengthened, and its messages moved about as the input says. Then it is reopened. If that is refused the file is as it
 * was; if not, every batch that the figures tell of can be read, one more is appended, and the whole is a stream that
 * reads from end to end.
 */
#include "array_build.h"
#include "fuzz.h"
#include "schema_build.h"
#include "scratch.h"
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCHES = 4, MESSAGES = 32, STEPS = 24, SIZE_MOST = 1 << 16 };

/* A file as a spool leaves it, made once. */
struct base {
  const char *fields;
  int32_t compression;
  struct ArrowSchema schema;
  uint8_t *bytes;
  size_t size;
  size_t offsets[MESSAGES + 1]; /* of its messages, and of what follows the last */
  int count;
};

static struct base bases[] = {
    {.fields = "{id:int64!,text:utf8,items:list<item:bool>}"},
    {.fields = "{a:dictionary(i)<:utf8>,o:dictionary(c)<:list<i:dictionary(S)<:utf8_view>>>,v:binary_view}"},
    {.fields = "{u:dense_union(1,4)<x:int32,y:utf8>,r:run_ends(i)<v:float64>}", .compression = RESPOOL_COMPRESSION_LZ4},
    {.fields = "{text:utf8,d:dictionary(i)<:utf8>}", .compression = RESPOOL_COMPRESSION_ZSTD},
    {.fields = "{}"},
};

enum { BASES = sizeof bases / sizeof bases[0] };

/* The file at hand. */
struct hand {
  const struct base *base;
  uint8_t bytes[SIZE_MOST];
  size_t size;
};

/* ---- Files ----------------------------------------------------------------------------------------- */

static void write_file(const char *path, const void *bytes, size_t size) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FUZZ_CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "cannot write %s: %s", path, strerror(errno));
  close(fd);
}

static uint8_t *read_file(const char *path, size_t *size) {
  struct stat about;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  FUZZ_CHECK(fd >= 0 && fstat(fd, &about) == 0, "cannot read %s: %s", path, strerror(errno));
  *size = (size_t)about.st_size;
  uint8_t *bytes = malloc(*size + 1);
  FUZZ_CHECK(bytes != NULL && read(fd, bytes, *size) == (ssize_t)*size, "cannot read %s", path);
  close(fd);
  return bytes;
}

static respool_status open_spool(const struct base *base, const char *path, respool **spool, respool_writer **writer,
                                 respool_error *error) {
  respool_options options;
  respool_options_init(&options, sizeof options);
  options.path = path;
  options.memory_limit = 0;
  options.reopen = 1;
  if (respool_compression_available(base->compression)) options.compression = base->compression;
  return respool_create(&base->schema, &options, spool, writer, error);
}

static void append_batch(const struct base *base, respool_writer *writer, int64_t index) {
  respool_error error = {0};
  struct ArrowArray array;
  kit_array_options options = kit_array_defaults((uint64_t)index + 1, 5);
  options.null_rate = 0.3;
  options.batch = index;
  kit_array_random(&base->schema, &options, &array);
  FUZZ_OK(respool_writer_append(writer, &array, &error), &error);
}

static int note_message(void *user_data, const respool_ipc_message *message) {
  struct base *base = user_data;
  if (base->count == MESSAGES) return 1;
  base->offsets[base->count++] = (size_t)message->offset;
  base->offsets[base->count] = (size_t)(message->offset + message->metadata_bytes + message->body_bytes);
  return 0;
}

static void find_messages(struct base *base, const char *path) {
  respool_error error = {0};
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  FUZZ_OK(respool_ipc_inspect_fd(fd, NULL, note_message, base, NULL, &summary, &error), &error);
  close(fd);
}

/* Kept for the life of the process. */
static void make_base(struct base *base) {
  char path[300];
  respool *spool;
  respool_writer *writer;
  respool_error error = {0};
  scratch_name(path, sizeof path);
  kit_schema_parse(base->fields, &base->schema);
  FUZZ_OK(open_spool(base, path, &spool, &writer, &error), &error);
  for (int64_t i = 0; i < BATCHES; i++) append_batch(base, writer, i);
  FUZZ_OK(respool_writer_finish(writer, &error), &error);
  respool_writer_close(writer);
  respool_release(spool);
  base->bytes = read_file(path, &base->size);
  find_messages(base, path);
  unlink(path);
}

/* ---- Changing it ----------------------------------------------------------------------------------- */

static size_t place_in(fuzz_input *input, size_t size) {
  size_t number = fuzz_byte(input);
  number = number << 8 | fuzz_byte(input);
  return size == 0 ? 0 : number % size;
}

static void put(struct hand *hand, size_t at, const void *bytes, size_t size) {
  if (at > SIZE_MOST || size > SIZE_MOST - at) return;
  memmove(hand->bytes + at, bytes, size);
  if (at + size > hand->size) hand->size = at + size;
}

/* A message of the file as it was, to where one starts, or to the end. */
static void put_message(struct hand *hand, fuzz_input *input, bool at_end) {
  const struct base *base = hand->base;
  int from = fuzz_below(input, base->count);
  size_t to = at_end ? hand->size : base->offsets[fuzz_below(input, base->count + 1)];
  if (to <= hand->size) put(hand, to, base->bytes + base->offsets[from], base->offsets[from + 1] - base->offsets[from]);
}

static void put_number(struct hand *hand, fuzz_input *input) {
  static const int64_t numbers[] = {0, 1, -1, 56, 64, 1 << 20, INT32_MAX, INT64_MAX, INT64_MIN};
  size_t at = place_in(input, hand->size) / 4 * 4;
  int64_t number = numbers[fuzz_below(input, sizeof numbers / sizeof numbers[0])];
  put(hand, at, &number, fuzz_below(input, 2) == 0 ? 4 : 8);
}

static void put_bytes(struct hand *hand, fuzz_input *input) {
  uint8_t bytes[16];
  size_t size = (size_t)fuzz_below(input, sizeof bytes + 1);
  for (size_t i = 0; i < size; i++) bytes[i] = fuzz_byte(input);
  put(hand, hand->size, bytes, size);
}

static void change(struct hand *hand, fuzz_input *input) {
  static const uint8_t zeros[600];
  size_t at;
  switch (fuzz_below(input, 7)) {
  case 0:
    hand->size = place_in(input, hand->size + 1);
    break;
  case 1:
    at = place_in(input, hand->size);
    if (at < hand->size) hand->bytes[at] ^= fuzz_byte(input);
    break;
  case 2:
    put_number(hand, input);
    break;
  case 3:
    put_bytes(hand, input);
    break;
  case 4:
    put(hand, hand->size, zeros, place_in(input, sizeof zeros));
    break;
  default:
    put_message(hand, input, fuzz_below(input, 2) == 0);
  }
}

/* ---- Going on with it ------------------------------------------------------------------------------ */

static void check_refused(const struct hand *hand, const char *path, respool_status status) {
  size_t size;
  uint8_t *bytes = read_file(path, &size);
  FUZZ_CHECK(status == RESPOOL_CORRUPT || status == RESPOOL_UNSUPPORTED || status == RESPOOL_INVALID ||
                 status == RESPOOL_NO_MEMORY,
             "a changed file answers %d", status);
  FUZZ_CHECK(size == hand->size && memcmp(bytes, hand->bytes, size) == 0, "a file that was refused was changed");
  free(bytes);
}

static void read_all(const struct base *base, respool *spool, int64_t count) {
  respool_reader *reader;
  respool_error error = {0};
  FUZZ_OK(respool_reader_open(spool, NULL, &reader, &error), &error);
  for (int64_t i = 0; i < count; i++) {
    struct ArrowArray array;
    FUZZ_OK(respool_reader_next(reader, &array, 0, &error), &error);
    walk_batch(&base->schema, &array);
    array.release(&array);
  }
  respool_reader_close(reader);
}

/* Strictly, by a reader that knows nothing of spools. */
static void read_file_through(const char *path, int64_t count) {
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  respool_error error = {0};
  respool_ipc_options options;
  respool_ipc_options_init(&options, sizeof options);
  options.max_expansion_ratio = INT64_MAX;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  FUZZ_OK(respool_ipc_read_fd(fd, &options, &stream, &error), &error);
  for (int64_t i = 0; i <= count; i++) {
    FUZZ_CHECK(stream.get_next(&stream, &array) == 0, "%s", stream.get_last_error(&stream));
    FUZZ_CHECK((array.release != NULL) == (i < count), "%d batches, not %d", (int)i, (int)count);
    if (array.release != NULL) array.release(&array);
  }
  stream.release(&stream);
  close(fd);
}

static void go_on(const struct base *base, const char *path, respool *spool, respool_writer *writer) {
  respool_error error = {0};
  respool_stats stats = {.struct_size = sizeof stats};
  FUZZ_OK(respool_get_stats(spool, &stats, &error), &error);
  read_all(base, spool, stats.batches);
  append_batch(base, writer, BATCHES);
  FUZZ_OK(respool_writer_finish(writer, &error), &error);
  read_all(base, spool, stats.batches + 1);
  read_file_through(path, stats.batches + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct hand hand;
  fuzz_input input = {.bytes = data, .size = size};
  struct base *base = &bases[fuzz_below(&input, BASES)];
  char path[300];
  if (base->bytes == NULL) make_base(base);
  hand.base = base;
  hand.size = 0;
  put(&hand, 0, base->bytes, base->size);
  for (int i = 0; i < STEPS && !fuzz_at_end(&input); i++) change(&hand, &input);
  respool *spool = NULL;
  respool_writer *writer = NULL;
  respool_error error = {0};
  scratch_name(path, sizeof path);
  write_file(path, hand.bytes, hand.size);
  respool_status status = open_spool(base, path, &spool, &writer, &error);
  if (status == RESPOOL_OK) {
    go_on(base, path, spool, writer);
  } else {
    fuzz_check_error(status, &error);
    check_refused(&hand, path, status);
  }
  respool_writer_close(writer);
  respool_release(spool);
  unlink(path);
  FUZZ_CHECK(kit_live_arrays() == 0, "an array was not released");
  return 0;
}
