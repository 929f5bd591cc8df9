/* SPDX-License-Identifier: Apache-2.0 */
/* os/file, transfers: whole ones over short reads and writes, EINTR, EAGAIN, and errors at any point. */
#include "os/calls.h"
#include "os/file.h"

#include "bytes.h"
#include "check.h"
#include "random.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file in memory behind the table of system calls, which behaves as badly as the system is allowed to. */
enum { DISK = 1 << 16 };
static struct {
  kit_random random;
  unsigned char bytes[DISK];
  int64_t position;
  int64_t size;     /* where reading ends */
  int64_t room;     /* what writing takes before `code` */
  int code;         /* the errno then; 0: it takes nothing without saying why */
  bool interrupts;  /* calls answer EINTR and EAGAIN by turns */
  bool would_block; /* EAGAIN as well as EINTR */
  int64_t calls;
} disk;

static void disk_reset(uint64_t seed) {
  memset(&disk, 0, sizeof disk);
  kit_random_init(&disk.random, seed);
  disk.room = DISK;
  disk.interrupts = true;
}

static bool interrupted(void) {
  disk.calls++;
  if (!disk.interrupts || !kit_random_chance(&disk.random, 0.4)) return false;
  errno = disk.would_block && kit_random_chance(&disk.random, 0.5) ? EAGAIN : EINTR;
  return true;
}

/* How much of `wanted` bytes is done this time. */
static int64_t some_of(int64_t wanted) {
  return kit_random_chance(&disk.random, 0.2) ? wanted : kit_random_between(&disk.random, 1, wanted);
}

static ssize_t take_some(const struct iovec *vector, int count, int64_t offset) {
  int64_t total = 0, done = 0;
  for (int i = 0; i < count; i++) total += (int64_t)vector[i].iov_len;
  if (disk.room == 0 && disk.code == 0) return 0;
  if (disk.room == 0) {
    errno = disk.code;
    return -1;
  }
  int64_t taken = some_of(total < disk.room ? total : disk.room);
  for (int i = 0; i < count && done < taken; i++) {
    int64_t part = (int64_t)vector[i].iov_len < taken - done ? (int64_t)vector[i].iov_len : taken - done;
    memcpy(disk.bytes + offset + done, vector[i].iov_base, (size_t)part);
    done += part;
  }
  disk.room -= taken;
  return (ssize_t)taken;
}

static ssize_t fake_pwritev(int fd, const struct iovec *vector, int count, off_t offset) {
  (void)fd;
  return interrupted() ? -1 : take_some(vector, count, offset);
}

static ssize_t fake_writev(int fd, const struct iovec *vector, int count) {
  (void)fd;
  if (interrupted()) return -1;
  ssize_t taken = take_some(vector, count, disk.position);
  if (taken > 0) disk.position += taken;
  return taken;
}

static ssize_t give_some(void *buffer, size_t size, int64_t offset) {
  if (offset >= disk.room) {
    errno = disk.code;
    return -1;
  }
  if (offset >= disk.size) return 0;
  int64_t rest = disk.size < disk.room ? disk.size - offset : disk.room - offset;
  int64_t given = some_of((int64_t)size < rest ? (int64_t)size : rest);
  memcpy(buffer, disk.bytes + offset, (size_t)given);
  return (ssize_t)given;
}

static ssize_t fake_pread(int fd, void *buffer, size_t size, off_t offset) {
  (void)fd;
  return interrupted() ? -1 : give_some(buffer, size, offset);
}

static ssize_t fake_read(int fd, void *buffer, size_t size) {
  (void)fd;
  if (interrupted()) return -1;
  ssize_t given = give_some(buffer, size, disk.position);
  if (given > 0) disk.position += given;
  return given;
}

static void use_disk(void) {
  os_calls.pwritev = fake_pwritev;
  os_calls.writev = fake_writev;
  os_calls.pread = fake_pread;
  os_calls.read = fake_read;
}

static void use_system(void) {
  os_calls = os_calls_real;
}

/* ---- Writing --------------------------------------------------------------------------------------- */

enum { PIECES = 40 };

/* Pieces of a source that follow each other, of many lengths. */
static int make_pieces(kit_random *random, const unsigned char *source, struct gather_piece *pieces, int64_t *total) {
  int count = (int)kit_random_between(random, 1, PIECES);
  *total = 0;
  for (int i = 0; i < count; i++) {
    int64_t length = kit_random_chance(random, 0.3) ? 1 : kit_random_between(random, 1, 900);
    pieces[i] = (struct gather_piece){source + *total, (size_t)length};
    *total += length;
  }
  return count;
}

static void write_once(uint64_t seed, bool at, const unsigned char *source) {
  struct gather_piece pieces[PIECES];
  int64_t total, written = 5, offset = at ? (int64_t)(seed % 1000) : 0;
  disk_reset(seed);
  disk.would_block = !at;
  int count = make_pieces(&disk.random, source, pieces, &total);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC); /* always ready, so that waiting for it returns */
  use_disk();
  if (at) {
    CHECK_OK(os_write_at(null, pieces, count, offset, &written, kit_error()));
  } else {
    CHECK_OK(os_write(null, pieces, count, &written, kit_error()));
  }
  CHECK_EQ(written, 5 + total);
  use_system();
  close(null);
  CHECK_BYTES(disk.bytes + offset, (size_t)total, source, (size_t)total);
  for (int64_t i = 0; i < 20; i++) CHECK_EQ(disk.bytes[offset + total + i], 0);
}

static unsigned char *random_source(void) {
  static unsigned char source[DISK];
  kit_random random;
  kit_random_init(&random, kit_seed());
  kit_random_fill(&random, source, sizeof source);
  return source;
}

static void short_writes_are_continued(void) {
  int rounds = kit_slow() ? 100 : 1000;
  for (int i = 0; i < rounds && kit_failures() == 0; i++)
    write_once(kit_seed() + (uint64_t)i, i % 2 == 0, random_source());
}

/* The system takes so many bytes, then says why it takes no more; they are counted. */
static void writes_that_fail(void) {
  static const int codes[] = {ENOSPC, EDQUOT, EIO, EFBIG};
  static const respool_status statuses[] = {RESPOOL_NO_SPACE, RESPOOL_NO_SPACE, RESPOOL_IO, RESPOOL_IO};
  unsigned char *source = random_source();
  for (int64_t room = 0; room < 200; room++) {
    struct gather_piece pieces[] = {{source, 3}, {source + 3, 100}, {source + 103, 97}};
    int64_t written = 0;
    int code = (int)(room % 4);
    disk_reset(kit_seed() + (uint64_t)room);
    disk.room = room;
    disk.code = codes[code];
    use_disk();
    respool_status status = os_write_at(-1, pieces, 3, 0, &written, kit_error());
    CHECK_EQ(status, statuses[code]);
    CHECK_EQ(kit_last_error()->os_error, codes[code]);
    CHECK_EQ(written, room);
    disk_reset(1);
    disk.room = room;
    disk.code = codes[code];
    written = 0;
    CHECK_EQ(os_write(-1, pieces, 3, &written, kit_error()), statuses[code]);
    CHECK(disk.position == room && written == room);
    use_system();
    CHECK_BYTES(disk.bytes, (size_t)room, source, (size_t)room);
  }
}

/* A system that takes nothing without an error must not be asked for ever. */
static void writes_that_take_nothing(void) {
  struct gather_piece piece = {"abc", 3};
  int64_t written = 0;
  disk_reset(kit_seed());
  disk.room = 0;
  use_disk();
  CHECK_ERROR(os_write_at(-1, &piece, 1, 77, &written, kit_error()), RESPOOL_IO, "77");
  use_system();
  CHECK_EQ(written, 0);
}

/* ---- Reading --------------------------------------------------------------------------------------- */

static void short_reads_are_continued(void) {
  unsigned char buffer[3000];
  for (uint64_t i = 0; i < 300; i++) {
    disk_reset(kit_seed() + i);
    memcpy(disk.bytes, random_source(), DISK);
    disk.size = DISK;
    int64_t offset = kit_random_below(&disk.random, 1000), size = kit_random_below(&disk.random, 3000);
    use_disk();
    CHECK_OK(os_read_at(-1, buffer, size, offset, kit_error()));
    use_system();
    CHECK_BYTES(buffer, (size_t)size, disk.bytes + offset, (size_t)size);
  }
}

static void a_file_that_ends_early(void) {
  unsigned char buffer[100];
  for (int64_t size = 0; size < 100; size++) {
    disk_reset(kit_seed() + (uint64_t)size);
    disk.size = 10 + size;
    use_disk();
    CHECK_ERROR(os_read_at(-1, buffer, 100, 10, kit_error()), RESPOOL_TRUNCATED, "too early");
    use_system();
  }
}

static void reads_that_fail(void) {
  unsigned char buffer[100];
  for (int64_t room = 0; room < 100; room++) {
    disk_reset(kit_seed() + (uint64_t)room);
    disk.size = DISK;
    disk.room = 10 + room;
    disk.code = EIO;
    use_disk();
    CHECK_ERROR(os_read_at(-1, buffer, 100, 10, kit_error()), RESPOOL_IO, NULL);
    use_system();
    CHECK_EQ(kit_last_error()->os_error, EIO);
  }
}

/* os_read gives what comes, 0 at the end, the error as a negative number; never EINTR or EAGAIN. */
static void reading_a_stream(void) {
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (uint64_t i = 0; i < 200; i++) {
    unsigned char got[2000];
    int64_t total = 0, answer;
    disk_reset(kit_seed() + i);
    memcpy(disk.bytes, random_source(), DISK);
    disk.would_block = true;
    disk.size = kit_random_below(&disk.random, (int64_t)sizeof got);
    disk.code = EIO;
    use_disk();
    while ((answer = os_read(null, got + total, (int64_t)sizeof got - total)) > 0) total += answer;
    CHECK_EQ(answer, 0);
    CHECK_BYTES(got, (size_t)total, disk.bytes, (size_t)disk.size);
    disk.room = 0;
    disk.position = 0;
    CHECK_EQ(os_read(null, got, 10), -EIO);
    use_system();
  }
  close(null);
}

/* ---- Real descriptors ------------------------------------------------------------------------------ */

enum { PIPED = 1 << 20 };

static void *drain_pipe(void *argument) {
  int fd = *(int *)argument;
  unsigned char *all = malloc(PIPED);
  int64_t total = 0, got;
  while (total < PIPED && (got = os_read(fd, all + total, PIPED - total)) > 0) {
    total += got;
    if (total % 7 == 0) kit_pause(100);
  }
  CHECK_EQ(total, PIPED);
  return all;
}

/* Both ends of a pipe non-blocking: whoever is faster waits. */
static void a_pipe_that_would_block(void) {
  int ends[2];
  REQUIRE(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
  pthread_t thread = kit_thread_start(drain_pipe, &ends[0]);
  unsigned char *source = random_source();
  int64_t written = 0;
  for (int64_t at = 0; at < PIPED; at += DISK) {
    struct gather_piece pieces[] = {{source, DISK / 2 - 1}, {source + DISK / 2 - 1, DISK / 2 + 1}};
    CHECK_OK(os_write(ends[1], pieces, 2, &written, kit_error()));
  }
  void *all;
  pthread_join(thread, &all);
  for (int64_t at = 0; at < PIPED; at += DISK) CHECK_BYTES((unsigned char *)all + at, DISK, source, DISK);
  free(all);
  close(ends[0]);
  close(ends[1]);
}

static void closed_descriptors(void) {
  struct gather_piece piece = {"x", 1};
  unsigned char byte;
  int64_t written = 0;
  CHECK_ERROR(os_write(-1, &piece, 1, &written, kit_error()), RESPOOL_IO, NULL);
  CHECK_EQ(kit_last_error()->os_error, EBADF);
  CHECK_EQ(os_write_at(-1, &piece, 1, 0, &written, NULL), RESPOOL_IO);
  CHECK_EQ(os_read_at(-1, &byte, 1, 0, NULL), RESPOOL_IO);
  CHECK_EQ(os_read(-1, &byte, 1), -EBADF);
  os_close(-1); /* does nothing */
}

static const kit_test tests[] = {
    KIT_TEST(short_writes_are_continued), KIT_TEST(writes_that_fail),        KIT_TEST(writes_that_take_nothing),
    KIT_TEST(short_reads_are_continued),  KIT_TEST(a_file_that_ends_early),  KIT_TEST(reads_that_fail),
    KIT_TEST(reading_a_stream),           KIT_TEST(a_pipe_that_would_block), KIT_TEST(closed_descriptors),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
