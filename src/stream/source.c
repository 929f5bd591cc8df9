/* SPDX-License-Identifier: Apache-2.0 */
/* Taking bytes from a descriptor or a callback. */
#include "stream/source.h"

#include "os/file.h"
#include "support/error.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void source_open_fd(struct source *source, int fd, bool close_descriptor) {
  *source = (struct source){.fd = fd, .size = -1, .close_descriptor = close_descriptor};
  int64_t end;
  if (os_seekable(fd, &source->base, &end)) source->size = end > source->base ? end - source->base : 0;
}

void source_open_callback(struct source *source, respool_read_callback read, void *user_data) {
  *source = (struct source){.fd = -1, .size = -1, .read = read, .user_data = user_data};
}

void source_close(struct source *source) {
  if (source->close_descriptor) os_close(source->fd);
}

respool_status source_take(struct source *source, void *bytes, int64_t size, int64_t *taken, respool_error *error) {
  uint8_t *to = bytes;
  *taken = 0;
  while (*taken < size) {
    int64_t rest = size - *taken;
    int64_t got =
        source->fd >= 0 ? os_read(source->fd, to + *taken, rest) : source->read(source->user_data, to + *taken, rest);
    if (got < 0) return error_set_os(error, (int)-got, "cannot read the input at byte %" PRId64, source->position);
    if (got > rest)
      return error_set(error, RESPOOL_INVALID, "the read callback answered more bytes than were asked for");
    if (got == 0) return RESPOOL_OK;
    *taken += got;
    source->position += got;
  }
  return RESPOOL_OK;
}

static respool_status truncated(const char *what, int64_t wanted, int64_t got, respool_error *error) {
  return error_set(error, RESPOOL_TRUNCATED, "the input ends inside %s: %" PRId64 " of %" PRId64 " bytes", what, got,
                   wanted);
}

respool_status source_take_all(struct source *source, void *bytes, int64_t size, const char *what,
                               respool_error *error) {
  int64_t taken;
  respool_status status = source_take(source, bytes, size, &taken, error);
  if (status == RESPOOL_OK && taken < size) return truncated(what, size, taken, error);
  return status;
}

/* Whether a file has `size` more bytes. It may have grown since it was opened: somebody may still be writing it. */
static bool has_bytes(struct source *source, int64_t size) {
  if (size <= source->size - source->position) return true;
  int64_t at;
  int64_t end;
  if (os_seekable(source->fd, &at, &end)) source->size = end > source->base ? end - source->base : 0;
  return size <= source->size - source->position;
}

/* What may be allocated for `size` declared bytes of which `have` have arrived. */
static int64_t next_capacity(const struct source *source, int64_t size, int64_t have) {
  enum { UNBACKED = 16 << 20 };
  if (source->size >= 0) return size; /* the file was seen to have them */
  int64_t allowed = have < UNBACKED ? UNBACKED : have > INT64_MAX / 2 ? INT64_MAX : have * 2;
  return size < allowed ? size : allowed;
}

static respool_status grow_buffer(struct pool *pool, int64_t capacity, int64_t have, struct pool_buffer **buffer,
                                  respool_error *error) {
  struct pool_buffer *larger;
  respool_status status = pool_take(pool, capacity, &larger, error);
  if (status != RESPOOL_OK) return status;
  memcpy(larger->bytes, (*buffer)->bytes, (size_t)have);
  pool_give(*buffer);
  *buffer = larger;
  return RESPOOL_OK;
}

respool_status source_take_buffer(struct source *source, struct pool *pool, int64_t size, const char *what,
                                  struct pool_buffer **buffer, respool_error *error) {
  if (source->size >= 0 && !has_bytes(source, size)) {
    return truncated(what, size, source->size - source->position, error);
  }
  struct pool_buffer *made;
  int64_t capacity = next_capacity(source, size, 0);
  respool_status status = pool_take(pool, capacity, &made, error);
  if (status != RESPOOL_OK) return status;
  int64_t have = 0;
  while (status == RESPOOL_OK && have < size) {
    if (have == capacity) {
      capacity = next_capacity(source, size, have);
      status = grow_buffer(pool, capacity, have, &made, error);
    }
    int64_t taken = 0;
    if (status == RESPOOL_OK) status = source_take(source, made->bytes + have, capacity - have, &taken, error);
    if (status != RESPOOL_OK) break;
    have += taken;
    if (have < capacity) status = truncated(what, size, have, error);
  }
  if (status != RESPOOL_OK) {
    pool_give(made);
    return status;
  }
  *buffer = made;
  return RESPOOL_OK;
}

static respool_status skip_by_reading(struct source *source, int64_t size, const char *what, respool_error *error) {
  uint8_t scratch[1 << 14];
  for (int64_t done = 0; done < size;) {
    int64_t part = size - done < (int64_t)sizeof scratch ? size - done : (int64_t)sizeof scratch;
    int64_t taken;
    respool_status status = source_take(source, scratch, part, &taken, error);
    if (status != RESPOOL_OK) return status;
    done += taken;
    if (taken < part) return truncated(what, size, done, error);
  }
  return RESPOOL_OK;
}

respool_status source_skip(struct source *source, int64_t size, const char *what, respool_error *error) {
  if (source->size < 0) return skip_by_reading(source, size, what, error);
  if (!has_bytes(source, size)) return truncated(what, size, source->size - source->position, error);
  if (!os_seek(source->fd, source->base + source->position + size)) {
    return error_set_os(error, errno, "cannot seek in the input");
  }
  source->position += size;
  return RESPOOL_OK;
}

enum { LONGEST_TAIL = 64 };

respool_status source_drain(struct source *source, uint8_t *tail, size_t size, respool_error *error) {
  uint8_t scratch[LONGEST_TAIL + (1 << 14)] = {0}; /* the last bytes of what came before, then what comes */
  int64_t taken;
  respool_status status;
  do {
    status = source_take(source, scratch + LONGEST_TAIL, (int64_t)sizeof scratch - LONGEST_TAIL, &taken, error);
    memmove(scratch, scratch + taken, LONGEST_TAIL);
  } while (status == RESPOOL_OK && taken == (int64_t)sizeof scratch - LONGEST_TAIL);
  memcpy(tail, scratch + LONGEST_TAIL - size, size);
  return status;
}

respool_status source_read_at(const struct source *source, void *bytes, int64_t size, int64_t at,
                              respool_error *error) {
  return os_read_at(source->fd, bytes, size, source->base + at, error);
}
