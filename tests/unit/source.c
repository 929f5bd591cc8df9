/* SPDX-License-Identifier: Apache-2.0 */
/* stream/source: bytes from descriptors and callbacks, however they come, and no memory for what is only declared. */
#include "stream/source.h"

#include "bytes.h"
#include "check.h"
#include "random.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 100000 };

static unsigned char *some_bytes(void) {
  static unsigned char bytes[SIZE];
  kit_random random;
  kit_random_init(&random, kit_seed());
  kit_random_fill(&random, bytes, SIZE);
  return bytes;
}

static struct pool *open_pool(void) {
  struct pool *pool = NULL;
  REQUIRE_OK(pool_open(&pool, kit_error()));
  return pool;
}

/* The kinds of sources: a callback that gives a few bytes at a time, a file that can seek, a pipe. */
enum kind { CALLBACK, REGULAR, PIPE, KINDS };

struct opened {
  struct source source;
  kit_source bytes;
  int fd;
  pthread_t feeder;
  int feed;
};

static void *feed_pipe(void *argument) {
  int fd = *(int *)argument;
  unsigned char *bytes = some_bytes();
  for (int64_t at = 0; at < SIZE;) {
    ssize_t wrote = write(fd, bytes + at, SIZE - (size_t)at);
    if (wrote < 0) break;
    at += wrote;
  }
  close(fd);
  return NULL;
}

static void open_kind(struct opened *opened, enum kind kind) {
  *opened = (struct opened){.fd = -1};
  if (kind == CALLBACK) {
    opened->bytes = (kit_source){.bytes = some_bytes(), .size = SIZE, .give_most = 777};
    source_open_callback(&opened->source, kit_source_read, &opened->bytes);
    return;
  }
  if (kind == REGULAR) {
    char path[KIT_PATH];
    kit_file_write(kit_join(path, kit_scratch(), "file"), some_bytes(), SIZE);
    opened->fd = open(path, O_RDONLY | O_CLOEXEC);
  } else {
    int ends[2];
    REQUIRE_EQ(pipe(ends), 0);
    opened->fd = ends[0];
    opened->feed = ends[1];
    opened->feeder = kit_thread_start(feed_pipe, &opened->feed);
  }
  source_open_fd(&opened->source, opened->fd, true);
}

/* What was not read of a pipe is read now, so that the feeder ends. */
static void close_kind(struct opened *opened, enum kind kind) {
  char scratch[4096];
  while (kind == PIPE && read(opened->fd, scratch, sizeof scratch) > 0) {
  }
  if (kind == PIPE) kit_thread_join(opened->feeder);
  source_close(&opened->source);
  if (opened->fd >= 0) CHECK(fcntl(opened->fd, F_GETFD) < 0); /* closed, as asked for */
}

/* ---- Taking and skipping --------------------------------------------------------------------------- */

/* Steps of random lengths through the bytes: taken one way or the other, or passed over. */
static void walk(enum kind kind, uint64_t seed) {
  struct opened opened;
  struct pool *pool = open_pool();
  unsigned char *bytes = some_bytes(), *into = malloc(SIZE);
  kit_random random;
  kit_random_init(&random, seed);
  open_kind(&opened, kind);
  int64_t at = 0;
  while (at < SIZE && kit_failures() == 0) {
    int64_t size = kit_random_between(&random, 1, 9000), taken = 0;
    if (size > SIZE - at) size = SIZE - at;
    struct pool_buffer *buffer = NULL;
    switch (kit_random_below(&random, 4)) {
    case 0:
      REQUIRE_OK(source_skip(&opened.source, size, "it", kit_error()));
      break;
    case 1:
      REQUIRE_OK(source_take_buffer(&opened.source, pool, size, "it", &buffer, kit_error()));
      CHECK_EQ(memcmp(buffer->bytes, bytes + at, (size_t)size), 0);
      pool_give(buffer);
      break;
    case 2:
      REQUIRE_OK(source_take_all(&opened.source, into, size, "it", kit_error()));
      CHECK_EQ(memcmp(into, bytes + at, (size_t)size), 0);
      break;
    default:
      REQUIRE_OK(source_take(&opened.source, into, size, &taken, kit_error()));
      CHECK_EQ(taken, size);
      CHECK_EQ(memcmp(into, bytes + at, (size_t)size), 0);
    }
    at += size;
    CHECK_EQ(opened.source.position, at);
  }
  int64_t taken = 7;
  CHECK_OK(source_take(&opened.source, into, 10, &taken, kit_error()));
  CHECK_EQ(taken, 0);
  close_kind(&opened, kind);
  pool_close(pool);
  free(into);
}

static void every_way_through(void) {
  for (int kind = 0; kind < KINDS; kind++)
    for (uint64_t i = 0; i < 10; i++) walk((enum kind)kind, kit_seed() + i);
}

/* Fewer bytes than asked for: how many there were, and of what. */
static void ends_too_early(void) {
  for (int kind = 0; kind < KINDS; kind++)
    for (int way = 0; way < 3; way++) {
      struct opened opened;
      struct pool *pool = open_pool();
      struct pool_buffer *buffer = NULL;
      static unsigned char into[SIZE + 10];
      open_kind(&opened, (enum kind)kind);
      REQUIRE_OK(source_skip(&opened.source, 40, "it", kit_error()));
      respool_status status;
      if (way == 0)
        status = source_take_all(&opened.source, into, SIZE, "the thing", kit_error());
      else if (way == 1)
        status = source_take_buffer(&opened.source, pool, SIZE, "the thing", &buffer, kit_error());
      else
        status = source_skip(&opened.source, SIZE, "the thing", kit_error());
      CHECK_EQ(status, RESPOOL_TRUNCATED);
      CHECK_HAS(kit_last_error()->message, "the thing");
      CHECK_HAS(kit_last_error()->message, "99960 of 100000");
      CHECK(buffer == NULL);
      close_kind(&opened, (enum kind)kind);
      pool_close(pool);
    }
}

/* A number says nothing about what comes: memory is taken as bytes arrive. */
static void declared_sizes_take_no_memory(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    struct opened opened;
    struct pool *pool = open_pool();
    struct pool_buffer *buffer = NULL;
    open_kind(&opened, (enum kind)kind);
    CHECK_STATUS(source_take_buffer(&opened.source, pool, (int64_t)1 << 45, "a body", &buffer, kit_error()),
                 RESPOOL_TRUNCATED);
    CHECK_LE(pool_bytes(pool), 64 << 20);
    close_kind(&opened, (enum kind)kind);
    pool_close(pool);
  }
}

/* Larger than what is taken at once from a source of unknown length. */
static void a_large_buffer_grows(void) {
  enum { LARGE = 40 << 20 };
  unsigned char *bytes = malloc(LARGE);
  for (size_t i = 0; i < LARGE; i++) bytes[i] = (unsigned char)(i * 2654435761U >> 24);
  kit_source from = {.bytes = bytes, .size = LARGE, .give_most = 3 << 20};
  struct source source;
  struct pool *pool = open_pool();
  struct pool_buffer *buffer = NULL;
  source_open_callback(&source, kit_source_read, &from);
  REQUIRE_OK(source_take_buffer(&source, pool, LARGE, "it", &buffer, kit_error()));
  CHECK_BYTES(buffer->bytes, LARGE, bytes, LARGE);
  pool_give(buffer);
  source_close(&source);
  pool_close(pool);
  free(bytes);
}

/* ---- Errors ---------------------------------------------------------------------------------------- */

static void errors_of_the_source(void) {
  for (size_t good = 0; good < 100; good += 9) {
    kit_source from = {.bytes = some_bytes(), .size = good, .fail_code = ECONNRESET};
    struct source source;
    unsigned char into[100];
    int64_t taken = 0;
    source_open_callback(&source, kit_source_read, &from);
    CHECK_ERROR(source_take(&source, into, 100, &taken, kit_error()), RESPOOL_IO, "byte");
    CHECK_EQ(kit_last_error()->os_error, ECONNRESET);
    CHECK_EQ(taken, good);
  }
  struct source closed;
  unsigned char byte;
  int64_t taken = 0;
  source_open_fd(&closed, kit_open_descriptors() + 1000, false);
  CHECK_ERROR(source_take(&closed, &byte, 1, &taken, kit_error()), RESPOOL_IO, NULL);
  CHECK_EQ(kit_last_error()->os_error, EBADF);
}

static int64_t give_too_much(void *user_data, void *buffer, int64_t size) {
  (void)user_data, (void)buffer;
  return size + 1;
}

static void a_callback_that_lies(void) {
  struct source source;
  unsigned char into[10];
  int64_t taken;
  source_open_callback(&source, give_too_much, NULL);
  CHECK_ERROR(source_take(&source, into, 10, &taken, kit_error()), RESPOOL_INVALID, "callback");
}

/* ---- Files ----------------------------------------------------------------------------------------- */

/* A file that somebody has read a part of already, and that still grows. */
static void files_from_the_middle(void) {
  char path[KIT_PATH];
  unsigned char *bytes = some_bytes(), into[1000];
  kit_file_write(kit_join(path, kit_scratch(), "file"), bytes, 5000);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  REQUIRE_EQ(lseek(fd, 2000, SEEK_SET), 2000);
  struct source source;
  source_open_fd(&source, fd, false);
  CHECK(source.base == 2000 && source.size == 3000 && source.position == 0);
  REQUIRE_OK(source_take_all(&source, into, 100, "it", kit_error()));
  CHECK_EQ(memcmp(into, bytes + 2000, 100), 0);
  REQUIRE_OK(source_read_at(&source, into, 1000, 500, kit_error())); /* elsewhere, without going there */
  CHECK_EQ(memcmp(into, bytes + 2500, 1000), 0);
  REQUIRE_OK(source_take_all(&source, into, 100, "it", kit_error()));
  CHECK_EQ(memcmp(into, bytes + 2100, 100), 0);
  REQUIRE_EQ(pwrite(fd, bytes + 5000, 4000, 5000), 4000);
  REQUIRE_OK(source_skip(&source, 5000, "it", kit_error()));
  REQUIRE_OK(source_take_all(&source, into, 1000, "it", kit_error()));
  CHECK_EQ(memcmp(into, bytes + 7200, 1000), 0);
  source_close(&source);
  CHECK_EQ(close(fd), 0); /* still ours */
}

static const kit_test tests[] = {
    KIT_TEST(every_way_through),     KIT_TEST(ends_too_early),       KIT_TEST(declared_sizes_take_no_memory),
    KIT_TEST(a_large_buffer_grows),  KIT_TEST(errors_of_the_source), KIT_TEST(a_callback_that_lies),
    KIT_TEST(files_from_the_middle),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
