/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/ahead: who takes everything of a file that is not in memory is read ahead for, each byte once and some MiB
 * before; nobody else is, and where the system reads well ahead by itself it is left to do so. The page cache is made
 * up here.
 */
#include "store/ahead.h"

#include "os/calls.h"

#include "check.h"
#include "system.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 4096, MIB = 1 << 20, FILE_MIB = 64, PAGES = FILE_MIB * (MIB / PAGE) };

/* The file: which pages are in memory, and how often each was asked for. */
static struct {
  uint8_t *bytes; /* as if mapped; never touched */
  bool resident[PAGES];
  int asked[PAGES];
  int64_t looks;
  int64_t furthest;
  int64_t system_reads;
  int descriptor;
} file;

static bool fake_resident(void *page, size_t size) {
  int64_t at = ((uint8_t *)page - file.bytes) / PAGE;
  CHECK(at >= 0 && at < PAGES);
  CHECK_EQ(size, sysconf(_SC_PAGESIZE));
  file.looks++;
  return file.resident[at];
}

static void fake_will_need(int fd, off_t offset, off_t length) {
  CHECK_EQ(fd, file.descriptor);
  for (int64_t at = offset / PAGE; at < (offset + length) / PAGE && at < PAGES; at++) {
    file.asked[at]++;
    file.resident[at] = true;
  }
  if (offset + length > file.furthest) file.furthest = offset + length;
}

static int fake_fstat(int fd, struct stat *status) {
  CHECK_EQ(fd, file.descriptor);
  *status = (struct stat){0};
  return 0;
}

static int64_t fake_read_ahead(dev_t device) {
  (void)device;
  return file.system_reads;
}

static void open_file(int64_t system_reads) {
  memset(&file, 0, sizeof file);
  file.bytes = aligned_alloc(PAGE, (size_t)FILE_MIB * MIB);
  REQUIRE(file.bytes != NULL);
  file.system_reads = system_reads;
  file.descriptor = 77;
  os_calls.resident = fake_resident;
  os_calls.will_need = fake_will_need;
  os_calls.fstat = fake_fstat;
  os_calls.read_ahead = fake_read_ahead;
}

static void close_file(void) {
  os_calls = os_calls_real;
  free(file.bytes);
}

/* A reader takes `taken` of the bytes of a view, which come into memory by that. */
static void take(struct ahead *ahead, int64_t offset, int64_t length, int64_t taken) {
  struct ahead_range range = {.fd = file.descriptor, .bytes = file.bytes, .length = (int64_t)FILE_MIB * MIB};
  ahead_view(ahead, &range, offset, length);
  for (int64_t at = offset / PAGE; at <= (offset + taken - 1) / PAGE; at++) file.resident[at] = true;
}

static int64_t pages_asked(void) {
  int64_t count = 0;
  for (int64_t i = 0; i < PAGES; i++) {
    CHECK_LE(file.asked[i], 1);
    count += file.asked[i];
  }
  return count;
}

enum { VIEW = 3 * MIB / 4 };

static void everything_of_a_cold_file(void) {
  open_file(128 << 10);
  struct ahead ahead = {0};
  for (int64_t at = 0; at + VIEW <= (int64_t)(FILE_MIB - 9) * MIB; at += VIEW) {
    take(&ahead, at, VIEW, VIEW);
    if (at >= 3 * VIEW) CHECK_LE(at + VIEW + 6 * MIB, file.furthest);
    CHECK_LE(file.furthest, at + VIEW + 9 * MIB);
  }
  CHECK_LE((FILE_MIB - 14) * (MIB / PAGE), pages_asked());
  close_file();
}

/* Small views are looked at once for each MiB. */
static void small_views(void) {
  open_file(128 << 10);
  struct ahead ahead = {0};
  for (int64_t at = 0; at < 40 * MIB; at += 1024) take(&ahead, at, 1024, 1024);
  CHECK_LE(30 * (MIB / PAGE), pages_asked());
  CHECK_LE(file.looks, 40 * 20);
  close_file();
}

static void a_part_of_a_cold_file(void) {
  open_file(128 << 10);
  struct ahead ahead = {0};
  for (int64_t at = 0; at + VIEW <= (int64_t)FILE_MIB * MIB; at += VIEW) take(&ahead, at, VIEW, VIEW / 4);
  CHECK_EQ(pages_asked(), 0);
  close_file();
}

/* What is in memory costs one look for each MiB, or a little more. */
static void a_file_in_memory(void) {
  open_file(128 << 10);
  struct ahead ahead = {0};
  memset(file.resident, 1, sizeof file.resident);
  for (int64_t at = 0; at + VIEW <= (int64_t)FILE_MIB * MIB; at += VIEW) take(&ahead, at, VIEW, VIEW);
  CHECK_EQ(pages_asked(), 0);
  CHECK_LE(file.looks, FILE_MIB * 2);
  close_file();
}

/* Only the rest of it is cold: what is in memory is not asked for. */
static void a_file_partly_in_memory(void) {
  open_file(128 << 10);
  struct ahead ahead = {0};
  memset(file.resident, 1, PAGES / 2);
  for (int64_t at = 0; at + VIEW <= (int64_t)(FILE_MIB - 9) * MIB; at += VIEW) take(&ahead, at, VIEW, VIEW);
  CHECK_LE(1, pages_asked());
  for (int64_t i = 0; i < PAGES / 2; i++) CHECK_EQ(file.asked[i], 0);
  close_file();
}

static void a_system_that_reads_far_ahead(void) {
  open_file(4 * MIB);
  struct ahead ahead = {0};
  for (int64_t at = 0; at + VIEW <= (int64_t)FILE_MIB * MIB; at += VIEW) take(&ahead, at, VIEW, VIEW);
  CHECK_EQ(pages_asked(), 0);
  CHECK_LE(file.looks, 30); /* and is looked at no more */
  close_file();
}

static void a_system_that_does_not_tell(void) {
  open_file(-1);
  struct ahead ahead = {0};
  for (int64_t at = 0; at + VIEW <= (int64_t)(FILE_MIB - 9) * MIB; at += VIEW) take(&ahead, at, VIEW, VIEW);
  CHECK_LE(1, pages_asked());
  close_file();
}

/* A view in a window that is gone is not looked at any more; what lies behind the window is asked for unseen. */
static void windows_come_and_go(void) {
  open_file(128 << 10);
  struct ahead ahead = {0};
  for (int64_t window = 0; window < FILE_MIB / 4 - 3; window++) {
    struct ahead_range range = {
        .fd = file.descriptor, .bytes = file.bytes + window * 4 * MIB, .start = window * 4 * MIB, .length = 4 * MIB};
    for (int64_t at = 0; at < 4; at++) {
      int64_t offset = range.start + at * MIB;
      ahead_view(&ahead, &range, offset, MIB);
      memset(&file.resident[offset / PAGE], 1, MIB / PAGE);
    }
    ahead_leave(&ahead);
  }
  CHECK_LE(30 * (MIB / PAGE), pages_asked());
  close_file();
}

static const kit_test tests[] = {
    KIT_TEST(everything_of_a_cold_file),   KIT_TEST(small_views),
    KIT_TEST(a_part_of_a_cold_file),       KIT_TEST(a_file_in_memory),
    KIT_TEST(a_file_partly_in_memory),     KIT_TEST(a_system_that_reads_far_ahead),
    KIT_TEST(a_system_that_does_not_tell), KIT_TEST(windows_come_and_go),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
